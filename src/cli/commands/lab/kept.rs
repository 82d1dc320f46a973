//! `lab snapshot` and `lab restore`: the state of machines, kept and brought back.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::Known;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::{Machine, Power, Provider, Seen, Snapshot, Stop, Wanted};
use crate::serve::Timeline;

/// How long a node's system may take to end by itself.
const BUTTON: Duration = Duration::from_secs(180);
const TICK: Duration = Duration::from_millis(500);

/// Takes a snapshot of that name of each node, or lists those that there are.
pub(super) fn snapshot(lab: &Known, name: Option<&str>, names: &[String], ui: &Ui) -> Result<()> {
    let (provider, wanted) = (&*lab.provider, lab.wanted());
    let machines = lab.machines(names)?;
    if let Some(name) = name {
        take(provider, wanted, &machines, name, lab.timeline(ui).as_ref(), ui)?;
    }
    let mut listed = Vec::new();
    let seen = provider.look(wanted)?;
    for machine in machines {
        // What is not there has none.
        let is_there = is_there(&seen, machine);
        let all = if is_there { provider.snapshot(machine, Snapshot::List)? } else { Vec::new() };
        listed.push((machine.node.as_str(), all));
    }
    let text = || listed.iter().map(|(node, all)| format!("{node}  {}\n", all.join(" "))).collect();
    let nodes: Vec<_> =
        listed.iter().map(|(node, all)| json!({ "node": node, "snapshots": all })).collect();
    ui.result(text, &json!({ "schema": 1, "nodes": nodes }))
}

/// Takes a snapshot of each machine while all of them are off, so that they fit each other.
pub(super) fn take(
    provider: &dyn Provider,
    wanted: &Wanted,
    machines: &[&Machine],
    name: &str,
    timeline: Option<&Timeline>,
    ui: &Ui,
) -> Result<()> {
    check_there(&provider.look(wanted)?, machines)?;
    stopped(provider, wanted, machines, timeline, ui, |machine| {
        ui.note(format!("{}: snapshot {name}", machine.node));
        provider.snapshot(machine, Snapshot::Take(name))?;
        note(timeline, machine, &format!("its disks are kept as the snapshot {name}"));
        Ok(())
    })
}

/// Brings nodes back to a snapshot. What has happened to them since is lost.
pub(super) fn restore(lab: &Known, name: &str, names: &[String], ui: &Ui) -> Result<()> {
    let (provider, wanted) = (&*lab.provider, lab.wanted());
    let machines = lab.machines(names)?;
    check_there(&provider.look(wanted)?, &machines)?;
    for machine in &machines {
        if !provider.snapshot(machine, Snapshot::List)?.iter().any(|known| known == name) {
            let message = format!(
                "{} has no snapshot `{name}`: `trainyard lab snapshot` lists them",
                machine.node
            );
            bail!(Failure::new(exit::USAGE, message));
        }
    }
    let timeline = lab.timeline(ui);
    let timeline = timeline.as_ref();
    let back = || -> Result<()> {
        let seen = provider.look(wanted)?;
        for machine in &machines {
            // Its system need not end well: what it writes is lost anyway.
            if is_on(seen.power(&machine.node)) {
                provider.stop(machine, Stop::Plug)?;
            }
        }
        off(provider, wanted, &machines, BUTTON)?;
        for machine in &machines {
            ui.note(format!("{}: back to {name}", machine.node));
            provider.snapshot(machine, Snapshot::Restore(name))?;
            if let Some(timeline) = timeline {
                let text = format!("its disks are those of the snapshot {name} again");
                timeline.starts(&machine.node, &text);
            }
        }
        // Only now: those that run are all as they were together.
        machines.iter().try_for_each(|machine| start(provider, wanted, machine, timeline))
    };
    back().inspect_err(|_| {
        if interrupt::check().is_err() {
            ui.note(format!("interrupted: `trainyard lab restore {name}` once more brings all of them back; until then `trainyard lab up` starts them as they are"));
        }
    })
}

fn is_there(seen: &Seen, machine: &Machine) -> bool {
    !matches!(seen.power(&machine.node), Power::Missing | Power::Partial)
}

/// Before anything is done to any of them: those that are kept together come back together.
fn check_there(seen: &Seen, machines: &[&Machine]) -> Result<()> {
    let Some(missing) = machines.iter().find(|machine| !is_there(seen, machine)) else {
        return Ok(());
    };
    let node = &missing.node;
    let message = format!(
        "the machine of {node} is not there, or not whole: `trainyard lab up {node}` makes it, or name those that are (`--node`)"
    );
    bail!(Failure::new(exit::USAGE, message))
}

/// Whether there is a process of it.
fn is_on(power: Power) -> bool {
    matches!(power, Power::Running | Power::Paused | Power::IoError)
}

/// Does something to machines while they are off, and starts those again that ran.
pub(super) fn stopped(
    provider: &dyn Provider,
    wanted: &Wanted,
    machines: &[&Machine],
    timeline: Option<&Timeline>,
    ui: &Ui,
    mut each: impl FnMut(&Machine) -> Result<()>,
) -> Result<()> {
    let seen = provider.look(wanted)?;
    let ran: Vec<&Machine> =
        machines.iter().copied().filter(|machine| is_on(seen.power(&machine.node))).collect();
    for machine in &ran {
        ui.note(format!("{}: switch it off, as by its button", machine.node));
        provider.stop(machine, Stop::Button)?;
        note(timeline, machine, "its machine is told to switch off, as by its button");
    }
    let done = off(provider, wanted, machines, BUTTON)
        .and_then(|()| machines.iter().try_for_each(|machine| each(machine)));
    // Some are still on their way to being off, and nobody waits for them.
    if interrupt::check().is_err() && !ran.is_empty() {
        ui.note("interrupted: machines that were told to switch themselves off do so; `trainyard lab up` starts them again");
        return done;
    }
    // Also where something failed: they ran before.
    let seen = provider.look(wanted)?;
    for machine in ran.iter().filter(|machine| seen.power(&machine.node) == Power::Off) {
        start(provider, wanted, machine, timeline)?;
    }
    done
}

fn start(
    provider: &dyn Provider,
    wanted: &Wanted,
    machine: &Machine,
    timeline: Option<&Timeline>,
) -> Result<()> {
    // Before: what it tells then is not forgotten with the rest.
    if let Some(timeline) = timeline {
        timeline.starts(&machine.node, "its machine is started");
    }
    Ok(provider.start(wanted, machine)?)
}

fn note(timeline: Option<&Timeline>, machine: &Machine, text: &str) {
    if let Some(timeline) = timeline {
        timeline.note(&machine.node, text);
    }
}

/// Waits until none of them runs.
fn off(
    provider: &dyn Provider,
    wanted: &Wanted,
    machines: &[&Machine],
    limit: Duration,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        interrupt::check()?;
        let seen = provider.look(wanted)?;
        let on = machines.iter().find(|machine| is_on(seen.power(&machine.node)));
        let Some(machine) = on else { return Ok(()) };
        if begun.elapsed() > limit {
            let message = format!(
                "{} does not end by itself in {} s: `trainyard lab console {}` shows what it does",
                machine.node,
                limit.as_secs(),
                machine.node
            );
            bail!(Failure::new(exit::VERIFICATION, message));
        }
        thread::sleep(TICK);
    }
}
