//! Which disk is meant.

use crate::machine::Machine;
use crate::{Case, MARK, check};

/// A stick with the medium on it, as `dd` puts it there.
fn stick(machine: &Machine) {
    let folder = machine.path("iso");
    std::fs::create_dir_all(&folder).expect("a folder");
    let folder = folder.display().to_string();
    let arguments = ["-as", "mkisofs", "-quiet", "-V", "CentOS 7 x86_64", folder.as_str(), "-o"];
    machine.disk("sdb", "usb", 4096).made_by("xorriso", &arguments);
}

fn two(machine: &Machine) {
    machine.disk("sda", "sata", 20480);
    machine.disk("sdb", "sata", 10240);
}

#[test]
fn by_name() {
    check(&[
        Case {
            what: "the default",
            lab: "",
            machine: two,
            writes: &["ignoredisk --only-use=sda"],
            says: "",
        },
        Case {
            what: "another",
            lab: "storage: {disk: /dev/sdb}",
            machine: two,
            writes: &["ignoredisk --only-use=sdb"],
            says: "",
        },
        Case {
            what: "not there",
            lab: "storage: {disk: vda}",
            machine: two,
            writes: &[],
            says: "No disk is the disk to install to: vda.",
        },
        Case {
            what: "no disk at all",
            lab: "",
            machine: |_| (),
            writes: &[],
            says: "No disk is the disk to install to: sda.",
        },
        Case {
            what: "NVMe",
            lab: "storage: {disk: nvme0n1}",
            machine: |m| drop(m.disk("nvme0n1", "nvme", 10240).installed(MARK)),
            writes: &["bootloader --location=mbr --boot-drive=nvme0n1"],
            says: "it holds an earlier installation of this node (nvme0n1p1)",
        },
        Case {
            what: "late",
            lab: "storage: {disk: vda}",
            machine: |m| drop(m.disk("vda", "virtio", 10240).late()),
            writes: &["zerombr"],
            says: "it is empty",
        },
        Case {
            what: "read-only",
            lab: "",
            machine: |m| drop(m.disk("sda", "sata", 10240).sys("ro", "1")),
            writes: &[],
            says: "serial unknown): it cannot be written to",
        },
        Case {
            what: "a reader without a card",
            lab: "",
            machine: |m| drop(m.disk("sda", "usb", 0)),
            writes: &[],
            says: "it has no medium",
        },
        Case {
            what: "a stick, by its name",
            lab: "",
            machine: |m| drop(m.disk("sda", "usb", 10240)),
            writes: &["ignoredisk --only-use=sda"],
            says: "10.0 GiB, usb",
        },
    ]);
}

#[test]
fn by_what_it_is() {
    fn many(machine: &Machine) {
        machine
            .disk("sda", "sata", 20480)
            .sys("device/model", "VBOX HARDDISK   ")
            .udev("ID_SERIAL_SHORT=VB1-a");
        machine
            .disk("sdb", "ide", 30720)
            .udev("ID_MODEL=Samsung_SSD_860_EVO_500GB")
            .sys("device/model", "Samsung SSD 860");
        machine
            .disk("sdc", "scsi", 40960)
            .udev("ID_SERIAL_SHORT=600508b1001c")
            .udev("ID_SCSI_SERIAL=PDNLH0BRH9H2")
            .by_id("wwn-0x600508b1001c");
        machine.disk("sdd", "usb", 51200).udev("ID_SERIAL_SHORT=4C53");
        machine.disk("vda", "virtio", 10240).sys("serial", "disk-1");
        machine
            .disk("nvme0n1", "nvme", 61440)
            .sys("device/serial", "S3ET 1")
            .sys("device/model", "SAMSUNG MZVLB512");
    }
    let case =
        |lab, disk| Case { what: lab, lab, machine: many, writes: disk, says: "is installed to" };
    check(&[
        case("storage: {disk: {bus: sata}}", &["ignoredisk --only-use=sda"]),
        case("storage: {disk: {bus: ide}}", &["ignoredisk --only-use=sdb"]),
        case("storage: {disk: {bus: scsi}}", &["ignoredisk --only-use=sdc"]),
        case("storage: {disk: {bus: usb}}", &["ignoredisk --only-use=sdd"]),
        case("storage: {disk: {bus: virtio}}", &["ignoredisk --only-use=vda"]),
        case("storage: {disk: {bus: nvme}}", &["ignoredisk --only-use=nvme0n1"]),
        case("storage: {disk: {size: 15GiB-25GiB}}", &["ignoredisk --only-use=sda"]),
        case("storage: {disk: {size: 30GiB}}", &["ignoredisk --only-use=sdb"]),
        case("storage: {disk: {size: \">=60GiB\"}}", &["ignoredisk --only-use=nvme0n1"]),
        case("storage: {disk: {size: \"<=10GiB\"}}", &["ignoredisk --only-use=vda"]),
        case("storage: {disk: {serial: VB1-a}}", &["ignoredisk --only-use=sda"]),
        case("storage: {disk: {serial: PDNLH0BRH9H2}}", &["ignoredisk --only-use=sdc"]),
        case("storage: {disk: {serial: 4C53}}", &["ignoredisk --only-use=sdd"]),
        case("storage: {disk: {serial: disk-1}}", &["ignoredisk --only-use=vda"]),
        case("storage: {disk: {serial: S3ET 1}}", &["ignoredisk --only-use=nvme0n1"]),
        case("storage: {disk: {model: VBOX HARDDISK}}", &["ignoredisk --only-use=sda"]),
        case("storage: {disk: {model: Samsung SSD 860 EVO 500GB}}", &["ignoredisk --only-use=sdb"]),
        case("storage: {disk: {by_id: wwn-0x600508b1001c}}", &["ignoredisk --only-use=sdc"]),
        case("storage: {disk: {pick: smallest}}", &["ignoredisk --only-use=vda"]),
        case("storage: {disk: {pick: largest}}", &["ignoredisk --only-use=nvme0n1"]),
        case("storage: {disk: {pick: first, size: \"<=30GiB\"}}", &["ignoredisk --only-use=sda"]),
        case("storage: {disk: {pick: largest, size: \"<=50GiB\"}}", &["ignoredisk --only-use=sdc"]),
        Case {
            what: "each part holds, but not for one disk",
            lab: "storage: {disk: {bus: sata, serial: disk-1}}",
            machine: many,
            writes: &[],
            says: "No disk is the disk to install to: serial disk-1, sata.",
        },
    ]);
}

