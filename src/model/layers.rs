//! What follows from how interfaces sit on each other.

use std::collections::HashMap;

use crate::report::Rule;

use super::links::Link;
use super::settle::Resolver;
use super::{Interface, Kind, Network};

/// Ethernet's.
const USUAL_MTU: u16 = 1500;

/// Where each interface's parts stand, and how far each is from the ports.
struct Layers {
    parts: Vec<Vec<usize>>,
    depth: Vec<usize>,
}

impl Layers {
    fn of(interfaces: &[Interface]) -> Self {
        let places: HashMap<&str, usize> =
            interfaces.iter().enumerate().map(|(i, one)| (one.name.as_str(), i)).collect();
        let parts: Vec<Vec<usize>> = interfaces
            .iter()
            .map(|i| {
                i.kind.parts().iter().filter_map(|p| places.get(p.as_str()).copied()).collect()
            })
            .collect();
        // There is no cycle, so nothing is deeper than there are interfaces.
        let mut depth = vec![0; parts.len()];
        for _ in 0..parts.len() {
            for i in 0..parts.len() {
                depth[i] = parts[i].iter().map(|p| depth[*p] + 1).max().unwrap_or(0);
            }
        }
        Self { parts, depth }
    }

    /// The interfaces, those on top first.
    fn top_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.depth.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(self.depth[*i]));
        order
    }
}

/// Says which interfaces NetworkManager has: all but those that only instances use, and what only carries those. A bridge
/// and its ports are NetworkManager's in any case, for the network scripts make bridges with a tool that the medium
/// does not have.
pub(super) fn settle(interfaces: &mut [Interface], networks: &[Network]) {
    let layers = Layers::of(interfaces);
    let for_instances = |interface: &Interface| {
        let network = networks.iter().find(|n| interface.network.as_ref() == Some(&n.name));
        network.is_some_and(|n| !n.holds_nodes())
    };
    for i in layers.top_first() {
        let one = &interfaces[i];
        let mut on_it =
            (0..interfaces.len()).filter(|top| layers.parts[*top].contains(&i)).peekable();
        interfaces[i].managed = if matches!(one.kind, Kind::Bridge { .. }) {
            true
        } else if one.network.is_some() {
            !for_instances(one) || on_it.any(|top| interfaces[top].managed)
        } else {
            on_it.peek().is_none() || on_it.any(|top| interfaces[top].managed)
        };
    }
}

/// Hands an MTU down to what carries it, and tells parts whose own is too small. A VLAN would take over a larger MTU of its
/// link: where it has none of its own, it has the usual one.
pub(super) fn settle_mtu(interfaces: &mut [Interface], links: &[Link], r: &mut Resolver) {
    let layers = Layers::of(interfaces);
    for i in layers.top_first() {
        let Some(mtu) = interfaces[i].mtu else { continue };
        for part in layers.parts[i].clone() {
            let (name, found) = (&interfaces[part].name, interfaces[part].mtu);
            let is_said = links[part].spec.is_some_and(|s| s.mtu.is_some());
            if !is_said && interfaces[part].network.is_none() {
                interfaces[part].mtu = found.max(Some(mtu));
            } else if found.unwrap_or(USUAL_MTU) < mtu {
                let message = format!(
                    "`{}` has an MTU of {mtu}, and `{name}`, which carries it, one of {}",
                    interfaces[i].name,
                    found.unwrap_or(USUAL_MTU)
                );
                let help = format!("give `{name}` an `mtu` of {mtu} or more");
                r.tell(Rule::MtuPart, links[part].key, message, help);
            }
        }
    }
    for (i, parts) in layers.parts.iter().enumerate() {
        let is_vlan = matches!(interfaces[i].kind, Kind::Vlan { .. });
        let carried = parts.iter().any(|p| interfaces[*p].mtu.is_some_and(|mtu| mtu > USUAL_MTU));
        if is_vlan && carried && interfaces[i].mtu.is_none() {
            interfaces[i].mtu = Some(USUAL_MTU);
        }
    }
}

/// Tells names of VLANs that CentOS 7's network scripts could not bring up: they read link and number from the name.
pub(super) fn tell_names(interfaces: &[Interface], links: &[Link], r: &mut Resolver) {
    for (interface, link) in interfaces.iter().zip(links).filter(|(i, _)| !i.managed) {
        let Kind::Vlan { link: on, id } = &interface.kind else { continue };
        let names = [format!("{on}.{id}"), format!("vlan{id}")];
        if !names.contains(&interface.name) {
            let message = format!(
                "`{}` is brought up by scripts that read link and number from its name",
                interface.name
            );
            let help = format!("call it `{}` or `{}`", names[0], names[1]);
            r.tell(Rule::VlanName, link.key, message, help);
        }
    }
}
