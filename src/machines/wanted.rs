//! What a lab's machines are to be: from its plan, and the same for every program that has machines.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, Serialize};

use super::NODES;
use crate::model::{self, COMPUTE, Hardware, Lab, MANAGEMENT, Mac, RootLogin};
use crate::plan::{ENDPOINTS_TLS, NodePlan, Plan};
use crate::spec::Attach;
use crate::stack::holds;

/// How a machine becomes its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// By a medium of its own that installs it.
    Iso,
    /// By the untouched medium, with a seed beside it.
    Seed,
    /// By the network.
    Pxe,
    /// By a cloud image, with a seed beside it.
    Cloud,
}

/// What starts a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// A BIOS.
    Bios,
    /// UEFI.
    Efi,
}

/// What a lab's machines are to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// The lab's name.
    pub lab: String,
    /// What tells this lab from another of the same name. It is no secret.
    pub identity: String,
    /// The folder of its machines, an absolute path.
    pub folder: PathBuf,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its machines, in the order of the lab file.
    pub machines: Vec<Machine>,
    /// The URL of the script that machines are told which boot from the management network; nothing where none does.
    #[serde(default)]
    pub boot: Option<String>,
}

/// A network that machines are plugged into.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Network {
    /// What the lab calls it.
    pub network: String,
    /// What it is known as on the host: `train-management`.
    pub name: String,
    /// Its subnet.
    pub subnet: Option<Ipv4Net>,
    /// The way out.
    pub gateway: Option<Ipv4Addr>,
    /// How VirtualBox attaches it.
    #[serde(deserialize_with = "attach")]
    pub attach: Attach,
    /// The interface of the host's that it is bridged to; `auto` leaves it to be chosen.
    pub host_interface: String,
}

/// A machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The node that it is.
    pub node: String,
    /// What it is known as on the host: `train-controller`.
    pub name: String,
    /// Its own folder, below the lab's.
    pub folder: PathBuf,
    /// Its address on the management network.
    pub address: Ipv4Addr,
    /// Who logs in there in place of root, who may not; by sudo it does what root does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What it is made of.
    pub hardware: Hardware,
    /// Its cards.
    pub cards: Vec<Card>,
    /// Its disks, the system's first.
    pub disks: Vec<Disk>,
    /// Its CDs, in their order.
    pub cds: Vec<PathBuf>,
    /// How it becomes its node.
    pub media: Media,
    /// What starts it.
    pub firmware: Firmware,
    /// What it is known by to its firmware, where the lab says.
    pub serial: Option<String>,
    /// The same.
    pub uuid: Option<String>,
    /// Whether it has machines of its own: a compute node.
    pub nested: bool,
    /// What of it the host's own loopback reaches.
    pub forwards: Vec<Forward>,
}

/// A card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    /// VirtualBox's number of the adapter, 1 to 8, which decides the name on the node.
    pub adapter: u8,
    /// Its hardware address.
    pub mac: Mac,
    /// The network that it is plugged into: its place in [`Wanted::networks`].
    pub network: usize,
}

/// A disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disk {
    /// Its file; without the ending that says its format.
    pub path: PathBuf,
    /// Its size in MiB.
    pub size_mib: u64,
    /// Whether it is made with the media, from a cloud image; otherwise it is blank.
    pub from_image: bool,
    /// Whether it is what Linux calls `vda`, because the lab says so; otherwise `sda`.
    #[serde(default)]
    pub virtio: bool,
    /// Its serial number, where the lab finds it by that.
    #[serde(default)]
    pub serial: Option<String>,
    /// What the lab says of it and no machine here has, each with its key: `storage.disk.bus: nvme`.
    #[serde(default)]
    pub unmet: Vec<String>,
}

/// A port of a node's that is reached through one of the host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// What it is for: `ssh`, `dashboard`, `console`.
    pub name: String,
    /// Where on the host.
    pub host: SocketAddrV4,
    /// Where on the node.
    pub guest: SocketAddrV4,
}

/// Where a node's machine is, below the folder of its lab's machines.
#[must_use]
pub fn folder_of(machines: &Path, node: &str) -> PathBuf {
    machines.join(NODES).join(node)
}

