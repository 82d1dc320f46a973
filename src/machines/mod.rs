//! A lab's machines: what they are to be, what there is, and the steps between. One trait, and a room for each program that has
//! machines. Nothing is touched that is not the lab's own: what is, each room says.

pub mod console;
mod perform;
pub mod preflight;
pub mod qemu;
mod script;
mod step;
pub mod virtualbox;
mod wanted;
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use perform::perform;
pub use script::{Shell, script};
pub use step::{Act, Step};
pub use wanted::{Card, Disk, Firmware, Forward, Machine, Media, Network, Wanted, folder_of};
pub use watch::Watch;

use crate::disk::Format;
use crate::doctor::Check;
use crate::interrupt::Interrupted;
use crate::tool::ToolError;

/// What is remembered of a lab, in the folder of its machines. A folder that has something in it and not this is not the lab's.
pub const REMEMBERED: &str = "lab.json";
/// The folder of its nodes' machines there.
pub const NODES: &str = "nodes";
/// The folder of its networks there.
pub const NETWORKS: &str = "networks";

/// What lies in a folder of machines, but for what a death while [`REMEMBERED`] is written leaves.
#[must_use]
pub fn inside(folder: &Path) -> Vec<PathBuf> {
    let growing = format!(".{REMEMBERED}.");
    let is_left = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&growing))
    };
    entries(folder).into_iter().filter(|path| !is_left(path)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// The steps that take away what is left in a lab's folder when its machines have gone: `own`, and each folder in which nothing else is.
#[must_use]
pub fn emptied(folder: &Path, own: Vec<PathBuf>) -> Vec<Step> {
    let known = inside(folder);
    let left = entries(folder).into_iter().filter(|path| !known.contains(path));
    let left = left.map(|path| ("remove what was never written to its end".to_owned(), path));
    let own = own.into_iter().filter(|path| path.symlink_metadata().is_ok());
    let own = own.map(|path| (format!("remove {}", path.display()), path));
    let mut steps: Vec<Step> =
        left.chain(own).map(|(what, path)| Step::lab(what, Act::Remove { path })).collect();
    let empty = |what: &str, path: &Path| {
        let act = Act::RemoveEmpty { path: path.to_owned() };
        Step::lab(format!("remove {what}, where nothing else is in it"), act)
    };
    let folders = [("the nodes' folder", NODES), ("the networks' folder", NETWORKS)];
    for (what, name) in folders.iter().filter(|(_, name)| folder.join(name).exists()) {
        steps.push(empty(what, &folder.join(name)));
    }
    // Last: without it nobody looks for the rest.
    let path = folder.join(REMEMBERED);
    if path.exists() {
        steps.push(Step::lab("forget the lab", Act::Remove { path }));
    }
    let is_ours =
        |path: &PathBuf| [NODES, NETWORKS, REMEMBERED].iter().any(|own| *path == folder.join(own));
    if folder.exists() && known.iter().all(is_ours) {
        steps.push(empty("the lab's folder", folder));
    }
    steps
}

/// What is left in a lab's folder that is not the lab's, when nothing is left of it.
#[must_use]
pub fn strangers(folder: &Path) -> Vec<PathBuf> {
    let ours = [NODES, NETWORKS].map(|name| folder.join(name));
    let all = inside(folder).into_iter();
    all.flat_map(|path| if ours.contains(&path) { entries(&path) } else { vec![path] }).collect()
}

/// How a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// There is none.
    Missing,
    /// It was begun, and never whole: what made it was interrupted.
    Partial,
    /// It is whole, and does not run.
    Off,
    /// It runs.
    Running,
    /// It was stopped in the middle, as by a host that has gone to sleep, or by a person.
    Paused,
    /// The same, by its own program: the host did not take what it wrote to its disk.
    IoError,
    /// Its state was written down, and it does not run.
    Saved,
}

