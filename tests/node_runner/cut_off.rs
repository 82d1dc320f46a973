//! Runs that are cut off at the worst moments, and what people are told of them.

use std::fs;
use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::node::Node;

fn state(name: &str, state: &str) -> (String, String) {
    (name.to_owned(), state.to_owned())
}

/// A run in the background, with this time between attempts.
fn start(node: &Node, back_off: &str) -> Child {
    let mut command = node.command(&["run"]);
    command.env("TRAINYARD_BACKOFF", back_off).env("TRAINYARD_NEED_LIMIT", "600");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().expect("bash")
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        sleep(Duration::from_millis(20));
    }
}

/// A node whose stage `upgrade` asks for a reboot.
fn upgrading() -> Node {
    let node = Node::new();
    node.stage("upgrade", "", &[]);
    node.stage("after", "", &[]);
    node.write("etc/trainyard/stages/upgrade/configure.sh", "exit 100\n");
    node
}

#[test]
fn a_reboot_that_did_not_happen_is_not_forgotten() {
    let node = upgrading();
    node.fake("systemctl", "[ $1 != reboot ] || exit 1");
    let said = node.expect(1, &["run"]);
    assert!(said.contains("this machine does not reboot"), "{said}");
    node.fake("systemctl", "");
    node.calls();
    let said = node.expect(3, &["run"]);
    assert!(said.contains("rebooting, as upgrade asks"), "{said}");
    assert_eq!(node.calls(), ["systemctl reboot"]);
    node.boot();
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["configure after"]);

    // The same where the run is killed between its mark and the reboot.
    let node = upgrading();
    node.fake("sync", "[ ! -e $ROOT/var/lib/trainyard/done/upgrade ] || kill -KILL $PPID");
    let killed = node.command(&["run"]).output().expect("bash");
    assert_eq!(killed.status.code(), None, "{killed:?}");
    node.fake("sync", "");
    node.calls();
    node.expect(3, &["run"]);
    assert_eq!(node.calls(), ["systemctl reboot"]);
}

#[test]
fn a_run_that_is_killed_right_after_a_mark_is_not_running_for_ever() {
    let node = Node::new();
    node.stage("one", "", &[]);
    node.expect(0, &["run"]);
    node.write("var/lib/trainyard/state/one", "running 1 2026-01-01T00:00:00Z \n");
    node.expect(0, &["run"]);
    assert_eq!(node.status(), [state("one", "done")]);
    assert!(node.read("run/trainyard.banner").contains("controller is configured"));
}

#[test]
fn a_service_whose_file_changed_right_before_a_kill_starts_anew() {
    let node = Node::new();
    let manifest = "service chronyd.service\nfile 0644 root root /etc/chrony.conf\n";
    node.stage("time", manifest, &[("files/etc/chrony.conf", "server a iburst\n")]);
    node.fake("restorecon", "case $* in *chrony.conf) [ -e $ROOT/killed ] || { : >$ROOT/killed; kill -KILL $PPID; };; esac");
    let said = node.expect(0, &["run"]);
    assert!(said.contains("attempt 1 of 2 failed while installing files: it was killed"), "{said}");
    assert!(node.calls().contains(&"systemctl restart chronyd.service".to_owned()));
}

#[test]
fn a_signal_ends_a_run_at_once_also_while_it_waits_and_that_is_told() {
    for (manifest, script, inside) in [
        ("", "false", "attempt 1 of 2 failed"),
        ("need 127.0.0.1 1\n", "true", "waiting for 127.0.0.1:1"),
    ] {
        let node = Node::new();
        node.stage("one", manifest, &[("prepare.sh", script)]);
        let mut run = start(&node, "600");
        let mut said = run.stdout.take().expect("piped");
        let mut seen = String::new();
        let mut part = [0; 512];
        while !seen.contains(inside) {
            let count = said.read(&mut part).expect("output");
            assert!(count > 0, "{seen}");
            seen += &String::from_utf8_lossy(&part[..count]);
        }
        let begun = Instant::now();
        Command::new("kill").arg(run.id().to_string()).status().expect("kill");
        assert_eq!(run.wait().expect("an end").code(), Some(130), "{seen}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(node.status(), [state("one", "pending")]);
        assert!(node.expect(3, &["status"]).contains("was interrupted"));
        assert!(!node.read("run/trainyard.banner").contains("one is"));
        // Nothing holds the turn any more.
        node.write("etc/trainyard/stages/one/manifest", "summary one\n");
        node.write("etc/trainyard/stages/one/prepare.sh", "true\n");
        assert!(!node.expect(0, &["run"]).contains("at work"));
    }
}

#[test]
fn what_a_stage_waits_for_is_told() {
    let node = Node::new();
    let script = ". \"$TRAINYARD_LIB\"; await 60 \"the moon to rise\" test -e $ROOT/moon\n";
    node.stage("one", "", &[("prepare.sh", script)]);
    let run = start(&node, "0");
    wait_for("the wait", || node.read("var/lib/trainyard/status.json").contains("the moon"));
    let said = node.expect(3, &["status"]);
    assert!(said.contains("one is waiting for the moon to rise"), "{said}");
    assert_eq!(node.status(), [state("one", "waiting")]);
    node.write("moon", "");
    let ended = run.wait_with_output().expect("an end");
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        node.expect(0, &["logs", "one"]).contains("waiting for the moon to rise, at most 60 s")
    );
    assert_eq!(node.status(), [state("one", "done")]);
}

