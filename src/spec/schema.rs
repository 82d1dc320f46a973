//! The keys that only a lab as a whole has, and those that only a role or only a node has.

use std::sync::Arc;

use crate::report::{Rule, Span};

use super::decode::{Decode, Entries, OneOrMany, Spanned, choice, flag, record};
use super::files::{Folder, Reader, TextFile, UnreadFile};
use super::image::{CloudImageSpec, ImageSpec};
use super::include;
use super::network::NetworkSpec;
use super::settings::{IniOptions, SettingsSpec};
use super::shape::{Field, Record, Shape};
use super::tree::{Node, Value};

/// A lab file, with what roles and nodes inherit worked out.
#[derive(Clone, Debug)]
pub struct LabSpec {
    /// What only a lab as a whole says.
    pub lab: LabFields,
    /// What the lab says for all its nodes.
    pub settings: Arc<SettingsSpec>,
    /// The roles: the built-in ones first.
    pub roles: Vec<RoleSpec>,
    /// The machines, in the order of the file.
    pub nodes: Vec<NodeSpec>,
    /// Where `nodes` stands.
    pub nodes_at: Span,
}

/// A role.
#[derive(Clone, Debug)]
pub struct RoleSpec {
    /// Its name, where it stands.
    pub name: Spanned<String>,
    /// Whether it is built in.
    pub built_in: bool,
    /// What only a role says.
    pub fields: RoleFields,
    /// Everything else, for its nodes.
    pub settings: Arc<SettingsSpec>,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its name, where it stands.
    pub name: Spanned<String>,
    /// What only a node says.
    pub fields: NodeFields,
    /// Everything else, inherited or its own. Nodes that say nothing of their own share what their role says.
    pub settings: Arc<SettingsSpec>,
}

record! {
    /// What only a lab as a whole says.
    LabFields {
        /// The version of this format; 1.
        version: u64 = "1",
        /// The lab's name; part of what is written on media and nodes.
        name: String = "train",
        /// The installation medium: the name of a known one (`trainyard image list`), or what is said of it.
        image: ImageSpec = "{path: CentOS-7-x86_64-Minimal-2009.iso}",
        /// The cloud image that `disk` makes disks from: the name of a known one (`trainyard image list`), or what is said of it.
        cloud_image: CloudImageSpec = "{path: CentOS-7-x86_64-GenericCloud-2211.qcow2}",
        /// Which OpenStack.
        openstack: OpenStackSpec = "{networking: provider}",
        /// The networks that nodes attach to.
        networks: Entries<NetworkSpec> = "{management: {cidr: 10.0.0.0/24}}" else "`management` and `provider`",
        /// The file that says exactly which packages nodes have (`trainyard packages resolve` writes it): they get
        /// these from the lab's bundle on a disc, or from their `package_cache`, and nothing else.
        package_lock: UnreadFile = "packages.lock",
        /// Folders with stages of the lab's own: one folder a stage, as trainyard's own are.
        own_stages: OneOrMany<Folder> = "stages",
        /// Where the controller gets its time.
        time: TimeSpec = "{servers: [ntp.example.org]}",
    }
}

record! {
    /// What only a role says.
    RoleFields {
        /// The stages that it has beside those that every node has.
        stages: Vec<Spanned<String>> = "[database, message-queue]" else "those that name the role",
    }
}

record! {
    /// What only a node says.
    NodeFields {
        /// What it is for.
        role: String = "compute" else "needed",
        /// Its address on the management network.
        address: String = "10.0.0.31" else "one of the network's `pool`",
    }
}

record! {
    /// Which OpenStack.
    OpenStackSpec {
        /// The release; the last one for CentOS 7.
        release: Release = "train",
        /// How instances are networked.
        networking: Networking = "provider",
        /// Which services; those that they need come with them.
        services: Vec<Spanned<String>> = "[keystone, glance]" else "every one there is",
        /// Whether the public endpoints, the dashboard and consoles are reached by TLS: with a certificate that is made for the lab, or with
        /// the one that is said here.
        tls: TlsSpec = "yes" else "`no`",
        /// Options of OpenStack's own configuration files, on every node that has the file: file, section, option, value.
        config: IniOptions = "{nova.conf: {DEFAULT: {debug: \"true\"}}}" else "the stages' own",
    }
}

record! {
    /// A certificate of one's own.
    TlsFields {
        /// A file with the server's certificate and, after it, those that prove it, up to the authority's own; in PEM.
        certificate: TextFile = "endpoints.pem" else "needed",
        /// The file of its key, in PEM, without a password. It is read with the secrets, and must be its owner's alone.
        key: UnreadFile = "endpoints.key" else "needed",
    }
}

/// What is said of TLS.
#[derive(Clone, Debug)]
pub enum TlsSpec {
    /// Whether there is any.
    Flag(bool),
    /// There is, with a certificate of one's own.
    Given(TlsFields),
}

impl Decode for TlsSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Map(_) => TlsFields::decode(node, r).map(Self::Given),
            Value::Scalar(text) if flag(text).is_none() => {
                let message = format!("`{text}` cannot be used here");
                let help = "`yes`, `no`, or `{certificate: endpoints.pem, key: endpoints.key}`";
                r.findings.tell(Rule::Value, &node.path, node.span, message, help);
                None
            }
            _ => bool::decode(node, r).map(Self::Flag),
        }
    }

    fn shape() -> Shape {
        Shape::FlagOr(Box::new(TlsFields::shape()))
    }
}

choice! {
    /// A release of OpenStack.
    Release {
        /// The last one for CentOS 7.
        Train = "train",
    }
}

choice! {
    /// How instances are networked.
    Networking {
        /// Routers and overlay networks too (the install guide's option 2).
        SelfService = "self-service",
        /// Flat provider networks only (option 1).
        Provider = "provider",
    }
}

record! {
    /// Time sources.
    TimeSpec {
        /// NTP servers that the controller asks: names or addresses of other machines.
        servers: Vec<Spanned<String>> = "[ntp.example.org]",
    }
}

/// The keys of a lab file, all of them.
#[must_use]
pub fn lab_shape() -> Shape {
    let mut fields = fields(LabFields::shape());
    let named = |own: Shape| {
        let mut all = self::fields(own);
        all.extend(self::fields(SettingsSpec::shape()));
        all
    };
    let entry = |name, doc, example, own_doc, own| Field {
        name,
        doc,
        example,
        absent: "",
        shape: Shape::Entries(Box::new(Shape::Record(Record { doc: own_doc, fields: named(own) }))),
    };
    fields.insert(
        2,
        Field {
            name: include::KEY,
            doc: "Other lab files, over which this one is said.",
            example: "[nodes.yaml]",
            absent: "",
            shape: Shape::List { item: Box::new(Shape::Text), added: false, single: true },
        },
    );
    fields.extend(self::fields(SettingsSpec::shape()));
    fields.push(entry(
        "roles",
        "What machines are for: the built-in roles may be changed, others added.",
        "{compute: {memory: 8GiB}}",
        "A role.",
        RoleFields::shape(),
    ));
    fields.push(entry(
        "nodes",
        "The machines; `name[1-8]` stands for eight of them.",
        "{controller: {role: controller, address: 10.0.0.11}}",
        "A machine.",
        NodeFields::shape(),
    ));
    Shape::Record(Record { doc: "A lab file.", fields })
}

fn fields(shape: Shape) -> Vec<Field> {
    if let Shape::Record(record) = shape { record.fields } else { Vec::new() }
}
