//! The mark that a built medium carries: what made it, for whom, from what, and what it has otherwise than its base.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Where the mark is on the medium.
pub const PATH: &str = "/trainyard.json";
/// Where the bytes of the base are kept that are not in their place.
pub const UNDO: &str = "/trainyard.base";

/// It names every file that was added.
pub(super) const LARGEST: u64 = 32 << 20;

/// What a medium was built for, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The version of this format; 2.
    pub schema: u32,
    /// The trainyard that built it.
    pub trainyard: String,
    /// When (RFC 9110, section 5.6.7); `SOURCE_DATE_EPOCH` where that was set.
    pub made: String,
    /// The lab.
    pub lab: String,
    /// The lab file's SHA-256.
    pub lab_file_sha256: Digest,
    /// For which nodes.
    pub nodes: Vec<MarkNode>,
    /// What it was built from.
    pub base: MarkBase,
    /// Its volume id.
    pub volume_id: String,
    /// Whether it carries a checksum for its own media check.
    pub media_check: bool,
    /// The SHA-256 of every file that it has otherwise than its base, by path.
    pub files: BTreeMap<String, Digest>,
    /// The folders that a person added, empty ones among them.
    pub folders: Vec<String>,
    /// Which bytes of the base are not here, or were written over; they are kept in a file of the medium, one after the other.
    pub undo: Vec<Place>,
}

/// A node that a medium installs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkNode {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Where its kickstart is on the medium.
    pub kickstart: String,
}

/// The medium that another was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkBase {
    /// Its volume id.
    pub volume_id: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// How many of its first bytes are here. Behind them it has zeros, but for what is kept.
    pub here: u64,
}

/// Bytes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The first one.
    pub at: u64,
    /// How many.
    pub length: u64,
}

/// The version of the format.
pub(super) const SCHEMA: u32 = 2;

impl Mark {
    /// Reads one. Of another version nothing is understood.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        if value["schema"] != SCHEMA {
            return Err(format!(
                "its format is {}, and this trainyard knows {SCHEMA}",
                value["schema"]
            ));
        }
        serde_json::from_value(value).map_err(|e| e.to_string())
    }

    /// The mark as it stands on the medium.
    pub(super) fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }

    /// Whether a medium with this mark has nothing otherwise than one with that.
    pub(super) fn is_as_good_as(&self, other: &Self) -> bool {
        // A comment in the lab file changes no node, and a day later nothing is older.
        let bare = |mark: &Self| Self {
            trainyard: String::new(),
            made: String::new(),
            lab_file_sha256: other.lab_file_sha256,
            ..mark.clone()
        };
        bare(self) == bare(other)
    }
}