#[test]
fn not_by_chance() {
    check(&[
        Case {
            what: "two fit",
            lab: "storage: {disk: {bus: sata}}",
            machine: two,
            writes: &[],
            says: "Several disks could be the disk to install to (sata): sda sdb.",
        },
        Case {
            what: "each disk is shown",
            lab: "storage: {disk: {bus: nvme}}",
            machine: |m| {
                m.disk("sda", "sata", 20480)
                    .udev("ID_MODEL=VBOX_HARDDISK")
                    .udev("ID_SERIAL_SHORT=VB1");
                m.disk("vda", "virtio", 1536).sys("ro", "1");
            },
            writes: &[],
            says: "*** trainyard:   sda (20.0 GiB, sata, VBOX_HARDDISK, serial VB1)\n*** trainyard:   vda (1.5 GiB, virtio, no model, serial unknown): it cannot be written to\n",
        },
        Case {
            what: "two of the same size",
            lab: "storage: {disk: {pick: smallest}}",
            machine: |m| {
                m.disk("sda", "sata", 10240);
                m.disk("sdb", "sata", 10240);
            },
            writes: &[],
            says: "Neither sda nor sdb is the disk to install to (the smallest): they have the same size.",
        },
        Case {
            what: "no stick is the smallest disk",
            lab: "storage: {disk: {pick: smallest}}",
            machine: |m| {
                m.disk("sda", "usb", 8192);
                m.disk("sdb", "sata", 20480);
            },
            writes: &["ignoredisk --only-use=sdb"],
            says: "",
        },
        Case {
            what: "a link to a partition is no disk",
            lab: "storage: {disk: {by_id: ata-X_1}}",
            machine: |m| {
                m.disk("sda", "sata", 10240);
                std::os::unix::fs::symlink(m.path("dev/sda1"), m.path("dev/disk/by-id/ata-X_1"))
                    .expect("linked");
            },
            writes: &[],
            says: "No disk is the disk to install to: ata-X_1.",
        },
    ]);
}

#[test]
fn never_the_installers_own_medium() {
    check(&[
        Case {
            what: "the stick that it runs from, though it is named",
            lab: "storage: {disk: sdb, wipe: yes}",
            machine: stick,
            writes: &[],
            says: "sdb (4.0 GiB, usb, no model, serial unknown): it holds an installation medium",
        },
        Case {
            what: "nor by its bus",
            lab: "storage: {disk: {bus: usb}, wipe: yes}",
            machine: stick,
            writes: &[],
            says: "No disk is the disk to install to: usb.",
        },
        Case {
            what: "a stick that another program made, by what is mounted",
            lab: "storage: {disk: {bus: usb}, wipe: yes}",
            machine: |m| {
                drop(
                    m.disk("sdb", "usb", 8192)
                        .table("dos")
                        .part(1, "mkfs.vfat", &["-n", "CENTOS"])
                        .mounted("sdb1"),
                );
            },
            writes: &[],
            says: "it is in use by the installer",
        },
        Case {
            what: "a stick that brought the kickstart",
            lab: "storage: {disk: {bus: usb}, wipe: yes}",
            machine: |m| {
                drop(m.disk("sdb", "usb", 8192).table("dos").part(
                    1,
                    "mkfs.vfat",
                    &["-n", "OEMDRV"],
                ));
            },
            writes: &[],
            says: "it holds a kickstart",
        },
        Case {
            what: "neither optical drives nor what is made of memory or of disks",
            lab: "storage: {disk: {pick: smallest}}",
            machine: |m| {
                for name in ["sr0", "loop0", "zram0", "ram0", "dm-0", "md127", "fd0"] {
                    m.disk(name, "scsi", 4096);
                }
                m.disk("sda", "sata", 20480);
            },
            writes: &["ignoredisk --only-use=sda"],
            says: "",
        },
        Case {
            what: "with the stick in it, the other disk is found",
            lab: "storage: {disk: {pick: first}}",
            machine: |m| {
                stick(m);
                m.disk("sdc", "sata", 20480);
            },
            writes: &["ignoredisk --only-use=sdc"],
            says: "",
        },
    ]);
}