impl Wanted {
    /// What a plan's machines are to be, in this folder: what starts them, and with what. `ports`: those of the host that lead to nodes.
    #[must_use]
    pub fn of(
        lab: &Lab,
        plan: &Plan,
        identity: &str,
        folder: &Path,
        start: (Media, Firmware),
        ports: &BTreeMap<String, u16>,
    ) -> Self {
        let network = |network: &model::Network| Network {
            network: network.name.clone(),
            name: format!("{}-{}", plan.lab, network.name),
            subnet: network.subnet,
            gateway: network.gateway,
            attach: network.virtualbox.attach,
            host_interface: network.virtualbox.host_interface.clone(),
        };
        let machine = |node: &NodePlan| machine(node, lab, plan, folder, start, ports);
        Self {
            lab: plan.lab.clone(),
            identity: identity.to_owned(),
            folder: folder.to_owned(),
            networks: lab.networks.iter().map(network).collect(),
            machines: plan.nodes.iter().map(machine).collect(),
            boot: None,
        }
    }

    /// The same where the folder of its machines is called otherwise now.
    #[must_use]
    pub fn moved(mut self, folder: &Path) -> Self {
        let old = std::mem::replace(&mut self.folder, folder.to_owned());
        let moved = |path: &mut PathBuf| {
            if let Ok(inside) = path.strip_prefix(&old) {
                *path = folder.join(inside);
            }
        };
        for machine in &mut self.machines {
            moved(&mut machine.folder);
            machine.disks.iter_mut().for_each(|disk| moved(&mut disk.path));
            machine.cds.iter_mut().for_each(moved);
        }
        self
    }

    /// The same with these nodes' machines alone.
    #[must_use]
    pub fn only(&self, nodes: impl Fn(&str) -> bool) -> Self {
        let mut some = self.clone();
        some.machines.retain(|machine| nodes(&machine.node));
        some
    }

    /// Leaves the machines of these nodes, and the networks that they are plugged into, as they were made. Each of which something else
    /// is wanted now is named, with what: `address`, `networks.management.subnet`.
    pub fn keep(&mut self, made: &Self, nodes: &[&str]) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        for was in made.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str())) {
            let mut kept = was.clone();
            let mut changes = Vec::new();
            for card in &mut kept.cards {
                let Some(network) = made.networks.get(card.network) else { continue };
                let named = |it: &Network| it.network == network.network;
                card.network = if let Some(at) = self.networks.iter().position(named) {
                    let about = format!("networks.{}.", network.network);
                    changes.extend(differing(&about, network, &self.networks[at]));
                    at
                } else {
                    self.networks.push(network.clone());
                    self.networks.len() - 1
                };
            }
            let is_same = |machine: &&mut Machine| machine.node == kept.node;
            let Some(machine) = self.machines.iter_mut().find(is_same) else { continue };
            changes.extend(differing("", &kept, machine));
            if !changes.is_empty() {
                all.push((kept.node.clone(), changes));
            }
            *machine = kept;
        }
        let is_kept = |machine: &&Machine| nodes.contains(&machine.node.as_str());
        let cards = made.machines.iter().filter(is_kept).flat_map(|machine| &machine.cards);
        for network in cards.filter_map(|card| made.networks.get(card.network)) {
            let named = |it: &&mut Network| it.network == network.network;
            if let Some(is) = self.networks.iter_mut().find(named) {
                *is = network.clone();
            }
        }
        all
    }

    /// A node's machine.
    #[must_use]
    pub fn machine(&self, node: &str) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.node == node)
    }

    /// The network that nodes are reached on.
    #[must_use]
    pub fn management(&self) -> Option<&Network> {
        self.networks.iter().find(|network| network.network == MANAGEMENT)
    }
}

/// The keys whose values differ.
fn differing(about: &str, was: &impl Serialize, is: &impl Serialize) -> Vec<String> {
    let (was, is) = (serde_json::json!(was), serde_json::json!(is));
    let keys = was.as_object().into_iter().flatten();
    keys.filter(|(key, was)| is.get(key) != Some(was))
        .map(|(key, _)| format!("{about}{key}"))
        .collect()
}

fn attach<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Attach, D::Error> {
    let word = String::deserialize(deserializer)?;
    let all = [Attach::NatNetwork, Attach::Bridged, Attach::HostOnly];
    let found = all.into_iter().find(|attach| attach.as_str() == word);
    found.ok_or_else(|| serde::de::Error::custom(format!("a network is not attached by `{word}`")))
}

/// Whether a stage of the node's opens this port (TCP).
fn opens(node: &NodePlan, port: u16) -> bool {
    let mut openings = node.stages.iter().flat_map(|stage| &stage.firewall);
    openings.any(|opening| opening.protocol == "tcp" && holds(&opening.port, port))
}

/// The longest serial number of a disk: what ATA has room for.
const LONGEST_SERIAL: usize = 20;
/// Where a lab says which disk is meant: the system's and the one for data, as they stand in [`Machine::disks`].
pub(super) const DISK_KEYS: [&str; 2] = ["storage.disk", "storage.data.disk"];

