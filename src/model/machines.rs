//! The machines of a lab: roles, interfaces, addresses.

use std::net::Ipv4Addr;

use crate::report::{Span, did_you_mean};
use crate::spec::{Entries, InterfaceSpec, LabSpec, NodeSpec, Spanned};

use super::net::{self, HostName, Mac};
use super::networks::{address, host_in};
use super::settle::Resolver;
use super::{CONTROLLER, Hardware, Interface, MANAGEMENT, Network, Node, Origin, PROVIDER, roles};

pub(super) fn resolve(
    spec: &LabSpec,
    lab: &str,
    networks: &[Network],
    r: &mut Resolver,
) -> Vec<Node> {
    let roles = roles::resolve(spec.roles.as_ref(), r);
    let written = spec.nodes.as_ref().map_or(&[][..], |n| &n.value.0);
    let mut nodes: Vec<Node> = Vec::new();
    for entry in written {
        let name: HostName = match entry.name.value.parse() {
            Ok(name) => name,
            Err(allowed) => {
                r.findings.error(
                    &entry.name.path,
                    entry.name.span,
                    format!("`{}` is no host name", entry.name.value),
                    allowed,
                );
                continue;
            }
        };
        if let Some(node) = node(name, &entry.name, &entry.value, &roles, lab, networks, r) {
            tell_taken(&node, &nodes, &entry.name, networks, r);
            nodes.push(node);
        }
    }
    tell_controllers(spec, written, r);
    nodes
}

fn tell_controllers(spec: &LabSpec, written: &[crate::spec::Entry<NodeSpec>], r: &mut Resolver) {
    let span = spec.nodes.as_ref().map_or(Span::default(), |n| n.span);
    let mut controllers = written
        .iter()
        .filter(|e| e.value.role.as_ref().is_some_and(|role| role.value == CONTROLLER));
    match (controllers.next(), controllers.next()) {
        (None, _) => {
            r.findings.error(
                "nodes",
                span,
                "no node has the role `controller`",
                "a lab has one: `controller: {role: controller, address: 10.0.0.11}`",
            );
        }
        (Some(first), Some(second)) => {
            let message = format!(
                "`{}` is a second controller beside `{}`",
                second.name.value, first.name.value
            );
            r.findings.error(
                &second.name.path,
                second.name.span,
                message,
                "a lab has one controller; give this node another role",
            );
        }
        _ => {}
    }
}

fn node(
    name: HostName,
    key: &Spanned<String>,
    spec: &NodeSpec,
    roles: &[(String, Hardware)],
    lab: &str,
    networks: &[Network],
    r: &mut Resolver,
) -> Option<Node> {
    let hardware = role(&name, key, spec, roles, r);
    let address = address_of(&name, key, spec, networks, r);
    // What can be said of the interfaces is said even where the rest is wrong.
    let interfaces = match &spec.interfaces {
        Some(written) => interfaces(&name, address, written, lab, networks, r),
        None => default_interfaces(&name, address, lab, networks, key, r),
    };
    let role = spec.role.as_ref()?.value.clone();
    Some(Node { name, role, address: address?, interfaces: interfaces?, hardware: hardware? })
}

fn role(
    name: &HostName,
    key: &Spanned<String>,
    spec: &NodeSpec,
    roles: &[(String, Hardware)],
    r: &mut Resolver,
) -> Option<Hardware> {
    let known = || roles.iter().map(|(name, _)| name.as_str());
    let Some(role) = &spec.role else {
        let help = format!("one of: `{}`", known().collect::<Vec<_>>().join("`, `"));
        r.findings.error(&key.path, key.span, format!("`{name}` has no role"), help);
        return None;
    };
    let Some((_, hardware)) = roles.iter().find(|(known, _)| *known == role.value) else {
        let help = did_you_mean(&role.value, roles.iter().map(|(n, _)| n.as_str()));
        r.findings.error(&role.path, role.span, format!("unknown role `{}`", role.value), help);
        return None;
    };
    r.note(&role.path, &role.value, Origin::File { line: role.span.line });
    Some(*hardware)
}

