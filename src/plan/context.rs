//! What a stage's templates know of the lab and of their node.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::iter::repeat;

use indexmap::IndexMap;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::{Host, InterfacePlan, custom};
use crate::base_image::known::KNOWN;
use crate::model::train::Named;
use crate::model::{
    Hardware, HostEntry, Interface, Ipv6, Lab, MANAGEMENT, Network, Node, Repository,
};
use crate::stack::{Opening, Stage};

/// What the templates of one stage on one node know.
pub(super) struct Context<'a> {
    of_node: &'a OfNode<'a>,
    parameters: &'a IndexMap<String, String>,
    interface: Option<&'a InterfacePlan>,
    /// As templates see it; made when the first of them asks.
    value: OnceCell<Value>,
    of_settings: OnceCell<String>,
}

/// What all stages of a node know of it.
pub(super) struct OfNode<'a> {
    names: Names<'a>,
    value: OnceCell<Value>,
    of_settings: OnceCell<String>,
}

/// The names that templates use.
#[derive(Clone, Debug, Serialize)]
struct Names<'a> {
    lab: LabContext<'a>,
    node: NodeContext<'a>,
    nodes: &'a Value,
    controller: &'a Host,
    by_tls: Vec<ByTls<'a>>,
    networks: &'a Value,
    hosts: Vec<HostContext<'a>>,
    time: TimeContext<'a>,
    mirrors: &'a [String],
    /// What is asked for packages before the mirrors.
    package_cache: Option<&'a str>,
    /// The web proxy that the mirrors are reached through.
    proxy: Option<&'a str>,
    /// The repositories of CentOS's archive, below the mirrors.
    archive: &'a Value,
    repositories: Vec<RepositoryContext<'a>>,
}

impl OfNode<'_> {
    fn value(&self) -> Value {
        self.value.get_or_init(|| Value::from(Serde(&self.names))).clone()
    }

    /// Where a plain port of the node is reached by TLS.
    pub fn by_tls(&self, plain: &str) -> Option<u16> {
        self.names.by_tls.iter().find(|it| it.plain == plain).map(|it| it.port)
    }

    /// Where a URL of the node is reached by TLS.
    pub fn url_by_tls(&self, url: &str) -> Option<String> {
        let (host, rest) = url.strip_prefix("http://")?.split_once(':')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let port = self.by_tls(&rest[..end])?;
        Some(format!("https://{host}:{port}{}", &rest[end..]))
    }

    /// What may differ between two nodes beside what is a node's alone.
    fn of_settings(&self) -> &str {
        self.of_settings.get_or_init(|| {
            let Names { lab, hosts, mirrors, package_cache, proxy, repositories, .. } = &self.names;
            json(&(lab.timezone, hosts, mirrors, package_cache, proxy, repositories))
        })
    }

    /// What the templates of a stage know, and where one is for an interface, of that.
    pub fn context<'c>(
        &'c self,
        parameters: &'c IndexMap<String, String>,
        interface: Option<&'c InterfacePlan>,
    ) -> Context<'c> {
        let (value, of_settings) = (OnceCell::new(), OnceCell::new());
        Context { of_node: self, parameters, interface, value, of_settings }
    }
}

impl Context<'_> {
    /// As templates see it.
    pub fn value(&self) -> Value {
        let value = self.value.get_or_init(|| {
            let parameters = Value::from(Serde(self.parameters));
            let of_node = self.of_node.value();
            match self.interface {
                None => context! { parameters, ..of_node },
                Some(interface) => {
                    context! { parameters, interface => Value::from(Serde(interface)), ..of_node }
                }
            }
        });
        value.clone()
    }

    /// What may differ between two nodes beside what is a node's alone: a template that says nothing of one node says the same
    /// for all whose settings give this.
    pub fn of_settings(&self) -> &str {
        self.of_settings
            .get_or_init(|| self.of_node.of_settings().to_owned() + &json(self.parameters))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

#[derive(Clone, Debug, Serialize)]
struct ArchiveContext {
    id: &'static str,
    path: &'static str,
    key: &'static str,
    exclude: &'static [String],
}

#[derive(Clone, Debug, Serialize)]
struct LabContext<'a> {
    name: &'a str,
    timezone: &'a str,
    networking: &'static str,
    /// Whether the public endpoints are reached by TLS.
    tls: bool,
    /// The SHA-256 of the lab's `packages.lock`, where nodes have what it says and nothing else.
    locked: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct NodeContext<'a> {
    name: &'a str,
    role: &'a str,
    address: String,
    /// How many processes a service with several of them gets here.
    workers: u64,
    /// Its memory, in MiB.
    memory: u64,
    interfaces: Value,
}

