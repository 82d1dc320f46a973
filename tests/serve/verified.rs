//! What the verification of a node found is told, where all of its stages are done.

use serde_json::{Value, json};

use crate::client::ask;
use crate::running::Serving;

/// A node that tells of two stages and of what was found.
struct Node {
    serving: Serving,
    path: String,
}

impl Node {
    fn new() -> Self {
        let serving = Serving::new();
        serving.wait_for("compute", "armed");
        let kickstart = serving.get_as(&serving.mac("compute"), &serving.kickstart_path("compute"));
        let path = format!("{}/stages", Serving::report_path(&kickstart.text()));
        Self { serving, path }
    }

    fn tell(&self, database: &str, verified: &Value) -> u16 {
        let stages = json!([{ "name": "cache", "state": "done" }, { "name": "database", "state": database }]);
        let said = json!({ "schema": 1, "stages": stages, "verified": verified }).to_string();
        let kind = "Content-Type: application/json".to_owned();
        ask(self.serving.address, "POST", &self.path, &[kind], &said).status
    }

    /// What it said last, as the API shows it beside its words.
    fn verified(&self) -> Value {
        let node = self.serving.node("compute");
        assert_eq!(node["state"], "installed");
        assert_eq!(node["stages"].as_object().map(serde_json::Map::len), Some(1), "{node}");
        let mut verified = node["verified"].clone();
        let words = verified.as_object_mut().and_then(|found| found.remove("words"));
        assert_eq!(words.is_some_and(|words| words.is_string()), verified.is_object(), "{node}");
        verified
    }

    fn last(&self) -> String {
        let table = self.serving.node_command(&["status", "compute"]).stdout;
        let line = table.lines().nth(1).unwrap_or_else(|| panic!("{table}"));
        line.split("  ").last().expect("words").trim().to_owned()
    }

    fn events(&self) -> Vec<String> {
        let said = self.serving.get("/api/v1/events?node=compute").json();
        let events = said["events"].as_array().expect("events").iter();
        events.map(|event| event["text"].as_str().expect("words").to_owned()).collect()
    }

    fn metrics(&self) -> [String; 2] {
        let text = self.serving.get("/metrics").text();
        let value = |found: &str| {
            let name = format!("trainyard_nodes_verified{{found=\"{found}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name));
            line.unwrap_or_else(|| panic!("{text}")).to_owned()
        };
        ["ok", "failed"].map(value)
    }
}

const AT: &str = "2026-11-26T10:00:00Z";

fn found(ok: bool, passed: u64, failed: &[&str], again: bool) -> Value {
    json!({ "ok": ok, "at": AT, "passed": passed, "failed": failed, "again": again })
}

#[test]
fn what_was_found_is_shown_and_told_when_it_changes() {
    let mut node = Node::new();
    assert_eq!(node.tell("running", &Value::Null), 204);
    assert_eq!(node.verified(), Value::Null);
    let early = found(true, 57, &[], false);
    assert_eq!(node.tell("running", &early), 204);
    assert_eq!(node.verified(), Value::Null, "not everything is done");

    let missing = ["host-network: each other node answers"];
    let first = found(false, 56, &missing, true);
    assert_eq!(node.tell("done", &first), 204);
    assert_eq!((node.verified(), node.metrics()), (first.clone(), ["0", "1"].map(str::to_owned)));
    let about = "1 of 57 checks fail so far: host-network: each other node answers";
    assert_eq!(node.last(), format!("2 of 2 stages done, not verified: {about}"));
    // The same is no news, and neither is how many they were.
    let more = found(false, 58, &missing, true);
    assert_eq!(node.tell("done", &more), 204);
    assert_eq!(node.verified(), more);

    let good = found(true, 59, &[], false);
    assert_eq!(node.tell("done", &good), 204);
    assert_eq!(
        (node.last(), node.metrics()),
        ("2 of 2 stages done, verified by 59 checks".to_owned(), ["1", "0"].map(str::to_owned))
    );
    // It outlives the server.
    node.serving.kill();
    node.serving.again(&[]);
    assert_eq!(node.verified(), good);
    assert_eq!(node.tell("running", &Value::Null), 204);
    assert_eq!(node.verified(), Value::Null);
    assert_eq!(node.tell("done", &good), 204);
    let told = node.events();
    assert_eq!(
        told[3..],
        [
            "installed; cache: done; database: running".to_owned(),
            format!("not verified: {about}; database: done"),
            "verified by 59 checks".to_owned(),
            "database: running".to_owned(),
            "verified by 59 checks; database: done".to_owned(),
        ]
    );
    // What was armed again has nothing of it.
    assert_eq!(node.serving.node_command(&["arm", "compute"]).status, 0);
    assert_eq!(node.serving.node("compute")["verified"], Value::Null);
    assert_eq!(node.metrics(), ["0", "0"]);
}

#[test]
fn what_a_node_says_of_it_is_bounded() {
    let node = Node::new();
    for wrong in [
        json!(5),
        json!([]),
        json!({}),
        json!({ "ok": "yes", "passed": 1, "failed": [] }),
        json!({ "ok": true, "passed": -1, "failed": [] }),
        json!({ "ok": true, "passed": u64::MAX, "failed": [] }),
        json!({ "ok": true, "passed": 1.5, "failed": [] }),
        json!({ "ok": true, "passed": 1, "failed": "none" }),
    ] {
        assert_eq!(node.tell("done", &wrong), 400, "{wrong}");
    }
    assert_eq!(node.serving.state("compute"), "installing", "nothing of it counts");

    // One that contradicts itself is not content, and what it says is text of one line.
    let failed: Vec<_> = (0..500).map(|n| format!("a: {n}\n\u{1b}[31m")).collect();
    let many = json!({ "ok": true, "at": "x".repeat(1000), "passed": 1, "failed": failed, "again": 7, "more": { "x": 1 } });
    assert_eq!(node.tell("done", &many), 204);
    let kept = node.verified();
    let kept = kept.as_object().expect("an object");
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["ok", "at", "passed", "failed", "again"]);
    assert_eq!((&kept["ok"], &kept["again"]), (&json!(false), &json!(false)));
    assert_eq!(kept["at"].as_str().map(str::len), Some(300));
    let failed = kept["failed"].as_array().expect("a list");
    assert_eq!((failed.len(), &failed[0]), (100, &json!("a: 0  [31m")));
    let odd = json!({ "ok": false, "passed": 0, "failed": [5, null, {}] });
    assert_eq!(node.tell("done", &odd), 204);
    assert_eq!(node.verified()["failed"], json!(["", "", ""]));
}
