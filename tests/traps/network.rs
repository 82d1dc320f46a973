//! Traps of a node's interfaces, its firewall and its name.

use crate::common::Lab;
use crate::rendered::In::{Either, Kickstart};
use crate::rendered::{Rendered, code, expect, hold, nodes, scripts};

fn n1(node: &Rendered, wrong: &mut Vec<String>) {
    let provider = node.environment().remove("TRAINYARD_PROVIDER_INTERFACE").unwrap_or_default();
    for script in node.of_stage("host-network", "configure.sh") {
        let enabled = code(&script.content).contains(&"systemctl enable network.service");
        expect(wrong, enabled, "nothing brings up what NetworkManager leaves alone");
    }
    if provider.is_empty() {
        return;
    }
    let path = format!("files/etc/sysconfig/network-scripts/ifcfg-{provider}");
    let files = node.of_stage("host-network", &path);
    expect(wrong, files.len() == 2, format!("no {path}"));
    for file in files {
        let lines: Vec<_> = file.content.lines().collect();
        for wanted in
            ["NM_CONTROLLED=no", "IPV6INIT=no", "DEFROUTE=no", "BOOTPROTO=none", "ONBOOT=yes"]
        {
            expect(wrong, lines.contains(&wanted), format!("{path}: {wanted}"));
        }
        let addressed = lines.iter().any(|l| l.starts_with("IPADDR") || l.starts_with("GATEWAY"));
        expect(wrong, !addressed, format!("{path} has an address"));
    }
    let by_installer = format!("--device={provider} ");
    let by_installer = node.commands().iter().any(|line| line.contains(&by_installer));
    expect(wrong, !by_installer, "the installer configures it");
}

#[test]
fn n1_the_provider_interface_is_left_alone() {
    hold(
        n1,
        &[
            (Either, "NM_CONTROLLED=no", "NM_CONTROLLED=yes"),
            (Either, "IPV6INIT=no", "IPV6INIT=yes"),
            (Either, "DEFROUTE=no", "DEFROUTE=yes"),
            (Either, "PROXY_METHOD=none", "IPADDR=203.0.113.2"),
            (Either, "systemctl enable network.service", "systemctl disable network.service"),
            (Kickstart, "\n%include", "\nnetwork --device=enp0s9 --bootproto=dhcp\n%include"),
        ],
    );
}

fn n2(node: &Rendered, wrong: &mut Vec<String>) {
    let firewall: Vec<_> =
        node.commands().into_iter().filter(|l| l.starts_with("firewall")).collect();
    // It cannot say from where.
    expect(wrong, firewall == ["firewall --enabled --service=ssh"], "the kickstart opens more");
    for file in node.files().iter().filter(|file| file.path.ends_with("/manifest")) {
        for line in file.content.lines().filter_map(|l| l.strip_prefix("firewall ")) {
            let is_network = line.rsplit(' ').next().is_some_and(|source| source.contains('/'));
            expect(wrong, is_network, format!("{}: {line}", file.path));
        }
    }
    for (path, script) in scripts(node) {
        for line in code(&script) {
            for never in ["--reload", "--complete-reload", "setenforce", "stop firewalld"] {
                expect(wrong, !line.contains(never), format!("{path}: {line}"));
            }
        }
        if path.contains("stage-lib.sh") {
            for way in ["firewall-cmd --permanent", "firewall-cmd", "firewall-offline-cmd"] {
                let adds = format!(" || {way} --add-rich-rule=\"$rule\"");
                expect(wrong, script.contains(&adds), format!("{path}: {adds}"));
            }
        }
    }
}

#[test]
fn n2_the_firewall_opens_nothing_to_everyone_and_is_never_reloaded() {
    hold(
        n2,
        &[
            (Kickstart, "--service=ssh", "--service=ssh --port=3306:tcp"),
            (Either, "firewall 123 udp 10.0.0.0/24", "firewall 123 udp any"),
            (Either, "firewall-cmd --state", "firewall-cmd --reload"),
            (
                Either,
                "firewall-cmd --permanent --add-rich-rule",
                "firewall-cmd --permanent --add-port",
            ),
            (Either, "|| firewall-cmd --add-rich-rule", "|| true"),
            (Either, "|| firewall-offline-cmd --add-rich-rule", "|| true"),
        ],
    );
}

fn n9(node: &Rendered, wrong: &mut Vec<String>) {
    let environment = node.environment();
    let (name, address) = (&environment["TRAINYARD_NODE"], &environment["TRAINYARD_ADDRESS"]);
    let files = node.of_stage("host-network", "files/etc/hosts");
    expect(wrong, files.len() == 2, "no /etc/hosts");
    for file in files {
        let named = file.content.lines().filter(|l| !l.starts_with('#')).filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?;
            words.any(|word| word == name).then_some(address)
        });
        let named: Vec<_> = named.collect();
        expect(wrong, named == [address.as_str()], format!("{name} is {named:?}"));
    }
    // In place before the first service starts.
    let placed = "/usr/local/sbin/trainyard-node place host-network";
    expect(wrong, code(&node.post()).contains(&placed), "it comes after the first boot");
}

#[test]
fn n9_a_node_knows_itself_by_the_address_that_others_know() {
    hold(
        n9,
        &[
            (Either, "127.0.0.1   localhost", "127.0.0.1   compute controller localhost"),
            (Kickstart, "10.0.0.11\tcontroller", "10.0.0.12\tcontroller"),
            (Kickstart, "/trainyard-node place host-network", "/trainyard-node status"),
        ],
    );
}

#[test]
fn n11_a_compute_may_have_one_interface() {
    let lab = Lab::new(
        "nodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute: {role: compute, address: 10.0.0.31, interfaces: {enp0s3: {network: management}}}\n",
    );
    lab.done(&["render", "compute", "-o", "out"]);
    for file in ["ks.cfg", "user-data"] {
        let text = lab.read(&format!("out/compute/{file}"));
        assert!(text.contains("TRAINYARD_PROVIDER_INTERFACE=\n"), "{file}");
        assert!(!text.contains("/ifcfg-enp0s9"), "{file}");
    }
    // With two there is one.
    let two = nodes().iter().filter(|n| n.name.starts_with("reference.yaml"));
    assert!(two.into_iter().all(|n| n.kickstart.contains("/ifcfg-enp0s9")));
}
