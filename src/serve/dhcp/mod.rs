//! DHCP and TFTP beside the server, by dnsmasq: who is given an address, and what leads firmware to the server.

mod child;
mod configuration;
mod loaders;
mod other;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{fs, io};

use ipnet::Ipv4Net;

pub use child::{DNSMASQ, Dnsmasq, kept_running};
pub use configuration::Places;
pub use loaders::{Loaders, ldlinux};

use crate::exit;
use crate::medium::MediumError;
use crate::model::{Mac, Network};
use crate::plan::{InterfacePlan, NodePlan, Plan};
use crate::tool::ToolError;

/// Who gives addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Another server does; dnsmasq only adds what to boot.
    Proxy,
    /// dnsmasq does, to the lab's machines.
    Full,
}

/// What firmware without iPXE is led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// iPXE.
    Ipxe,
    /// The medium's own GRUB, which Secure Boot takes, by UEFI; PXELINUX by BIOS.
    Grub,
}

/// What dnsmasq is to do.
#[derive(Clone, Debug)]
pub struct Dhcp {
    lab: String,
    mode: Mode,
    loader: Loader,
    /// Where it listens.
    address: Ipv4Addr,
    /// What nodes know the server as.
    url: String,
    network: Ipv4Net,
    gateway: Option<Ipv4Addr>,
    dns: Vec<Ipv4Addr>,
    /// Addresses for machines that the lab does not know by a hardware address.
    range: Option<(Ipv4Addr, Ipv4Addr)>,
    nodes: Vec<Reservation>,
}

/// Whose address it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reservation {
    node: String,
    macs: Vec<Mac>,
    address: Ipv4Addr,
}

/// Why there is no DHCP.
#[derive(Debug, thiserror::Error)]
pub enum DhcpError {
    /// Nobody asks there.
    #[error(
        "`--dhcp` needs a server that listens at one address of this machine in the nodes' network, and {0} is none: `--listen` says which"
    )]
    Address(IpAddr),
    /// Nodes are elsewhere.
    #[error(
        "the server listens at {address}, outside of the management network {network}: dnsmasq gives the nodes' addresses only where they are; `--listen` says where"
    )]
    Elsewhere {
        /// Where it listens.
        address: Ipv4Addr,
        /// Where nodes are.
        network: Ipv4Net,
    },
    /// The range cannot be given.
    #[error("`--dhcp-range {0},{1}`: {2}")]
    Range(Ipv4Addr, Ipv4Addr, String),
    /// It is another server's network.
    #[error(
        "`--loader grub` needs `--dhcp full`: GRUB and PXELINUX ask where the server that gave them their address says"
    )]
    GrubByProxy,
    /// GRUB does not reach it.
    #[error(
        "`--loader grub` needs a server at port 80, the only one that the medium's GRUB is known to ask: `--listen {0}:80`"
    )]
    GrubPort(Ipv4Addr),
    /// GRUB cannot fetch by HTTP.
    #[error(
        "the GRUB of `{}` (EFI/BOOT/grubx64.efi) cannot fetch by HTTP: `--loader ipxe` needs none of it", .0.display()
    )]
    GrubHttp(PathBuf),
    /// A boot loader is missing.
    #[error("`{name}` is needed {purpose}, and is in none of {}: install it ({hint}){}", listed(places), option.map(|it| format!(", or say where it is (`{it}`)")).unwrap_or_default())]
    NoLoader {
        /// Its file.
        name: &'static str,
        /// What for.
        purpose: &'static str,
        /// Where it was looked for.
        places: Vec<PathBuf>,
        /// The packages that have it.
        hint: &'static str,
        /// What names another folder.
        option: Option<&'static str>,
    },
    /// There would be two.
    #[error(
        "a DHCP server answers on this network already, at {0}: `--dhcp proxy` leaves the addresses to it"
    )]
    Another(SocketAddr),
    /// Files cannot be laid out for it.
    #[error("`{}`: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The medium cannot be read.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// dnsmasq cannot be run, or has ended.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It may not do what it must.
    #[error(
        "{0}\nDHCP needs the rights of root, or CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW: run the server by `sudo`, or without `--dhcp` beside a dnsmasq of your own (`--print-dnsmasq`)"
    )]
    NotRoot(ToolError),
    /// It has not begun.
    #[error("dnsmasq has not said within {0} s that it started")]
    Silent(u64),
}

fn listed(places: &[PathBuf]) -> String {
    places.iter().map(|it| format!("`{}`", it.display())).collect::<Vec<_>>().join(", ")
}

impl DhcpError {
    /// Its exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Address(_)
            | Self::Elsewhere { .. }
            | Self::Range(..)
            | Self::GrubByProxy
            | Self::GrubPort(_) => exit::USAGE,
            Self::NoLoader { .. } => exit::PROGRAM_MISSING,
            Self::Another(_) => exit::REFUSED,
            Self::GrubHttp(_) | Self::Files { .. } | Self::Medium(_) => exit::INPUT,
            Self::Tool(error) | Self::NotRoot(error) => exit::of_tool(error),
            Self::Silent(_) => exit::PROGRAM_FAILED,
        }
    }
}

