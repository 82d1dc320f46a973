//! What cloud-init makes of the network-config is what the stage `host-network` has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::common::everything::networks;
use super::common::{Lab, judge, judged};
use super::{files, interface_files, keys};

/// What cloud-init makes of a node's network-config: interface files, and routes as `to via gateway`.
fn converted(lab: &Lab, node: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let config = lab.path(&format!("out/{node}/network-config"));
    let data: Value =
        serde_yaml::from_str(&fs::read_to_string(&config).expect("text")).expect("YAML");
    let made = lab.path(&format!("net-{node}"));
    let mut command = judge("cloud-init");
    command.args(["devel", "net-convert", "-k", "yaml", "-D", "rhel", "-O", "sysconfig", "-p"]);
    command.arg(&config).arg("-d").arg(&made);
    for one in data["config"].as_array().expect("interfaces") {
        if let Some(mac) = one["mac_address"].as_str() {
            command.args(["-m", &format!("{},{mac}", one["name"].as_str().expect("a name"))]);
        }
    }
    judged(command);
    let folder = made.join("etc/sysconfig/network-scripts");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, keys(&fs::read_to_string(&path).expect("text")));
    }
    found
}

/// Keys that mean the same in both.
const COMPARED: [&str; 20] = [
    "DEVICE",
    "ONBOOT",
    "BOOTPROTO",
    "IPADDR",
    "NETMASK",
    "GATEWAY",
    "DNS1",
    "DNS2",
    "DNS3",
    "DOMAIN",
    "MTU",
    "MASTER",
    "SLAVE",
    "BRIDGE",
    "VLAN",
    "PHYSDEV",
    "STP",
    "IPV6ADDR",
    "IPV6_DEFAULTGW",
    "DHCPV6C",
];

fn netmask(prefix: &str) -> String {
    let prefix: u32 = prefix.parse().expect("a prefix length");
    Ipv4Addr::from(u32::MAX << (32 - prefix)).to_string()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(' ').collect()
}

#[test]
fn cloud_init_makes_the_interface_files_that_the_stage_has() {
    let examples = ["reference.yaml", "bond-vlan.yaml", "pool.yaml", "dhcp.yaml"];
    let mut labs: Vec<_> = examples.map(Lab::example).into();
    labs.push(networks());
    for lab in labs {
        lab.done(&["secrets"]);
        lab.done(&["render", "-o", "out"]);
        // Nodes of one role differ in their addresses only.
        for node in lab.names("out").into_iter().rev().take(2) {
            let theirs = converted(&lab, &node);
            let ours = interface_files(&lab, &node);
            let names = |name: &String| name.strip_prefix("ifcfg-").map(str::to_owned);
            let made: BTreeSet<_> = theirs.keys().filter_map(names).collect();
            assert_eq!(made, ours.keys().cloned().collect(), "{node}");
            for (name, mut ours) in ours {
                let theirs = &theirs[&format!("ifcfg-{name}")];
                if let Some(prefix) = ours.get("PREFIX") {
                    let netmask = netmask(prefix);
                    ours.insert("NETMASK".into(), netmask);
                }
                for key in COMPARED {
                    assert_eq!(
                        ours.get(key),
                        theirs.get(key),
                        "{node}, {name}: {key}\n{ours:#?}\n{theirs:#?}"
                    );
                }
                let kind = ours["TYPE"].as_str();
                // It leaves the kind of VLANs out, and says of a bond what it is made of as well.
                assert!(kind == "Vlan" || theirs["TYPE"] == kind, "{name}: {theirs:#?}");
                if let Some(options) = ours.get("BONDING_OPTS") {
                    assert_eq!(words(options), words(&theirs["BONDING_OPTS"]), "{name}");
                }
                if let Some(mac) = ours.get("HWADDR") {
                    assert_eq!(Some(mac), theirs.get("HWADDR"));
                }
            }
        }
    }
}