/// A node's address on the management network, which stands at the node or at its interface.
fn address_of(
    name: &HostName,
    key: &Spanned<String>,
    spec: &NodeSpec,
    networks: &[Network],
    r: &mut Resolver,
) -> Option<Ipv4Addr> {
    let subnet = networks.iter().find(|n| n.name == MANAGEMENT)?.subnet?;
    let mut interfaces = spec.interfaces.iter().flat_map(|i| &i.value.0);
    let is_management =
        |i: &InterfaceSpec| i.network.as_ref().is_some_and(|n| n.value == MANAGEMENT);
    let at_interface =
        interfaces.find(|e| is_management(&e.value)).and_then(|e| e.value.address.as_ref());
    let Some(written) = spec.address.as_ref().or(at_interface) else {
        let example = subnet.hosts().nth(10).unwrap_or(subnet.addr());
        let help = format!("add `address:` with one in {subnet}, such as {example}");
        r.findings.error(&key.path, key.span, format!("`{name}` has no address"), help);
        return None;
    };
    r.settle_optional(Some(written), |text| host_in(MANAGEMENT, subnet, text))
}

/// One interface for each network, named after its VirtualBox adapter.
fn default_interfaces(
    node: &HostName,
    address: Option<Ipv4Addr>,
    lab: &str,
    networks: &[Network],
    key: &Spanned<String>,
    r: &mut Resolver,
) -> Option<Vec<Interface>> {
    let mut interfaces = Vec::new();
    for network in networks {
        if network.node_subnet().is_some() && network.name != MANAGEMENT {
            let help = format!(
                "write `interfaces:` for this node, with its address on `{}`",
                network.name
            );
            r.findings.error(
                &key.path,
                key.span,
                format!("`{node}` has no address on network `{}`", network.name),
                help,
            );
            return None;
        }
        let name = virtualbox_name(network.virtualbox.adapter);
        let address = address.filter(|_| network.name == MANAGEMENT);
        let mac = Mac::derived(lab, node.as_str(), &name);
        r.note(
            &format!("{}.interfaces.{name}", key.path),
            &described(&network.name, address, mac),
            Origin::Default,
        );
        interfaces.push(Interface { name, network: network.name.clone(), address, mac });
    }
    Some(interfaces)
}

/// What CentOS 7 calls a VirtualBox adapter: the PIIX3 and ICH9 chipsets put adapter 1 on PCI slot 3,
/// 2 to 4 on 8 to 10, and 5 to 8 on 16 to 19, whichever of them are enabled.
fn virtualbox_name(adapter: u8) -> String {
    let slot = match adapter {
        1 => 3,
        2..=4 => adapter + 6,
        _ => adapter + 11,
    };
    format!("enp0s{slot}")
}

fn interfaces(
    node: &HostName,
    address: Option<Ipv4Addr>,
    written: &Spanned<Entries<InterfaceSpec>>,
    lab: &str,
    networks: &[Network],
    r: &mut Resolver,
) -> Option<Vec<Interface>> {
    let mut interfaces: Vec<Interface> = Vec::new();
    let errors = r.findings.errors();
    for entry in &written.value.0 {
        let name = match net::interface_name(&entry.name.value) {
            Ok(name) => name,
            Err(allowed) => {
                r.reject(&entry.name, allowed);
                continue;
            }
        };
        let Some(wanted) = &entry.value.network else {
            r.findings.error(
                &entry.name.path,
                entry.name.span,
                format!("interface `{name}` names no network"),
                "for example `{network: provider}`",
            );
            continue;
        };
        let Some(network) = networks.iter().find(|n| n.name == wanted.value) else {
            let help = did_you_mean(&wanted.value, networks.iter().map(|n| n.name.as_str()));
            r.findings.error(
                &wanted.path,
                wanted.span,
                format!("unknown network `{}`", wanted.value),
                help,
            );
            continue;
        };
        if let Some(other) = interfaces.iter().find(|i| i.network == network.name) {
            let message =
                format!("`{}` and `{name}` both attach to `{}`", other.name, network.name);
            r.findings.error(
                &wanted.path,
                wanted.span,
                message,
                "a node has one interface on a network",
            );
        }
        let address = interface_address(network, address, &entry.value, &entry.name, r);
        let mac = r
            .settle_optional(entry.value.mac.as_ref(), |text| {
                text.parse::<Mac>().map_err(str::to_owned)
            })
            .unwrap_or_else(|| Mac::derived(lab, node.as_str(), &name));
        r.note(
            &entry.name.path,
            &described(&network.name, address, mac),
            Origin::File { line: entry.name.span.line },
        );
        if let Some(other) = interfaces.iter().find(|i| i.mac == mac) {
            let message = format!("`{}` and `{name}` both have the address {mac}", other.name);
            r.findings.error(
                &entry.name.path,
                entry.name.span,
                message,
                "give each interface its own `mac`",
            );
        }
        interfaces.push(Interface { name, network: network.name.clone(), address, mac });
    }
    if r.findings.errors() == errors && interfaces.iter().all(|i| i.network != MANAGEMENT) {
        let help = format!("add one: `enp0s3: {{network: {MANAGEMENT}}}`");
        r.findings.error(
            &written.path,
            written.span,
            format!("`{node}` has no interface on the network `{MANAGEMENT}`"),
            help,
        );
    }
    // The installer brings the first one up to install by, and that is the one with the way out.
    interfaces.sort_by_key(|i| i.network != MANAGEMENT);
    (r.findings.errors() == errors).then_some(interfaces)
}

