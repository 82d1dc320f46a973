//! The lab that is made.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use trainyard::machines::{
    Card, Disk, Firmware, Forward, Machine, Media, Network, Wanted, folder_of,
};
use trainyard::model::Hardware;
use trainyard::spec::Attach;

fn network(name: &str, attach: Attach, subnet: Option<&str>) -> Network {
    Network {
        network: name.into(),
        name: format!("train-{name}"),
        subnet: subnet.map(|subnet| subnet.parse().expect("a subnet")),
        gateway: None,
        attach,
        host_interface: "auto".into(),
    }
}

fn disk(path: PathBuf, size_mib: u64) -> Disk {
    Disk { path, size_mib, from_image: false, virtio: false, serial: None, unmet: Vec::new() }
}

fn machine(lab: &Path, node: &str, last: u8, port: u16) -> Machine {
    let folder = folder_of(lab, node);
    let address = Ipv4Addr::new(10, 0, 0, last);
    let card = |adapter: u8, network| Card {
        adapter,
        mac: format!("08:00:27:00:{adapter:02x}:{last:02x}").parse().expect("a MAC address"),
        network,
    };
    let ssh = Forward {
        name: "ssh".into(),
        host: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        guest: SocketAddrV4::new(address, 22),
    };
    Machine {
        node: node.into(),
        name: format!("train-{node}"),
        address,
        login: None,
        hardware: Hardware { cpus: 2, memory_mib: 4096, disk_mib: 10240 },
        cards: vec![card(1, 0), card(3, 1)],
        disks: vec![disk(folder.join("system"), 10240)],
        cds: vec![folder.join("install.iso")],
        media: Media::Iso,
        firmware: Firmware::Bios,
        serial: None,
        uuid: None,
        nested: false,
        forwards: vec![ssh],
        folder,
    }
}

/// A controller that is installed from a medium, and a compute of a cloud image that has another network, a disk for data and an identity.
pub fn lab(folder: &Path) -> Wanted {
    let mut compute = machine(folder, "compute", 31, 29031);
    compute.cards[1] = Card { adapter: 2, network: 2, ..compute.cards[1].clone() };
    compute.media = Media::Cloud;
    compute.nested = true;
    compute.serial = Some("0042".into());
    compute.uuid = Some("11111111-2222-3333-4444-555555555555".into());
    compute.cds = vec![compute.folder.join("cidata.iso")];
    compute.disks[0].from_image = true;
    compute.disks.push(disk(compute.folder.join("data"), 2048));
    compute.disks[1].serial = Some("D-0042".into());
    Wanted {
        lab: "train".into(),
        identity: "f00d".into(),
        folder: folder.to_owned(),
        networks: vec![
            network("management", Attach::NatNetwork, Some("10.0.0.0/24")),
            network("provider", Attach::Bridged, None),
            network("storage", Attach::HostOnly, Some("192.168.57.0/24")),
        ],
        machines: vec![machine(folder, "controller", 11, 29011), compute],
        boot: None,
    }
}

/// The compute alone.
pub fn small(folder: &Path) -> Wanted {
    let mut lab = lab(folder);
    lab.machines.remove(0);
    lab
}
