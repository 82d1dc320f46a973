//! The kickstart as the installer reads it: with what the guard has written.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::NODES;
use crate::common::{Lab, ROOT, judge, judged, outcome};
use crate::machine::Machine;

/// The commands that a lab's `storage` becomes.
fn written(storage: &str) -> Vec<String> {
    let machine = Machine::new(Lab::new(&format!("storage: {storage}\n{NODES}")), "controller");
    machine.disk("sda", "sata", 10240);
    machine.disk("sdb", "sata", 10240);
    let told = machine.run();
    let commands = told.commands.unwrap_or_else(|| panic!("{storage}: {}", told.console));
    commands.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_layouts() {
    let head = [
        "ignoredisk --only-use=sda",
        "zerombr",
        "clearpart --all --initlabel --drives=sda",
        "bootloader --location=mbr --boot-drive=sda",
        "reqpart",
    ];
    let after_head = |storage: &str| {
        let written = written(storage);
        assert_eq!(written[..5], head, "{storage}");
        written[5..].to_vec()
    };
    assert_eq!(
        after_head("{}"),
        [
            "part /boot --fstype=xfs --size=1024 --label=ty-ec57103ec --ondisk=sda",
            "part swap --size=1024 --ondisk=sda",
            "part / --fstype=xfs --size=4096 --grow --ondisk=sda",
        ]
    );
    assert_eq!(
        after_head(
            "{boot: 512MiB, swap: none, root: 5GiB, grow: no, partitions: {/srv: {size: 1GiB, filesystem: ext4, options: \"noatime,nodev\"}}}"
        ),
        [
            "part /boot --fstype=xfs --size=512 --label=ty-ec57103ec --ondisk=sda",
            "part / --fstype=xfs --size=5120 --ondisk=sda",
            "part /srv --fstype=ext4 --size=1024 --fsoptions=noatime,nodev --ondisk=sda",
        ]
    );
    assert_eq!(
        after_head(
            "{layout: lvm, partitions: {/var/lib/nova: {size: 1GiB, grow: yes}, /a-b: {size: 64MiB}, /swap: {size: 64MiB}, /x_mlog: {size: 64MiB}}}"
        ),
        [
            "part /boot --fstype=xfs --size=1024 --label=ty-ec57103ec --ondisk=sda",
            "part pv.01 --size=6400 --grow --ondisk=sda",
            "volgroup trainyard pv.01",
            "logvol swap --vgname=trainyard --name=swap --size=1024",
            "logvol / --vgname=trainyard --name=root --fstype=xfs --size=4096",
            "logvol /var/lib/nova --vgname=trainyard --name=fs-var-lib-nova --fstype=xfs --size=1024 --grow",
            "logvol /a-b --vgname=trainyard --name=fs-a--b --fstype=xfs --size=64",
            "logvol /swap --vgname=trainyard --name=fs-swap --fstype=xfs --size=64",
            "logvol /x_mlog --vgname=trainyard --name=fs-x_.mlog --fstype=xfs --size=64",
        ]
    );
    assert!(after_head("{layout: lvm, swap: none}").iter().all(|line| !line.contains("swap")));
}

/// A machine on which everything is as the plan of a node wants it.
fn fitting(lab: Lab, plan: &serde_json::Value) -> Machine {
    let machine = Machine::new(lab, plan["name"].as_str().expect("a name"));
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    for (disk, name) in
        [(&plan["storage"]["disk"], "sda"), (&plan["storage"]["data"]["disk"], "sdb")]
    {
        if disk.is_null() {
            continue;
        }
        let name = text(&disk["name"]).unwrap_or_else(|| name.to_owned());
        let mib = disk["least_mib"].as_u64().unwrap_or(20480);
        let bus = text(&disk["bus"]).unwrap_or_else(|| "sata".into());
        let mut fits = machine.disk(&name, &bus, mib);
        if let Some(serial) = text(&disk["serial"]) {
            fits = fits.udev(&format!("ID_SERIAL_SHORT={serial}"));
        }
        if let Some(model) = text(&disk["model"]) {
            fits = fits.sys("device/model", &model);
        }
        if let Some(id) = text(&disk["by_id"]) {
            fits.by_id(&id);
        }
    }
    let identity = &plan["machine"];
    for (file, key) in [("product_serial", "serial"), ("product_uuid", "uuid")] {
        if let Some(value) = text(&identity[key]) {
            machine.write(&format!("sys/class/dmi/id/{file}"), &format!("{value}\n"));
        }
    }
    for (i, mac) in identity["macs"].as_array().expect("addresses").iter().enumerate() {
        let mac = text(mac).expect("an address");
        machine.write(&format!("sys/class/net/em{i}/address"), &format!("{mac}\n"));
    }
    machine
}

/// Every node of every lab in `examples/`: the example's name, and the node's plan.
fn example_nodes() -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|e| e == "yaml") {
            let plan = Lab::example(&name).done(&["plan", "--format", "json"]).stdout;
            let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
            let nodes = plan["nodes"].as_array().expect("nodes");
            found.extend(nodes.iter().map(|node| (name.clone(), node.clone())));
        }
    }
    found
}

