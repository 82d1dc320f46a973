//! Routes beside the default one.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::report::Rule;
use crate::spec::{Addressing, Ipv6Addressing, RouteSpec, Spanned};

use super::settle::{OF_A_NODE, Resolver, Wrong};
use super::{Interface, Ipv6, Network, ipv4, ipv6};

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Route {
    /// The network that it leads to.
    pub to: IpNet,
    /// Who knows the way.
    pub via: IpAddr,
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} via {}", self.to, self.via)
    }
}

/// Leaves out routes by the node itself: it is the way, and knows its own. At the node's own interface that is a slip.
pub(super) fn leave_own(interface: &mut Interface, written: Option<&Written>, r: &mut Resolver) {
    let own = [
        interface.address.map(IpAddr::V4),
        match interface.ipv6 {
            Ipv6::Static { address, .. } => Some(IpAddr::V6(address)),
            _ => None,
        },
    ];
    interface.routes.retain(|route| !own.contains(&Some(route.via)));
    let vias = written.iter().flat_map(|w| &w.value).filter_map(|route| route.value.via.as_ref());
    for via in vias {
        let is_own = via.value.parse().is_ok_and(|address| own.contains(&Some(address)));
        if is_own && r.nearness(via).0 == OF_A_NODE {
            let help = "a route goes by another machine; at the network, a node that is the way leaves it out";
            r.reject(via, Wrong::of(Rule::RouteUnreachable, "is the node's own address", help));
        }
    }
}

type Written = Spanned<Vec<Spanned<RouteSpec>>>;

/// The routes that stand at a network, or at an interface that attaches to it.
pub(super) fn resolve(
    path: &str,
    written: Option<&Written>,
    network: &Network,
    r: &mut Resolver,
) -> Vec<Route> {
    let Some(written) = written else { return Vec::new() };
    let routes: Vec<_> = written.value.iter().filter_map(|item| route(item, network, r)).collect();
    let origin = r.origin(written.span);
    r.note(path, &super::settle::joined(&routes), origin);
    routes
}

fn route(item: &Spanned<RouteSpec>, network: &Network, r: &mut Resolver) -> Option<Route> {
    let (Some(to), Some(via)) = (&item.value.to, &item.value.via) else {
        let help = "for example `{to: 10.20.0.0/16, via: 10.0.0.254}`";
        r.tell(Rule::Kind, item, "a route has `to` and `via`", help);
        return None;
    };
    let found = match destination(&to.value, network) {
        Ok(found) => found,
        Err(wrong) => {
            r.reject(to, wrong);
            return None;
        }
    };
    match gateway(&via.value, found, network) {
        Ok(via) => Some(Route { to: found, via }),
        Err(wrong) => {
            r.reject(via, wrong);
            None
        }
    }
}

fn destination(text: &str, network: &Network) -> Result<IpNet, Wrong> {
    let allowed = "a network with its prefix length, such as `10.20.0.0/16`";
    let to: IpNet = text.parse().map_err(|_| Wrong::from(allowed))?;
    if to.addr() != to.network() {
        return Err(format!("the network's own address is meant: `{}`", to.trunc()).into());
    }
    if to.prefix_len() == 0 {
        return Err(Wrong::new(
            "is the default route",
            "that is the management network's `gateway`",
        ));
    }
    let own = [network.subnet.map(IpNet::V4), network.ipv6.subnet.map(IpNet::V6)];
    if own.contains(&Some(to)) {
        let why = format!("is the network `{}` itself", network.name);
        return Err(Wrong::new(why, "a route leads to another network"));
    }
    Ok(to)
}

fn gateway(text: &str, to: IpNet, network: &Network) -> Result<IpAddr, Wrong> {
    let name = &network.name;
    let via: IpAddr = text.parse().map_err(|_| Wrong::from("an address, such as `10.0.0.254`"))?;
    let family = |v4: bool| if v4 { "IPv4" } else { "IPv6" };
    if via.is_ipv4() != to.addr().is_ipv4() {
        let why = format!("is {}, and `{to}` is {}", family(via.is_ipv4()), family(!via.is_ipv4()));
        return Err(Wrong::new(why, "both are of one kind"));
    }
    if !network.holds_nodes() {
        let why = format!("cannot be reached: nodes hold no address on `{name}`");
        return Err(Wrong::of(Rule::RouteUnreachable, why, "leave the route out"));
    }
    let has_none = match via {
        IpAddr::V4(_) => network.subnet.is_none() && network.addresses == Addressing::Static,
        IpAddr::V6(_) => network.ipv6.addresses == Some(Ipv6Addressing::None),
    };
    if has_none {
        let why = format!("cannot be reached: nodes have no {} on `{name}`", family(via.is_ipv4()));
        return Err(Wrong::of(Rule::RouteUnreachable, why, "leave the route out"));
    }
    let outside = |subnet: IpNet| {
        Wrong::of(
            Rule::RouteUnreachable,
            format!("cannot be reached: it is outside network `{name}` ({subnet})"),
            "a route goes by an address on the network that it stands in",
        )
    };
    match (via, network.subnet, network.ipv6.subnet) {
        (IpAddr::V4(v4), Some(subnet), _) => {
            if !subnet.contains(&v4) {
                return Err(outside(subnet.into()));
            }
            ipv4::host_in(name, subnet, text)?;
        }
        (IpAddr::V6(_), _, _) if ipv6::link_local(text).is_some() => {}
        (IpAddr::V6(v6), _, Some(subnet)) => {
            if !subnet.contains(&v6) {
                return Err(outside(subnet.into()));
            }
            ipv6::host_in(name, subnet, text)?;
        }
        // Nobody knows what a DHCP server or a router will say.
        _ => {}
    }
    Ok(via)
}