fn described(network: &str, address: Option<Ipv4Addr>, mac: Mac) -> String {
    let address = address.map_or("no address".to_owned(), |a| a.to_string());
    format!("{network}, {address}, {mac}")
}

fn interface_address(
    network: &Network,
    node_address: Option<Ipv4Addr>,
    spec: &InterfaceSpec,
    key: &Spanned<String>,
    r: &mut Resolver,
) -> Option<Ipv4Addr> {
    let written = spec.address.as_ref();
    let Some(subnet) = network.node_subnet() else {
        if let Some(written) = written {
            let name = &network.name;
            let help = match name.as_str() {
                PROVIDER => "leave it out: the provider network is the instances'".to_owned(),
                _ => format!("leave it out, or give `networks.{name}` a `cidr`"),
            };
            let message = format!("nodes hold no address on `{name}`");
            r.findings.error(&written.path, written.span, message, help);
        }
        return None;
    };
    if network.name == MANAGEMENT {
        let node_address = node_address?;
        if let Some(written) =
            written.filter(|w| address(&w.value).is_ok_and(|a| a != node_address))
        {
            let message = format!("`{}` is not the node's `address` {node_address}", written.value);
            r.findings.error(
                &written.path,
                written.span,
                message,
                "say it once, in one of the two places",
            );
        }
        return Some(node_address);
    }
    if written.is_none() {
        r.findings.error(
            &key.path,
            key.span,
            format!("an address on `{}` is missing", network.name),
            format!("add `address:` with one in {subnet}"),
        );
    }
    r.settle_optional(written, |text| host_in(&network.name, subnet, text))
}

/// Addresses and MACs that another node, or the gateway, has already.
fn tell_taken(
    node: &Node,
    others: &[Node],
    key: &Spanned<String>,
    networks: &[Network],
    r: &mut Resolver,
) {
    let mut tell = |what: String, owner: String| {
        r.findings.error(
            &key.path,
            key.span,
            format!("`{}`: {what} is taken by {owner}", node.name),
            "give each machine its own",
        );
    };
    for interface in &node.interfaces {
        let gateway = networks.iter().find(|n| n.name == interface.network).and_then(|n| n.gateway);
        if let (Some(address), Some(gateway)) = (interface.address, gateway)
            && address == gateway
        {
            tell(address.to_string(), format!("the gateway of `{}`", interface.network));
        }
    }
    for (other, theirs) in others.iter().flat_map(|o| o.interfaces.iter().map(move |i| (o, i))) {
        for ours in &node.interfaces {
            if let Some(address) = ours.address.filter(|_| ours.address == theirs.address) {
                tell(address.to_string(), format!("`{}`", other.name));
            }
            if ours.mac == theirs.mac {
                tell(ours.mac.to_string(), format!("`{}`", other.name));
            }
        }
    }
}
