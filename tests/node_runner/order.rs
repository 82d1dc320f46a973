//! What stages require of each other, what is left behind when a run is cut off, and what people see of all that.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::node::Node;

fn state(name: &str, state: &str) -> (String, String) {
    (name.to_owned(), state.to_owned())
}

/// `first` is required by `second`, that by `third`; `other` stands alone.
fn chain() -> Node {
    let node = Node::new();
    node.stage("first", "", &[]);
    node.stage("second", "require first\n", &[]);
    node.stage("other", "", &[]);
    node.stage("third", "require second\n", &[]);
    node
}

#[test]
fn a_failure_blocks_what_requires_it_and_nothing_else() {
    let node = chain();
    node.stage("hook-mine", "require *\n", &[]);
    node.write("etc/trainyard/stages/first/configure.sh", "echo tried >>$ROOT/calls; false\n");
    let said = node.expect(6, &["run"]);
    assert_eq!(node.calls(), ["tried", "tried", "configure other"]);
    assert!(said.contains("second: blocked, for it requires `first`, which is not done"), "{said}");
    assert!(said.contains("4 of 5 stages failed or are blocked"), "{said}");
    let states = [
        state("first", "failed"),
        state("second", "blocked"),
        state("other", "done"),
        state("third", "blocked"),
        state("hook-mine", "blocked"),
    ];
    assert_eq!(node.status(), states);
    let said = node.expect(6, &["status"]);
    assert!(said.contains("controller, 1 of 5 stages are done"), "{said}");
    assert!(said.contains("failed, or blocked by one that failed: first second third hook-mine"));

    // One that is asked for by its name is blocked as well, and says what to run first.
    let said = node.expect(6, &["run", "third"]);
    assert!(said.contains("third: blocked, for it requires `second`"), "{said}");
    node.write("etc/trainyard/stages/first/configure.sh", "echo mended >>$ROOT/calls\n");
    node.expect(0, &["run"]);
    let expected = ["mended", "configure second", "configure third", "configure hook-mine"];
    assert_eq!(node.calls(), expected);
    node.expect(0, &["status"]);
}

#[test]
fn what_requires_a_changed_stage_runs_again_and_a_hook_does_not() {
    let node = chain();
    node.stage("hook-mine", "require *\n", &[]);
    node.expect(3, &["status"]);
    node.expect(0, &["run"]);
    node.calls();
    node.write("etc/trainyard/stages/first/manifest", "summary other words\n");
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["configure first", "configure second", "configure third"]);
    node.expect(0, &["run"]);
    assert!(node.calls().is_empty());
}

#[test]
fn a_stage_that_is_forced_and_fails_is_done_no_more() {
    let node = chain();
    node.expect(0, &["run"]);
    node.calls();
    node.stage("late", "", &[]);
    node.write(
        "etc/trainyard/stages/late/configure.sh",
        "echo late >>$ROOT/calls; [ ! -e $ROOT/down ]\n",
    );
    node.expect(0, &["run"]);
    node.write("down", "");
    node.expect(6, &["run", "--force", "late"]);
    node.expect(6, &["run"]);
    fs::remove_file(node.path("down")).expect("removed");
    node.calls();
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["late"]);
    node.expect(0, &["status"]);
}

#[test]
fn reset_makes_a_stage_and_those_that_require_it_run_again() {
    let node = chain();
    node.expect(0, &["run"]);
    node.calls();
    let said = node.expect(0, &["reset", "second"]);
    assert_eq!(said, "second is to run again\nthird is to run again\n");
    assert_eq!(
        node.status()[1..],
        [state("second", "pending"), state("other", "done"), state("third", "pending")]
    );
    node.expect(3, &["status"]);
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["configure second", "configure third"]);
    node.expect(2, &["reset"]);
    node.expect(2, &["reset", "nope"]);
}

#[test]
fn logs_shows_what_a_stage_said_in_all_its_attempts() {
    let node = Node::new();
    node.stage(
        "talks",
        "",
        &[(
            "prepare.sh",
            "echo here is a word; [ -e $ROOT/twice ] || { : >$ROOT/twice; exit 1; }\n",
        )],
    );
    let said = node.expect(1, &["logs", "talks"]);
    assert!(said.contains("has not run yet"), "{said}");
    node.expect(0, &["run"]);
    let said = node.expect(0, &["logs", "talks"]);
    assert_eq!(said.matches("here is a word").count(), 2, "{said}");
    assert!(said.contains("=== talks, attempt 2"), "{said}");
    node.expect(2, &["logs"]);
}

