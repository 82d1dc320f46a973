//! The machines of a lab: names, roles, addresses.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::report::{Rule, Sources, Span, did_you_mean, nearest};
use crate::spec::{LabSpec, NodeSpec, RoleSpec, Spanned};

use super::allot::{Allot, Given};
use super::interfaces::{self, Attached};
use super::ipv4::host_in;
use super::machine;
use super::net::HostName;
use super::settings::Resolved;
use super::settle::{Firsts, Resolver, word};
use super::taken::Taken;
use super::{
    COMPUTE, CONTROLLER, MANAGEMENT, Network, Node, Role, Settings, cloud_init, disk, hints,
    kernel_arguments, lifelines, names, others, storage, wipe,
};

const NODES: &str = "nodes";

pub(super) fn resolve(
    spec: &LabSpec,
    lab: &str,
    networks: &[Network],
    r: &mut Resolver,
) -> (Vec<Role>, Vec<Node>, Vec<Arc<Settings>>) {
    let openstack = spec.lab.openstack.as_ref();
    let mut resolved = Resolved::new(openstack.and_then(|o| o.value.config.as_ref()), r);
    // What no node has is held to the rules as well, where somebody wrote it.
    let has = |role: &RoleSpec| {
        let of = |node: &&NodeSpec| {
            node.fields.role.as_ref().is_some_and(|r| r.value == role.name.value)
        };
        role.name.span.file != Sources::BUILT_IN || spec.nodes.iter().any(|node| of(&node))
    };
    let roles = spec.roles.iter().filter(|role| has(role)).map(|role| &role.settings);
    for settings in roles.chain([&spec.settings]) {
        resolved.of(settings, r);
    }
    for role in spec.roles.iter().map(|role| &role.name) {
        if let Err(allowed) = word(&role.value, 32, "_-") {
            r.reject(role, format!("a role's name is {allowed}"));
        }
    }
    let roles: Vec<Role> = spec.roles.iter().map(|role| known_role(role, r)).collect();
    let others = others::all(spec);
    others::tell_no_hosts(spec, networks, r);
    let mut taken = Taken::new(spec, networks, &others);
    let mut allot = Allot::new(spec, networks, &others);
    let mut nodes: Vec<Node> = Vec::new();
    for spec_of in &spec.nodes {
        let Some(name) = name(&spec_of.name, r) else { continue };
        let settings = resolved.of(&spec_of.settings, r);
        if settings.is_sized {
            storage::tell_too_small(&settings, &spec_of.settings, r);
            disk::tell_other_size(&settings, &spec_of.settings, r);
        }
        cloud_init::tell_missing(&settings.custom.cloud_init, r);
        wipe::tell_inherited(&spec_of.settings, r);
        let role = role(&name, spec_of, &spec.roles, r);
        let address = address_of(&name, spec_of, spec, networks, &mut allot, r);
        // What can be said of the interfaces is said even where the rest is wrong.
        let needs_provider = role.is_some_and(|role| needs_provider(&role.name.value, spec));
        let key = &spec_of.name;
        let attached = Attached { node: &name, key, address, lab, needs_provider, networks };
        let written = spec_of.settings.interfaces.as_ref();
        let interfaces = interfaces::resolve(&attached, written, &mut allot, r);
        if let Some(interfaces) = &interfaces {
            lifelines::tell_port_names(&settings, &spec_of.settings, interfaces, r);
            kernel_arguments::tell_ipv6(&settings, &spec_of.settings, interfaces, r);
        }
        let settled = std::mem::take(&mut r.origins);
        taken.tell(spec_of, interfaces.as_deref(), Some(&*settings), r);
        let Some(role) = role else { continue };
        // What stands in is told by no one: the lab has errors.
        let address = address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let interfaces = interfaces.unwrap_or_default();
        let known = roles.iter().find(|known| known.name == role.name.value);
        let stages = known.and_then(|role| Some(role.stages.as_ref()?.value.clone()));
        let role = role.name.value.clone();
        let named_macs = machine::named_macs(&spec_of.settings);
        let node = Node { name, role, stages, address, interfaces, named_macs, settings, settled };
        nodes.push(node);
    }
    allot.tell_exhausted(spec, r);
    tell_controllers(spec, r);
    hints::tell_ranges(spec, r);
    tell_unused(spec, r);
    let settings = resolved.all();
    names::tell_conflicts(&settings, &nodes, r);
    (roles, nodes, settings)
}

/// A role with the stages that it names, each once.
fn known_role(role: &RoleSpec, r: &mut Resolver) -> Role {
    let stages = role.fields.stages.as_ref().map(|named| {
        let mut first = Firsts::default();
        let once = named.value.iter().filter(|s| !r.is_repeated(s, &s.value, &mut first));
        let value = once.cloned().collect();
        Spanned { span: named.span, path: named.path.clone(), value }
    });
    Role { name: role.name.value.clone(), stages }
}

/// A host name; what YAML and ranges hold apart, host names do, too.
fn name(key: &Spanned<String>, r: &mut Resolver) -> Option<HostName> {
    let parsed = key.value.parse();
    parsed
        .map_err(|allowed: &str| {
            r.tell(Rule::HostName, key, format!("`{}` is no host name", key.value), allowed);
        })
        .ok()
}

/// Whether instances reach the outside by nodes of that role: by the controller, and without routers of their own by each
/// compute node, too (the install guide's option 1).
fn needs_provider(role: &str, spec: &LabSpec) -> bool {
    let openstack = spec.lab.openstack.as_ref().map(|o| &o.value);
    let chosen = openstack.and_then(|o| o.services.as_ref());
    let networking = openstack.and_then(|o| o.networking.as_ref()).map(|n| n.value);
    chosen.is_none_or(|services| services.value.iter().any(|s| s.value == "neutron"))
        && (role == CONTROLLER
            || (role == COMPUTE && networking == Some(crate::spec::Networking::Provider)))
}

