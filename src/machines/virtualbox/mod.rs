//! VirtualBox, by its program VBoxManage. See `docs/virtualbox.md`.

mod bridge;
mod host;
mod machine;
mod manage;
mod networks;
mod preflight;
mod raise;
mod raze;
pub mod read;
mod there;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

pub use self::manage::WANTED as VBOX_MANAGE;
use self::manage::{Manage, PROGRAM, Vm};
use self::there::There;
use super::{
    Act, Machine, MachineError, Power, Provider, Seen, Snapshot, Step, Stop, Wanted, emptied,
    perform,
};
use crate::disk::Format;
use crate::doctor::Check;
use crate::spec::Attach;
use crate::tool::ToolError;

/// How long what has just ended may hold its machine, in seconds.
const PATIENCE: u64 = 60;

/// VirtualBox.
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualBox;

/// The steps that make and start the machines of these nodes on a host that cannot be asked, and on which there is nothing of the lab.
///
/// # Errors
/// What they are depends on the host.
pub fn from_nothing(wanted: &Wanted, nodes: &[&str]) -> Result<Vec<Step>, MachineError> {
    raise::raise(&There::nothing(wanted), wanted, &Seen::default(), nodes)
}

/// A step that runs VBoxManage.
fn run<'a>(arguments: impl IntoIterator<Item = &'a str>, may_fail: bool) -> Act {
    Act::Run {
        program: PROGRAM,
        arguments: arguments.into_iter().map(str::to_owned).collect(),
        may_fail,
    }
}

/// The same, of what somebody may still hold.
fn insist<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Act {
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    Act::Insist { program: PROGRAM, arguments, seconds: PATIENCE }
}

/// Does a step that is VBoxManage's alone.
fn done(act: Act) -> Result<(), MachineError> {
    perform(&Step::lab("", act), &mut |_| Ok(()))
}

/// A machine that is there.
fn found(manage: &Manage, machine: &Machine) -> Result<Vm, MachineError> {
    let vms = manage.vms()?.into_iter();
    let own: Vec<Vm> = vms
        .filter(|vm| vm.file.starts_with(&machine.folder) || is_inside(&vm.file, &machine.folder))
        .collect();
    let node = &machine.node;
    if let Some(told) = there::several(node, &own.iter().collect::<Vec<_>>()) {
        return Err(MachineError::Foreign(told));
    }
    own.into_iter().next().ok_or_else(|| {
        MachineError::Said(format!(
            "node `{node}` has no machine in VirtualBox: `trainyard lab up` makes it"
        ))
    })
}

/// Whether a file is in a folder that is also called otherwise.
fn is_inside(file: &Path, folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| file.starts_with(folder))
}

impl Provider for VirtualBox {
    fn format(&self) -> Format {
        Format::Vdi
    }

    /// A NAT network's second address, which a new one has for the host's loopback (`NATNetwork::init`); the host's own on a host-only one.
    fn host(&self, wanted: &Wanted) -> Option<Ipv4Addr> {
        let network = wanted.management()?;
        match network.attach {
            Attach::NatNetwork => network.subnet?.hosts().nth(1),
            Attach::HostOnly => network.gateway.or(network.subnet?.hosts().next()),
            Attach::Bridged => None,
        }
    }

    fn preflight(&self, wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Vec<Check> {
        preflight::all(wanted, seen, nodes)
    }

    fn look(&self, wanted: &Wanted) -> Result<Seen, MachineError> {
        Ok(There::look(wanted)?.seen(wanted))
    }

    fn raise(
        &self,
        wanted: &Wanted,
        seen: &Seen,
        nodes: &[&str],
    ) -> Result<Vec<Step>, MachineError> {
        raise::raise(&There::look(wanted)?, wanted, seen, nodes)
    }

    fn raze(&self, wanted: &Wanted, _: &Seen, nodes: &[&str]) -> Result<Vec<Step>, MachineError> {
        let there = There::look(wanted)?;
        let mut steps = Vec::new();
        for node in nodes {
            steps.extend(there.take_away(wanted, node)?);
        }
        Ok(steps)
    }

    fn close(&self, wanted: &Wanted) -> Result<Vec<Step>, MachineError> {
        let mut steps = networks::raze(&There::look(wanted)?)?;
        let own = wanted.machines.iter().map(|machine| machine.folder.clone()).filter(|folder| {
            // What has something in it went with its machine.
            fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_none())
        });
        steps.extend(emptied(&wanted.folder, own.collect()));
        Ok(steps)
    }

    fn stop(&self, machine: &Machine, how: Stop) -> Result<(), MachineError> {
        let vm = found(&Manage::locate()?, machine)?;
        if !there::runs(&vm.state) {
            return Ok(());
        }
        if how == Stop::Button && vm.state == "paused" {
            done(run(["controlvm", &vm.uuid, "resume"], false))?;
        }
        let button = if how == Stop::Button { "acpipowerbutton" } else { "poweroff" };
        done(run(["controlvm", &vm.uuid, button], false))
    }

    fn start(&self, _: &Wanted, machine: &Machine) -> Result<(), MachineError> {
        let vm = found(&Manage::locate()?, machine)?;
        raise::wake(&vm, &machine.node).into_iter().try_for_each(|step| done(step.act))
    }

    fn screenshot(&self, machine: &Machine, to: &Path) -> Result<(), MachineError> {
        let vm = found(&Manage::locate()?, machine)?;
        done(run(["controlvm", &vm.uuid, "screenshotpng", &to.to_string_lossy()], false))
    }

    fn snapshot(&self, machine: &Machine, what: Snapshot) -> Result<Vec<String>, MachineError> {
        let manage = Manage::locate()?;
        let vm = found(&manage, machine)?;
        let before = listed(&manage, &vm)?;
        match what {
            Snapshot::List => {}
            Snapshot::Take(name) => {
                done(insist(["snapshot", &vm.uuid, "take", name]))?;
                // Only now: whoever is interrupted before has the old one still.
                for (uuid, _) in before.iter().filter(|(_, old)| old == name) {
                    done(insist(["snapshot", &vm.uuid, "delete", uuid]))?;
                }
            }
            Snapshot::Restore(name) => {
                if there::power(&vm.state) == Power::Running {
                    let node = &machine.node;
                    return Err(MachineError::Said(format!(
                        "the machine of `{node}` runs: it must be off to go back to a snapshot"
                    )));
                }
                let Some((uuid, _)) = before.iter().rfind(|(_, there)| there == name) else {
                    let names: Vec<_> =
                        before.iter().map(|(_, name)| format!("`{name}`")).collect();
                    let there = if names.is_empty() {
                        "it has none".to_owned()
                    } else {
                        format!("it has {}", names.join(", "))
                    };
                    return Err(MachineError::Said(format!(
                        "the machine of `{}` has no snapshot `{name}`: {there}",
                        machine.node
                    )));
                };
                done(insist(["snapshot", &vm.uuid, "restore", uuid]))?;
            }
        }
        Ok(listed(&manage, &vm)?.into_iter().map(|(_, name)| name).collect())
    }
}

/// The snapshots of a machine: UUIDs and names.
fn listed(manage: &Manage, vm: &Vm) -> Result<Vec<(String, String)>, MachineError> {
    match manage.say(&["snapshot", &vm.uuid, "list", "--machinereadable"]) {
        Ok(said) => Ok(read::snapshots(&said)),
        Err(ToolError::Failed { tail, .. }) if tail.contains("does not have any snapshots") => {
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}
