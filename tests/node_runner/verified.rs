//! What is kept of a verification of the whole node, and when it is made by itself.

use serde_json::{Value, json};

use crate::node::Node;

/// A node with a stage that makes two checks, and one that makes none.
fn node() -> Node {
    let node = Node::new();
    let script = "#!/bin/bash\nset -euo pipefail\n. \"$TRAINYARD_LIB\"\n\
                  check 'the way is free' test ! -e $ROOT/broken\ncheck 'it is up' true\nverdict\n";
    node.stage("way", "", &[("verify.sh", script)]);
    node.stage("plain", "", &[("verify.sh", "[ ! -e $ROOT/odd ] || exit 3\n")]);
    node
}

/// What programs are told: the file, which is what `status` says as well.
fn verified(node: &Node) -> Value {
    let read = |text: &str| -> Value { serde_json::from_str(text).expect(text) };
    let kept = read(&node.read("var/lib/trainyard/status.json"))["verified"].clone();
    let output = node.command(&["status", "--format", "json"]).output().expect("bash").stdout;
    assert_eq!(read(&String::from_utf8(output).expect("text"))["verified"], kept);
    kept
}

/// The same without its time, which is one.
fn found(node: &Node) -> Value {
    let mut found = verified(node);
    if let Some(found) = found.as_object_mut() {
        let at = found.remove("at").expect("a time");
        let at = at.as_str().expect("a text");
        assert!(at.len() == 20 && at.starts_with("20") && at.ends_with('Z'), "{at}");
    }
    found
}

