//! What `lab` takes: the machines of a whole lab.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::images::{NetworkArgs, some_seconds};
use crate::machines::{self, Media};

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
        #[arg(value_name = "NODE", required_unless_present = "changed")]
        nodes: Vec<String>,
        /// Those of them that have changed since (`lab diff`); of all, where none is named
        #[arg(long)]
        changed: bool,
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
    #[command(after_help = "Example: trainyard lab status compute")]
    Status {
        /// Only these nodes, each with all that has happened to it
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Log in to a node, or run a command there
    #[command(after_help = "Example: trainyard lab ssh controller -- trainyard-node status")]
    Ssh {
        /// A private key to log in with, beside those that ssh knows
        #[arg(short = 'i', long, value_name = "FILE")]
        identity: Option<PathBuf>,
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
    #[command(after_help = "Example: trainyard lab verify --cold")]
    Verify {
        /// A private key to log in with, beside those that ssh knows
        #[arg(short = 'i', long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// Only these nodes
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        /// Switch all of them off first, and on again
        #[arg(long)]
        cold: bool,
        /// With `--cold`: how long they may take to come up, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = some_seconds)]
        patience: Duration,
    },
    /// Tell what has changed in the lab file since machines were made
    #[command(after_help = "Example: trainyard lab diff")]
    Diff {
        /// Only these nodes
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Keep the state of the machines under a name, or list what is kept
    #[command(after_help = "Example: trainyard lab snapshot verified")]
    Snapshot {
        /// The name; without one, those that there are are listed
        #[arg(value_name = "NAME", value_parser = snapshot_name)]
        name: Option<String>,
        /// Only this node; may be said several times
        #[arg(long, value_name = "NODE")]
        node: Vec<String>,
    },
    /// Bring machines back to a snapshot; what has happened since is lost
    #[command(after_help = "Example: trainyard lab restore verified")]
    Restore {
        /// The snapshot
        #[arg(value_name = "NAME", value_parser = snapshot_name)]
        name: String,
        /// Only this node; may be said several times
        #[arg(long, value_name = "NODE")]
        node: Vec<String>,
    },
    /// Put all that there is to see of the lab into one archive, without secrets
    #[command(after_help = "Example: trainyard lab collect -o train.tar.gz")]
    Collect {
        /// A private key to fetch nodes' own logs with, beside those that ssh knows
        #[arg(short = 'i', long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// The archive [default: LAB-collected.tar.gz]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace one that is there
        #[arg(long)]
        force: bool,
    },
    /// Print what `up` would do as a script, for VirtualBox
    #[command(after_help = "Example: trainyard lab script --shell powershell > up.ps1")]
    Script(ScriptArgs),
    /// Connect the cards of a network: what `up` begins for machines by QEMU
    #[command(
        hide = true,
        after_help = "Example: trainyard lab switch .trainyard/machines/networks/management"
    )]
    Switch {
        /// The network's folder
        folder: PathBuf,
        /// Its way out hears who asks for an address
        #[arg(long)]
        gives_addresses: bool,
    },
}

/// A name that every provider takes, and a command line.
fn snapshot_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.len() <= 64 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("a name has letters, digits, `-`, `_` and `.`, 64 at most, and begins with a letter or digit".into())
}

