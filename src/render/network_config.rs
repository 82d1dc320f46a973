//! cloud-init's `network-config`, version 1: 19.4 writes no resolv.conf for version 2, and reads its DHCP flags wrongly.
//!
//! It holds until `host-network` has placed its own interface files, in the same first boot. Those say some things that
//! 19.4 has no words for: most options of a bond, name servers beside DHCP (its `nameserver` entries keep NetworkManager from
//! `/etc/resolv.conf` for good), DHCP without a default route (`DHCLIENT_SET_DEFAULT_ROUTE` is nothing to NetworkManager), a VLAN
//! whose name is not `LINK.ID`. Where what it set up differs, the stage asks for a reboot, once.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{RenderError, yaml};
use crate::model::{Ipv6, Kind, Route};
use crate::plan::{InterfacePlan, NodePlan, parts_first};

pub(super) fn render(node: &NodePlan) -> Result<String, RenderError> {
    let config: Vec<Value> = parts_first(&node.interfaces).into_iter().map(interface).collect();
    Ok(yaml::to_string(&json!({ "version": 1, "config": config }))?)
}

/// An interface without `subnets` gets no address and is still brought up.
fn interface(interface: &InterfacePlan) -> Value {
    let mut one = match &interface.kind {
        Kind::Ethernet => json!({
            "type": "physical",
            "name": interface.name,
            // A cloud image boots with names of its own; by this it gives the lab's.
            "mac_address": interface.mac,
        }),
        Kind::Bond { members, mode, options } => {
            let mut params = Map::from_iter([("bond-mode".to_owned(), json!(mode))]);
            for (name, value) in options.iter().filter_map(|option| option.split_once('=')) {
                params.insert(format!("bond-{}", name.replace('_', "-")), json!(value));
            }
            json!({
                "type": "bond",
                "name": interface.name,
                "bond_interfaces": members,
                "params": params,
            })
        }
        Kind::Vlan { link, id } => json!({
            "type": "vlan",
            "name": interface.name,
            "vlan_link": link,
            "vlan_id": id,
        }),
        Kind::Bridge { ports, stp } => json!({
            "type": "bridge",
            "name": interface.name,
            "bridge_interfaces": ports,
            "params": { "bridge_stp": stp },
        }),
    };
    if let Some(mtu) = interface.mtu {
        one["mtu"] = json!(mtu);
    }
    let subnets = subnets(interface);
    if !subnets.is_empty() {
        one["subnets"] = json!(subnets);
    }
    one
}

fn subnets(interface: &InterfacePlan) -> Vec<Value> {
    let mut subnets = Vec::new();
    let routes = |v4: bool| -> Vec<Value> {
        interface.routes.iter().filter(|r| r.via.is_ipv4() == v4).map(route).collect()
    };
    if interface.dhcp {
        subnets.push(json!({ "type": "dhcp4" }));
    } else if let (Some(address), Some(netmask)) = (interface.address, interface.netmask) {
        let mut subnet = json!({ "type": "static", "address": address, "netmask": netmask });
        if let Some(gateway) = interface.gateway {
            subnet["gateway"] = json!(gateway);
        }
        subnets.push(subnet);
    }
    let v4 = routes(true);
    if let Some(subnet) = subnets.first_mut().filter(|_| !v4.is_empty()) {
        subnet["routes"] = json!(v4);
    }
    match interface.ipv6 {
        // `static6` is newer than 19.4; it tells by the address.
        Ipv6::Static { address, prefix } => {
            let mut subnet = json!({ "type": "static", "address": format!("{address}/{prefix}") });
            if let Some(gateway) = interface.ipv6_gateway {
                subnet["gateway"] = json!(gateway);
            }
            let v6 = routes(false);
            if !v6.is_empty() {
                subnet["routes"] = json!(v6);
            }
            subnets.push(subnet);
        }
        Ipv6::Dhcp => subnets.push(json!({ "type": "dhcp6" })),
        // 19.4 cannot ask for it; the kernel takes it.
        Ipv6::Auto | Ipv6::None => {}
    }
    let is_static = |subnet: &&mut Value| subnet["type"] == "static";
    if let Some(subnet) = subnets.iter_mut().find(is_static) {
        if !interface.dns.is_empty() {
            subnet["dns_nameservers"] = json!(interface.dns);
        }
        if !interface.search.is_empty() {
            subnet["dns_search"] = json!(interface.search);
        }
    }
    subnets
}

fn route(route: &Route) -> Value {
    match route.via {
        IpAddr::V4(_) => json!({
            "destination": route.to.network(),
            "netmask": route.to.netmask(),
            "gateway": route.via,
        }),
        IpAddr::V6(_) => json!({ "destination": route.to, "gateway": route.via }),
    }
}
