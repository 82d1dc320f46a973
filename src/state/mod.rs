//! What must outlive a run of the server: how far each node is, and what happened to it.

mod life;
mod sqlite;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

pub use life::{Asked, Limits, Told};
pub use sqlite::Sqlite;
pub use token::Token;

/// Where a node is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has said yet that it is to be installed.
    New,
    /// It is installed when it next boots from the network.
    Armed,
    /// It has its kickstart.
    Installing,
    /// It has said that it is installed; it boots from its disk.
    Installed,
    /// It said that it failed, or nothing for too long.
    Failed,
}

impl State {
    /// All of them, in the order of a node's way.
    pub const ALL: [Self; 5] =
        [Self::New, Self::Armed, Self::Installing, Self::Installed, Self::Failed];

    /// As it is written everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Armed => "armed",
            Self::Installing => "installing",
            Self::Installed => "installed",
            Self::Failed => "failed",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// All that is known of how far a node is. Times are milliseconds since 1970, by this machine's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// Its name in the lab.
    pub name: String,
    /// Where it is.
    pub state: State,
    /// Since when.
    pub since: u64,
    /// When it was last heard of.
    pub seen: Option<u64>,
    /// The last that it did, in words.
    pub step: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// How often it has begun to be installed since it was armed.
    pub attempts: u32,
    /// Whether it has asked what to boot since it last fetched its kickstart.
    pub booted: bool,
    /// The address that its kickstart was last fetched from, since it was armed: nothing else tells whose a log is that comes from there.
    pub fetched_from: Option<IpAddr>,
    /// What opens its kickstart and the medium, from its arming until it has ended.
    pub files: Option<Token>,
    /// What lets it tell of itself, from its arming until the next one.
    pub report: Option<Token>,
    /// What the node itself last said of its stages, as `trainyard-node status --format json` says it.
    pub stages: Option<serde_json::Value>,
}

impl NodeState {
    /// A node that nothing is known of.
    #[must_use]
    pub fn new(name: &str, now: u64) -> Self {
        Self {
            name: name.to_owned(),
            state: State::New,
            since: now,
            seen: None,
            step: String::new(),
            reason: None,
            attempts: 0,
            booted: false,
            fetched_from: None,
            files: None,
            report: None,
            stages: None,
        }
    }
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Counts up.
    pub id: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// The node.
    pub node: String,
    /// Where it is since then.
    pub state: State,
    /// What happened, in words.
    pub text: String,
}

/// What is to be kept at once: a node as it is now, and what happened to it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The node.
    pub node: NodeState,
    /// What happened.
    pub event: Event,
}

/// Where states and events are kept.
pub trait Store: Send {
    /// Every node that is known.
    ///
    /// # Errors
    /// It cannot be read.
    fn nodes(&self) -> Result<Vec<NodeState>, StateError>;

    /// Keeps all of these, or none. What was kept survives the end of this process, and of this machine.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep(&mut self, changes: &[Change]) -> Result<(), StateError>;

    /// Events after this one, oldest first and at most so many; of one node, or of all.
    ///
    /// # Errors
    /// It cannot be read.
    fn events(&self, after: u64, node: Option<&str>, most: usize)
    -> Result<Vec<Event>, StateError>;

    /// The last event's number, or 0.
    ///
    /// # Errors
    /// It cannot be read.
    fn last_event(&self) -> Result<u64, StateError>;
}

/// Why states cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database fails.
    #[error("`{}`: {source}; {help}", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
        /// What to do.
        help: &'static str,
    },
    /// It holds what no version of this program wrote.
    #[error("`{}` is of a later trainyard (version {found} of its tables, and this one knows {known}): use that one, or another folder", path.display())]
    Later {
        /// Its file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The one that is known.
        known: i64,
    },
    /// A file cannot be used.
    #[error("`{}`: {source}; {help}", path.display(), help = sqlite::WRITABLE)]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
