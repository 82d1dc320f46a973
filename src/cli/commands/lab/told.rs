//! What nodes have told: by the lab's server, or, where it has ended, from what it has kept.

use std::path::Path;

use serde_json::Value;

use super::super::node::{escaped, events};
use super::super::server::Server;
use crate::cli::ui::Ui;
use crate::serve::{Folder, Kept};

/// Lines of what a node has told.
const LINES: usize = 5000;

/// What nodes have told.
pub(super) struct Told {
    /// The server that answers.
    server: Option<Server>,
    folder: Folder,
    /// All nodes, in the form of the server's answer.
    pub nodes: Option<Value>,
    /// All events, in the same.
    pub events: Option<Value>,
}

impl Told {
    pub fn to(state: &Path, ui: &Ui) -> Self {
        let folder = Folder::at(state);
        let server = folder.address().ok().and_then(|url| Server::at(state, url).ok());
        let asked = server.and_then(|server| Some((server.ask("nodes", &[]).ok()?, server)));
        if let Some((nodes, server)) = asked {
            let events = events(&server, 0, None).ok();
            return Self { server: Some(server), folder, nodes: Some(nodes), events };
        }
        let kept = Kept::read(&folder).unwrap_or_else(|error| {
            ui.note(format!("what nodes have told is left out: {error}"));
            None
        });
        let (nodes, events) = kept.map(|kept| (kept.nodes, kept.events)).unzip();
        Self { server: None, folder, nodes, events }
    }

    /// The last that a node has logged.
    pub fn log(&self, node: &str) -> Option<String> {
        let Some(server) = &self.server else { return Kept::log(&self.folder, node, LINES).ok() };
        let path = format!("nodes/{}/log", escaped(node));
        server.get(&path, &[("tail", &LINES.to_string())]).ok()?.text().ok()
    }
}
