//! The scripts of the node's own %pre run as the installer would run them.

use std::fs;

use serde_json::Value;

use crate::common::ROOT;
use crate::common::judged;
use crate::common::readers::python;
use crate::{Started, Told};

const LAB: &str = "nodes: {controller: {role: controller, interfaces: {enp0s3: {network: management, address: 10.0.0.11, mac: \"08:00:27:aa:00:11\"}}}}\n";

/// The node's own machine.
fn started(lab: &str) -> Started {
    let started = Started::new(lab, "controller");
    started.interface("enp0s3", "08:00:27:aa:00:11");
    started
}

/// What pykickstart finds.
pub fn read(how: &str, path: &str) -> Value {
    let mut command = python();
    command.arg(format!("{ROOT}/tests/chooser/read.py")).args([how, path]);
    let output = judged(command);
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stderr))
}

/// Scripts with everything that their options may be. `RECORD` is a program that notes itself and its script.
const SCRIPTS: &str = "# %pre in a comment\n\
lang en_US.UTF-8\n\
%pre\n\
echo sh $0\n\
# %end in a comment\n\
  \tcat <<'EOF'\n\
\\a \"b\" $c\x01\n\
%notasection\n\
EOF\n\
%end\n\
%pre\n\
%end\n\
%pre --erroronfail\n\
\n  \n\
%end\n\
%include /tmp/trainyard-storage.ks\n\
%pre --interpreter=/tmp/record --log=/tmp/deep/er/one.log # why\n\
import os # no newline at the end of a line that is long\n\
%end\n\
%pre-install --interpreter=/tmp/record --log=/tmp/never.log\n\
not now\n\
%end\n\
\x20 %pre   --logfile \"/tmp/two.log\"\t--interpreter '/tmp/record' --erroronfail\n\
two: of three\n\
  three\n\
%end # why\n\
%post --interpreter=/tmp/record\n\
%pre\n\
%end\n\
%pre --interpreter=/tmp/fails\n\
and on it goes\n\
%end\n\
%pre --interpreter=/tmp/is-not-there --log=/tmp/none.log\n\
neither\n\
%end\n\
%pre --interpreter=\"/tmp/record\"\n\
last\n\
%end\n\
%packages\n\
@core\n\
%end";

#[test]
fn every_script_is_run_as_pykickstart_finds_it() {
    let record = "echo \"out $(umask)\"; echo err >&2; read -r line && echo \"$line\"; \
        echo \"$0\" >> ROOT/order; n=$(grep -c . ROOT/order); cat \"$1\" > ROOT/body-$n";
    // pykickstart refuses the section that is in another one, which the chooser passes over.
    let good = SCRIPTS.replace("%post --interpreter=/tmp/record\n%pre\n%end\n", "");
    for text in [good.as_str(), SCRIPTS] {
        let started = started(LAB);
        let machine = &started.machine;
        let root = machine.path("").display().to_string();
        let program =
            |text: &str| format!("#!/bin/bash\nPATH=/usr/bin\n{}\n", text.replace("ROOT/", &root));
        for (name, text) in [("record", record.to_owned()), ("fails", format!("{record}; exit 3"))]
        {
            machine.write(&format!("tmp/{name}"), &program(&text));
            crate::executable(&machine.path(&format!("tmp/{name}")));
        }
        started.medium("controller", text);
        machine.write("good.cfg", &started.moved(&good));
        let wanted = read("first", &format!("{root}good.cfg"));
        let wanted = wanted["scripts"].as_array().expect("scripts");
        assert_eq!(wanted.len(), 6, "{wanted:#?}");
        let told = started.run();
        let included = told.included.expect("a node");
        assert_eq!(included, started.moved(text), "it is included as it is");
        let medium = fs::read_to_string(machine.path("run/install/repo/nodes/controller/ks.cfg"));
        assert_eq!(included, medium.expect("there"));
        let order = fs::read_to_string(machine.path("order")).expect("some ran");
        let text = |script: &Value, key: &str| script[key].as_str().map(str::to_owned);
        let recorded = ["record", "fails"].map(|name| format!("{root}tmp/{name}"));
        let wanted_order: Vec<_> = wanted.iter().filter_map(|s| text(s, "interpreter")).collect();
        let ran: Vec<_> = wanted_order.iter().filter(|i| recorded.contains(i)).collect();
        assert_eq!(order.lines().collect::<Vec<_>>(), ran);
        let bodies =
            wanted.iter().filter(|s| recorded.contains(&text(s, "interpreter").expect("one")));
        for (n, script) in bodies.enumerate() {
            let body =
                fs::read_to_string(machine.path(&format!("body-{}", n + 1))).expect("it ran");
            // It puts the blank lines of a script that it drops before the next one.
            let wanted = text(script, "body").expect("a body");
            assert_eq!(body.trim_start(), wanted.trim_start());
            let log = text(script, "log");
            let line = script["line"].as_u64().expect("a line");
            assert!(line > 0);
            if let Some(log) = log {
                assert_eq!(fs::read_to_string(log).expect("a log"), "out 0022\nerr\n");
            }
        }
        assert_eq!(wanted[0]["interpreter"], "/bin/sh");
        assert!(!machine.path("tmp/never.log").exists());
        let log =
            fs::read_to_string(machine.path("tmp/trainyard-pre-4.log")).expect("the first's log");
        assert!(
            log.starts_with("sh ") && log.ends_with("\n\\a \"b\" $c\u{1}\n%notasection\n"),
            "{log}"
        );
        let failed: Vec<_> = told.console.lines().filter(|l| l.contains("failed with")).collect();
        assert_eq!(failed.len(), 2, "{}", told.console);
        assert!(failed[0].contains("exit status 3;") && failed[1].contains("exit status 127;"));
    }
}

