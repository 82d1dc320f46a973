//! The keys of a lab file. Everything except `nodes` has a default.

use crate::report::{Findings, did_you_mean};

use super::decode::{Decode, Entries, OneOrMany, Spanned, record};
use super::tree::{Node, Value};

record! {
    /// The whole file.
    LabSpec {
        /// The version of this format; 1.
        version: u64,
        /// The lab's name; part of what is written on media and nodes.
        name: String,
        /// The installation medium: a known one's name, a path, or a URL with its SHA-256.
        image: ImageSpec,
        /// Where packages come from, tried in order: base URLs that carry a `7.9.2009` folder.
        mirror: OneOrMany<String>,
        /// The nodes' time zone, such as `Asia/Seoul`.
        timezone: String,
        /// The nodes' language, such as `en_US.UTF-8`.
        language: String,
        /// The nodes' keyboard: a keymap of the console, such as `us`.
        keyboard: String,
        /// Who may log in to the nodes.
        access: AccessSpec,
        /// How the installer behaves.
        installer: InstallerSpec,
        /// Which OpenStack.
        openstack: OpenStackSpec,
        /// The networks that nodes attach to.
        networks: Entries<NetworkSpec>,
        /// Where the controller gets its time.
        time: TimeSpec,
        /// Sizes by role; the built-in roles may be changed, others added.
        roles: Entries<RoleSpec>,
        /// The machines.
        nodes: Entries<NodeSpec>,
        /// A stage's parameters: stage, then name, then value.
        parameters: Entries<Entries<String>>,
        /// Options for configuration files that stages write: file, section, option, value.
        settings: Entries<Entries<Entries<String>>>,
    }
}

record! {
    /// Who may log in.
    AccessSpec {
        /// Public keys, or files that hold them.
        ssh_authorized_keys: Vec<Spanned<String>>,
        /// How root logs in: `password`, `key` or `locked`.
        root_login: String,
        /// An administrator's account (with sudo) beside root.
        user: String,
    }
}

record! {
    /// How the installer behaves.
    InstallerSpec {
        /// Seconds that a built medium's menu waits before it installs.
        boot_timeout: u64,
        /// More kernel arguments for the installer.
        boot_arguments: Vec<Spanned<String>>,
        /// The disk that is wiped and installed to, such as `sda`.
        disk: String,
    }
}

record! {
    /// Which OpenStack.
    OpenStackSpec {
        /// The release; `train`, the last one for CentOS 7.
        release: String,
        /// `self-service` (routers and overlays) or `provider` (flat networks only).
        networking: String,
        /// Which services; by default all there are.
        services: Vec<Spanned<String>>,
    }
}

record! {
    /// A network.
    NetworkSpec {
        /// Its subnet; without one, nodes hold no address on it.
        cidr: String,
        /// The way out.
        gateway: String,
        /// Name servers.
        dns: Vec<Spanned<String>>,
        /// How VirtualBox attaches it, which also decides the interface's name on the nodes.
        virtualbox: VirtualBoxSpec,
    }
}

record! {
    /// A VirtualBox adapter.
    VirtualBoxSpec {
        /// Its number, 1 to 8.
        adapter: u64,
        /// `nat-network`, `bridged` or `host-only`.
        attach: String,
        /// The host's interface to bridge to; `auto` chooses when the lab is made.
        host_interface: String,
    }
}

record! {
    /// Time sources.
    TimeSpec {
        /// NTP servers that the controller asks.
        servers: Vec<Spanned<String>>,
    }
}

record! {
    /// What a role's machines are made of.
    RoleSpec {
        /// Processors.
        cpus: u64,
        /// Memory, such as `4GiB`.
        memory: String,
        /// The disk's size, such as `10GiB`.
        disk: String,
    }
}

record! {
    /// A machine.
    NodeSpec {
        /// What it is for.
        role: String,
        /// Its address on the management network.
        address: String,
        /// Its interfaces by name; by default one for each network.
        interfaces: Entries<InterfaceSpec>,
    }
}

record! {
    /// A machine's interface.
    InterfaceSpec {
        /// The network it attaches to.
        network: String,
        /// Its address there; the node's `address` on the management network.
        address: String,
        /// Its MAC address; derived from lab, node and network where it is left out.
        mac: String,
    }
}

/// The installation medium.
#[derive(Clone, Debug)]
pub enum ImageSpec {
    /// One that trainyard knows.
    Known(String),
    /// A file.
    Path(String),
    /// A download and its digest.
    Url {
        /// Where it is.
        url: String,
        /// Its SHA-256, in hexadecimal.
        sha256: String,
    },
}

record! {
    /// [`ImageSpec`] written as a mapping.
    ImageFields {
        /// A file.
        path: String,
        /// A download.
        url: String,
        /// Its digest.
        sha256: String,
    }
}

impl Decode for ImageSpec {
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        if let Value::Scalar(text) = &node.value {
            return Some(Self::Known(text.clone()));
        }
        let fields = ImageFields::decode(node, path, findings)?;
        match (fields.path, fields.url, fields.sha256) {
            (Some(file), None, None) => Some(Self::Path(file.value)),
            (None, Some(url), Some(sha256)) => {
                Some(Self::Url { url: url.value, sha256: sha256.value })
            }
            _ => {
                findings.error(
                    path,
                    node.span,
                    "an image is a known name, a path, or a URL with its SHA-256",
                    "`image: centos-7.9-minimal`, `image: {path: FILE}` or `image: {url: URL, sha256: HEX}`",
                );
                None
            }
        }
    }
}

impl ImageSpec {
    /// Media that can be named without more.
    pub const KNOWN: [&str; 1] = ["centos-7.9-minimal"];

    /// Why this is no medium that can be used, if it is none: message and help.
    ///
    /// # Errors
    /// An unknown name, or a digest that is no SHA-256.
    pub fn check(&self) -> Result<(), (String, String)> {
        match self {
            Self::Known(name) if !Self::KNOWN.contains(&name.as_str()) => {
                Err((format!("unknown image `{name}`"), did_you_mean(name, Self::KNOWN)))
            }
            Self::Url { sha256, .. }
                if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Err((format!("`{sha256}` is no SHA-256"), "64 hexadecimal digits".into()))
            }
            _ => Ok(()),
        }
    }
}
