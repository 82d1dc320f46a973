//! How the stage `host-network` brings interfaces up, with NetworkManager and without.

use std::fs;

use super::network::{Host, SCRIPTS};

#[test]
fn what_dhcp_has_set_up_against_the_files_ends_with_a_reboot() {
    let path = format!("etc/trainyard/stages/host-network/files/{SCRIPTS}/ifcfg-enp0s9");
    for (file, way_out, resolv, reboots) in [
        ("DEFROUTE=no\nPEERDNS=no\n", "enp0s9", "", true),
        ("DEFROUTE=no\nPEERDNS=no\n", "enp0s3", "", false),
        ("DEFROUTE=yes\n", "enp0s9", "nameserver 10.9.0.1\n", false),
        ("DEFROUTE=yes\nPEERDNS=no\nDNS1=1.1.1.1\n", "enp0s9", "nameserver 10.9.0.1\n", true),
        ("DEFROUTE=yes\nPEERDNS=no\nDNS1=1.1.1.1\n", "enp0s9", "nameserver 1.1.1.1\n", false),
    ] {
        let host = Host::new();
        host.node.write(&path, &format!("TYPE=Ethernet\nBOOTPROTO=dhcp\n{file}"));
        host.node.write("ways-out", &format!("default dev {way_out}\n"));
        host.node.write("etc/resolv.conf", resolv);
        let said = host.node.expect(if reboots { 3 } else { 0 }, &["run", "host-network"]);
        let is_asked = host.node.calls().contains(&"systemctl reboot".to_owned());
        assert_eq!(is_asked, reboots, "{file}{said}");
    }
}

#[test]
fn what_network_manager_leaves_alone_is_brought_up_from_below() {
    let host = Host::new();
    host.node.expect(0, &["run", "host-network"]);
    let calls = host.node.calls();
    let ups: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("ifup ")).collect();
    // A bond brings its members up itself; what carries a VLAN comes before it.
    assert_eq!(ups, ["bond0", "bond0.7"]);
    assert!(calls.contains(&"systemctl enable network.service".to_owned()), "{calls:?}");
    assert!(calls.contains(&"nmcli connection reload".to_owned()));
    assert!(!calls.iter().any(|call| call.contains("reboot")), "{calls:?}");

    host.node.write("up/bond0", "");
    host.node.expect(0, &["run", "--force", "host-network"]);
    let calls = host.node.calls();
    assert!(
        !calls.contains(&"ifup bond0".to_owned()) && calls.contains(&"ifup bond0.7".to_owned())
    );
}

/// What `systemctl` says on a cloud image, which has no NetworkManager.
const CLOUD_IMAGE: &str = "[ \"$*\" != '-q is-active NetworkManager.service' ]";

#[test]
fn without_network_manager_the_network_scripts_bring_up_everything() {
    let host = Host::new();
    host.node.fake("systemctl", CLOUD_IMAGE);
    host.node.write("up/enp0s3", "");
    host.node.expect(0, &["run", "host-network"]);
    let calls = host.node.calls();
    let ups: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("ifup ")).collect();
    assert_eq!(ups, ["bond0", "enp0s9", "storage", "bond0.7"]);
    assert!(!calls.iter().any(|call| call.starts_with("nmcli")), "{calls:?}");
    let said = host.node.expect(0, &["logs", "host-network"]);
    assert!(!said.contains("NetworkManager"), "{said}");
}

