//! How a node's machine is taken away, and nothing else with it.

use std::path::PathBuf;

use super::manage::Vm;
use super::there::{There, node_of, roots, runs, several};
use crate::machines::{Act, MachineError, Step, Wanted, folder_of};

impl There {
    /// The steps that take all of a node away: its machines, what VirtualBox knows of its media, and its folder.
    pub(super) fn take_away(&self, wanted: &Wanted, node: &str) -> Result<Vec<Step>, MachineError> {
        let mut steps = Vec::new();
        let folder = folder_of(&wanted.folder, node);
        let own = self.own.get(node).map_or(&[][..], Vec::as_slice);
        if let Some(told) = several(node, &own.iter().map(|(vm, _)| vm).collect::<Vec<_>>()) {
            return Err(MachineError::Foreign(told));
        }
        self.check_media(node, own)?;
        for (vm, _) in own {
            steps.extend(unregister(vm, node, &roots(&wanted.folder))?);
        }
        // What was made from others goes before them.
        for (_, kind, medium) in self.media.iter().rev().filter(|(of, ..)| of == node) {
            let close = super::run(["closemedium", kind, &medium.uuid], true);
            steps.push(Step::of(node, format!("forget {}", medium.path.display()), close));
        }
        if self.folders.contains(node) || !steps.is_empty() {
            steps.push(Step::of(node, "remove its files", Act::Remove { path: folder }));
        }
        Ok(steps)
    }

    /// Nothing of the lab's may be part of a machine that is not.
    fn check_media(&self, node: &str, own: &[(Vm, bool)]) -> Result<(), MachineError> {
        for (_, _, medium) in self.media.iter().filter(|(of, ..)| of == node) {
            let other =
                medium.users.iter().find(|user| own.iter().all(|(vm, _)| vm.uuid != **user));
            let Some(other) = other else { continue };
            let vm = self.others.iter().find(|vm| vm.uuid == *other);
            let name = vm.map_or(other.as_str(), |vm| &vm.name);
            return Err(MachineError::Foreign(format!(
                "`{}` of node `{node}` is attached to the machine `{name}`, which is not the node's: detach it there first",
                medium.path.display()
            )));
        }
        Ok(())
    }
}

fn unregister(vm: &Vm, node: &str, roots: &[PathBuf]) -> Result<Vec<Step>, MachineError> {
    let mut steps = Vec::new();
    let uuid = vm.uuid.as_str();
    if runs(&vm.state) {
        let act = super::run(["controlvm", uuid, "poweroff"], true);
        steps.push(Step::of(node, format!("switch {} off", vm.name), act));
    } else if let Some(session) = &vm.session {
        return Err(locked(vm, session));
    }
    // Not `--delete`: that deletes the file of every disk that is attached, also of one that is a person's own.
    for (controller, port, device, file) in vm.attached() {
        if node_of(file, roots).is_some() {
            continue;
        }
        let (port, device) = (port.to_string(), device.to_string());
        let place = ["--storagectl", controller, "--port", &port, "--device", &device];
        let act =
            super::insist([&["storageattach", uuid], &place[..], &["--medium", "none"]].concat());
        steps.push(Step::of(node, format!("take {} out of {}", file.display(), vm.name), act));
    }
    let act = super::insist(["unregistervm", uuid]);
    steps.push(Step::of(node, format!("take {} from VirtualBox", vm.name), act));
    Ok(steps)
}

/// What to do about a machine that somebody holds.
pub(super) fn locked(vm: &Vm, session: &str) -> MachineError {
    MachineError::Said(format!(
        "the machine `{}` is locked by `{session}`, and cannot be changed: close its window and its settings in VirtualBox (or end the program that has it open), and run this again",
        vm.name
    ))
}
