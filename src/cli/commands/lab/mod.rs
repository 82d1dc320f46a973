//! The machines of a whole lab: made, rebuilt, and taken away.

mod collect;
mod diff;
mod down;
mod kept;
mod media;
mod perform;
mod reach;
mod record;
mod show;
mod up;
mod wait;

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use self::record::Record;
use super::load::{Good, chosen, load_good, load_secrets};
use super::serve::state_folder;
use crate::cli::lab::{LabArgs, LabCommand, UpArgs};
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::machines::{Provider, Wanted};
use crate::plan::LAB_IDENTITY;
use crate::secrets::Secrets;
use crate::serve::{Folder, ServeError};

/// The port of the lab's server, and of what leads to nodes the first.
const PORT_BASE: u16 = 2200;

pub(in crate::cli) fn lab(
    lab_file: &Path,
    secrets_file: &Path,
    args: &LabArgs,
    ui: &Ui,
) -> Result<()> {
    if let LabCommand::Switch { folder } = &args.command {
        return switch(folder);
    }
    let state = state_folder(args.state.as_deref(), lab_file);
    let state = std::path::absolute(&state).unwrap_or(state);
    let good = load_good(lab_file, secrets_file, ui)?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let at = At { lab_file, secrets_file, state: &state, good: &good, secrets: &secrets };
    let is_change = match &args.command {
        LabCommand::Up(UpArgs { how, .. }) | LabCommand::Rebuild { how, .. } => !how.dry_run,
        LabCommand::Down { dry_run, .. } => !dry_run,
        LabCommand::Verify { cold, .. } => *cold,
        LabCommand::Snapshot { name, .. } => name.is_some(),
        LabCommand::Restore { .. } => true,
        _ => false,
    };
    let _one_at_a_time = if is_change { Some(alone(&state)?) } else { None };
    match &args.command {
        LabCommand::Up(up) => up::up(&at, &up.nodes, &up.how, false, ui),
        LabCommand::Rebuild { nodes, changed: false, how } => up::up(&at, nodes, how, true, ui),
        LabCommand::Rebuild { nodes, changed: true, how } => {
            let changed = diff::changed(&at, nodes)?.into_iter().map(|(node, _)| node);
            let changed: Vec<String> = changed.collect();
            if changed.is_empty() {
                ui.note("no node has changed since its machine was made");
                return Ok(());
            }
            up::up(&at, &changed, how, true, ui)
        }
        LabCommand::Down { nodes, dry_run } => down::down(&at, nodes, *dry_run, ui),
        LabCommand::Status => show::status(&at, ui),
        LabCommand::Ssh { node, command } => reach::ssh(&at, node, command),
        LabCommand::Console { node, tail, follow } => reach::console(&at, node, *tail, *follow),
        LabCommand::Verify { nodes, cold, patience } => {
            let cold = cold.then_some(*patience);
            reach::verify(&at, nodes, cold, ui)
        }
        LabCommand::Collect { output, force } => {
            collect::collect(&at, output.as_deref(), *force, ui)
        }
        LabCommand::Script { shell, nodes, via } => up::script(&at, nodes, *shell, *via),
        LabCommand::Diff { nodes } => diff::diff(&at, nodes, ui),
        LabCommand::Snapshot { name, node } => kept::snapshot(&at, name.as_deref(), node, ui),
        LabCommand::Restore { name, node } => kept::restore(&at, name, node, ui),
        LabCommand::Switch { .. } => Ok(()),
    }
}

/// A lab, and where it is.
struct At<'a> {
    lab_file: &'a Path,
    secrets_file: &'a Path,
    state: &'a Path,
    good: &'a Good,
    secrets: &'a Secrets,
}

impl At<'_> {
    /// The lab's machines as they were begun.
    fn begun(&self) -> Result<(Record, Box<dyn Provider>, Wanted)> {
        let Some(record) = Record::read(self.state)? else {
            let message = format!(
                "no machines of this lab have been made from `{}`: `trainyard lab up` makes them",
                self.state.display()
            );
            bail!(Failure::new(exit::USAGE, message));
        };
        let provider = record.provider()?;
        let wanted = self.wanted(&record);
        Ok((record, provider, wanted))
    }

    /// What its machines are to be.
    fn wanted(&self, record: &Record) -> Wanted {
        let good = self.good;
        let identity = self.secrets.get(LAB_IDENTITY).map_or("", |identity| identity.reveal());
        let ports = record.ports(&good.plan);
        Wanted::of(
            &good.lab,
            &good.plan,
            identity,
            &self.state.join("machines"),
            record.via.media(),
            &ports,
        )
    }

    /// The nodes of those names, or all.
    fn nodes(&self, names: &[String]) -> Result<Vec<&str>> {
        Ok(chosen(&self.good.plan, names)?.into_iter().map(|node| node.name.as_str()).collect())
    }
}

/// One at a time changes a lab's machines. The lock goes with the process that has it.
fn alone(state: &Path) -> Result<File> {
    // As the server makes it, whose tokens lie there.
    Folder::open(state).map_err(|source| ServeError::Folder { path: state.to_owned(), source })?;
    let path = state.join("lab.lock");
    let lock = File::options().create(true).append(true).open(&path);
    let lock = lock.with_context(|| format!("`{}`", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let message = format!(
                "another trainyard is at work on this lab's machines (it has `{}`): wait for it, or end it",
                path.display()
            );
            bail!(Failure::new(exit::REFUSED, message))
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("`{}`", path.display()))
        }
    }
}

/// What connects the machines of a network. It goes on when its terminal is closed, and ends when its socket is taken away.
#[cfg(unix)]
fn switch(folder: &Path) -> Result<()> {
    let _ = rustix::process::setsid();
    Ok(crate::machines::qemu::switch::Switch::begin(folder)?.run()?)
}

#[cfg(not(unix))]
fn switch(_: &Path) -> Result<()> {
    bail!(Failure::new(exit::USAGE, crate::machines::qemu::NO_SOCKETS))
}
