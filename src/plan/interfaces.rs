//! A node's interfaces with their networks' values.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::model::{Interface, Ipv6, Kind, Lab, MANAGEMENT, Mac, Node, Route};

/// One of a node's interfaces with its network's values.
#[derive(Clone, Debug, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "each answers a question of a template's")]
pub struct InterfacePlan {
    /// Its name in Linux.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// The network it attaches to; nothing where it only carries others.
    pub network: Option<String>,
    /// Its hardware address, if it is a port.
    pub mac: Option<Mac>,
    /// Whether it is found by that address, whatever its name was.
    pub found_by_mac: bool,
    /// Its IPv4 address; with DHCP, the one that the server must give, where the lab knows it.
    pub address: Option<Ipv4Addr>,
    /// Its prefix length.
    pub prefix: Option<u8>,
    /// The same as a mask.
    pub netmask: Option<Ipv4Addr>,
    /// Whether a DHCP server gives its IPv4 address.
    pub dhcp: bool,
    /// Whether the way out, and the name servers, are on its network.
    pub leads_out: bool,
    /// The way out, on the one network that has it.
    pub gateway: Option<Ipv4Addr>,
    /// Its IPv6.
    pub ipv6: Ipv6,
    /// The way out in IPv6, where the lab names it.
    pub ipv6_gateway: Option<Ipv6Addr>,
    /// Name servers. With DHCP, none are those that the server names.
    pub dns: Vec<IpAddr>,
    /// Search domains.
    pub search: Vec<String>,
    /// The largest packet in bytes, where it is not the usual 1500.
    pub mtu: Option<u16>,
    /// Routes beside the default one.
    pub routes: Vec<Route>,
    /// The bond that it is a member of.
    pub bond: Option<String>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// Whether NetworkManager has it, rather than `network.service`.
    pub managed: bool,
}

impl InterfacePlan {
    /// Whether it has an address of any kind.
    #[must_use]
    pub fn has_address(&self) -> bool {
        self.address.is_some() || self.dhcp || self.ipv6 != Ipv6::None
    }
}

/// Only management leads out and names servers: two default routes would compete.
pub(super) fn of(node: &Node, lab: &Lab) -> Vec<InterfacePlan> {
    let kinds: HashMap<&str, &Kind> =
        node.interfaces.iter().map(|i| (i.name.as_str(), &i.kind)).collect();
    let plan = |interface: &Interface| {
        let network = interface.network.as_ref().and_then(|name| lab.network(name));
        let subnet = network.and_then(|n| n.subnet).filter(|_| interface.address.is_some());
        let leads_out = network.is_some_and(|n| n.name == MANAGEMENT);
        let out = network.filter(|_| leads_out);
        let names = &node.settings.names;
        let dns = names.dns.as_ref().or(out.map(|n| &n.dns)).filter(|_| leads_out);
        let search = names.search.as_ref().or(out.map(|n| &n.search)).filter(|_| leads_out);
        let master = interface.master.as_ref();
        let is_bond = |m: &&String| matches!(kinds.get(m.as_str()), Some(Kind::Bond { .. }));
        InterfacePlan {
            name: interface.name.clone(),
            kind: interface.kind.clone(),
            network: interface.network.clone(),
            mac: interface.mac,
            found_by_mac: interface.found_by_mac,
            address: interface.address,
            prefix: subnet.map(|s| s.prefix_len()),
            netmask: subnet.map(|s| s.netmask()),
            dhcp: interface.dhcp,
            leads_out,
            gateway: out.and_then(|n| n.gateway).filter(|_| !interface.dhcp),
            ipv6: interface.ipv6,
            ipv6_gateway: out
                .and_then(|n| n.ipv6.gateway)
                .filter(|_| matches!(interface.ipv6, Ipv6::Static { .. })),
            dns: dns.cloned().unwrap_or_default(),
            search: search.cloned().unwrap_or_default(),
            mtu: interface.mtu,
            routes: interface.routes.clone(),
            bond: master.filter(is_bond).cloned(),
            bridge: master.filter(|m| !is_bond(m)).cloned(),
            managed: interface.managed,
        }
    };
    node.interfaces.iter().map(plan).collect()
}

/// The interfaces, each after what it is made of; otherwise in their order.
#[must_use]
pub fn parts_first(interfaces: &[InterfacePlan]) -> Vec<&InterfacePlan> {
    let kinds: HashMap<&str, &Kind> =
        interfaces.iter().map(|i| (i.name.as_str(), &i.kind)).collect();
    let mut ordered: Vec<_> = interfaces.iter().collect();
    ordered.sort_by_cached_key(|i| height(&i.name, &kinds));
    ordered
}

/// How many layers there are below an interface. None is made of itself.
fn height(name: &str, kinds: &HashMap<&str, &Kind>) -> usize {
    let parts = kinds.get(name).map_or(&[][..], |kind| kind.parts());
    parts.iter().map(|part| height(part, kinds) + 1).max().unwrap_or(0)
}