fn tell_controllers(spec: &LabSpec, r: &mut Resolver) {
    let mut controllers = spec
        .nodes
        .iter()
        .filter(|n| n.fields.role.as_ref().is_some_and(|role| role.value == CONTROLLER));
    // One whose role was misspelled, or that could not be read, was told.
    let may_be_meant = || {
        let known = || spec.roles.iter().map(|role| role.name.value.as_str());
        let roles = spec.nodes.iter().filter_map(|n| n.fields.role.as_ref());
        let mut unknown = roles.filter(|role| known().all(|name| name != role.value));
        unknown.any(|role| nearest(&role.value, known()) == Some(CONTROLLER))
            || r.findings.explains_absence(spec.nodes_at.file, NODES, CONTROLLER)
            || r.findings.has_told_of(Rule::KeyForm, "")
    };
    match (controllers.next(), controllers.next()) {
        (None, _) if may_be_meant() => {}
        (None, _) => {
            r.findings.tell(
                Rule::NoController,
                NODES,
                spec.nodes_at,
                "no node has the role `controller`",
                "a lab has one: `controller: {role: controller, address: 10.0.0.11}`",
            );
        }
        (Some(first), Some(second)) => {
            let message = format!(
                "`{}` is a second controller beside `{}`",
                second.name.value, first.name.value
            );
            let help = "a lab has one controller; give this node another role";
            r.tell(Rule::SecondController, &second.name, message, help);
        }
        _ => {}
    }
}

fn tell_unused(spec: &LabSpec, r: &mut Resolver) {
    for role in spec.roles.iter().filter(|role| !role.built_in) {
        let has = |n: &NodeSpec| n.fields.role.as_ref().is_some_and(|r| r.value == role.name.value);
        if !spec.nodes.iter().any(has) {
            let message = format!("no node has the role `{}`", role.name.value);
            r.tell(Rule::UnusedRole, &role.name, message, "give it to a node, or leave it out");
        }
    }
    let networks = spec.lab.networks.iter().flat_map(|n| &n.value.0);
    for network in networks.filter(|n| n.name.span.file != Sources::BUILT_IN) {
        let attaches = |n: &NodeSpec| match &n.settings.interfaces {
            None => true,
            Some(interfaces) => interfaces.value.0.iter().any(|i| {
                i.value.network.as_ref().is_some_and(|name| name.value == network.name.value)
            }),
        };
        if !spec.nodes.is_empty() && !spec.nodes.iter().any(attaches) {
            let message = format!("no node attaches to the network `{}`", network.name.value);
            let slip = hints::slip(&network.name.value);
            let help = format!("{slip}attach an interface to it, or leave it out");
            r.tell(Rule::UnusedNetwork, &network.name, message, help);
        }
    }
}

fn role<'s>(
    name: &HostName,
    spec: &NodeSpec,
    roles: &'s [RoleSpec],
    r: &mut Resolver,
) -> Option<&'s RoleSpec> {
    let known = || roles.iter().map(|role| role.name.value.as_str());
    let Some(role) = &spec.fields.role else {
        if r.findings.explains_absence(spec.name.span.file, &spec.name.path, "role") {
            return None;
        }
        let help = format!("one of: `{}`", known().collect::<Vec<_>>().join("`, `"));
        r.tell(Rule::NoRole, &spec.name, format!("`{name}` has no role"), help);
        return None;
    };
    let Some(found) = roles.iter().find(|known| known.name.value == role.value) else {
        let help = did_you_mean(&role.value, known().collect::<Vec<_>>());
        r.tell(Rule::UnknownRole, role, format!("unknown role `{}`", role.value), help);
        return None;
    };
    r.take("role", Some(role));
    Some(found)
}

/// A node's address on the management network, which stands at the node or at its interface, or comes from the pool.
fn address_of(
    name: &HostName,
    spec: &NodeSpec,
    lab: &LabSpec,
    networks: &[Network],
    allot: &mut Allot,
    r: &mut Resolver,
) -> Option<Ipv4Addr> {
    let network = networks.iter().find(|n| n.name == MANAGEMENT)?;
    let subnet = network.subnet?;
    let at_interface = interfaces::management_address(&spec.settings);
    if let Some(written) = spec.fields.address.as_ref().or(at_interface) {
        return r.settle("address", Some(written), |text| host_in(MANAGEMENT, subnet, text));
    }
    if r.findings.explains_absence(spec.name.span.file, &spec.name.path, "address") {
        return None;
    }
    match allot.address(MANAGEMENT) {
        Given::Address(address) => {
            let mut networks = lab.lab.networks.iter().flat_map(|n| &n.value.0);
            let network = networks.find(|n| n.name.value == MANAGEMENT);
            let pool = network.and_then(|n| n.value.pool.as_ref());
            let origin = r.origin(pool.map_or(Span::default(), |p| p.span));
            r.note("address", &address, origin);
            return Some(address);
        }
        Given::Exhausted => return None,
        Given::NoPool => {}
    }
    let example = subnet.hosts().nth(10).unwrap_or(subnet.addr());
    let help = if network.is_dhcp() {
        format!(
            "`/etc/hosts` and every stage name it: add `address:` with the one that the DHCP server gives, such as {example}"
        )
    } else {
        format!(
            "add `address:` with one in {subnet}, such as {example}, or give `networks.{MANAGEMENT}` a `pool`"
        )
    };
    r.tell(Rule::NoAddress, &spec.name, format!("`{name}` has no address"), help);
    None
}
