//! The mark that a built medium carries: what it was built for, and from what.

use serde::{Deserialize, Serialize};

/// Where the mark is on the medium.
pub const PATH: &str = "/trainyard.json";

/// What a medium was built for, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The version of this format; 1.
    pub schema: u32,
    /// The trainyard that built it.
    pub trainyard: String,
    /// The lab.
    pub lab: String,
    /// The node.
    pub node: String,
    /// Its role.
    pub role: String,
    /// The kickstart's SHA-256.
    pub kickstart_sha256: String,
    /// The base medium's label.
    pub base_label: String,
    /// The base medium's SHA-256.
    pub base_sha256: String,
}

impl Mark {
    /// The mark as it stands on the medium.
    pub(super) fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }
}
