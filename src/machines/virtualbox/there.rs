//! What there is, and whose it is. A machine is the lab's when its settings lie below the folder of the lab's machines; a network when
//! there is a note of the lab's identity, made before the network was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};

use super::manage::{Manage, Vm};
use super::networks::own_address;
use super::read::{Interface, Medium, NatNetwork};
use crate::machines::{Machine, MachineError, NODES, Network, Power, Seen, Wanted};

/// The note on a machine that is whole: what it was made as.
pub(super) const WHOLE: &str = "trainyard/whole";
/// The note of a NAT network, with its name: the lab's identity.
pub(super) const NAT: &str = "trainyard/natnetwork/";
/// The note of a host-only interface, with its name: the lab's identity and the network's name, and [`NEW`] until it has its address.
pub(super) const HOST_ONLY: &str = "trainyard/hostonly/";
/// What the note says of an interface that is about to be made. Whoever dies before leaves a note of a name that a person may get next.
pub(super) const NEW: &str = "new";
/// The address that VirtualBox gives its first host-only interface; the next ones have it in the networks that follow
/// (`getDefaultIPv4Address` in `HostNetworkInterfaceImpl.cpp`).
const FIRST: Ipv4Addr = Ipv4Addr::new(192, 168, 56, 1);

/// A host-only interface that a note says is the lab's.
pub(super) struct Noted<'a> {
    pub name: &'a str,
    pub network: &'a str,
    /// Whether it still has to be given its address.
    pub is_new: bool,
    /// Whether it is the lab's, when all is looked at. One that is not there may become it.
    pub is_own: bool,
}

/// All that there is.
pub(super) struct There {
    pub manage: Manage,
    /// The lab's machines, by their nodes; each with whether it is whole. More than one of a node is a person's doing ([`several`]).
    pub own: BTreeMap<String, Vec<(Vm, bool)>>,
    /// The others'.
    pub others: Vec<Vm>,
    /// Disks and DVDs below the lab's folder, by their nodes; what was made from others stands after them.
    pub media: Vec<(String, &'static str, Medium)>,
    /// Nodes that have a folder with something in it.
    pub folders: BTreeSet<String>,
    pub nat_networks: Vec<NatNetwork>,
    pub host_only: Vec<Interface>,
    /// Those of macOS.
    pub host_only_networks: Vec<String>,
    pub notes: BTreeMap<String, String>,
    identity: String,
    /// The host's own address on each host-only network of the lab's.
    given: BTreeMap<String, Ipv4Addr>,
}

impl There {
    pub(super) fn look(wanted: &Wanted) -> Result<Self, MachineError> {
        let manage = Manage::locate()?;
        let roots = roots(&wanted.folder);
        let (mut own, mut others) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for vm in manage.vms()? {
            match node_of(&vm.file, &roots) {
                Some(node) => {
                    let whole = vm.readable && manage.note(&vm.uuid, WHOLE)?.is_some();
                    own.entry(node).or_default().push((vm, whole));
                }
                None => others.push(vm),
            }
        }
        let (disks, dvds) = manage.media()?;
        let with = |kind| move |medium| (kind, medium);
        let media = disks.into_iter().map(with("disk")).chain(dvds.into_iter().map(with("dvd")));
        let media =
            media.filter_map(|(kind, medium)| Some((node_of(&medium.path, &roots)?, kind, medium)));
        let networks_of_mac = is_mac_of_seven(&manage);
        Ok(Self {
            own,
            others,
            media: media.collect(),
            folders: folders(wanted),
            nat_networks: manage.nat_networks()?,
            host_only: if networks_of_mac { Vec::new() } else { manage.host_only()? },
            host_only_networks: if networks_of_mac {
                manage.host_only_networks()?
            } else {
                Vec::new()
            },
            notes: manage.notes()?,
            identity: wanted.identity.clone(),
            given: given(wanted),
            manage,
        })
    }

    /// A host that nobody can ask, and on which there is nothing.
    pub(super) fn nothing(wanted: &Wanted) -> Self {
        Self {
            manage: Manage::elsewhere(),
            own: BTreeMap::new(),
            others: Vec::new(),
            media: Vec::new(),
            folders: BTreeSet::new(),
            nat_networks: Vec::new(),
            host_only: Vec::new(),
            host_only_networks: Vec::new(),
            notes: BTreeMap::new(),
            identity: wanted.identity.clone(),
            given: given(wanted),
        }
    }

