//! What the installer's own parser, and others that are not ours, say of the chooser.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::installed::{Installed, scripts};
use crate::common::readers::judge_scripts;
use crate::common::{Lab, ROOT, judge, judged};
use crate::running::read;
use crate::{INCLUDE, Started, chooser};

/// The reference lab with named addresses.
fn reference() -> String {
    let path = Path::new(ROOT).join("examples/reference.yaml");
    fs::read_to_string(path).expect("an example")
}

#[test]
fn the_first_reading_finds_its_script_alone_and_the_second_all_of_the_node() {
    let started = Started::new(&reference(), "controller");
    let path = started.kickstart();
    // Nothing is there yet: the initramfs and the installer's first reading go on.
    let initramfs = read("initramfs", &path);
    assert!(initramfs["flat"].as_str().expect("text").contains("\ncmdline\n"), "{initramfs}");
    let first = read("first", &path);
    let first = first["scripts"].as_array().expect("scripts");
    let [script] = &first[..] else { panic!("{first:#?}") };
    assert_eq!(script["interpreter"], "/bin/bash");
    assert_eq!(script["fatal"], false, "the installer would restart the machine");
    assert_eq!(script["body"], started.moved(&scripts(&started.chooser)[0].body));

    // The second does not go on without it.
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7", "-i", &path]);
    assert_ne!(crate::common::outcome(command).status, 0, "it would install nothing");
    // And with what the script has left there, it is the node's kickstart.
    let own = started.machine.lab().read("out/controller/ks.cfg");
    started.machine.write("own.cfg", &started.moved(&own));
    started.machine.write("tmp/trainyard-node.ks", &started.moved(&own));
    started.machine.write(
        "tmp/trainyard-storage.ks",
        "zerombr\nclearpart --all --initlabel --drives=sda\nreqpart\n",
    );
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7", "-i", &path]);
    judged(command);
    let (of_chooser, of_node) = (
        read("second", &path),
        read("second", &started.machine.path("own.cfg").display().to_string()),
    );
    let flat = of_node["flat"].as_str().expect("text");
    assert!(
        flat.contains("\nclearpart ")
            && flat.contains("\nnetwork ")
            && flat.contains("RABBIT_PASS=")
    );
    assert_eq!(of_chooser["flat"], of_node["flat"]);
    let own = of_node["scripts"].as_array().expect("scripts").len();
    assert_eq!(of_chooser["scripts"].as_array().map(Vec::len), Some(own + 1));
}

#[test]
fn ksvalidator_accepts_it() {
    let lab = Lab::new(&reference());
    let text = chooser(&lab);
    assert_eq!(text.matches(INCLUDE).count(), 1);
    fs::write(lab.path("ks.cfg"), &text).expect("written");
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(lab.path("ks.cfg"));
    judged(command);
}

#[test]
fn shellcheck_and_el7_accept_its_script() {
    for name in ["reference.yaml", "smallest.yaml"] {
        let lab = Lab::example(name);
        let body = scripts(&chooser(&lab)).remove(0).body;
        judge_scripts(&BTreeSet::from([body.clone()]));
        fs::write(lab.path("chooser.sh"), body).expect("written");
        let mut command = Command::new(Path::new(ROOT).join("scripts/dev/lint-el7.sh"));
        command.arg(lab.path("chooser.sh"));
        judged(command);
    }
}

#[test]
fn it_holds_no_secret() {
    let mut looked_at = 0;
    for example in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let name = example.expect("an entry").file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let lab = Lab::example(&name);
        if lab.read("lab.yaml").contains("own_stages:") {
            continue; // they are no part of the built-in catalogue
        }
        looked_at += 1;
        let text = chooser(&lab);
        let secrets: Value = serde_yaml::from_str(&lab.read("secrets.yaml")).expect("secrets");
        let secrets = secrets.as_object().expect("secrets");
        assert!(secrets.len() > 20);
        for (secret, value) in secrets {
            for line in value.as_str().into_iter().flat_map(str::lines).filter(|l| l.len() > 7) {
                assert!(!text.contains(line), "{name}: {secret}");
            }
        }
        for hash in ["$6$", "rootpw", "user ", "PRIVATE KEY", "_PASS"] {
            assert!(!text.contains(hash), "{name}: {hash}");
        }
    }
    assert!(looked_at > 5, "{looked_at}");
}

/// The node keeps its own kickstart, and not the one that chose it.
#[test]
fn the_node_keeps_the_kickstart_that_was_chosen() {
    let lab = Lab::new(&reference());
    lab.done(&["render", "controller", "-o", "out"]);
    let kept = |chosen: bool| {
        let installed = Installed::prepare(&lab, "controller");
        if chosen {
            let own = installed.path("run/install/ks.cfg");
            fs::rename(&own, installed.path("tmp/trainyard-node.ks")).expect("moved");
            fs::write(own, chooser(&lab)).expect("written");
        }
        let scripts = scripts(&lab.read("out/controller/ks.cfg"));
        let secrets = scripts.iter().find(|script| script.header.contains("--nochroot"));
        let outcome = installed.run(secrets.expect("one"), &[]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        installed.read("etc/trainyard/ks.cfg")
    };
    let own = kept(false);
    assert!(own.lines().count() > 1000 && own.contains("rootpw --lock"));
    assert_eq!(kept(true), own);
}

/// It is no node's, and no node's templates make it another.
#[test]
fn a_lab_overrides_no_chooser() {
    let lab = Lab::new(&format!("{}\ntemplates: own\n", reference()));
    fs::create_dir_all(lab.path("own/kickstart")).expect("a folder");
    fs::write(lab.path("own/kickstart/choose.j2"), "mine\n").expect("written");
    let told = lab.run(&["check"]).stdout;
    assert!(told.contains("`kickstart/choose.j2` overrides no template"), "{told}");
}
