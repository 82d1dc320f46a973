//! Interface files as CentOS 7 reads them.

use std::fs;

use super::common::everything::networks;
use super::common::{Lab, judge, judged};
use super::{files, interface_files, keys};

/// An interface file's lines, but for those that all have.
fn said(lab: &Lab, node: &str, name: &str) -> Vec<String> {
    let shared = [
        "PROXY_METHOD=",
        "BROWSER_ONLY=",
        "IPV4_FAILURE_FATAL=",
        "IPV6_FAILURE_FATAL=",
        "IPV6_ADDR_GEN_MODE=",
        "NAME=",
        "DEVICE=",
        "ONBOOT=",
    ];
    let text = files(lab, node).remove(&format!("ifcfg-{name}")).expect("there");
    let own = |line: &&str| !shared.iter().any(|s| line.starts_with(s));
    text.lines().filter(own).map(str::to_owned).collect()
}

#[test]
fn each_kind_of_interface_has_the_keys_that_centos_7_reads() {
    let lab = networks();
    let bare =
        ["BOOTPROTO=none", "DEFROUTE=no", "IPV6INIT=no", "IPV6_AUTOCONF=no", "IPV6_DEFROUTE=no"];
    let addressed =
        ["BOOTPROTO=none", "DEFROUTE=no", "IPV6INIT=yes", "IPV6_AUTOCONF=yes", "IPV6_DEFROUTE=no"];
    for (name, kind, begin, rest) in [
        ("enp0s8", "Ethernet", bare, vec!["MASTER=bond0", "SLAVE=yes"]),
        (
            "bond0",
            "Bond",
            addressed,
            vec![
                "BONDING_MASTER=yes",
                "BONDING_OPTS=\"mode=active-backup primary=enp0s9 miimon=200\"",
                "IPADDR=10.2.0.11",
                "PREFIX=24",
            ],
        ),
        // NetworkManager leaves alone what instances use, but not the bond, which the node uses too.
        (
            "bond0.200",
            "Vlan",
            bare,
            vec!["NM_CONTROLLED=no", "VLAN=yes", "PHYSDEV=bond0", "VLAN_ID=200"],
        ),
        (
            "bond1",
            "Bond",
            bare,
            vec![
                "BONDING_MASTER=yes",
                "BONDING_OPTS=\"mode=balance-xor arp_interval=1000 arp_ip_target=10.1.0.1\"",
                "MTU=9000",
            ],
        ),
        // What an MTU needs below it.
        ("enp0s10", "Ethernet", bare, vec!["MASTER=bond1", "SLAVE=yes", "MTU=9000"]),
        (
            "bond1.301",
            "Vlan",
            bare,
            vec!["BRIDGE=br0", "VLAN=yes", "PHYSDEV=bond1", "VLAN_ID=301", "MTU=1600"],
        ),
        ("br0", "Bridge", addressed, vec!["STP=yes", "MTU=1600", "IPADDR=10.4.0.11", "PREFIX=24"]),
        ("enp0s17", "Ethernet", bare, vec!["BRIDGE=br0", "MTU=1600"]),
        ("br1", "Bridge", addressed, vec!["STP=no", "IPADDR=10.5.0.11", "PREFIX=24"]),
    ] {
        let mut wanted = vec![format!("TYPE={kind}")];
        wanted.extend(begin.into_iter().chain(rest).map(str::to_owned));
        assert_eq!(said(&lab, "controller", name), wanted, "{name}");
    }
    assert_eq!(
        said(&lab, "controller", "uplink"),
        [
            "TYPE=Ethernet",
            "BOOTPROTO=none",
            "DEFROUTE=yes",
            "IPV6INIT=yes",
            "IPV6_AUTOCONF=no",
            "IPV6_DEFROUTE=yes",
            "HWADDR=52:54:00:00:00:01",
            "IPADDR=10.0.0.11",
            "PREFIX=24",
            "GATEWAY=10.0.0.1",
            "IPV6ADDR=fd00::11/64",
            "IPV6_DEFAULTGW=fd00::1",
            "DNS1=10.0.0.2",
            "DNS2=10.0.0.3",
            "DNS3=fd00::2",
            "DOMAIN=\"lab.example.org example.org\"",
        ]
    );
    assert_eq!(
        said(&lab, "controller", "enp0s18"),
        [
            "TYPE=Ethernet",
            "BOOTPROTO=dhcp",
            "DEFROUTE=no",
            "IPV6INIT=yes",
            "IPV6_AUTOCONF=no",
            "IPV6_DEFROUTE=no",
            "DHCPV6C=yes",
            "PERSISTENT_DHCLIENT=yes",
            "PEERDNS=no",
        ]
    );
    assert_eq!(
        said(&lab, "controller", "fast")[6..],
        ["VLAN=yes", "PHYSDEV=bond1", "VLAN_ID=300", "MTU=9000", "IPADDR=10.1.0.11", "PREFIX=24"]
    );
}

