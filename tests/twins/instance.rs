//! cloud-init provisions an instance that it does not know. A node is another instance when something is rendered otherwise
//! for it, and only then.

use std::collections::BTreeSet;

use crate::common::Lab;

/// What cloud-init gets of a node: the instance-id, and all the rest.
fn seed(lab: &Lab, node: &str) -> (String, [String; 3]) {
    lab.done(&["secrets"]);
    lab.done(&["--quiet", "render", node, "-o", "out", "--force"]);
    let read = |name: &str| lab.read(&format!("out/{node}/{name}"));
    let meta = read("meta-data");
    let (id, rest) = meta.split_once('\n').expect("two lines");
    let id = id.strip_prefix("instance-id: ").expect("an id").to_owned();
    (id, [rest.to_owned(), read("user-data"), read("network-config")])
}

const NODES: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}, compute: {role: compute, address: 10.0.0.31}}\n";

#[test]
fn whatever_is_rendered_otherwise_makes_another_instance() {
    let base = seed(&Lab::new(NODES), "controller");
    let mut ids = BTreeSet::from([base.0.clone()]);
    for said in [
        "name: other\n",
        "timezone: UTC\n",
        "language: ko_KR.UTF-8\n",
        "keyboard: kr\n",
        "host_keys: new\n",
        "access: {root_login: locked, user: op}\n",
        "access: {ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0]}\n",
        "users: {alice: {}}\n",
        "packages: [tcpdump]\n",
        "services: {postfix.service: masked}\n",
        "files: {/etc/motd: {content: x}}\n",
        "files: {/etc/motd: {content: x, mode: \"0600\"}}\n",
        "sysctl: {vm.swappiness: 10}\n",
        "kernel: {arguments: [nosmt]}\n",
        "firewall: {open: [{port: 9100, protocol: tcp, from: management}]}\n",
        "repositories: {own: {baseurl: \"http://x/\", gpgcheck: no}}\n",
        "mirror: http://mirror.example.org/centos\n",
        "proxy: {url: \"http://proxy.example.org:3128\"}\n",
        "hooks: {post: [{name: a, script: \"#!/bin/bash\\ntrue\\n\"}]}\n",
        "hosts: {10.0.0.5: [db]}\n",
        "parameters: {time-server: {wait_seconds: 60}}\n",
        "networks: {management: {mtu: 1400}}\n",
        "networks: {management: {dns: 9.9.9.9}}\n",
        "networks: {management: {gateway: 10.0.0.2}}\n",
        "networks: {management: {addresses: dhcp}}\n",
        "interfaces: {enp0s3: {network: management}, enp0s8: {network: provider}}\n",
        "openstack: {networking: provider}\n",
    ] {
        let (id, rest) = seed(&Lab::new(&format!("{said}{NODES}")), "controller");
        assert_ne!(rest, base.1, "nothing of cloud-init's: {said}");
        assert!(ids.insert(id), "an instance that is known: {said}");
    }
    // A secret, and another node.
    let lab = Lab::new(NODES);
    lab.done(&["secrets", "rotate", "ROOT_PASS"]);
    assert!(ids.insert(seed(&lab, "controller").0), "a password that has changed");
    assert!(ids.insert(seed(&lab, "compute").0), "the other node");
}

#[test]
fn whatever_is_not_rendered_changes_no_instance() {
    let base = seed(&Lab::new(NODES), "controller");
    let again = seed(&Lab::new(NODES), "controller");
    assert_eq!(again, base);
    let turned = "nodes: {controller: {address: 10.0.0.11, role: controller}, compute: {address: 10.0.0.31, role: compute}}\n";
    let other = NODES.replace("10.0.0.31}", "10.0.0.31, packages: [tcpdump], timezone: UTC}");
    for text in [
        format!("# a comment\n{NODES}"),
        format!("timezone: Asia/Seoul\nkeyboard: us\n{NODES}"),
        turned.to_owned(),
        other,
        // The installer's, and the machine's.
        format!("storage: {{swap: 2GiB}}\n{NODES}"),
        format!("hooks: {{pre: [{{name: a, script: \"#!/bin/bash\\ntrue\\n\"}}]}}\n{NODES}"),
        format!("installer: {{boot_timeout: 1}}\n{NODES}"),
        format!("cpus: 4\n{NODES}"),
    ] {
        let found = seed(&Lab::new(&text), "controller");
        assert_eq!(found.0, base.0, "{text}");
        assert_eq!(found.1, base.1, "{text}");
    }
}
