//! The interfaces of a machine.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde::Serialize;

use crate::report::{Rule, did_you_mean};
use crate::spec::{Entries, FoundBy, InterfaceSpec, SettingsSpec, Spanned};

use super::allot::Allot;
use super::ipv6::{self, Ipv6};
use super::links::{self, Link};
use super::net::HostName;
use super::routes::{self, Route};
use super::settle::{Resolver, Wrong};
use super::{Kind, MANAGEMENT, Mac, Network, Origin, PROVIDER, ipv4, layers, networks};

/// A machine's interface.
#[derive(Clone, Debug, Serialize)]
pub struct Interface {
    /// Its name in Linux.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// The network it attaches to; nothing where it only carries others.
    pub network: Option<String>,
    /// Its IPv4 address there; with DHCP, the one that the server must give, where the lab knows it.
    pub address: Option<Ipv4Addr>,
    /// Whether it has its IPv4 address from a DHCP server.
    pub dhcp: bool,
    /// Its IPv6.
    pub ipv6: Ipv6,
    /// Its hardware address; only ports have one of their own.
    pub mac: Option<Mac>,
    /// Whether it is found by that address, whatever its name was.
    pub found_by_mac: bool,
    /// The largest packet in bytes, where it is not the usual 1500.
    pub mtu: Option<u16>,
    /// Routes beside the default one.
    pub routes: Vec<Route>,
    /// The bond or bridge that it is a part of.
    pub master: Option<String>,
    /// Whether NetworkManager has it. It must not have what only instances use: a bridge of theirs takes that over, and
    /// NetworkManager would take it back.
    pub managed: bool,
}

/// What a machine's interfaces depend on.
pub(super) struct Attached<'a> {
    pub node: &'a HostName,
    /// The node's name, where it stands.
    pub key: &'a Spanned<String>,
    /// The node's address on the management network, as far as it is known.
    pub address: Option<Ipv4Addr>,
    /// The lab's name.
    pub lab: &'a str,
    /// Whether instances reach the outside by this node.
    pub needs_provider: bool,
    pub networks: &'a [Network],
}

pub(super) fn resolve(
    attached: &Attached,
    written: Option<&Spanned<Entries<InterfaceSpec>>>,
    allot: &mut Allot,
    r: &mut Resolver,
) -> Option<Vec<Interface>> {
    let errors = r.findings.times();
    let mut interfaces = match written {
        Some(written) => self::written(attached, written, allot, r),
        None => default_interfaces(attached, allot, r),
    };
    // The installer brings the first one up to install by, and that is the one with the way out.
    interfaces.sort_by_key(|i| i.network.as_deref() != Some(MANAGEMENT));
    (r.findings.times() == errors).then_some(interfaces)
}

/// The address of the interface on the management network, where it stands there.
pub(super) fn management_address(settings: &SettingsSpec) -> Option<&Spanned<String>> {
    let mut interfaces = settings.interfaces.iter().flat_map(|i| &i.value.0);
    let is_management =
        |i: &InterfaceSpec| i.network.as_ref().is_some_and(|n| n.value == MANAGEMENT);
    interfaces.find(|e| is_management(&e.value)).and_then(|e| e.value.address.as_ref())
}

/// One interface for each network, named after its VirtualBox adapter.
fn default_interfaces(attached: &Attached, allot: &mut Allot, r: &mut Resolver) -> Vec<Interface> {
    let mut interfaces = Vec::new();
    for network in attached.networks {
        let name = virtualbox_name(network.virtualbox.adapter);
        let link = Link {
            name,
            kind: Kind::Ethernet,
            spec: None,
            key: attached.key,
            master: None,
            carries: false,
        };
        let interface = interface(attached, &link, Some(network), allot, r);
        r.note(&format!("interfaces.{}", interface.name), &described(&interface), Origin::BuiltIn);
        interfaces.push(interface);
    }
    layers::settle(&mut interfaces, attached.networks);
    interfaces
}

/// What CentOS 7 calls a VirtualBox adapter: the PIIX3 and ICH9 chipsets put adapter 1 on PCI slot 3,
/// 2 to 4 on 8 to 10, and 5 to 8 on 16 to 19, whichever of them are enabled.
fn virtualbox_name(adapter: u8) -> String {
    let slot = match adapter {
        1 => 3,
        2..=4 => adapter + 6,
        _ => adapter + 11,
    };
    format!("enp0s{slot}")
}