/// What `lab script` takes.
#[derive(Debug, Args)]
pub struct ScriptArgs {
    /// The script's language
    #[arg(long, value_enum, value_name = "SHELL", default_value = "bash")]
    pub shell: ScriptShell,
    /// Only these nodes
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// How machines become nodes [default: what the lab has begun with, or `iso`]
    #[arg(long, value_enum, value_name = "HOW")]
    pub via: Option<Via>,
    /// What starts the machines [default: what the lab has begun with, or `bios`]
    #[arg(long, value_enum, value_name = "FIRMWARE")]
    pub firmware: Option<Firmware>,
    /// The first of that machine's ports that are the lab's [default: what the lab has begun with, or 2200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1024..=50000))]
    pub port_base: Option<u16>,
    /// From nothing, whatever is in the VirtualBox here; so it is where there is none
    #[arg(long)]
    pub assume_empty: bool,
    /// For another host, from nothing: the folder of the machines there, a whole path
    #[arg(long, value_name = "DIR", value_parser = elsewhere)]
    pub folder: Option<PathBuf>,
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
#[derive(Clone, Debug, Args)]
pub struct HowArgs {
    /// What runs the machines [default: what the lab has begun with, or VirtualBox where it is there]
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub provider: Option<ProviderChoice>,
    /// How they become nodes [default: what the lab has begun with, or `iso`]
    #[arg(long, value_enum, value_name = "HOW")]
    pub via: Option<Via>,
    /// What starts the machines [default: what the lab has begun with, or `bios`]
    #[arg(long, value_enum, value_name = "FIRMWARE")]
    pub firmware: Option<Firmware>,
    /// The medium or cloud image [default: what was named last, or the lab's]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// The first of this machine's ports that are the lab's [default: what the lab has begun with, or 2200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1024..=50000))]
    pub port_base: Option<u16>,
    /// How long a node may take from one step of its way to the next, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = some_seconds)]
    pub patience: Duration,
    /// How long all nodes may take to one point, such as `installed=90m`; may be said several times
    #[arg(long, value_name = "POINT=TIME", value_parser = limit)]
    pub limit: Vec<(Milestone, Duration)>,
    /// Keep a snapshot when all nodes are installed, configured and verified: each time they restart
    #[arg(long)]
    pub snapshots: bool,
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

/// A point on a node's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// Its own system runs.
    Installed,
    /// Its stages are done.
    Configured,
    /// It has found itself as it should be.
    Verified,
}

impl Milestone {
    const ALL: [Self; 3] = [Self::Installed, Self::Configured, Self::Verified];

    /// What it is called, also as a snapshot.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Configured => "configured",
            Self::Verified => "verified",
        }
    }
}

/// A whole path of some system.
fn elsewhere(text: &str) -> Result<PathBuf, String> {
    let drive =
        matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    if drive || text.starts_with(['/', '\\']) {
        return Ok(text.into());
    }
    Err("say a whole path, as that host writes it: `/home/ann/train`, `C:\\labs\\train`".into())
}

/// A point on a node's way, and how long it may take.
fn limit(text: &str) -> Result<(Milestone, Duration), String> {
    let wrong = || {
        "say `installed`, `configured` or `verified`, and a time: `installed=90m`, `verified=3h`, `configured=5400s`".to_owned()
    };
    let (name, time) = text.split_once('=').ok_or_else(wrong)?;
    let milestone = Milestone::ALL.into_iter().find(|it| it.name() == name).ok_or_else(wrong)?;
    let end = time.len() - time.chars().next_back().map_or(0, char::len_utf8);
    let factor = match &time[end..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u32 = time[..end].parse().map_err(|_| wrong())?;
    if number == 0 {
        return Err(wrong());
    }
    Ok((milestone, Duration::from_secs(u64::from(number) * factor)))
}

/// What starts machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// A BIOS
    Bios,
    /// UEFI
    Efi,
}

impl Firmware {
    /// The same for those who make machines.
    #[must_use]
    pub fn machines(self) -> machines::Firmware {
        match self {
            Self::Bios => machines::Firmware::Bios,
            Self::Efi => machines::Firmware::Efi,
        }
    }
}

/// A script's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScriptShell {
    /// Bash, of Linux and macOS
    Bash,
    /// PowerShell, of Windows
    #[value(name = "powershell")]
    PowerShell,
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
    /// By the network, from this program, which serves the medium (QEMU only)
    Pxe,
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
            Self::Pxe => Media::Pxe,
            Self::Cloud => Media::Cloud,
        }
    }
}
