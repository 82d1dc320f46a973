//! Users and the catalogue: made once, mended where they are wrong, never twice.

use serde_json::{Value, json};

use crate::Fake;

fn glance(fake: &Fake) -> String {
    let url = format!("http://{}:9292", fake.address);
    fake.identity(
        "identity.json",
        &json!({
            "users": [{ "name": "glance", "secret": "GLANCE_PASS", "project": "service", "role": "admin" }],
            "services": [{ "name": "glance", "type": "image", "description": "OpenStack Image", "url": url }],
        }),
    )
}

/// Interface, URL and whether it is in use, of each endpoint.
fn endpoints(fake: &Fake) -> Vec<(String, String, bool)> {
    let text = |e: &Value, key: &str| e[key].as_str().expect("a text").to_owned();
    let list = fake.list("endpoints");
    let mut found: Vec<_> = list
        .iter()
        .map(|e| (text(e, "interface"), text(e, "url"), e["enabled"].as_bool().expect("a flag")))
        .collect();
    found.sort();
    found
}

/// What of a run changes something.
fn changes(fake: &Fake, from: usize) -> Vec<String> {
    let asked = fake.asked().split_off(from);
    asked.into_iter().filter(|a| !a.starts_with("GET ") && !a.ends_with("/auth/tokens")).collect()
}

