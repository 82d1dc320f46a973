//! What was proved about an image, and how: a record, which is believed as long as the file was not touched.

use std::fs::{self, Metadata};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{FetchError, Place, cache};
use crate::digest::Digest;

/// Where a digest is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Evidence {
    /// The program knows it.
    Pinned,
    /// The lab file or the command line says it.
    Given,
    /// A signed list says it.
    Signed {
        /// The key's fingerprint.
        key: String,
        /// Where the list was.
        list: String,
    },
    /// The metadata of a package repository say it, which is pinned.
    Listed {
        /// The repository's id.
        repository: String,
    },
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pinned => f.write_str("the SHA-256 that trainyard knows"),
            Self::Given => f.write_str("the SHA-256 that was given"),
            Self::Signed { key, list } => write!(f, "{list}, signed by {key}"),
            Self::Listed { repository } => write!(f, "the metadata of `{repository}`"),
        }
    }
}

/// An image that is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The form of this record: 1.
    pub schema: u32,
    /// The digest that the file had.
    pub sha256: Digest,
    /// Why that is the right one.
    pub evidence: Evidence,
    /// The URL that ended the download.
    pub from: String,
    /// When it was proved (RFC 9110, section 5.6.7).
    pub when: String,
    stamp: Stamp,
}

/// What changes when a file is touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u128,
    inode: u64,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.unwrap_or_default().as_nanos();
        Self { size: metadata.len(), modified, inode: inode(metadata) }
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// Nothing but size and time tells there.
#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

impl Proof {
    /// The image's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Records that an image is proved.
    pub(super) fn record(
        place: &Place,
        sha256: Digest,
        evidence: Evidence,
        from: String,
    ) -> Result<Self, FetchError> {
        let image = &place.image;
        let stamp = Stamp::of(&fs::metadata(image).map_err(FetchError::io(image))?);
        let when = httpdate::fmt_http_date(SystemTime::now());
        let proof = Self { schema: 1, sha256, evidence, from, when, stamp };
        let path = &place.record;
        cache::make_folder(path)?;
        let mut json = serde_json::to_vec_pretty(&proof).unwrap_or_default();
        json.push(b'\n');
        fs::write(path, json).map_err(FetchError::io(path))?;
        Ok(proof)
    }

    /// The record of an image that is as it was when it was proved.
    #[must_use]
    pub fn of(place: &Place) -> Option<Self> {
        let proof: Self = serde_json::from_slice(&fs::read(&place.record).ok()?).ok()?;
        let stamp = Stamp::of(&fs::metadata(&place.image).ok()?);
        (proof.schema == 1 && proof.stamp == stamp).then_some(proof)
    }
}
