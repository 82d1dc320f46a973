//! Steps: what is done to machines, as data, so that it can be shown before it is done, and printed as a script.

use std::path::PathBuf;

use serde::Serialize;

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Whose machine it is about; nothing where it is the lab's.
    pub node: Option<String>,
    /// What it does, in a few words.
    pub what: String,
    /// How.
    #[serde(flatten)]
    pub act: Act,
}

/// How a step is done. Each may be done again after it was interrupted.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Runs a program to its end.
    Run {
        /// The program's name.
        program: &'static str,
        /// Its arguments; no secret is among them.
        arguments: Vec<String>,
        /// Whether it is right that it fails, because what it takes away may be gone.
        may_fail: bool,
    },
    /// Starts a QEMU, which goes on by itself. One that runs stays.
    Start {
        /// Its arguments; no secret is among them.
        arguments: Vec<String>,
        /// Its QMP socket.
        socket: PathBuf,
    },
    /// Runs a program to its end, and again while it fails because something is locked: what has ended a moment ago may still hold it.
    Insist {
        /// The program's name.
        program: &'static str,
        /// Its arguments; no secret is among them.
        arguments: Vec<String>,
        /// How long it is tried.
        seconds: u64,
    },
    /// Begins a program that goes on by itself.
    Begin {
        /// Where it is.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
        /// The socket that is there when it has begun.
        until: PathBuf,
        /// The file that takes what it says.
        log: PathBuf,
    },
    /// Ends a network's switch, where one runs. It has ended when the step is done.
    Disconnect {
        /// Its socket.
        socket: PathBuf,
    },
    /// Makes a folder that nobody else may read.
    Folder {
        /// Which.
        path: PathBuf,
    },
    /// Makes the media of a node, which the machine is then started with: what a command of trainyard's own does.
    Media {
        /// The folder that they are in.
        path: PathBuf,
    },
    /// Writes a small file, whole or not at all.
    Write {
        /// Which.
        path: PathBuf,
        /// What is in it; no secret.
        text: String,
    },
    /// Tells something to a QEMU that runs, where one does.
    Tell {
        /// Its QMP socket.
        socket: PathBuf,
        /// The command.
        command: &'static str,
        /// Whether it has ended when the step is done.
        ends: bool,
    },
    /// Removes a file or a folder with all that is in it, where it is there. It lies below the lab's own folder.
    Remove {
        /// Which.
        path: PathBuf,
    },
    /// Removes a folder where it is there and nothing is in it; what is in it is not the lab's.
    RemoveEmpty {
        /// Which.
        path: PathBuf,
    },
}

impl Step {
    /// A step about a node's machine.
    #[must_use]
    pub fn of(node: &str, what: impl Into<String>, act: Act) -> Self {
        Self { node: Some(node.to_owned()), what: what.into(), act }
    }

    /// One about the lab.
    #[must_use]
    pub fn lab(what: impl Into<String>, act: Act) -> Self {
        Self { node: None, what: what.into(), act }
    }
}
