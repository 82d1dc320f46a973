//! The controller's time sources.

use std::net::IpAddr;

use crate::report::Rule;
use crate::spec::{Spanned, TimeSpec};

use super::net::{domain, is_own_name};
use super::settle::{Resolver, Wrong};
use super::{CONTROLLER, Node, hints};

type Servers<'s> = Option<&'s Spanned<Vec<Spanned<String>>>>;

fn written(spec: Option<&Spanned<TimeSpec>>) -> Servers<'_> {
    spec.and_then(|time| time.value.servers.as_ref())
}

/// The servers, each once.
pub(super) fn resolve(spec: Option<&Spanned<TimeSpec>>, r: &mut Resolver) -> Vec<String> {
    let written = written(spec);
    let items = written.map(|s| (s.span, s.value.as_slice()));
    let servers = r.settle_list("time.servers", items, server);
    if let Some(written) = written.filter(|_| servers.len() == 2) {
        hints::tell_two_servers(written, r);
    }
    if let Some(written) = written.filter(|s| s.value.is_empty()) {
        let help = "name at least one, or leave `time.servers` out";
        r.tell(Rule::Value, written, "no time server is left", help);
    }
    servers
}

fn server(text: &str) -> Result<String, Wrong> {
    let allowed = "a host name or an address, such as `pool.ntp.org` or `10.0.0.2`";
    let Ok(address) = text.parse::<IpAddr>() else {
        let name = domain(text).map_err(|_| Wrong::from(allowed))?;
        return if is_own_name(text) { Err(own()) } else { Ok(name) };
    };
    if address.is_loopback() {
        return Err(own());
    }
    let is_broadcast = matches!(address, IpAddr::V4(a) if a.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || is_broadcast {
        return Err(Wrong::new("is no machine's address", allowed));
    }
    Ok(text.to_owned())
}

fn own() -> Wrong {
    Wrong::new(
        "is the controller itself",
        "another machine: the controller asks these servers, and the other nodes ask the controller",
    )
}

/// Tells where the controller would ask itself.
pub(super) fn tell_own(spec: Option<&Spanned<TimeSpec>>, nodes: &[Node], r: &mut Resolver) {
    let Some(controller) = nodes.iter().find(|node| node.role == CONTROLLER) else { return };
    let addresses: Vec<IpAddr> = controller
        .interfaces
        .iter()
        .filter_map(|interface| interface.address)
        .chain([controller.address])
        .filter(|address| !address.is_unspecified())
        .map(IpAddr::from)
        .collect();
    for server in written(spec).iter().flat_map(|servers| &servers.value) {
        let is_own = match server.value.parse::<IpAddr>() {
            Ok(address) => addresses.contains(&address),
            Err(_) => server.value.eq_ignore_ascii_case(controller.name.as_str()),
        };
        if is_own {
            r.reject(server, own());
        }
    }
}
