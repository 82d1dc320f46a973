//! Why something of a repository cannot be given.

use std::io;
use std::path::PathBuf;

use super::LockError;
use crate::base_image::FetchError;
use crate::interrupt::Interrupted;
use crate::tool::ToolError;

/// Why something of a repository cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// There is no such repository.
    #[error("the lab has no repository `{id}`; it has {known}")]
    NoRepository {
        /// What was asked for.
        id: String,
        /// Those that there are.
        known: String,
    },
    /// Its metadata do not name it, so nothing could prove it.
    #[error("the metadata of `{id}` name no `{path}`, so nothing could prove it")]
    NotListed {
        /// The repository.
        id: String,
        /// What was asked for.
        path: String,
    },
    /// `packages.lock` does not have it.
    #[error(
        "`packages.lock` has no `{path}` of `{id}`, and nothing else is given; `trainyard packages update` makes a new one"
    )]
    NotLocked {
        /// The repository.
        id: String,
        /// What was asked for.
        path: String,
    },
    /// What was brought or made is gone again.
    #[error(
        "`{path}` of `{id}` was made here and is gone: the next who asks for the repository has it made anew"
    )]
    Gone {
        /// The repository.
        id: String,
        /// What was asked for.
        path: String,
    },
    /// What is kept is not what it was.
    #[error(
        "`{path}` of `{id}` is kept and has rotted: `trainyard packages verify` removes it, and it is brought anew"
    )]
    Rotten {
        /// The repository.
        id: String,
        /// What it is.
        path: String,
    },
    /// What a lock names takes more than may be kept.
    #[error(
        "what `packages.lock` names takes {needed} MiB, more than the {budget} MiB that packages may take (`--package-budget`)"
    )]
    LargeLock {
        /// MiB that it needs.
        needed: u64,
        /// MiB that there may be.
        budget: u64,
    },
    /// The lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// `createrepo_c` is not there, or fails.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// No mirror has an index that can be used.
    #[error("the repository `{id}` cannot be had:{}", lines(tried))]
    NoIndex {
        /// The repository.
        id: String,
        /// URLs, and what was wrong there.
        tried: Vec<(String, String)>,
    },
    /// Its list of packages makes no sense.
    #[error("the list of packages of `{id}`, `{path}`, cannot be read: {what}")]
    List {
        /// The repository.
        id: String,
        /// The list.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// No mirror sends it, and the repository has changed since it was pinned.
    #[error(
        "{error}\nthe repository `{id}` has changed: {changed}; `trainyard packages update {id}` takes it as it is now"
    )]
    Changed {
        /// The repository.
        id: String,
        /// At which mirror, from what, to what.
        changed: String,
        /// Why it could not be had.
        error: Box<FetchError>,
    },
    /// It cannot be brought.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The cache is full of what was just used.
    #[error(
        "{needed} MiB more would be more than the {budget} MiB that packages may take (`--package-budget`), and all of that is locked or was used within the hour"
    )]
    Budget {
        /// MiB that it needs.
        needed: u64,
        /// MiB that there may be.
        budget: u64,
    },
    /// A file of the cache cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<Interrupted> for PackagesError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Fetch(interrupted.into())
    }
}

fn lines(tried: &[(String, String)]) -> String {
    tried.iter().map(|(url, what)| format!("\n  {url} {what}")).collect()
}
