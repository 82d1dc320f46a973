//! What of the host stands in the way of machines by QEMU.

use std::fs;

use super::super::preflight::{self, idle};
use super::super::{Firmware, Seen, Wanted};
use super::{GATEWAY_IS, GATEWAY_QMP, QEMU, accelerator, arguments, bridge, folder_of, process};
use crate::disk;
use crate::doctor::{Check, Kind, State};
use crate::room;
use crate::tool::Tool;

/// What stands in the way where there are no UNIX sockets.
pub const NO_SOCKETS: &str = "machines by QEMU are connected by UNIX sockets, which this system does not have: use Linux or macOS, or `--provider virtualbox`";

pub(super) fn checks(wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Vec<Check> {
    let mut checks = Vec::new();
    if cfg!(not(unix)) {
        let (seen, fix) = NO_SOCKETS.split_once(": ").unwrap_or((NO_SOCKETS, ""));
        checks.push(Check::not(Kind::Machine, "sockets", State::Bad, seen, fix));
    }
    for program in [QEMU, disk::WANTED] {
        let found = Tool::locate(program).and_then(|tool| {
            // `-netdev dgram` came with it.
            let tool = if program.name == QEMU.name {
                tool.at_least("7.2", &["--version"], "QEMU emulator version")?
            } else {
                tool
            };
            tool.run(["--version"]).finish()
        });
        match found {
            Ok(said) => checks.push(Check::good(
                Kind::Program,
                program.name,
                said.stdout.lines().next().unwrap_or_default(),
            )),
            Err(error) => {
                let fix = format!("install it: {}", program.hint);
                checks.push(Check::not(
                    Kind::Program,
                    program.name,
                    State::Bad,
                    error.to_string(),
                    fix,
                ));
            }
        }
    }
    if let Ok(qemu) = Tool::locate(QEMU) {
        let what = "KVM";
        checks.push(if accelerator::has_kvm(&qemu) {
            Check::good(Kind::Machine, what, "machines run on the processor itself")
        } else {
            let fix = "`ls -l /dev/kvm` says whether it is there and who may use it (the group `kvm`); in a virtual machine, nested virtualisation must be on";
            let seen = "it does not run machines here: they are emulated, and take some twenty times as long";
            Check::not(Kind::Machine, what, State::Lacking, seen, fix)
        });
    }
    let new = preflight::new(wanted, seen, nodes);
    if new.machines.iter().any(|machine| machine.firmware == Firmware::Efi)
        && let Err(error) = arguments::firmware()
    {
        let told = error.to_string();
        let (seen, fix) = told.split_once(": ").unwrap_or((&told, ""));
        checks.push(Check::not(Kind::Program, "OVMF", State::Bad, seen, fix));
    }
    checks.extend(bridge::checks(&new));
    checks
        .extend(room::memory().map(|memory| preflight::memory(&idle(wanted, seen, nodes), memory)));
    checks.extend(preflight::disks(&new, true));
    checks.push(preflight::disk(&new));
    // Those that the lab has already are its own.
    let held = wanted.networks.iter().filter_map(|network| {
        let folder = folder_of(wanted, network);
        process::is_there(&folder.join(GATEWAY_QMP))
            .then(|| fs::read_to_string(folder.join(GATEWAY_IS)).ok())?
    });
    let held: String = held.collect();
    checks.extend(preflight::ports(wanted, |forward| {
        held.contains(&format!(":{}:{}-", forward.host.ip(), forward.host.port()))
    }));
    checks
}
