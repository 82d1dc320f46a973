//! What is on the disk: nothing, this node's earlier installation, or somebody else's.

use crate::machine::{Disk, Machine, crc32};
use crate::{Case, MARK, check};

const GOES_ON: &[&str] = &[
    "ignoredisk --only-use=sda",
    "clearpart --all --initlabel --drives=sda",
    "bootloader --location=mbr --boot-drive=sda",
    "part /boot --fstype=xfs --size=1024 --label=ty-ec57103ec --ondisk=sda",
    "part / --fstype=xfs --size=4096 --grow --ondisk=sda",
];

fn sda(machine: &Machine) -> Disk<'_> {
    machine.disk("sda", "sata", 10240)
}

#[test]
fn an_empty_disk_and_our_own_pass() {
    check(&[
        Case {
            what: "nothing on it",
            lab: "",
            machine: |m| drop(sda(m)),
            writes: GOES_ON,
            says: "controller is installed to sda (10.0 GiB, sata, no model, serial unknown): it is empty.",
        },
        Case {
            what: "an earlier installation of this node",
            lab: "",
            machine: |m| drop(sda(m).installed(MARK)),
            writes: GOES_ON,
            says: "serial unknown): it holds an earlier installation of this node (sda1).",
        },
        Case {
            what: "an earlier installation in logical volumes, now to be plain",
            lab: "",
            machine: |m| {
                drop(
                    sda(m)
                        .table("gpt")
                        .part(1, "", &[])
                        .part(2, "mkfs.xfs", &["-q", "-L", MARK])
                        .part(3, "", &[]),
                );
            },
            writes: GOES_ON,
            says: "an earlier installation of this node (sda2)",
        },
        Case {
            what: "another disk with somebody's system is not looked at",
            lab: "",
            machine: |m| {
                sda(m);
                m.disk("sdb", "sata", 20480).table("dos").part(1, "mkfs.vfat", &[]);
            },
            writes: GOES_ON,
            says: "it is empty",
        },
    ]);
}

#[test]
fn what_is_not_ours_stops() {
    let case = |what, machine, says| Case { what, lab: "", machine, writes: &[], says };
    check(&[
        case(
            "another node's installation",
            |m| drop(sda(m).installed("ty-000000000")),
            "sda1 xfs \"ty-000000000\", sda2 swap, sda3 xfs.",
        ),
        case(
            "our data",
            |m| drop(sda(m).table("gpt").part(1, "mkfs.xfs", &["-q", "-L", crate::DATA_MARK])),
            "serial unknown): it holds data of this node (sda1)",
        ),
        case(
            "a file system without partitions, even with our label",
            |m| drop(sda(m).made_by("mkfs.xfs", &["-q", "-L", MARK])),
            "sda xfs \"ty-ec57103ec\".",
        ),
        case(
            "ext4 on the whole disk",
            |m| drop(sda(m).made_by("mke2fs", &["-q", "-F", "-t", "ext4", "-L", "old"])),
            "sda ext4 \"old\".",
        ),
        case(
            "Windows",
            |m| drop(sda(m).table("dos").part(1, "mkfs.vfat", &["-n", "WIN"])),
            "sda dos, sda1 vfat \"WIN\".",
        ),
        case(
            "NTFS",
            |m| {
                drop(
                    sda(m)
                        .bytes(0, &ntfs())
                        .bytes(4 * 4096, b"FILE")
                        .bytes(4 * 4096 + 3 * 1024, b"FILE"),
                );
            },
            "sda ntfs.",
        ),
        case("an empty partition table", |m| drop(sda(m).table("gpt")), "sda gpt."),
        case(
            "a partition with nothing known in it",
            |m| drop(sda(m).table("dos").part(1, "", &[])),
            "sda dos, sda1.",
        ),
        case(
            "a partition that the kernel knows, on a disk that looks empty",
            |m| drop(sda(m).part(1, "", &[])),
            "sda1.",
        ),
        case("swap", |m| drop(sda(m).made_by("mkswap", &[])), "sda swap."),
        case("LVM", |m| drop(sda(m).bytes(512, &lvm())), "sda LVM2_member."),
        case(
            "a member of a software RAID",
            |m| drop(sda(m).bytes((10240 << 20) - 65536, &raid())),
            "sda linux_raid_member.",
        ),
        case("LUKS", |m| drop(sda(m).bytes(0, b"LUKS\xba\xbe\x00\x01")), "sda crypto_LUKS."),
        case(
            "ZFS, whose labels lie at both ends",
            |m| drop(sda(m).bytes(0x21000, &zfs())),
            "is not this node's:",
        ),
        case(
            "a boot sector",
            |m| drop(sda(m).bytes(0, b"\xeb\x63\x90")),
            "data that no program here knows",
        ),
        case(
            "one byte in the first MiB",
            |m| drop(sda(m).bytes((1 << 20) - 1, b"x")),
            "data that no program here knows",
        ),
        case(
            "one byte at the very end",
            |m| drop(sda(m).bytes((10240 << 20) - 1, b"x")),
            "data at its end",
        ),
        case(
            "the copy of a partition table at the end",
            |m| drop(sda(m).table("gpt").bytes(0, &vec![0; 34 * 512])),
            "is not this node's:",
        ),
    ]);
}

