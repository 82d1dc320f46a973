//! `apply.sh`: a node that is installed becomes what the lab says now, whole or not at all.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::installed::Installed;
use common::{Lab, Outcome, ROOT, judge, judged};

const BEFORE: &str = "files: {/etc/motd: {content: welcome}}\nnodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute: {role: compute, address: 10.0.0.31}\n";
const AFTER: &str = "nodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute: {role: compute, address: 10.0.0.31}\n  later: {role: compute, address: 10.0.0.32}\n";

/// What is in these folders of a system: path, and mode with content.
fn files(installed: &Installed) -> BTreeMap<String, (u32, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, (u32, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, root, found);
                continue;
            }
            let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
            let name = path.strip_prefix(root).expect("inside").display().to_string();
            found.insert(name, (mode, fs::read_to_string(&path).expect("text")));
        }
    }
    let mut found = BTreeMap::new();
    for folder in ["etc/trainyard", "etc/systemd", "etc/profile.d", "usr/local"] {
        walk(&installed.path(folder), &installed.path(""), &mut found);
    }
    // The kickstart by which it was installed.
    found.remove("etc/trainyard/ks.cfg");
    found
}

/// A lab, its nodes rendered, and one of them installed.
fn installed(text: &str, node: &str) -> (Lab, Installed) {
    let lab = Lab::new(text);
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::new(&lab, node, &[]);
    (lab, installed)
}

/// Hands a script to a bash on the node, as ssh would.
fn apply(installed: &Installed, script: &str) -> Outcome {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .env("PATH", format!("{}:{path}", installed.path("fakes").display()))
        .env("ROOT", installed.path(""))
        .env("TRAINYARD_ROOT", installed.path("").display().to_string().trim_end_matches('/'))
        .env("TRAINYARD_TURN_LIMIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("bash");
    // One that refuses at once reads no further.
    let _ = child.stdin.take().expect("piped").write_all(script.as_bytes());
    let output = child.wait_with_output().expect("an end");
    Outcome {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_node_becomes_what_an_installation_would_make_of_it() {
    let (lab, node) = installed(BEFORE, "controller");
    assert!(files(&node).contains_key("etc/trainyard/stages/site/manifest"));
    fs::write(lab.path("lab.yaml"), AFTER).expect("written");
    lab.done(&["secrets", "rotate", "RABBIT_PASS"]);
    lab.know_nodes();
    lab.done(&["render", "-o", "out", "--force"]);
    let outcome = apply(&node, &lab.read("out/controller/apply.sh"));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.starts_with("controller: what has changed runs now"), "{outcome:?}");
    let calls = node.calls();
    let end = [
        "systemctl daemon-reload",
        "systemctl reset-failed trainyard-first-boot.service",
        "systemctl --no-block restart trainyard-first-boot.service",
    ];
    assert_eq!(calls[calls.len() - 3..], end);
    assert!(calls.iter().any(|call| call == "restorecon -RF /etc/trainyard"), "{calls:?}");
    let applied = files(&node);
    assert!(applied["etc/trainyard/stages/host-network/files/etc/hosts"].1.contains("10.0.0.32"));
    let anew = Installed::new(&lab, "controller", &[]);
    assert_eq!(applied, files(&anew), "nothing of the old lab is left, and nothing lacks");
}

#[test]
fn the_files_of_another_node_are_refused() {
    let (lab, node) = installed(BEFORE, "compute");
    let before = files(&node);
    let outcome = apply(&node, &lab.read("out/controller/apply.sh"));
    assert_eq!(outcome.status, 1);
    let told = "apply.sh: this is compute of the lab train, and these are the files of controller of train\n";
    assert_eq!(outcome.stderr, told);
    fs::remove_dir_all(node.path("etc/trainyard")).expect("removed");
    let outcome = apply(&node, &lab.read("out/compute/apply.sh"));
    assert_eq!((outcome.status, before.is_empty()), (1, false));
    assert!(outcome.stderr.contains("this machine is no node of a lab; install it first"));
}

#[test]
fn a_line_that_breaks_and_stages_that_run_leave_all_as_it_was() {
    let (lab, node) = installed(BEFORE, "controller");
    fs::write(lab.path("lab.yaml"), AFTER).expect("written");
    lab.know_nodes();
    lab.done(&["render", "-o", "out", "--force"]);
    let script = lab.read("out/controller/apply.sh");
    let before = files(&node);
    let swap = script.find("\nrm -rf \"$root/etc/trainyard/stages.old\"").expect("the swap");
    let parts = (0..20).map(|i| script.len() * i / 20);
    for length in parts.chain([swap, swap + 60, script.len() - 30, script.len() - 3]) {
        assert!(script.is_ascii(), "it can be cut anywhere");
        apply(&node, &script[..length]);
        assert!(files(&node) == before, "cut after {length} of {} bytes", script.len());
    }

    fs::create_dir_all(node.path("run/trainyard")).expect("a folder");
    let mut holder = Command::new("flock");
    holder.arg(node.path("run/trainyard/lock")).args(["sleep", "30"]).stdin(Stdio::null());
    let mut holder = holder.spawn().expect("flock");
    while Command::new("flock")
        .arg("-n")
        .arg(node.path("run/trainyard/lock"))
        .arg("true")
        .status()
        .expect("flock")
        .success()
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let outcome = apply(&node, &script);
    let stop = "systemctl stop trainyard-first-boot.service".to_owned();
    assert!(!node.calls().contains(&stop));
    // A run that only waits is in nobody's way.
    fs::create_dir_all(node.path("var/lib/trainyard/state")).expect("a folder");
    fs::write(node.path("var/lib/trainyard/state/time-client"), "waiting 1 - for the time\n")
        .expect("written");
    assert_eq!(apply(&node, &script).status, 1);
    assert!(node.calls().contains(&stop));
    holder.kill().expect("killed");
    holder.wait().expect("an end");
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stderr.contains("stages are running")
            && outcome.stderr.contains("nothing was changed")
    );
    assert!(files(&node) == before, "nothing changes while stages run");
}

#[test]
fn shellcheck_and_el7_accept_it() {
    for example in ["reference.yaml", "customised.yaml"] {
        let lab = Lab::example(example);
        lab.done(&["render", "-o", "out"]);
        let script = lab.path("out/controller/apply.sh");
        let mut command = judge("shellcheck");
        command.arg(&script);
        judged(command);
        // What it puts in place is judged where it is made.
        let text = lab.read("out/controller/apply.sh");
        let (begin, rest) = text.split_once("\nput 0600").expect("files");
        let (_, end) = rest.rsplit_once("\nEOF\n").expect("the last file");
        let own = lab.path("own.sh");
        fs::write(&own, format!("{begin}\n{end}")).expect("written");
        let mut command = Command::new(Path::new(ROOT).join("scripts/dev/lint-el7.sh"));
        command.arg(&own);
        judged(command);
    }
}
