//! What the reference lab renders to, to the byte. `TRAINYARD_GOLDEN=write cargo test --test golden` writes
//! the files anew; read the difference before you commit it.

mod common;

use std::fs;
use std::path::Path;

use common::{Lab, ROOT};

const NODES: [&str; 2] = ["controller", "compute"];
const FILES: [&str; 4] = ["ks.cfg", "user-data", "meta-data", "network-config"];

fn golden(node: &str, file: &str) -> String {
    let path = Path::new(ROOT).join("tests/golden").join(node).join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_reference_lab_renders_to_the_golden_files() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    let mut differs = Vec::new();
    for node in NODES {
        for file in FILES {
            let rendered = lab.read(&format!("out/{node}/{file}"));
            if std::env::var("TRAINYARD_GOLDEN").is_ok_and(|v| v == "write") {
                let folder = Path::new(ROOT).join("tests/golden").join(node);
                fs::create_dir_all(&folder).expect("a folder");
                fs::write(folder.join(file), &rendered).expect("written");
            }
            let golden = golden(node, file);
            if rendered != golden {
                let line = rendered.lines().zip(golden.lines()).position(|(a, b)| a != b);
                differs.push(format!("{node}/{file}, line {}", line.map_or(0, |n| n + 1)));
            }
        }
    }
    assert!(differs.is_empty(), "{differs:?}");
}

#[test]
fn the_shortest_lab_means_the_same() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in NODES {
        for file in FILES {
            assert_eq!(
                lab.read(&format!("out/{node}/{file}")),
                golden(node, file),
                "{node}/{file}"
            );
        }
    }
}

/// A file as it stands in a kickstart's here-document.
fn file_in(kickstart: &str, path: &str) -> String {
    let begin = kickstart
        .find(&format!("{path} <<'EOF'\n"))
        .unwrap_or_else(|| panic!("{path} is not there"));
    let text = &kickstart[begin..];
    let text = &text[text.find('\n').expect("a line") + 1..];
    text[..=text.find("\nEOF\n").expect("an end")].to_owned()
}

/// The lines of the install document's configuration files, in their order; some of them are not in ours, for
/// reasons that docs/deviations.md tells.
fn assert_follows(
    node: &str,
    stage: &str,
    path: &str,
    document: &str,
    deviations: &[(&str, &str)],
) {
    let ours =
        file_in(&golden(node, "ks.cfg"), &format!("/etc/trainyard/stages/{stage}/files{path}"));
    let mut rest = ours.lines();
    for line in document.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let wanted =
            deviations.iter().find(|(theirs, _)| *theirs == line).map_or(line, |(_, ours)| *ours);
        if !wanted.is_empty() {
            assert!(
                rest.any(|our| our.trim() == wanted),
                "`{wanted}` is not in its place in {path}:\n{ours}"
            );
        }
    }
}

const IFCFG: &str = "TYPE=Ethernet
PROXY_METHOD=none
BROWSER_ONLY=no
BOOTPROTO=none
DEFROUTE=yes
IPV4_FAILURE_FATAL=no
IPV6INIT=yes
IPV6_AUTOCONF=yes
IPV6_DEFROUTE=yes
IPV6_FAILURE_FATAL=no
IPV6_ADDR_GEN_MODE=stable-privacy
NAME=enp0s3
UUID=xxx-xxx-xxx-xxx-xxxx
DEVICE=enp0s3
ONBOOT=yes
IPADDR=10.0.0.11
PREFIX=24
GATEWAY=10.0.0.1
DNS1=8.8.8.8";

/// A literal UUID would be the same on every interface, and NetworkManager would take them for one.
const NO_UUID: (&str, &str) = ("UUID=xxx-xxx-xxx-xxx-xxxx", "");

#[test]
fn the_management_interfaces_are_the_documents() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-enp0s3";
    assert_follows("controller", "host-network", path, IFCFG, &[NO_UUID]);
    assert_follows(
        "compute",
        "host-network",
        path,
        &IFCFG.replace("10.0.0.11", "10.0.0.31"),
        &[NO_UUID],
    );
}

#[test]
fn the_provider_interfaces_are_the_documents_without_what_disturbs_a_bridge() {
    let document: Vec<_> =
        IFCFG.lines().take(15).map(|line| line.replace("enp0s3", "enp0s9")).collect();
    let deviations = [
        NO_UUID,
        ("DEFROUTE=yes", "DEFROUTE=no"),
        ("IPV6INIT=yes", "IPV6INIT=no"),
        ("IPV6_AUTOCONF=yes", "IPV6_AUTOCONF=no"),
        ("IPV6_DEFROUTE=yes", "IPV6_DEFROUTE=no"),
    ];
    let path = "/etc/sysconfig/network-scripts/ifcfg-enp0s9";
    for node in NODES {
        assert_follows(node, "host-network", path, &document.join("\n"), &deviations);
        let ours = file_in(&golden(node, "ks.cfg"), path);
        assert!(ours.contains("NM_CONTROLLED=no\n") && !ours.contains("IPADDR"), "{ours}");
    }
}

