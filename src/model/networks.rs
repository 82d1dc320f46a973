//! The networks of a lab.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::report::{Rule, Sources, Span};
use crate::spec::{
    Addressing, Attach, Entries, Entry, Ipv6Addressing, NetworkSpec, OneOrMany, Spanned,
};

use super::ipv4::{self, Pool, host_in, overlap4};
use super::ipv6::{self, Ipv6Network, overlap6};
use super::routes::{self, Route};
use super::settle::{Resolver, word};
use super::{MANAGEMENT, Origin, PROVIDER, names};

/// A network.
#[derive(Clone, Debug, Serialize)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its IPv4 subnet.
    pub subnet: Option<Ipv4Net>,
    /// The way out.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, those of IPv4 first.
    pub dns: Vec<IpAddr>,
    /// Search domains.
    pub search: Vec<String>,
    /// The largest packet in bytes, where the lab names it.
    pub mtu: Option<u16>,
    /// Routes beside the default one.
    pub routes: Vec<Route>,
    /// How nodes get their IPv4 addresses.
    pub addresses: Addressing,
    /// Addresses for nodes that name none.
    pub pool: Option<Pool>,
    /// Its IPv6.
    pub ipv6: Ipv6Network,
    /// How VirtualBox attaches it.
    pub virtualbox: VirtualBox,
}

impl Network {
    /// The subnet in which nodes have addresses. The provider network is the instances': nodes have none
    /// there, though the lab may say what its subnet is.
    #[must_use]
    pub fn node_subnet(&self) -> Option<Ipv4Net> {
        self.subnet.filter(|_| self.name != PROVIDER)
    }

    /// Whether nodes have their IPv4 addresses there from a DHCP server.
    #[must_use]
    pub fn is_dhcp(&self) -> bool {
        self.addresses == Addressing::Dhcp && self.name != PROVIDER
    }

    /// Whether nodes have addresses of any kind there. Otherwise it is the instances'.
    #[must_use]
    pub fn holds_nodes(&self) -> bool {
        let has_ipv6 = !matches!(self.ipv6.addresses, None | Some(Ipv6Addressing::None));
        self.name != PROVIDER && (self.subnet.is_some() || self.is_dhcp() || has_ipv6)
    }
}

/// A VirtualBox adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualBox {
    /// Its number, 1 to 8.
    pub adapter: u8,
    /// What it is attached to.
    pub attach: Attach,
    /// The host's interface to bridge to, or `auto`.
    pub host_interface: String,
}

/// The bounds of an MTU: what IPv4 needs (RFC 791), and the usual jumbo frame.
pub(super) const MTU: std::ops::RangeInclusive<u16> = 68..=9000;
/// What IPv6 needs (RFC 8200).
const IPV6_MTU: u16 = 1280;

/// Each has an adapter of its own, of which there are 8; that more clash is told for so many.
const MOST: usize = 64;

/// The lab's networks, by adapter.
pub(super) fn resolve(
    spec: Option<&Spanned<Entries<NetworkSpec>>>,
    r: &mut Resolver,
) -> Vec<Network> {
    let written = spec.map_or(&[][..], |s| &s.value.0);
    let mut networks: Vec<Network> = Vec::new();
    if let Some(entry) = written.get(MOST) {
        let message = format!("there are {} networks", written.len());
        let help = "an adapter attaches one network, and a machine has 8";
        r.tell(Rule::AdapterTaken, &entry.name, message, help);
    }
    for entry in written.iter().take(MOST) {
        if let Err(allowed) = word(&entry.name.value, 32, "_-") {
            r.reject(&entry.name, format!("a network's name is {allowed}"));
        }
        let taken = |n: u16| {
            networks.iter().any(|other| u16::from(other.virtualbox.adapter) == n)
                || written.iter().any(|e| adapter_of(&e.value) == Some(u64::from(n)))
        };
        let free = (1..=8).find(|n| !taken(*n)).unwrap_or(8);
        networks.push(network(&entry.name.value, &entry.value, free, r));
    }
    tell_clashes(&networks, written, r);
    networks.sort_by_key(|n| n.virtualbox.adapter);
    networks
}

/// The adapter that a network names itself.
fn adapter_of(spec: &NetworkSpec) -> Option<u64> {
    Some(spec.virtualbox.as_ref()?.value.adapter.as_ref()?.value)
}

