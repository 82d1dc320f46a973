//! How nodes resolve names: name servers, search domains, and more lines of `/etc/hosts`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::report::{Rule, Span};
use crate::spec::{OneOrMany, SettingsSpec, Spanned};

use super::net::{domain, is_own_name};
use super::settle::{Firsts, Resolver, Wrong, joined};
use super::{Node, Settings};

/// The C library asks no more servers than this (resolv.conf(5), MAXNS).
const MOST_SERVERS: usize = 3;
/// The C library of CentOS 7 (glibc 2.17) knows no more search domains than this (MAXDNSRCH), in no more characters.
const MOST_DOMAINS: usize = 6;
const MOST_CHARACTERS: usize = 256;

/// What a node's settings say of names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Name servers, in the place of the management network's.
    pub dns: Option<Vec<IpAddr>>,
    /// Search domains, in the place of the management network's.
    pub search: Option<Vec<String>>,
    /// More lines of `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug)]
pub struct HostEntry {
    /// The address.
    pub address: IpAddr,
    /// What it is called.
    pub names: Vec<Spanned<String>>,
}

pub(super) fn resolve(spec: &SettingsSpec, r: &mut Resolver) -> Names {
    Names {
        dns: servers("dns", spec.dns.as_ref(), r),
        search: domains("search", spec.search.as_ref(), r),
        hosts: hosts(spec, r),
    }
}

type Written<'s> = Option<&'s Spanned<OneOrMany<String>>>;

/// Name servers that are written at `path`.
pub(super) fn servers(path: &str, written: Written, r: &mut Resolver) -> Option<Vec<IpAddr>> {
    let written = written?;
    let servers = r.settle_list(path, Some((written.span, &written.value.0)), server);
    tell_many(servers.len(), written, r);
    Some(servers)
}

/// Tells that there are more name servers than are asked.
pub(super) fn tell_many<T>(count: usize, written: &Spanned<T>, r: &mut Resolver) {
    if count > MOST_SERVERS {
        let message = format!("{count} name servers: the C library asks the first {MOST_SERVERS}");
        r.tell(Rule::NameServers, written, message, "leave out those that matter least");
    }
}

fn server(text: &str) -> Result<IpAddr, Wrong> {
    let allowed = "a name server's IPv4 or IPv6 address, such as `8.8.8.8`";
    let address = text.parse().map_err(|_| Wrong::from(allowed))?;
    no_machine(address).map_err(|why| Wrong::new(why, allowed))?;
    Ok(address)
}

/// Why other machines reach none at an address.
fn no_machine(address: IpAddr) -> Result<(), &'static str> {
    match address {
        a if a.is_loopback() => Err("is every machine's address for itself"),
        a if a.is_unspecified() => Err("is no machine's address"),
        a if a.is_multicast() => Err("is a group's address, not a machine's"),
        IpAddr::V4(a) if a.is_broadcast() => Err("is everybody's address, not a machine's"),
        _ => Ok(()),
    }
}

/// Search domains that are written at `path`.
pub(super) fn domains(path: &str, written: Written, r: &mut Resolver) -> Option<Vec<String>> {
    let written = written?;
    let domains = r.settle_list(path, Some((written.span, &written.value.0)), domain);
    let characters = domains.join(" ").len();
    let help = "the C library of CentOS 7 reads 6 of them, in 256 characters";
    if domains.len() > MOST_DOMAINS {
        let message = format!("{} search domains are too many", domains.len());
        r.tell(Rule::SearchDomains, written, message, help);
    } else if characters > MOST_CHARACTERS {
        let message = format!("{characters} characters of search domains are too many");
        r.tell(Rule::SearchDomains, written, message, help);
    }
    Some(domains)
}

fn hosts(spec: &SettingsSpec, r: &mut Resolver) -> Vec<HostEntry> {
    let mut hosts = Vec::new();
    for entry in spec.hosts.iter().flat_map(|h| &h.value.0) {
        let key = &entry.name;
        let Ok(address) = key.value.parse::<IpAddr>() else {
            r.reject(key, "an IPv4 or IPv6 address, such as `10.0.0.5: db`");
            continue;
        };
        if let Err(why) = no_machine(address) {
            r.reject(key, Wrong::new(why, "an address that other machines reach, too"));
            continue;
        }
        if entry.value.0.is_empty() {
            let message = format!("`{address}` has no name");
            r.tell(Rule::Value, key, message, "for example `10.0.0.5: [db, db.example.org]`");
        }
        let mut names = Vec::new();
        let mut first = Firsts::default();
        for name in &entry.value.0 {
            match domain(&name.value) {
                Ok(_) if r.is_repeated(name, &name.value, &mut first) => {}
                Ok(_) => names.push(name.clone()),
                Err(allowed) => r.reject(name, allowed),
            }
        }
        let shown: Vec<_> = names.iter().map(|n| &n.value).collect();
        let origin = r.origin(key.span);
        r.note(&format!("hosts.{address}"), &joined(&shown), origin);
        hosts.push(HostEntry { address, names });
    }
    hosts
}

/// Tells names that mean something else already: a node's, or every machine's own.
pub(super) fn tell_conflicts(settings: &[Arc<Settings>], nodes: &[Node], r: &mut Resolver) {
    // Where nothing is known of a node's address, that was told.
    let known = nodes.iter().filter(|n| !n.address.is_unspecified());
    let known: HashMap<&str, IpAddr> = known.map(|n| (n.name.as_str(), n.address.into())).collect();
    for settings in settings {
        let mut first: HashMap<(&str, bool), (IpAddr, Span)> = HashMap::new();
        for (entry, name) in
            settings.names.hosts.iter().flat_map(|e| e.names.iter().map(move |n| (e, n)))
        {
            let (address, text) = (entry.address, name.value.as_str());
            let own = known.get(text).filter(|own| **own != address);
            if let Some(own) = own {
                let message = format!("`{text}` is a node of this lab, which has {own}");
                r.tell(Rule::HostsConflict, name, message, "leave it out, or use another name");
            } else if is_own_name(text) {
                let message = format!("`{text}` is every machine's name for itself");
                r.tell(Rule::HostsConflict, name, message, "leave it out, or use another name");
            } else if let Some((other, span)) = first
                .insert((text, address.is_ipv4()), (address, name.span))
                .filter(|f| f.0 != address)
            {
                let message = format!("`{text}` has the address {other} already");
                let other = r.sources.seen_from(name.span, span);
                let help = format!("that is {other}; keep one of the two");
                r.tell(Rule::HostsConflict, name, message, help);
            }
        }
    }
}
