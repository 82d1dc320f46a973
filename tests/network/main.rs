//! Networks and interfaces, the same in each spelling: the kickstart, the interface files of CentOS 7, and cloud-init's
//! network-config, which cloud-init itself turns into such files.

#[path = "../common/mod.rs"]
mod common;

mod cloud_init;
mod files;
mod installer;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::everything::networks;
use common::{Lab, ROOT};
use serde_json::Value;

/// `KEY=VALUE` lines, as a shell reads them.
fn keys(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
    };
    text.lines().filter(|l| !l.starts_with('#')).filter_map(line).collect()
}

/// The files of the stage `host-network` on a node, by name.
fn files(lab: &Lab, node: &str) -> BTreeMap<String, String> {
    let plan: Value =
        serde_json::from_str(&lab.done(&["plan", node, "--format", "json"]).stdout).expect("JSON");
    let stages = plan["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|s| s["name"] == "host-network").expect("there");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let file = |f: &Value| {
        let path = text(&f["path"]);
        (path.rsplit('/').next().expect("a name").to_owned(), text(&f["content"]))
    };
    stage["files"].as_array().expect("files").iter().map(file).collect()
}

fn interface_files(lab: &Lab, node: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let of = |(name, text): (String, String)| {
        Some((name.strip_prefix("ifcfg-")?.to_owned(), keys(&text)))
    };
    files(lab, node).into_iter().filter_map(of).collect()
}

#[test]
fn pools_give_addresses_in_the_order_of_the_file() {
    let lab = Lab::new(
        "networks: {management: {cidr: 10.0.0.0/24, pool: 10.0.0.1-10.0.0.9}, storage: {cidr: 10.1.0.0/24, pool: 10.1.0.7-10.1.0.9}}\n\
         nodes:\n  b: {role: compute}\n  a: {role: controller, address: 10.0.0.2}\n  c: {role: compute}\n",
    );
    let plan: Value =
        serde_json::from_str(&lab.done(&["plan", "--format", "json"]).stdout).expect("JSON");
    let addresses = |node: &Value| -> Vec<String> {
        let interfaces = node["interfaces"].as_array().expect("interfaces").iter();
        interfaces.filter_map(|i| Some(i["address"].as_str()?.to_owned())).collect()
    };
    let all: Vec<_> = plan["nodes"].as_array().expect("nodes").iter().map(addresses).collect();
    assert_eq!(all, [["10.0.0.3", "10.1.0.7"], ["10.0.0.2", "10.1.0.8"], ["10.0.0.4", "10.1.0.9"]]);
    let told = lab.done(&["plan", "--explain", "b"]).stdout;
    let row = told.lines().find(|l| l.trim_start().starts_with("address ")).expect("a row");
    assert!(row.contains("10.0.0.3") && row.ends_with("lab.yaml:1"), "{row}");
}

#[test]
fn a_pool_leaves_out_what_others_have_and_a_router_its_own_route() {
    let lab = Lab::new(
        "networks: {management: {pool: 10.0.0.10-10.0.0.20, dns: [10.0.0.10], routes: [{to: 10.20.0.0/16, via: 10.0.0.12}]}}\n\
         proxy: {url: \"http://10.0.0.11:3128\"}\nhosts: {10.0.0.14: [db], 10.0.0.13: [c]}\n\
         nodes:\n  a: {role: controller, address: 10.0.0.12}\n  c: {role: compute}\n  d: {role: compute}\n",
    );
    let plan: Value =
        serde_json::from_str(&lab.done(&["plan", "--format", "json"]).stdout).expect("JSON");
    let shown = |node: &Value| {
        let interface = &node["interfaces"][0];
        let routes = interface["routes"].as_array().expect("routes").len();
        (interface["address"].as_str().expect("an address").to_owned(), routes)
    };
    let all: Vec<_> = plan["nodes"].as_array().expect("nodes").iter().map(shown).collect();
    let wanted = [("10.0.0.12", 0), ("10.0.0.13", 1), ("10.0.0.15", 1)];
    assert_eq!(all, wanted.map(|(address, routes)| (address.to_owned(), routes)));
}

#[test]
fn plan_shows_what_an_interface_is() {
    let told = networks().done(&["plan", "controller"]).stdout;
    for row in [
        "  uplink               management, 52:54:00:00:00:01 (by which it is found), 10.0.0.11/24, gateway 10.0.0.1, fd00::11/64, gateway fd00::1, route to 10.20.0.0/16 via 10.0.0.254, route to fd00:20::/64 via fd00::fe, route to 10.30.0.0/16 via 10.0.0.253\n",
        "  bond0                bond of enp0s8, enp0s9 (active-backup primary=enp0s9 miimon=200), backup, 10.2.0.11/24\n",
        "  bond0.200            VLAN 200 on bond0, provider, no address\n",
        "  br0                  bridge of bond1.301, enp0s17 (stp), tenants, 10.4.0.11/24, mtu 1600\n",
        "  enp0s18              office, 08:00:27:",
        "address by DHCP, IPv6 by DHCP\n",
        "  enp0s8               member of bond0, 08:00:27:",
        "  bond1.301            VLAN 301 on bond1, port of br0, mtu 1600\n",
    ] {
        assert!(told.contains(row), "{row}\n{told}");
    }
}

#[test]
fn what_nodes_inherit_is_told_once_and_nothing_follows_from_it() {
    for (interfaces, told) in [
        ("enp0s3: {network: managment}", "unknown network `managment`"),
        (
            "enp0s3: {network: management}, br0: {network: storage, bridge: {ports: vlan5}}, vlan5: {vlan: {link: br0, id: 5}}",
            "`br0` and `vlan5` are made of each other",
        ),
        (
            "enp0s3: {network: management}, bond0: {bond: {members: [a, b]}}, vlan5: {network: storage, vlan: {link: bond1, id: 5}}",
            "unknown interface `bond1`",
        ),
        ("e/0: {network: management}, enp0s8: {network: storage}", "`e/0` cannot be used here"),
    ] {
        let lab = Lab::new(&format!(
            "networks: {{storage: {{addresses: dhcp}}}}\ninterfaces: {{{interfaces}}}\n\
             nodes: {{controller: {{role: controller, address: 10.0.0.11}}, 'compute[1-3]': {{role: compute, address: '10.0.0.[31-33]'}}}}\n"
        ));
        let outcome = lab.run(&["check", "--format", "json"]);
        let data: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let errors = data["findings"].as_array().expect("findings").iter();
        let errors: Vec<_> =
            errors.filter(|f| f["severity"] == "error").map(|f| f["message"].clone()).collect();
        assert_eq!(errors, [told]);
    }
}

#[test]
fn the_labs_that_the_page_shows_are_right() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/network.md")).expect("text");
    let blocks: Vec<_> = page.split("```yaml\n").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let lab = block.split("```").next().expect("text");
        Lab::new(lab).done(&["check", "--strict"]);
    }
}
