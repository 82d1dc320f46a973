//! Machines by QEMU: without root, on Linux and macOS. Each is a process of its own that goes on when the command has ended.
//!
//! What there is, is what lies in the lab's folder and answers there: `nodes/NODE/qmp` and `networks/NETWORK/switch` are sockets of
//! what runs, so nobody has to keep numbers of processes, and nothing else is ever touched.

mod accelerator;
mod arguments;
mod bridge;
#[cfg(not(unix))]
mod elsewhere;
mod power;
mod preflight;
mod process;
#[cfg(unix)]
mod qmp;
#[cfg(unix)]
pub mod switch;
mod snapshots;

pub use bridge::reach_directly;
#[cfg(not(unix))]
pub use preflight::NO_SOCKETS;
pub use process::{begin, disconnect, start};

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde_json::json;

use self::bridge::bridge;
#[cfg(not(unix))]
use self::elsewhere::{qmp, switch};
use self::power::power;
use super::{
    Act, Firmware, Machine, MachineError, NETWORKS, NODES, Network, Power, Provider, Seen,
    Snapshot, Step, Stop, Wanted, emptied,
};
use crate::disk::{self, Format};
use crate::doctor::Check;
use crate::tool::Wanted as Program;

/// What runs machines.
pub const QEMU: Program = Program {
    name: "qemu-system-x86_64",
    purpose: "to run machines by QEMU",
    hint: "Debian: the package `qemu-system-x86`; Fedora: `qemu-system-x86-core`",
};

/// Where a machine is spoken to, in its folder.
const QMP: &str = "qmp";
/// Its serial port, for a person.
pub const CONSOLE: &str = "console";
/// A machine that was made to its end has this; what it was made as is in it.
const WHOLE: &str = "whole";
/// The way out of a network is spoken to here, in the network's folder.
const GATEWAY_QMP: &str = "gateway-qmp";
/// Which way out runs.
const GATEWAY_IS: &str = "gateway-is";

/// QEMU.
pub struct Qemu {
    /// This program, which is the networks' switch as well.
    own: PathBuf,
}

impl Qemu {
    /// `own`: this program.
    #[must_use]
    pub fn new(own: PathBuf) -> Self {
        Self { own }
    }
}

fn nodes_of(wanted: &Wanted) -> PathBuf {
    wanted.folder.join(NODES)
}

fn networks_of(wanted: &Wanted) -> PathBuf {
    wanted.folder.join(NETWORKS)
}

