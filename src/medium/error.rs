//! What can be wrong with a medium, with the way out.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a medium cannot be read. Every message names the image file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MediumError {
    /// The operating system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The image.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not an ISO 9660 image: {found}", path.display())]
    NotIso9660 {
        /// The image.
        path: PathBuf,
        /// What it is instead, and what to do.
        found: String,
    },
    /// The file ends before the volume does.
    #[error(
        "`{}` is truncated: its volume descriptor says {declared} bytes, the file has {actual} ({} are missing); \
         download it again and compare its checksum",
        path.display(),
        declared.saturating_sub(*actual)
    )]
    Truncated {
        /// The image.
        path: PathBuf,
        /// Bytes by the volume descriptor.
        declared: u64,
        /// Bytes of the file.
        actual: u64,
    },
    /// Bytes that cannot be right, or that this reader does not support.
    #[error("`{}` is damaged: {what} (at byte {at}); download it again and compare its checksum", path.display())]
    Damaged {
        /// The image.
        path: PathBuf,
        /// What was found.
        what: String,
        /// Where, in bytes from the start of the file.
        at: u64,
    },
    /// A file or directory that is needed is not there.
    #[error(
        "`{}` has no `{entry}`; is it an installation medium of the expected kind?",
        path.display()
    )]
    NotFound {
        /// The image.
        path: PathBuf,
        /// The path on the medium.
        entry: String,
    },
    /// Something of that name is there, but of another kind.
    #[error("`{entry}` on `{}` is {found}, not {wanted}", path.display())]
    WrongKind {
        /// The image.
        path: PathBuf,
        /// The path on the medium.
        entry: String,
        /// What it is.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// A file that is read whole is larger than any real one.
    #[error(
        "`{entry}` on `{}` is {size} bytes long, and at most {limit} are read; the medium is not of the expected kind",
        path.display()
    )]
    TooLarge {
        /// The image.
        path: PathBuf,
        /// The path on the medium.
        entry: String,
        /// Its bytes.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A file's own text or data makes no sense.
    #[error("`{entry}` on `{}` cannot be used: {problem}", path.display())]
    BadFile {
        /// The image.
        path: PathBuf,
        /// The path on the medium.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
}