#[test]
fn who_logs_in_is_told_and_no_word_of_a_stage_is_for_everyone() {
    let node = Node::new();
    node.stage("one", "", &[]);
    node.stage("two", "", &[]);
    node.write(
        "etc/trainyard/stages/two/configure.sh",
        "cat $ROOT/run/trainyard.banner; echo private; false\n",
    );
    node.expect(6, &["run"]);
    let log = node.expect(0, &["logs", "two"]);
    assert!(log.contains("trainyard: controller, 1 of 2 stages are done; two is running"), "{log}");
    let banner = node.read("run/trainyard.banner");
    assert!(
        banner.contains("1 of 2 stages are done")
            && banner.contains("failed, or blocked by one that failed: two")
    );
    assert!(!banner.contains("private"), "{banner}");
    assert_eq!(crate::mode(&node.path("run/trainyard.banner")), 0o644);
    node.write("etc/trainyard/stages/two/configure.sh", "");
    node.expect(0, &["run"]);
    assert!(
        node.read("run/trainyard.banner")
            .starts_with("trainyard: controller is configured (all 2 stages")
    );
}

/// Waits for something that a run does, at most ten seconds.
fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        sleep(Duration::from_millis(20));
    }
}

fn start(node: &Node) -> Child {
    let mut command = node.command(&["run"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().expect("bash")
}

/// Whether a process with this name in its command line lives.
fn lives(name: &str) -> bool {
    Command::new("pgrep").args(["-f", name]).output().expect("pgrep").status.success()
}

#[test]
fn a_second_run_waits_for_the_first_and_finds_everything_done() {
    let node = Node::new();
    node.stage(
        "slow",
        "",
        &[("prepare.sh", ": >$ROOT/inside; while [ ! -e $ROOT/go ]; do sleep 0.05; done\n")],
    );
    let first = start(&node);
    wait_for("the stage", || node.path("inside").exists());
    let second = start(&node);
    sleep(Duration::from_millis(300));
    node.write("go", "");
    let [first, second] = [first, second].map(|run| run.wait_with_output().expect("an end"));
    assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)));
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(said.contains("another trainyard-node is at work; waiting for its end"), "{said}");
    assert!(said.contains("slow: done before"), "{said}");
    assert_eq!(node.calls(), ["configure slow"]);
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_the_next_one_does_not_end() {
    let node = Node::new();
    let name = format!("trainyard-leftover-{}", std::process::id());
    // A command that bounds itself is a process group of its own.
    let script = format!(
        "[ -e $ROOT/again ] || timeout 600 bash -c ': >$ROOT/inside; exec -a {name} sleep 600'\n"
    );
    node.stage("slow", "", &[("prepare.sh", &script)]);
    let mut first = start(&node);
    wait_for("the stage", || node.path("inside").exists() && lives(&name));
    first.kill().expect("killed");
    first.wait().expect("an end");
    assert!(lives(&name), "it outlives the run");
    assert_eq!(node.status(), [state("slow", "pending")]);
    assert!(node.expect(3, &["status"]).contains("was interrupted"));
    node.write("again", "");
    let said = node.expect(0, &["run"]);
    assert!(said.contains("ending what a run that was killed left behind"), "{said}");
    assert!(!lives(&name));
    assert_eq!(node.calls(), ["configure slow"]);
}

#[test]
fn a_time_limit_and_a_signal_end_everything_that_a_stage_started() {
    for is_signal in [false, true] {
        let node = Node::new();
        let name = format!("trainyard-bounded-{}-{is_signal}", std::process::id());
        let script = format!("timeout 600 bash -c ': >$ROOT/inside; exec -a {name} sleep 600'\n");
        node.stage("slow", if is_signal { "" } else { "limit 1\n" }, &[("prepare.sh", &script)]);
        if is_signal {
            let run = start(&node);
            wait_for("the stage", || node.path("inside").exists() && lives(&name));
            let id = run.id().to_string();
            Command::new("kill").args(["-TERM", &id]).status().expect("kill");
            assert_eq!(run.wait_with_output().expect("an end").status.code(), Some(130));
            assert_eq!(node.status(), [state("slow", "pending")]);
        } else {
            let said = node.expect(6, &["run"]);
            assert!(said.contains("more than 1 s"), "{said}");
        }
        assert!(!lives(&name), "signal: {is_signal}");
        assert!(!node.path("run/trainyard/session").exists());
    }
}

#[test]
fn a_mark_that_cannot_be_written_is_an_error_and_the_next_run_goes_on() {
    let node = chain();
    node.expect(0, &["run"]);
    node.calls();
    fs::remove_dir_all(node.path("var/lib/trainyard/done")).expect("removed");
    node.write("var/lib/trainyard/done", "a file in the way");
    node.expect(1, &["run"]);
    fs::remove_file(node.path("var/lib/trainyard/done")).expect("removed");
    node.calls();
    node.expect(0, &["run"]);
    assert_eq!(node.calls().len(), 4, "all four stages run again");
}