#[test]
fn names_time_database_cache_and_key_value_store_are_the_documents() {
    let hosts = "# controller\n10.0.0.11\tcontroller\n# compute\n10.0.0.31\tcompute";
    let chrony = "server 1.kr.pool.ntp.org iburst
        server 0.asia.pool.ntp.org iburst
        server 2.asia.pool.ntp.org iburst
        driftfile /var/lib/chrony/drift
        makestep 1.0 3
        rtcsync
        allow 10.0.0.0/24
        logdir /var/log/chrony";
    let database = "[mysqld]
        bind-address = 10.0.0.11
        default-storage-engine = innodb
        innodb_file_per_table = on
        max_connections = 4096
        collation-server = utf8_general_ci
        character-set-server = utf8";
    let etcd = "#[Member]
        ETCD_DATA_DIR=\"/var/lib/etcd/default.etcd\"
        ETCD_LISTEN_PEER_URLS=\"http://10.0.0.11:2380\"
        ETCD_LISTEN_CLIENT_URLS=\"http://10.0.0.11:2379\"
        ETCD_NAME=\"controller\"
        #[Clustering]
        ETCD_INITIAL_ADVERTISE_PEER_URLS=\"http://10.0.0.11:2380\"
        ETCD_ADVERTISE_CLIENT_URLS=\"http://10.0.0.11:2379\"
        ETCD_INITIAL_CLUSTER=\"controller=http://10.0.0.11:2380\"
        ETCD_INITIAL_CLUSTER_TOKEN=\"etcd-cluster-01\"
        ETCD_INITIAL_CLUSTER_STATE=\"new\"";
    for node in NODES {
        assert_follows(node, "host-network", "/etc/hosts", hosts, &[]);
    }
    assert_follows("controller", "time-server", "/etc/chrony.conf", chrony, &[]);
    assert_follows("compute", "time-client", "/etc/chrony.conf", "server controller iburst", &[]);
    assert_follows("controller", "database", "/etc/my.cnf.d/openstack.cnf", database, &[]);
    assert_follows("controller", "key-value-store", "/etc/etcd/etcd.conf", etcd, &[]);
    // The name may stand for an address that is not there yet, and then memcached does not start.
    let options = "OPTIONS=\"-l 127.0.0.1,::1,controller\"";
    let ours = "OPTIONS=\"-l 127.0.0.1,10.0.0.11 -U 0\"";
    assert_follows("controller", "cache", "/etc/sysconfig/memcached", options, &[(options, ours)]);
    let compute = file_in(&golden("compute", "ks.cfg"), "/etc/chrony.conf");
    assert_eq!(compute.matches("server ").count(), 1, "{compute}");
}

#[test]
fn a_node_has_only_the_secrets_of_its_stages() {
    let secrets =
        fs::read_to_string(Path::new(ROOT).join("tests/fixtures/secrets.yaml")).expect("secrets");
    let value = |name: &str| {
        let line =
            secrets.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("there");
        line.split('"').nth(1).expect("quoted").to_owned()
    };
    for file in FILES {
        for name in [
            "DATABASE_ROOT_PASS",
            "ADMIN_PASS",
            "DEMO_PASS",
            "KEYSTONE_DBPASS",
            "NOVA_DBPASS",
            "NEUTRON_DBPASS",
            "METADATA_SECRET",
        ] {
            assert!(
                !golden("compute", file).contains(&value(name)),
                "{name} in the compute's {file}"
            );
        }
        for node in NODES {
            assert!(
                !golden(node, file).contains(&value("ROOT_PASS")),
                "root's password in {node}/{file}"
            );
        }
    }
    // Nor another node's host keys.
    for (node, other) in [("controller", "compute"), ("compute", "controller")] {
        for kind in ["RSA", "ECDSA", "ED25519"] {
            let key = value(&format!("SSH_HOST_KEY_{kind}_{other}"));
            // A line of the private half, as both files break it.
            let line = &key[key.len() / 70 / 2 * 70 + 70..][..40];
            assert!(
                golden(other, "ks.cfg").contains(line) && golden(other, "user-data").contains(line)
            );
            assert!(FILES.iter().all(|file| !golden(node, file).contains(line)), "{node}");
        }
    }
    let controller = golden("controller", "ks.cfg");
    assert_eq!(controller.matches(&value("RABBIT_PASS")).count(), 1, "once, in secrets.env");
}
