//! `trainyard serve` passes packages on as well, beside installations.

use std::fs;

use crate::client::ask;
use crate::host::lab;
use crate::repositories::{cached_path, repositories};
use crate::running::Serving;
use crate::upstream::Upstream;

#[test]
fn the_server_of_installations_passes_packages_on() {
    let mirror = Upstream::new();
    let serving = Serving::of(lab(&[&mirror], ""), &[]);
    let path = repositories().named("libstdc++");
    for _ in 0..2 {
        let cached = format!("/packages/{}", cached_path(&path));
        let answer = ask(serving.address, "GET", &cached, &[], "");
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), serving.said());
        assert!(answer.body[..] == repositories().file(&path)[..], "other bytes");
    }
    assert_eq!(mirror.asked_for(&path), 1);
    // Nothing else than packages is below that path.
    let other = ask(serving.address, "GET", "/packages/extras/../../lab.yaml", &[], "");
    assert!([400, 404].contains(&other.status), "{}", other.text());
    assert!(fs::read_to_string(serving.lab.path("lab.yaml")).is_ok());
}
