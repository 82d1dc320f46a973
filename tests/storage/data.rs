//! A second disk, for data.

use std::fs;

use crate::common::Lab;
use crate::common::installed::{Installed, scripts};
use crate::machine::Machine;
use crate::{Case, DATA_MARK, NODES, check};

const LAB: &str = "storage: {data: {disk: sdb, mount: /srv}}";

fn with(machine: &Machine, contents: &[&str]) {
    machine.disk("sda", "sata", 10240);
    let disk = machine.disk("sdb", "sata", 20480);
    match contents {
        [] => {}
        [program, arguments @ ..] => drop(disk.table("gpt").part(1, program, arguments)),
    }
}

#[test]
fn what_is_ours_stays() {
    check(&[
        Case {
            what: "empty",
            lab: LAB,
            machine: |m| with(m, &[]),
            writes: &[
                "ignoredisk --only-use=sda,sdb",
                "clearpart --all --initlabel --drives=sda,sdb",
                "bootloader --location=mbr --boot-drive=sda",
                "part /srv --fstype=xfs --size=64 --grow --label=td-541c7e815 --ondisk=sdb",
            ],
            says: "Its data disk is sdb (20.0 GiB, sata, no model, serial unknown): it is empty.",
        },
        Case {
            what: "ours",
            lab: LAB,
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", DATA_MARK]),
            writes: &[
                "ignoredisk --only-use=sda,sdb",
                "clearpart --all --initlabel --drives=sda",
                "part /srv --onpart=sdb1 --noformat",
            ],
            says: "what this node has on it stays",
        },
        Case {
            what: "ours stays, though the system's disk may be wiped",
            lab: "storage: {wipe: yes, data: {disk: sdb, mount: /srv}}",
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", DATA_MARK]),
            writes: &["part /srv --onpart=sdb1 --noformat"],
            says: "stays",
        },
        Case {
            what: "ours, of another kind, on NVMe",
            lab: "storage: {data: {disk: {bus: nvme}, mount: /srv}}",
            machine: |m| {
                m.disk("sda", "sata", 10240);
                m.disk("nvme0n1", "nvme", 20480).table("gpt").part(
                    1,
                    "mke2fs",
                    &["-q", "-F", "-t", "ext4", "-L", DATA_MARK],
                );
            },
            writes: &["part /srv --onpart=nvme0n1p1 --noformat"],
            says: "stays",
        },
        Case {
            what: "ours, not to be kept",
            lab: "storage: {data: {disk: sdb, mount: /srv, keep: no, filesystem: ext4}}",
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", DATA_MARK]),
            writes: &[
                "clearpart --all --initlabel --drives=sda,sdb",
                "part /srv --fstype=ext4 --size=64 --grow --label=td-541c7e815 --ondisk=sdb",
            ],
            says: "nothing on it is to be kept",
        },
    ]);
}

#[test]
fn what_is_somebody_elses_stops() {
    check(&[
        Case {
            what: "somebody else's",
            lab: LAB,
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", "photos"]),
            writes: &[],
            says: "What is on the data disk sdb (20.0 GiB, sata, no model, serial unknown) is not this node's: sdb gpt, sdb1 xfs \"photos\".",
        },
        Case {
            what: "somebody else's, though the system's disk may be wiped and nothing is to be kept",
            lab: "storage: {wipe: yes, data: {disk: sdb, mount: /srv, keep: no}}",
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", "photos"]),
            writes: &[],
            says: "storage: data: wipe: yes",
        },
        Case {
            what: "the system of another node",
            lab: LAB,
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", "ty-000000000"]),
            writes: &[],
            says: "sdb1 xfs \"ty-000000000\"",
        },
        Case {
            what: "this node's own system, on the disk for data",
            lab: LAB,
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", crate::MARK]),
            writes: &[],
            says: "is not this node's: sdb gpt, sdb1 xfs \"ty-ec57103ec\"",
        },
        Case {
            what: "somebody else's that may go",
            lab: "storage: {data: {disk: sdb, mount: /srv, wipe: yes}}",
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", "photos"]),
            writes: &["clearpart --all --initlabel --drives=sda,sdb"],
            says: "what is on it goes, as the lab file says (wipe: yes): sdb gpt, sdb1 xfs \"photos\".",
        },
    ]);
}

