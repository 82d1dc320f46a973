//! The steps from what there is to what should be, and to nothing.

use std::collections::BTreeMap;

use super::raze::locked;
use super::read::Version;
use super::there::{There, power};
use super::{bridge, insist, machine, networks, run};
use crate::machines::{MachineError, Network, Power, Seen, Step, Wanted, preflight};
use crate::spec::Attach;

/// The host's own name for each network, by the network's.
pub(super) type Names = BTreeMap<String, String>;

/// What of the host decides how machines are made.
pub(super) struct Host {
    pub version: Version,
    pub nests: bool,
    /// Whether host-only networks are those of VirtualBox 7 on macOS.
    pub mac_of_seven: bool,
    /// The interfaces that networks are bridged to, and those of host-only ones.
    pub names: Names,
}

impl Host {
    /// The host's own name for a network.
    pub(super) fn name(&self, network: &str) -> &str {
        self.names.get(network).map_or("", String::as_str)
    }
}

/// The steps that make and start the machines of these nodes.
pub(super) fn raise(
    there: &There,
    wanted: &Wanted,
    seen: &Seen,
    nodes: &[&str],
) -> Result<Vec<Step>, MachineError> {
    if !seen.foreign.is_empty() {
        return Err(MachineError::Foreign(seen.foreign.join("\n")));
    }
    let machines: Vec<_> =
        wanted.machines.iter().filter(|m| nodes.contains(&m.node.as_str())).collect();
    let is_new = |power| matches!(power, Power::Missing | Power::Partial);
    let new = machines.iter().any(|machine| is_new(seen.power(&machine.node)));
    // A script is made where nobody has looked at the host.
    if let Some(check) = preflight::disks(&preflight::new(wanted, seen, nodes), false).pop() {
        return Err(MachineError::Unfit(format!("{}: {}", check.what, check.seen)));
    }
    let (mut steps, mut names) = networks::raise(there, wanted, nodes)?;
    if new {
        names.extend(bridges(there, wanted)?);
    }
    let host = Host {
        version: there.manage.version,
        nests: new && !there.manage.is_elsewhere() && there.manage.host()?.nests,
        mac_of_seven: there.is_mac_of_seven(),
        names,
    };
    for wants in machines {
        let node = wants.node.as_str();
        match seen.power(node) {
            Power::Running => {}
            Power::Off | Power::Paused | Power::IoError | Power::Saved => {
                let own = there.own.get(node).into_iter().flatten();
                steps.extend(own.flat_map(|(vm, _)| wake(vm, node)));
                if let Some((vm, session)) = held(there, node) {
                    return Err(locked(vm, session));
                }
            }
            power => {
                if power == Power::Partial {
                    steps.extend(there.take_away(wanted, node)?);
                }
                steps.extend(machine::make(wanted, wants, &host));
                let start = insist(["startvm", &wants.name, "--type", "headless"]);
                steps.push(Step::of(node, "start it", start));
            }
        }
    }
    Ok(steps)
}

/// Who holds a machine that does not run, and is not about to end.
fn held<'t>(there: &'t There, node: &str) -> Option<(&'t super::Vm, &'t str)> {
    let own = there.own.get(node).into_iter().flatten();
    let still = own.filter(|(vm, _)| {
        ["poweroff", "aborted", "saved", "aborted-saved"].contains(&vm.state.as_str())
    });
    still.map(|(vm, _)| vm).find_map(|vm| Some((vm, vm.session.as_deref()?)))
}

/// The host's interface of each bridged network.
fn bridges(there: &There, wanted: &Wanted) -> Result<Names, MachineError> {
    let networks: Vec<&Network> = networks::used(wanted, Attach::Bridged).collect();
    if there.manage.is_elsewhere() {
        let named = |network: &&Network| Ok((network.name.clone(), bridge::said(network)?));
        return networks.iter().map(named).collect();
    }
    let interfaces = if networks.is_empty() { Vec::new() } else { there.manage.bridgeable()? };
    let named =
        |network: &&Network| Ok((network.name.clone(), bridge::choose(network, &interfaces)?));
    networks.iter().map(named).collect()
}

/// The steps that make a whole machine run. One whose state was saved goes on from there; so does one that was paused. One that is stuck
/// is beyond that, and begins anew.
pub(super) fn wake(vm: &super::Vm, node: &str) -> Vec<Step> {
    let start = || Step::of(node, "start it", insist(["startvm", &vm.uuid, "--type", "headless"]));
    let tell =
        |what: &str, word: &str| Step::of(node, what, run(["controlvm", &vm.uuid, word], false));
    match vm.state.as_str() {
        "paused" => vec![tell("let it go on", "resume")],
        "gurumeditation" => vec![tell("switch it off, for it is stuck", "poweroff"), start()],
        state if power(state) == Power::Running => Vec::new(),
        _ => vec![start()],
    }
}
