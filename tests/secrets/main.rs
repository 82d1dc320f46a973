//! Secrets as a person meets them: made, rotated, shown on request, taken from the environment, and never said.

#[path = "../common/mod.rs"]
mod common;

mod endpoints;
mod environment;
mod guarded;
mod host_keys;
mod made;
mod rotated;
mod shown;
mod unsaid;

use std::collections::BTreeMap;
use std::fs;

use common::{Lab, Outcome, make_private};

const TYPES: [&str; 3] = ["rsa", "ecdsa", "ed25519"];

/// A lab with the nodes of these names, of which the first is the controller.
fn lab_of(nodes: &[&str]) -> Lab {
    Lab::new(&lab_text(nodes))
}

fn lab_text(nodes: &[&str]) -> String {
    let role = |number| if number == 11 { "controller" } else { "compute" };
    let node = |(number, node): (u32, &&str)| {
        format!("  {node}: {{role: {}, address: 10.0.0.{number}}}\n", role(number))
    };
    "nodes:\n".to_owned() + &(11..).zip(nodes).map(node).collect::<String>()
}

fn write_secrets(lab: &Lab, text: &str) {
    fs::write(lab.path("secrets.yaml"), text).expect("written");
    make_private(&lab.path("secrets.yaml"));
}

fn values(lab: &Lab) -> BTreeMap<String, String> {
    serde_yaml::from_str(&lab.read("secrets.yaml")).expect("YAML")
}

fn json(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

fn with_environment(lab: &Lab, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = lab.command(arguments);
    command.envs(variables.iter().copied());
    common::outcome(command)
}

/// A private key file of that content, as `ssh-keygen` wants it.
fn key_file(lab: &Lab, content: &str) -> String {
    fs::write(lab.path("key"), content).expect("written");
    make_private(&lab.path("key"));
    lab.path("key").display().to_string()
}

fn ssh_keygen(arguments: &[&str]) -> String {
    let mut command = common::judge("ssh-keygen");
    command.args(arguments);
    common::judged(command).stdout.trim_end().to_owned()
}

/// A key file made from what the secrets file holds.
fn pem(body: &str) -> String {
    let lines: Vec<_> = body.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n")
}
