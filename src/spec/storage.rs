//! Disks: which one a node is installed to, how it is divided, and which machine the lab means.

use crate::report::Rule;

use super::decode::{Decode, Entries, choice, record};
use super::files::Reader;
use super::shape::Shape;
use super::tree::{Node, Value};

record! {
    /// Disks and what is on them.
    StorageSpec {
        /// The disk that the node is installed to: its name, or what it is found by.
        disk: DiskSpec = "{bus: sata, size: 10GiB-50GiB}",
        /// How it is divided.
        layout: Layout = "lvm",
        /// Size of `/boot`.
        boot: String = "1GiB",
        /// Size of the swap space, or `none`.
        swap: String = "2GiB",
        /// The least that `/` gets.
        root: String = "8GiB",
        /// Whether `/` grows to the rest of the disk.
        grow: bool = "no" else "`yes`, unless one of `partitions` grows",
        /// More file systems on this disk, by mount point; logical volumes in the layout `lvm`.
        partitions: Entries<PartitionSpec> = "{/var: {size: 6GiB}}",
        /// A second disk, for data.
        data: DataSpec = "{disk: sdb, mount: /srv}",
        /// Whether whatever is on the disk may go. Without it, an empty disk or this node's own earlier installation is wiped, and nothing else. Said at a node for one installation, and taken out afterwards.
        wipe: bool = "yes",
    }
}

choice! {
    /// How the system's disk is divided.
    Layout {
        /// A partition for each file system.
        Plain = "plain",
        /// `/boot`, and one volume group for everything else.
        Lvm = "lvm",
    }
}

record! {
    /// A file system of its own.
    PartitionSpec {
        /// Its size; the least that it gets where it grows.
        size: String = "6GiB" else "needed",
        /// Its kind.
        filesystem: FileSystem = "ext4" else "`xfs`",
        /// Whether it grows to the rest of the disk.
        grow: bool = "yes" else "`no`",
        /// Mount options: those of mount(8) and of the file system, with commas between them. None with which the node would be
        /// lost, such as `ro` on `/var`.
        options: String = "noatime,nodev",
    }
}

choice! {
    /// A kind of file system.
    FileSystem {
        /// What CentOS 7 uses by itself.
        Xfs = "xfs",
        /// One that can shrink.
        Ext4 = "ext4",
    }
}

record! {
    /// A disk for data.
    DataSpec {
        /// The disk: its name, or what it is found by.
        disk: DiskSpec = "{serial: VB1234abcd-5678ef90}",
        /// Where it is mounted; `none` leaves it as it is, for a stage or a person.
        mount: String = "/srv",
        /// Its file system.
        filesystem: FileSystem = "ext4",
        /// Whether what this node has on it stays over a new installation.
        keep: bool = "no",
        /// Whether whatever else is on it may go; as with `storage.wipe`.
        wipe: bool = "yes",
    }
}

/// A disk: its name, or what it is found by when the node is installed.
#[derive(Clone, Debug)]
pub enum DiskSpec {
    /// A name.
    Name(String),
    /// What it is found by; all of it holds.
    Match(Box<DiskFields>),
}

record! {
    /// [`DiskSpec`] written as a mapping. All that is said must hold of the disk.
    DiskFields {
        /// Its size: one, a range, or a bound (`">=20GiB"`, `"<=2TiB"`). Where a file says the machine's `disk`, that fits it.
        size: String = "10GiB-50GiB" else "any",
        /// What it is attached to.
        bus: Bus = "sata" else "any",
        /// Its serial number.
        serial: String = "VB1234abcd-5678ef90" else "any",
        /// Its model.
        model: String = "VBOX HARDDISK" else "any",
        /// Its name in `/dev/disk/by-id`.
        by_id: String = "ata-VBOX_HARDDISK_VB1234abcd-5678ef90" else "any",
        /// Which one, where several are left.
        pick: Pick = "smallest" else "one alone may be left",
    }
}

choice! {
    /// What a disk is attached to.
    Bus {
        /// SATA.
        Sata = "sata",
        /// A virtual machine's own kind, as `vda`.
        Virtio = "virtio",
        /// `NVMe`.
        Nvme = "nvme",
        /// USB. No other word finds a USB disk.
        Usb = "usb",
        /// SCSI, SAS, and controllers that look like it.
        Scsi = "scsi",
        /// Parallel ATA.
        Ide = "ide",
    }
}

choice! {
    /// Which disk of several.
    Pick {
        /// The one with the fewest bytes.
        Smallest = "smallest",
        /// The one with the most.
        Largest = "largest",
        /// The first by name.
        First = "first",
    }
}

impl Decode for DiskSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(name) => Some(Self::Name(name.clone())),
            Value::Map(entries) if entries.iter().all(|(_, n)| matches!(n.value, Value::Null)) => {
                let message = "nothing is said to find the disk by";
                let help = "for example `disk: sda` or `disk: {bus: sata, pick: smallest}`";
                r.findings.tell(Rule::NoDisk, &node.path, node.span, message, help);
                None
            }
            _ => DiskFields::decode(node, r).map(|fields| Self::Match(Box::new(fields))),
        }
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(DiskFields::shape()))
    }
}

record! {
    /// Which machine the lab means. The installer refuses every other.
    MachineSpec {
        /// Its serial number, not what makers write where none was set, as `dmidecode -s system-serial-number` tells it.
        serial: String = "CZ3311ABCD" else "any",
        /// Its UUID, as `dmidecode -s system-uuid` tells it.
        uuid: String = "4c4c4544-0042-3510-8054-b7c04f533132" else "any",
    }
}