/// How many processes a service has on a node where the lab says nothing: one for each CPU, and at most one for each 4 GiB of memory, for
/// each of OpenStack's takes about 100 MiB, and a controller has a dozen kinds of them.
fn workers(hardware: &Hardware) -> u64 {
    u64::from(hardware.cpus).min(hardware.memory_mib / 4096).clamp(1, 8)
}

/// The stage that has httpd answer by TLS.
pub(crate) const ENDPOINTS_TLS: &str = "endpoints-tls";

/// A port that is reached by TLS.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ByTls<'a> {
    /// The stage that has it.
    pub stage: &'a str,
    /// The port by TLS.
    pub port: u16,
    /// The port without.
    pub plain: &'a str,
}

/// A line of `/etc/hosts` that the lab adds.
#[derive(Clone, Debug, Serialize)]
struct HostContext<'a> {
    address: String,
    names: Vec<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
struct MemberContext {
    name: String,
    role: String,
    address: String,
    /// Its fixed addresses beside the one on management that everyone knows it by.
    others: Vec<OtherContext>,
}

#[derive(Clone, Debug, Serialize)]
struct OtherContext {
    network: String,
    address: String,
}

#[derive(Clone, Debug, Serialize)]
struct NetworkContext {
    cidr: Option<String>,
    prefix: Option<u8>,
    gateway: Option<String>,
    dns: Vec<String>,
    /// How VirtualBox attaches it: `nat-network`, whose nodes the host reaches by ports of its own loopback, or otherwise.
    attach: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct TimeContext<'a> {
    servers: &'a [String],
}

/// A package repository of the lab's own.
#[derive(Clone, Debug, Serialize)]
struct RepositoryContext<'a> {
    id: &'a str,
    name: &'a str,
    baseurls: Vec<Cow<'a, str>>,
    /// Where the node has the key of its packages, as a URL.
    key: Option<String>,
    enabled: bool,
    proxy: Option<&'a str>,
}

/// What all nodes of a lab share.
pub(super) struct Shared<'a> {
    pub lab: &'a Lab,
    pub controller: Host,
    /// The stages of each node, in the lab's order.
    pub of_nodes: &'a [Vec<&'a Stage>],
    /// The nodes of each role, as they are numbered in the lab.
    pub of_role: HashMap<&'a str, Vec<usize>>,
    /// The sections of configuration files that options name.
    pub named: Named,
    /// As templates see them: made once, since a lab may have a thousand nodes.
    members: Value,
    networks: Value,
    archive: Value,
}

