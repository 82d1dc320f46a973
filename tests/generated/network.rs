//! What the readers found of a node's interfaces and names.

use serde_json::Value;

use super::Differences;
use super::lab::Expected;
use super::wires::{MEMBERS, Part};

pub fn differences(wanted: &Expected, found: &Value, d: &mut Differences) {
    let wires = &wanted.wires;
    let ifcfg = &found["ifcfg"][&wires.name];
    let config = found["network_config"]["config"].as_array().expect("interfaces").iter();
    let config =
        config.clone().find(|one| one["name"] == wires.name.as_str()).unwrap_or(&Value::Null);
    let address = wanted.address.as_str();
    d.same("address", &found["environment"]["TRAINYARD_ADDRESS"], address);
    if wires.dhcp {
        d.same("ifcfg BOOTPROTO", &ifcfg["BOOTPROTO"], "dhcp");
        d.same("cloud-init's subnet", &config["subnets"][0]["type"], "dhcp4");
    } else {
        let subnet = &config["subnets"][0];
        d.same("cloud-init's address", &subnet["address"], address);
        d.same("cloud-init's name servers", &subnet["dns_nameservers"], wanted.network.dns.clone());
        d.same("ifcfg IPADDR", &ifcfg["IPADDR"], address);
        d.same("ifcfg PREFIX", &ifcfg["PREFIX"], wanted.network.prefix.to_string());
        d.same("ifcfg GATEWAY", &ifcfg["GATEWAY"], wanted.network.gateway.as_str());
    }
    if let Some(ipv6) = wires.ipv6_of(address) {
        d.same("ifcfg IPV6ADDR", &ifcfg["IPV6ADDR"], format!("{ipv6}/64"));
        d.same("ifcfg IPV6_DEFAULTGW", &ifcfg["IPV6_DEFAULTGW"], "fd00:77::1");
        let subnets = config["subnets"].as_array().into_iter().flatten();
        let addresses: Vec<Value> = subnets.map(|s| s["address"].clone()).collect();
        d.has("cloud-init's IPv6", &addresses.into(), &format!("{ipv6}/64"));
    }
    for part in &wires.parts {
        made_of(part, found, d);
    }
    installer(wanted, found, d);
    let hosts = &found["files"]["/etc/trainyard/stages/host-network/files/etc/hosts"];
    for (host, name) in wanted.mapped("host") {
        d.holds("hosts", hosts, &format!("\n{host}\t{name}\n"));
    }
}

fn made_of(part: &Part, found: &Value, d: &mut Differences) {
    let ifcfg = |name: &str, key: &str| found["ifcfg"][name][key].clone();
    match part {
        Part::Bond { name, mode, option } => {
            let options = ifcfg(name, "BONDING_OPTS");
            d.holds("bond's mode", &options, &format!("mode={mode}"));
            d.holds("bond's option", &options, option);
            for member in MEMBERS {
                d.same("a member's bond", &ifcfg(member, "MASTER"), name.as_str());
                d.same("a member", &ifcfg(member, "SLAVE"), "yes");
            }
        }
        Part::Vlan { name, link, id } => {
            d.same("a VLAN", &ifcfg(name, "VLAN"), "yes");
            d.same("a VLAN's link", &ifcfg(name, "PHYSDEV"), link.as_str());
            d.same("a VLAN's number", &ifcfg(name, "VLAN_ID"), id.to_string());
        }
        Part::Bridge { name, port, stp } => {
            d.same("a bridge", &ifcfg(name, "TYPE"), "Bridge");
            d.same("a bridge's STP", &ifcfg(name, "STP"), if *stp { "yes" } else { "no" });
            d.same("a port's bridge", &ifcfg(port, "BRIDGE"), name.as_str());
        }
    }
}

/// The installer's own, which cannot make everything: what is made of two parts is left to the stage.
fn installer(wanted: &Expected, found: &Value, d: &mut Differences) {
    let all = found["kickstart"]["network"].as_array().expect("network");
    let names: Vec<Value> = all.iter().map(|one| one["hostname"].clone()).collect();
    d.has("hostname", &names.into(), &wanted.name);
    if wanted.wires.parts.len() > 1 {
        return;
    }
    if wanted.wires.dhcp {
        let dhcp = all
            .iter()
            .any(|one| one["bootproto"] == "dhcp" && one["ip"].as_str().is_none_or(str::is_empty));
        d.same("the installer's DHCP", &dhcp.into(), true);
        return;
    }
    let network = all.iter().find(|one| one["ip"] == wanted.address.as_str());
    let network = network.unwrap_or(&Value::Null);
    d.same("ip", &network["ip"], wanted.address.as_str());
    d.same("gateway", &network["gateway"], wanted.network.gateway.as_str());
    d.same("nameserver", &network["nameserver"], wanted.network.dns.join(","));
    let bits = u32::try_from(32 - wanted.network.prefix).expect("small");
    let mask = std::net::Ipv4Addr::from(u32::MAX << bits).to_string();
    d.same("netmask", &network["netmask"], mask);
    match wanted.wires.parts.first() {
        Some(Part::Bond { .. }) => d.same("bond", &network["bondslaves"], MEMBERS.join(",")),
        Some(Part::Vlan { id, .. }) => d.same("VLAN", &network["vlanid"], id.to_string()),
        Some(Part::Bridge { port, .. }) => {
            d.same("bridge", &network["bridgeslaves"], port.as_str());
        }
        None => {}
    }
    if let Some(ipv6) = wanted.wires.ipv6_of(&wanted.address) {
        d.same("ipv6", &network["ipv6"], format!("{ipv6}/64"));
    }
}
