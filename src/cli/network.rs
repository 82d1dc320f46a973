//! What the commands take that install by network, and that ask how far it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;

use super::images::some_seconds;
use super::packages::{PACKAGE_BUDGET, bytes};

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The CentOS 7.9 medium to install from [default: the lab's, which `fetch` brings]
    #[arg(long, value_name = "ISO")]
    pub image: Option<PathBuf>,
    /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Where to listen [default: port 8080 of this machine's address on the management network]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// What nodes know this server as, where that is not the address that it listens at
    #[arg(long, value_name = "URL", value_parser = server_url)]
    pub url: Option<String>,
    /// A network whose machines may fetch kickstarts [default: the management network, and this machine where it listens to itself alone]
    #[arg(long, value_name = "CIDR")]
    pub allow: Vec<IpNet>,
    /// By what is served beside plain HTTP
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Serve the seeds of cloud images alone, without a medium
    #[arg(long, conflicts_with_all = ["image", "dhcp"])]
    pub seeds: bool,
    /// Install no node before `trainyard node arm` says so
    #[arg(long)]
    pub no_arm: bool,
    /// How long a node may say nothing while it is installed, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = some_seconds)]
    pub silence: Duration,
    /// How long a node stays armed that does not ask what to boot, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = some_seconds)]
    pub armed_for: Duration,
    /// How often a node may begin to be installed before it counts as failed
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempts: u32,
    /// How many requests a second one address may send, after 4 times as many at once; 0: no limit
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub rate: u32,
    /// How much of package repositories is kept in the cache
    #[arg(long, value_name = "SIZE", default_value = PACKAGE_BUDGET, value_parser = bytes)]
    pub package_budget: u64,
    /// The folder in which the server keeps its state [default: `.trainyard` beside the lab file]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Call this program on each event, which it finds in its environment (`TRAINYARD_NODE`, `_STATE`, `_TEXT`, `_EVENT`)
    #[arg(long, value_name = "PROGRAM")]
    pub on_event: Option<PathBuf>,
    /// Sign kickstarts and seeds with this OpenSSH key, into `ks.sig` and so on beside each
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
    /// How machines that boot from the network are led to the server
    #[command(flatten)]
    pub dhcp: DhcpArgs,
}

/// TLS, at the same port.
#[derive(Debug, Args)]
pub struct TlsArgs {
    /// Give secrets by TLS alone, with a certificate that is made for this lab
    #[arg(long)]
    pub tls: bool,
    /// The same with this certificate, and those that prove it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// How machines are led to the server.
#[derive(Debug, Args)]
pub struct DhcpArgs {
    /// Lead machines to the server by dnsmasq, which needs root: beside another DHCP server, or where there is none
    #[arg(long, value_name = "HOW", value_enum, default_value = "none")]
    pub dhcp: DhcpMode,
    /// What machines without iPXE are given first
    #[arg(long, value_name = "WHAT", value_enum, default_value = "ipxe")]
    pub loader: LoaderChoice,
    /// With `--dhcp full`: give these addresses to machines that the lab does not know by a card
    #[arg(long, value_name = "FIRST,LAST", value_parser = range)]
    pub dhcp_range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// The folder with `undionly.kpxe` and `snponly.efi` [default: the distribution's]
    #[arg(long, value_name = "DIR")]
    pub ipxe: Option<PathBuf>,
    /// Only print dnsmasq's configuration, for one that is run by hand
    #[arg(long)]
    pub print_dnsmasq: bool,
}

/// Who gives addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DhcpMode {
    /// Whoever does; it must lead machines here
    None,
    /// Another DHCP server, beside which dnsmasq says what to boot
    Proxy,
    /// dnsmasq, to the lab's nodes; for a network without a DHCP server
    Full,
}

/// What firmware without iPXE is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoaderChoice {
    /// iPXE
    Ipxe,
    /// UEFI: the medium's signed GRUB, for Secure Boot; BIOS: PXELINUX
    Grub,
}

fn range(text: &str) -> Result<(Ipv4Addr, Ipv4Addr), String> {
    let both = text
        .split_once(',')
        .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    both.ok_or_else(|| {
        "two addresses with a comma between them, such as 10.0.0.100,10.0.0.199".into()
    })
}

/// It goes into kickstarts and scripts, and no path follows it.
fn server_url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_web || !bare || !url.username().is_empty() {
        return Err(
            "http or https, a name or address and a port, such as http://10.0.0.2:8080".into()
        );
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Which server `node` speaks to.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// The server [default: the one of this lab]
    #[arg(long, value_name = "URL", value_parser = server_url, global = true)]
    pub server: Option<String>,
    /// Trust the certificates of this PEM file where `--server` has TLS [default: the system's]
    #[arg(long, value_name = "FILE", global = true, requires = "server")]
    pub ca_file: Option<PathBuf>,
    /// The folder in which it keeps its state [default: `.trainyard` beside the lab file]
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: NodeCommand,
}

/// What `node` can do.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Install these nodes when they next boot from the network
    #[command(after_help = "Example: trainyard node arm compute")]
    Arm {
        /// The nodes
        #[arg(value_name = "NODE", required = true)]
        nodes: Vec<String>,
    },
    /// Say where an armed node's seed is, for a machine with a cloud image
    #[command(after_help = "Example: trainyard node seed compute")]
    Seed {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
    },
    /// Show how far the nodes are
    #[command(after_help = "Example: trainyard node status --watch")]
    Status {
        /// The nodes; all of them where none is named
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        /// Then tell what happens, until Ctrl-C
        #[arg(long)]
        watch: bool,
    },
    /// Show what a node's installer logs, and the stages that fail there
    #[command(after_help = "Example: trainyard node logs compute --follow")]
    Logs {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// Only so many last lines
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
        /// Go on with what is logged, until Ctrl-C
        #[arg(long)]
        follow: bool,
    },
    /// Tell what has happened
    #[command(after_help = "Example: trainyard node events compute --follow")]
    Events {
        /// The node; all of them where none is named
        #[arg(value_name = "NODE")]
        node: Option<String>,
        /// Only what came after the event of this number
        #[arg(long, value_name = "N", default_value = "0")]
        after: u64,
        /// Go on with what happens, until Ctrl-C
        #[arg(long)]
        follow: bool,
        /// Tell it with the time between, so many times as fast
        #[arg(long, value_name = "TIMES", num_args = 0..=1, require_equals = true, default_missing_value = "60", conflicts_with = "follow")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        replay: Option<u64>,
    },
}
