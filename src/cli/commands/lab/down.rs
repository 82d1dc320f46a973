//! `lab down`: nothing is left, and nothing else is touched.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::Known;
use super::perform::perform;
use super::record::Record;
use super::up::planned;
use crate::cli::ui::Ui;
use crate::machines::{self, Act, Step};

/// The step that removes what a run leaves that dies before it has remembered anything, or when all but the folder is gone. Where there
/// is more in the folder, it is not the lab's any more as far as anybody knows.
fn begun_to_begin(state: &Path) -> Option<Step> {
    let record = Record::path(state);
    let (folder, name) = (record.parent()?, record.file_name()?.to_string_lossy());
    let mut inside = fs::read_dir(folder).ok()?.flatten();
    let growing = format!(".{name}.");
    let is_left = inside.all(|entry| entry.file_name().to_string_lossy().starts_with(&growing));
    let act = Act::Remove { path: folder.to_owned() };
    is_left.then(|| Step::lab("remove the lab's folder", act))
}

pub(super) fn down(state: &Path, names: &[String], dry_run: bool, ui: &Ui) -> Result<()> {
    if Record::read(state)?.is_none() {
        let steps: Vec<Step> = begun_to_begin(state).into_iter().collect();
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
    perform(&steps, wanted, |_| Ok(()), ui)
}