fn network(name: &str, spec: &NetworkSpec, free_adapter: u16, r: &mut Resolver) -> Network {
    let at = |key: &str| format!("networks.{name}.{key}");
    let subnet = r.settle(&at("cidr"), spec.cidr.as_ref(), ipv4::subnet);
    let gateway = gateway(name, subnet, spec, r);
    let addresses = spec.addresses.as_ref().and_then(|w| r.take(&at("addresses"), Some(w)));
    let addresses = addresses.unwrap_or(Addressing::Static);
    // The DHCP server knows better than what is built in.
    let is_better = |w: &Spanned<OneOrMany<String>>| {
        addresses == Addressing::Dhcp && w.span.file == Sources::BUILT_IN
    };
    let mut dns = match &spec.dns {
        Some(written) if !is_better(written) => {
            names::servers(&at("dns"), Some(written), r).unwrap_or_default()
        }
        written => {
            let shown = if written.is_some() { "the DHCP server's" } else { "none" };
            r.note(&at("dns"), &shown, Origin::BuiltIn);
            Vec::new()
        }
    };
    let search = names::domains(&at("search"), spec.search.as_ref(), r).unwrap_or_default();
    let mtu = r.settle_number(&at("mtu"), spec.mtu.as_ref(), MTU);
    let of_ipv6 = spec.ipv6.as_ref().and_then(|w| w.value.dns.as_ref());
    if let Some(more) = names::servers(&at("ipv6.dns"), of_ipv6, r) {
        dns.extend(&more);
        if let Some(written) = of_ipv6.filter(|_| more.len() < dns.len()) {
            names::tell_many(dns.len(), written, r);
        }
    }
    let ipv6 = ipv6::network(name, spec.ipv6.as_ref(), r);
    let virtualbox = virtualbox(name, spec, free_adapter, r);
    let (name, pool, routes) = (name.to_owned(), None, Vec::new());
    let mut network = Network {
        name,
        subnet,
        gateway,
        dns,
        search,
        mtu,
        routes,
        addresses,
        pool,
        ipv6,
        virtualbox,
    };
    network.pool = self::pool(&network, spec, r);
    network.routes = routes::resolve(&at("routes"), spec.routes.as_ref(), &network, r);
    tell_small(spec.mtu.as_ref(), mtu, &network, r);
    network
}

fn gateway(
    name: &str,
    subnet: Option<Ipv4Net>,
    spec: &NetworkSpec,
    r: &mut Resolver,
) -> Option<Ipv4Addr> {
    let at = format!("networks.{name}.gateway");
    match (subnet, &spec.gateway) {
        // VirtualBox's NAT network answers at its first address; so do most home routers.
        (Some(subnet), None) if name == MANAGEMENT => {
            let first = subnet.hosts().next().unwrap_or(subnet.addr());
            r.note(&at, &first, Origin::BuiltIn);
            Some(first)
        }
        (Some(subnet), written) => {
            r.settle(&at, written.as_ref(), |text| host_in(name, subnet, text))
        }
        // A subnet that cannot be used was told already.
        (None, Some(written)) if spec.cidr.is_none() => {
            r.reject(written, "a gateway needs the network's `cidr` beside it");
            None
        }
        (None, _) => None,
    }
}

fn pool(network: &Network, spec: &NetworkSpec, r: &mut Resolver) -> Option<Pool> {
    let written = spec.pool.as_ref()?;
    let name = &network.name;
    let Some(subnet) = network.subnet else {
        if spec.cidr.is_none() {
            r.reject(written, "a pool needs the network's `cidr` beside it");
        }
        return None;
    };
    let pool = r.settle(&format!("networks.{name}.pool"), Some(written), |text| {
        Pool::parse(name, subnet, text)
    })?;
    let unused = if name == PROVIDER {
        Some("nodes hold no address there")
    } else if network.is_dhcp() && name != MANAGEMENT {
        Some("nodes get their addresses there by DHCP")
    } else {
        None
    };
    if let Some(why) = unused {
        let message = format!("the pool of `{name}` gives nothing: {why}");
        r.tell(Rule::UnusedPool, written, message, "leave it out");
        return None;
    }
    if let Some(gateway) = network.gateway.filter(|g| pool.contains(*g)) {
        let message = format!("the gateway {gateway} is in the pool of `{name}`");
        r.tell(
            Rule::PoolGateway,
            written,
            message,
            "no node gets it; a pool beside it is easier to read",
        );
    }
    Some(pool)
}

/// Tells an MTU with which there is no IPv6, where the lab asks for IPv6.
pub(super) fn tell_small(
    written: Option<&Spanned<u64>>,
    mtu: Option<u16>,
    network: &Network,
    r: &mut Resolver,
) {
    let wants_ipv6 = !matches!(network.ipv6.addresses, None | Some(Ipv6Addressing::None));
    if let (Some(written), Some(mtu)) = (written, mtu)
        && mtu < IPV6_MTU
        && wants_ipv6
    {
        let message = format!("an MTU of {mtu} leaves no IPv6 on `{}`", network.name);
        r.tell(Rule::MtuIpv6, written, message, "IPv6 needs 1280 bytes at least (RFC 8200)");
    }
}

