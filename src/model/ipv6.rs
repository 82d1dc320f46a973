//! IPv6: a network's subnet, and what an interface has of it.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use serde::Serialize;

use crate::report::Rule;
use crate::spec::{InterfaceSpec, Ipv6Addressing, Ipv6Spec, Spanned};

use super::settle::{Resolver, Wrong};
use super::{Network, PROVIDER};

/// What is no subnet of machines (RFC 6890, RFC 4291), with its name.
const RESERVED: [(Ipv6Net, &str); 3] = [
    (net([0, 0], 8), "addresses with a meaning of their own, such as the loopback"),
    (net([0xfe80, 0], 10), "link-local addresses, which machines give themselves"),
    (net([0xff00, 0], 8), "multicast"),
];

const fn net(begin: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(begin[0], begin[1], 0, 0, 0, 0, 0, 0), prefix)
}

/// A network's IPv6.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Ipv6Network {
    /// Its subnet.
    pub subnet: Option<Ipv6Net>,
    /// The way out.
    pub gateway: Option<Ipv6Addr>,
    /// How nodes get their addresses; nothing where the lab says nothing of IPv6 there.
    pub addresses: Option<Ipv6Addressing>,
}

/// What an interface has of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Ipv6 {
    /// Nothing.
    None,
    /// What routers advertise.
    Auto,
    /// What a DHCP server gives.
    Dhcp,
    /// This address.
    Static {
        /// The address.
        address: Ipv6Addr,
        /// Its prefix length.
        prefix: u8,
    },
}

/// A network's own part, without its name servers.
pub(super) fn network(
    name: &str,
    spec: Option<&Spanned<Ipv6Spec>>,
    r: &mut Resolver,
) -> Ipv6Network {
    let Some(written) = spec else { return Ipv6Network::default() };
    let at = |key: &str| format!("networks.{name}.ipv6.{key}");
    let spec = &written.value;
    let settled = |r: &mut Resolver, w: &Spanned<String>| r.settle(&at("cidr"), Some(w), subnet);
    let subnet = spec.cidr.as_ref().and_then(|w| settled(r, w));
    let chosen = spec.addresses.as_ref().and_then(|w| r.take(&at("addresses"), Some(w)));
    let has_cidr = spec.cidr.is_some();
    let addresses =
        chosen.unwrap_or(if has_cidr { Ipv6Addressing::Static } else { Ipv6Addressing::Auto });
    if addresses == Ipv6Addressing::Static && !has_cidr && name != PROVIDER {
        let help = "add `cidr:`, or use `addresses: auto`";
        r.tell(Rule::Value, written, "static IPv6 addresses need the network's `ipv6.cidr`", help);
    }
    if let Some(written) = &spec.cidr
        && addresses == Ipv6Addressing::Auto
        && subnet.is_some_and(|s| s.prefix_len() != 64)
    {
        let help = "with `addresses: auto` the prefix length is 64 (RFC 4862)";
        r.reject(written, Wrong::new("leaves no 64 bits for what machines make themselves", help));
    }
    let gateway = spec.gateway.as_ref().and_then(|written| match subnet {
        Some(subnet) => r.settle(&at("gateway"), Some(written), |text| {
            link_local(text).map_or_else(|| host_in(name, subnet, text), Ok)
        }),
        // A subnet that cannot be used was told already.
        None if has_cidr => None,
        None => {
            r.reject(written, "a gateway needs the network's `ipv6.cidr` beside it");
            None
        }
    });
    Ipv6Network { subnet, gateway, addresses: Some(addresses) }
}

fn subnet(text: &str) -> Result<Ipv6Net, Wrong> {
    let allowed = "an IPv6 network with its prefix length, such as `fd00:10::/64`";
    let subnet: Ipv6Net = text.parse().map_err(|_| Wrong::from(allowed))?;
    if subnet.addr() != subnet.network() {
        return Err(format!("the network's own address is meant: `{}`", subnet.trunc()).into());
    }
    if !(8..=126).contains(&subnet.prefix_len()) {
        return Err("a prefix length from 8 to 126, so that there is room for nodes".into());
    }
    if let Some((reserved, what)) = RESERVED.iter().find(|(net, _)| overlap6(subnet, *net)) {
        return Err(Wrong::of(
            Rule::SubnetReserved,
            format!("can be no machines' network: {reserved} is for {what}"),
            "use a private one, such as `fd00:10::/64`",
        ));
    }
    Ok(subnet)
}