#[test]
fn two_disks_are_told_apart() {
    check(&[
        Case {
            what: "missing",
            lab: LAB,
            machine: |m| drop(m.disk("sda", "sata", 10240)),
            writes: &[],
            says: "No disk is the data disk: sdb.",
        },
        Case {
            what: "left as it is, whatever is on it",
            lab: "storage: {data: {disk: sdb}}",
            machine: |m| with(m, &["mkfs.xfs", "-q", "-L", "photos"]),
            writes: &["ignoredisk --only-use=sda", "clearpart --all --initlabel --drives=sda"],
            says: "Its data disk is sdb (20.0 GiB, sata, no model, serial unknown): nothing is done to it.",
        },
        Case {
            what: "left as it is, but missing",
            lab: "storage: {data: {disk: sdb}}",
            machine: |m| drop(m.disk("sda", "sata", 10240)),
            writes: &[],
            says: "No disk is the data disk: sdb.",
        },
        Case {
            what: "a named disk for data is not taken for the system",
            lab: "storage: {disk: {bus: sata}, data: {disk: sda, mount: /srv}}",
            machine: |m| with(m, &[]),
            writes: &["bootloader --location=mbr --boot-drive=sdb"],
            says: "Its data disk is sda",
        },
        Case {
            what: "both found by what they are",
            lab: "storage: {disk: {pick: smallest}, data: {disk: {pick: largest}, mount: /srv}}",
            machine: |m| with(m, &[]),
            writes: &["bootloader --location=mbr --boot-drive=sda"],
            says: "Its data disk is sdb",
        },
        Case {
            what: "the same disk cannot be both",
            lab: "storage: {disk: {size: \"<=10GiB\"}, data: {disk: {pick: smallest, size: \"<=10GiB\"}, mount: /srv}}",
            machine: |m| with(m, &[]),
            writes: &[],
            says: "No disk is the data disk: <=10GiB",
        },
    ]);
}

/// The disk for data is the smaller, and has data of this node already.
fn photos(machine: &Machine, contents: &[&str]) {
    let disk = machine.disk("sda", "sata", 10240).sys("serial", "PHOTOS1").table("gpt");
    disk.part(1, "mkfs.xfs", contents);
    machine.disk("sdb", "sata", 20480);
}

#[test]
fn what_is_said_more_of_comes_first() {
    let ours = |m: &Machine| photos(m, &["-q", "-L", DATA_MARK]);
    let foreign = |m: &Machine| photos(m, &["-q", "-L", "photos"]);
    let to_sdb: &[&str] = &["bootloader --location=mbr --boot-drive=sdb"];
    let stays: &[&str] = &[
        "bootloader --location=mbr --boot-drive=sdb",
        "clearpart --all --initlabel --drives=sdb",
        "part /srv --onpart=sda1 --noformat",
    ];
    check(&[
        Case {
            what: "the data disk is the smallest",
            lab: "storage: {disk: {pick: smallest}, data: {disk: {serial: PHOTOS1}, mount: /srv}}",
            machine: ours,
            writes: stays,
            says: "what this node has on it stays",
        },
        Case {
            what: "the same, and everything else may go",
            lab: "storage: {wipe: yes, disk: {pick: smallest}, data: {disk: {serial: PHOTOS1}, mount: /srv}}",
            machine: ours,
            writes: stays,
            says: "what this node has on it stays",
        },
        Case {
            what: "a data disk that nothing is done to",
            lab: "storage: {wipe: yes, disk: {pick: smallest}, data: {disk: {serial: PHOTOS1}}}",
            machine: foreign,
            writes: to_sdb,
            says: "nothing is done to it",
        },
        Case {
            what: "found by its size",
            lab: "storage: {wipe: yes, disk: {pick: first}, data: {disk: {size: \"<=10GiB\"}}}",
            machine: foreign,
            writes: to_sdb,
            says: "nothing is done to it",
        },
        Case {
            what: "the letters changed",
            lab: "storage: {wipe: yes, data: {disk: {serial: PHOTOS1}, mount: /srv}}",
            machine: ours,
            writes: &[],
            says: "No disk is the disk to install to: sda.",
        },
        Case {
            what: "the letters changed, and it says so",
            lab: "storage: {wipe: yes, data: {disk: {serial: PHOTOS1}, mount: /srv}}",
            machine: ours,
            writes: &[],
            says: "sda (10.0 GiB, sata, no model, serial PHOTOS1): it is the data disk",
        },
        Case {
            what: "no more is said of one than of the other",
            lab: "storage: {wipe: yes, disk: {pick: smallest}, data: {disk: {pick: first}, mount: /srv}}",
            machine: ours,
            writes: stays,
            says: "what this node has on it stays",
        },
        Case {
            what: "the system's is named by its letter, which is the data's",
            lab: "storage: {wipe: yes, disk: sda, data: {disk: {bus: sata}, mount: /srv}}",
            machine: ours,
            writes: &[],
            says: "What holds data of this node is not meant.",
        },
    ]);
}