fn banner(node: &Node) -> String {
    node.read("run/trainyard.banner").lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_a_verification_found_is_kept_until_a_stage_runs_again() {
    let node = node();
    assert!(banner(&node).is_empty());
    node.expect(0, &["run"]);
    assert_eq!(verified(&node), Value::Null);
    let about = "trainyard: controller is configured (all 2 stages";
    assert_eq!(banner(&node), format!("{about}; as root: trainyard-node verify)"));

    node.expect(0, &["verify"]);
    assert_eq!(found(&node), json!({ "ok": true, "passed": 2, "failed": [], "again": false }));
    assert_eq!(banner(&node), format!("{about}, 2 checks passed)"));

    node.write("broken", "");
    node.write("odd", "");
    node.expect(5, &["verify", "--format", "json"]);
    let unmet = ["way: the way is free", "plain: verify.sh (exit status 3)"];
    let wanted = json!({ "ok": false, "passed": 1, "failed": unmet, "again": false });
    assert_eq!(found(&node), wanted);
    assert_eq!(
        banner(&node),
        format!("{about}; 2 of 3 checks failed; as root: trainyard-node verify)")
    );
    let said = node.expect(0, &["status"]);
    assert!(
        said.contains(&format!("    FAILED {}\n    FAILED {}\nSTAGE", unmet[0], unmet[1])),
        "{said}"
    );

    // A part of them says nothing of the whole.
    node.expect(5, &["verify", "way"]);
    assert_eq!(found(&node), wanted);
    node.expect(0, &["run"]);
    assert_eq!(found(&node), wanted, "nothing has run");
    node.expect(0, &["run", "--force", "plain"]);
    assert_eq!(verified(&node), Value::Null);
    assert!(!node.expect(0, &["status"]).contains("FAILED"));
}

#[test]
fn nothing_is_verified_before_all_stages_are_done() {
    let node = node();
    node.write("etc/trainyard/stages/plain/configure.sh", "[ ! -e $ROOT/odd ]\n");
    node.write("odd", "");
    node.expect(6, &["run"]);
    node.expect(5, &["verify"]);
    assert_eq!(verified(&node), Value::Null);
    let said = node.expect(3, &["verify", "--retry"]);
    assert!(said.contains("not all stages are done"), "{said}");
    node.shell("rm $ROOT/odd");
    node.expect(0, &["run"]);
    node.expect(0, &["verify"]);
    assert_eq!(found(&node)["ok"], true);
    // Nor after the lab has changed.
    node.write("etc/trainyard/stages/plain/manifest", "parameter size 1\n");
    let said = node.command(&["status", "--format", "json"]).output().expect("bash").stdout;
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!((&said["stages"][1]["state"], &said["verified"]), (&json!("pending"), &Value::Null));
    node.expect(0, &["verify"]);
    let said: Value =
        serde_json::from_str(&node.read("var/lib/trainyard/status.json")).expect("JSON");
    assert_eq!(said["verified"]["passed"], 2, "what was found before");
    node.expect(0, &["reset", "plain"]);
    assert_eq!(verified(&node), Value::Null);
}

/// What is half of it, or of a disk that lost it, is nothing.
#[test]
fn what_is_no_result_is_none() {
    let node = node();
    node.expect(0, &["run"]);
    for kept in ["", "\n", "ok\n", "\0\0\0\0", "ok 2026-11-26T10:00:00Z x no\n", "what 2 3 4\n"] {
        node.write("var/lib/trainyard/verified", kept);
        let output = node.command(&["status", "--format", "json"]).output().expect("bash");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((output.status.code(), &said["verified"]), (Some(0), &Value::Null), "{kept:?}");
    }
}

#[test]
fn a_stage_that_runs_while_it_is_verified_makes_it_worthless() {
    let node = node();
    node.expect(0, &["run"]);
    let script = "/bin/bash $TRAINYARD_PROGRAM run --force plain >/dev/null; sleep 1.1\n";
    // The time of a state has whole seconds.
    node.write("etc/trainyard/stages/way/verify.sh", &format!("sleep 1.1; {script}"));
    node.expect(0, &["run"]);
    node.expect(0, &["verify"]);
    assert_eq!(verified(&node), Value::Null);
}

#[test]
fn many_failures_are_cut_and_odd_names_stay_json() {
    let node = Node::new();
    let script = format!(
        "for n in $(seq 150); do echo \"FAILED check $n: x\"; done; echo 'ok fine: x'; exit 1 # {}\n",
        "x".repeat(300)
    );
    node.stage("many", "", &[("verify.sh", &script)]);
    node.expect(0, &["run"]);
    node.expect(5, &["verify"]);
    let failed = verified(&node)["failed"].clone();
    let failed = failed.as_array().expect("a list");
    assert_eq!((failed.len(), &failed[99]), (100, &json!("many: check 100")));
    let script =
        format!("printf 'FAILED a \"b\" \\\\ \\033\\320 {}: x\\n'; exit 1\n", "c".repeat(300));
    node.write("etc/trainyard/stages/many/verify.sh", &script);
    node.expect(0, &["run"]);
    node.expect(5, &["verify"]);
    let failed = verified(&node)["failed"][0].as_str().expect("a text").to_owned();
    assert!(failed.starts_with("many: a \"b\" \\  ccc") && failed.len() <= 200, "{failed}");
}

#[test]
fn a_run_starts_its_verification_where_it_is_to_and_nothing_is_known() {
    let node = node();
    let start = "systemctl --no-block restart trainyard-verify.service";
    node.write("etc/trainyard/stages/plain/configure.sh", "[ ! -e $ROOT/odd ]\n");
    node.write("odd", "");
    node.expect(6, &["run", "--verify"]);
    assert!(!node.calls().iter().any(|call| call == start), "a stage failed");
    node.shell("rm $ROOT/odd");
    node.expect(0, &["run"]);
    assert!(!node.calls().iter().any(|call| call == start), "nobody wants it");
    node.expect(0, &["run", "--verify"]);
    assert_eq!(node.calls(), [start]);
    node.write("broken", "");
    node.expect(5, &["verify"]);
    node.expect(0, &["run", "--verify"]);
    assert_eq!(node.calls(), [start], "it may be content by now");
    node.shell("rm $ROOT/broken");
    node.expect(0, &["verify"]);
    node.expect(0, &["run", "--verify"]);
    assert!(node.calls().is_empty(), "what was found still holds");
    // Whatever becomes of it, the stages are done.
    node.fake("systemctl", "exit 1");
    node.expect(0, &["run", "--verify", "--force"]);
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/node");
    let read = |name: &str| std::fs::read_to_string(format!("{scripts}/{name}")).expect("a unit");
    assert!(read("trainyard-first-boot.service").contains("/trainyard-node run --verify\n"));
    assert!(read("trainyard-verify.service").contains("/trainyard-node verify --retry\n"));
}

#[test]
fn a_check_that_fails_is_made_again_for_a_while() {
    let node = node();
    node.expect(0, &["run"]);
    // Another node comes up after the second time.
    let way = node.read("etc/trainyard/stages/way/verify.sh");
    let counts = "echo >>$ROOT/asked; [ $(wc -l <$ROOT/asked) -lt 3 ] || rm -f $ROOT/broken\n\
                  cp $ROOT/var/lib/trainyard/status.json $ROOT/was.$(wc -l <$ROOT/asked)\n";
    node.write(
        "etc/trainyard/stages/way/verify.sh",
        &way.replacen("set -", &format!("{counts}set -"), 1),
    );
    node.write("broken", "");
    node.expect(0, &["run"]);
    let retry = |limit: &str| {
        let mut command = node.command(&["verify", "--retry"]);
        command.env("TRAINYARD_RETRY_PAUSE", "1").env("TRAINYARD_RETRY_LIMIT", limit);
        command.output().expect("bash")
    };
    let output = retry("60");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("FAILED the way is free").count(), 1, "the same is said once: {said}");
    for (line, count) in [
        ("1 of 2 stages are not content so far; they are asked again in 1 s\n", 1),
        ("1 of 2 stages are not content so far; they are asked again in 2 s\n", 1),
        ("all 2 checks passed\n", 1),
    ] {
        assert_eq!(said.matches(line).count(), count, "{said}");
    }
    assert_eq!(found(&node), json!({ "ok": true, "passed": 2, "failed": [], "again": false }));
    let was: Value = serde_json::from_str(&node.read("was.2")).expect("JSON");
    assert_eq!(was["verified"]["again"], true, "{was}");
    assert_eq!(was["verified"]["failed"], json!(["way: the way is free"]));

    // And not for ever.
    node.write("odd", "");
    let output = retry("0");
    assert_eq!(output.status.code(), Some(5));
    let unmet = ["plain: verify.sh (exit status 3)"];
    assert_eq!(found(&node), json!({ "ok": false, "passed": 2, "failed": unmet, "again": false }));
}

#[test]
fn a_verification_that_takes_too_long_is_ended() {
    let node = node();
    node.expect(0, &["run"]);
    node.write("etc/trainyard/stages/way/verify.sh", "sleep 60\n");
    node.expect(0, &["run"]);
    let begun = std::time::Instant::now();
    let mut command = node.command(&["verify", "--retry"]);
    command.env("TRAINYARD_VERIFY_LIMIT", "1").env("TRAINYARD_RETRY_LIMIT", "0");
    assert_eq!(command.output().expect("bash").status.code(), Some(5));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    let unmet = ["way: verify.sh (exit status 124)", "plain: verify.sh (exit status 124)"];
    assert_eq!(found(&node)["failed"], json!(unmet));
}
