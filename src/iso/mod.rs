//! Installation media: a base medium that is copied and that xorriso adds to, read back before it is called done.

mod additions;
mod base;
mod boot;
mod checksum;
mod copy;
mod data;
mod diff;
mod edit;
pub mod efiboot;
mod inspect;
mod many;
mod mark;
mod readback;
mod reset;
mod role;
mod seed;
mod tools;

use std::io;
use std::path::{Path, PathBuf};

use crate::appear::AppearError;
use crate::medium::MediumError;
use crate::medium::packages::PackagesError;
use crate::render::boot_menu::BootMenuError;
use crate::tool::ToolError;

pub use additions::Addition;
pub use base::Base;
pub use boot::{SEED_LABEL, boot};
pub use copy::{contents, is_shared};
pub use data::Data;
pub use diff::{Change, Difference, diff, diff_media};
pub use inspect::{Inspection, inspect, inspect_medium};
pub use many::{Many, State};
pub use mark::{Mark, MarkBase, MarkNode};
pub use reset::{Reset, reset};
pub use role::{Built, Custom, Order, Prepared, Replace, Step};
pub use seed::{Seed, Seeded, seed, seeds};
pub use tools::Xorriso;

/// The path of the kickstart that the default entry of a role ISO starts with.
pub const KICKSTART: &str = "/ks.cfg";
/// Where changes to the installer itself are on a role ISO.
const UPDATES: &str = "/images/updates.img";

/// Why a medium cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// The base is no medium that an unattended ISO can be made from.
    #[error("`{}` cannot be used: {what}", path.display())]
    Base {
        /// The base.
        path: PathBuf,
        /// What is missing or wrong, and what to do.
        what: String,
    },
    /// The ISO is there already.
    #[error("`{}` is there already: `--force` replaces it", .0.display())]
    Exists(PathBuf),
    /// It would replace what it is built from.
    #[error("`{}` is the medium to build from; write somewhere else", .0.display())]
    IsBase(PathBuf),
    /// There is no room for it.
    #[error("`{}` has {} MiB free, and {} MiB are needed", folder.display(), free >> 20, needed.div_ceil(1 << 20))]
    NoSpace {
        /// Where it would be written.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The kickstart installs what the medium does not hold.
    #[error("the medium `{}` does not hold what the kickstart installs:\n{}", path.display(), missing.join("\n"))]
    Packages {
        /// The base.
        path: PathBuf,
        /// One line each.
        missing: Vec<String>,
    },
    /// What a person adds cannot be taken.
    #[error("`{}` cannot be added: {what}", path.display())]
    Addition {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// What was written does not read back as it was meant.
    #[error("the new `{}` does not read back as it was meant, and was deleted:\n{}", path.display(), findings.join("\n"))]
    ReadBack {
        /// Where it would have been.
        path: PathBuf,
        /// One line each.
        findings: Vec<String>,
    },
    /// A medium cannot be read.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// Its package data cannot be read.
    #[error(transparent)]
    PackageData(#[from] PackagesError),
    /// A boot menu cannot be read or changed.
    #[error("`{file}` of the medium: {source}")]
    BootMenu {
        /// The file on the medium.
        file: &'static str,
        /// What is wrong.
        source: BootMenuError,
    },
    /// The EFI boot image cannot be read or changed.
    #[error("`/images/efiboot.img` of the medium: {0}")]
    Efiboot(#[from] efiboot::EfibootError),
    /// An external program failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] crate::interrupt::Interrupted),
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl IsoError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// The same of a file that has another name while it grows.
    fn named(self, growing: &Path, output: &Path) -> Self {
        match self {
            Self::Io { path, source } if path == growing => Self::io(output)(source),
            other => other,
        }
    }
}

impl From<AppearError> for IsoError {
    fn from(error: AppearError) -> Self {
        match error {
            AppearError::Exists(path) => Self::Exists(path),
            AppearError::Interrupted(asked) => Self::Interrupted(asked),
            AppearError::Io { path, source } => Self::Io { path, source },
        }
    }
}
