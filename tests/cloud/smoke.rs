//! The smoke test: what it does in which order, and that nothing of it stays.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Fake;

/// What a run makes, by the lists of the services.
const LISTS: [&str; 10] = [
    "servers",
    "volumes",
    "flavors",
    "os-keypairs",
    "images",
    "networks",
    "subnets",
    "routers",
    "security-groups",
    "ports",
];

/// What is there, but for what goes with its network.
fn left(fake: &Fake) -> Vec<String> {
    let with_network = |e: &Value| e["network_id"].is_string() && fake.list("networks").is_empty();
    let all = LISTS.iter().flat_map(|list| fake.list(list));
    all.filter(|e| !with_network(e))
        .map(|e| e["id"].as_str().or(e["name"].as_str()).expect("a name").to_owned())
        .collect()
}

fn steps(said: &str) -> Vec<&str> {
    said.lines().map(|line| line.split(':').next().expect("a name")).collect()
}

#[test]
fn it_uses_everything_once_and_leaves_nothing() {
    let fake = Fake::with(json!({ "block-storage": [{}] }));
    let said = fake.done("smoke.py", &[]);
    let wanted = [
        "enter",
        "tidy",
        "image",
        "flavor",
        "network",
        "ports",
        "security group",
        "key pair",
        "server",
        "console",
        "volume",
        "clean",
    ];
    assert_eq!(steps(&said), wanted.map(|step| format!("ok {step}")), "{said}");
    assert!(said.contains("ok console: trainyard: this server runs ("), "{said}");
    assert!(said.contains("ok image: 1048576 bytes, raw"), "{said}");
    assert_eq!(left(&fake), Vec::<String>::new());
    // A halted server does not let go of its volume: it goes first.
    let asked = fake.asked();
    let first =
        |of: &str| asked.iter().position(|a| a.starts_with(of)).unwrap_or_else(|| panic!("{of}"));
    assert!(first("DELETE /compute/servers/") < first("DELETE /volume/volumes/"));

    // Without block storage and routers, there is neither.
    let fake = Fake::with(json!({ "extensions": [{ "alias": "agent" }] }));
    let said = fake.done("smoke.py", &[]);
    assert!(!said.contains(" volume") && said.contains("ok network: a provider network"), "{said}");
    assert_eq!(left(&fake), Vec::<String>::new());
}

#[test]
fn a_failure_in_the_middle_is_told_once_and_tidied() {
    let fake = Fake::new();
    fake.fault(
        "GET",
        "/compute/servers/",
        "set",
        json!(["servers", { "status": "ERROR", "fault": { "message": "No valid host" } }]),
    );
    let said = fake.run("smoke.py", &[]);
    assert_eq!(said.status, 5, "{said:?}");
    let failed: Vec<&str> = said.out.lines().filter(|l| l.starts_with("FAILED")).collect();
    assert_eq!(failed.len(), 1, "{said:?}");
    assert!(
        failed[0].starts_with("FAILED server: the server is in ERROR: No valid host ("),
        "{said:?}"
    );
    assert!(!said.out.contains("console"), "{said:?}");
    assert!(said.out.lines().last().expect("a line").starts_with("ok clean: "), "{said:?}");
    assert_eq!(left(&fake), Vec::<String>::new());

    // The last step is no other.
    let fake = Fake::with(json!({ "block-storage": [{}] }));
    fake.fault("GET", "/volume/volumes/", "set", json!(["volumes", { "status": "error" }]));
    let said = fake.run("smoke.py", &[]);
    assert_eq!(said.out.matches("FAILED volume: the volume is in error (").count(), 1, "{said:?}");
    assert_eq!(said.status, 5);

    // Nor is the first.
    let fake = Fake::new();
    fake.fault("POST", "/v3/auth/tokens", "refuse", json!([401, "no"]));
    let said = fake.run("smoke.py", &[]);
    assert_eq!(steps(&said.out), ["FAILED enter", "ok clean"], "{said:?}");
}

#[test]
fn what_cannot_be_taken_away_is_named_and_the_rest_goes() {
    let fake = Fake::new();
    fake.fault("DELETE", "/compute/flavors/", "refuse", json!([403, "not yours"]));
    let said = fake.run("smoke.py", &[]);
    assert_eq!(said.status, 5);
    assert!(said.out.contains("FAILED clean: /flavors/flavors-"), "{said:?}");
    assert!(said.out.contains("403 not yours"), "{said:?}");
    assert_eq!(left(&fake).len(), 1, "{:?}", left(&fake));
}

#[test]
fn what_an_earlier_run_left_goes_first() {
    let fake = Fake::with(
        json!({ "block-storage": [{}], "volumes": [{ "id": "theirs", "name": "data", "status": "available" }] }),
    );
    let said = fake.done("smoke.py", &["--keep"]);
    assert!(!said.contains("clean"), "{said}");
    let kept = left(&fake);
    assert!(kept.len() >= 10, "{kept:?}");
    let said = fake.done("smoke.py", &[]);
    assert!(said.contains("ok tidy: of an earlier run, 9 things were left ("), "{said}");
    assert_eq!(left(&fake), ["theirs"], "another's volume stays");
}

#[test]
fn programs_get_json() {
    let fake = Fake::new();
    fake.fault("POST", "/compute/flavors", "refuse", json!([409, "no room"]));
    let said = fake.run("smoke.py", &["--format", "json"]);
    assert_eq!(said.status, 5);
    let told: Value = serde_json::from_str(&said.out).expect("JSON and nothing else");
    assert_eq!((&told["schema"], &told["ok"]), (&1.into(), &false.into()));
    let steps = told["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps.iter().map(|s| s["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["enter", "tidy", "image", "flavor", "clean"]);
    assert_eq!(steps[3]["ok"], false);
    assert!(steps[3]["detail"].as_str().expect("a text").ends_with("409 no room"), "{}", steps[3]);
    assert!(steps.iter().all(|step| step["seconds"].is_f64()), "{told}");
    assert_eq!(fake.run("smoke.py", &["--format", "xml"]).status, 2);
}

#[test]
fn a_server_that_never_comes_ends_it_in_time() {
    let fake = Fake::new();
    fake.fault(
        "GET",
        "/compute/servers/",
        "set",
        json!(["servers", { "status": "BUILD", "asked": 0 }]),
    );
    let mut command = fake.command("smoke.py", &[]);
    command.env("TRAINYARD_SMOKE_LIMIT", "7");
    let begun = Instant::now();
    let output = command.output().expect("python3 runs");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("FAILED server: the server is ACTIVE: not within "), "{said}");
    // There is time left for that.
    assert!(said.lines().last().expect("a line").starts_with("ok clean: "), "{said}");
    assert_eq!(left(&fake), Vec::<String>::new());
}