#[test]
fn every_example_passes_on_its_machine_and_is_a_kickstart() {
    let nodes = example_nodes();
    assert!(nodes.len() >= 8, "{nodes:?}");
    for (example, plan) in nodes {
        let machine = fitting(Lab::example(&example), &plan);
        let whole = machine.lab().path("whole.cfg");
        fs::write(&whole, machine.whole_kickstart()).expect("written");
        let mut command = judge("ksvalidator");
        command.args(["-v", "RHEL7"]).arg(&whole);
        judged(command);
        // A kickstart that names its machine passes on no other.
        if !plan["machine"]["serial"].is_null() {
            machine.write("sys/class/dmi/id/product_serial", "another\n");
            assert!(machine.run().commands.is_none());
        }
    }
}

#[test]
fn ksvalidator_would_have_said_something() {
    let machine = Machine::new(Lab::new(NODES), "controller");
    machine.disk("sda", "sata", 10240);
    let broken = machine.whole_kickstart().replace("part / --fstype=", "part / --fsstype=");
    let path = machine.lab().path("broken.cfg");
    fs::write(&path, broken).expect("written");
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(path);
    assert_ne!(outcome(command).status, 0);
}

#[test]
fn shellcheck_and_el7_accept_the_guard_in_all_its_forms() {
    for (i, lab) in [
        "",
        "storage: {wipe: yes, data: {disk: sdb, mount: /srv}}",
        "storage: {data: {disk: sdb, mount: /srv, keep: no, wipe: yes}}",
        "storage: {layout: lvm, data: {disk: sdb}}",
        "storage: {disk: {model: \"it's\", serial: \"\\\"\"}}\nmachine: {serial: \"it's\", uuid: 4c4c4544-0042-3510-8054-b7c04f533132}",
    ]
    .into_iter()
    .enumerate()
    {
        let machine = Machine::new(Lab::new(&format!("{lab}\n{NODES}")), "controller");
        let path = machine.lab().path(&format!("guard-{i}.sh"));
        fs::write(&path, format!("#!/bin/bash\n{}", machine.guard())).expect("written");
        let mut command = judge("shellcheck");
        command.arg(&path);
        judged(command);
        let mut command = Command::new(Path::new(ROOT).join("scripts/dev/lint-el7.sh"));
        command.arg(&path);
        judged(command);
    }
}

#[test]
fn the_page_shows_what_is_read_and_what_is_said() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/storage.md")).expect("the page");
    let blocks: Vec<_> = page.split("```").skip(1).step_by(2).collect();
    let yaml = blocks[0].strip_prefix("yaml\n").expect("a lab file");
    Lab::new(&format!("disk: 40GiB\n{yaml}{NODES}")).done(&["check"]);
    let machine = Machine::new(Lab::example("smallest.yaml"), "compute");
    machine
        .disk("sda", "sata", 476_940)
        .udev("ID_MODEL=Samsung_SSD_860_EVO_500GB")
        .udev("ID_SERIAL_SHORT=S3ETNX0J123456")
        .table("gpt")
        .part(1, "mkfs.vfat", &[])
        .part(2, "mke2fs", &["-q", "-F", "-t", "ext4", "-L", "photos"]);
    assert_eq!(machine.run().console, blocks[1].trim_start());
}