/// The console of a node whose kickstart has this in its %pre, after which nothing may run.
fn stopped(header: &str, body: &str) -> String {
    let started = started(LAB);
    let kickstart = format!("{header}\n{body}\n%end\n%pre\n: > /tmp/went-on\n%end\n");
    started.medium("controller", &kickstart);
    let Told { included, console } = started.run();
    assert_eq!(included, None, "{console}");
    assert!(!started.machine.path("tmp/went-on").exists(), "{console}");
    assert!(!started.machine.path("tmp/trainyard-node.ks.new").exists());
    console
}

#[test]
fn what_ends_an_installation_ends_it() {
    let console = stopped("%pre --erroronfail --log=/tmp/x.log", "echo hunter22; exit 7");
    assert!(
        console.contains(
            "The script in line 2 of the kickstart of controller failed with exit status 7"
        )
    );
    assert!(console.contains("the installation ends with it (--erroronfail)"), "{console}");
    assert!(!console.contains("Nothing was written"), "a script may have");
    assert!(!console.contains("hunter22"), "what a script prints is for its log");
    for odd in
        ["--log=/tmp/a\\ b", "--log=\"/tmp/a b\"", "--interp=/bin/bash", "--nochroot", "--log"]
    {
        let console = stopped(&format!("%pre {odd}"), "exit 0");
        assert!(console.contains("This machine is not installed."), "{odd}: {console}");
    }
    let started = started(LAB);
    started.medium("controller", "lang de\n%pre\necho all\n");
    let told = started.run();
    assert_eq!(told.included, None);
    assert!(told.console.contains("a section in its line 2 has no end."), "{}", told.console);
}

#[test]
fn a_guard_that_passes_has_written_what_is_included() {
    let hook = "hooks: {pre: [{name: look, script: \"echo $TRAINYARD_NODE > /tmp/looked\"}]}\n";
    let started = started(&format!("{LAB}{hook}"));
    let own = started.machine.lab().read("out/controller/ks.cfg");
    // What a template of the lab's own may add.
    let python = "%pre --interpreter=/usr/bin/python3 --log=/tmp/python.log\n\
        looked = open('/tmp/looked').read()\nopen('/tmp/read', 'w').write(looked * 2)\n%end\n";
    started.medium(
        "controller",
        &own.replace("# The wipe guard.", &format!("{python}# The wipe guard.")),
    );
    let told = started.run();
    assert!(told.console.contains("controller is installed to sda (10.0 GiB"), "{}", told.console);
    assert!(!told.console.contains("failed"), "{}", told.console);
    assert!(told.included.is_some_and(|included| included.contains("\nRABBIT_PASS=")));
    let read =
        |name: &str| fs::read_to_string(started.machine.path(&format!("tmp/{name}"))).expect(name);
    assert!(read("trainyard-storage.ks").contains("\nclearpart --all --initlabel --drives=sda\n"));
    assert_eq!(read("read"), "controller\ncontroller\n");
    assert!(started.machine.path("tmp/NOSAVE_INPUT_KS").exists());
    // All of them were run, and nothing else.
    let kickstart = started.machine.path("run/install/repo/nodes/controller/ks.cfg");
    let found = super::running::read("first", &kickstart.display().to_string());
    let found = found["scripts"].as_array().expect("scripts");
    for script in found {
        let line = script["line"].as_u64().expect("a line") + 1;
        assert_eq!(script["body"].as_str(), Some(&*read(&format!("trainyard-pre-{line}"))));
    }
    let ran = started.machine.lab().names("machine/tmp");
    let ran = ran.iter().filter_map(|name| name.strip_prefix("trainyard-pre-"));
    let ran = ran.filter(|line| line.parse::<u32>().is_ok());
    assert_eq!((ran.count(), found.len()), (4, 4));
}

#[test]
fn a_guard_that_refuses_holds_the_chooser() {
    let started = started(LAB);
    started.machine.tool("wipefs", "echo something");
    started.own_medium("controller");
    let told = started.run();
    assert_eq!(told.included, None);
    assert!(told.console.contains("controller is not installed here."), "{}", told.console);
    assert!(!started.machine.path("tmp/trainyard-storage.ks").exists());
}