    /// What there is, in the words of every provider.
    pub(super) fn seen(&self, wanted: &Wanted) -> Seen {
        let left = self.media.iter().map(|(node, ..)| node).chain(&self.folders);
        let mut machines: BTreeMap<String, Power> =
            left.map(|node| (node.clone(), Power::Partial)).collect();
        machines.extend(self.own.keys().map(|node| (node.clone(), self.power(node))));
        let nat = self.nat_networks.iter().map(|network| &network.name);
        let networks = nat.filter(|name| self.is_own_nat(name)).cloned();
        let networks = networks.chain(self.own_host_only().map(|(_, network)| network.to_owned()));
        Seen { machines, networks: networks.collect(), foreign: self.foreign(wanted) }
    }

    /// How a node's machine is.
    fn power(&self, node: &str) -> Power {
        match self.own.get(node).map(Vec::as_slice) {
            Some([(vm, true)]) => power(&vm.state),
            Some(_) => Power::Partial,
            None => Power::Missing,
        }
    }

    /// Whether host-only interfaces have become networks.
    pub(super) fn is_mac_of_seven(&self) -> bool {
        is_mac_of_seven(&self.manage)
    }

    pub(super) fn is_own_nat(&self, name: &str) -> bool {
        self.notes.get(&format!("{NAT}{name}")).is_some_and(|identity| *identity == self.identity)
    }

    /// The host-only interfaces that are the lab's, there or not: each with its network.
    pub(super) fn own_host_only(&self) -> impl Iterator<Item = (&str, &str)> {
        self.noted_host_only().filter(|it| it.is_own).map(|it| (it.name, it.network))
    }

    /// All that were noted for the lab.
    pub(super) fn noted_host_only(&self) -> impl Iterator<Item = Noted<'_>> {
        self.notes.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(HOST_ONLY)?;
            let network = value.strip_prefix(&self.identity)?.strip_prefix(' ')?;
            let (network, is_new) = match network.split_once(' ') {
                Some((network, NEW)) => (network, true),
                _ => (network, false),
            };
            Some(Noted { name, network, is_new, is_own: !is_new || self.is_as_new(name, network) })
        })
    }

    /// Whether an interface may be the one that was about to be made: as a new one is, or with its address already, and nobody's.
    fn is_as_new(&self, name: &str, network: &str) -> bool {
        let Some(found) = self.host_only.iter().find(|it| it.name == name) else { return true };
        let number = name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>();
        let first = number.ok().and_then(|n| u32::from(FIRST).checked_add(n << 8));
        let given = self.given.get(network).copied();
        let is_as_new = found.address.is_none_or(|address| {
            first == Some(u32::from(address)) || given == Some(address) || address == FIRST
        });
        is_as_new && self.others.iter().all(|vm| vm.card_on("hostonlyadapter", name).is_none())
    }

    fn foreign(&self, wanted: &Wanted) -> Vec<String> {
        let several = |(node, own): (&String, &Vec<(Vm, bool)>)| {
            several(node, &own.iter().map(|(vm, _)| vm).collect::<Vec<_>>())
        };
        let mut foreign: Vec<String> = self.own.iter().filter_map(several).collect();
        for machine in &wanted.machines {
            let same = self.others.iter().filter(|vm| vm.name == machine.name);
            foreign.extend(same.map(|vm| {
                format!(
                    "the machine `{}` ({}) is not the lab's, and node `{}` needs its name: rename it (`VBoxManage modifyvm {} --name NAME`), or give the lab another `name`",
                    vm.name, vm.file.display(), machine.node, vm.uuid
                )
            }));
        }
        for network in super::networks::nat(wanted) {
            let there = self.nat_networks.iter().any(|there| there.name == network.name);
            if there && !self.is_own_nat(&network.name) {
                foreign.push(format!(
                    "the NAT network `{}` is not the lab's, and network `{}` needs its name: rename or remove it in VirtualBox's network manager, or give the lab another `name`",
                    network.name, network.network
                ));
            }
        }
        for network in super::networks::host_only(wanted) {
            let of_lab = self.own_host_only().any(|(name, _)| *name == network.name);
            if self.host_only_networks.contains(&network.name) && !of_lab {
                foreign.push(format!(
                    "the host-only network `{}` is not the lab's, and network `{}` needs its name: rename or remove it in VirtualBox's network manager, or give the lab another `name`",
                    network.name, network.network
                ));
            }
        }
        foreign
    }
}

