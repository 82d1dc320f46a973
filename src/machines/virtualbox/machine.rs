//! How a machine is made: by commands of which the last one notes that it is whole.

use std::path::Path;

use super::manage::PROGRAM;
use super::raise::Host;
use super::there::WHOLE;
use crate::machines::console::log_of;
use crate::machines::{Act, Firmware, Machine, Step, Wanted};
use crate::spec::Attach;

/// The name of the one storage controller. What is on its ports is in this order: disks, then CDs.
const CONTROLLER: &str = "SATA";

/// The steps that make a machine of which there is nothing, up to its being whole.
pub(super) fn make(wanted: &Wanted, machine: &Machine, host: &Host) -> Vec<Step> {
    let (name, node) = (machine.name.as_str(), machine.node.as_str());
    let step = |what: &str, arguments: Vec<String>| {
        Step::of(node, what, Act::Run { program: PROGRAM, arguments, may_fail: false })
    };
    let folder = machine.folder.clone();
    let mut steps = vec![
        Step::of(node, "make its folder", Act::Folder { path: folder.clone() }),
        Step::of(node, "make its media", Act::Media { path: folder }),
        step(&format!("make the machine {name}"), create(machine, host)),
        step("say what it is made of", hardware(wanted, machine, host)),
    ];
    if let Some(serial) = &machine.serial {
        // Without `string:` what looks like a number is one, and the firmware refuses it.
        let device = match machine.firmware {
            Firmware::Bios => "pcbios",
            Firmware::Efi => "efi",
        };
        let key = format!("VBoxInternal/Devices/{device}/0/Config/DmiSystemSerial");
        steps.push(step(
            "give it its serial number",
            words(&["setextradata", name, &key, &format!("string:{serial}")]),
        ));
    }
    let ports = (machine.disks.len() + machine.cds.len()).max(1).to_string();
    steps.push(step(
        "add its storage controller",
        words(&[
            "storagectl",
            name,
            "--name",
            CONTROLLER,
            "--add",
            "sata",
            "--controller",
            "IntelAhci",
            "--portcount",
            &ports,
            "--bootable",
            "on",
        ]),
    ));
    for (port, disk) in machine.disks.iter().enumerate() {
        let path = text(&disk.path.with_extension("vdi"));
        if !disk.from_image {
            let size = disk.size_mib.to_string();
            steps.push(step(
                "make a blank disk",
                words(&[
                    "createmedium",
                    "disk",
                    "--filename",
                    &path,
                    "--size",
                    &size,
                    "--format",
                    "VDI",
                ]),
            ));
        }
        steps.push(step("put its disk in", attach(name, port, "hdd", &path)));
        if let Some(serial) = &disk.serial {
            let key = format!("VBoxInternal/Devices/ahci/0/Config/Port{port}/SerialNumber");
            let value = format!("string:{serial}");
            let said = words(&["setextradata", name, &key, &value]);
            steps.push(step("give its disk its serial number", said));
        }
    }
    for (port, cd) in (machine.disks.len()..).zip(&machine.cds) {
        steps.push(step("put its CD in", attach(name, port, "dvddrive", &text(cd))));
    }
    steps.push(step("note that it is whole", words(&["setextradata", name, WHOLE, "yes"])));
    steps
}

fn create(machine: &Machine, host: &Host) -> Vec<String> {
    let mut create = words(&[
        "createvm",
        "--name",
        &machine.name,
        "--ostype",
        "RedHat_64",
        "--basefolder",
        &text(&machine.folder),
        "--register",
    ]);
    if host.version >= [7, 1, 0] {
        // Since then it is also made for ARM, which would be the default there.
        create.extend(words(&["--platform-architecture", "x86"]));
    }
    create
}

/// Option names are the old ones, which 6.1 knows as well as 7.2.
fn hardware(wanted: &Wanted, machine: &Machine, host: &Host) -> Vec<String> {
    let (memory, cpus) =
        (machine.hardware.memory_mib.to_string(), machine.hardware.cpus.to_string());
    let second = if machine.cds.is_empty() { "none" } else { "dvd" };
    let firmware = match machine.firmware {
        Firmware::Bios => "bios",
        Firmware::Efi => "efi",
    };
    let console = text(&log_of(machine));
    let mut said = words(&[
        "modifyvm",
        &machine.name,
        "--memory",
        &memory,
        "--cpus",
        &cpus,
        "--ioapic",
        "on",
        "--rtcuseutc",
        "on",
        "--firmware",
        firmware,
        "--graphicscontroller",
        "vboxvga",
        "--vram",
        "16",
        "--boot1",
        "disk",
        "--boot2",
        second,
        "--boot3",
        "none",
        "--boot4",
        "none",
        "--uart1",
        "0x3F8",
        "4",
        "--uartmode1",
        "file",
        &console,
    ]);
    if machine.nested && host.nests {
        said.extend(words(&["--nested-hw-virt", "on"]));
    }
    if let Some(uuid) = &machine.uuid {
        said.extend(words(&["--hardwareuuid", uuid]));
        if host.version >= [7, 0, 0] {
            // The system reads it as the lab writes it; the other order is the default of newer ones.
            said.extend(words(&["--system-uuid-le", "off"]));
        }
    }
    // A new machine has its first adapter on VirtualBox's own NAT, whatever the lab says of it.
    if !machine.cards.iter().any(|card| card.adapter == 1) {
        said.extend(words(&["--nic1", "none"]));
    }
    for card in &machine.cards {
        let Some(network) = wanted.networks.get(card.network) else { continue };
        let number = card.adapter;
        let mut option =
            |name: &str, value: &str| said.extend([format!("--{name}{number}"), value.to_owned()]);
        match network.attach {
            Attach::NatNetwork => {
                option("nic", "natnetwork");
                option("nat-network", &network.name);
            }
            Attach::Bridged => {
                option("nic", "bridged");
                option("bridgeadapter", host.name(&network.name));
            }
            Attach::HostOnly if host.mac_of_seven => {
                option("nic", "hostonlynet");
                option("host-only-net", host.name(&network.name));
            }
            Attach::HostOnly => {
                option("nic", "hostonly");
                option("hostonlyadapter", host.name(&network.name));
            }
        }
        option("nictype", "82540EM");
        option("macaddress", &card.mac.to_string().replace(':', "").to_uppercase());
        option("cableconnected", "on");
        if network.attach != Attach::NatNetwork {
            // Instances have addresses of their own, hardware addresses as well.
            option("nicpromisc", "allow-all");
        }
    }
    said
}

fn attach(name: &str, port: usize, kind: &str, medium: &str) -> Vec<String> {
    let port = port.to_string();
    words(&[
        "storageattach",
        name,
        "--storagectl",
        CONTROLLER,
        "--port",
        &port,
        "--device",
        "0",
        "--type",
        kind,
        "--medium",
        medium,
    ])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
