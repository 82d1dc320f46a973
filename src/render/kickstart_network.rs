//! The `network` commands of a kickstart: what the installer of RHEL 7 can do of a node's interfaces.
//!
//! It installs from the medium and needs no network, so what it cannot do is left to the interface files, which are in place
//! before the first boot. It knows bonds and bridges of Ethernet ports only, each by its name, and VLANs on ports or, made by
//! one command with it, on such a bond (`parse-kickstart` and `network.py` of anaconda's rhel7-branch). A second command of
//! one `--device` is a mistake to pykickstart, though a link may carry several VLANs.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::model::Kind;
use crate::plan::{InterfacePlan, NodePlan};

/// The commands of a node, and what they leave out.
#[derive(Debug, Serialize)]
pub(super) struct Commands<'p> {
    /// One for each interface with an address, that with the way out first.
    pub lines: Vec<Line<'p>>,
    /// Whether the first line is that of the interface with the way out, so that it says the host's name too. The installer
    /// brings the device of its first `network` command up before anything else.
    pub first_leads_out: bool,
    /// Interfaces with addresses that the installer cannot make.
    pub left: Vec<&'p str>,
}

/// A `network` command.
#[derive(Debug, Serialize)]
pub(super) struct Line<'p> {
    /// The interface, for its addresses.
    #[serde(flatten)]
    pub interface: &'p InterfacePlan,
    /// What `--device` names: a name or, where that is how it is found, a MAC address. For a VLAN its link.
    pub device: String,
    /// The ports of the bond that is made with it.
    pub bond_slaves: Option<String>,
    /// The options of that bond.
    pub bond_options: Option<String>,
}

pub(super) fn commands(node: &NodePlan) -> Commands<'_> {
    let known: HashMap<&str, &InterfacePlan> =
        node.interfaces.iter().map(|i| (i.name.as_str(), i)).collect();
    let mut commands = Commands { lines: Vec::new(), first_leads_out: false, left: Vec::new() };
    let mut devices = HashSet::new();
    for interface in node.interfaces.iter().filter(|i| i.has_address()) {
        match line(interface, &known).filter(|line| devices.insert(line.device.clone())) {
            Some(line) => commands.lines.push(line),
            None => commands.left.push(&interface.name),
        }
    }
    commands.first_leads_out = commands.lines.first().is_some_and(|l| l.interface.leads_out);
    commands
}

/// The command of an interface, if the installer can make it.
fn line<'p>(
    interface: &'p InterfacePlan,
    known: &HashMap<&str, &'p InterfacePlan>,
) -> Option<Line<'p>> {
    let get = |name: &String| known.get(name.as_str()).copied();
    let is_named_port =
        |name: &String| get(name).is_some_and(|i| i.kind == Kind::Ethernet && !i.found_by_mac);
    let found = |i: &InterfacePlan| match i.mac {
        Some(mac) if i.found_by_mac => mac.to_string(),
        _ => i.name.clone(),
    };
    let on = match &interface.kind {
        Kind::Vlan { link, .. } => get(link)?,
        _ => interface,
    };
    let can = match &on.kind {
        Kind::Ethernet => true,
        Kind::Bond { members, .. } => members.iter().all(is_named_port),
        Kind::Bridge { ports, .. } => on.name == interface.name && ports.iter().all(is_named_port),
        Kind::Vlan { .. } => false,
    };
    let (bond_slaves, bond_options) = bond_of(&on.kind);
    can.then(|| Line { interface, device: found(on), bond_slaves, bond_options })
}

fn bond_of(kind: &Kind) -> (Option<String>, Option<String>) {
    let Kind::Bond { members, mode, options } = kind else { return (None, None) };
    let mut all = vec![format!("mode={mode}")];
    all.extend(options.iter().cloned());
    // `,` ends an option, unless one holds a `,` itself.
    let between = if all.iter().any(|option| option.contains(',')) { ";" } else { "," };
    (Some(members.join(",")), Some(all.join(between)))
}