#[test]
fn wipe_lets_everything_go() {
    check(&[
        Case {
            what: "somebody's system",
            lab: "storage: {wipe: yes}",
            machine: |m| drop(sda(m).table("dos").part(1, "mkfs.vfat", &["-n", "WIN"])),
            writes: GOES_ON,
            says: "what is on it goes, as the lab file says (wipe: yes): sda dos, sda1 vfat \"WIN\".",
        },
        Case {
            what: "but not on another machine",
            lab: "storage: {wipe: yes}\nmachine: {serial: OTHER1}",
            machine: |m| drop(sda(m)),
            writes: &[],
            says: "This is another machine",
        },
        Case {
            what: "nor on a disk that is not meant",
            lab: "storage: {wipe: yes, disk: sdb}",
            machine: |m| drop(sda(m)),
            writes: &[],
            says: "No disk is the disk to install to: sdb.",
        },
    ]);
}

#[test]
fn what_cannot_be_judged_stops() {
    let case = |what, machine, says| Case { what, lab: "", machine, writes: &[], says };
    check(&[
        case("a disk that cannot be read", |m| drop(sda(m).unreadable()), "or it cannot be read"),
        case(
            "blkid fails",
            |m| {
                sda(m);
                m.tool("blkid", "exit 1");
            },
            "contradict each other",
        ),
        case(
            "blkid cannot decide",
            |m| {
                sda(m);
                m.tool("blkid", "exit 8");
            },
            "contradict each other",
        ),
        case(
            "wipefs fails",
            |m| {
                sda(m);
                m.tool("wipefs", "exit 1");
            },
            "or it cannot be read",
        ),
        case(
            "wipefs knows more than blkid",
            |m| {
                sda(m);
                m.tool("wipefs", "echo 0x3 zfs_member");
            },
            "contradict each other",
        ),
        case(
            "the disk's end cannot be read",
            |m| {
                sda(m);
                m.tool("dd", "case $* in *skip=0*) dd \"$@\" ;; *) exit 1 ;; esac");
            },
            "data at its end",
        ),
        case(
            "what is to be written cannot be written",
            |m| {
                sda(m);
                std::fs::create_dir(m.path("tmp/trainyard-storage.ks")).expect("in the way");
            },
            "The script that checks the disks failed itself.",
        ),
        case(
            "the script itself fails",
            |m| {
                sda(m);
                std::fs::remove_file(m.path("proc/mounts")).expect("gone");
            },
            "The script that checks the disks failed itself.",
        ),
    ]);
}

/// A boot sector of NTFS; its table of files begins at cluster 4, and the fourth file is the volume.
fn ntfs() -> Vec<u8> {
    let mut sector = vec![0; 512];
    sector[..11].copy_from_slice(b"\xeb\x52\x90NTFS    ");
    sector[11..13].copy_from_slice(&512_u16.to_le_bytes()); // bytes in a sector
    sector[13] = 8; // sectors in a cluster
    sector[21] = 0xf8;
    sector[40..48].copy_from_slice(&1_000_000_u64.to_le_bytes());
    sector[48..56].copy_from_slice(&4_u64.to_le_bytes());
    sector[56..64].copy_from_slice(&4_u64.to_le_bytes());
    sector[64] = 0xf6;
    sector[510..].copy_from_slice(b"\x55\xaa");
    sector
}

/// The label of a physical volume, which lies in sector 1.
fn lvm() -> Vec<u8> {
    let mut label = vec![0; 512];
    label[..8].copy_from_slice(b"LABELONE");
    label[8..16].copy_from_slice(&1_u64.to_le_bytes());
    label[20..24].copy_from_slice(&32_u32.to_le_bytes());
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(b"0123456789abcdefghijklmnopqrstuv");
    let sum = crc32(0xf597_a6cf, &label[20..]);
    label[16..20].copy_from_slice(&sum.to_le_bytes());
    label
}

/// The superblock of md, version 0.90.
fn raid() -> Vec<u8> {
    let mut block = vec![0; 4096];
    block[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    block[8..12].copy_from_slice(&90_u32.to_le_bytes());
    block
}

/// One uberblock.
fn zfs() -> Vec<u8> {
    let mut block = vec![0; 1024];
    block[..8].copy_from_slice(&0x00ba_b10c_u64.to_le_bytes());
    block
}