#[test]
fn without_network_manager_a_late_network_is_asked_for_the_address() {
    let host = Host::new();
    host.node.fake("systemctl", CLOUD_IMAGE);
    host.node.write("sys/class/net/enp0s3/carrier", "0\n");
    host.node.write("up/enp0s3", "");
    host.node.shell(
        "echo parameter carrier_seconds 30 >>$ROOT/etc/trainyard/stages/host-network/manifest",
    );
    host.node.shell("mv $ROOT/addresses $ROOT/later");
    host.node.write("addresses", "storage 10.2.0.11\n");
    host.node.fake("ifup", "[ \"$1\" != enp0s3 ] || mv $ROOT/later $ROOT/addresses");
    host.node.fake("sleep", "echo 1 >$ROOT/sys/class/net/enp0s3/carrier");
    host.node.expect(0, &["run", "host-network"]);
    let calls = host.node.calls();
    let asked = calls.iter().position(|call| call == "ifup enp0s3").expect("asked");
    assert!(calls[..asked].iter().any(|call| call.starts_with("sleep ")), "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains("reboot")), "{calls:?}");
}

#[test]
fn without_network_manager_the_labs_name_servers_beside_dhcp_are_written_down() {
    let host = Host::new();
    host.node.fake("systemctl", CLOUD_IMAGE);
    let path = format!("etc/trainyard/stages/host-network/files/{SCRIPTS}/ifcfg-enp0s9");
    let file = "TYPE=Ethernet\nBOOTPROTO=dhcp\nDEFROUTE=yes\nPEERDNS=no\nDNS1=1.1.1.1\nDNS2=9.9.9.9\nDOMAIN=\"a.test b.test\"\n";
    host.node.write(&path, file);
    let wanted = "search a.test b.test\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n";
    // What DHCP's were written over comes back at the end of the interface, unless it is gone.
    let before = "var/lib/dhclient/resolv.conf.predhclient.enp0s9";
    for found in ["nameserver 10.9.0.1\n", "nameserver 1.1.1.1\n", ""] {
        host.node.write("etc/resolv.conf", found);
        host.node.write(before, "nameserver 10.9.0.1\n");
        host.node.expect(0, &["run", "--force", "host-network"]);
        assert_eq!(host.node.read("etc/resolv.conf"), wanted);
        assert!(!host.node.path(before).exists());
        assert!(!host.node.calls().iter().any(|call| call.contains("reboot")));
    }
    // Also where a reboot is asked for, after which the stage is done.
    host.node.write("addresses", "");
    host.node.write("etc/resolv.conf", "nameserver 10.9.0.1\n");
    host.node.expect(3, &["run", "--force", "host-network"]);
    assert_eq!(host.node.read("etc/resolv.conf"), wanted);
}

#[test]
fn a_reboot_brings_what_only_a_reboot_can() {
    for (missing, reboots) in [("bond0", true), ("enp0s3", true), ("enp0s9", false)] {
        let host = Host::new();
        fs::remove_dir_all(host.node.path(&format!("sys/class/net/{missing}"))).expect("removed");
        if missing == "enp0s3" {
            let path = "etc/trainyard/stages/host-network/files/etc/sysconfig/network-scripts/ifcfg-enp0s3";
            host.node.write(path, "TYPE=Ethernet\nHWADDR=52:54:00:00:00:01\nIPADDR=10.0.0.11\n");
        }
        host.node.expect(if reboots { 3 } else { 0 }, &["run", "host-network"]);
        let calls = host.node.calls();
        assert_eq!(calls.contains(&"systemctl reboot".to_owned()), reboots, "{missing}: {calls:?}");
    }
}

#[test]
fn a_node_without_a_network_waits_for_one_and_does_not_reboot() {
    for comes in [true, false] {
        let host = Host::new();
        host.node.write("sys/class/net/enp0s3/carrier", "0\n");
        host.node.shell("mv $ROOT/addresses $ROOT/later");
        host.node.write("addresses", "storage 10.2.0.11\n");
        host.node.shell(
            "echo parameter carrier_seconds 2 >>$ROOT/etc/trainyard/stages/host-network/manifest",
        );
        // It looks again every five seconds.
        host.node.fake(
            "sleep",
            if comes { "mv $ROOT/later $ROOT/addresses" } else { "exec /bin/sleep 3" },
        );
        host.node.expect(if comes { 0 } else { 6 }, &["run", "host-network"]);
        let said = host.node.expect(0, &["logs", "host-network"]);
        assert!(said.contains("waiting for a network at enp0s3 (is the cable plugged in, and the switch on?), at most 2 s"), "{said}");
        assert_eq!(said.contains("enp0s3 found no network in 2 s"), !comes, "{said}");
        assert!(!host.node.calls().iter().any(|call| call.contains("reboot")));
    }
}

#[test]
fn rules_of_cloud_init_do_not_name_a_port_that_is_found_by_its_address() {
    let host = Host::new();
    let rules = "etc/udev/rules.d/70-persistent-net.rules";
    let rule = |mac: &str, name: &str| {
        format!(
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", NAME=\"{name}\"\n"
        )
    };
    let other = rule("52:54:00:00:00:09", "enp0s9");
    let file = format!("etc/trainyard/stages/host-network/files/{SCRIPTS}/ifcfg-enp0s3");
    let found = "TYPE=Ethernet\nHWADDR=52:54:00:AA:00:01\nIPADDR=10.0.0.11\n";
    for (text, name, stays) in [
        (found, "eth0", false),
        (found, "enp0s3", true),
        // Nothing else names a port that the lab knows by no address.
        ("TYPE=Ethernet\nIPADDR=10.0.0.11\n", "eth0", true),
    ] {
        host.node.write(&file, text);
        host.node.write(rules, &(rule("52:54:00:aa:00:01", name) + &other));
        host.node.command(&["run", "--force", "host-network"]).output().expect("it runs");
        let kept = host.node.read(rules);
        assert_eq!(kept.contains(&rule("52:54:00:aa:00:01", name)), stays, "{text}{kept}");
        assert!(kept.ends_with(&other), "{kept}");
    }
}

#[test]
fn interface_files_that_the_lab_does_not_have_are_put_aside() {
    let host = Host::new();
    for name in ["ifcfg-eth0", "ifcfg-lo", "route-eth0", "route6-eth0", "ifup-routes"] {
        host.node.write(&format!("{SCRIPTS}/{name}"), name);
    }
    host.node.expect(0, &["run", "host-network"]);
    for name in ["ifcfg-eth0", "route-eth0", "route6-eth0"] {
        assert_eq!(host.node.read(&format!("var/lib/trainyard/replaced/{name}")), name);
        assert!(!host.node.path(&format!("{SCRIPTS}/{name}")).exists(), "{name}");
    }
    for name in ["ifcfg-lo", "ifup-routes"] {
        assert_eq!(host.node.read(&format!("{SCRIPTS}/{name}")), name);
    }
    assert!(host.node.read(&format!("{SCRIPTS}/ifcfg-enp0s3")).contains("IPADDR=10.0.0.11"));
}
