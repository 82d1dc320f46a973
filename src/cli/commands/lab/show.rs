//! The lab as it is: machines, how far their nodes are, and how they are reached.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::Known;
use super::told::Told;
use crate::cli::ui::Ui;
use crate::machines::{Machine, Power, Seen, Wanted};

pub(super) fn status(state: &Path, ui: &Ui) -> Result<()> {
    let known = Known::open(state)?;
    let seen = known.provider.look(known.wanted())?;
    table(known.wanted(), &seen, Told::to(state, ui).nodes.as_ref(), ui)
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
        for (node, power) in left(wanted, seen) {
            let power = json!(power);
            let power = power.as_str().unwrap_or_default();
            let _ = writeln!(text, "{node}  {power}  {LEFT}: `trainyard lab down {node}`");
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
    let left: Vec<Value> =
        left(wanted, seen).map(|(node, power)| json!({ "node": node, "power": power })).collect();
    json!({ "schema": 1, "lab": wanted.lab, "machines": machines, "left": left })
}

/// What the lab's server knows of a node.
fn told_of(told: Option<&Value>, name: &str) -> Option<Value> {
    told?["nodes"].as_array()?.iter().find(|node| node["name"] == *name).cloned()
}