#[test]
fn cloud_init_makes_the_routes_that_the_stage_has() {
    let lab = networks();
    lab.done(&["render", "-o", "out"]);
    let files = files(&lab, "controller");
    assert_eq!(
        files["route-uplink"],
        "10.20.0.0/16 via 10.0.0.254 dev uplink\n10.30.0.0/16 via 10.0.0.253 dev uplink\n"
    );
    assert_eq!(files["route6-uplink"], "fd00:20::/64 via fd00::fe dev uplink\n");
    assert_eq!(files.keys().filter(|name| name.starts_with("route")).count(), 2);
    let theirs = converted(&lab, "controller");
    let v4 = &theirs["route-uplink"];
    for (i, (to, via)) in
        [("10.20.0.0", "10.0.0.254"), ("10.30.0.0", "10.0.0.253")].iter().enumerate()
    {
        let key = |name: &str| v4[&format!("{name}{i}")].as_str();
        assert_eq!((key("ADDRESS"), key("NETMASK"), key("GATEWAY")), (*to, "255.255.0.0", *via));
    }
    let v6 = lab.read("net-controller/etc/sysconfig/network-scripts/route6-uplink");
    assert!(v6.contains("fd00:20::/64 via fd00::fe"), "{v6}");
}

/// What the installation document says of the first node's two interfaces.
const DOCUMENT: [(&str, &str); 2] = [
    (
        "enp0s3",
        "TYPE=Ethernet PROXY_METHOD=none BROWSER_ONLY=no BOOTPROTO=none DEFROUTE=yes IPV4_FAILURE_FATAL=no IPV6INIT=yes \
         IPV6_AUTOCONF=yes IPV6_DEFROUTE=yes IPV6_FAILURE_FATAL=no IPV6_ADDR_GEN_MODE=stable-privacy NAME=enp0s3 \
         UUID=xxx-xxx-xxx-xxx-xxxx DEVICE=enp0s3 ONBOOT=yes IPADDR=10.0.0.11 PREFIX=24 GATEWAY=10.0.0.1 DNS1=8.8.8.8",
    ),
    (
        "enp0s9",
        "TYPE=Ethernet PROXY_METHOD=none BROWSER_ONLY=no BOOTPROTO=none DEFROUTE=yes IPV4_FAILURE_FATAL=no IPV6INIT=yes \
         IPV6_AUTOCONF=yes IPV6_DEFROUTE=yes IPV6_FAILURE_FATAL=no IPV6_ADDR_GEN_MODE=stable-privacy NAME=enp0s9 \
         UUID=xxx-xxx-xxx-xxx-xxxx DEVICE=enp0s9 ONBOOT=yes",
    ),
];

/// Keys of the document's that cloud-init has no words for: they say what holds without them, or the stage says otherwise
/// (docs/deviations.md).
const UNSAID: [&str; 10] = [
    "BROWSER_ONLY",
    "IPV4_FAILURE_FATAL",
    "IPV6INIT",
    "IPV6_ADDR_GEN_MODE",
    "IPV6_AUTOCONF",
    "IPV6_DEFROUTE",
    "IPV6_FAILURE_FATAL",
    "NAME",
    "PROXY_METHOD",
    "UUID",
];

#[test]
fn cloud_init_makes_the_documents_interfaces() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for (node, address) in [("controller", "10.0.0.11"), ("compute", "10.0.0.31")] {
        let theirs = converted(&lab, node);
        assert_eq!(theirs.len(), 2, "{theirs:#?}");
        for (name, document) in DOCUMENT {
            let document = document.replace("10.0.0.11", address).replace(' ', "\n");
            let mut wanted = keys(&document);
            wanted.retain(|key, _| !UNSAID.contains(&key.as_str()));
            if let Some(prefix) = wanted.remove("PREFIX") {
                wanted.insert("NETMASK".into(), netmask(&prefix));
            }
            if name == "enp0s9" {
                // The way out is the management network's.
                wanted.remove("DEFROUTE");
            }
            let mut found = theirs[&format!("ifcfg-{name}")].clone();
            // By which it is found, and what cloud-init writes for all.
            for more in ["HWADDR", "NM_CONTROLLED", "USERCTL", "STARTMODE"] {
                found.remove(more);
            }
            assert_eq!(found, wanted, "{node}, {name}");
        }
    }
}