impl<'a> Shared<'a> {
    pub fn new(
        lab: &'a Lab,
        controller: Host,
        of_nodes: &'a [Vec<&'a Stage>],
        named: Named,
    ) -> Self {
        let others = |interface: &Interface| {
            let network = interface.network.clone()?;
            let ipv4 = interface.address.filter(|_| network != MANAGEMENT).map(|a| a.to_string());
            let ipv6 = match interface.ipv6 {
                Ipv6::Static { address, .. } => Some(address.to_string()),
                _ => None,
            };
            let of = move |address| OtherContext { network: network.clone(), address };
            Some(ipv4.into_iter().chain(ipv6).map(of))
        };
        let member = |node: &Node| MemberContext {
            name: node.name.to_string(),
            role: node.role.clone(),
            address: node.address.to_string(),
            others: node.interfaces.iter().filter_map(others).flatten().collect(),
        };
        let network = |network: &Network| {
            let values = NetworkContext {
                cidr: network.subnet.map(|s| s.to_string()),
                prefix: network.subnet.map(|s| s.prefix_len()),
                gateway: network.gateway.map(|g| g.to_string()),
                dns: network.dns.iter().map(ToString::to_string).collect(),
                attach: network.virtualbox.attach.as_str(),
            };
            (network.name.clone(), values)
        };
        let mut of_role: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, node) in lab.nodes.iter().enumerate() {
            of_role.entry(&node.role).or_default().push(number);
        }
        Self {
            lab,
            of_nodes,
            of_role,
            named,
            controller,
            members: Value::from(Serde(lab.nodes.iter().map(member).collect::<Vec<_>>())),
            networks: Value::from(Serde(
                lab.networks.iter().map(network).collect::<IndexMap<_, _>>(),
            )),
            archive: Value::from(Serde(archive())),
        }
    }

    /// The ports of these stages that httpd answers for by TLS, on a node where it does.
    fn by_tls<'c>(&self, of_node: &[&'c Stage]) -> Vec<ByTls<'c>> {
        if self.lab.tls.is_none() || !of_node.iter().any(|stage| stage.name == ENDPOINTS_TLS) {
            return Vec::new();
        }
        let openings =
            of_node.iter().flat_map(|stage| stage.spec.firewall.iter().zip(repeat(stage)));
        let port = |(opening, stage): (&'c Opening, &&'c Stage)| {
            Some(ByTls { stage: &stage.name, port: opening.tls?, plain: &opening.port })
        };
        openings.filter_map(port).collect()
    }

    /// What all stages of a node know of it; of its interfaces, as they are planned.
    pub fn of_node<'c>(
        &'c self,
        node: &'c Node,
        of_node: &[&'c Stage],
        interfaces: &[InterfacePlan],
    ) -> OfNode<'c> {
        let host = |entry: &'c HostEntry| HostContext {
            address: entry.address.to_string(),
            names: entry.names.iter().map(|n| n.value.as_str()).collect(),
        };
        let repository = |repository: &'c Repository| RepositoryContext {
            id: &repository.id,
            name: &repository.name,
            baseurls: baseurls(repository, node.settings.package_cache.as_deref()),
            key: custom::key_url(repository),
            enabled: repository.enabled,
            proxy: custom::proxy_for(&repository.baseurls, node),
        };
        let names = Names {
            lab: LabContext {
                name: &self.lab.name,
                timezone: &node.settings.timezone,
                networking: self.lab.networking.as_str(),
                tls: self.lab.tls.is_some(),
                locked: self.lab.locked.map(|digest| digest.to_string()),
            },
            node: NodeContext {
                name: node.name.as_str(),
                role: &node.role,
                address: node.address.to_string(),
                workers: workers(&node.settings.hardware),
                memory: node.settings.hardware.memory_mib,
                interfaces: Value::from(Serde(interfaces)),
            },
            nodes: &self.members,
            controller: &self.controller,
            by_tls: self.by_tls(of_node),
            networks: &self.networks,
            hosts: node.settings.names.hosts.iter().map(host).collect(),
            time: TimeContext { servers: &self.lab.time_servers },
            mirrors: &node.settings.mirrors,
            package_cache: node.settings.package_cache.as_deref(),
            proxy: custom::proxy_for(&node.settings.mirrors, node),
            archive: &self.archive,
            repositories: node.settings.custom.repositories.iter().map(repository).collect(),
        };
        OfNode { names, value: OnceCell::new(), of_settings: OnceCell::new() }
    }
}

/// Where a repository of the lab's own is asked for. A cache keeps what is reached by HTTP. It is asked by plain HTTP, so not for what
/// nobody signed: whoever stands on the way would become root of the node.
fn baseurls<'a>(repository: &'a Repository, cache: Option<&str>) -> Vec<Cow<'a, str>> {
    let urls = &repository.baseurls;
    let cache = cache.filter(|_| repository.key.is_some());
    let cache = cache.filter(|_| urls.iter().any(|url| url.starts_with("http")));
    let kept = cache.map(|cache| format!("{cache}/packages/{}/", repository.id).into());
    kept.into_iter().chain(urls.iter().map(|url| url.as_str().into())).collect()
}

fn archive() -> Vec<ArchiveContext> {
    let all = KNOWN.repositories.iter();
    all.map(|(id, it)| ArchiveContext { id, path: &it.path, key: &it.key, exclude: &it.exclude })
        .collect()
}
