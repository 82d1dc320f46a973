//! What nodes are given where the lab names nothing: addresses of pools, MAC addresses. Each is given once, in the order
//! of the file, and none that the lab names.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::report::Rule;
use crate::spec::{InterfaceSpec, LabSpec};

use super::ipv4::Giver;
use super::others::Others;
use super::settle::Resolver;
use super::{Mac, Network};

/// What a pool had for a node.
pub(super) enum Given {
    Address(Ipv4Addr),
    /// Nothing any more, which is told in the end.
    Exhausted,
    /// The network has no pool.
    NoPool,
}

/// What is given, and what is taken.
pub(super) struct Allot {
    /// Addresses that the lab names: nodes', gateways', and where it has something else.
    named: HashSet<Ipv4Addr>,
    /// By network.
    pools: HashMap<String, Giver>,
    macs: HashSet<Mac>,
}

impl Allot {
    pub fn new(spec: &LabSpec, networks: &[Network], others: &Others) -> Self {
        let mut named: HashSet<Ipv4Addr> = networks.iter().filter_map(|n| n.gateway).collect();
        named.extend(others.keys().filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        }));
        let mut macs = HashSet::new();
        for node in &spec.nodes {
            named.extend(
                node.fields.address.iter().filter_map(|a| a.value.parse::<Ipv4Addr>().ok()),
            );
            let interfaces = node.settings.interfaces.iter().flat_map(|i| &i.value.0);
            for InterfaceSpec { address, mac, .. } in interfaces.map(|entry| &entry.value) {
                named.extend(address.iter().filter_map(|a| a.value.parse::<Ipv4Addr>().ok()));
                macs.extend(mac.iter().filter_map(|m| m.value.parse::<Mac>().ok()));
            }
        }
        let pool = |n: &Network| Some((n.name.clone(), Giver::new(n.pool?)));
        Self { named, pools: networks.iter().filter_map(pool).collect(), macs }
    }

    /// An address of the network's pool.
    pub fn address(&mut self, network: &str) -> Given {
        match self.pools.get_mut(network).map(|giver| giver.give(&self.named)) {
            Some(Some(address)) => Given::Address(address),
            Some(None) => Given::Exhausted,
            None => Given::NoPool,
        }
    }

    /// A MAC address that no interface of the lab has.
    pub fn mac(&mut self, lab: &str, node: &str, interface: &str) -> Mac {
        let mut attempts = (0..).map(|attempt| Mac::derived(lab, node, interface, attempt));
        attempts.find(|mac| self.macs.insert(*mac)).expect("there are more MACs than interfaces")
    }

    /// Tells pools that had too few addresses.
    pub fn tell_exhausted(&self, spec: &LabSpec, r: &mut Resolver) {
        for network in spec.lab.networks.iter().flat_map(|n| &n.value.0) {
            let (Some(written), Some(giver)) =
                (&network.value.pool, self.pools.get(&network.name.value))
            else {
                continue;
            };
            let Giver { asked, given, .. } = giver;
            if given < asked {
                let message = format!(
                    "the pool of `{}` is too small: it gives {given}, and {asked} are needed",
                    network.name.value
                );
                let help = "a larger pool, or an `address` for some of them";
                r.tell(Rule::PoolExhausted, written, message, help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_interfaces_of_a_large_lab_have_one_mac() {
        let new = || Allot { named: HashSet::new(), pools: HashMap::new(), macs: HashSet::new() };
        let all = |allot: &mut Allot| -> Vec<Mac> {
            let names = (0..1000)
                .flat_map(|n| (0..8).map(move |i| (format!("compute{n}"), format!("enp0s{i}"))));
            names.map(|(node, interface)| allot.mac("train", &node, &interface)).collect()
        };
        let macs = all(&mut new());
        assert_eq!(macs.iter().collect::<HashSet<_>>().len(), 8000);
        assert_eq!(macs, all(&mut new()), "and they are the same every time");
        let first = |(n, i): (usize, usize)| {
            Mac::derived("train", &format!("compute{n}"), &format!("enp0s{i}"), 0)
        };
        let firsts = (0..1000).flat_map(|n| (0..8).map(move |i| (n, i))).map(first);
        let again = firsts.zip(&macs).filter(|(first, mac)| first != *mac).count();
        assert!((1..100).contains(&again), "some had to be derived again: {again}");
    }
}
