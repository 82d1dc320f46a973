//! IPv4: subnets, pools, and what an interface has of them.

use std::collections::HashSet;
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Serialize, Serializer};

use crate::report::Rule;

use super::allot::{Allot, Given};
use super::interfaces::Attached;
use super::links::Link;
use super::settle::{Resolver, Wrong};
use super::{MANAGEMENT, Network, PROVIDER, hints};

/// What is no subnet of machines (RFC 6890), with its name.
const RESERVED: [(Ipv4Net, &str); 4] = [
    (net([0, 0, 0, 0], 8), "this host on this network"),
    (net([127, 0, 0, 0], 8), "every machine's own loopback"),
    (net([169, 254, 0, 0], 16), "link-local addresses, which machines give themselves"),
    (net([224, 0, 0, 0], 3), "multicast and reserved addresses"),
];

const fn net(address: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

pub(super) fn subnet(text: &str) -> Result<Ipv4Net, Wrong> {
    let allowed = "an IPv4 network with its prefix length, such as `10.0.0.0/24`";
    let subnet: Ipv4Net = text.parse().map_err(|_| Wrong::from(allowed))?;
    if subnet.addr() != subnet.network() {
        return Err(format!("the network's own address is meant: `{}`", subnet.trunc()).into());
    }
    if !(8..=30).contains(&subnet.prefix_len()) {
        return Err("a prefix length from 8 to 30, so that there is room for nodes".into());
    }
    if let Some((reserved, what)) = RESERVED.iter().find(|(net, _)| overlap4(subnet, *net)) {
        return Err(Wrong::of(
            Rule::SubnetReserved,
            format!("can be no machines' network: {reserved} is for {what}"),
            "use a private one, such as `10.0.0.0/24` or `192.168.50.0/24`",
        ));
    }
    Ok(subnet)
}

pub(super) fn overlap4(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

pub(super) fn address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| "an IPv4 address, such as `10.0.0.11`".to_owned())
}

/// The addresses that machines of a subnet can have.
fn range(subnet: Ipv4Net) -> String {
    let mut hosts = subnet.hosts();
    let range = hosts.next().zip(hosts.next_back());
    range.map_or(String::new(), |(first, last)| format!("{first} - {last}"))
}

/// An address that a machine on that network can have.
pub(super) fn host_in(name: &str, subnet: Ipv4Net, text: &str) -> Result<Ipv4Addr, Wrong> {
    let found = address(text)?;
    let range = range(subnet);
    if !subnet.contains(&found) {
        return Err(Wrong::of(
            Rule::AddressOutside,
            format!("is outside network `{name}` ({subnet})"),
            format!("use an address in {range}, or change `networks.{name}.cidr`"),
        ));
    }
    if found == subnet.network() || found == subnet.broadcast() {
        let which = if found == subnet.network() { "network" } else { "broadcast" };
        return Err(Wrong::of(
            Rule::AddressReserved,
            format!("is the {which} address of `{name}` ({subnet})"),
            format!("use an address in {range}"),
        ));
    }
    Ok(found)
}

/// Addresses for nodes that name none: from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl Pool {
    pub(super) fn parse(name: &str, subnet: Ipv4Net, text: &str) -> Result<Self, Wrong> {
        let ends = text.split_once('-').map(|(a, b)| (a.trim().parse(), b.trim().parse()));
        let Some((Ok(first), Ok(last))) = ends else {
            return Err("the first and the last address, such as `10.0.0.100-10.0.0.199`".into());
        };
        if first > last {
            return Err(Wrong::of(
                Rule::Pool,
                "holds no address",
                "the first address is the smaller one",
            ));
        }
        let inside =
            |a: Ipv4Addr| subnet.contains(&a) && a != subnet.network() && a != subnet.broadcast();
        if !inside(first) || !inside(last) {
            return Err(Wrong::of(
                Rule::Pool,
                format!("is not inside network `{name}` ({subnet})"),
                format!("use addresses in {}, or change `networks.{name}.cidr`", range(subnet)),
            ));
        }
        Ok(Self { first, last })
    }

    /// Whether an address is among them.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Serialize for Pool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Gives a pool's addresses away, each once.
#[derive(Debug)]
pub(super) struct Giver {
    next: u32,
    last: u32,
    /// How many were asked for.
    pub asked: usize,
    /// How many were given.
    pub given: usize,
}

impl Giver {
    pub fn new(pool: Pool) -> Self {
        Self { next: pool.first.into(), last: pool.last.into(), asked: 0, given: 0 }
    }

