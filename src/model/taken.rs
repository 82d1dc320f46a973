//! What one machine of a lab has and no other can: addresses, MAC addresses, the machine itself.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use crate::report::{Rule, Sources, Span};
use crate::spec::{InterfaceSpec, LabSpec, NodeSpec, Spanned};

use super::others::{self, Others};
use super::settle::Resolver;
use super::{Interface, Ipv6, MANAGEMENT, Mac, Machine, Network, Settings, Uuid};

/// Who has something, and where the lab says so; nowhere where it is built in or comes from a pool.
#[derive(Clone)]
struct Owner {
    name: String,
    at: Option<Span>,
}

/// Who has what.
pub(super) struct Taken<'o> {
    others: &'o Others,
    addresses: HashMap<IpAddr, Owner>,
    macs: HashMap<Mac, Owner>,
    uuids: HashMap<Uuid, Owner>,
    serials: HashMap<String, (Owner, Option<Uuid>)>,
    /// What several nodes have from one place, which is told once.
    told: HashSet<(Rule, Span)>,
}

impl<'o> Taken<'o> {
    pub fn new(spec: &LabSpec, networks: &[Network], others: &'o Others) -> Self {
        let mut addresses = HashMap::new();
        let written = || spec.lab.networks.iter().flat_map(|n| &n.value.0);
        for network in networks {
            let spec = written().find(|w| w.name.value == network.name).map(|w| &w.value);
            let gateway = spec.and_then(|s| s.gateway.as_ref());
            let of_ipv6 = spec.and_then(|s| s.ipv6.as_ref()?.value.gateway.as_ref());
            let both = [
                (network.gateway.map(IpAddr::V4), gateway),
                (network.ipv6.gateway.map(IpAddr::V6), of_ipv6),
            ];
            for (address, written) in both {
                let name = format!("the gateway of `{}`", network.name);
                let owner = Owner { name, at: written.and_then(place) };
                addresses.extend(address.map(|address| (address, owner)));
            }
        }
        let (macs, uuids, serials) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { others, addresses, macs, uuids, serials, told: HashSet::new() }
    }

    /// Tells addresses, MACs and machines that another node, or a gateway, has already.
    pub fn tell(
        &mut self,
        spec: &NodeSpec,
        interfaces: Option<&[Interface]>,
        settings: Option<&Settings>,
        r: &mut Resolver,
    ) {
        let name = &spec.name;
        for interface in interfaces.unwrap_or_default() {
            let written = written(spec, &interface.name);
            let at_node = spec
                .fields
                .address
                .as_ref()
                .filter(|_| interface.network.as_deref() == Some(MANAGEMENT));
            let ipv4 = at_node.or(written.and_then(|w| w.address.as_ref()));
            let ipv6 = match interface.ipv6 {
                Ipv6::Static { address, .. } => Some(IpAddr::V6(address)),
                _ => None,
            };
            let both = [
                (interface.address.map(IpAddr::V4), ipv4),
                (ipv6, written.and_then(|w| w.ipv6.as_ref())),
            ];
            for (address, at) in both {
                let Some(address) = address else { continue };
                if let Some(other) = take(&mut self.addresses, address, name, at) {
                    let message = format!("`{}`: {address} is taken by {}", name.value, other.name);
                    self.one(Rule::AddressTaken, at.unwrap_or(name), message, &other, r);
                } else {
                    others::tell(self.others, address, spec, at, r);
                }
            }
            let at = written.and_then(|w| w.mac.as_ref());
            if let Some(mac) = interface.mac
                && let Some(other) = take(&mut self.macs, mac, name, at)
                && other.name != shown(name)
            {
                let message = format!("`{}`: {mac} is taken by {}", name.value, other.name);
                self.one(Rule::MacTaken, at.unwrap_or(name), message, &other, r);
            }
        }
        if let Some(settings) = settings {
            self.tell_machine(spec, &settings.machine, r);
        }
    }