fn written(
    attached: &Attached,
    written: &Spanned<Entries<InterfaceSpec>>,
    allot: &mut Allot,
    r: &mut Resolver,
) -> Vec<Interface> {
    let errors = r.findings.times();
    let links = links::resolve(&written.value.0, r);
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut first_on: HashMap<&str, &str> = HashMap::new();
    let mut macs: HashMap<Mac, &str> = HashMap::new();
    for link in &links {
        if r.findings.is_full() {
            return interfaces;
        }
        let network = if let Some(wanted) = link.spec.and_then(|s| s.network.as_ref()) {
            let Some(network) = find(wanted, attached.networks, r) else { continue };
            if let Some(other) = first_on.insert(&network.name, &link.name) {
                let message =
                    format!("`{other}` and `{}` both attach to `{}`", link.name, network.name);
                r.tell(
                    Rule::NetworkTwice,
                    wanted,
                    message,
                    "a node has one interface on a network",
                );
            }
            Some(network)
        } else {
            // Where a part is wrong, it is not known who is a part of what.
            let is_known = r.findings.times() == errors || link.kind == Kind::Ethernet;
            let is_part = link.spec.is_none() || link.master.is_some() || link.carries;
            if is_known && !is_part {
                let message = format!("interface `{}` names no network", link.name);
                r.tell(Rule::NoNetwork, link.key, message, "for example `{network: provider}`");
                continue;
            }
            None
        };
        let interface = interface(attached, link, network, allot, r);
        if let Some(mac) = interface.mac
            && let Some(other) = macs.insert(mac, &link.name)
        {
            let message = format!("`{other}` and `{}` both have the address {mac}", link.name);
            let at = link.spec.and_then(|s| s.mac.as_ref()).unwrap_or(link.key);
            r.tell(Rule::MacTaken, at, message, "give each interface its own `mac`");
        }
        interfaces.push(interface);
    }
    if r.findings.times() > errors {
        return interfaces;
    }
    if interfaces.iter().all(|i| i.network.as_deref() != Some(MANAGEMENT)) {
        let help = format!("add one: `enp0s3: {{network: {MANAGEMENT}}}`");
        let message = format!("`{}` has no interface on the network `{MANAGEMENT}`", attached.node);
        r.tell(Rule::NoManagement, written, message, help);
    }
    if attached.needs_provider && interfaces.iter().all(|i| i.network.as_deref() != Some(PROVIDER))
    {
        let message = format!("`{}` has no interface on the network `{PROVIDER}`", attached.node);
        let help = format!(
            "instances reach the outside by it: add one, such as `enp0s9: {{network: {PROVIDER}}}`"
        );
        r.tell(Rule::NoProvider, written, message, help);
    }
    tell_routes(&interfaces, &links, r);
    layers::settle_mtu(&mut interfaces, &links, r);
    layers::settle(&mut interfaces, attached.networks);
    layers::tell_names(&interfaces, &links, r);
    for (interface, link) in interfaces.iter().zip(&links) {
        let origin = r.origin(link.key.span);
        r.note(&format!("interfaces.{}", interface.name), &described(interface), origin);
    }
    interfaces
}

fn find<'n>(
    wanted: &Spanned<String>,
    networks: &'n [Network],
    r: &mut Resolver,
) -> Option<&'n Network> {
    let found = networks.iter().find(|n| n.name == wanted.value);
    if found.is_none() {
        let help = did_you_mean(&wanted.value, networks.iter().map(|n| n.name.as_str()));
        let message = format!("unknown network `{}`", wanted.value);
        r.tell(Rule::UnknownNetwork, wanted, message, help);
    }
    found
}

