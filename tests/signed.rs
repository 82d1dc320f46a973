//! `render --sign`: OpenSSH itself is the judge of the signatures, and of the keys.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use common::signing::{is_signed, is_signed_for, make_key};
use common::{Lab, Outcome, judge, judged, outcome};

const FILES: [&str; 5] = ["ks.cfg", "user-data", "meta-data", "network-config", "apply.sh"];

fn lab() -> Lab {
    let lab = Lab::example("smallest.yaml");
    make_key(&lab, "key", "");
    lab
}

/// Nothing is left, here or where temporary files are.
fn refused(lab: &Lab, mut command: Command) -> Outcome {
    fs::create_dir_all(lab.path("tmp")).expect("made");
    let begun = Instant::now();
    let said = outcome({
        command.env("TMPDIR", lab.path("tmp"));
        command
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "{said:?}");
    assert_ne!(said.status, 0, "{said:?}");
    for folder in ["out/controller", "out/compute", "tmp"] {
        let left = fs::read_dir(lab.path(folder)).into_iter().flatten().flatten();
        let left: Vec<_> = left.map(|it| it.path()).collect();
        assert!(left.is_empty(), "{left:?} {said:?}");
    }
    said
}

fn render(lab: &Lab, key: &str) -> Command {
    lab.command(&["render", "-o", "out", "--sign", key])
}

#[test]
fn each_file_has_a_signature_that_fits_it_alone() {
    let lab = lab();
    make_key(&lab, "other", "");
    let said = lab.done(&["render", "compute", "-o", "out", "--sign", "key"]);
    let written: Vec<_> = FILES.iter().map(|file| format!("out/compute/{file}")).collect();
    let signatures = written.iter().map(|file| format!("{file}.sig"));
    let all: Vec<_> = written.iter().cloned().chain(signatures).collect();
    assert_eq!(said.stdout.lines().collect::<Vec<_>>(), all);
    assert_eq!(lab.names("out/compute").len(), 10);
    for file in &written {
        let mode = fs::metadata(lab.path(&format!("{file}.sig"))).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert!(is_signed(&lab, "key", file), "{file}");
        assert!(!is_signed(&lab, "other", file), "{file}");
        assert!(!is_signed_for(&lab, "key", file, "file"), "{file}");
        let mut bytes = fs::read(lab.path(file)).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(lab.path(file), bytes).expect("written");
        assert!(!is_signed(&lab, "key", file), "{file}");
    }
    // The same file is signed in the same way.
    lab.done(&["render", "-o", "again", "--sign", "key"]);
    for file in FILES {
        let both = ["out", "again"].map(|out| lab.read(&format!("{out}/compute/{file}.sig")));
        assert_eq!(both[0], both[1], "{file}");
        assert_ne!(both[0], lab.read(&format!("again/controller/{file}.sig")), "{file}");
    }
}

/// ssh-keygen is given many at once, and not all.
#[test]
fn each_of_many_files_has_its_own_signature() {
    let lab = Lab::new(
        "host_keys: new\nnodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute[1-104]: {role: compute, address: '10.0.0.[21-124]'}\n",
    );
    make_key(&lab, "key", "");
    lab.done(&["render", "-o", "out", "--sign", "key"]);
    for node in lab.names("out") {
        for file in ["ks.cfg", "apply.sh"] {
            assert!(is_signed(&lab, "key", &format!("out/{node}/{file}")), "{node} {file}");
        }
    }
    assert_eq!(lab.names("out").len(), 105);
}

#[test]
fn no_signature_is_left_that_does_not_fit() {
    let lab = lab();
    let render = |more: &[&str]| lab.run(&[&["render", "compute", "-o", "out"], more].concat());
    assert_eq!(render(&["--sign", "key"]).status, 0);
    fs::remove_file(lab.path("out/compute/ks.cfg")).expect("removed");
    for file in &FILES[1..] {
        fs::remove_file(lab.path(&format!("out/compute/{file}"))).expect("removed");
    }
    let before = lab.read("out/compute/ks.cfg.sig");
    let refused = render(&[]);
    assert_eq!(refused.status, 8, "{refused:?}");
    let why =
        "`out/compute/ks.cfg.sig` is there already: `--force` removes it, for it would not fit";
    assert!(refused.stderr.contains(why), "{refused:?}");
    let refused = render(&["--sign", "key"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert!(refused.stderr.contains("ks.cfg.sig` is there already: `--force` replaces it"));
    assert_eq!(lab.names("out/compute").len(), 5);
    // With another lab's text, and without a key.
    let changed = lab.read("lab.yaml") + "timezone: Asia/Tokyo\n";
    fs::write(lab.path("lab.yaml"), changed).expect("written");
    assert_eq!(render(&["--sign", "key", "--force"]).status, 0);
    assert_ne!(lab.read("out/compute/ks.cfg.sig"), before);
    assert!(is_signed(&lab, "key", "out/compute/ks.cfg"));
    fs::write(lab.path("out/compute/notes.sig"), "a person's").expect("written");
    assert_eq!(render(&["--force"]).status, 0);
    let mut names = FILES.map(str::to_owned).to_vec();
    names.push("notes.sig".into());
    names.sort();
    assert_eq!(lab.names("out/compute"), names);
}

#[test]
fn a_key_that_cannot_be_used_is_told_before_anything_is_written() {
    let lab = lab();
    let missing = refused(&lab, render(&lab, "none"));
    assert_eq!(missing.status, 9, "{missing:?}");
    assert!(missing.stderr.contains("the key `none`: No such file"), "{missing:?}");
    let folder = refused(&lab, render(&lab, "."));
    assert!(folder.stderr.contains("the key `.`: it is no regular file"), "{folder:?}");
    let text = refused(&lab, render(&lab, "lab.yaml"));
    assert_eq!(text.status, 6, "{text:?}");
    fs::set_permissions(lab.path("key"), fs::Permissions::from_mode(0o640)).expect("set");
    let open = refused(&lab, render(&lab, "key"));
    assert_eq!(open.status, 6, "{open:?}");
    let command = "ssh-keygen -Y sign -P '' -n trainyard -f key ";
    for part in [command, "exit status: 255", "0640 for 'key' are too open", "`chmod go= key`"] {
        assert!(open.stderr.contains(part), "{part}: {open:?}");
    }
}

#[test]
fn a_passphrase_is_asked_by_nobody_and_an_agent_needs_none() {
    let lab = Lab::example("smallest.yaml");
    make_key(&lab, "key", "hunter2hunter2");
    let advice = "`ssh-add key` asks for it once";
    // What would ask by a window, and keep everybody waiting.
    let program = |name: &str, script: &str| {
        fs::write(lab.path(name), format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(lab.path(name), fs::Permissions::from_mode(0o700)).expect("set");
        lab.path(name)
    };
    let window = program("window", "echo a window >&2; sleep 60");
    let asking = |mut command: Command| {
        command.env("SSH_ASKPASS", &window).env("DISPLAY", ":99").env_remove("SSH_AUTH_SOCK");
        command
    };
    let without = refused(&lab, asking(render(&lab, "key")));
    assert_eq!(without.status, 6, "{without:?}");
    assert!(without.stderr.contains("incorrect passphrase") && without.stderr.contains(advice));
    assert!(!without.stderr.contains("a window"), "{without:?}");
    // At a terminal it is the same.
    let inner = render(&lab, "key");
    let line = inner.get_args().map(|word| word.to_str().expect("text")).collect::<Vec<_>>();
    let line = format!("{} {}", common::PROGRAM, line.join(" "));
    let mut terminal = judge("script");
    terminal.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(lab.path(""));
    let there = refused(&lab, asking(terminal));
    assert!(there.stdout.contains(advice) && !there.stdout.contains("a window"), "{there:?}");

    let answer = program("answer", "echo hunter2hunter2");
    // By the key's file, and by its public half where the key itself is elsewhere.
    let script = format!(
        "ssh-add -q key && {0} render -o out --sign key && mv key elsewhere && {0} render -o public --sign key.pub",
        common::PROGRAM
    );
    let mut agent = judge("ssh-agent");
    agent.args(["sh", "-c", &script]).current_dir(lab.path(""));
    agent.env("SSH_ASKPASS", answer).env("SSH_ASKPASS_REQUIRE", "force");
    judged(agent);
    for file in ["out/compute/ks.cfg", "public/controller/apply.sh"] {
        assert!(is_signed(&lab, "key", file), "{file}");
    }
}

/// What an `ssh-keygen` of this text leads to.
fn with_program(lab: &Lab, script: &str) -> Outcome {
    fs::create_dir_all(lab.path("bin")).expect("made");
    fs::write(lab.path("bin/ssh-keygen"), format!("#!/bin/sh\n{script}\n")).expect("written");
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(lab.path("bin/ssh-keygen"), mode).expect("set");
    let mut command = render(lab, "key");
    command.env("PATH", format!("{}:/usr/bin:/bin", lab.path("bin").display()));
    refused(lab, command)
}

#[test]
fn where_the_program_is_missing_old_or_fails_nothing_is_left() {
    let lab = lab();
    let mut command = render(&lab, "key");
    command.env("PATH", lab.path("none"));
    let missing = refused(&lab, command);
    assert_eq!(missing.status, 4, "{missing:?}");
    let why = "`ssh-keygen` is needed to sign files (`--sign`), and is not on the PATH: install it";
    assert!(missing.stderr.contains(why), "{missing:?}");
    let usage = "echo 'unknown option -- Y' >&2; seq 20 >&2; echo '       ssh-keygen -Q -f krl_file file ...' >&2; exit 1";
    let old = with_program(&lab, usage);
    assert_eq!(old.status, 6, "{old:?}");
    assert!(old.stderr.contains("signing needs OpenSSH 8.1 or newer"), "{old:?}");
    let empty = with_program(&lab, "shift 8; for file; do : >\"$file.sig\"; done");
    assert_eq!(empty.status, 9, "{empty:?}");
    assert!(empty.stderr.contains("`ssh-keygen` wrote no signature"), "{empty:?}");
    let nothing = with_program(&lab, ":");
    assert_eq!(nothing.status, 9, "{nothing:?}");
    // The first file, which is the trial, and all but the last of the others.
    let late = with_program(
        &lab,
        "[ $# -eq 9 ] || exec /usr/bin/ssh-keygen \"$@\" /nowhere\nexec /usr/bin/ssh-keygen \"$@\"",
    );
    assert_eq!(late.status, 6, "{late:?}");
    assert!(late.stderr.contains("/nowhere"), "{late:?}");
}
