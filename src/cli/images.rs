//! What the commands take that bring images, or ask who has them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::base_image::{Cache, Network};
use crate::digest::Digest;

/// What `fetch` takes.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// What to bring.
    #[command(flatten)]
    pub source: SourceArgs,
    /// How to bring it.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Hash what is there again, instead of believing its record
    #[arg(long)]
    pub verify: bool,
}

impl NetworkArgs {
    pub(super) fn network(&self) -> Network {
        Network {
            ca_file: self.ca_file.clone(),
            connect_time: self.connect_timeout,
            stall_time: self.stall_time,
            retries: self.retry,
            retry_delay: self.retry_delay,
        }
    }

    pub(super) fn cache(&self) -> Result<Cache> {
        cache(self.cache.as_deref())
    }
}

/// The cache in a folder, or the person's.
pub(super) fn cache(folder: Option<&Path>) -> Result<Cache> {
    Ok(folder.map_or_else(Cache::of_person, |folder| Ok(Cache::new(folder)))?)
}

/// Which image is meant, and what is known about it.
#[derive(Debug, Args)]
#[command(next_help_heading = "The image")]
pub struct SourceArgs {
    /// A name of `trainyard image list`; the lab's image where none is named
    #[arg(value_name = "IMAGE", conflicts_with = "url")]
    pub image: Option<String>,
    /// The lab's cloud image, from which `disk` makes disks
    #[arg(long, conflicts_with_all = ["image", "url"])]
    pub cloud: bool,
    /// Bring the file at this URL
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The file's SHA-256; without it, a signed list beside the file must say it
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<Digest>,
    /// The file's size in bytes
    #[arg(long, value_name = "BYTES")]
    pub size: Option<u64>,
    /// The medium's ISO 9660 volume id
    #[arg(long, value_name = "ID")]
    pub volume_id: Option<String>,
    /// A mirror to ask instead of those that are known; it holds the folder `7.9.2009`
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    pub mirror: Vec<String>,
    /// The public key that signed the list beside the file [default: CentOS 7's]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// How images are brought, and where they lie.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The network, and the cache")]
pub struct NetworkArgs {
    /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Trust these certificates (PEM) besides the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// How often to go through the mirrors again
    #[arg(long, value_name = "TIMES", default_value_t = 3)]
    pub retry: u32,
    /// The first pause between, in seconds; it doubles every time
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub retry_delay: Duration,
    /// How long a connection may take to stand, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = some_seconds)]
    pub connect_timeout: Duration,
    /// How long a server may send next to nothing, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = some_seconds)]
    pub stall_time: Duration,
}

/// Seconds, with a fraction if need be; a day at most.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "seconds are a number from 0 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let fits = (0.0..=86400.0).contains(&seconds);
    if fits { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

/// The same, and not nothing.
pub(super) fn some_seconds(text: &str) -> Result<Duration, String> {
    let seconds = seconds(text)?;
    if seconds.is_zero() { Err("it must be more than 0".into()) } else { Ok(seconds) }
}

/// What `image` can do.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// List the images that have a name, and those in the cache
    #[command(after_help = "Example: trainyard image list")]
    List {
        /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
    },
    /// Hash a file and tell which image it is
    #[command(after_help = "Example: trainyard image verify CentOS-7-x86_64-Minimal-2009.iso")]
    Verify {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What its SHA-256 must be; otherwise that of an image with a name
        #[arg(long, value_name = "HEX")]
        sha256: Option<Digest>,
    },
    /// Print where an image lies in the cache
    #[command(after_help = "Example: trainyard image path centos-7.9-minimal")]
    Path {
        /// Which one.
        #[command(flatten)]
        source: SourceArgs,
        /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
    },
    /// Remove downloads that were not finished, and with `--all` every image
    #[command(after_help = "Example: trainyard image prune")]
    Prune {
        /// Remove every image
        #[arg(long)]
        all: bool,
        /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
    },
}

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Ask no mirror
    #[arg(long, conflicts_with = "write")]
    pub offline: bool,
    /// Write the first mirror that carries all package repositories into the lab file
    #[arg(long)]
    pub write: bool,
    /// Ask these mirrors only for packages and the medium; each holds the folder `7.9.2009`
    #[arg(long, value_name = "URL")]
    pub mirror: Vec<String>,
    /// Ask these only for the lab's cloud image; each holds the image itself
    #[arg(long, value_name = "URL")]
    pub cloud_mirror: Vec<String>,
    /// How to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}
