//! What the host lacks, and what the world still has: each finding with what to do about it.

mod ask;
mod cloud;
mod host;
mod world;

use serde::Serialize;

pub use ask::{Progress, ask};
pub use cloud::{cloud_cached, cloud_file};
pub use host::{Needs, host, image_file};
pub use world::{AskedImage, Mirror, Thing, judge};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Not there, and only some things need it.
    Lacking,
    /// Something does not work without it.
    Bad,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A program.
    Program,
    /// The machine: its disk, memory and clock.
    Machine,
    /// What mirrors carry.
    Mirrors,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is.
    pub what: String,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do; nothing where it is good.
    pub fix: Option<String>,
}

impl Check {
    pub(crate) fn good(kind: Kind, what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { kind, what: what.into(), state: State::Good, seen: seen.into(), fix: None }
    }

    pub(crate) fn not(
        kind: Kind,
        what: impl Into<String>,
        state: State,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { kind, what: what.into(), state, seen: seen.into(), fix: Some(fix.into()) }
    }
}
