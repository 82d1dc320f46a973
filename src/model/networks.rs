//! The networks of a lab.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::report::{Findings, Rule, Sources, Span};
use crate::spec::{Attach, Entries, Entry, NetworkSpec, Spanned};

use super::settle::{Resolver, Wrong, word};
use super::{MANAGEMENT, Network, VirtualBox};

/// The lab's networks, by adapter.
pub(super) fn resolve(
    spec: Option<&Spanned<Entries<NetworkSpec>>>,
    r: &mut Resolver,
) -> Vec<Network> {
    let written = spec.map_or(&[][..], |s| &s.value.0);
    let mut networks: Vec<Network> = Vec::new();
    for entry in written {
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
    tell_clashes(&networks, written, r.findings);
    networks.sort_by_key(|n| n.virtualbox.adapter);
    networks
}

/// The adapter that a network names itself.
fn adapter_of(spec: &NetworkSpec) -> Option<u64> {
    Some(spec.virtualbox.as_ref()?.value.adapter.as_ref()?.value)
}

fn network(name: &str, spec: &NetworkSpec, free_adapter: u16, r: &mut Resolver) -> Network {
    let at = |key: &str| format!("networks.{name}.{key}");
    let subnet = r.settle(&at("cidr"), spec.cidr.as_ref(), subnet);
    let gateway = match (subnet, &spec.gateway) {
        // VirtualBox's NAT network answers at its first address; so do most home routers.
        (Some(subnet), None) if name == MANAGEMENT => {
            let first = subnet.hosts().next().unwrap_or(subnet.addr());
            r.note(&at("gateway"), &first, super::Origin::BuiltIn);
            Some(first)
        }
        (Some(subnet), written) => {
            r.settle(&at("gateway"), written.as_ref(), |text| host_in(name, subnet, text))
        }
        // A subnet that cannot be used was told already.
        (None, Some(written)) if spec.cidr.is_none() => {
            r.reject(written, "a gateway needs the network's `cidr` beside it");
            None
        }
        (None, _) => None,
    };
    let dns = spec.dns.as_ref().map(|d| (d.span, d.value.0.as_slice()));
    let dns = r.settle_list(&at("dns"), dns, address);
    let virtualbox = virtualbox(name, spec, free_adapter, r);
    Network { name: name.to_owned(), subnet, gateway, dns, virtualbox }
}

fn virtualbox(name: &str, spec: &NetworkSpec, free_adapter: u16, r: &mut Resolver) -> VirtualBox {
    let at = |key: &str| format!("networks.{name}.virtualbox.{key}");
    let spec = spec.virtualbox.as_ref().map(|v| &v.value);
    let adapter = spec.and_then(|s| s.adapter.as_ref());
    let adapter = if adapter.is_some() {
        r.settle_number(&at("adapter"), adapter, 1..=8)
    } else {
        r.note(&at("adapter"), &free_adapter, super::Origin::BuiltIn);
        Some(free_adapter)
    };
    let attach = match spec.and_then(|s| s.attach.as_ref()) {
        None => {
            r.note(&at("attach"), &Attach::HostOnly, super::Origin::BuiltIn);
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

fn subnet(text: &str) -> Result<Ipv4Net, String> {
    let allowed = || "an IPv4 network with its prefix length, such as `10.0.0.0/24`".to_owned();
    let subnet: Ipv4Net = text.parse().map_err(|_| allowed())?;
    if subnet.addr() != subnet.network() {
        return Err(format!("the network's own address is meant: `{}`", subnet.trunc()));
    }
    if !(8..=30).contains(&subnet.prefix_len()) {
        return Err("a prefix length from 8 to 30, so that there is room for nodes".into());
    }
    Ok(subnet)
}

pub(super) fn address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| "an IPv4 address, such as `10.0.0.11`".to_owned())
}

/// An address that a machine on that network can have.
pub(super) fn host_in(name: &str, subnet: Ipv4Net, text: &str) -> Result<Ipv4Addr, Wrong> {
    let found = address(text)?;
    let mut hosts = subnet.hosts();
    let range = hosts.next().zip(hosts.next_back());
    let range =
        range.map_or(String::new(), |(first, last)| format!("use an address in {first} - {last}"));
    if !subnet.contains(&found) {
        let why = format!("is outside network `{name}` ({subnet})");
        return Err(Wrong::of(
            Rule::AddressOutside,
            why,
            format!("{range}, or change `networks.{name}.cidr`"),
        ));
    }
    if found == subnet.network() || found == subnet.broadcast() {
        let which = if found == subnet.network() { "network" } else { "broadcast" };
        return Err(Wrong::of(
            Rule::AddressReserved,
            format!("is the {which} address of `{name}` ({subnet})"),
            range,
        ));
    }
    Ok(found)
}

fn tell_clashes(networks: &[Network], written: &[Entry<NetworkSpec>], findings: &mut Findings) {
    for (i, network) in networks.iter().enumerate() {
        for other in &networks[..i] {
            let (path, span) = [network, other]
                .iter()
                .filter_map(|n| written.iter().find(|e| e.name.value == n.name))
                .find(|e| e.name.span.file != Sources::BUILT_IN)
                .map_or(("networks".into(), Span::default()), |e| {
                    (e.name.path.clone(), e.name.span)
                });
            if network.virtualbox.adapter == other.virtualbox.adapter
                && other.virtualbox.adapter > 0
            {
                let message = format!(
                    "`{}` and `{}` both use VirtualBox adapter {}",
                    other.name, network.name, other.virtualbox.adapter
                );
                findings.tell(
                    Rule::AdapterTaken,
                    &path,
                    span,
                    message,
                    "an adapter attaches one network: give each its own number, 1 to 8",
                );
            }
            if let (Some(a), Some(b)) = (network.subnet, other.subnet)
                && (a.contains(&b.network()) || b.contains(&a.network()))
            {
                findings.tell(
                    Rule::NetworksOverlap,
                    &path,
                    span,
                    format!("`{}` ({b}) and `{}` ({a}) overlap", other.name, network.name),
                    "give one of them another `cidr`",
                );
            }
        }
    }
}
