//! `lab down`: nothing is left, and nothing else is touched.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::perform::perform;
use super::record::{Record, machines_of};
use super::up::planned;
use super::{Known, server};
use crate::cli::ui::Ui;
use crate::machines::{self, NETWORKS, NODES};
use crate::serve::{Folder, Timeline};

pub(super) fn down(state: &Path, names: &[String], dry_run: bool, ui: &Ui) -> Result<()> {
    if Record::read(state)?.is_none() {
        if !names.is_empty() {
            // It says that there are none.
            Known::open(state)?;
        }
        let folder = machines_of(state);
        // Other files, as an earlier `down` leaves them, are in nobody's way.
        if [NODES, NETWORKS].iter().any(|made| folder.join(made).exists()) {
            Record::refuse_foreign(&folder)?;
        }
        // What a run leaves that dies before it has remembered anything, or when all but the folder is gone.
        let steps = machines::emptied(&folder, Vec::new());
        if dry_run || steps.is_empty() {
            return ui.result(|| planned(&steps), &json!({ "schema": 1, "steps": steps }));
        }
        return steps.iter().try_for_each(|step| Ok(machines::perform(step, &mut |_| Ok(()))?));
    }
    let known = Known::open(state)?;
    let (provider, wanted) = (&known.provider, known.wanted());
    let seen = provider.look(wanted)?;
    // Machines of nodes that the lab file does not name any more are its own as well.
    let all: Vec<&str> = seen.machines.keys().map(String::as_str).collect();
    let mut nodes = all.clone();
    if !names.is_empty() {
        nodes.retain(|node| names.iter().any(|name| name == node));
        for name in names.iter().filter(|name| !nodes.contains(&name.as_str())) {
            known.machine(name)?;
        }
    }
    let mut steps = provider.raze(wanted, &seen, &nodes)?;
    if all.len() == nodes.len() {
        steps.extend(provider.close(wanted)?);
    }
    if dry_run {
        return ui.result(|| planned(&steps), &json!({ "schema": 1, "steps": steps }));
    }
    // First: whoever is interrupted finds them again as long as the machines are there.
    forget(&known, &nodes, names.is_empty(), ui)?;
    perform(&steps, wanted, |_| Ok(()), ui)?;
    if Record::read(state).is_ok_and(|it| it.is_none()) {
        for stranger in machines::strangers(&wanted.folder) {
            ui.note(format!("`{}` is not the lab's, and stays", stranger.display()));
        }
    }
    Ok(())
}

/// Removes the kickstarts that the lab's server has kept for these nodes, or for all of the lab's.
fn forget(known: &Known, nodes: &[&str], is_all: bool, ui: &Ui) -> Result<()> {
    let wanted = known.wanted();
    let url = server::url(&*known.provider, wanted, known.record.begun.port_base);
    let timeline = Timeline::kept(&Folder::at(&known.state)).unwrap_or_else(|error| {
        ui.note(format!(
            "kickstarts that were kept for these nodes stay, with their secrets: {error}"
        ));
        None
    });
    let Some((url, timeline)) = url.zip(timeline) else { return Ok(()) };
    let mut all: BTreeSet<&str> = nodes.iter().copied().collect();
    if is_all {
        // One that was about to be made may have none yet.
        all.extend(wanted.machines.iter().map(|machine| machine.node.as_str()));
    }
    for node in all {
        timeline.forget(node, &format!("{url}/r/"))?;
    }
    Ok(())
}
