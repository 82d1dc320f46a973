//! Addresses at which the lab has something else than its nodes: name servers, proxies, mirrors, time servers, routers, and
//! hosts that it names. No pool gives them away, and a node that has one of them is told.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use url::{Host, Url};

use crate::report::{Rule, Span};
use crate::spec::{LabSpec, NodeSpec, OneOrMany, RouteSpec, SettingsSpec, Spanned};

use super::settle::{Resolver, Wrong};
use super::{CONTROLLER, Network};

/// What the lab has at an address, and where it says so.
#[derive(Clone)]
pub(super) struct Other {
    /// Such as `a name server`; nothing where a node may be meant.
    pub what: Option<&'static str>,
    pub at: Span,
}

/// By address; what comes first in the lab file counts.
pub(super) type Others = BTreeMap<IpAddr, Other>;

const NAME_SERVER: Option<&str> = Some("a name server");
const TIME_SERVER: Option<&str> = Some("a time server");

type Many = Spanned<OneOrMany<String>>;
type Routes = Spanned<Vec<Spanned<RouteSpec>>>;

/// Everything that the lab, its roles and its nodes say.
pub(super) fn all(spec: &LabSpec) -> Others {
    let mut others = Others::new();
    for servers in of_networks(spec) {
        addresses(NAME_SERVER, &servers.value.0, &mut others);
    }
    let time = spec.lab.time.as_ref().and_then(|t| t.value.servers.as_ref());
    addresses(TIME_SERVER, time.map_or(&[][..], |t| &t.value), &mut others);
    for network in spec.lab.networks.iter().flat_map(|n| &n.value.0) {
        routers(network.value.routes.as_ref(), &mut others);
    }
    let nodes = spec.nodes.iter().map(|node| &*node.name.value).collect();
    for settings in settings(spec) {
        of_settings(settings, &nodes, &mut others);
    }
    others
}

/// The settings of the lab, its roles and its nodes, each once.
fn settings(spec: &LabSpec) -> impl Iterator<Item = &SettingsSpec> {
    let roles = spec.roles.iter().map(|role| &role.settings);
    let nodes = spec.nodes.iter().map(|node| &node.settings);
    let mut known = HashSet::new();
    let all = std::iter::once(&spec.settings).chain(roles).chain(nodes);
    all.filter(move |s| known.insert(Arc::as_ptr(s))).map(|s| &**s)
}

/// The lists of name servers that stand at networks.
fn of_networks(spec: &LabSpec) -> impl Iterator<Item = &Many> {
    let networks = spec.lab.networks.iter().flat_map(|n| &n.value.0).map(|n| &n.value);
    networks.flat_map(|network| {
        let of_ipv6 = network.ipv6.as_ref().and_then(|ipv6| ipv6.value.dns.as_ref());
        network.dns.iter().chain(of_ipv6)
    })
}

fn of_settings(settings: &SettingsSpec, nodes: &HashSet<&str>, others: &mut Others) {
    for server in items(settings.dns.as_ref()) {
        note_text(NAME_SERVER, server, others);
    }
    let mirrors = items(settings.mirror.as_ref()).map(|url| (Some("a mirror"), url));
    let proxy = settings.proxy.iter().filter_map(|p| p.value.url.as_ref());
    let proxy = proxy.map(|url| (Some("the proxy"), url));
    let cache = settings.package_cache.iter().map(|url| (Some("the package cache"), url));
    let repositories = settings.repositories.iter().flat_map(|all| &all.value.0);
    let repositories = repositories.flat_map(|repository| items(repository.value.baseurl.as_ref()));
    let repositories = repositories.map(|url| (Some("a repository"), url));
    for (what, url) in mirrors.chain(cache).chain(proxy).chain(repositories) {
        if let Some(address) = host(&url.value) {
            note(what, address, url.span, others);
        }
    }
    for interface in settings.interfaces.iter().flat_map(|i| &i.value.0) {
        routers(interface.value.routes.as_ref(), others);
    }
    for entry in settings.hosts.iter().flat_map(|h| &h.value.0) {
        // A line with a node's name is that node's.
        if !entry.value.0.iter().any(|name| nodes.contains(&*name.value)) {
            note_text(None, &entry.name, others);
        }
    }
}

