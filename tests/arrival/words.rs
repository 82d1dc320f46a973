//! Single words and lines: what is in their grammar must be taken, whatever else is taken must arrive as it was said, and what
//! is refused is refused at its place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::common::{Lab, ROOT, judged};
use crate::hostile::hostile;

/// How a value is written in the lab file.
#[derive(Clone, Copy)]
enum Form {
    /// By itself.
    Single,
    /// As the only item of a list.
    Listed,
}
use Form::{Listed, Single};

/// Where a text is said: its path at a node, in steps; how; and one that is good, with `#` for a number.
const PLACES: [(&[&str], Form, &str); 21] = [
    (&["machine", "serial"], Single, "CZ 33'\"$(id)`\\ %#"),
    (&["storage", "disk", "serial"], Single, "VB1234 '$HOME' \"#\""),
    (&["storage", "disk", "model"], Single, "VBOX  HARDDISK `id` '#"),
    (&["storage", "disk", "by_id"], Single, "ata-VBOX_HARDDISK_VB#:0@x"),
    (&["storage", "partitions", "/srv", "options"], Single, "noatime,x-a=b:/@#"),
    (&["proxy", "url"], Single, "http://proxy#.example.org:3128"),
    (&["proxy", "no_proxy"], Listed, ".x#.example.org"),
    (&["hosts", "10.0.0.99"], Listed, "h#.example.org"),
    (&["search"], Listed, "s#.example.org"),
    (&["installer", "boot_arguments"], Listed, "x#=a/b:c,d@e"),
    (&["kernel", "arguments"], Listed, "y#=a/b:c,d@e"),
    (&["interfaces", "bond0", "bond", "options"], Single, "lacp_rate=fast min_links=#"),
    (&["users", "u", "shell"], Single, "/opt/shell#/sh-1.0"),
    (&["users", "u", "groups"], Listed, "g_#"),
    (&["users", "u", "sudo"], Listed, "ALL=(ALL) NOPASSWD: /bin/x# -a, /sbin/y"),
    (&["repositories", "r", "name"], Single, "한글 '\"$(id)`id` \\ %# = #"),
    (&["repositories", "r", "baseurl"], Listed, "http://packages.example.org/$basearch/#/"),
    (&["parameters", "mine", "word"], Single, "a._:/@+,=-#"),
    (
        &["settings", "/etc/my.cnf.d/openstack.cnf", "mysqld", "x"],
        Single,
        "a#b = 'c' \\ %(d)s ${e} #",
    ),
    (&["packages"], Listed, "a#b+c_d-1.0.x86_64"),
    (&["mirror"], Listed, "http://mirror#.example.org/centos"),
];

/// How many labs, and nodes of each: so many texts are said at each place.
const LABS: usize = 16;
const NODES: usize = 8;

/// What one node says, by place.
type Said = Vec<Option<String>>;

/// A text for a place: one that is good, one with something in it, or anything.
fn text(runner: &mut TestRunner, good: &str, node: usize) -> String {
    let good = good.replace('#', &node.to_string());
    let hostile = hostile().new_tree(runner).expect("a text").current();
    let middle = good.char_indices().nth(good.chars().count() / 2).map_or(0, |(at, _)| at);
    match node % 4 {
        0 => good,
        1 => hostile,
        2 => format!("{}{hostile}{}", &good[..middle], &good[middle..]),
        _ => format!("{good}{hostile}"),
    }
}

/// Puts a value at a path.
fn set(settings: &mut Value, path: &[&str], value: Value) {
    let mut at = settings;
    for step in path {
        at = &mut at[*step];
    }
    *at = value;
}

/// The lab file. What is not ASCII is written as YAML escapes it.
fn lab(nodes: &[Said]) -> String {
    let mut all = serde_json::Map::new();
    all.insert("controller".into(), json!({ "role": "controller", "address": "10.0.0.11" }));
    for (i, said) in nodes.iter().enumerate() {
        let mut node = json!({
            "role": "x",
            "address": format!("10.0.0.{}", 20 + i),
            // Machines of one serial number are told apart by this.
            "machine": { "serial": "good", "uuid": format!("00000000-0000-4000-8000-00000000000{i}") },
            "storage": { "disk": { "bus": "sata" }, "partitions": { "/srv": { "size": "1GiB" } } },
            "users": { "u": { "password": false } },
            "repositories": { "r": { "name": "good", "baseurl": "http://x/", "gpgcheck": false } },
            "proxy": { "url": "http://good:3128" },
            "interfaces": { "bond0": {
                "network": "management",
                "bond": { "members": ["enp0s3", "enp0s8"], "mode": "802.3ad" },
            } },
        });
        for ((path, form, _), text) in PLACES.iter().zip(said) {
            let Some(text) = text else { continue };
            set(&mut node, path, if matches!(form, Listed) { json!([text]) } else { json!(text) });
        }
        all.insert(format!("n{i}"), node);
    }
    let lab = json!({
        "own_stages": "stages",
        "roles": { "controller": { "stages": ["time-server"] }, "x": { "stages": ["mine", "database"] } },
        "nodes": all,
    });
    let mut text = String::new();
    for c in lab.to_string().chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
        } else {
            write!(text, "\\U{:08x}", c as u32).expect("a string grows");
        }
    }
    text
}