#[test]
fn a_stage_that_has_changed_is_not_told_as_done() {
    let node = Node::new();
    node.stage("one", "", &[]);
    node.stage("two", "require one\n", &[]);
    node.expect(0, &["run"]);
    node.expect(0, &["status"]);
    node.write("etc/trainyard/stages/one/configure.sh", "true\n");
    let said = node.expect(3, &["status"]);
    assert!(said.contains("0 of 2 stages are done"), "{said}");
    assert_eq!(node.status(), [state("one", "pending"), state("two", "pending")]);
    node.expect(0, &["run"]);
    node.expect(0, &["status"]);
}

#[test]
fn a_state_that_cannot_be_written_leaves_the_old_one_whole() {
    let node = Node::new();
    node.stage("one", "", &[]);
    node.expect(0, &["run"]);
    let before = node.read("var/lib/trainyard/state/one");
    // What a full disk does: the new file cannot be written.
    fs::create_dir(node.path("var/lib/trainyard/state/one~")).expect("in the way");
    let said = node.expect(0, &["run", "--force"]);
    assert!(said.contains("is running cannot be written down"), "{said}");
    assert_eq!(node.read("var/lib/trainyard/state/one"), before);
    node.write("var/lib/trainyard/state/one", "");
    assert_eq!(node.status(), [state("one", "pending")], "an empty one of old says nothing");
}

#[test]
fn a_stage_is_told_by_what_ended_it() {
    for (name, script, told) in [
        ("configure", "exit 124\n", "while configuring: (exit status 1)"),
        ("configure", "exit 137\n", "while configuring: (exit status 1)"),
        ("prepare", "timeout 1 sleep 60\n", "while preparing: (exit status 1)"),
        ("prepare", "timeout -s KILL 1 sleep 60 2>&-; exit $?\n", "(exit status 1)"),
        ("prepare", "kill -KILL $$\n", "(exit status 1)"),
    ] {
        let node = Node::new();
        node.stage("one", "limit 50\n", &[]);
        node.write(&format!("etc/trainyard/stages/one/{name}.sh"), script);
        let said = node.expect(6, &["run"]);
        assert!(said.contains(told) && !said.contains("more than"), "{script}: {said}");
    }
}

#[test]
fn a_verification_waits_for_nothing_that_it_left_running() {
    let node = Node::new();
    let name = format!("trainyard-verify-{}", std::process::id());
    node.stage("one", "", &[]);
    node.write(
        "etc/trainyard/stages/one/verify.sh",
        &format!("echo seen; set -m; bash -c 'exec -a {name} sleep 60' &\n"),
    );
    let begun = Instant::now();
    let said = node.expect(0, &["verify"]);
    assert!(said.contains("seen"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(!Command::new("pgrep").args(["-f", &name]).status().expect("pgrep").success());
}

#[test]
fn the_journal_has_every_word_of_a_stage() {
    let node = Node::new();
    fs::create_dir_all(node.path("run/systemd/journal")).expect("made");
    let _socket = UnixListener::bind(node.path("run/systemd/journal/stdout")).expect("a socket");
    node.fake("systemd-cat", "cat >>$ROOT/journal");
    node.fake("tail", "case $* in *--pid*) sleep 0.5;; esac; exec /usr/bin/tail \"$@\"");
    node.stage("one", "", &[("prepare.sh", "echo first word\n")]);
    node.expect(0, &["run"]);
    let journal = node.read("journal");
    assert!(journal.contains("--- preparing\nfirst word\n"), "{journal}");
    assert!(node.calls().contains(&"systemd-cat -t trainyard/one".to_owned()));
}

#[test]
fn a_log_that_has_grown_long_is_put_aside() {
    let node = Node::new();
    node.stage("one", "", &[]);
    node.write("var/log/trainyard/one.log", &"x\n".repeat(3 << 20));
    node.expect(0, &["run"]);
    assert!(fs::metadata(node.path("var/log/trainyard/one.log")).expect("a log").len() < 1000);
    assert!(node.path("var/log/trainyard/one.log.old").exists());
}

/// Stages set the clock right: a wait that went by it could end at once, or never.
#[test]
fn no_limit_goes_by_the_clock() {
    for file in crate::node_files() {
        let text = fs::read_to_string(&file).expect("text");
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert_eq!(
            lines.find(|line| line.contains("$SECONDS") || line.contains("((SECONDS")),
            None,
            "{file:?}"
        );
    }
}
