//! Which node a machine is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::{Started, Told};

/// Nodes by one address, by two, by an address and what the machine is, by nothing.
const LAB: &str = "name: several\n\
nodes:\n\
\x20 controller: {role: controller, interfaces: {enp0s3: {network: management, address: 10.0.0.11, mac: \"08:00:27:AA:00:11\"}}}\n\
\x20 compute-1: {role: compute, interfaces: {enp0s3: {network: management, address: 10.0.0.31, mac: \"08:00:27:aa:00:31\"}, enp0s9: {network: provider, mac: \"08:00:27:aa:01:31\"}}}\n\
\x20 0x1g: {role: compute, machine: {serial: \"it's $(touch x) `id`\", uuid: 4c4c4544-0042-3510-8054-b7c04f533132}, interfaces: {enp0s3: {network: management, address: 10.0.0.32, mac: \"08:00:27:aa:00:32\"}}}\n\
\x20 compute-3: {role: compute, address: 10.0.0.33}\n";
const NODES: [&str; 4] = ["controller", "compute-1", "0x1g", "compute-3"];
const SERIAL: &str = "it's $(touch x) `id`";
/// What a machine has.
type Machine<'m> = &'m dyn Fn(&Started);
const UUID: &str = "4C4C4544-0042-3510-8054-B7C04F533132";

fn started(machine: impl Fn(&Started)) -> Started {
    let started = Started::new(LAB, "controller");
    for node in NODES {
        started.medium(node, &format!("lang {node}\n"));
    }
    machine(&started);
    started
}

/// What is said where no node is found.
fn refused(machine: impl Fn(&Started)) -> String {
    let Told { included, console } = started(machine).run();
    assert_eq!(included, None, "{console}");
    assert!(console.contains("*** trainyard: This machine is not installed."), "{console}");
    assert!(console.contains("This machine waits now."), "{console}");
    console
}

#[test]
fn a_machine_is_the_node_whose_addresses_it_has() {
    let mac = |name: &'static str, mac: &'static str| {
        move |started: &Started| started.interface(name, mac)
    };
    let cases: [(&str, &str, Machine); 9] = [
        ("one", "controller", &mac("em1", "08:00:27:aa:00:11")),
        ("in capitals", "controller", &mac("em1", "08:00:27:AA:00:11")),
        ("among others", "controller", &|it| {
            it.interface("em1", "52:54:00:00:00:01");
            it.interface("em2", "08:00:27:aa:00:11");
            it.interface("em3", "08:00:27:aa:00:31");
        }),
        ("changed by something", "controller", &|it| {
            it.interface("em1", "52:54:00:00:00:01");
            it.machine.tool("ethtool", "echo 'Permanent address: 08:00:27:AA:00:11'");
        }),
        ("both of two", "compute-1", &|it| {
            it.interface("em2", "08:00:27:aa:00:31");
            it.interface("em1", "08:00:27:aa:01:31");
        }),
        ("and its serial number and UUID", "0x1g", &|it| {
            it.interface("em1", "08:00:27:aa:00:32");
            it.identity(SERIAL, UUID);
        }),
        ("and its UUID turned round", "0x1g", &|it| {
            it.interface("em1", "08:00:27:aa:00:32");
            it.identity(SERIAL, "44454C4C-4200-1035-8054-B7C04F533132");
        }),
        ("what another node's machine is called is no matter", "controller", &|it| {
            it.interface("em1", "08:00:27:aa:00:11");
            it.identity(SERIAL, UUID);
        }),
        ("another node's address in a machine that is not its", "controller", &|it| {
            it.interface("em1", "08:00:27:aa:00:11");
            it.interface("em2", "08:00:27:aa:00:32");
            it.identity("CZ3311", UUID);
        }),
    ];
    for (what, node, machine) in cases {
        let started = started(machine);
        let told = started.run();
        assert_eq!(told.included, Some(format!("lang {node}\n")), "{what}: {}", told.console);
        assert!(told.console.ends_with(&format!("This machine is the node {node}.\n")), "{told:?}");
        assert!(!started.machine.path("tmp/x").exists());
        let kept = fs::metadata(started.machine.path("tmp/trainyard-node.ks")).expect("there");
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "it holds secrets");
    }
}

