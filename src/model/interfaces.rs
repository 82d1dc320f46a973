//! The interfaces of a machine.

use std::net::Ipv4Addr;

use crate::report::{Rule, did_you_mean};
use crate::spec::{Entries, InterfaceSpec, SettingsSpec, Spanned};

use super::net::{self, HostName, Mac};
use super::networks::{address, host_in};
use super::settle::Resolver;
use super::{Interface, MANAGEMENT, Network, Origin, PROVIDER};

/// What a machine's interfaces depend on.
pub(super) struct Attached<'a> {
    pub node: &'a HostName,
    /// The node's name, where it stands.
    pub key: &'a Spanned<String>,
    /// The node's address on the management network, as far as it is known.
    pub address: Option<Ipv4Addr>,
    /// The lab's name.
    pub lab: &'a str,
    pub networks: &'a [Network],
}

pub(super) fn resolve(
    attached: &Attached,
    written: Option<&Spanned<Entries<InterfaceSpec>>>,
    r: &mut Resolver,
) -> Option<Vec<Interface>> {
    let Attached { node, key, address, lab, networks } = *attached;
    match written {
        Some(written) => interfaces(node, address, written, lab, networks, r),
        None => default_interfaces(node, address, lab, networks, key, r),
    }
}

/// The address of the interface on the management network, where it stands there.
pub(super) fn management_address(settings: &SettingsSpec) -> Option<&Spanned<String>> {
    let mut interfaces = settings.interfaces.iter().flat_map(|i| &i.value.0);
    let is_management =
        |i: &InterfaceSpec| i.network.as_ref().is_some_and(|n| n.value == MANAGEMENT);
    interfaces.find(|e| is_management(&e.value)).and_then(|e| e.value.address.as_ref())
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
            r.findings.tell(
                Rule::NoAddress,
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
            &format!("interfaces.{name}"),
            &described(&network.name, address, mac),
            Origin::BuiltIn,
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
            r.findings.tell(
                Rule::NoNetwork,
                &entry.name.path,
                entry.name.span,
                format!("interface `{name}` names no network"),
                "for example `{network: provider}`",
            );
            continue;
        };
        let Some(network) = networks.iter().find(|n| n.name == wanted.value) else {
            let help = did_you_mean(&wanted.value, networks.iter().map(|n| n.name.as_str()));
            r.findings.tell(
                Rule::UnknownNetwork,
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
            r.findings.tell(
                Rule::NetworkTwice,
                &wanted.path,
                wanted.span,
                message,
                "a node has one interface on a network",
            );
        }
        let address = interface_address(network, address, &entry.value, &entry.name, r);
        let mac = entry.value.mac.as_ref().and_then(|mac| match mac.value.parse::<Mac>() {
            Ok(parsed) => Some(parsed),
            Err(allowed) => {
                r.reject(mac, allowed);
                None
            }
        });
        let mac = mac.unwrap_or_else(|| Mac::derived(lab, node.as_str(), &name));
        let origin = r.origin(entry.name.span);
        r.note(&format!("interfaces.{name}"), &described(&network.name, address, mac), origin);
        if let Some(other) = interfaces.iter().find(|i| i.mac == mac) {
            let message = format!("`{}` and `{name}` both have the address {mac}", other.name);
            r.findings.tell(
                Rule::MacTaken,
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
        r.findings.tell(
            Rule::NoManagement,
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
            r.findings.tell(Rule::AddressOutside, &written.path, written.span, message, help);
        }
        return None;
    };
    if network.name == MANAGEMENT {
        let node_address = node_address?;
        if let Some(written) =
            written.filter(|w| address(&w.value).is_ok_and(|a| a != node_address))
        {
            let message = format!("`{}` is not the node's `address` {node_address}", written.value);
            r.findings.tell(
                Rule::AddressTwice,
                &written.path,
                written.span,
                message,
                "say it once, in one of the two places",
            );
        }
        return Some(node_address);
    }
    if written.is_none() {
        r.findings.tell(
            Rule::NoAddress,
            &key.path,
            key.span,
            format!("an address on `{}` is missing", network.name),
            format!("add `address:` with one in {subnet}"),
        );
    }
    let written = written?;
    match host_in(&network.name, subnet, &written.value) {
        Ok(address) => Some(address),
        Err(wrong) => {
            r.reject(written, wrong);
            None
        }
    }
}
