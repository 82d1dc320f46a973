//! What an interface can be.

use std::fmt;

use serde::Serialize;

use super::BondMode;
use super::settle::joined;

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// An Ethernet port.
    Ethernet,
    /// Several ports that act as one.
    Bond {
        /// The ports.
        members: Vec<String>,
        /// How they share the work.
        mode: BondMode,
        /// Options of the kernel's driver, each as `name=value`.
        options: Vec<String>,
    },
    /// A VLAN on another interface.
    Vlan {
        /// That interface.
        link: String,
        /// Its number.
        id: u16,
    },
    /// A bridge.
    Bridge {
        /// Its ports.
        ports: Vec<String>,
        /// Whether it speaks the spanning tree protocol.
        stp: bool,
    },
}

impl Kind {
    /// The interfaces that it is made of.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        match self {
            Self::Ethernet => &[],
            Self::Bond { members, .. } => members,
            Self::Vlan { link, .. } => std::slice::from_ref(link),
            Self::Bridge { ports, .. } => ports,
        }
    }

    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Ethernet => "an Ethernet port",
            Self::Bond { .. } => "a bond",
            Self::Vlan { .. } => "a VLAN",
            Self::Bridge { .. } => "a bridge",
        }
    }

    /// What a part of it is called.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::Ethernet | Self::Vlan { .. } => "the link",
            Self::Bond { .. } => "a member",
            Self::Bridge { .. } => "a port",
        }
    }

    /// Why an interface of that kind is no part of it.
    pub(super) fn refuses(&self, part: &Kind) -> Option<&'static str> {
        match (self, part) {
            (_, Kind::Ethernet)
            | (Self::Vlan { .. }, Kind::Bond { .. } | Kind::Bridge { .. })
            | (Self::Bridge { .. }, Kind::Bond { .. } | Kind::Vlan { .. }) => None,
            (Self::Bond { .. }, _) => Some("a bond's members are Ethernet ports"),
            (Self::Bridge { .. }, _) => Some("a bridge's ports are Ethernet ports, bonds or VLANs"),
            _ => Some("a VLAN's link is an Ethernet port, a bond or a bridge"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ethernet => f.write_str("port"),
            Self::Bond { members, mode, options } => {
                write!(f, "bond of {} ({mode} {})", joined(members), options.join(" "))
            }
            Self::Vlan { link, id } => write!(f, "VLAN {id} on {link}"),
            Self::Bridge { ports, stp } => {
                write!(f, "bridge of {}{}", joined(ports), if *stp { " (stp)" } else { "" })
            }
        }
    }
}
