//! The machines of a whole lab: made, rebuilt, and taken away.

mod collect;
mod diff;
mod down;
mod kept;
mod media;
mod perform;
mod reach;
mod record;
mod server;
mod show;
mod told;
mod up;
mod wait;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use self::record::{Begun, Record, machines_of};
use super::load::{Good, chosen, load_good, load_secrets};
use super::serve::state_folder;
use crate::cli::lab::{LabArgs, LabCommand, ProviderChoice, UpArgs, Via};
use crate::cli::ui::Ui;
use crate::digest::Digest;
use crate::exit::{self, Failure};
use crate::machines::qemu::reach_directly;
use crate::machines::{Machine, Provider, Wanted};
use crate::plan::LAB_IDENTITY;
use crate::report::did_you_mean;
use crate::secrets::Secrets;
use crate::serve::{Folder, ServeError, Timeline};

/// The port of the lab's server, and of what leads to nodes the first.
const PORT_BASE: u16 = 2200;

pub(in crate::cli) fn lab(
    lab_file: &Path,
    secrets_file: &Path,
    args: &LabArgs,
    ui: &Ui,
) -> Result<()> {
    if let LabCommand::Switch { folder, gives_addresses } = &args.command {
        return switch(folder, *gives_addresses);
    }
    let state = state_folder(args.state.as_deref(), lab_file);
    let state = std::path::absolute(&state).unwrap_or(state);
    let is_change = match &args.command {
        LabCommand::Up(UpArgs { how, .. }) | LabCommand::Rebuild { how, .. } => !how.dry_run,
        LabCommand::Down { dry_run, .. } => !dry_run,
        LabCommand::Verify { cold, .. } => *cold,
        LabCommand::Snapshot { name, .. } => name.is_some(),
        LabCommand::Restore { .. } => true,
        _ => false,
    };
    let known = || Known::open(&state);
    let _one_at_a_time;
    // Where no lab was begun, no folder of one is made.
    let is_nothing =
        matches!(args.command, LabCommand::Down { .. }) && !machines_of(&state).exists();
    if is_change && !is_nothing {
        _one_at_a_time = alone(&state)?;
    }
    // These need neither lab file nor secrets, whatever has become of them.
    match &args.command {
        LabCommand::Down { nodes, dry_run } => return down::down(&state, nodes, *dry_run, ui),
        LabCommand::Status { nodes } => return show::status(&known()?, nodes, ui),
        LabCommand::Ssh { identity, node, command } => {
            return reach::ssh(&known()?, node, identity.as_deref(), command);
        }
        LabCommand::Console { node, tail, follow } => {
            return reach::console(&known()?, node, *tail, *follow);
        }
        LabCommand::Verify { identity, nodes, cold, patience } => {
            let (identity, cold) = (identity.as_deref(), cold.then_some(*patience));
            return reach::verify(&known()?, nodes, identity, cold, ui);
        }
        LabCommand::Snapshot { name, node } => {
            return kept::snapshot(&known()?, name.as_deref(), node, ui);
        }
        LabCommand::Restore { name, node } => return kept::restore(&known()?, name, node, ui),
        _ => {}
    }
    let good = load_good(lab_file, secrets_file, ui)?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let at = At { lab_file, secrets_file, state: &state, good: &good, secrets: &secrets };
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
        LabCommand::Collect { identity, output, force } => {
            collect::collect(&at, identity.as_deref(), output.as_deref(), *force, ui)
        }
        LabCommand::Script(script) => up::script(&at, script),
        LabCommand::Diff { nodes } => diff::diff(&at, nodes, ui),
        _ => Ok(()),
    }
}

/// A lab whose machines were begun, as it is remembered.
struct Known {
    /// The folder of its state.
    state: PathBuf,
    record: Record,
    provider: Box<dyn Provider>,
}

impl Known {
    fn open(state: &Path) -> Result<Self> {
        let Some(record) = Record::read(state)? else {
            let message = format!(
                "no machines of this lab have been made from `{}`: `trainyard lab up` makes them",
                state.display()
            );
            bail!(Failure::new(exit::USAGE, message));
        };
        let provider = record.begun.provider()?;
        Ok(Self { state: state.to_owned(), record, provider })
    }

    /// What its machines were to be.
    fn wanted(&self) -> &Wanted {
        &self.record.lab
    }

    /// Where is noted what is done to its machines; nothing where that cannot be, which is told.
    fn timeline(&self, ui: &Ui) -> Option<Timeline> {
        Timeline::kept(&Folder::at(&self.state)).unwrap_or_else(|error| {
            ui.note(format!("what is done is left out of what is known of the nodes: {error}"));
            None
        })
    }

    /// The machines of those nodes, or all.
    fn machines(&self, names: &[String]) -> Result<Vec<&Machine>> {
        if names.is_empty() {
            return Ok(self.wanted().machines.iter().collect());
        }
        names.iter().map(|name| self.machine(name)).collect()
    }

    fn machine(&self, name: &str) -> Result<&Machine> {
        let all = &self.wanted().machines;
        self.wanted().machine(name).ok_or_else(|| {
            let help = did_you_mean(name, all.iter().map(|it| it.node.as_str()));
            let message = format!(
                "no machine of a node `{name}` was begun: {help} (`trainyard lab up` begins those that the lab file has got since)"
            );
            Failure::new(exit::USAGE, message).into()
        })
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
    /// What its machines are to be, in this folder.
    fn wanted_in(&self, begun: Begun, folder: &Path) -> Wanted {
        let good = self.good;
        let identity = self.secrets.get(LAB_IDENTITY).map_or("", |identity| identity.reveal());
        // Others see this one, in VirtualBox's notes and in the plan.
        let identity = &Digest::of(identity.as_bytes()).to_string()[..16];
        let ports = begun.ports(&good.plan);
        let (media, firmware) = (begun.via.media(), begun.firmware.machines());
        let mut wanted =
            Wanted::of(&good.lab, &good.plan, identity, folder, (media, firmware), &ports);
        if begun.provider == ProviderChoice::Qemu {
            reach_directly(&mut wanted);
        }
        if begun.via == Via::Pxe {
            let host = wanted.management().and_then(|network| network.gateway);
            wanted.boot = host.map(|host| format!("http://{host}:{}/boot.ipxe", begun.port_base));
        }
        wanted
    }

    fn wanted(&self, begun: Begun) -> Wanted {
        self.wanted_in(begun, &self.machines())
    }

    /// The folder of its machines.
    fn machines(&self) -> PathBuf {
        machines_of(self.state)
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
    let path = lock_of(state);
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

/// What is locked while somebody changes a lab's machines.
fn lock_of(state: &Path) -> PathBuf {
    state.join("lab.lock")
}

/// Whether somebody changes them now.
fn is_at_work(state: &Path) -> bool {
    let lock = File::open(lock_of(state));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// What connects the machines of a network. It goes on when its terminal is closed, and ends when its socket is taken away.
#[cfg(unix)]
fn switch(folder: &Path, gives_addresses: bool) -> Result<()> {
    let _ = rustix::process::setsid();
    Ok(crate::machines::qemu::switch::Switch::begin(folder, gives_addresses)?.run()?)
}

#[cfg(not(unix))]
fn switch(_: &Path) -> Result<()> {
    bail!(Failure::new(exit::USAGE, crate::machines::qemu::NO_SOCKETS))
}
