//! Arguments with which a kernel finds no disk, no network or too little memory (kernel-parameters.txt of Linux 3.10,
//! dracut.cmdline(7) and modprobe.d(5) of CentOS 7).

use crate::report::Rule;
use crate::spec::{SettingsSpec, Spanned};

use super::mount_options;
use super::settle::{Resolver, Wrong};
use super::{FileSystem, Interface, Ipv6, Layout, Settings, Storage};

/// What CentOS 7 and its installer need to come up, in MiB.
pub(super) const LEAST_MEMORY_MIB: u64 = 1024;

/// Modules that every node needs: its file systems and what they lie on, and its medium.
const OF_EVERY_NODE: [&str; 9] = [
    "cdrom",
    "crc32c_generic",
    "dm_mod",
    "isofs",
    "libcrc32c",
    "scsi_mod",
    "sd_mod",
    "sr_mod",
    "xfs",
];

/// Modules that disks and network ports of one machine or another need.
const OF_DISKS_AND_PORTS: [&str; 52] = [
    "8021q",
    "ahci",
    "ata_generic",
    "ata_piix",
    "be2net",
    "bnx2",
    "bnx2x",
    "bnxt_en",
    "bonding",
    "bridge",
    "cxgb4",
    "e1000",
    "e1000e",
    "ena",
    "enic",
    "ext4",
    "fnic",
    "hpsa",
    "hv_netvsc",
    "hv_storvsc",
    "hv_vmbus",
    "i40e",
    "igb",
    "ixgbe",
    "ixgbevf",
    "libahci",
    "libata",
    "lpfc",
    "megaraid_sas",
    "mlx4_core",
    "mlx4_en",
    "mlx5_core",
    "mpt2sas",
    "mpt3sas",
    "mptbase",
    "mptsas",
    "mptspi",
    "nvme",
    "qede",
    "qla2xxx",
    "r8169",
    "sfc",
    "tg3",
    "virtio",
    "virtio_blk",
    "virtio_net",
    "virtio_pci",
    "virtio_ring",
    "virtio_scsi",
    "vmw_pvscsi",
    "vmxnet3",
    "xen_blkfront",
];

const LEAVE_OUT: &str = "leave it out";

fn lost(why: impl Into<String>, help: &str) -> Wrong {
    Wrong::of(Rule::NodeLost, why, help)
}

/// Why neither kernel, the installer's or the installed system's, can have an argument.
pub(super) fn argument(text: &str) -> Result<(), Wrong> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name {
        "noinitrd" => Err(lost("leaves out the drivers that `/` is found with", LEAVE_OUT)),
        "rootfstype" if value != "xfs" => Err(lost(
            "is not what `/` is: it is XFS",
            "leave it out: the kernel finds out by itself",
        )),
        "rootflags" => mount_options::check("/", FileSystem::Xfs, value),
        "nosmp" => Err(no_interrupts()),
        "maxcpus" | "nr_cpus" if value.parse() == Ok(0) => Err(no_interrupts()),
        "mem" if value != "nopentium" => memory(value),
        "modprobe.blacklist" | "rd.driver.blacklist" | "rdblacklist" => modules(value),
        _ => Ok(()),
    }
}

/// `maxcpus=0` and `nosmp` disable the I/O APIC as well.
fn no_interrupts() -> Wrong {
    lost(
        "turns off the I/O APIC, by which disks and network ports are heard",
        "leave it out, or `maxcpus=1` for one processor",
    )
}

fn memory(value: &str) -> Result<(), Wrong> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match value[digits.len()..].to_ascii_lowercase().as_str() {
        "" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        "t" => Some(40),
        _ => None,
    };
    let bytes = shift.zip(digits.parse::<u64>().ok()).map(|(shift, n)| u128::from(n) << shift);
    let Some(bytes) = bytes else {
        return Err(lost("is no size", "a number with `M` or `G`, such as `mem=4G`"));
    };
    if bytes < u128::from(LEAST_MEMORY_MIB) << 20 {
        return Err(lost(
            "leaves less memory than CentOS 7 comes up with",
            "leave it out, or leave it `1024M` at least",
        ));
    }
    Ok(())
}

fn modules(value: &str) -> Result<(), Wrong> {
    for written in value.split(',') {
        let module = written.replace('-', "_");
        if OF_EVERY_NODE.contains(&&*module) {
            let why = format!("keeps out `{written}`, without which no node comes up");
            return Err(lost(why, LEAVE_OUT));
        }
        if OF_DISKS_AND_PORTS.contains(&&*module) {
            return Err(Wrong::of(
                Rule::NodeAtRisk,
                format!("keeps out `{written}`, a driver of disks or network ports"),
                "leave it out, unless the machine needs another one",
            ));
        }
    }
    Ok(())
}

/// The installed system's arguments, from the last one.
fn written<'s>(
    settings: &Settings,
    spec: &'s SettingsSpec,
    wanted: impl Fn(&str) -> bool,
) -> Option<&'s Spanned<String>> {
    let arguments = spec.kernel.as_ref().and_then(|k| k.value.arguments.as_ref())?;
    let counts = |a: &&Spanned<String>| settings.custom.kernel.arguments.contains(&a.value);
    arguments.value.0.iter().filter(counts).rfind(|a| wanted(&a.value))
}

/// Tells an argument that turns LVM off on a node whose `/` lies in it.
pub(super) fn tell_lvm(
    arguments: &[String],
    spec: &SettingsSpec,
    storage: &Storage,
    r: &mut Resolver,
) {
    if storage.layout != Layout::Lvm {
        return;
    }
    let written = spec.kernel.as_ref().and_then(|k| k.value.arguments.as_ref());
    let off = |a: &&Spanned<String>| {
        ["rd.lvm=0", "rd_NO_LVM"].contains(&&*a.value) && arguments.contains(&a.value)
    };
    if let Some(argument) = written.and_then(|w| w.value.0.iter().rfind(off)) {
        let help = "leave it out, or use `storage: {layout: plain}`";
        r.reject(argument, lost("turns off LVM, in which `/` lies here", help));
    }
}

/// Tells a kernel without IPv6 on a node that has an IPv6 address.
pub(super) fn tell_ipv6(
    settings: &Settings,
    spec: &SettingsSpec,
    interfaces: &[Interface],
    r: &mut Resolver,
) {
    let off = |a: &str| ["ipv6.disable=1", "ipv6.disable_ipv6=1"].contains(&a);
    let Some(argument) = written(settings, spec, off) else { return };
    for interface in interfaces {
        if let Ipv6::Static { address, .. } = interface.ipv6 {
            let why = format!("turns off IPv6, and `{}` has {address}", interface.name);
            r.reject(argument, lost(why, "leave it out, or `ipv6: none` at the interface"));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::argument;

    #[test]
    fn what_is_meant_is_taken() {
        for good in [
            "mem=4G",
            "mem=1048576K",
            "mem=nopentium",
            "maxcpus=1",
            "rootflags=uquota,noatime",
            "rootfstype=xfs",
            "modprobe.blacklist=nouveau,pcspkr",
            "ipv6.disable=0",
        ] {
            assert!(argument(good).is_ok(), "{good}");
        }
        for bad in ["mem=0", "mem=1023M", "mem=-1G", "nosmp", "rootflags=ro", "rdblacklist=xfs"] {
            assert!(argument(bad).is_err(), "{bad}");
        }
    }
}