/// One interface.
fn interface(
    attached: &Attached,
    link: &Link,
    network: Option<&Network>,
    allot: &mut Allot,
    r: &mut Resolver,
) -> Interface {
    let nothing = InterfaceSpec::default();
    let spec = link.spec.unwrap_or(&nothing);
    let name = link.name.clone();
    let mac = mac(attached, link, spec, allot, r);
    let found_by_mac = spec.found_by.as_ref().is_some_and(|f| f.value == FoundBy::Mac);
    let mtu = r.settle_number(&format!("interfaces.{name}.mtu"), spec.mtu.as_ref(), networks::MTU);
    let mut interface = Interface {
        name,
        kind: link.kind.clone(),
        network: network.map(|n| n.name.clone()),
        address: None,
        dhcp: false,
        ipv6: Ipv6::None,
        mac,
        found_by_mac,
        mtu,
        routes: Vec::new(),
        master: link.master.clone(),
        managed: true,
    };
    let Some(network) = network else {
        if let Some(written) = [&spec.address, &spec.ipv6].into_iter().flatten().next() {
            r.reject(
                written,
                Wrong::of(Rule::NoNetwork, "is an address without a network", "add `network:`"),
            );
        }
        return interface;
    };
    if network.name == PROVIDER && matches!(link.kind, Kind::Bridge { .. }) {
        let message = format!("`{}` is a bridge on the network `{PROVIDER}`", link.name);
        let help = "instances have a bridge of their own there, and no bridge can be a port of another: attach the port";
        r.tell(Rule::ProviderBridge, link.key, message, help);
    }
    interface.address = ipv4::interface(attached, network, link, allot, r);
    interface.dhcp = network.is_dhcp();
    interface.ipv6 = ipv6::interface(network, spec, link.key, r);
    interface.mtu = mtu.or(network.mtu);
    networks::tell_small(spec.mtu.as_ref(), mtu, network, r);
    let path = format!("interfaces.{}.routes", link.name);
    interface.routes = routes::resolve(&path, spec.routes.as_ref(), network, r);
    interface.routes.splice(0..0, network.routes.iter().copied());
    routes::leave_own(&mut interface, spec.routes.as_ref(), r);
    interface
}

/// The MAC address of a port.
fn mac(
    attached: &Attached,
    link: &Link,
    spec: &InterfaceSpec,
    allot: &mut Allot,
    r: &mut Resolver,
) -> Option<Mac> {
    if link.kind != Kind::Ethernet {
        let help = "only Ethernet ports have their own: name it at the ports";
        for (key, at) in [
            ("mac", spec.mac.as_ref().map(|m| (m.span, &m.path))),
            ("match", spec.found_by.as_ref().map(|f| (f.span, &f.path))),
        ] {
            if let Some((span, path)) = at {
                let message = format!("`{}` is no Ethernet port, and has `{key}`", link.name);
                r.findings.tell(Rule::InterfaceMac, path, span, message, help);
            }
        }
        return None;
    }
    if let Some(by) =
        spec.found_by.as_ref().filter(|f| f.value == FoundBy::Mac && spec.mac.is_none())
    {
        let message = format!("`{}` is to be found by a MAC address, and has none", link.name);
        r.tell(Rule::InterfaceMac, by, message, "add `mac:` beside `match: mac`");
    }
    let parsed = spec.mac.as_ref().and_then(|mac| match mac.value.parse::<Mac>() {
        Ok(parsed) => Some(parsed),
        Err(allowed) => {
            r.reject(mac, allowed);
            None
        }
    });
    Some(parsed.unwrap_or_else(|| allot.mac(attached.lab, attached.node.as_str(), &link.name)))
}

pub(super) fn described(interface: &Interface) -> String {
    let mut parts = Vec::new();
    if interface.kind != Kind::Ethernet {
        parts.push(interface.kind.to_string());
    }
    match (&interface.network, &interface.master) {
        (Some(network), _) => parts.push(network.clone()),
        (None, Some(master)) => parts.push(format!("part of {master}")),
        (None, None) => parts.push("carries others".into()),
    }
    if interface.network.is_some() {
        let address = interface.address.map(|a| a.to_string());
        parts.push(match (interface.dhcp, address) {
            (true, Some(address)) => format!("{address} by DHCP"),
            (true, None) => "DHCP".into(),
            (false, address) => address.unwrap_or("no address".into()),
        });
    }
    if let Ipv6::Static { address, .. } = interface.ipv6 {
        parts.push(address.to_string());
    }
    parts.extend(interface.mtu.map(|mtu| format!("mtu {mtu}")));
    parts.extend(interface.mac.map(|mac| mac.to_string()));
    parts.join(", ")
}

fn tell_routes(interfaces: &[Interface], links: &[Link], r: &mut Resolver) {
    let mut first: HashMap<IpNet, &str> = HashMap::new();
    for (interface, link) in interfaces.iter().zip(links) {
        for route in &interface.routes {
            if let Some(other) = first.insert(route.to, &interface.name) {
                let message =
                    format!("`{other}` and `{}` both have a route to {}", interface.name, route.to);
                let message = if other == interface.name {
                    format!("`{other}` has two routes to {}", route.to)
                } else {
                    message
                };
                r.tell(Rule::RouteTwice, link.key, message, "keep one of the two");
            }
        }
    }
}