#[test]
fn a_machine_that_is_no_node_stops_and_says_what_there_is() {
    let none = "This machine is none of the nodes on this medium.";
    let console = refused(|it| {
        it.interface("em1", "52:54:00:AA:00:01");
        it.interface("em2", "52:54:00:aa:00:01");
        it.identity("CZ3311 ABCD", UUID);
    });
    for said in [
        none,
        "Nothing was written to a disk.",
        "serial number \"CZ3311 ABCD\", UUID \"4c4c4544-0042-3510-8054-b7c04f533132\", 52:54:00:aa:00:01\n",
        "  controller: 08:00:27:aa:00:11\n",
        "  compute-1: 08:00:27:aa:00:31 08:00:27:aa:01:31\n",
        "  0x1g: serial number \"it's $(touch x) `id`\", UUID 4c4c4544-0042-3510-8054-b7c04f533132, 08:00:27:aa:00:32\n",
        "  compute-3: the lab file names no address of it, so it is not found\n",
        "Choose the node by its own entry in the boot menu, or correct the lab file",
    ] {
        assert!(console.contains(said), "{said}\n{console}");
    }
    assert!(refused(|_| ()).contains("UUID \"\", no address\n"));
    let cases: [(&str, Machine); 4] = [
        ("one of two addresses", &|it| it.interface("em1", "08:00:27:aa:00:31")),
        ("another serial number", &|it| {
            it.interface("em1", "08:00:27:aa:00:32");
            it.identity("it's", UUID);
        }),
        ("another UUID", &|it| {
            it.interface("em1", "08:00:27:aa:00:32");
            it.identity(SERIAL, "4C4C4544-0042-3510-8054-B7C04F533133");
        }),
        ("no serial number and no UUID", &|it| it.interface("em1", "08:00:27:aa:00:32")),
    ];
    for (what, machine) in cases {
        let console = refused(machine);
        assert!(console.contains(none), "{what}: {console}");
    }
}

#[test]
fn a_machine_that_could_be_several_nodes_stops_and_names_them() {
    let console = refused(|it| {
        it.interface("em1", "08:00:27:aa:00:11");
        it.interface("em2", "08:00:27:aa:00:31");
        it.interface("em3", "08:00:27:aa:01:31");
    });
    assert!(
        console.contains("This machine could be each of several nodes: controller, compute-1.")
    );
    assert!(console.contains("Choose the node by its own entry in the boot menu"), "{console}");
}

#[test]
fn a_medium_that_is_mounted_elsewhere_is_found_by_its_label() {
    let started = Started::new(LAB, "controller");
    let machine = &started.machine;
    started.interface("em1", "08:00:27:aa:00:11");
    let root = machine.path("").display().to_string();
    machine.tool("blkid", &format!("[ \"$*\" = '-L {}' ] && echo /dev/sr1", crate::LABEL));
    machine.tool(
        "mount",
        &format!("[ \"$*\" = '-o ro /dev/sr1 {root}tmp/trainyard-medium' ] && cp -r {root}elsewhere/* \"$4\""),
    );
    machine.tool("umount", &format!("rm -r \"$1\"/* && echo \"$1\" > {root}umounted"));
    machine.write("elsewhere/nodes/controller/ks.cfg", "lang de_DE.UTF-8\n");
    let told = started.run();
    assert_eq!(told.included.as_deref(), Some("lang de_DE.UTF-8\n"), "{}", told.console);
    let umounted = fs::read_to_string(machine.path("umounted")).expect("the drive can open");
    assert_eq!(umounted, format!("{root}tmp/trainyard-medium\n"));
}

#[test]
fn a_medium_without_the_nodes_kickstart_stops() {
    let console = |machine: &dyn Fn(&Started)| {
        let started = started(|it| it.interface("em1", "08:00:27:aa:00:11"));
        fs::remove_dir_all(started.machine.path("run/install/repo/nodes/controller"))
            .expect("gone");
        machine(&started);
        let told = started.run();
        assert_eq!(told.included, None, "{}", told.console);
        told.console
    };
    let told = console(&|it| it.machine.tool("blkid", "exit 2"));
    assert!(
        told.contains("and no medium with the label \"CentOS 7 x86_64\" that can be read."),
        "{told}"
    );
    let told = console(&|it| it.machine.tool("blkid", "echo /dev/sr0"));
    assert!(told.contains("There is no kickstart of controller in "), "{told}");
    let told = console(&|it| {
        it.machine.tool("blkid", "echo /dev/sr0");
        it.machine.tool("mount", "true");
    });
    assert!(told.contains("The medium has no kickstart of controller that can be read"), "{told}");
}