pub(super) fn overlap6(a: Ipv6Net, b: Ipv6Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// A router's address on the link itself, which is in no subnet.
pub(super) fn link_local(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().filter(Ipv6Addr::is_unicast_link_local)
}

/// An address that a machine on that network can have.
pub(super) fn host_in(name: &str, subnet: Ipv6Net, text: &str) -> Result<Ipv6Addr, Wrong> {
    let found: Ipv6Addr =
        text.parse().map_err(|_| Wrong::from("an IPv6 address, such as `fd00:10::11`"))?;
    if !subnet.contains(&found) {
        let why = format!("is outside network `{name}` ({subnet})");
        let help = format!("use an address in {subnet}, or change `networks.{name}.ipv6.cidr`");
        return Err(Wrong::of(Rule::AddressOutside, why, help));
    }
    if found == subnet.network() {
        let why = format!("is the routers' anycast address of `{name}` ({subnet})");
        return Err(Wrong::of(Rule::AddressReserved, why, "use another one (RFC 4291, 2.6.1)"));
    }
    Ok(found)
}

/// What an interface on that network has. `key` is the interface's name, or its node's.
pub(super) fn interface(
    network: &Network,
    spec: &InterfaceSpec,
    key: &Spanned<String>,
    r: &mut Resolver,
) -> Ipv6 {
    let name = &network.name;
    let of = &network.ipv6;
    if !network.holds_nodes() {
        if let Some(written) = spec.ipv6.as_ref().filter(|w| w.value != "none") {
            let message = format!("nodes hold no address on `{name}`");
            r.tell(Rule::AddressOutside, written, message, "leave it out");
        }
        return Ipv6::None;
    }
    let Some(written) = &spec.ipv6 else {
        return match of.addresses {
            None | Some(Ipv6Addressing::Auto) => Ipv6::Auto,
            Some(Ipv6Addressing::Dhcp) => Ipv6::Dhcp,
            Some(Ipv6Addressing::None) => Ipv6::None,
            Some(Ipv6Addressing::Static) => {
                if let Some(subnet) = of.subnet {
                    let message = format!("an IPv6 address on `{name}` is missing");
                    let help = format!(
                        "add `ipv6:` with one in {subnet}, `auto` or `none` to the interface"
                    );
                    r.tell(Rule::NoAddress, key, message, help);
                }
                Ipv6::None
            }
        };
    };
    match (written.value.as_str(), of.subnet) {
        ("none", _) => Ipv6::None,
        ("auto", _) => Ipv6::Auto,
        (text, Some(subnet)) => match host_in(name, subnet, text) {
            Ok(address) => Ipv6::Static { address, prefix: subnet.prefix_len() },
            Err(wrong) => {
                r.reject(written, wrong);
                Ipv6::None
            }
        },
        (text, None) => {
            let wrong = if text.parse::<Ipv6Addr>().is_ok() {
                Wrong::of(
                    Rule::AddressOutside,
                    format!("lies in no IPv6 subnet of `{name}`"),
                    format!("give `networks.{name}` an `ipv6: {{cidr: …}}`"),
                )
            } else {
                Wrong::from("an IPv6 address, `auto` or `none`")
            };
            r.reject(written, wrong);
            Ipv6::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_subnet_of_machines() {
        for bad in [
            "fe80::/64",
            "ff02::/16",
            "::/64",
            "::1/128",
            "fd00::1/64",
            "fd00::/127",
            "10.0.0.0/24",
            "fd00::",
            "::/0",
        ] {
            assert!(subnet(bad).is_err(), "{bad}");
        }
        for good in ["fd00::/64", "2001:db8::/48", "fd00:1::/126"] {
            assert!(subnet(good).is_ok(), "{good}");
        }
    }
}