/// What there is to say where more than one machine lies in a node's folder: all but one are a person's, as clones are, and nobody can tell
/// which.
pub(super) fn several(node: &str, own: &[&Vm]) -> Option<String> {
    if own.len() < 2 {
        return None;
    }
    let all: Vec<String> =
        own.iter().map(|vm| format!("`{}` ({})", vm.name, vm.file.display())).collect();
    Some(format!(
        "machines in the folder of node `{node}`, of which one alone can be the lab's: {}; move the others elsewhere (`VBoxManage movevm NAME --folder FOLDER`)",
        all.join(", ")
    ))
}

fn given(wanted: &Wanted) -> BTreeMap<String, Ipv4Addr> {
    let of = |network: &Network| Some((network.name.clone(), own_address(network)?.0));
    wanted.networks.iter().filter_map(of).collect()
}

fn is_mac_of_seven(manage: &Manage) -> bool {
    cfg!(target_os = "macos") && manage.version >= [7, 0, 0] && !manage.is_elsewhere()
}

/// How a machine is in VirtualBox's words (`machineStateToName` in `VBoxManageInfo.cpp`).
pub(super) fn power(state: &str) -> Power {
    match state {
        "saved" | "aborted-saved" => Power::Saved,
        "saving" | "paused" | "gurumeditation" => Power::Paused,
        _ if runs(state) => Power::Running,
        _ => Power::Off,
    }
}

/// Whether a program runs it.
pub(super) fn runs(state: &str) -> bool {
    let states = [
        "running",
        "paused",
        "gurumeditation",
        "starting",
        "restoring",
        "livesnapshotting",
        "onlinesnapshotting",
        "deletingsnapshotlive",
        "deletingsnapshotlivepaused",
        "teleporting",
        "teleportingpausedvm",
        "teleportingin",
    ];
    states.contains(&state)
}

/// The lab's folder, as it is called and as it really is.
pub(super) fn roots(folder: &Path) -> Vec<PathBuf> {
    let real = fs::canonicalize(folder).ok();
    let mut roots = vec![folder.to_owned()];
    roots.extend(real.filter(|real| real != folder));
    roots
}

/// The node whose folder a file is in.
pub(super) fn node_of(file: &Path, roots: &[PathBuf]) -> Option<String> {
    let inside = roots.iter().find_map(|root| file.strip_prefix(root.join(NODES)).ok())?;
    let mut parts = inside.components();
    let Some(Component::Normal(node)) = parts.next() else { return None };
    let plain = parts.clone().all(|part| matches!(part, Component::Normal(_)));
    (plain && parts.next().is_some()).then(|| node.to_string_lossy().into_owned())
}

/// The lab's nodes that have a folder with something in it. One of another name may be anybody's.
fn folders(wanted: &Wanted) -> BTreeSet<String> {
    let is_filled = |machine: &&Machine| {
        fs::read_dir(&machine.folder).is_ok_and(|mut inside| inside.next().is_some())
    };
    wanted.machines.iter().filter(is_filled).map(|machine| machine.node.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_nodes_only_inside_its_folder() {
        let roots = [PathBuf::from("/lab")];
        let of = |file: &str| node_of(Path::new(file), &roots);
        assert_eq!(of("/lab/nodes/compute/system.vdi").as_deref(), Some("compute"));
        assert_eq!(of("/lab/nodes/compute/a/b.vbox").as_deref(), Some("compute"));
        for other in [
            "/lab/nodes/compute",
            "/lab/nodes",
            "/lab/x.vdi",
            "/labor/nodes/a/b",
            "/lab/nodes/a/../../../b",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn every_state_is_one_of_the_labs() {
        for (state, is) in [
            ("poweroff", Power::Off),
            ("aborted", Power::Off),
            ("stopping", Power::Off),
            ("running", Power::Running),
            ("starting", Power::Running),
            ("saved", Power::Saved),
            ("aborted-saved", Power::Saved),
            ("paused", Power::Paused),
            ("gurumeditation", Power::Paused),
        ] {
            assert_eq!(power(state), is, "{state}");
        }
    }
}