/// The places that `check` refuses: node and number of the place.
fn refused(lab: &Lab) -> Vec<(usize, usize)> {
    let said = lab.run(&["check", "--format", "json"]);
    let data: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let errors = data["findings"].as_array().expect("findings").iter();
    let place_of = |finding: &Value| {
        let path = finding["path"].as_str().expect("a path");
        for node in 0..NODES {
            let Some(inside) = path.strip_prefix(&format!("nodes.n{node}.")) else { continue };
            let named = |steps: &[&str]| {
                let place = steps.join(".");
                inside == place
                    || inside.starts_with(&format!("{place}["))
                    || inside.starts_with(&format!("{place}."))
            };
            if let Some(place) = PLACES.iter().position(|(steps, _, _)| named(steps)) {
                return (node, place);
            }
        }
        panic!("not at a place: {finding}")
    };
    errors.filter(|finding| finding["severity"] == "error").map(place_of).collect()
}

/// What must stand on the node where this was said.
fn arrives(place: &str, text: &str) -> String {
    match place {
        "users.u.sudo" => format!("u {text}\n"),
        "interfaces.bond0.bond.options" => text
            .split_whitespace()
            .filter(|o| !o.starts_with("miimon="))
            .collect::<Vec<_>>()
            .join(" "),
        _ => text.to_owned(),
    }
}

#[test]
fn words_and_lines_arrive_or_are_refused() {
    let runner = &mut TestRunner::deterministic();
    let mut all: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for _ in 0..LABS {
        let mut nodes: Vec<Said> = (0..NODES)
            .map(|n| PLACES.iter().map(|(_, _, good)| Some(text(runner, good, n))).collect())
            .collect();
        let folder = Lab::new("nodes: {}\n");
        fs::create_dir_all(folder.path("stages/mine")).expect("a folder");
        for (name, text) in [
            (
                "stage.yaml",
                "summary: mine\nparameters: {word: {default: a, help: a word}}\nfiles: [{path: /etc/mine, source: mine.j2}]\n",
            ),
            (
                "mine.j2",
                "{% for r in repositories %}\nS={{ r.name|sh }}\nP={{ r.name|python }}\n# L={{ r.name|line }}\n{% endfor %}\n",
            ),
            ("verify.sh", "true\n"),
        ] {
            fs::write(folder.path(&format!("stages/mine/{name}")), text).expect("written");
        }
        // What takes other programs to judge is judged when all else is right.
        for _ in 0..3 {
            fs::write(folder.path("lab.yaml"), lab(&nodes)).expect("written");
            for (node, place) in refused(&folder) {
                let text = nodes[node][place].take();
                assert!(node % 4 != 0, "{:?} refuses what is good: {text:?}", PLACES[place].0);
            }
        }
        folder.know_nodes();
        folder.done(&["--quiet", "render", "-o", "out"]);
        fs::write(folder.path("plan.json"), folder.done(&["plan", "--format", "json"]).stdout)
            .expect("written");

        let mut command = Command::new("/usr/bin/python3");
        command.arg(Path::new(ROOT).join("tests/arrival/read.py")).arg(folder.path("plan.json"));
        command.args((0..NODES).map(|n| folder.path(&format!("out/n{n}"))));
        let found: Vec<Value> = serde_json::from_str(&judged(command).stdout).expect("JSON");
        for (said, found) in nodes.iter().zip(&found) {
            for ((path, _, _), text) in PLACES.iter().zip(said) {
                let place = path.join(".");
                let count = all.entry(place.clone()).or_default();
                count[usize::from(text.is_none())] += 1;
                let Some(text) = text else { continue };
                assert_eq!(found[&place], json!([arrives(&place, text)]), "{place}: {text:?}");
            }
        }
    }
    // Something was taken and something refused at each.
    for (place, [taken, refused]) in all {
        assert!(taken > LABS && refused > LABS, "{place}: {taken} taken, {refused} refused");
    }
}
