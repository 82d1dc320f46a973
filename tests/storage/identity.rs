//! Whether it is the machine that the lab means.

use std::fs;

use crate::common::Lab;
use crate::machine::Machine;
use crate::{Case, MARK, NODES, check};

/// A Dell with one interface.
fn dell(machine: &Machine) {
    machine.disk("sda", "sata", 10240);
    machine.write("sys/class/dmi/id/product_serial", "CZ3311 ABCD  \n");
    machine.write("sys/class/dmi/id/product_uuid", "4C4C4544-0042-3510-8054-B7C04F533132\n");
    machine.write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
    machine.write("sys/class/net/em1/address", "08:00:27:aa:00:11\n");
}

const WRITTEN: &[&str] = &["ignoredisk --only-use=sda"];
const MAC: &str = "nodes: {controller: {role: controller, interfaces: {enp0s3: {network: management, address: 10.0.0.11, mac: \"08:00:27:AA:00:11\"}}}}";

#[test]
fn another_machine_is_refused() {
    let good = |lab| Case { what: lab, lab, machine: dell, writes: WRITTEN, says: "it is empty" };
    let bad = |lab, says| Case { what: lab, lab, machine: dell, writes: &[], says };
    let no_identity = |lab, says| Case {
        what: lab,
        lab,
        machine: |m| drop(m.disk("sda", "sata", 10240)),
        writes: &[],
        says,
    };
    check(&[
        good("machine: {serial: CZ3311 ABCD}"),
        bad(
            "machine: {serial: CZ3311}",
            "This is another machine: its serial number is \"CZ3311 ABCD\", not \"CZ3311\".",
        ),
        bad("machine: {serial: \"it's $(reboot) `id`\"}", "not \"it's $(reboot) `id`\"."),
        no_identity("machine: {serial: CZ3311}", "its serial number is \"\", not \"CZ3311\"."),
        good("machine: {uuid: 4c4c4544-0042-3510-8054-b7c04f533132}"),
        good("machine: {uuid: 44454C4C-4200-1035-8054-B7C04F533132}"),
        bad(
            "machine: {uuid: 4c4c4544-0042-3510-8054-b7c04f533133}",
            "its UUID is \"4C4C4544-0042-3510-8054-B7C04F533132\", not \"4c4c4544-0042-3510-8054-b7c04f533133\".",
        ),
        no_identity("machine: {uuid: 4c4c4544-0042-3510-8054-b7c04f533133}", "its UUID is \"\""),
        good("machine: {serial: CZ3311 ABCD, uuid: 4c4c4544-0042-3510-8054-b7c04f533132}"),
        good(MAC),
        no_identity(
            MAC,
            "This is another machine: no interface has the address 08:00:27:aa:00:11. There are:",
        ),
        Case {
            what: "two addresses, and one of them is not there",
            lab: "nodes: {controller: {role: controller, interfaces: {em1: {network: management, address: 10.0.0.11, mac: \"08:00:27:aa:00:11\"}, em2: {network: provider, mac: \"08:00:27:aa:00:12\"}}}}",
            machine: dell,
            writes: &[],
            says: "no interface has the address 08:00:27:aa:00:12. There are: 08:00:27:aa:00:11 00:00:00:00:00:00",
        },
        Case {
            what: "an address that something has changed, known by the one that the interface was made with",
            lab: MAC,
            machine: |m| {
                m.disk("sda", "sata", 10240);
                m.write("sys/class/net/em1/address", "52:54:00:00:00:01\n");
                m.tool("ethtool", "echo 'Permanent address: 08:00:27:AA:00:11'");
            },
            writes: WRITTEN,
            says: "it is empty",
        },
        Case {
            what: "an address that trainyard made up is for virtual machines and not asked for",
            lab: "",
            machine: dell,
            writes: WRITTEN,
            says: "it is empty",
        },
    ]);
}

#[test]
fn a_lab_of_the_same_names_is_another() {
    let installed = |identity: &str| {
        let lab = Lab::new(NODES);
        let known = lab.read("secrets.yaml");
        let line = known.lines().find(|line| line.starts_with("LAB_IDENTITY: ")).expect("one");
        fs::write(lab.path("secrets.yaml"), known.replace(line, identity)).expect("written");
        if identity.is_empty() {
            let refused = lab.run(&["render", "-o", "none"]);
            assert!(refused.stderr.contains("`LAB_IDENTITY` is missing"), "{refused:?}");
            lab.done(&["secrets"]);
        }
        // What is rotated is what is named.
        lab.done(&["secrets", "rotate", "ROOT_PASS", "RABBIT_PASS"]);
        let machine = Machine::new(lab, "controller");
        machine.disk("sda", "sata", 10240).installed(MARK);
        machine.run()
    };
    let own = "LAB_IDENTITY: \"3a1f0c5d7be2946870a3c8d15e9fb2640d7c83e1\"";
    let told = installed(own);
    assert!(told.commands.is_some() && told.console.contains("earlier installation"), "{told:?}");
    for other in [own.replace("83e1", "83e2"), String::new()] {
        let told = installed(&other);
        assert!(told.commands.is_none() && told.console.contains(MARK), "{told:?}");
    }
}

#[test]
fn the_plan_and_what_is_rendered_hold_no_identity() {
    let lab = Lab::new(NODES);
    lab.done(&["render", "-o", "out"]);
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    assert!(!plan.contains(MARK), "the plan knows no secret, be it as a hash");
    let files = ["ks.cfg", "user-data"].map(|file| lab.read(&format!("out/controller/{file}")));
    for text in files.iter().chain([&plan]) {
        assert!(!text.contains("3a1f0c5d7be2946870a3c8d15e9fb2640d7c83e1"));
    }
}