    /// Tells machines that are two nodes.
    fn tell_machine(&mut self, spec: &NodeSpec, machine: &Machine, r: &mut Resolver) {
        let name = &spec.name;
        let written = spec.settings.machine.as_ref().map(|m| &m.value);
        let at = written.and_then(|w| w.uuid.as_ref());
        if let Some(uuid) = machine.uuid
            && let Some(other) = take(&mut self.uuids, uuid, name, at)
        {
            let message =
                format!("`{}`: the machine with the UUID {uuid} is {}", name.value, other.name);
            self.one(Rule::UuidTaken, at.unwrap_or(name), message, &other, r);
        }
        let at = written.and_then(|w| w.serial.as_ref());
        let Some(serial) = &machine.serial else { return };
        let own = Owner { name: shown(name), at: at.and_then(place) };
        let other = self.serials.insert(serial.clone(), (own, machine.uuid));
        // Machines of one enclosure may share a serial number; then their UUIDs tell them apart.
        if let Some((other, uuid)) = other
            && (uuid.is_none() || machine.uuid.is_none())
        {
            let message = format!(
                "`{}`: the machine with the serial number `{serial}` is {}",
                name.value, other.name
            );
            self.one(Rule::SerialTaken, at.unwrap_or(name), message, &other, r);
        }
    }

    /// Tells it; what more than two nodes have from one place, once.
    fn one(
        &mut self,
        rule: Rule,
        at: &Spanned<String>,
        message: String,
        other: &Owner,
        r: &mut Resolver,
    ) {
        let help = match other.at {
            None => "give each machine its own".to_owned(),
            Some(first) if first == at.span => {
                if !self.told.insert((rule, first)) {
                    return;
                }
                match own_range(at).filter(|_| rule == Rule::AddressTaken) {
                    Some(range) => format!(
                        "all nodes of the range have it from here: `{range}` gives each its own"
                    ),
                    None => "both have it from here: give each machine its own".to_owned(),
                }
            }
            Some(first) => {
                format!(
                    "the first is {}; give each machine its own",
                    r.sources.seen_from(at.span, first)
                )
            }
        };
        r.tell(rule, at, message, help);
    }
}

/// What the lab says of a node's interface.
fn written<'s>(spec: &'s NodeSpec, name: &str) -> Option<&'s InterfaceSpec> {
    let mut interfaces = spec.settings.interfaces.iter().flat_map(|i| &i.value.0);
    interfaces.find(|i| i.name.value == name).map(|i| &i.value)
}

fn place(written: &Spanned<String>) -> Option<Span> {
    Some(written.span).filter(|span| span.file != Sources::BUILT_IN)
}

fn shown(name: &Spanned<String>) -> String {
    format!("`{}`", name.value)
}

/// Gives something to a node, and tells who had it.
fn take<T: Eq + Hash>(
    taken: &mut HashMap<T, Owner>,
    what: T,
    name: &Spanned<String>,
    at: Option<&Spanned<String>>,
) -> Option<Owner> {
    taken.insert(what, Owner { name: shown(name), at: at.and_then(place) })
}

/// What stands at a range of nodes in the place of an address that all of them would have.
fn own_range(at: &Spanned<String>) -> Option<String> {
    let (first, last) = range_of(&at.path)?;
    let (net, host) = at.value.rsplit_once('.')?;
    let host: usize = host.parse().ok()?;
    let end = host + last.checked_sub(first)?;
    (end <= 254).then(|| format!("{net}.[{host}-{end}]"))
}

/// The numbers of the range of nodes that a path begins with.
fn range_of(path: &str) -> Option<(usize, usize)> {
    let (name, rest) = path.strip_prefix("nodes.")?.split_once('[')?;
    let (first, last) = rest.split_once(']')?.0.split_once('-')?;
    if name.contains('.') { None } else { Some((first.parse().ok()?, last.parse().ok()?)) }
}
