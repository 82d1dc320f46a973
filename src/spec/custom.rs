//! What people add to their nodes: packages, repositories, services, kernel arguments, files, a proxy.

use super::decode::{Added, Decode, OneOrMany, choice, record};
use super::files::{Reader, TextFile};
use super::shape::Shape;
use super::tree::{Node, Value};

record! {
    /// A package repository of one's own.
    RepositorySpec {
        /// Its name for people.
        name: String = "Site packages" else "its key",
        /// Where it is, tried in order; `$basearch` and yum's other variables may stand in it.
        baseurl: OneOrMany<String> = "[\"http://packages.example.org/el7/$basearch/\"]" else "needed",
        /// The key that its packages are signed with: a file beside the lab file, or `file://` and the path of one that the node has.
        gpgkey: SigningKey = "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7" else "needed, but with `gpgcheck: no`",
        /// Whether signatures are checked; `no` only where there is no key.
        gpgcheck: bool = "yes" else "`yes`",
        /// Whether yum uses it.
        enabled: bool = "yes" else "`yes`",
    }
}

/// A key that packages are signed with.
#[derive(Clone, Debug)]
pub enum SigningKey {
    /// A file that goes to the node.
    File(TextFile),
    /// Where it is, as yum writes it.
    Url(String),
}

impl Decode for SigningKey {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(text) if text.contains("://") => Some(Self::Url(text.clone())),
            _ => TextFile::decode(node, r).map(Self::File),
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

choice! {
    /// How a unit stands.
    UnitState {
        /// It runs, and starts at every boot.
        Enabled = "enabled",
        /// It does not run, and nothing starts it at boot.
        Disabled = "disabled",
        /// It does not run, and nothing can start it.
        Masked = "masked",
    }
}

impl Default for UnitState {
    /// A unit that is only named is wanted.
    fn default() -> Self {
        Self::Enabled
    }
}

record! {
    /// The installed system's kernel.
    KernelSpec {
        /// Arguments that are added to its command line. One takes the place of an inherited one of the same name, unless it
        /// may stand several times, as `console` may. The line has 2047 bytes at most, with what the loader gives it.
        arguments: Added<String> = "[\"console=ttyS0,115200n8\"]",
        /// Arguments that are taken from it, and from those that are inherited: a name, or a name with its value.
        remove: Added<String> = "[rhgb, quiet]",
    }
}

record! {
    /// A text file on the node. It has either `content` or `source`.
    FileSpec {
        /// What is in it.
        content: String = "\"Train lab\\n\"" else "`source` is needed",
        /// A file beside the lab file that holds it.
        source: TextFile = "motd" else "`content` is needed",
        /// Its mode in octal.
        mode: String = "\"0640\"" else "`0644`",
        /// Its owner.
        owner: String = "root" else "`root`",
        /// Its group.
        group: String = "wheel" else "`root`",
    }
}

record! {
    /// A web proxy.
    ProxySpec {
        /// Where it is. A name and password would be readable to every account of the node.
        url: String = "http://proxy.example.org:3128" else "needed",
        /// Hosts and domains that are reached without it; the lab's own nodes always are.
        no_proxy: Added<String> = "[.example.org]",
    }
}

record! {
    /// What the host's firewall lets in beside what the stages open.
    FirewallSpec {
        /// Ports.
        open: Added<OpeningSpec> = "[{port: 8080, protocol: tcp, from: management}]",
    }
}

record! {
    /// An opening of the firewall.
    OpeningSpec {
        /// A port, or a range such as `9000-9010`.
        port: String = "8080" else "needed",
        /// The protocol.
        protocol: Protocol = "tcp" else "`tcp`",
        /// A network of the lab, or `any`.
        from: String = "management" else "needed",
    }
}

choice! {
    /// A protocol that has ports.
    Protocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

choice! {
    /// What becomes of a node's SSH host keys when it is installed again.
    HostKeys {
        /// They are kept with the lab's secrets, so the node stays known.
        Keep = "keep",
        /// The node makes new ones.
        New = "new",
    }
}
