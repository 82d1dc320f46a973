//! Services that refuse, are dead or slow, or answer with what nobody can read: told in a line, soon, and without a secret.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Fake, Said};

const SERVERS: [&str; 5] = ["rows", "compute", "/servers", "servers", "id"];

/// What a script says in the end of such a trouble.
fn told(fake: &Fake, arguments: &[&str]) -> String {
    told_by(fake, fake.command("cloud.py", arguments))
}

fn told_by(fake: &Fake, command: Command) -> String {
    let Said { status, out, err } = fake.said(command);
    assert_eq!((status, out.as_str()), (1, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("error: "), "{err}");
    err
}

#[test]
fn a_refusal_is_told_at_once() {
    let fake = Fake::with(
        json!({ "users": [{ "id": "x", "name": "glance", "password": "another", "domain_id": "default" }] }),
    );
    let said = told(
        &fake,
        &["rows", "--as", "glance:GLANCE_PASS:service", "image", "/v2/images", "images", "id"],
    );
    assert!(said.contains("/v3/auth/tokens: 401 The request you have made requires"), "{said}");
    assert_eq!(fake.asked().len(), 1, "another attempt would be refused as well");

    fake.fault("GET", "/compute/servers", "refuse", json!([403, "<h1>Forbidden</h1>\n\n no"]));
    assert!(told(&fake, &SERVERS).contains("/servers: 403 <h1>Forbidden</h1> no"));
    let said = told(&fake, &["rows", "compute", "/flavors/7", "flavor", "id"]);
    assert!(said.contains("/compute/flavors/7: 404 there is no flavors 7"), "{said}");
    let said = told(&fake, &["rows", "volumev3", "/volumes", "volumes", "id"]);
    assert!(said.contains("the catalogue has no internal endpoint of the type volumev3"), "{said}");
    let said = told(&fake, &["rows", "--as", "nova:NOVA_PASS:service", "compute", "/x", "x", "x"]);
    assert!(said.contains("the secret NOVA_PASS is not in "), "{said}");
}

#[test]
fn a_service_that_repeats_what_it_was_sent_shows_no_secret() {
    let fake = Fake::new();
    // `run` looks for the secrets.
    fake.fault("POST", "/v3/auth/tokens", "echo", json!(""));
    let said = told(&fake, &SERVERS);
    assert!(said.contains("400 Invalid input") && said.contains("\"password\": \"***\""), "{said}");
}

#[test]
fn who_is_just_starting_is_asked_again() {
    let fake = Fake::with(json!({ "servers": [{ "id": "1" }] }));
    let busy = json!({ "method": "GET", "path": "/servers", "do": "refuse", "with": [503, "busy"], "times": 2 });
    fake.faults(json!([busy]));
    assert_eq!(fake.done("cloud.py", &SERVERS), "1\n");
    fake.fault("GET", "/servers", "refuse", json!([503, "busy"]));
    assert!(told(&fake, &SERVERS).contains("/servers: 503 busy"));
    let asked = fake.asked().iter().filter(|a| a.starts_with("GET ")).count();
    assert_eq!(asked, 3 + 3);
}

#[test]
fn a_dead_port_and_an_unknown_name_are_told() {
    let mut fake = Fake::new();
    fake.process.kill().expect("ended");
    fake.process.wait().expect("ended");
    let said = told(&fake, &SERVERS);
    assert!(
        said.contains(":5000/v3/auth/tokens: ") && said.contains("Connection refused"),
        "{said}"
    );
}

#[test]
fn nonsense_is_told_as_such() {
    let fake = Fake::new();
    fake.fault("GET", "/servers", "say", json!("<html>It works!</html>"));
    assert!(told(&fake, &SERVERS).contains("the answer is no JSON: <html>It works!</html>"));
    for (path, method, what) in [
        ("/servers", "GET", "[1]"),
        ("/servers", "GET", "\"a text\""),
        ("/servers", "GET", ""),
        ("/auth/tokens", "POST", "{}"),
        ("/auth/tokens", "POST", "{\"token\": {\"catalog\": [{}]}}"),
    ] {
        fake.fault(method, path, "say", json!(what));
        let said = told(&fake, &SERVERS);
        assert!(said.contains("is not what was expected"), "{what}: {said}");
    }
    let broken = fake.folder.path().join("broken.json");
    std::fs::write(&broken, "{").expect("written");
    fake.faults(json!([]));
    for path in [broken.display().to_string(), format!("{}.none", broken.display())] {
        told(&fake, &["register", &path]);
    }
}

#[test]
fn an_answer_that_never_ends_is_given_up() {
    let fake = Fake::new();
    fake.fault("GET", "/servers", "drip", json!(""));
    let mut command = fake.command("cloud.py", &SERVERS);
    command.env("TRAINYARD_ANSWER_LIMIT", "0.5");
    // The fake goes on for ten seconds at each of three attempts.
    let begun = Instant::now();
    let said = told_by(&fake, command);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(said.contains("/servers: no whole answer within 0.5 s"), "{said}");
}