/// A disk as the lab says it, after those that are there before it.
fn disk(path: PathBuf, size_mib: u64, found: &model::Disk, before: &[Disk]) -> Disk {
    let named = found.name.as_deref().unwrap_or_default();
    let virtio = named.starts_with("vd") || found.bus == Some(model::Bus::Virtio);
    let letter = if before.iter().any(|disk| disk.virtio == virtio) { 'b' } else { 'a' };
    let name = format!("{}d{letter}", if virtio { 'v' } else { 's' });
    let key = DISK_KEYS.get(before.len()).copied().unwrap_or_default();
    let mut unmet = Vec::new();
    if let Some(named) = found.name.as_ref().filter(|named| **named != name) {
        unmet.push(format!("`{key}: {named}` (it is called `{name}` here)"));
    }
    if let Some(bus) = found.bus
        && !matches!(bus, model::Bus::Sata | model::Bus::Virtio)
    {
        unmet.push(format!("`{key}.bus: {bus}`"));
    }
    for (word, said) in [("by_id", &found.by_id), ("model", &found.model)] {
        unmet.extend(said.as_ref().map(|said| format!("`{key}.{word}: {said}`")));
    }
    if let Some(serial) = found.serial.as_ref().filter(|it| it.len() > LONGEST_SERIAL) {
        unmet.push(format!("`{key}.serial: {serial}` (longer than {LONGEST_SERIAL} letters)"));
    }
    if found.least_mib.is_some_and(|least| size_mib < least)
        || found.most_mib.is_some_and(|most| most < size_mib)
    {
        unmet.push(format!("`{key}.size` (it has {size_mib} MiB, as `disk` says)"));
    }
    Disk { path, size_mib, from_image: false, virtio, serial: found.serial.clone(), unmet }
}

fn machine(
    node: &NodePlan,
    lab: &Lab,
    plan: &Plan,
    folder: &Path,
    (media, firmware): (Media, Firmware),
    ports: &BTreeMap<String, u16>,
) -> Machine {
    let own = folder_of(folder, &node.name);
    let card = |interface: &crate::plan::InterfacePlan| {
        let named = interface.network.as_deref()?;
        let network = lab.networks.iter().position(|network| network.name == named)?;
        let adapter = lab.networks[network].virtualbox.adapter;
        Some(Card { adapter, mac: interface.mac?, network })
    };
    let storage = &node.storage.storage;
    let size_mib = node.hardware.disk_mib;
    let from_image = media == Media::Cloud;
    let mut disks = vec![disk(own.join("system"), size_mib, &storage.disk, &[])];
    disks[0].from_image = from_image;
    if let Some(found) = storage.data.as_ref().map(|data| &data.disk) {
        // Of one whose size nobody says it is the system's.
        let most = found.most_mib.unwrap_or(size_mib);
        let size_mib = found.least_mib.unwrap_or(size_mib.min(most));
        let data = disk(own.join("data"), size_mib, found, &disks);
        disks.push(data);
    }
    let cds = match media {
        Media::Iso => vec![own.join("install.iso")],
        Media::Seed => vec![own.join("medium.iso"), own.join("oemdrv.iso")],
        Media::Cloud => vec![own.join("cidata.iso")],
        Media::Pxe => Vec::new(),
    };
    let forward = |name: &str, guest: u16| {
        let host = *ports.get(&format!("{}.{name}", node.name))?;
        let host = SocketAddrV4::new(Ipv4Addr::LOCALHOST, host);
        let guest = SocketAddrV4::new(node.address, guest);
        Some(Forward { name: name.to_owned(), host, guest })
    };
    // A port that nothing opens there would only be taken from the host.
    let by_tls = node.stages.iter().any(|stage| stage.name == ENDPOINTS_TLS);
    let (web, vnc) = if by_tls { (443, 13080) } else { (80, 6080) };
    let dashboard = opens(node, web).then(|| forward("dashboard", web)).flatten();
    let console = opens(node, vnc).then(|| forward("console", vnc)).flatten();
    Machine {
        node: node.name.clone(),
        name: format!("{}-{}", plan.lab, node.name),
        folder: own,
        address: node.address,
        login: node.access.user.clone().filter(|_| node.access.root_login == RootLogin::Locked),
        hardware: node.hardware,
        cards: node.interfaces.iter().filter_map(card).collect(),
        disks,
        cds,
        media,
        firmware,
        serial: node.machine.serial.clone(),
        uuid: node.machine.uuid.map(|uuid| uuid.to_string()),
        nested: node.role == COMPUTE,
        forwards: [forward("ssh", 22), dashboard, console].into_iter().flatten().collect(),
    }
}