    /// The next address that nobody names.
    pub fn give(&mut self, named: &HashSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        self.asked += 1;
        while self.next <= self.last {
            let address = Ipv4Addr::from(self.next);
            self.next += 1; // no pool reaches 255.255.255.255, which is in no subnet of machines
            if !named.contains(&address) {
                self.given += 1;
                return Some(address);
            }
        }
        None
    }
}

/// An interface's IPv4 address: the node's, its own, or one of the network's pool.
pub(super) fn interface(
    attached: &Attached,
    network: &Network,
    link: &Link,
    allot: &mut Allot,
    r: &mut Resolver,
) -> Option<Ipv4Addr> {
    let written = link.spec.and_then(|s| s.address.as_ref());
    let name = &network.name;
    let Some(subnet) = network.node_subnet() else {
        if let Some(written) = written {
            let (message, help) = if name == PROVIDER {
                (
                    format!("nodes hold no address on `{name}`"),
                    "leave it out: the provider network is the instances'".to_owned(),
                )
            } else {
                (
                    format!("`{}` lies in no subnet of `{name}`", written.value),
                    format!("leave it out, or give `networks.{name}` a `cidr`"),
                )
            };
            r.tell(Rule::AddressOutside, written, message, help);
        }
        return None;
    };
    if name == MANAGEMENT {
        let node_address = attached.address?;
        if let Some(written) =
            written.filter(|w| address(&w.value).is_ok_and(|a| a != node_address))
        {
            let message = format!("`{}` is not the node's `address` {node_address}", written.value);
            r.tell(Rule::AddressTwice, written, message, "say it once, in one of the two places");
        }
        return Some(node_address);
    }
    if let Some(written) = written {
        let found = host_in(name, subnet, &written.value);
        return found.map_err(|wrong| r.reject(written, wrong)).ok();
    }
    if network.is_dhcp() {
        return None;
    }
    match allot.address(name) {
        Given::Address(address) => Some(address),
        Given::Exhausted => None,
        Given::NoPool => {
            let (message, help) = match link.spec {
                Some(_) => (
                    format!("an address on `{name}` is missing"),
                    format!(
                        "add `address:` with one in {subnet}, or give `networks.{name}` a `pool`"
                    ),
                ),
                None => (
                    format!("`{}` has no address on network `{name}`", attached.node),
                    format!(
                        "{}give `networks.{name}` a `pool`, or write `interfaces:` for this node, with its address there",
                        hints::slip(name)
                    ),
                ),
            };
            r.tell(Rule::NoAddress, link.key, message, help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_each_address_once_and_leaves_out_what_is_named() {
        let subnet = "10.0.0.0/24".parse().expect("a subnet");
        let pool = Pool::parse("management", subnet, "10.0.0.1 - 10.0.0.4").ok().expect("a pool");
        let named: HashSet<_> = ["10.0.0.1", "10.0.0.3"].map(|a| a.parse().expect("one")).into();
        let mut giver = Giver::new(pool);
        let addresses: Vec<_> = (0..3).map(|_| giver.give(&named).map(|a| a.to_string())).collect();
        assert_eq!(addresses, [Some("10.0.0.2".into()), Some("10.0.0.4".into()), None]);
        assert_eq!((giver.asked, giver.given), (3, 2));
        for bad in [
            "10.0.0.5",
            "10.0.0.9-10.0.0.5",
            "10.0.0.0-10.0.0.5",
            "10.0.0.5-10.0.1.5",
            "10.0.0.5-10.0.0.255",
        ] {
            assert!(Pool::parse("management", subnet, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_can_be_no_subnet_of_machines() {
        for bad in [
            "127.0.0.0/8",
            "127.1.0.0/16",
            "0.0.0.0/8",
            "169.254.0.0/16",
            "169.254.7.0/24",
            "224.0.0.0/24",
            "255.255.255.0/24",
            "10.0.0.1/24",
            "10.0.0.0",
            "10.0.0.0/31",
            "0.0.0.0/0",
            "fd00::/64",
            "169.0.0.0/8",
        ] {
            assert!(subnet(bad).is_err(), "{bad}");
        }
        for good in
            ["10.0.0.0/8", "172.16.0.0/30", "223.255.255.0/24", "169.253.0.0/16", "1.0.0.0/8"]
        {
            assert!(subnet(good).is_ok(), "{good}");
        }
    }
}
