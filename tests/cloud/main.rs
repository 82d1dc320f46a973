//! The node's own client of OpenStack and the smoke test, against a small fake of the services on the loopback: what they make
//! and take away, and what they say when a service refuses, is dead, or talks nonsense.

mod catalogue;
mod smoke;
mod trouble;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The node's secrets: nothing of them may be said anywhere.
const SECRETS: [(&str, &str); 3] =
    [("ADMIN_PASS", "5ec4e7ad317"), ("DEMO_PASS", "5ec4e7de30"), ("GLANCE_PASS", "5ec4e791a2ce")];

/// The services, and the folder in which they and the node keep what they have.
struct Fake {
    folder: TempDir,
    process: Child,
    address: String,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// CentOS 7's Python, where set-up has found one; the test hosts have python3 in its place.
fn python() -> PathBuf {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bin/python2.7");
    if old.exists() { old } else { "python3".into() }
}

/// What a script left.
#[derive(Debug)]
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Fake {
    /// Services that know admin and demo, and have this besides.
    fn with(mut state: Value) -> Self {
        let folder = TempDir::new().expect("a folder");
        let user = |id: &str, secret: usize| json!({ "id": id, "name": id, "password": SECRETS[secret].1, "domain_id": "default" });
        let users = state["users"].as_array().cloned().unwrap_or_default();
        let known = [user("admin", 0), user("demo", 1)];
        state["users"] = known.into_iter().chain(users).collect();
        for (key, value) in [
            ("roles", json!([{ "id": "r-admin", "name": "admin" }])),
            ("extensions", json!([{ "alias": "router" }])),
        ] {
            if state[key].is_null() {
                state[key] = value;
            }
        }
        fs::write(folder.path().join("state.json"), state.to_string()).expect("written");
        fs::create_dir_all(folder.path().join("etc/trainyard")).expect("made");
        let lines: String = SECRETS.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        fs::write(folder.path().join("etc/trainyard/secrets.env"), lines).expect("written");
        let mut process = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud/fake.py"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut address = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut address).expect("its address");
        assert!(address.starts_with("127."), "the fake does not serve");
        Self { folder, process, address: address.trim().to_owned() }
    }

    fn new() -> Self {
        Self::with(json!({}))
    }

    /// What is to go wrong: method, an expression for the path, what to do, and with what.
    fn fault(&self, method: &str, path: &str, what: &str, with: Value) {
        self.faults(json!([{ "method": method, "path": path, "do": what, "with": with }]));
    }

    fn faults(&self, faults: Value) {
        fs::write(self.folder.path().join("faults.json"), faults.to_string()).expect("written");
    }

    /// A script, as the node runs it, but for its time: attempts follow each other at once.
    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(python());
        command.arg("-B");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/node").join(script));
        command.args(arguments).stdin(Stdio::null());
        command.env("TRAINYARD_ROOT", self.folder.path());
        command.env("TRAINYARD_CONTROLLER", &self.address);
        command.env("TRAINYARD_ANSWER_PAUSE", "0.05");
        command.env("TRAINYARD_SMOKE_LIMIT", "20");
        // The lab's services are reached without any.
        command.env("http_proxy", "http://127.0.0.1:1");
        command
    }

    /// What a script says and how it ends; no secret is in it, and none in the addresses that it asks.
    fn run(&self, script: &str, arguments: &[&str]) -> Said {
        self.said(self.command(script, arguments))
    }

    fn said(&self, mut command: Command) -> Said {
        let output = command.output().expect("Python runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let status = output.status.code().unwrap_or(-1);
        let said = Said { status, out: text(output.stdout), err: text(output.stderr) };
        assert!(!said.err.contains("Traceback"), "{}", said.err);
        for (name, secret) in SECRETS {
            for text in [&said.out, &said.err, &self.asked().join("\n")] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
        said
    }

    /// What must work.
    fn done(&self, script: &str, arguments: &[&str]) -> String {
        let said = self.run(script, arguments);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
        said.out
    }

    /// Each request so far, `METHOD PATH`.
    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A list of what there is.
    fn list(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("state.json")).expect("a state");
        let state: Value = serde_json::from_str(&text).expect("JSON");
        state[name].as_array().cloned().unwrap_or_default()
    }

    /// A stage's identity.json, beside what the fake keeps.
    fn identity(&self, name: &str, said: &Value) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, said.to_string()).expect("written");
        path.display().to_string()
    }
}