fn virtualbox(name: &str, spec: &NetworkSpec, free_adapter: u16, r: &mut Resolver) -> VirtualBox {
    let at = |key: &str| format!("networks.{name}.virtualbox.{key}");
    let spec = spec.virtualbox.as_ref().map(|v| &v.value);
    let adapter = spec.and_then(|s| s.adapter.as_ref());
    let adapter = if adapter.is_some() {
        r.settle_number(&at("adapter"), adapter, 1..=8)
    } else {
        r.note(&at("adapter"), &free_adapter, Origin::BuiltIn);
        Some(free_adapter)
    };
    let attach = match spec.and_then(|s| s.attach.as_ref()) {
        None => {
            r.note(&at("attach"), &Attach::HostOnly, Origin::BuiltIn);
            Attach::HostOnly
        }
        written => r.take(&at("attach"), written).unwrap_or(Attach::HostOnly),
    };
    let written = spec.and_then(|s| s.host_interface.as_ref());
    let host_interface = written.and_then(|_| {
        r.settle(&at("host_interface"), written, |text| {
            let fits =
                !text.is_empty() && text.len() < 128 && text.chars().all(|c| !c.is_control());
            if fits {
                Ok(text.to_owned())
            } else {
                Err("the name of one of the host's interfaces, or `auto`")
            }
        })
    });
    // 0 where the number cannot be used, which was told.
    let adapter = adapter.and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
    VirtualBox { adapter, attach, host_interface: host_interface.unwrap_or("auto".into()) }
}

/// Tells adapters and subnets that two networks have: at the later one's own value, where the lab says one.
fn tell_clashes(networks: &[Network], written: &[Entry<NetworkSpec>], r: &mut Resolver) {
    let spec = |network: &Network| written.iter().find(|e| e.name.value == network.name);
    for (i, network) in networks.iter().enumerate() {
        for other in &networks[..i] {
            let both: Vec<_> = [network, other].into_iter().filter_map(spec).collect();
            let mut tell = |rule, value: fn(&NetworkSpec) -> At, message: String, help: &str| {
                let said = |at: &At| at.as_ref().is_some_and(|at| at.0.file != Sources::BUILT_IN);
                let name = |e: &&Entry<NetworkSpec>| Some((e.name.span, e.name.path.clone()));
                let mut values = both.iter().map(|e| value(&e.value)).filter(said).flatten();
                let mut names = both.iter().map(name).filter(said).flatten();
                let first = values.next();
                let other = first.as_ref().and_then(|_| values.next());
                let nowhere = || (Span::default(), "networks".into());
                let (span, path) = first.or_else(|| names.next()).unwrap_or_else(nowhere);
                let help = other.map_or(help.to_owned(), |(other, _)| {
                    format!("the other is {}: {help}", r.sources.seen_from(span, other))
                });
                r.findings.tell(rule, &path, span, message, help);
            };
            let adapter = network.virtualbox.adapter;
            if adapter == other.virtualbox.adapter && adapter > 0 {
                let message = format!(
                    "`{}` and `{}` both use VirtualBox adapter {adapter}",
                    other.name, network.name
                );
                let help = "an adapter attaches one network: give each its own number, 1 to 8";
                let value = |s: &NetworkSpec| at(s.virtualbox.as_ref()?.value.adapter.as_ref());
                tell(Rule::AdapterTaken, value, message, help);
            }
            let overlap = |a: String, b: String| {
                format!("`{}` ({b}) and `{}` ({a}) overlap", other.name, network.name)
            };
            if let (Some(a), Some(b)) = (network.subnet, other.subnet)
                && overlap4(a, b)
            {
                let message = overlap(a.to_string(), b.to_string());
                let value = |s: &NetworkSpec| at(s.cidr.as_ref());
                tell(Rule::NetworksOverlap, value, message, "give one of them another `cidr`");
            }
            if let (Some(a), Some(b)) = (network.ipv6.subnet, other.ipv6.subnet)
                && overlap6(a, b)
            {
                let message = overlap(a.to_string(), b.to_string());
                let value = |s: &NetworkSpec| at(s.ipv6.as_ref()?.value.cidr.as_ref());
                tell(Rule::NetworksOverlap, value, message, "give one of them another `ipv6.cidr`");
            }
        }
    }
}

/// Where a value stands, and its path.
type At = Option<(Span, Arc<str>)>;

fn at<T>(written: Option<&Spanned<T>>) -> At {
    written.map(|w| (w.span, w.path.clone()))
}