#[test]
fn what_is_registered_is_made_once() {
    let fake = Fake::new();
    let file = glance(&fake);
    let said = fake.done("cloud.py", &["register", &file]);
    for part in ["project service: made", "user glance: made", "service glance (image): made"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let url = format!("http://{}:9292", fake.address);
    let wanted = ["admin", "internal", "public"].map(|i| (i.to_owned(), url.clone(), true));
    assert_eq!(endpoints(&fake), wanted);
    let grants = fake.list("grants");
    assert_eq!(grants.len(), 1, "{grants:?}");
    let user = &fake.list("users")[2];
    assert_eq!((&user["name"], &user["password"]), (&"glance".into(), &"5ec4e791a2ce".into()));
    assert_eq!(grants[0]["path"][2], user["id"]);
    assert_eq!(grants[0]["path"][4], "r-admin");

    let before = fake.asked().len();
    let said = fake.done("cloud.py", &["register", &file]);
    assert_eq!(said, "user glance: admin in the project service\n");
    // A role that is there already is given again without an error: identity's own way.
    let changes = changes(&fake, before);
    assert!(changes.len() == 1 && changes[0].starts_with("PUT "), "{changes:?}");
    for (list, count) in [("users", 3), ("projects", 1), ("services", 1), ("endpoints", 3)] {
        assert_eq!(fake.list(list).len(), count, "{list}");
    }
}

#[test]
fn what_is_wrong_is_mended_in_its_place() {
    let endpoint = |id: &str, interface: &str, url: &str, enabled: bool| {
        json!({
        "id": id, "interface": interface, "region_id": "RegionOne", "service_id": "s", "url": url, "enabled": enabled })
    };
    let fake = Fake::with(json!({
        "users": [{ "id": "u", "name": "glance", "domain_id": "default", "password": "another" }],
        "services": [{ "id": "s", "name": "glance", "type": "image", "description": "Old" }],
        "endpoints": [
            endpoint("e1", "public", "http://elsewhere:9292", true),
            endpoint("e2", "internal", "http://elsewhere:9292", false),
            // Another region's is somebody else's.
            { "id": "e3", "interface": "admin", "region_id": "Two", "service_id": "s", "url": "http://two:9292", "enabled": true },
        ],
    }));
    let said = fake.done("cloud.py", &["register", &glance(&fake)]);
    for part in ["given the lab's password", "(image): changed", "public now at", "internal now at"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let url = format!("http://{}:9292", fake.address);
    let of_lab = |interface: &str| (interface.to_owned(), url.clone(), true);
    let theirs = ("admin".to_owned(), "http://two:9292".to_owned(), true);
    assert_eq!(endpoints(&fake), [of_lab("admin"), theirs, of_lab("internal"), of_lab("public")]);
    assert_eq!(fake.list("services").len(), 1);
    assert_eq!(fake.list("services")[0]["description"], "OpenStack Image");
    assert_eq!(fake.list("users")[2]["password"], "5ec4e791a2ce");
    let again = fake.done("cloud.py", &["register", &glance(&fake)]);
    assert_eq!(again.lines().count(), 1, "{again}");
}

#[test]
fn of_two_none_is_chosen() {
    let service = |id: &str| json!({ "id": id, "name": "glance", "type": "image" });
    let fake = Fake::with(json!({ "services": [service("s1"), service("s2")] }));
    let said = fake.run("cloud.py", &["register", &glance(&fake)]);
    assert_eq!(said.status, 1);
    let wanted = "error: there are 2 of services of the type image, where there is to be one";
    assert!(said.err.starts_with(wanted), "{said:?}");
    assert_eq!(fake.list("services").len(), 2);

    let fake = Fake::with(json!({ "roles": [{ "id": "r", "name": "reader" }] }));
    let said = fake.run("cloud.py", &["register", &glance(&fake)]);
    assert_eq!((said.status, said.err.as_str()), (1, "error: there is no role `admin`\n"));
}

#[test]
fn the_catalogue_is_compared_both_ways() {
    let fake = Fake::new();
    let file = glance(&fake);
    fake.done("cloud.py", &["register", &file]);
    let keystone = json!({ "users": [], "services": [{
        "name": "keystone", "type": "identity", "description": "", "url": format!("http://{}:5000/v3/", fake.address) }] });
    let keystone = fake.identity("keystone.json", &keystone);
    fake.done("cloud.py", &["register", &keystone]);
    assert_eq!(fake.done("cloud.py", &["catalogue", &file]), "2 services, 6 endpoints\n");

    // Without glance's file, its endpoints are nobody's; with another one, that one's are missing.
    let other = fake.identity(
        "other.json",
        &json!({ "users": [], "services": [{
        "name": "nova", "type": "compute", "description": "", "url": "http://c:8774/v2.1" }] }),
    );
    let said = fake.run("cloud.py", &["catalogue", &other]);
    assert_eq!(said.status, 1);
    let count = |part: &str| said.out.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count("error: there is no "), 3, "{said:?}");
    assert_eq!(count("error: nothing of the lab has the "), 3, "{said:?}");
    assert!(
        said.out.contains("there is no public endpoint of the type compute at http://c:8774/v2.1"),
        "{said:?}"
    );
}

#[test]
fn what_the_catalogue_has_twice_is_told() {
    let endpoint = |id: &str, url: &str, enabled: bool| {
        json!({
        "id": id, "interface": "public", "region_id": "RegionOne", "service_id": "s1", "url": url, "enabled": enabled })
    };
    let service = |id: &str| json!({ "id": id, "name": "glance", "type": "image" });
    let fake = Fake::with(json!({
        "services": [service("s1"), service("s2")],
        "endpoints": [endpoint("a", "http://x", true), endpoint("b", "http://x", true), endpoint("c", "http://off", false)],
    }));
    let said = fake.run("cloud.py", &["catalogue"]);
    assert_eq!(said.status, 1);
    for part in [
        "there are 2 public endpoints of the type image at http://x",
        "there are 2 services of the type image",
    ] {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    assert!(!said.out.contains("http://off"), "one that is not in use: {said:?}");
}

#[test]
fn rows_are_the_fields_of_a_list() {
    let fake = Fake::with(json!({ "servers": [
        { "id": "1", "name": "서버", "flavor": { "ram": 64 }, "up": true },
        { "id": "2", "name": null },
    ] }));
    let said = fake.done(
        "cloud.py",
        &["rows", "compute", "/servers", "servers", "id", "name", "flavor.ram", "up", "no.such"],
    );
    assert_eq!(said, "1\t서버\t64\tTrue\t\n2\t\t\t\t\n");
    let one = ["rows", "--as", "demo:DEMO_PASS:demo", "compute", "/servers/2", "server", "id"];
    assert_eq!(fake.done("cloud.py", &one), "2\n");
    let itself = ["rows", "compute", "/servers/1", ".", "server.id"];
    assert_eq!(fake.done("cloud.py", &itself), "1\n");
    // A list that the answer has not is no empty list.
    let said = fake.run("cloud.py", &["rows", "compute", "/servers", "machines", "id"]);
    assert!(said.status == 1 && said.err.contains("KeyError: 'machines'"), "{said:?}");
    assert_eq!(fake.run("cloud.py", &["rows", "compute"]).status, 2);
}
