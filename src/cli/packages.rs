//! What the commands take that keep package repositories.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::images::NetworkArgs;

/// How much of repositories is kept where nobody says: a lab with all of OpenStack takes some 2 GiB.
pub const PACKAGE_BUDGET: &str = "20GiB";
/// The same in bytes.
pub const BUDGET: u64 = 20 << 30;

/// How mirrors are asked, and how much is kept where.
#[derive(Debug, Args)]
pub struct KeptArgs {
    /// How mirrors are asked, and where it is kept.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How much is kept; what was not used for longest goes first
    #[arg(long, value_name = "SIZE", default_value = PACKAGE_BUDGET, value_parser = bytes)]
    pub package_budget: u64,
}

/// What `packages` can do.
#[derive(Debug, Subcommand)]
pub enum PackagesCommand {
    /// Pass the lab's repositories on to nodes, and keep what passes
    #[command(after_help = "Example: trainyard packages serve --listen 10.0.0.1:8080")]
    Serve {
        /// Where to listen [default: this machine's address on the management network, and the port of the lab's `package_cache`, or 8080]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// How many requests a second one address may send, after 4 times as many at once; 0: no limit
        #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
        rate: u32,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Show what is kept of each repository, and what it is pinned by
    #[command(after_help = "Example: trainyard packages status")]
    Status {
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Hash all that is kept, and ask whether repositories have changed
    #[command(after_help = "Example: trainyard packages verify")]
    Verify {
        /// Ask no mirror
        #[arg(long)]
        offline: bool,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Remove what no repository has any more, and unfinished downloads
    #[command(after_help = "Example: trainyard packages prune --unused 90")]
    Prune {
        /// And what no node has asked for in so many days
        #[arg(long, value_name = "DAYS", value_parser = days)]
        unused: Option<Duration>,
        /// And everything else
        #[arg(long)]
        all: bool,
        /// Only tell what would be removed
        #[arg(long)]
        dry_run: bool,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Write `packages.lock`: what nodes of each role will have, by dnf's solver, or what they have
    #[command(after_help = "Example: trainyard packages resolve")]
    Resolve {
        /// Ask no solver: lock what the lab's nodes have installed, as they told the server that installed them
        #[arg(long)]
        installed: bool,
        /// The folder in which that server keeps its state [default: `.trainyard` beside the lab file]
        #[arg(long, value_name = "DIR", requires = "installed")]
        state: Option<PathBuf>,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Show what a node has otherwise than `packages.lock` says
    #[command(
        after_help = "Example: trainyard packages diff compute <(ssh compute /usr/local/sbin/trainyard-node packages)"
    )]
    Diff {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// What `trainyard-node packages` said there; `-`: standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
    },
    /// Put what is locked on a data medium or into a folder, for nodes without a network
    #[command(after_help = "Example: trainyard packages bundle -o packages.iso")]
    Bundle {
        /// The medium, a file that ends with `.iso`; or a folder
        #[arg(short, long, value_name = "FILE.iso|FOLDER")]
        output: PathBuf,
        /// Replace what is there
        #[arg(long)]
        force: bool,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Pin repositories anew, as mirrors show them now, and make a new lock
    #[command(after_help = "Example: trainyard packages update centos-openstack-train")]
    Update {
        /// The repositories; all of the lab's where none is named
        #[arg(value_name = "REPOSITORY")]
        repositories: Vec<String>,
        /// What is kept.
        #[command(flatten)]
        kept: KeptArgs,
    },
}

/// A size with its unit, in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let found = units.into_iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    let number = found.and_then(|(number, bits)| Some((number.parse::<u32>().ok()?, bits)));
    match number {
        Some((number, bits)) if number > 0 => Ok(u64::from(number) << bits),
        _ => Err("a whole number with its unit, such as `20GiB` (MiB, GiB or TiB)".into()),
    }
}

fn days(text: &str) -> Result<Duration, String> {
    let days = text.parse::<u32>().map_err(|_| "a whole number of days".to_owned())?;
    Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

impl PackagesCommand {
    /// What is kept, where that matters.
    pub(super) fn kept(&self) -> Option<&KeptArgs> {
        match self {
            Self::Serve { kept, .. }
            | Self::Status { kept }
            | Self::Verify { kept, .. }
            | Self::Prune { kept, .. }
            | Self::Resolve { kept, .. }
            | Self::Bundle { kept, .. }
            | Self::Update { kept, .. } => Some(kept),
            Self::Diff { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BUDGET, PACKAGE_BUDGET, bytes};

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(PACKAGE_BUDGET), Ok(BUDGET));
        assert_eq!(bytes("3MiB"), Ok(3 << 20));
        for wrong in ["", "20", "GiB", "0GiB", "-1GiB", "1.5GiB", "20GB", "4294967296TiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
