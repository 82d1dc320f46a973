//! Disks of machines: made from a cloud image by qemu-img, and read back before they are called done.

mod base;
mod header;
mod make;
mod qemu_img;
mod space;

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::appear::AppearError;
use crate::tool::ToolError;

pub use base::Base;
pub use make::{Made, Order, Step, empty, make};
pub use qemu_img::QemuImg;
pub(crate) use qemu_img::WANTED;

/// The form of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// QEMU's, as an overlay: what is not changed is read from the image.
    Qcow2,
    /// VirtualBox's.
    Vdi,
    /// VMware's.
    Vmdk,
    /// The bytes of the disk and nothing else.
    Raw,
}

impl Format {
    /// Its name, as qemu-img calls it; file names end with it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vdi => "vdi",
            Self::Vmdk => "vmdk",
            Self::Raw => "raw",
        }
    }
}

/// Why a disk cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The image is none that disks can be made from.
    #[error("no disk can be made from `{}`: {what}", path.display())]
    Base {
        /// The image.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The image's disk is larger than the node's.
    #[error(
        "`{}` is a disk of {}, and `{node}` has one of {}: say `disk: {}` or more for it in the lab file",
        path.display(), Size(*base), Size(*wanted), Size(*base)
    )]
    TooSmall {
        /// The image.
        path: PathBuf,
        /// Bytes of the image's disk.
        base: u64,
        /// The node.
        node: String,
        /// Bytes of the node's disk.
        wanted: u64,
    },
    /// It is there already.
    #[error("`{}` is there already: `--force` replaces it", .0.display())]
    Exists(PathBuf),
    /// It would replace what it is made from.
    #[error("`{}` is the image that the disk is made from; write somewhere else", .0.display())]
    IsBase(PathBuf),
    /// Another program has it open.
    #[error("`{}` is in use: another program, such as a running machine, has locked it; end that first, or write somewhere else", .0.display())]
    InUse(PathBuf),
    /// There is no room for it.
    #[error("`{}` has {} MiB free, and {} MiB are needed; free some, or write somewhere else with `-o`", folder.display(), free >> 20, needed.div_ceil(1 << 20))]
    NoSpace {
        /// Where it would be written.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// What was written does not read back as it was meant.
    #[error("the new `{}` does not read back as it was meant, and was deleted:\n{}", path.display(), findings.join("\n"))]
    ReadBack {
        /// Where it would have been.
        path: PathBuf,
        /// One line each.
        findings: Vec<String>,
    },
    /// What qemu-img says is not what it is known to say.
    #[error("{command}\nsaid what cannot be read: {why}")]
    Said {
        /// The whole command line.
        command: String,
        /// What is wrong with it.
        why: String,
    },
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

impl DiskError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A failure of qemu-img's while it had this file open: where that is in use, it says so in words of its own.
    fn with(path: &Path) -> impl FnOnce(ToolError) -> Self {
        move |error| match &error {
            ToolError::Failed { tail, .. } if tail.contains("lock\nIs another process using") => {
                Self::InUse(path.into())
            }
            _ => error.into(),
        }
    }
}

impl From<AppearError> for DiskError {
    fn from(error: AppearError) -> Self {
        match error {
            AppearError::Exists(path) => Self::Exists(path),
            AppearError::Interrupted(asked) => Self::Interrupted(asked),
            AppearError::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// A size in bytes, as the lab file writes it; rounded up to whole MiB.
#[derive(Clone, Copy)]
struct Size(u64);

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1 << 30) {
            write!(f, "{}GiB", self.0 >> 30)
        } else {
            write!(f, "{}MiB", self.0.div_ceil(1 << 20))
        }
    }
}
