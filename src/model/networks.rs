//! The networks of a lab.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::report::Findings;
use crate::spec::{Entries, NetworkSpec, Spanned};

use super::settle::{Choice, Resolver, Wrong, choose, word};
use super::{Attach, MANAGEMENT, Network, PROVIDER, VirtualBox};

/// A network that every lab has, before the lab file changes it.
struct BuiltIn {
    name: &'static str,
    subnet: Option<Ipv4Net>,
    dns: &'static [Ipv4Addr],
    adapter: u16,
    attach: Choice<Attach>,
}

const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        name: MANAGEMENT,
        subnet: Some(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 24)),
        dns: &[Ipv4Addr::new(8, 8, 8, 8)],
        adapter: 1,
        attach: Choice::new(Attach::NatNetwork, "nat-network"),
    },
    BuiltIn {
        name: PROVIDER,
        subnet: None,
        dns: &[],
        adapter: 3,
        attach: Choice::new(Attach::Bridged, "bridged"),
    },
];

/// The built-in networks as the lab changes them, then the lab's own, by adapter.
pub(super) fn resolve(
    spec: Option<&Spanned<Entries<NetworkSpec>>>,
    r: &mut Resolver,
) -> Vec<Network> {
    let written = spec.map_or(&[][..], |s| &s.value.0);
    let mut networks = Vec::new();
    for built_in in BUILT_IN {
        let entry = written.iter().find(|e| e.name.value == built_in.name);
        networks.push(network(built_in.name, entry.map(|e| &e.value), &built_in, r));
    }
    for entry in written.iter().filter(|e| BUILT_IN.iter().all(|b| b.name != e.name.value)) {
        if let Err(allowed) = word(&entry.name.value, 32, "_-") {
            r.reject(&entry.name, format!("a network's name is {allowed}"));
        }
        let taken = |n: u16| {
            networks.iter().any(|other: &Network| u16::from(other.virtualbox.adapter) == n)
                || written.iter().any(|e| adapter_of(&e.value) == Some(u64::from(n)))
        };
        let free = (1..=8).find(|n| !taken(*n)).unwrap_or(8);
        let defaults = BuiltIn {
            name: "",
            subnet: None,
            dns: &[],
            adapter: free,
            attach: Choice::new(Attach::HostOnly, "host-only"),
        };
        networks.push(network(&entry.name.value, Some(&entry.value), &defaults, r));
    }
    tell_clashes(&networks, written, r.findings);
    networks.sort_by_key(|n| n.virtualbox.adapter);
    networks
}

/// The adapter that a network names itself.
fn adapter_of(spec: &NetworkSpec) -> Option<u64> {
    Some(spec.virtualbox.as_ref()?.value.adapter.as_ref()?.value)
}

fn network(
    name: &str,
    spec: Option<&NetworkSpec>,
    defaults: &BuiltIn,
    r: &mut Resolver,
) -> Network {
    let at = |key: &str| format!("networks.{name}.{key}");
    let subnet = match (spec.and_then(|s| s.cidr.as_ref()), defaults.subnet) {
        (None, None) => None,
        (written, Some(default)) => Some(r.settle(&at("cidr"), written, default, subnet)),
        (written, None) => r.settle_optional(written, subnet),
    };
    let written = spec.and_then(|s| s.gateway.as_ref());
    let gateway = match subnet {
        // VirtualBox's NAT network answers at its first address; so do most home routers.
        Some(subnet) if name == MANAGEMENT => {
            let first = subnet.hosts().next().unwrap_or(subnet.addr());
            Some(r.settle(&at("gateway"), written, first, |text| host_in(name, subnet, text)))
        }
        Some(subnet) => r.settle_optional(written, |text| host_in(name, subnet, text)),
        None => {
            r.settle_optional(written, |_| Err("a gateway needs the network's `cidr` beside it"))
        }
    };
    let dns = r.settle_list(
        &at("dns"),
        spec.and_then(|s| s.dns.as_ref()).map(|d| (d.span, d.value.as_slice())),
        defaults.dns.to_vec(),
        address,
    );
    let spec = spec.and_then(|s| s.virtualbox.as_ref()).map(|v| &v.value);
    let adapter = r.settle_number(
        &at("virtualbox.adapter"),
        spec.and_then(|s| s.adapter.as_ref()),
        defaults.adapter,
        1..=8,
    );
    let attach = r.settle(
        &at("virtualbox.attach"),
        spec.and_then(|s| s.attach.as_ref()),
        defaults.attach,
        |text| {
            choose(
                text,
                &[
                    ("nat-network", Attach::NatNetwork),
                    ("bridged", Attach::Bridged),
                    ("host-only", Attach::HostOnly),
                ],
            )
        },
    );
    let host_interface = r.settle(
        &at("virtualbox.host_interface"),
        spec.and_then(|s| s.host_interface.as_ref()),
        "auto".to_owned(),
        |text| {
            let fits =
                !text.is_empty() && text.len() < 128 && text.chars().all(|c| !c.is_control());
            if fits {
                Ok(text.to_owned())
            } else {
                Err("the name of one of the host's interfaces, or `auto`")
            }
        },
    );
    #[expect(clippy::cast_possible_truncation, reason = "settle_number keeps it within 1 to 8")]
    let virtualbox = VirtualBox { adapter: adapter as u8, attach: attach.0, host_interface };
    Network { name: name.to_owned(), subnet, gateway, dns, virtualbox }
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
        return Err(Wrong::new(why, format!("{range}, or change `networks.{name}.cidr`")));
    }
    if found == subnet.network() || found == subnet.broadcast() {
        let which = if found == subnet.network() { "network" } else { "broadcast" };
        return Err(Wrong::new(format!("is the {which} address of `{name}` ({subnet})"), range));
    }
    Ok(found)
}

fn tell_clashes(
    networks: &[Network],
    written: &[crate::spec::Entry<NetworkSpec>],
    findings: &mut Findings,
) {
    for (i, network) in networks.iter().enumerate() {
        for other in &networks[..i] {
            let (path, span) = [network, other]
                .iter()
                .find_map(|n| written.iter().find(|e| e.name.value == n.name))
                .map_or(("networks".to_owned(), crate::report::Span::default()), |e| {
                    (e.name.path.clone(), e.name.span)
                });
            if network.virtualbox.adapter == other.virtualbox.adapter {
                let message = format!(
                    "`{}` and `{}` both use VirtualBox adapter {}",
                    other.name, network.name, other.virtualbox.adapter
                );
                findings.error(
                    &path,
                    span,
                    message,
                    "an adapter attaches one network: give each its own number, 1 to 8",
                );
            }
            if let (Some(a), Some(b)) = (network.subnet, other.subnet)
                && (a.contains(&b.network()) || b.contains(&a.network()))
            {
                findings.error(
                    &path,
                    span,
                    format!("`{}` ({b}) and `{}` ({a}) overlap", other.name, network.name),
                    "give one of them another `cidr`",
                );
            }
        }
    }
}
