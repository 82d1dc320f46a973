//! What the commands take that make media, or read them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::images::NetworkArgs;
use crate::iso::Addition;
use crate::render::boot_menu::{LONGEST_TIMEOUT_SECONDS, SERIAL_SPEEDS, Serial};

/// What `build` takes.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The nodes; all of them where none is named
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// Only the nodes of this role
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// One ISO for all of them, DIR/LAB.iso or DIR/ROLE.iso: it finds by the machine's MAC addresses which node it is, or has it chosen
    #[arg(long)]
    pub together: bool,
    /// The folder to write to: DIR/NODE.iso
    #[arg(short, long, value_name = "DIR", value_parser = output)]
    pub output: PathBuf,
    /// The CentOS 7.9 medium to build from [default: the lab's, which is brought where it is missing]
    #[arg(long, value_name = "ISO")]
    pub image: Option<PathBuf>,
    /// How to bring it.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// What may be replaced.
    #[command(flatten)]
    pub replace: ReplaceArgs,
    /// How to go about it.
    #[command(flatten)]
    pub how: HowToBuildArgs,
    /// How many to build at the same time [default: as many as there are processors and memory for]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    /// What else they shall have.
    #[command(flatten)]
    pub custom: CustomArgs,
}

/// What may be replaced.
#[derive(Clone, Copy, Debug, Args)]
pub struct ReplaceArgs {
    /// Replace ISOs that are out of date
    #[arg(long)]
    pub update: bool,
    /// Replace ISOs that are there, out of date or not
    #[arg(long)]
    pub force: bool,
}

/// How ISOs are built.
#[derive(Clone, Copy, Debug, Args)]
pub struct HowToBuildArgs {
    /// Read the medium through, even where it was not touched since that was done
    #[arg(long)]
    pub verify: bool,
    /// Say what would be built, and build nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What an ISO gets that the lab file does not say.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is on the medium")]
pub struct CustomArgs {
    /// Put a file or a folder onto it, at /PATH or at the top by its own name
    #[arg(long, value_name = "SOURCE[:/PATH]")]
    pub add: Vec<Addition>,
    /// Put this image of changes to the installer onto it, and have the installer use it
    #[arg(long, value_name = "FILE")]
    pub updates: Option<PathBuf>,
    /// Give every entry this argument of the kernel, besides those of the lab file
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub kernel_arg: Vec<String>,
    /// Take this argument out of every entry: a name with any value, or NAME=VALUE
    #[arg(long, value_name = "NAME")]
    pub without_kernel_arg: Vec<String>,
    /// Have boot loaders, kernel and installer use this serial line; `off`: none of them, whatever the lab file says
    #[arg(long, value_name = "ttyS0[,SPEED]|off")]
    pub serial_console: Option<SerialConsole>,
    /// The boot menu's title (of BIOS: GRUB's menu has none)
    #[arg(long, value_name = "TEXT")]
    pub menu_title: Option<String>,
    /// How long the boot menu waits; `none`: for a person
    #[arg(long, value_name = "SECONDS|none", value_parser = menu_timeout)]
    pub menu_timeout: Option<MenuTimeout>,
    /// Ask for the password in the first line of this file before an entry is changed or another one started
    #[arg(long, value_name = "FILE")]
    pub menu_password_file: Option<PathBuf>,
    /// Give the medium this volume id, in every reference to it
    #[arg(long, value_name = "ID")]
    pub volume_id: Option<String>,
    /// Leave the checksum out that the medium's own media check reads
    #[arg(long)]
    pub no_media_check: bool,
}

/// A serial line for the boot loaders, the kernel and the installer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialConsole {
    /// This one.
    On(Serial),
    /// None.
    Off,
}

impl std::str::FromStr for SerialConsole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let (line, speed) = text.split_once(',').unwrap_or((text, "115200"));
        let unit = line.strip_prefix("ttyS").and_then(|unit| unit.parse().ok());
        let speed = speed.parse().ok().filter(|speed| SERIAL_SPEEDS.contains(speed));
        match (unit.filter(|unit| *unit < 4), speed) {
            (Some(unit), Some(speed)) => Ok(Self::On(Serial { unit, speed })),
            _ => Err(format!(
                "it is `off`, or ttyS0 to ttyS3 with one of the speeds {SERIAL_SPEEDS:?} after a comma"
            )),
        }
    }
}

/// How long a boot menu waits: seconds, or nothing for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MenuTimeout(pub Option<u16>);

fn menu_timeout(text: &str) -> Result<MenuTimeout, String> {
    if text == "none" {
        return Ok(MenuTimeout(None));
    }
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_TIMEOUT_SECONDS);
    let wrong = || format!("it is `none`, or seconds from 0 to {LONGEST_TIMEOUT_SECONDS}");
    seconds.map(|seconds| MenuTimeout(Some(seconds))).ok_or_else(wrong)
}

/// Where something goes. The name is told as it is, in JSON as well, so it is text.
#[allow(clippy::unnecessary_wraps, reason = "clap asks for it")]
pub(super) fn output(path: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(path.into())
}

/// What `inspect` takes.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The medium
    #[arg(value_name = "ISO")]
    pub iso: PathBuf,
    /// List the files in which it differs from this medium
    #[arg(long, value_name = "BASE")]
    pub diff: Option<PathBuf>,
    /// Write one of its files to standard output
    #[arg(long, value_name = "PATH", conflicts_with = "diff")]
    pub extract: Option<String>,
}

/// What `seed` takes.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// The node; of seeds that are media and do not boot, several
    #[arg(value_name = "NODE", required = true)]
    pub nodes: Vec<String>,
    /// Where it goes [default: NODE-cidata.iso, NODE-oemdrv.iso, or the folder NODE-nocloud]; the folder for several
    #[arg(short, long, value_name = "FILE", value_parser = output)]
    pub output: Option<PathBuf>,
    /// What it is for
    #[arg(long, value_enum, default_value = "cidata")]
    pub kind: SeedKind,
    /// Where the folder of `nocloud-net` will be served, for what is printed
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Have `oemdrv` boot, and start the installer of the medium beside it
    #[arg(long)]
    pub boot: bool,
    /// The CentOS 7.9 medium to boot beside [default: the lab's, which is brought where it is missing]
    #[arg(long, value_name = "ISO", requires = "boot")]
    pub image: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// How to bring it.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// What a seed is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeedKind {
    /// A cloud image: cloud-init finds the medium by its label
    Cidata,
    /// An untouched CentOS medium: its installer finds the kickstart by the label
    Oemdrv,
    /// A cloud image that has an address by DHCP: a folder for a web server
    NocloudNet,
}
