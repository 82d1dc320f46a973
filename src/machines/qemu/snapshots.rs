//! Snapshots of machines that are off, in their disks' own files.

use std::path::PathBuf;

use super::arguments;
use super::power::power;
use crate::disk;
use crate::machines::{Machine, MachineError, Power, Snapshot};
use crate::tool::Tool;

/// Takes, restores or lists them; the answer names those that there are then.
pub(super) fn snapshot(machine: &Machine, what: Snapshot) -> Result<Vec<String>, MachineError> {
    let qemu = Tool::locate(disk::WANTED)?;
    let disks: Vec<PathBuf> = machine.disks.iter().map(arguments::file).collect();
    // The system's last, by which snapshots are listed: one of which a disk is missing is none.
    let on_all = |words: &[&str]| -> Result<(), MachineError> {
        for disk in disks.iter().rev() {
            let words = ["snapshot", "-q"].iter().chain(words).map(|word| (*word).to_owned());
            qemu.run(words.chain([disk.display().to_string()])).finish()?;
        }
        Ok(())
    };
    if what != Snapshot::List && power(&machine.folder) != Power::Off {
        let message =
            format!("{} runs: a snapshot is taken and restored while it is off", machine.node);
        return Err(MachineError::Said(message));
    }
    match what {
        Snapshot::Take(name) => {
            // Also what an interrupted one has left. The system's goes first.
            for disk in &disks {
                let disk = std::slice::from_ref(disk);
                if listed(&qemu, disk)?.iter().any(|known| known == name) {
                    let words = ["snapshot", "-q", "-d", name].map(str::to_owned);
                    let file = disk[0].display().to_string();
                    qemu.run(words.into_iter().chain([file])).finish()?;
                }
            }
            on_all(&["-c", name])?;
        }
        Snapshot::Restore(name) => on_all(&["-a", name])?,
        Snapshot::List => {}
    }
    listed(&qemu, &disks)
}

/// The names of the snapshots of a machine: those of its first disk, which is its system's.
fn listed(qemu: &Tool, disks: &[PathBuf]) -> Result<Vec<String>, MachineError> {
    let Some(system) = disks.first() else { return Ok(Vec::new()) };
    // Of one that runs as well: nothing is written.
    let words = ["info", "--output=json", "-U"].map(str::to_owned).into_iter();
    let said = qemu.run(words.chain([system.display().to_string()])).finish()?.stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    let all = said["snapshots"].as_array().into_iter().flatten();
    Ok(all.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect())
}
