//! The command lines of QEMU (its manual, qemu-system(1)).

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::super::console::log_of;
use super::super::{Disk, Firmware, Machine, MachineError, Network, Wanted};
use super::{CONSOLE, GATEWAY_QMP, QEMU, QMP, accelerator, bridge, folder_of, switch};
use crate::spec::Attach;
use crate::tool::Tool;

/// Bytes of a UNIX socket's path, with the one that ends it (unix(7); macOS has four less).
const LONGEST_SOCKET: usize = 104;

/// What UEFI remembers, in a machine's folder.
pub(super) const VARIABLES: &str = "efi-variables.fd";

/// OVMF's code and its empty variables, where distributions put them (Debian, Fedora, Arch, Homebrew).
const OVMF: [[&str; 2]; 4] = [
    ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
    ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
    ["/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
    ["/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"],
];

/// UEFI for QEMU: its code, and its variables as they are at first.
///
/// # Errors
/// It is not installed.
pub(super) fn firmware() -> Result<(&'static Path, &'static Path), MachineError> {
    let found = OVMF.iter().find(|pair| pair.iter().all(|file| Path::new(file).is_file()));
    found.map(|[code, variables]| (Path::new(*code), Path::new(*variables))).ok_or_else(|| {
        MachineError::Said(
            "UEFI for QEMU (OVMF) is not installed: Debian's package `ovmf`, Fedora's `edk2-ovmf`, or `--firmware bios`"
                .to_owned(),
        )
    })
}

/// A disk's file.
pub(super) fn file(disk: &Disk) -> PathBuf {
    disk.path.with_extension("qcow2")
}

/// A value among others that commas are between.
fn value(text: impl AsRef<Path>) -> String {
    text.as_ref().to_string_lossy().replace(',', ",,")
}

/// The slot on the first PCI bus that makes Linux call a card as it does in VirtualBox: adapter 1 is `enp0s3`, 3 is `enp0s9`.
fn slot(adapter: u8) -> u8 {
    match adapter {
        1 => 3,
        2..=4 => adapter + 6,
        _ => adapter + 11,
    }
}

/// The disks' slots: no card's, and not the screen's (2).
const SATA: u8 = 4;
const VIRTIO: u8 = 5;
const RANDOM: u8 = 7;

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// The machine of a node.
pub(super) fn machine(wanted: &Wanted, machine: &Machine) -> Result<Vec<String>, MachineError> {
    let has_kvm = accelerator::has_kvm(&Tool::locate(QEMU)?);
    let (accelerator, processor) = if has_kvm { ("kvm", "host") } else { ("tcg", "max") };
    let folder = &machine.folder;
    let mut all =
        words(&["-name", &value(&machine.name), "-nodefaults", "-display", "none", "-vga", "std"]);
    // The chipset on which slots have the numbers that names are made of. Where ACPI told slots of their own, they would be names.
    all.extend(words(&["-global", "PIIX4_PM.acpi-root-pci-hotplug=off"]));
    all.extend(words(&["-machine", &format!("pc,accel={accelerator}"), "-cpu", processor]));
    all.extend(words(&[
        "-smp",
        &machine.hardware.cpus.to_string(),
        "-m",
        &machine.hardware.memory_mib.to_string(),
    ]));
    if machine.firmware == Firmware::Efi {
        let (code, _) = firmware()?;
        let code = format!("if=pflash,format=raw,readonly=on,file={}", value(code));
        let variables = format!("if=pflash,format=raw,file={}", value(folder.join(VARIABLES)));
        all.extend(words(&["-drive", &code, "-drive", &variables]));
    }
    if let Some(uuid) = &machine.uuid {
        all.extend(words(&["-uuid", uuid]));
    }
    if let Some(serial) = &machine.serial {
        all.extend(words(&["-smbios", &format!("type=1,serial={}", value(serial))]));
    }
    // As in VirtualBox: a disk is `sda`, as labs say, and the wipe guard of an installation goes by that.
    all.extend(words(&["-device", &format!("ich9-ahci,id=sata,addr={SATA:#x}")]));
    for (n, disk) in machine.disks.iter().enumerate() {
        let drive = format!("if=none,id=disk{n},format=qcow2,file={}", value(file(disk)));
        let at = if disk.virtio {
            format!("virtio-blk-pci,addr={:#x}", usize::from(VIRTIO) + n)
        } else {
            format!("ide-hd,bus=sata.{n}")
        };
        let first = if n == 0 { ",bootindex=1" } else { "" };
        let serial = disk.serial.as_ref().map(|serial| format!(",serial={}", value(serial)));
        let device = format!("{at},drive=disk{n}{first}{}", serial.unwrap_or_default());
        all.extend(words(&["-drive", &drive, "-device", &device]));
    }
    for (n, cd) in machine.cds.iter().enumerate() {
        let drive =
            format!("if=none,id=medium{n},format=raw,readonly=on,media=cdrom,file={}", value(cd));
        let device =
            format!("ide-cd,id=cd{n},drive=medium{n},bus=ide.1,unit={n},bootindex={}", n + 2);
        all.extend(words(&["-drive", &drive, "-device", &device]));
    }
    for card in &machine.cards {
        let network = &wanted.networks[card.network];
        let id = format!("net{}", card.adapter);
        let netdev = if let Some(bridge) = bridge(network) {
            format!("bridge,id={id},br={bridge}")
        } else {
            let folder = folder_of(wanted, network);
            dgram(&id, &folder, &format!("{}.{}", machine.node, card.adapter))?
        };
        let boots = if boot_of(wanted, network).is_some() { ",bootindex=9" } else { ",romfile=" };
        let slot = slot(card.adapter);
        let device = format!("virtio-net-pci,netdev={id},mac={},addr={slot:#x}{boots}", card.mac);
        all.extend(words(&["-netdev", &netdev, "-device", &device]));
    }
    all.extend(words(&["-device", &format!("virtio-rng-pci,addr={RANDOM:#x}")]));
    let console = format!(
        "socket,id=console,path={},server=on,wait=off,logfile={},logappend=on",
        value(socket(&folder.join(CONSOLE))?),
        value(log_of(machine))
    );
    all.extend(words(&["-chardev", &console, "-serial", "chardev:console"]));
    let qmp = format!("unix:{},server=on,wait=off", value(socket(&folder.join(QMP))?));
    all.extend(words(&["-qmp", &qmp, "-daemonize"]));
    Ok(all)
}

fn socket(path: &Path) -> Result<&Path, MachineError> {
    if path.as_os_str().len() < LONGEST_SOCKET {
        return Ok(path);
    }
    Err(MachineError::Unfit(format!(
        "`{}` is too long for the name of a socket ({LONGEST_SOCKET} bytes): `--state` names a folder with a shorter path",
        path.display()
    )))
}

/// A card in a network's folder, as the switch knows it.
fn dgram(id: &str, folder: &Path, name: &str) -> Result<String, MachineError> {
    let (own, switch) = (folder.join(name), folder.join(switch::SWITCH));
    Ok(format!(
        "dgram,id={id},local.type=unix,local.path={},remote.type=unix,remote.path={}",
        value(socket(&own)?),
        value(socket(&switch)?)
    ))
}

/// What machines are told to start that boot from this network.
pub(super) fn boot_of<'w>(wanted: &'w Wanted, network: &Network) -> Option<&'w str> {
    let url = wanted.boot.as_deref()?;
    (wanted.management()?.network == network.network).then_some(url)
}