#[test]
fn data_that_the_lab_no_longer_names_go_only_by_name() {
    let ours = |m: &Machine| photos(m, &["-q", "-L", DATA_MARK]);
    check(&[
        Case {
            what: "found by chance",
            lab: "storage: {wipe: yes, disk: {pick: smallest}}",
            machine: ours,
            writes: &["bootloader --location=mbr --boot-drive=sdb"],
            says: "is installed to sdb",
        },
        Case {
            what: "nothing may go",
            lab: "",
            machine: ours,
            writes: &[],
            says: "sda (10.0 GiB, sata, no model, serial PHOTOS1): it holds data of this node (sda1)",
        },
        Case {
            what: "meant",
            lab: "storage: {wipe: yes, disk: {serial: PHOTOS1}}",
            machine: ours,
            writes: &["clearpart --all --initlabel --drives=sda"],
            says: "wipe: yes",
        },
    ]);
}

#[test]
fn a_disk_that_is_left_as_it_is_has_a_name_that_stays() {
    for (links, name) in [
        (
            "/dev/disk/by-path/pci-0000:00:04.0-ata-1 /dev/disk/by-id/ata-X_1 /dev/disk/by-id/wwn-0x5",
            "/dev/disk/by-id/ata-X_1",
        ),
        (
            "/dev/block/8:16 /dev/disk/by-path/virtio-pci-0000:00:04.0",
            "/dev/disk/by-path/virtio-pci-0000:00:04.0",
        ),
        ("", "/dev/sdb"),
    ] {
        let machine = Machine::new(
            Lab::new(&format!("storage: {{data: {{disk: sdb}}}}\n{NODES}")),
            "controller",
        );
        machine.disk("sda", "sata", 10240).udev("DEVLINKS=/dev/disk/by-id/ata-SYSTEM");
        machine.disk("sdb", "sata", 20480).udev(&format!("DEVLINKS={links}"));
        assert!(machine.run().commands.is_some());
        let written = fs::read_to_string(machine.path("tmp/trainyard-data-disk")).expect("a name");
        assert_eq!(written, format!("{name}\n"));

        // And it reaches the node.
        let installed = Installed::prepare(machine.lab(), "controller");
        fs::copy(
            machine.path("tmp/trainyard-data-disk"),
            installed.path("tmp/trainyard-data-disk"),
        )
        .expect("copied");
        let kickstart = machine.lab().read("out/controller/ks.cfg");
        let outside = scripts(&kickstart).into_iter().find(|s| s.header.contains("--nochroot"));
        let outcome = installed.run(&outside.expect("it is there"), &[]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(installed.read("etc/trainyard/data-disk"), written);
        assert_eq!(installed.mode("etc/trainyard/data-disk"), 0o644);
    }
}