/// What there is of a lab.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// How each machine is, by its node. One that the lab file does not name any more is among them.
    pub machines: BTreeMap<String, Power>,
    /// The networks that are there, by what they are known as ([`Network::name`]).
    pub networks: Vec<String>,
    /// What has a name that the lab needs and is not the lab's, in words for a person. Nothing can be made while it is there.
    pub foreign: Vec<String>,
}

impl Seen {
    /// What there is when these nodes' machines have been taken away.
    #[must_use]
    pub fn without(&self, nodes: &[&str]) -> Self {
        let mut seen = self.clone();
        seen.machines.retain(|node, _| !nodes.contains(&node.as_str()));
        seen
    }

    /// How a node's machine is.
    #[must_use]
    pub fn power(&self, node: &str) -> Power {
        self.machines.get(node).copied().unwrap_or(Power::Missing)
    }
}

/// How a machine is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As by its button: its system ends what runs.
    Button,
    /// As by its plug.
    Plug,
}

/// Why something about machines failed.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A program.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A file or a socket.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It answers, and not as it should.
    #[error("{0}")]
    Said(String),
    /// What the lab file or an option says does not do here.
    #[error("{0}")]
    Unfit(String),
    /// Something is in the way that is not the lab's.
    #[error("{0}")]
    Foreign(String),
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl MachineError {
    /// What the system says of a file.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A program that has machines.
pub trait Provider {
    /// The form of the disks that it takes.
    fn format(&self) -> Format;

    /// The address by which nodes reach what listens at [`Provider::listens`] here.
    fn host(&self, wanted: &Wanted) -> Option<Ipv4Addr>;

    /// Where this machine has to listen, to be reached by nodes: its own loopback, where their networks lead there.
    fn listens(&self, _: &Wanted) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }

    /// What of the host stands in the way of the machines of these nodes, each with what to do about it. Nothing is changed.
    fn preflight(&self, wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Vec<Check>;

    /// What there is. Nothing is changed.
    ///
    /// # Errors
    /// It cannot be asked.
    fn look(&self, wanted: &Wanted) -> Result<Seen, MachineError>;

    /// The steps that make the machines of these nodes, with their networks, and start them. What is there and whole stays, and is
    /// started where it is off; what is partial is taken away first. Their media are there when the steps are done. `seen` counts:
    /// what it does not name is not there.
    ///
    /// # Errors
    /// It cannot be said.
    fn raise(
        &self,
        wanted: &Wanted,
        seen: &Seen,
        nodes: &[&str],
    ) -> Result<Vec<Step>, MachineError>;

    /// The steps that take the machines of these nodes away, with their disks.
    ///
    /// # Errors
    /// It cannot be said.
    fn raze(&self, wanted: &Wanted, seen: &Seen, nodes: &[&str])
    -> Result<Vec<Step>, MachineError>;

    /// The steps that take the networks and the lab's folder away, when no machine is left.
    ///
    /// # Errors
    /// It cannot be said.
    fn close(&self, wanted: &Wanted) -> Result<Vec<Step>, MachineError>;

    /// Stops a machine; returns at once.
    ///
    /// # Errors
    /// It cannot be told.
    fn stop(&self, machine: &Machine, how: Stop) -> Result<(), MachineError>;

    /// Starts one that is there and does not run.
    ///
    /// # Errors
    /// It does not start.
    fn start(&self, wanted: &Wanted, machine: &Machine) -> Result<(), MachineError>;

    /// Makes a picture of its screen.
    ///
    /// # Errors
    /// It cannot be made.
    fn screenshot(&self, machine: &Machine, to: &Path) -> Result<(), MachineError>;

    /// Takes, restores, lists or deletes pictures of a machine's state. (`Restore` needs one that is off.)
    ///
    /// # Errors
    /// It cannot be done.
    fn snapshot(&self, machine: &Machine, what: Snapshot) -> Result<Vec<String>, MachineError>;
}

/// What is done with snapshots, by their names. The answer names those that there are then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot<'a> {
    /// Makes one; one of the same name goes.
    Take(&'a str),
    /// Goes back to one.
    Restore(&'a str),
    /// Does nothing.
    List,
}
