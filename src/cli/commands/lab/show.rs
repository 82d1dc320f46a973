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
    let node = |name: &str| {
        let nodes = told.and_then(|told| told["nodes"].as_array()).into_iter().flatten();
        nodes.into_iter().find(|node| node["name"] == *name).cloned().unwrap_or(Value::Null)
    };
    let power = |machine: &Machine| seen.power(&machine.node);
    let text = || {
        let mut text = String::new();
        for machine in &wanted.machines {
            let way = super::wait::said(&node(&machine.node));
            let ssh = match power(machine) {
                Power::Running => format!("  trainyard lab ssh {}", machine.node),
                _ => String::new(),
            };
            let power = json!(power(machine));
            let power = power.as_str().unwrap_or_default();
            let (node, address) = (&machine.node, machine.address);
            let _ = writeln!(
                text,
                "{node}  {power}  {address}{}{ssh}",
                way.map_or_else(String::new, |way| format!("  {way}"))
            );
        }
        for forward in wanted.machines.iter().flat_map(|machine| &machine.forwards) {
            if forward.name == "dashboard" {
                let _ = writeln!(text, "dashboard: http://{}/dashboard", forward.host);
            }
        }
        text
    };
    let machines: Vec<Value> = wanted
        .machines
        .iter()
        .map(|machine| {
            json!({
                "node": machine.node, "machine": machine.name, "power": power(machine), "address": machine.address,
                "forwards": machine.forwards, "way": node(&machine.node),
            })
        })
        .collect();
    ui.result(text, &json!({ "schema": 1, "lab": wanted.lab, "machines": machines }))
}