/// What a person chose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Who gives addresses.
    pub mode: Mode,
    /// What firmware is led to.
    pub loader: Loader,
    /// Addresses for machines that the lab does not know.
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
}

impl Dhcp {
    /// What dnsmasq is to do for a lab's server that listens at this address.
    ///
    /// # Errors
    /// It cannot be done there.
    pub fn new(
        choice: Choice,
        listen: SocketAddr,
        url: &str,
        plan: &Plan,
        management: Option<&Network>,
    ) -> Result<Self, DhcpError> {
        let Choice { mode, loader, range } = choice;
        let address = match listen.ip() {
            IpAddr::V4(it) if !it.is_loopback() && !it.is_unspecified() => it,
            other => return Err(DhcpError::Address(other)),
        };
        let network = plan.nodes.iter().find_map(|node| node.management.parse::<Ipv4Net>().ok());
        let network = network.map_or_else(|| Ipv4Net::from(address), |it| it.trunc());
        if !network.contains(&address) {
            return Err(DhcpError::Elsewhere { address, network });
        }
        if let Some((first, last)) = range {
            if mode == Mode::Proxy {
                let why = "beside another DHCP server dnsmasq gives no addresses";
                return Err(DhcpError::Range(first, last, why.into()));
            }
            check_range(first, last, network)?;
        }
        if loader == Loader::Grub {
            if mode == Mode::Proxy {
                return Err(DhcpError::GrubByProxy);
            }
            if url::Url::parse(url).is_ok_and(|url| url.port_or_known_default() != Some(80)) {
                return Err(DhcpError::GrubPort(address));
            }
        }
        let dns = management.into_iter().flat_map(|network| &network.dns);
        Ok(Self {
            lab: plan.lab.clone(),
            mode,
            loader,
            address,
            url: url.to_owned(),
            network,
            gateway: management.and_then(|network| network.gateway),
            dns: dns
                .filter_map(|it| if let IpAddr::V4(it) = it { Some(*it) } else { None })
                .collect(),
            range,
            nodes: plan.nodes.iter().filter_map(reservation).collect(),
        })
    }

    /// The configuration for a dnsmasq that is run by hand, with what must be put where.
    #[must_use]
    pub fn by_hand(&self, ipxe: Option<&Path>) -> String {
        let places = Loaders::by_hand(self.loader, ipxe);
        let mut text = String::new();
        if self.loader == Loader::Grub {
            let tftp = places.tftp.display();
            let url = &self.url;
            text = format!(
                "# Put into {tftp}: the distribution's lpxelinux.0; the medium's EFI/BOOT/BOOTX64.EFI and EFI/BOOT/grubx64.efi, with these names;
# and {url}/grub.cfg as EFI/BOOT/grub.cfg.
"
            );
        }
        text + &self.configuration(&places)
    }

    /// The nodes that may get no address: their machines are known by something else than a card, and may have other cards than the lab
    /// makes up.
    #[must_use]
    pub fn without_address<'p>(&self, plan: &'p Plan) -> Vec<&'p str> {
        let is_given = |node: &NodePlan| {
            let by_other = node.machine.serial.is_some() || node.machine.uuid.is_some();
            let reserved = self.nodes.iter().find(|it| it.node == node.name);
            reserved.is_some_and(|it| {
                !by_other || it.macs.iter().any(|mac| node.machine.macs.contains(mac))
            })
        };
        let all = plan.nodes.iter().filter(|_| self.mode == Mode::Full && self.range.is_none());
        all.filter(|node| !is_given(node)).map(|node| node.name.as_str()).collect()
    }
}

fn check_range(first: Ipv4Addr, last: Ipv4Addr, network: Ipv4Net) -> Result<(), DhcpError> {
    let wrong = |why: String| Err(DhcpError::Range(first, last, why));
    let inside = |it| network.contains(&it) && it != network.network() && it != network.broadcast();
    if !inside(first) || !inside(last) {
        return wrong(format!("both must be addresses in the management network {network}"));
    }
    if first > last {
        return wrong("the first comes after the last".into());
    }
    Ok(())
}

/// Gives the nodes of a lab their addresses, by a dnsmasq that looks into this folder.
///
/// # Errors
/// The file cannot be written.
pub fn reserve(folder: &Path, plan: &Plan) -> Result<(), DhcpError> {
    let all: String =
        plan.nodes.iter().filter_map(reservation).map(|node| format!("{node}\n")).collect();
    let path = folder.join("nodes");
    fs::write(&path, all).and_then(|()| loaders::let_read(&path)).map_err(loaders::files(&path))
}

/// A node's address, and the cards that it may boot from: those below its management interface.
fn reservation(node: &NodePlan) -> Option<Reservation> {
    let management = node.interfaces.iter().find(|it| it.address == Some(node.address))?;
    let macs = cards(management, &node.interfaces);
    (!macs.is_empty()).then(|| Reservation { node: node.name.clone(), macs, address: node.address })
}

fn cards(interface: &InterfacePlan, all: &[InterfacePlan]) -> Vec<Mac> {
    let parts = interface.kind.parts().iter();
    let parts = parts.filter_map(|name| all.iter().find(|it| it.name == *name));
    interface.mac.into_iter().chain(parts.flat_map(|part| cards(part, all))).collect()
}
