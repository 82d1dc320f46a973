//! Steps as scripts: what one of bash's does is what the steps do; one of PowerShell's is read by eye, for none is here to run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{Act, Provider as _, Shell, Step, Wanted, script};

use crate::host::{alone, down, media, nodes, steps_up, up};
use crate::plan::lab;

/// Runs a script of bash's, which is judged first.
fn bash(script: &str, folder: &Path) -> Output {
    let path = folder.join("script.sh");
    fs::write(&path, script).expect("written");
    for judge in [vec!["bash", "-n"], vec!["shellcheck", "--exclude=SC2016"]] {
        let judged = Command::new(judge[0]).args(&judge[1..]).arg(&path).output().expect("it runs");
        assert!(judged.status.success(), "{script}\n{}", String::from_utf8_lossy(&judged.stdout));
    }
    Command::new("bash").arg(&path).output().expect("it runs")
}

/// Makes the media of all nodes, as a person brings them.
fn bring(wanted: &Wanted) {
    let mut media = media(wanted);
    for machine in &wanted.machines {
        fs::create_dir_all(&machine.folder).expect("made");
        let act = Act::Media { path: machine.folder.clone() };
        media(&Step::of(&machine.node, "", act)).expect("made");
    }
}

#[test]
fn a_script_does_what_the_steps_do_by_a_fake_vboxmanage() {
    alone(|host| {
        let home = host.lab().with_file_name("it's a lab");
        let _ = fs::remove_dir_all(&home);
        fs::create_dir(&home).expect("made");
        let wanted = lab(&home.join("lab $x"));
        let before = host.known();
        let steps = steps_up(&wanted).expect("told");
        up(&wanted).expect("made");
        let (whole, told) = (host.known(), host.told());
        down(&wanted).expect("gone");

        let count = host.count();
        let up = script(&steps, Shell::Bash);
        let failed = bash(&up, &home);
        let missing = home.join("lab $x/nodes/controller/install.iso");
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        let way =
            format!("{} is missing; it is made by: trainyard build controller", missing.display());
        assert!(failed.status.code() == Some(1) && said.contains(&way), "{said}");
        assert!(!host.told()[count..].iter().any(|command| command[0] == "createvm"));

        down(&wanted).expect("gone");
        let count = host.count();
        bring(&wanted);
        let done = bash(&up, &home);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(host.known(), whole);
        assert_eq!(host.told()[count..], told);

        // What has just been stopped is still held for a moment.
        host.put("slow", "1");
        let seen = VirtualBox.look(&wanted).expect("told");
        let mut steps = VirtualBox.raze(&wanted, &seen, &nodes(&wanted)).expect("told");
        steps.extend(VirtualBox.close(&wanted).expect("told"));
        let done = bash(&script(&steps, Shell::Bash), &home);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(host.known(), before);
        assert!(!wanted.folder.exists());
    });
}

#[test]
fn a_script_of_bash_stops_at_the_first_failure_and_quotes_all() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("it's $(touch x) \"text\"");
    let say = |what: &str, may_fail| {
        Step::lab(
            format!("say\n{what}"),
            Act::Run { program: "sh", arguments: vec!["-c".into(), what.into()], may_fail },
        )
    };
    let steps = [
        Step::lab("write", Act::Write { path: file.clone(), text: "one\n'two' $x `y`\n".into() }),
        say("echo first; exit 3", true),
        say("echo second; exit 3", false),
        say("echo never", false),
    ];
    let done = bash(&script(&steps, Shell::Bash), home.path());
    assert_eq!(
        (done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()),
        (Some(3), "first\nsecond\n")
    );
    assert_eq!(fs::read_to_string(&file).expect("text"), "one\n'two' $x `y`\n");
    let remove = [Step::lab("remove", Act::Remove { path: file.clone() })];
    assert!(bash(&script(&remove, Shell::Bash), home.path()).status.success() && !file.exists());
}

#[test]
fn a_script_of_powershell_quotes_every_word() {
    let run = |arguments: &[&str], may_fail| Act::Run {
        program: "VBoxManage",
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        may_fail,
    };
    let folder = PathBuf::from(r"C:\Users\O'Neil\lab $x");
    let cd = folder.join("cidata.iso").display().to_string();
    let steps = [
        Step::lab("make it", run(&["createvm", "--name", "it’s `$(x)", "--register"], false)),
        Step::of("a", "make its folder", Act::Folder { path: folder.clone() }),
        Step::of("a", "make its media", Act::Media { path: folder.clone() }),
        Step::of("a", "put it in", run(&["storageattach", "a", "--medium", &cd], true)),
        Step::of(
            "a",
            "start",
            Act::Insist {
                program: "VBoxManage",
                arguments: vec!["startvm".into(), "a".into()],
                seconds: 60,
            },
        ),
        Step::of("a", "write", Act::Write { path: folder.join("x"), text: "one\ntwo's\n".into() }),
        Step::of("a", "remove", Act::Remove { path: folder.clone() }),
    ];
    let text = script(&steps, Shell::PowerShell);
    let body = text.split_once("\n# make it\n").expect("the steps").1;
    let wanted = r"& 'VBoxManage' 'createvm' '--name' 'it’’s `$(x)' '--register'
Assert-Done 'VBoxManage'

# a: make its folder
New-Item -ItemType Directory -Force -Path 'C:\Users\O''Neil\lab $x' | Out-Null

# a: make its media
Assert-Medium 'CD' 'trainyard seed a -o CD'

# a: put it in
& 'VBoxManage' 'storageattach' 'a' '--medium' 'CD'

# a: start
Invoke-Insist 60 'VBoxManage' @('startvm', 'a')

# a: write
[IO.File]::WriteAllText('X', 'one
two''s
')

# a: remove
if (Test-Path -LiteralPath 'C:\Users\O''Neil\lab $x') { Remove-Item -LiteralPath 'C:\Users\O''Neil\lab $x' -Recurse -Force }
";
    let quoted = |path: &str| path.replace('\'', "''");
    // Whatever stands between the parts of a path here, there it is what Windows has.
    let inside = |name: &str| quoted(&format!(r"C:\Users\O'Neil\lab $x\{name}"));
    let wanted =
        wanted.replace("CD", &inside("cidata.iso")).replace("'X'", &format!("'{}'", inside("x")));
    assert_eq!(body, wanted);
    // One word of it is not ASCII.
    assert!(text.starts_with("\u{feff}# Made by "), "{text}");
    assert!(script(&steps[1..], Shell::PowerShell).starts_with("# Made by "));
    for begins in [
        "$ErrorActionPreference = 'Stop'",
        "function Assert-Done",
        "function Invoke-Insist",
        "function Assert-Medium",
    ] {
        assert!(text.contains(begins), "{begins}");
    }
}
