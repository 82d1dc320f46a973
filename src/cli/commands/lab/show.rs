//! The lab as it is: machines, how far their nodes are, and how they are reached.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::server::Server;
use super::At;
use crate::cli::ui::Ui;
use crate::machines::{Machine, Power, Seen, Wanted};

pub(super) fn status(at: &At, ui: &Ui) -> Result<()> {
    let (_, provider, wanted) = at.begun()?;
    let seen = provider.look(&wanted)?;
    // The server may have ended with the command that began it.
    let folder = crate::serve::Folder::at(at.state);
    let told =
        folder.address().and_then(|url| Server::at(at.state, url).ok()?.ask("nodes", &[]).ok());
    table(&wanted, &seen, told.as_ref(), ui)
}

/// A line for each machine.
pub(super) fn table(wanted: &Wanted, seen: &Seen, told: Option<&Value>, ui: &Ui) -> Result<()> {
    let text = || {
        let mut text = String::new();
        for machine in &wanted.machines {
            let power = seen.power(&machine.node);
            let way = told_of(told, &machine.node).and_then(|node| super::wait::said(&node));
            let way = way.map_or_else(String::new, |way| format!("  {way}"));
            let ssh = match power {
                Power::Running => format!("  trainyard lab ssh {}", machine.node),
                _ => String::new(),
            };
            let (power, node, address) = (json!(power), &machine.node, machine.address);
            let _ = writeln!(
                text,
                "{node}  {}  {address}{way}{ssh}",
                power.as_str().unwrap_or_default()
            );
        }
        for forward in wanted.machines.iter().flat_map(|machine| &machine.forwards) {
            if forward.name == "dashboard" {
                let _ = writeln!(text, "dashboard: http://{}/dashboard", forward.host);
            }
        }
        text
    };
    ui.result(text, &data(wanted, seen, told))
}

/// The same as data.
pub(super) fn data(wanted: &Wanted, seen: &Seen, told: Option<&Value>) -> Value {
    let one = |machine: &Machine| {
        json!({
            "node": machine.node, "machine": machine.name, "power": seen.power(&machine.node), "address": machine.address,
            "forwards": machine.forwards, "way": told_of(told, &machine.node),
        })
    };
    let machines: Vec<Value> = wanted.machines.iter().map(one).collect();
    json!({ "schema": 1, "lab": wanted.lab, "machines": machines })
}

/// What the lab's server knows of a node.
fn told_of(told: Option<&Value>, name: &str) -> Option<Value> {
    told?["nodes"].as_array()?.iter().find(|node| node["name"] == *name).cloned()
}
