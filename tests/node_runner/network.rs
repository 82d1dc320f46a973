//! The stage `host-network` on a node: its own scripts, with a folder for the kernel's and fakes for what would touch
//! the machine.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::node::Node;
use super::verify::names_in;

pub const SCRIPTS: &str = "etc/sysconfig/network-scripts";

/// Prints what the file `addresses` says: `INTERFACE ADDRESS`, one a line.
const IP: &str = r#"
family=$1; shift
case "$*" in
"-o address show to "*) wanted=${5%/*}; sed -n "s/^\([^ ]*\) $wanted\$/2: \1 inet $wanted/p" "$ROOT/addresses" ;;
"-o address show dev "*" to "*) grep -x "$5 ${7%/*}\( dadfailed\)\?" "$ROOT/addresses" ;;
"-o address show dev "*)
    case $family in -4) grep "^$5 [0-9.]*\$" "$ROOT/addresses" ;; *) grep "^$5 .*:" "$ROOT/addresses" ;; esac ;;
"-o route show default dev "*) grep -x "default dev $6" "$ROOT/ways-out" 2> /dev/null ;;
"link show dev "*" up") [ ! -e "$ROOT/up/$4" ] || echo up ;;
esac
true
"#;

fn script(name: &str) -> String {
    let stage = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/host-network");
    fs::read_to_string(stage.join(name)).expect("a script")
}

pub struct Host {
    pub node: Node,
}

impl Host {
    /// A node whose interfaces are as their files say.
    pub fn new() -> Self {
        let node = Node::new();
        let scripts = ["prepare.sh", "configure.sh", "verify.sh"].map(|name| (name, script(name)));
        let mut manifest = "parameter outside docs.openstack.org\n".to_owned();
        let mut files = Vec::new();
        for (name, lines) in [
            (
                "enp0s3",
                "TYPE=Ethernet\nBOOTPROTO=none\nIPADDR=10.0.0.11\nGATEWAY=10.0.0.1\nIPV6ADDR=fd00::11/64\nIPV6_DEFAULTGW=fe80::1\n",
            ),
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
            ("storage", "TYPE=Bridge\nBOOTPROTO=none\nIPADDR=10.2.0.11\nMTU=9000\n"),
        ] {
            let path = format!("{SCRIPTS}/ifcfg-{name}");
            manifest = format!("{manifest}file 0644 root root /{path}\n");
            files.push((format!("files/{path}"), lines.to_owned()));
            node.write(&path, lines);
            node.write(&format!("sys/class/net/{name}/flags"), "0x1003\n");
            let mtu = if lines.contains("MTU=9000") { "9000\n" } else { "1500\n" };
            node.write(&format!("sys/class/net/{name}/mtu"), mtu);
        }
        let hosts = "127.0.0.1 localhost\n\n# controller\n10.0.0.11\tcontroller\n\n# compute\n10.0.0.31\tcompute\n10.0.0.41\tblock\n\n\
                     # not of this lab\n10.0.0.5\tdb db2\n";
        manifest = format!("{manifest}file 0644 root root /etc/hosts\n");
        files.push(("files/etc/hosts".to_owned(), hosts.to_owned()));
        node.write("etc/hosts", hosts);
        files.extend(scripts.map(|(name, text)| (name.to_owned(), text)));
        let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        node.stage("host-network", &manifest, &files);
        symlink("../bond0", node.path("sys/class/net/enp0s8/master")).expect("a link");
        node.write(
            "proc/net/vlan/bond0.7",
            "bond0.7  VID: 7\t REORDER_HDR: 1  dev->priv_flags: 1\n         total frames received  0\nDevice: bond0\n",
        );
        node.write(
            "etc/trainyard/networks",
            "management controller fd00::11\nmanagement compute fd00::31\n\
             storage controller 10.2.0.11\nstorage compute 10.2.0.31\nreplication compute 10.3.0.31\n",
        );
        node.write(
            "addresses",
            "enp0s3 10.0.0.11\nenp0s3 fd00::11\nenp0s9 10.9.0.7\nstorage 10.2.0.11\n",
        );
        node.write(
            "etc/trainyard/node.env",
            "TRAINYARD_NODE=controller\nTRAINYARD_ADDRESS=10.0.0.11\nTRAINYARD_PROVIDER_INTERFACE=bond0.7\n",
        );
        node.write("dns", "192.0.2.7 docs.openstack.org\n");
        node.fake("ip", IP);
        node.fake("hostname", "cat $ROOT/name 2>/dev/null || echo controller");
        node.fake("hostnamectl", "cat $ROOT/static 2>/dev/null || echo controller");
        node.fake("getent", "cat $ROOT/names $ROOT/etc/hosts $ROOT/dns 2>/dev/null | awk -v name=\"$2\" '$1 != \"#\" && $2 == name { print $1, \"STREAM\" }' | grep .");
        node.fake(
            "ping",
            "case $* in *'-M do'*) cut=cut;; *) cut=no;; esac; for last; do :; done\n\
            [ ! -e $ROOT/silent-$last ] && [ ! -e $ROOT/$cut-$last ]",
        );
        for name in ["nmcli", "ifup", "selinuxenabled"] {
            node.fake(name, if name == "selinuxenabled" { "exit 1" } else { "" });
        }
        Self { node }
    }

    /// The checks that are not content, and what they tell.
    fn red(&self) -> Vec<(String, String)> {
        let checks = self.node.checks("host-network").into_iter().filter(|check| !check.1);
        checks.map(|(name, _, detail)| (name, detail)).collect()
    }
}

#[test]
fn verify_says_what_it_saw() {
    let host = Host::new();
    let checks = host.node.checks("host-network");
    for (name, details) in [
        ("the host has the node's name", vec!["controller"]),
        (
            "each interface is up",
            vec![
                "enp0s3 is up",
                "enp0s8 is up",
                "bond0 is up",
                "bond0.7 is up",
                "enp0s9 is up",
                "storage is up",
            ],
        ),
        (
            "bonds, bridges and VLANs are made of their parts",
            vec!["enp0s8 is a part of bond0", "bond0.7 is VLAN 7 on bond0"],
        ),
        (
            "each interface has its addresses",
            vec![
                "enp0s3 has the address 10.0.0.11",
                "enp0s3 has the address fd00::11",
                "enp0s9 has an address by DHCP",
                "storage has the address 10.2.0.11",
            ],
        ),
        ("the provider interface has no address", vec!["bond0.7 has no address"]),
        (
            "names resolve to the management addresses alone",
            vec!["controller is 10.0.0.11", "compute is 10.0.0.31", "block is 10.0.0.41"],
        ),
        ("each other node answers", vec!["block answers", "compute answers"]),
        (
            "full-size packets reach each other node",
            vec!["block answers to 1500 bytes", "compute answers to 1500 bytes"],
        ),
        (
            "full-size packets reach the nodes on other networks and by IPv6",
            vec![
                "compute on management by IPv6 answers to 1500 bytes",
                "compute on storage answers to 9000 bytes",
                "bond0 has no address, so nothing is reached by it",
                "bond0.7 has no address, so nothing is reached by it",
            ],
        ),
        ("names of the outside resolve", vec!["docs.openstack.org is 192.0.2.7"]),
    ] {
        let (_, ok, detail) = checks.iter().find(|check| check.0 == name).expect(name);
        assert!(*ok, "{name}: {detail}");
        assert_eq!(detail.lines().collect::<Vec<_>>(), details, "{name}");
    }
    let calls = host.node.calls();
    for ping in [
        "-n -q -c 3 -i 0.3 -W 2 compute",
        "-n -q -c 3 -i 0.3 -W 2 -M do -s 1472 -I 10.0.0.11 10.0.0.31",
        "-n -q -c 3 -i 0.3 -W 2 -M do -s 1452 -I fd00::11 fd00::31",
        "-n -q -c 3 -i 0.3 -W 2 -M do -s 8972 -I 10.2.0.11 10.2.0.31",
        "-q -c 4 -i 0.5 -W 5 docs.openstack.org",
    ] {
        assert!(calls.contains(&format!("ping {ping}")), "{ping}: {calls:?}");
    }
    // Nor itself, nor what is not of the lab, nor by a network that is not its own.
    let others = |call: &&String| {
        ["ping", "getent"].iter().any(|program| call.starts_with(program))
            && ["controller", "db", "10.0.0.11", "10.3.0.31"].iter().any(|host| {
                call.ends_with(&format!(" {host}"))
                    && !call.starts_with("getent ahostsv4 controller")
            })
    };
    assert_eq!(calls.iter().find(others), None);
    assert!(host.red().is_empty());
}

const UP: &str = "each interface is up";
const PARTS: &str = "bonds, bridges and VLANs are made of their parts";
const ADDRESSES: &str = "each interface has its addresses";
const NAME: &str = "the host has the node's name";
const NAMES: &str = "names resolve to the management addresses alone";

/// What breaks one thing, the check that looks at it, and what that tells.
const BREAKS: [(&str, &str, &str); 24] = [
    ("rm -r $ROOT/sys/class/net/enp0s9", UP, "there is no enp0s9"),
    ("echo 0x1002 >$ROOT/sys/class/net/enp0s3/flags", UP, "enp0s3 is not up"),
    (
        "echo 1500 >$ROOT/sys/class/net/bond0/mtu",
        "each interface has its MTU",
        "bond0 has an MTU of 1500, not 9000",
    ),
    (
        "echo 1400 >$ROOT/sys/class/net/enp0s3/mtu",
        "each interface has its MTU",
        "enp0s3 has an MTU of 1400, not 1500",
    ),
    ("rm $ROOT/sys/class/net/enp0s8/master", PARTS, "enp0s8 is no part of bond0"),
    (
        "ln -sfn ../br0 $ROOT/sys/class/net/enp0s8/master",
        PARTS,
        "enp0s8 is a part of br0, not of bond0",
    ),
    (
        "sed -i 's/VID: 7/VID: 70/' $ROOT/proc/net/vlan/bond0.7",
        PARTS,
        "bond0.7 is not VLAN 7 on bond0",
    ),
    ("sed -i /fd00/d $ROOT/addresses", ADDRESSES, "enp0s3 has not the address fd00::11"),
    (
        "sed -i 's/fd00::11/& dadfailed/' $ROOT/addresses",
        ADDRESSES,
        "another machine has the address fd00::11 of enp0s3",
    ),
    (
        "sed -i /10.9.0.7/d $ROOT/addresses",
        ADDRESSES,
        "enp0s9 has no address; does the DHCP server answer?",
    ),
    (
        "echo bond0.7 10.9.0.8 >>$ROOT/addresses",
        "the provider interface has no address",
        "bond0.7 has an address; instances use that network, the host does not",
    ),
    ("echo localhost >$ROOT/name", NAME, "this host calls itself localhost, not controller"),
    ("echo other >$ROOT/static", NAME, "after a boot this host will call itself other"),
    (
        "echo 127.0.1.1 controller >$ROOT/names",
        NAMES,
        "controller resolves to 10.0.0.11 127.0.1.1 instead of 10.0.0.11",
    ),
    (
        "sed -i /compute/d $ROOT/etc/hosts",
        NAMES,
        "compute resolves to nothing instead of 10.0.0.31",
    ),
    ("touch $ROOT/silent-compute", "each other node answers", "no answer from compute (compute)"),
    (
        "touch $ROOT/cut-10.0.0.31",
        "full-size packets reach each other node",
        "no answer from compute (10.0.0.31) to 1500 bytes",
    ),
    (
        "touch $ROOT/cut-fd00::31",
        "full-size packets reach the nodes on other networks and by IPv6",
        "no answer from compute on management by IPv6 (fd00::31) to 1500 bytes",
    ),
    (
        "touch $ROOT/cut-10.2.0.31",
        "full-size packets reach the nodes on other networks and by IPv6",
        "no answer from compute on storage (10.2.0.31) to 9000 bytes",
    ),
    (
        "touch $ROOT/silent-10.0.0.1",
        "the gateway answers",
        "no answer from the gateway of enp0s3 (10.0.0.1)",
    ),
    (
        "touch $ROOT/silent-fe80::1%enp0s3",
        "the gateway answers",
        "no answer from the gateway of enp0s3 (fe80::1%enp0s3)",
    ),
    (
        "sed -i /docs/d $ROOT/dns",
        "names of the outside resolve",
        "docs.openstack.org does not resolve; does a name server answer?",
    ),
    (
        "touch $ROOT/silent-docs.openstack.org",
        "the outside answers",
        "no answer to a ping from docs.openstack.org",
    ),
    (
        "touch $ROOT/mislabelled",
        "the runner has its SELinux types",
        "/usr/local/libexec/trainyard/checks.sh has a wrong SELinux type",
    ),
];

/// One thing is broken, and one check tells it.
#[test]
fn verify_tells_what_is_not_as_its_file_says() {
    for (line, name, told) in BREAKS {
        let host = Host::new();
        host.node.fake("selinuxenabled", "");
        host.node.fake("matchpathcon", "[ ! -e $ROOT/mislabelled ] || [ ${2##*/} != checks.sh ]");
        host.node.shell(line);
        // That a file is not the lab's is another matter.
        let red: Vec<_> =
            host.red().into_iter().filter(|(name, _)| !name.starts_with("its ")).collect();
        assert!(red.len() == 1 && red[0].0 == name, "{line}: {red:?}");
        assert!(red[0].1.contains(told), "{line}: {red:?}");
    }
    let names = names_in(&script("verify.sh"));
    let broken: BTreeSet<_> = BREAKS.iter().map(|(_, name, _)| (*name).to_owned()).collect();
    assert_eq!(broken, names.into_iter().collect());

    // Without its address a node reaches nobody.
    let host = Host::new();
    host.node.shell("sed -i s/10.0.0.11/10.0.0.12/ $ROOT/addresses");
    let red = host.red();
    assert_eq!(
        red[0].1,
        "enp0s3 has not the address 10.0.0.11\nno interface has the address 10.0.0.11\nenp0s3 has the address fd00::11\nenp0s9 has an address by DHCP\nstorage has the address 10.2.0.11"
    );
    assert_eq!((red.len(), red[1].1.as_str()), (2, "no interface has the address 10.0.0.11"));
}

#[test]
fn a_lab_without_a_way_out_says_so() {
    let host = Host::new();
    host.node.shell("sed -i 's/outside .*/outside none/' $ROOT/etc/trainyard/stages/host-network/manifest; rm $ROOT/dns");
    host.node.shell("sed -i -e /^GATEWAY/d -e /^IPV6_DEFAULTGW/d $ROOT/etc/sysconfig/network-scripts/ifcfg-enp0s3");
    let checks = host.node.checks("host-network");
    assert!(!checks.iter().any(|(name, _, _)| name == "the gateway answers"));
    assert!(!host.node.calls().iter().any(|call| call.contains("docs.openstack.org")));
}