fn items(written: Option<&Many>) -> impl Iterator<Item = &Spanned<String>> {
    written.into_iter().flat_map(|w| &w.value.0)
}

fn addresses(what: Option<&'static str>, written: &[Spanned<String>], others: &mut Others) {
    for item in written {
        note_text(what, item, others);
    }
}

/// A node may be a router itself.
fn routers(written: Option<&Routes>, others: &mut Others) {
    for via in written.iter().flat_map(|w| &w.value).filter_map(|route| route.value.via.as_ref()) {
        note_text(None, via, others);
    }
}

fn note_text(what: Option<&'static str>, text: &Spanned<String>, others: &mut Others) {
    if let Ok(address) = text.value.parse() {
        note(what, address, text.span, others);
    }
}

fn note(what: Option<&'static str>, address: IpAddr, at: Span, others: &mut Others) {
    let known = others.entry(address).or_insert(Other { what, at });
    if known.what.is_none() && what.is_some() {
        *known = Other { what, at };
    }
}

/// The address in a URL, where its host is one.
fn host(url: &str) -> Option<IpAddr> {
    match Url::parse(url).ok()?.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// Tells a node that has an address of something else.
pub(super) fn tell(
    others: &Others,
    address: IpAddr,
    spec: &NodeSpec,
    at: Option<&Spanned<String>>,
    r: &mut Resolver,
) {
    let Some(other) = others.get(&address) else { return };
    let Some(what) = other.what else { return };
    // That the controller asks itself is told as an error.
    let is_controller = spec.fields.role.as_ref().is_some_and(|role| role.value == CONTROLLER);
    if is_controller && other.what == TIME_SERVER {
        return;
    }
    let node = &spec.name;
    let at = at.unwrap_or(node);
    let message =
        format!("`{}` has the address {address}, at which the lab has {what}", node.value);
    let said = r.sources.seen_from(at.span, other.at);
    let help = format!(
        "that is {said}: use another address, unless this node is meant, which has to do without until it is made"
    );
    r.tell(Rule::AddressOfOther, at, message, help);
}

/// Tells name servers and hosts that are a network's own address, or its broadcast address.
pub(super) fn tell_no_hosts(spec: &LabSpec, networks: &[Network], r: &mut Resolver) {
    let servers = of_networks(spec).chain(settings(spec).filter_map(|s| s.dns.as_ref()));
    let servers = servers.flat_map(|servers| &servers.value.0);
    let hosts = settings(spec).flat_map(|s| s.hosts.iter().flat_map(|h| &h.value.0));
    // Nodes inherit them, and one place is looked at once.
    let mut known = HashSet::new();
    for written in servers.chain(hosts.map(|entry| &entry.name)) {
        let Ok(address) = written.value.parse::<Ipv4Addr>() else { continue };
        if known.insert((written.span, address)) {
            tell_no_host(address, written, networks, r);
        }
    }
}

fn tell_no_host(
    address: Ipv4Addr,
    written: &Spanned<String>,
    networks: &[Network],
    r: &mut Resolver,
) {
    for network in networks {
        let Some(subnet) = network.subnet else { continue };
        let which = match address {
            a if a == subnet.network() => "network",
            a if a == subnet.broadcast() => "broadcast",
            _ => continue,
        };
        let why =
            format!("is the {which} address of `{}` ({subnet}): no machine has it", network.name);
        r.reject(written, Wrong::of(Rule::AddressReserved, why, "use a machine's address"));
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn addresses_in_urls() {
        for (url, wanted) in [
            ("http://10.0.0.5:3128", Some("10.0.0.5")),
            ("http://[fd00::5]:8080/x", Some("fd00::5")),
            ("https://me@10.0.0.5/centos", Some("10.0.0.5")),
            ("http://vault.centos.org", None),
            ("10.0.0.5", None),
        ] {
            assert_eq!(host(url).map(|address| address.to_string()).as_deref(), wanted);
        }
    }
}
