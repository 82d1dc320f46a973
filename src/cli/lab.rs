//! What `lab` takes: the machines of a whole lab.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::images::{NetworkArgs, some_seconds};
use crate::machines::Media;

/// What `lab` takes.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// The folder of the lab's state [default: `.trainyard` beside the lab file]
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: LabCommand,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Make the machines that are missing, start them, and wait until they are verified
    #[command(after_help = "Example: trainyard lab up --provider qemu --via cloud")]
    Up(UpArgs),
    /// Make nodes anew, and let the rest run
    #[command(after_help = "Example: trainyard lab rebuild compute")]
    Rebuild {
        /// The nodes
        #[arg(value_name = "NODE", required = true)]
        nodes: Vec<String>,
        /// How it is made, and how long is waited
        #[command(flatten)]
        how: HowArgs,
    },
    /// Take the lab's machines away, with their disks
    #[command(after_help = "Example: trainyard lab down")]
    Down {
        /// Only these nodes
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the machines, how far their nodes are, and how they are reached
    #[command(after_help = "Example: trainyard lab status")]
    Status,
    /// Log in to a node, or run a command there
    #[command(after_help = "Example: trainyard lab ssh controller -- trainyard-node status")]
    Ssh {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// What to run there
        #[arg(value_name = "COMMAND", trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// Show what a node says on its console
    #[command(after_help = "Example: trainyard lab console compute --follow")]
    Console {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// So many of its last lines
        #[arg(long, value_name = "N", default_value = "40")]
        tail: usize,
        /// Go on with what comes, until Ctrl-C
        #[arg(long)]
        follow: bool,
    },
    /// Verify the services of all nodes once more
    #[command(after_help = "Example: trainyard lab verify")]
    Verify {
        /// Only these nodes
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Connect the cards of a network: what `up` begins for machines by QEMU
    #[command(
        hide = true,
        after_help = "Example: trainyard lab switch .trainyard/machines/networks/management"
    )]
    Switch {
        /// The network's folder
        folder: PathBuf,
        /// Whether the way out gives addresses
        #[arg(long)]
        dhcp: bool,
    },
}

/// What `lab up` takes.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Only these nodes
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// How it is made, and how long is waited
    #[command(flatten)]
    pub how: HowArgs,
}

/// How machines are made.
#[derive(Debug, Args)]
pub struct HowArgs {
    /// What runs the machines [default: what the lab has begun with, or VirtualBox where it is there]
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub provider: Option<ProviderChoice>,
    /// How they become nodes [default: what the lab has begun with, or `iso`]
    #[arg(long, value_enum, value_name = "HOW")]
    pub via: Option<Via>,
    /// The medium or cloud image [default: the lab's]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// The first of this machine's ports that are the lab's [default: what the lab has begun with, or 2200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1024..=50000))]
    pub port_base: Option<u16>,
    /// How long a node may take from one step of its way to the next, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = some_seconds)]
    pub patience: Duration,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Go back to the shell when the machines are started
    #[arg(long)]
    pub no_wait: bool,
    /// Where images are
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// What runs machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    /// VirtualBox
    #[value(name = "virtualbox")]
    VirtualBox,
    /// QEMU, without root
    Qemu,
}

/// How machines become nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// By a medium of their own that installs them
    Iso,
    /// By the untouched medium, with a seed beside it
    Seed,
    /// By a cloud image, with a seed beside it; in minutes
    Cloud,
}

impl Via {
    /// What a machine is given for it.
    #[must_use]
    pub fn media(self) -> Media {
        match self {
            Self::Iso => Media::Iso,
            Self::Seed => Media::Seed,
            Self::Cloud => Media::Cloud,
        }
    }
}
