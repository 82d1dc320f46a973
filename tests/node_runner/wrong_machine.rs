//! A disk, a medium or a clone in the wrong machine: a stop before anything is configured.

use std::fmt::Write as _;

use crate::node::Node;

const NETWORK: &str = "etc/sysconfig/network-scripts";

/// A node whose lab says two adapters, one of them by its MAC address, on a machine with these: name and address.
fn node(adapters: &[(&str, &str)]) -> Node {
    let node = Node::new();
    let script = include_str!("../../stack/host-network/preflight.sh");
    let ifcfg = |name: &str, more: &str| format!("DEVICE={name}\nTYPE=Ethernet\n{more}");
    let files = [
        (format!("files/{NETWORK}/ifcfg-enp0s3"), ifcfg("enp0s3", "")),
        (format!("files/{NETWORK}/ifcfg-enp0s9"), ifcfg("enp0s9", "HWADDR=08:00:27:AA:00:09\n")),
        (
            format!("files/{NETWORK}/ifcfg-enp0s9.5"),
            "DEVICE=enp0s9.5\nTYPE=Ethernet\nVLAN=yes\n".to_owned(),
        ),
        (format!("files/{NETWORK}/ifcfg-bond0"), "DEVICE=bond0\nTYPE=Bond\n".to_owned()),
        ("preflight.sh".to_owned(), script.to_owned()),
    ];
    let mut manifest = "parameter adapter_seconds 0\n".to_owned();
    for (path, _) in &files[..4] {
        let path = path.trim_start_matches("files");
        writeln!(manifest, "file 0644 root root {path}").expect("text");
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    node.stage("early", "", &[]);
    node.stage("host-network", &manifest, &files);
    for (name, address) in adapters {
        node.write(&format!("sys/class/net/{name}/address"), &format!("{address}\n"));
        node.write(&format!("sys/class/net/{name}/device"), "");
    }
    node.fake("hostname", "cat $ROOT/name");
    node.write("name", "controller\n");
    node
}

const BOTH: [(&str, &str); 2] = [("enp0s3", "08:00:27:aa:00:03"), ("eth1", "08:00:27:aa:00:09")];

#[test]
fn the_right_machine_is_configured_under_its_name_or_none() {
    for name in ["controller", "controller.lab.example", "localhost.localdomain"] {
        let node = node(&BOTH);
        node.write("name", name);
        node.expect(0, &["run"]);
        assert!(node.calls().contains(&"configure early".to_owned()), "{name}");
    }
}

#[test]
fn a_machine_with_another_name_is_left_alone() {
    let node = node(&BOTH);
    node.write("name", "compute\n");
    let said = node.expect(4, &["run"]);
    assert!(
        said.contains(
            "this machine calls itself compute, and the lab's files here are those of controller"
        ),
        "{said}"
    );
    assert!(said.contains("`hostnamectl set-hostname controller`"), "{said}");
    assert_eq!(node.calls(), ["hostname "], "nothing was configured");
    let said = node.expect(4, &["status"]);
    assert!(said.contains("calls itself compute"), "{said}");
    assert!(
        node.read("run/trainyard.banner")
            .contains("this seems to be another machine than controller")
    );
    let status: serde_json::Value =
        serde_json::from_str(&node.expect(4, &["status", "--format", "json"])).expect("JSON");
    assert!(status["refused"].as_str().is_some_and(|why| why.contains("calls itself compute")));
    // A single stage is no way around it, and the right name is all that it takes.
    node.expect(4, &["run", "early"]);
    node.write("name", "controller\n");
    node.expect(0, &["run"]);
    node.expect(0, &["status"]);
}

#[test]
fn adapters_that_are_missing_are_all_named_with_those_that_are_there() {
    let node = node(&[("enp0s8", "08:00:27:bb:00:08")]);
    let said = node.expect(4, &["run"]);
    let told = "no adapter here is: enp0s3 enp0s9 (08:00:27:AA:00:09); there are: enp0s8 (08:00:27:bb:00:08)";
    assert!(said.contains(told), "{said}");
    assert_eq!(node.calls(), ["hostname "]);
}

#[test]
fn a_part_of_a_bond_is_known_by_its_own_address() {
    let node = node(&[("enp0s3", "08:00:27:aa:00:03"), ("enp0s9", "08:00:27:aa:00:03")]);
    node.expect(4, &["run"]);
    node.write("sys/class/net/enp0s9/bonding_slave/perm_hwaddr", "08:00:27:aa:00:09\n");
    node.expect(0, &["run"]);
}

/// It says nothing of the machine, so the run is tried again.
#[test]
fn a_preflight_that_comes_to_no_end_or_to_no_words_is_no_other_machine() {
    for script in ["exit 124\n", "exit 1\n", "kill -KILL $$\n"] {
        let node = node(&BOTH);
        node.write("etc/trainyard/stages/host-network/preflight.sh", script);
        let said = node.expect(1, &["run"]);
        assert!(
            said.contains("the preflight of the stage `host-network` came to no end"),
            "{said}"
        );
        node.expect(3, &["status"]);
        assert!(!node.calls().contains(&"configure early".to_owned()));
    }
}

#[test]
fn an_installer_is_no_machine_of_the_lab_yet() {
    let node = node(&[]);
    node.write("name", "localhost\n");
    node.write("etc/trainyard/node.env", "TRAINYARD_NODE=controller\nTRAINYARD_REBOOT=no\n");
    node.expect(0, &["run", "early"]);
    assert_eq!(node.calls(), ["configure early"]);
}