#[test]
fn every_layer_of_the_provider_network_is_left_alone() {
    let lab = Lab::new(
        "networks: {provider: }\n\
         interfaces: {enp0s3: {network: management}, bond0: {bond: {members: [enp0s8, enp0s9]}}, \
         vlan7: {vlan: {link: bond0, id: 7}, network: provider}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    for name in ["bond0", "vlan7", "enp0s8", "enp0s9"] {
        let said = said(&lab, "controller", name);
        for line in ["NM_CONTROLLED=no", "IPV6INIT=no", "DEFROUTE=no"] {
            assert!(said.iter().any(|l| l == line), "{name}: {said:?}");
        }
    }
    assert!(!said(&lab, "controller", "enp0s3").contains(&"NM_CONTROLLED=no".to_owned()));
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    assert!(kickstart.contains("TRAINYARD_PROVIDER_INTERFACE=vlan7\n"));
}

#[test]
fn names_are_resolved_as_the_lab_says() {
    let lab = Lab::new(
        "dns: 9.9.9.9\nhosts: {10.0.0.5: [db, db.example.org], \"fd00::5\": db}\n\
         nodes:\n  controller: {role: controller, address: 10.0.0.11}\n\
         \x20 compute: {role: compute, address: 10.0.0.31, dns: [1.1.1.1, 1.0.0.1], search: example.org, hosts: {10.0.0.5: store}}\n",
    );
    let of = |node: &str| {
        (interface_files(&lab, node)["enp0s3"].clone(), files(&lab, node)["hosts"].clone())
    };
    let (controller, hosts) = of("controller");
    assert_eq!((controller["DNS1"].as_str(), controller.get("DNS2")), ("9.9.9.9", None));
    assert!(
        hosts.ends_with(
            "10.0.0.31\tcompute\n\n# not of this lab\n10.0.0.5\tdb db.example.org\nfd00::5\tdb\n"
        ),
        "{hosts}"
    );
    let (compute, hosts) = of("compute");
    assert_eq!(
        (compute["DNS1"].as_str(), compute["DNS2"].as_str(), compute["DOMAIN"].as_str()),
        ("1.1.1.1", "1.0.0.1", "example.org")
    );
    assert!(hosts.ends_with("10.0.0.5\tstore\nfd00::5\tdb\n"), "{hosts}");
}

#[test]
fn with_dhcp_the_servers_own_name_servers_count_unless_the_lab_names_some() {
    let lab = |dns: &str| {
        Lab::new(&format!(
            "networks: {{management: {{addresses: dhcp{dns}}}}}\nnodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n"
        ))
    };
    let keys = interface_files(&lab(""), "controller").remove("enp0s3").expect("there");
    assert_eq!((keys["BOOTPROTO"].as_str(), keys["DEFROUTE"].as_str()), ("dhcp", "yes"));
    for key in ["IPADDR", "GATEWAY", "DNS1", "PEERDNS", "RESOLV_MODS"] {
        assert!(!keys.contains_key(key), "{keys:?}");
    }
    let keys =
        interface_files(&lab(", dns: 10.0.0.2"), "controller").remove("enp0s3").expect("there");
    assert_eq!((keys["PEERDNS"].as_str(), keys["DNS1"].as_str()), ("no", "10.0.0.2"));
    // The network scripts write them all the same.
    assert_eq!(keys["RESOLV_MODS"], "yes");
}

#[test]
fn the_shell_reads_every_interface_file() {
    let lab = networks();
    for (name, text) in
        files(&lab, "controller").into_iter().filter(|(name, _)| name.starts_with("ifcfg-"))
    {
        let path = lab.path(&name);
        fs::write(&path, &text).expect("written");
        let mut command = judge("bash");
        command
            .args([
                "-euc",
                ". \"$0\"; printf '%s|' \"$DEVICE\" \"${BONDING_OPTS:-}\" \"${DOMAIN:-}\"",
            ])
            .arg(&path);
        let said = judged(command).stdout;
        let keys = keys(&text);
        let key = |name: &str| keys.get(name).cloned().unwrap_or_default();
        assert_eq!(said, format!("{}|{}|{}|", key("DEVICE"), key("BONDING_OPTS"), key("DOMAIN")));
    }
}
