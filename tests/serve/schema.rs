//! What the API answers is what its schema says, and no more.

use std::fs;
use std::process::Command;

use crate::client::ask;
use crate::common::{Lab, judged, seeded_by_web};
use crate::running::Serving;

/// Reads a schema and answers; each by the definition of its name, in which no key may be unknown.
const JUDGE: &str = r##"
import json, sys, jsonschema
schema = json.load(open("schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
def strict(part):
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
        strict(value)
    if isinstance(part, dict) and part.get("type") == "object":
        part["additionalProperties"] = False
told = json.load(open("told.json"))
for name, answer in told:
    whole = json.loads(json.dumps(schema))
    if name != "armed":  # a node, and one key more
        strict(whole)
    whole = {"definitions": whole["definitions"], "$ref": "#/definitions/" + name}
    errors = [error.message for error in jsonschema.Draft7Validator(whole).iter_errors(answer)]
    print(name, errors)
    assert bool(errors) == (name == sys.argv[1]), name
"##;

fn judge(lab: &Lab, told: &serde_json::Value, wrong: &str) {
    fs::write(lab.path("told.json"), told.to_string()).expect("written");
    let mut command = Command::new("/usr/bin/python3");
    command.current_dir(lab.path(".")).arg("-c").arg(JUDGE).arg(wrong);
    judged(command);
}

#[test]
fn every_answer_is_as_the_schema_says() {
    let serving = Serving::of(Lab::new(&seeded_by_web()), &[]);
    serving.wait_for("controller", "armed");
    let schema = serving.get("/api/v1/schema");
    assert_eq!(schema.header("content-type"), Some("application/schema+json"));
    fs::write(serving.lab.path("schema.json"), schema.text()).expect("written");

    let of = |path: &str| serving.get(path).json();
    let command = |words: &[&str]| -> serde_json::Value {
        let said = serving.lab.done(words).stdout;
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    let armed = command(&["node", "arm", "controller", "--format", "json"])["nodes"][0].clone();
    let seed = command(&["node", "seed", "controller", "--format", "json"]);
    let report = armed["report"].as_str().expect("an address").to_owned();
    let path = &report[report.find("/r/").expect("a path")..];
    let stages = r#"{"schema": 1, "stages": [{"name": "a", "state": "done"}], "verified": {"ok": false, "at": "2026-01-01T00:00:00Z", "passed": 3, "failed": ["a: it answers"], "again": true}}"#;
    let kind = "Content-Type: application/json".to_owned();
    let told = ask(serving.address, "POST", &format!("{path}/stages"), &[kind], stages);
    assert_eq!(told.status, 204, "{told:?}");

    let events = of("/api/v1/events");
    let nodes = of("/api/v1/nodes");
    let first = &nodes["nodes"][0];
    assert!(
        first["verified"]["again"] == true && first["stages"]["stages"][0]["name"] == "a",
        "{nodes}"
    );
    let event = events["events"][0].clone();
    let chunks = "Transfer-Encoding: chunked".to_owned();
    let answers = serde_json::json!([
        ["nodes", nodes],
        ["node", of("/api/v1/nodes/controller")],
        ["armed", armed],
        ["events", events],
        ["event", event],
        ["seed", seed],
        ["error", of("/api/v1/nodes/nobody")],
        ["error", of("/api/v1/nothing")],
        ["error", of("/api/v1/events?after=x")],
        ["error", ask(serving.address, "PUT", "/api/v1/nodes", &[], "").json()],
        ["error", ask(serving.address, "PUT", "/api/v1/nodes", &[chunks], "").json()],
    ]);
    judge(&serving.lab, &answers, "");
    // It can say no.
    let mut wrong = answers[1][1].clone();
    wrong["since"] = "yesterday".into();
    judge(&serving.lab, &serde_json::json!([["node", wrong]]), "node");
    let mut more = answers[1][1].clone();
    more["secret"] = "x".into();
    judge(&serving.lab, &serde_json::json!([["node", more]]), "node");
}

/// Programs are told what is wrong in one form, nodes in a line of text; and what a header says, it says in both.
#[test]
fn what_is_wrong_is_told_in_the_form_of_who_asks() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--no-arm"]);
    let ask = |method: &str, path: &str| ask(serving.address, method, path, &[], "");
    for (method, path, status, words) in [
        ("GET", "/api/v1/nothing", 404, "nothing is at this address"),
        ("GET", "/api/", 404, "nothing is at this address"),
        ("PUT", "/api/v1/nodes", 405, "this address takes GET,HEAD"),
        ("GET", "/api/v1/nodes/compute/arm", 405, "this address takes POST"),
        ("GET", "/api/v1/nodes/%ff", 400, "Invalid URL: Invalid UTF-8 in `name`"),
        ("GET", "/api/v1/nodes/nobody", 404, "the lab has no node `nobody`"),
    ] {
        let answer = ask(method, path);
        let said = serde_json::json!({ "schema": 1, "error": words });
        assert_eq!((answer.status, answer.json()), (status, said), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{path}");
    }
    let wrong = ask("GET", "/api/v1/events?after=yesterday");
    let words = wrong.json()["error"].as_str().expect("words").to_owned();
    assert!(wrong.status == 400 && words.contains("after: invalid digit"), "{wrong:?}");
    let head = ask("HEAD", "/api/v1/nothing");
    assert_eq!((head.status, head.text()), (404, String::new()));
    for (path, text) in [("/nothing", ""), ("/n/x/ks", "nothing is here, or not any more\n")] {
        let answer = ask("GET", path);
        assert_eq!((answer.status, answer.text()), (404, text.to_owned()));
    }
}
