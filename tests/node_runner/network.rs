//! The stage `host-network` on a node: its own scripts, with a folder for the kernel's and fakes for what would touch
//! the machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::node::Node;

const SCRIPTS: &str = "etc/sysconfig/network-scripts";

/// Prints what the file `addresses` says: `INTERFACE ADDRESS`, one a line.
const IP: &str = r#"
family=$1; shift
case "$*" in
"-o address show to "*) wanted=${5%/*}; grep -q " $wanted\$" "$ROOT/addresses" && echo found ;;
"-o address show dev "*" to "*) grep -x "$5 ${7%/*}\( dadfailed\)\?" "$ROOT/addresses" ;;
"-o address show dev "*)
    case $family in -4) grep "^$5 [0-9.]*\$" "$ROOT/addresses" ;; *) grep "^$5 .*:" "$ROOT/addresses" ;; esac ;;
"-o route show default dev "*) grep -x "default dev $6" "$ROOT/ways-out" 2> /dev/null ;;
"link show dev "*" up") [ ! -e "$ROOT/up/$4" ] || echo up ;;
esac
true
"#;

struct Host {
    node: Node,
}

impl Host {
    /// A node whose interfaces are as their files say.
    fn new() -> Self {
        let node = Node::new();
        let stage = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/host-network");
        let read = |name: &str| fs::read_to_string(stage.join(name)).expect("a script");
        let scripts = ["prepare.sh", "configure.sh", "verify.sh"].map(|name| (name, read(name)));
        let mut manifest = String::new();
        let mut files = Vec::new();
        for (name, lines) in [
            ("enp0s3", "TYPE=Ethernet\nBOOTPROTO=none\nIPADDR=10.0.0.11\nIPV6ADDR=fd00::11/64\n"),
            (
                "enp0s8",
                "TYPE=Ethernet\nBOOTPROTO=none\nMASTER=bond0\nSLAVE=yes\nMTU=9000\nNM_CONTROLLED=no\n",
            ),
            (
                "bond0",
                "TYPE=Bond\nBOOTPROTO=none\nBONDING_MASTER=yes\nMTU=9000\nNM_CONTROLLED=no\n",
            ),
            (
                "bond0.7",
                "TYPE=Vlan\nBOOTPROTO=none\nVLAN=yes\nPHYSDEV=bond0\nVLAN_ID=7\nNM_CONTROLLED=no\n",
            ),
            ("enp0s9", "TYPE=Ethernet\nBOOTPROTO=dhcp\n"),
        ] {
            let path = format!("{SCRIPTS}/ifcfg-{name}");
            manifest = format!("{manifest}file 0644 root root /{path}\n");
            files.push((format!("files/{path}"), lines.to_owned()));
            node.write(&path, lines);
            node.write(&format!("sys/class/net/{name}/flags"), "0x1003\n");
            let mtu = if lines.contains("MTU=9000") { "9000\n" } else { "1500\n" };
            node.write(&format!("sys/class/net/{name}/mtu"), mtu);
        }
        files.extend(scripts.map(|(name, text)| (name.to_owned(), text)));
        let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        node.stage("host-network", &manifest, &files);
        symlink("../bond0", node.path("sys/class/net/enp0s8/master")).expect("a link");
        node.write(
            "proc/net/vlan/bond0.7",
            "bond0.7  VID: 7\t REORDER_HDR: 1  dev->priv_flags: 1\n         total frames received  0\nDevice: bond0\n",
        );
        node.write("addresses", "enp0s3 10.0.0.11\nenp0s3 fd00::11\nenp0s9 10.9.0.7\n");
        node.write("etc/hosts", "127.0.0.1 localhost\n\n# controller\n10.0.0.11\tcontroller\n\n# not of this lab\n10.0.0.5\tdb db2\n");
        node.write(
            "etc/trainyard/node.env",
            "TRAINYARD_NODE=controller\nTRAINYARD_ADDRESS=10.0.0.11\nTRAINYARD_PROVIDER_INTERFACE=bond0.7\n",
        );
        node.fake("ip", IP);
        node.fake("hostname", "echo controller");
        node.fake("hostnamectl", "echo controller");
        node.fake("getent", "[ $2 = controller ] && echo '10.0.0.11 STREAM controller'");
        for name in ["ping", "nmcli", "ifup", "selinuxenabled"] {
            node.fake(name, if name == "selinuxenabled" { "exit 1" } else { "" });
        }
        Self { node }
    }

    fn verify(&self, code: i32) -> String {
        self.node.expect(code, &["verify", "host-network"])
    }
}

#[test]
fn verify_looks_at_every_interface() {
    let host = Host::new();
    let said = host.verify(0);
    for line in [
        "enp0s3 is up with 10.0.0.11, fd00::11\n",
        "enp0s8 is up, MTU 9000, a part of bond0\n",
        "bond0 is up, MTU 9000\n",
        "bond0.7 is up, VLAN 7 on bond0\n",
        "enp0s9 is up with an address by DHCP\n",
        "controller is 10.0.0.11\n",
        "controller answers\n",
    ] {
        assert!(said.contains(&format!("    {line}")), "{line}{said}");
    }
    assert!(!said.contains("db"), "{said}");
}

#[test]
fn verify_tells_what_is_not_as_its_file_says() {
    type Break = fn(&Node);
    let breaks: [(Break, &str); 10] = [
        (
            |n| fs::remove_dir_all(n.path("sys/class/net/bond0")).expect("removed"),
            "there is no bond0",
        ),
        (|n| n.write("sys/class/net/enp0s3/flags", "0x1002\n"), "enp0s3 is not up"),
        (|n| n.write("sys/class/net/bond0/mtu", "1500\n"), "bond0 has an MTU of 1500, not 9000"),
        (
            |n| fs::remove_file(n.path("sys/class/net/enp0s8/master")).expect("removed"),
            "enp0s8 is no part of bond0",
        ),
        (
            |n| {
                let link = n.path("sys/class/net/enp0s8/master");
                fs::remove_file(&link).expect("removed");
                symlink("../br0", link).expect("a link");
            },
            "enp0s8 is a part of br0, not of bond0",
        ),
        (
            |n| n.write("proc/net/vlan/bond0.7", "bond0.7  VID: 70\t \nDevice: bond0\n"),
            "bond0.7 is not VLAN 7 on bond0",
        ),
        (
            |n| n.write("addresses", "enp0s3 10.0.0.12\nenp0s3 fd00::11\nenp0s9 10.9.0.7\n"),
            "enp0s3 has not the address 10.0.0.11",
        ),
        (
            |n| n.write("addresses", "enp0s3 10.0.0.11\nenp0s9 10.9.0.7\n"),
            "enp0s3 has not the address fd00::11",
        ),
        (
            |n| n.write("addresses", "enp0s3 10.0.0.11\nenp0s3 fd00::11 dadfailed\n"),
            "another machine has the address fd00::11 of enp0s3",
        ),
        (
            |n| n.write("addresses", "enp0s3 10.0.0.11\nenp0s3 fd00::11\n"),
            "enp0s9 has no address; does the DHCP server answer?",
        ),
    ];
    for (break_it, told) in breaks {
        let host = Host::new();
        break_it(&host.node);
        let said = host.verify(5);
        assert!(said.contains(&format!("error: {told}\n")), "{told}\n{said}");
    }
    let host = Host::new();
    host.node.write(
        "addresses",
        "enp0s3 10.0.0.11\nenp0s3 fd00::11\nenp0s9 10.9.0.7\nbond0.7 10.9.0.8\n",
    );
    assert!(host.verify(5).contains("bond0.7 has an address; instances use that network"));
}

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
        let said = host.node.expect(0, &["run", "host-network"]);
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

#[test]
fn a_reboot_brings_what_only_a_reboot_can() {
    for (missing, reboots) in [("bond0", true), ("enp0s3", true), ("enp0s9", false)] {
        let host = Host::new();
        fs::remove_dir_all(host.node.path(&format!("sys/class/net/{missing}"))).expect("removed");
        if missing == "enp0s3" {
            let path = "etc/trainyard/stages/host-network/files/etc/sysconfig/network-scripts/ifcfg-enp0s3";
            host.node.write(path, "TYPE=Ethernet\nHWADDR=52:54:00:00:00:01\nIPADDR=10.0.0.11\n");
        }
        host.node.expect(0, &["run", "host-network"]);
        let calls = host.node.calls();
        assert_eq!(calls.contains(&"systemctl reboot".to_owned()), reboots, "{missing}: {calls:?}");
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
