//! The lab as it is: machines, how far their nodes are, and how they are reached.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::node::line;
use super::Known;
use super::told::Told;
use crate::cli::ui::Ui;
use crate::machines::{Machine, Power, Seen, Wanted};

pub(super) fn status(known: &Known, names: &[String], ui: &Ui) -> Result<()> {
    let mut seen = known.provider.look(known.wanted())?;
    let told = Told::to(&known.state, ui);
    if names.is_empty() {
        return table(known.wanted(), &seen, told.nodes.as_ref(), None, ui);
    }
    known.machines(names)?;
    let is_named = |node: &str| names.iter().any(|name| name == node);
    seen.machines.retain(|node, _| is_named(node));
    let events = told.events.unwrap_or_default();
    table(&known.wanted().only(is_named), &seen, told.nodes.as_ref(), Some(&events), ui)
}

/// What has happened to a node, of all events.
pub(super) fn timeline<'e>(events: &'e Value, node: &str) -> Vec<&'e Value> {
    let all = events["events"].as_array().into_iter().flatten();
    all.filter(|event| event["node"] == *node).collect()
}

/// What there is to say of a machine whose node the lab does not have any more.
const LEFT: &str =
    "the lab file does not name it any more, and it is left alone; what takes it away";

/// The machines of nodes that the lab file did not name when `lab up` last read it.
pub(super) fn left<'s>(
    wanted: &'s Wanted,
    seen: &'s Seen,
) -> impl Iterator<Item = (&'s str, Power)> {
    let left = seen.machines.iter().filter(|(node, _)| wanted.machine(node).is_none());
    left.map(|(node, power)| (node.as_str(), *power))
}

/// Says so of each.
pub(super) fn tell_left(wanted: &Wanted, seen: &Seen, ui: &Ui) {
    for (node, _) in left(wanted, seen) {
        ui.note(format!("{node}: {LEFT}: `trainyard lab down {node}`"));
    }
}

/// A line for each machine; with events, those of each after it.
pub(super) fn table(
    wanted: &Wanted,
    seen: &Seen,
    told: Option<&Value>,
    events: Option<&Value>,
    ui: &Ui,
) -> Result<()> {
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
            let events = events.map(|events| timeline(events, node)).unwrap_or_default();
            text.extend(events.into_iter().map(|event| format!("  {}", line(event))));
        }
        for (node, power) in left(wanted, seen) {
            let power = json!(power);
            let power = power.as_str().unwrap_or_default();
            let _ = writeln!(text, "{node}  {power}  {LEFT}: `trainyard lab down {node}`");
        }
        for forward in wanted.machines.iter().flat_map(|machine| &machine.forwards) {
            if forward.name == "dashboard" {
                let scheme = if forward.guest.port() == 443 { "https" } else { "http" };
                let _ = writeln!(text, "dashboard: {scheme}://{}/dashboard", forward.host);
            }
        }
        text
    };
    ui.result(text, &data(wanted, seen, told, events))
}

/// The same as data.
pub(super) fn data(
    wanted: &Wanted,
    seen: &Seen,
    told: Option<&Value>,
    events: Option<&Value>,
) -> Value {
    let one = |machine: &Machine| {
        let mut one = json!({
            "node": machine.node, "machine": machine.name, "power": seen.power(&machine.node), "address": machine.address,
            "forwards": machine.forwards, "way": told_of(told, &machine.node),
        });
        if let Some(events) = events {
            one["timeline"] = json!(timeline(events, &machine.node));
        }
        one
    };
    let machines: Vec<Value> = wanted.machines.iter().map(one).collect();
    let left: Vec<Value> =
        left(wanted, seen).map(|(node, power)| json!({ "node": node, "power": power })).collect();
    json!({ "schema": 1, "lab": wanted.lab, "machines": machines, "left": left })
}

/// What the lab's server knows of a node.
fn told_of(told: Option<&Value>, name: &str) -> Option<Value> {
    told?["nodes"].as_array()?.iter().find(|node| node["name"] == *name).cloned()
}
