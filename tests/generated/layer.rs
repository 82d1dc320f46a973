//! What a lab, a role or a node says, and what that means for whoever has it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::extras::Files;
use super::random::Random;

const TIMEZONES: [&str; 6] = [
    "Asia/Seoul",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT+9",
];
const LANGUAGES: [&str; 4] = ["en_US.UTF-8", "ko_KR.UTF-8", "de_DE.UTF-8", "ca_ES.UTF-8"];
const KEYBOARDS: [&str; 6] = ["us", "kr", "gb", "no", "de-nodeadkeys", "us-dvorak"];
const ARGUMENTS: [&str; 4] = ["console=tty0", "console=ttyS0,115200n8", "intel_iommu=on", "nosmt"];

/// One layer of what a node inherits.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// As the lab file says it.
    pub said: Map<String, Value>,
    /// Of which the nearest counts.
    pub single: BTreeMap<&'static str, String>,
    /// That replace each other whole.
    pub replaced: BTreeMap<&'static str, Vec<String>>,
    /// That are added up.
    pub added: BTreeMap<&'static str, Vec<String>>,
    /// Mappings, which merge: what, name, value.
    pub mapped: BTreeMap<(&'static str, String), String>,
    /// Its hooks, by when they run.
    pub(super) hooks: Map<String, Value>,
    /// Files that it names.
    pub files: Files,
}

impl Layer {
    /// Something of everything, now and then. `level` is part of what must not stand twice on a node.
    pub fn random(r: &mut Random, level: &str) -> Self {
        let mut layer = Self::default();
        layer.system(r, level);
        layer.people(r, level);
        layer.site(r);
        layer.extras(r, level);
        layer.one_way(r, level);
        layer
    }

    pub(super) fn say(&mut self, key: &str, value: Value) {
        self.said.insert(key.to_owned(), value);
    }

    fn system(&mut self, r: &mut Random, level: &str) {
        for (key, values) in
            [("timezone", &TIMEZONES[..]), ("language", &LANGUAGES), ("keyboard", &KEYBOARDS)]
        {
            if r.once_in(3) {
                let value = *r.of(values);
                self.say(key, json!(value));
                self.single.insert(key, value.to_owned());
            }
        }
        if r.once_in(4) {
            let mirror = |i| format!("http://mirror{i}.{level}.example/centos");
            let mirrors: Vec<String> = (0..=r.below(2)).map(mirror).collect();
            let one = mirrors.len() == 1;
            self.say("mirror", if one { json!(mirrors[0]) } else { json!(mirrors) });
            self.replaced.insert("mirror", mirrors);
        }
        if r.once_in(4) {
            let value = (600 + r.below(1000)).to_string();
            self.say("parameters", json!({ "time-client": { "wait_seconds": value } }));
            self.mapped.insert(("parameter", "time-client.wait_seconds".into()), value);
        }
        if r.once_in(4) {
            let argument = *r.of(&ARGUMENTS);
            self.say("kernel", json!({ "arguments": [argument], "remove": ["rhgb"] }));
            self.added.insert("kernel", vec![argument.to_owned()]);
        }
        if r.once_in(4) {
            let (swap, root) = (256 * (1 + r.below(4)), 4096 + 256 * r.below(4));
            let layout = *r.of(&["lvm", "plain"]);
            self.say(
                "storage",
                json!({ "layout": layout, "swap": format!("{swap}MiB"), "root": format!("{root}MiB") }),
            );
            self.single.insert("layout", layout.to_owned());
            self.single.insert("swap", swap.to_string());
            self.single.insert("root", root.to_string());
        }
    }

    fn people(&mut self, r: &mut Random, level: &str) {
        if r.once_in(3) {
            let key = format!(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0{:04} {level} {}",
                r.below(9999),
                r.comment()
            );
            let key = key.trim().to_owned();
            self.say("access", json!({ "ssh_authorized_keys": [key] }));
            self.added.insert("keys", vec![key]);
        }
        if r.once_in(3) {
            let (name, uid) = (format!("u-{level}"), 2000 + r.below(500));
            let group = r.word();
            let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0wxyz";
            let uid = if level == "lab" { uid } else { uid + 1000 };
            let user =
                json!({ "uid": uid, "groups": [format!("g{group}")], "ssh_authorized_keys": key });
            self.say("users", json!({ (name.as_str()): user }));
            self.mapped.insert(("user", name), format!("{uid} /bin/bash g{group} -"));
        }
    }

    fn site(&mut self, r: &mut Random) {
        if r.once_in(3) {
            let packages: Vec<String> = (0..=r.below(3)).map(|_| r.word()).collect();
            self.say("packages", json!(packages));
            self.added.insert("packages", packages);
        }
        if r.once_in(3) {
            let content = format!("{}\n{}\n", r.text(12), r.text(12));
            let path = format!("/etc/site-{}", r.word());
            self.say("files", json!({ (path.as_str()): { "content": content } }));
            self.mapped.insert(("file", path), content);
        }
        if r.once_in(4) {
            let value = r.below(2).to_string();
            self.say("sysctl", json!({ "net.ipv4.ip_forward": value }));
            self.mapped.insert(("sysctl", "net.ipv4.ip_forward".into()), value);
        }
        if r.once_in(4) {
            let state = *r.of(&["disabled", "masked"]);
            self.say("services", json!({ "postfix.service": state }));
            self.mapped.insert(("service", "postfix.service".into()), state.to_owned());
        }
    }
}
