//! cloud-init's `network-config`, version 1: 19.4 writes no resolv.conf for version 2, and reads its DHCP flags wrongly.
//!
//! It holds until `host-network` has placed its own interface files, in the same first boot. Those say some things that
//! 19.4 has no words for: most options of a bond, name servers beside DHCP, a VLAN whose name is not `LINK.ID`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::RenderError;
use crate::model::{Ipv6, Kind, Route};
use crate::plan::{InterfacePlan, NodePlan, parts_first};

pub(super) fn render(node: &NodePlan) -> Result<String, RenderError> {
    let config: Vec<Value> = parts_first(&node.interfaces).into_iter().map(interface).collect();
    let text = serde_yaml::to_string(&json!({ "version": 1, "config": config }))?;
    Ok(text.lines().map(|line| quoted(line) + "\n").collect())
}

/// A line of YAML whose value is put in quotes where YAML 1.1, which cloud-init reads, takes it for something else than the
/// text that it is in YAML 1.2, which is written here: a number to the base 60 (`52:54:00:12:34:56`), or yes or no.
fn quoted(line: &str) -> String {
    let Some((before, value)) = line.rsplit_once(' ') else { return line.to_owned() };
    let number = |part: &str| part.parse::<u64>().ok().filter(|_| !part.starts_with('+'));
    let mut parts = value.split(':');
    let first = parts.next().and_then(number);
    let is_sexagesimal = value.contains(':')
        && first.is_some()
        && !value.starts_with('0')
        && parts.all(|part| part.len() <= 2 && number(part).is_some_and(|n| n < 60));
    let is_flag = ["y", "n", "yes", "no", "on", "off"].contains(&&*value.to_ascii_lowercase());
    if is_sexagesimal || is_flag { format!("{before} '{value}'") } else { line.to_owned() }
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

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_old_yaml_takes_for_a_number_is_quoted() {
        assert_eq!(
            quoted("  mac_address: 52:54:00:12:34:56"),
            "  mac_address: '52:54:00:12:34:56'"
        );
        assert_eq!(quoted("  - 2001:1:2:3:4:5:6:7"), "  - '2001:1:2:3:4:5:6:7'");
        assert_eq!(quoted("  name: on"), "  name: 'on'");
        for as_it_is in [
            "version: 1",
            "config:",
            "  mac_address: 08:00:27:12:34:56",
            "  mac_address: 52:54:00:12:34:6a",
            "  mac_address: 52:54:00:12:34:61",
            "  - 10.0.0.1",
            "  - 2001:db8::1",
            "  - 2001:1:2:3:4:5:6::",
            "  bridge_stp: false",
        ] {
            assert_eq!(quoted(as_it_is), as_it_is);
        }
    }
}