/// The way out of a network: a QEMU without a machine, whose own network has the lab's addresses. Nothing where a network has
/// none.
pub(super) fn gateway(wanted: &Wanted, network: &Network, folder: &Path) -> Option<Vec<String>> {
    if network.attach != Attach::NatNetwork {
        return None;
    }
    let (subnet, gateway) = (network.subnet?, network.gateway?);
    let is_free = |address: &Ipv4Addr| {
        *address != gateway && wanted.machines.iter().all(|machine| machine.address != *address)
    };
    let free: Vec<Ipv4Addr> = subnet.hosts().filter(is_free).collect();
    // Its own name server, and whom it gives addresses: both must lie somewhere. It gives those that follow the first.
    let (dns, others) = free.split_last()?;
    let many = wanted.machines.len().max(1);
    let is_run = |run: &&[Ipv4Addr]| {
        run.last().zip(run.first()).is_some_and(|(last, first)| {
            u32::from(*last) - u32::from(*first) == u32::try_from(many).unwrap_or(0) - 1
        })
    };
    let first = others.windows(many).rfind(is_run).and_then(<[_]>::first).or(others.last())?;
    let mut user = format!("user,id=out,net={subnet},host={gateway},dns={dns},dhcpstart={first}");
    if let Some(url) = boot_of(wanted, network) {
        user = format!("{user},bootfile={url}");
    }
    for forward in wanted.machines.iter().flat_map(|machine| &machine.forwards) {
        let (host, guest) = (forward.host, forward.guest);
        user = format!(
            "{user},hostfwd=tcp:{}:{}-{}:{}",
            host.ip(),
            host.port(),
            guest.ip(),
            guest.port()
        );
    }
    let plug = dgram("plug", folder, switch::GATEWAY).ok()?;
    let qmp = format!("unix:{},server=on,wait=off", value(folder.join(GATEWAY_QMP)));
    let mut all = words(&[
        "-name",
        &value(format!("{} (way out)", network.name)),
        "-machine",
        "none",
        "-nodefaults",
        "-display",
        "none",
    ]);
    all.extend(words(&["-netdev", &user, "-netdev", "hubport,id=hub1,hubid=0,netdev=out"]));
    all.extend(words(&["-netdev", &plug, "-netdev", "hubport,id=hub2,hubid=0,netdev=plug"]));
    all.extend(words(&["-qmp", &qmp, "-daemonize"]));
    Some(all)
}