/// The folders in a folder, with their names. What a link leads to is none.
fn folders(of: &Path) -> Vec<(String, PathBuf)> {
    let all = fs::read_dir(of).into_iter().flatten().flatten();
    let all = all.filter(|entry| entry.file_type().is_ok_and(|found| found.is_dir()));
    all.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

fn no_folder(machine: &Machine) -> String {
    format!(
        "`{}` is no folder, and node `{}` needs one there: move it elsewhere (to have machines on another disk, name a folder there by `--state`)",
        machine.folder.display(),
        machine.node
    )
}

/// A network's folder: its switch, and a socket for each card.
fn folder_of(wanted: &Wanted, network: &Network) -> PathBuf {
    networks_of(wanted).join(&network.network)
}

impl Qemu {
    /// The steps to a network that machines can be plugged into.
    fn network(&self, wanted: &Wanted, network: &Network, steps: &mut Vec<Step>) {
        if bridge(network).is_some() {
            return;
        }
        let folder = folder_of(wanted, network);
        let name = &network.network;
        let socket = folder.join(switch::SWITCH);
        if !switch::answers(&socket) {
            steps.push(Step::lab(
                format!("make a folder for the network {name}"),
                Act::Folder { path: folder.clone() },
            ));
            let arguments = ["lab", "switch", &folder.display().to_string()].map(str::to_owned);
            let mut arguments = arguments.to_vec();
            if arguments::boot_of(wanted, network).is_some() {
                arguments.push("--gives-addresses".to_owned());
            }
            let (program, log) = (self.own.clone(), folder.with_extension("log"));
            let act = Act::Begin { program, arguments, until: socket, log };
            steps.push(Step::lab(format!("connect the network {name}"), act));
        }
        let Some(arguments) = arguments::gateway(wanted, network, &folder) else { return };
        let qmp = folder.join(GATEWAY_QMP);
        let is = folder.join(GATEWAY_IS);
        let made = arguments.join(" ");
        if process::is_there(&qmp) {
            if fs::read_to_string(&is).is_ok_and(|is| is == made) {
                return;
            }
            let act = Act::Tell { socket: qmp.clone(), command: "quit", ends: true };
            steps.push(Step::lab(format!("close the way out of {name}, which has changed"), act));
        }
        // Before it runs: who is killed between the two finds it written, and none running.
        steps.push(Step::lab(
            format!("note which way out {name} has"),
            Act::Write { path: is, text: made },
        ));
        let act = Act::Start { arguments, socket: qmp };
        steps.push(Step::lab(format!("open the way out of {name}"), act));
    }

    /// The steps to a machine that runs.
    fn machine(
        wanted: &Wanted,
        machine: &Machine,
        power: Power,
        steps: &mut Vec<Step>,
    ) -> Result<(), MachineError> {
        let (node, folder) = (machine.node.as_str(), &machine.folder);
        let qmp = folder.join(QMP);
        match power {
            Power::Running => return Ok(()),
            Power::Paused | Power::IoError | Power::Saved => {
                let act = Act::Tell { socket: qmp, command: "cont", ends: false };
                steps.push(Step::of(node, "let it go on", act));
                return Ok(());
            }
            Power::Partial => {
                let act = Act::Remove { path: folder.clone() };
                steps.push(Step::of(node, "remove what an interrupted run left", act));
            }
            Power::Missing | Power::Off => {}
        }
        if power != Power::Off {
            steps.push(Step::of(node, "make its folder", Act::Folder { path: folder.clone() }));
            steps.push(Step::of(node, "make its media", Act::Media { path: folder.clone() }));
            for disk in machine.disks.iter().filter(|disk| !disk.from_image) {
                let path = arguments::file(disk).display().to_string();
                let size = format!("{}M", disk.size_mib);
                let arguments =
                    ["create", "-q", "-f", "qcow2", &path, &size].map(str::to_owned).to_vec();
                let act = Act::Run { program: disk::WANTED.name, arguments, may_fail: false };
                steps.push(Step::of(node, format!("make a disk of {} MiB", disk.size_mib), act));
            }
            if machine.firmware == Firmware::Efi {
                let (_, empty) = arguments::firmware()?;
                let own = folder.join(arguments::VARIABLES).display().to_string();
                let words = ["convert", "-f", "raw", "-O", "raw"].map(str::to_owned).into_iter();
                let arguments = words.chain([empty.display().to_string(), own]).collect();
                let act = Act::Run { program: disk::WANTED.name, arguments, may_fail: false };
                steps.push(Step::of(node, "make its firmware's memory", act));
            }
            let act = Act::Write { path: folder.join(WHOLE), text: String::new() };
            steps.push(Step::of(node, "note that it is whole", act));
        }
        let arguments = arguments::machine(wanted, machine)?;
        steps.push(Step::of(node, "start it", Act::Start { arguments, socket: qmp }));
        Ok(())
    }
}

impl Provider for Qemu {
    fn format(&self) -> Format {
        Format::Qcow2
    }

    /// QEMU's user network takes the host's loopback for the gateway's.
    fn host(&self, wanted: &Wanted) -> Option<Ipv4Addr> {
        if bridge::is_management(wanted) {
            return bridge::address(wanted);
        }
        wanted.management()?.gateway
    }

    fn listens(&self, wanted: &Wanted) -> Ipv4Addr {
        let on_bridge = bridge::is_management(wanted).then(|| bridge::address(wanted)).flatten();
        on_bridge.unwrap_or(Ipv4Addr::LOCALHOST)
    }

    fn preflight(&self, wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Vec<Check> {
        preflight::checks(wanted, seen, nodes)
    }

    fn look(&self, wanted: &Wanted) -> Result<Seen, MachineError> {
        let mut seen = Seen::default();
        for (name, path) in folders(&nodes_of(wanted)) {
            // Of a node that the lab does not name any more: what was made to its end is its own, and other folders may be anybody's.
            if wanted.machine(&name).is_some() || path.join(WHOLE).exists() {
                seen.machines.insert(name, power(&path));
            }
        }
        let in_the_way = |machine: &&Machine| {
            machine.folder.symlink_metadata().is_ok_and(|found| !found.is_dir())
        };
        seen.foreign = wanted.machines.iter().filter(in_the_way).map(no_folder).collect();
        let there =
            |network: &&Network| switch::answers(&folder_of(wanted, network).join(switch::SWITCH));
        seen.networks =
            wanted.networks.iter().filter(there).map(|network| network.name.clone()).collect();
        Ok(seen)
    }

    fn raise(
        &self,
        wanted: &Wanted,
        seen: &Seen,
        nodes: &[&str],
    ) -> Result<Vec<Step>, MachineError> {
        let mut steps = Vec::new();
        for network in &wanted.networks {
            self.network(wanted, network, &mut steps);
        }
        for machine in
            wanted.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str()))
        {
            Self::machine(wanted, machine, seen.power(&machine.node), &mut steps)?;
        }
        Ok(steps)
    }

    fn raze(
        &self,
        wanted: &Wanted,
        seen: &Seen,
        nodes: &[&str],
    ) -> Result<Vec<Step>, MachineError> {
        let mut steps = Vec::new();
        for node in nodes.iter().filter(|node| seen.power(node) != Power::Missing) {
            let folder = super::folder_of(&wanted.folder, node);
            let act = Act::Tell { socket: folder.join(QMP), command: "quit", ends: true };
            steps.push(Step::of(node, "switch it off", act));
            // First: whoever is interrupted while the folder goes finds a machine that is not whole.
            let whole = Act::Remove { path: folder.join(WHOLE) };
            steps.push(Step::of(node, "note that it is going", whole));
            steps.push(Step::of(node, "remove it with its disks", Act::Remove { path: folder }));
        }
        Ok(steps)
    }

    fn close(&self, wanted: &Wanted) -> Result<Vec<Step>, MachineError> {
        let mut steps = Vec::new();
        let mut own: Vec<PathBuf> =
            wanted.networks.iter().map(|network| folder_of(wanted, network)).collect();
        for (name, path) in folders(&networks_of(wanted)) {
            let socket = path.join(switch::SWITCH);
            // One that the lab does not name any more may have its switch still.
            if !own.contains(&path) {
                if !socket.exists() {
                    continue;
                }
                own.push(path.clone());
            }
            let act = Act::Tell { socket: path.join(GATEWAY_QMP), command: "quit", ends: true };
            steps.push(Step::lab(format!("close the way out of {name}, where there is one"), act));
            let act = Act::Disconnect { socket };
            steps.push(Step::lab(format!("disconnect the network {name}"), act));
        }
        let logs: Vec<PathBuf> = own.iter().map(|folder| folder.with_extension("log")).collect();
        own.extend(logs);
        steps.extend(emptied(&wanted.folder, own));
        Ok(steps)
    }

    fn stop(&self, machine: &Machine, how: Stop) -> Result<(), MachineError> {
        let qmp = machine.folder.join(QMP);
        match how {
            Stop::Button => {
                // One that stands still does not hear it.
                if power(&machine.folder) != Power::Running {
                    qmp::ask(&qmp, "cont", &json!({}))?;
                }
                qmp::ask(&qmp, "system_powerdown", &json!({})).map(|_| ())
            }
            Stop::Plug => process::end(&qmp),
        }
    }

    fn start(&self, wanted: &Wanted, machine: &Machine) -> Result<(), MachineError> {
        let qmp = machine.folder.join(QMP);
        match power(&machine.folder) {
            Power::Paused | Power::IoError => qmp::ask(&qmp, "cont", &json!({})).map(|_| ()),
            _ => process::start(&arguments::machine(wanted, machine)?, &qmp),
        }
    }

    fn screenshot(&self, machine: &Machine, to: &Path) -> Result<(), MachineError> {
        let arguments = json!({ "filename": to, "format": "png" });
        qmp::ask(&machine.folder.join(QMP), "screendump", &arguments).map(|_| ())
    }

    fn snapshot(&self, machine: &Machine, what: Snapshot) -> Result<Vec<String>, MachineError> {
        snapshots::snapshot(machine, what)
    }
}

/// Does a step of QEMU's own.
///
/// # Errors
/// It is not done.
pub fn tell(socket: &Path, command: &str, ends: bool) -> Result<(), MachineError> {
    if ends {
        return process::end(socket);
    }
    qmp::ask(socket, command, &json!({})).map(|_| ())
}
