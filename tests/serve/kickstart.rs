//! The kickstart that is served: that of a medium, but for where packages come from and what is told.

use std::fs;

use crate::common::readers::{judge_scripts, read, scripts_of};
use crate::common::{judge, judged, outcome};
use crate::running::Serving;

fn served(serving: &Serving, name: &str) -> String {
    serving.wait_for(name, "armed");
    serving.get_as(&serving.mac(name), &serving.kickstart_path(name)).text()
}

#[test]
fn the_judges_take_it() {
    let serving = Serving::new();
    serving.lab.done(&["render", "-o", "out"]);
    for name in ["controller", "compute"] {
        let text = served(&serving, name);
        fs::write(serving.lab.path(&format!("out/{name}/ks.cfg")), &text).expect("written");
        let mut command = judge("ksvalidator");
        command.args(["-v", "RHEL7"]).arg(serving.lab.path(&format!("out/{name}/ks.cfg")));
        judged(command);
        let folder = serving.lab.path(&format!("out/{name}")).display().to_string();
        judge_scripts(&scripts_of(&read(&[folder])[0]));
    }
}

#[test]
fn it_differs_from_a_mediums_in_what_is_told_and_where_packages_are() {
    let serving = Serving::new();
    serving.lab.done(&["render", "compute", "-o", "out"]);
    let medium = serving.lab.read("out/compute/ks.cfg");
    let served = served(&serving, "compute");
    assert!(medium.contains("\ncdrom\n") && !served.contains("\ncdrom\n"));
    let url = served.lines().filter(|line| line.starts_with("url ")).collect::<Vec<_>>();
    assert!(url.len() == 1 && url[0].ends_with("/tree"), "{url:?}");
    let missing: Vec<_> =
        medium.lines().filter(|line| !served.lines().any(|it| it == *line)).collect();
    // The copy that a node keeps is cleaned of more.
    assert_eq!(missing.len(), 2, "{missing:#?}");
    assert!(missing[0] == "cdrom" && missing[1].contains("rootpw --lock"), "{missing:#?}");
    // The last that it does is to say so, after everything that may stop it.
    let (last, told) =
        (served.rfind("stop \"").expect("one"), served.find("tell installed").expect("one"));
    assert!(last < told);
    let after = &served[told..];
    assert!(after.contains("\nwait\n%end\n") && !after.contains("%post"), "{after}");
}

/// What the node keeps of it opens nothing.
#[test]
fn the_copy_that_the_node_keeps_has_no_address_that_opens_anything() {
    let serving = Serving::new();
    let text = served(&serving, "compute");
    let at = text.find("    sed -e '/^# trainyard: secrets begin/").expect("what makes the copy");
    let command: String = text[at..].lines().take(3).collect::<Vec<_>>().join("\n");
    let (from, to) = (serving.lab.path("ks.cfg"), serving.lab.path("kept.cfg"));
    fs::write(&from, &text).expect("written");
    let command = command.replace("\"$ks\"", &from.display().to_string());
    let command = command.replace("/mnt/sysimage/etc/trainyard/ks.cfg", &to.display().to_string());
    let mut bash = judge("bash");
    bash.args(["-c", &command]);
    judged(bash);
    let kept = serving.lab.read("kept.cfg");
    assert!(kept.contains("\nurl --url=(removed)\n") && kept.lines().count() > 1000);
    for opens in ["/n/", "/r/"] {
        let found: Vec<_> = kept
            .lines()
            .filter(|line| line.contains(&format!("{}{opens}", serving.address)))
            .collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// The kickstart's own function, run as its scripts run it.
#[test]
fn what_its_scripts_tell_arrives() {
    let serving = Serving::new();
    let text = served(&serving, "compute");
    let at = text.find("tell() {").expect("the function");
    let function = &text[at..at + text[at..].find("\n}\n").expect("its end") + 3];
    let report = serving.lab.path("report");
    fs::write(&report, format!("http://{}{}\n", serving.address, Serving::report_path(&text)))
        .expect("written");
    let run = |what: &str| {
        let function = function.replace("/tmp/trainyard-report", &report.display().to_string());
        let mut bash = judge("bash");
        bash.args(["-c", &format!("set -Eeu -o pipefail\n{function}\n{what}\nwait\n")]);
        outcome(bash)
    };
    let told = run("tell step 'looking & seeing = 100 % of \"it\"'");
    assert_eq!(told.status, 0, "{told:?}");
    assert_eq!(serving.node("compute")["step"], "looking & seeing = 100 % of \"it\"");
    assert_eq!(run("tell failed 'no disk'").status, 0);
    assert_eq!(serving.node("compute")["reason"], "no disk");
    assert_eq!(run("tell installed ''").status, 0);
    assert_eq!(serving.state("compute"), "installed");
    // A server that is gone holds nothing up: the script goes on at once, and what it left behind ends by itself.
    fs::write(&report, format!("http://{}/r/x\n", crate::running::free())).expect("written");
    let begun = std::time::Instant::now();
    let told = run("tell step x; echo on");
    assert_eq!((told.status, told.stdout.as_str()), (0, "on\n"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(40), "{:?}", begun.elapsed());
}
