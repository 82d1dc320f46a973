//! `lab down`: nothing is left, and nothing else is touched.

use anyhow::Result;
use serde_json::json;

use super::At;
use super::perform::perform;
use super::record::Record;
use super::up::planned;
use crate::cli::ui::Ui;
use crate::machines::Step;

pub(super) fn down(at: &At, names: &[String], dry_run: bool, ui: &Ui) -> Result<()> {
    if Record::read(at.state)?.is_none() {
        let nothing: [Step; 0] = [];
        return ui.result(|| planned(&nothing), &json!({ "schema": 1, "steps": nothing }));
    }
    let (_, provider, wanted) = at.begun()?;
    let seen = provider.look(&wanted)?;
    // Machines of nodes that the lab file does not name any more are its own as well.
    let all: Vec<String> = seen.machines.keys().cloned().collect();
    let nodes: Vec<&str> = if names.is_empty() {
        all.iter().map(String::as_str).collect()
    } else {
        names.iter().map(String::as_str).filter(|name| all.iter().any(|it| it == name)).collect()
    };
    if !names.is_empty() && nodes.len() < names.len() {
        // Says which one the lab does not know.
        let known: Vec<String> = names.iter().filter(|name| !all.contains(name)).cloned().collect();
        at.nodes(&known)?;
    }
    let mut steps = provider.raze(&wanted, &seen, &nodes)?;
    if all.iter().all(|node| nodes.contains(&node.as_str())) {
        steps.extend(provider.close(&wanted)?);
    }
    if dry_run {
        return ui.result(|| planned(&steps), &json!({ "schema": 1, "steps": steps }));
    }
    perform(&steps, &wanted, |_| Ok(()), ui)
}
