//! Labs with more of everything than anyone has.

use crate::{GOOD, checked, lines, refused};

/// A controller and 1992 computes, each with this said of its own.
fn nodes(own: &str) -> String {
    let ranges = lines("  a#x[1-249]: {role: compute, address: '10.#.0.[1-249]' OWN}\n", 1..9);
    let ranges = ranges.replace("OWN", own);
    format!(
        "networks: {{management: {{cidr: 10.0.0.0/8}}}}\n\
         nodes:\n  controller: {{role: controller, address: 10.0.0.11}}\n{ranges}"
    )
}

/// A mapping of so many entries.
fn map(entry: &str, count: usize) -> String {
    format!("{{{}}}", lines(&format!("{entry}, "), 0..count))
}

/// A list of so many items.
fn list(item: &str, count: usize) -> String {
    format!("[{}]", lines(&format!("{item}, "), 0..count))
}

#[test]
fn nodes_and_roles() {
    let options = map("o#: x", 20_000);
    let options = format!("settings: {{/etc/my.cnf.d/openstack.cnf: {{mysqld: {options}}}}}\n");
    let too_much = "what roles and nodes inherit is too much from here on";
    for (what, text, word) in [
        (
            "nodes",
            format!("nodes: {}\n", map("n#: {role: compute}", 30_000)),
            "would make more than 2000 nodes",
        ),
        (
            "ranges",
            format!("nodes: {}\n", map("'n[1-9999]x#': {role: compute}", 30_000)),
            "would make more than 2000 nodes",
        ),
        ("roles", format!("{GOOD}roles: {}\n", map("r#: {cpus: 1}", 30_000)), too_much),
        (
            "roles that inherit",
            format!("{GOOD}{options}roles: {}\n", map("r#: {cpus: 1}", 20_000)),
            too_much,
        ),
        ("nodes that inherit", format!("{options}{}", nodes(", cpus: 1")), too_much),
        (
            "nodes that inherit a long text",
            format!("memory: {}\n{}", "x".repeat(1 << 20), nodes(", cpus: 1")),
            too_much,
        ),
        (
            "a range that repeats much",
            nodes(&format!(", settings: {{f: {{s: {}}}}}", map("o#: x", 2000))),
            "would repeat too much",
        ),
        (
            "unknown roles",
            format!(
                "roles: {}\n{}",
                map("r#: {}", 5000),
                nodes("").replace("role: compute", "role: s")
            ),
            "and 4903 more",
        ),
        (
            "hooks",
            format!("{GOOD}hooks: {{post: {}}}\n", list("{name: h#, script: s#}", 20_000)),
            "there are 20000 different scripts",
        ),
        (
            "stages of a role",
            format!("roles: {{compute: {{stages: {}}}}}\n{}", list("s#", 40_000), nodes("")),
            "unknown stage `s0`",
        ),
    ] {
        refused(what, &text, word);
    }
}

#[test]
fn a_node_that_stands_in_a_range_counts_once() {
    let told = |nodes: &str| checked(&format!("nodes: {nodes}\n")).stdout;
    assert!(!told("{'n[1-2000]': {}, n5: {}, n2000: {}}").contains("would make more"));
    assert!(told("{'n[1-2000]': {}, m: {}}").contains("`m` would make more than 2000 nodes"));
    assert!(told("{'n[1-1000]': {}, 'm[1-1001]': {}}").contains("`m[1-1001]` would make more"));
}

#[test]
fn what_nodes_have() {
    for (what, text, word) in [
        (
            "wrong options of many nodes",
            format!("settings: {{f: {{s: {}}}}}\n{}", map("o#: x", 100), nodes(", cpus: 1")),
            "no stage writes `f` from options",
        ),
        (
            "wrong parameters of many nodes",
            format!("parameters: {}\n{}", map("s#: {p: x}", 60), nodes(", cpus: 1")),
            "unknown stage `s0`",
        ),
        (
            "networks",
            format!("{GOOD}networks: {}\n", map("n#: {cidr: 10.0.0.0/24}", 20_000)),
            "there are more than 1000 findings",
        ),
        (
            "interfaces",
            nodes(&format!(", interfaces: {}", map("e#: {network: management}", 40))),
            "both attach to `management`",
        ),
        (
            "interfaces of one node",
            format!(
                "nodes: {{controller: {{role: controller, address: 10.0.0.11, interfaces: {}}}}}\n",
                map("e#: {network: management}", 30_000)
            ),
            "there are more than 256 interfaces",
        ),
        (
            "parts of an interface",
            nodes(&format!(", interfaces: {{b: {{bond: {{members: {}}}}}}}", list("p#", 150))),
            "interface `b` names no network",
        ),
        (
            "many parts of an interface",
            format!(
                "nodes: {{controller: {{role: controller, interfaces: {{b: {{bridge: {{ports: {}}}}}}}}}}}\n",
                list("p#", 30_000)
            ),
            "there are more than 256 parts of `b`",
        ),
        (
            "keys of a node",
            format!("nodes: {{controller: {}}}\n", map("k#: x", 90_000)),
            "unknown key `k0`",
        ),
        (
            "services",
            format!("{GOOD}openstack: {{services: {}}}\n", list("s#", 90_000)),
            "no stage provides the service `s0`",
        ),
        (
            "keys for access",
            format!("{GOOD}access: {{ssh_authorized_keys: {}}}\n", list("k#", 90_000)),
            "is no public key, and no file that can be read",
        ),
        ("includes", format!("{GOOD}include: {}\n", list("f#", 90_000)), "`f0` cannot be read"),
    ] {
        refused(what, &text, word);
    }
}
