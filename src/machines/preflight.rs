//! What of the host every program's machines need: ports, memory and room. Each is told with what to do.

use std::io::ErrorKind;
use std::net::{SocketAddrV4, TcpListener};

use super::wanted::DISK_KEYS;
use super::{Forward, Power, Seen, Wanted};
use crate::doctor::{Check, Kind, State};
use crate::room;

/// The machines of these nodes that are still to be made.
pub(super) fn new(wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Wanted {
    let is_new = |node: &str| matches!(seen.power(node), Power::Missing | Power::Partial);
    wanted.only(|node| nodes.contains(&node) && is_new(node))
}

/// Those that are still to be started.
pub(super) fn idle(wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Wanted {
    let has =
        |node: &str| matches!(seen.power(node), Power::Running | Power::Paused | Power::IoError);
    wanted.only(|node| nodes.contains(&node) && !has(node))
}

/// A port of the host's that another program has. (What the system does not say counts as free.)
#[must_use]
pub fn port(at: SocketAddrV4, what: &str) -> Option<Check> {
    let taken = TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    taken.then(|| {
        let fix = "end that program, or say `--port-base N`, which moves all of the lab's ports (of a lab that is there, after `trainyard lab down`)";
        let seen = format!("another program listens there, and {what}");
        Check::not(Kind::Machine, format!("port {at}"), State::Bad, seen, fix)
    })
}

/// The ports that lead to nodes. All of the lab's: its network opens them together. `held`: whether the lab has it already.
pub(super) fn ports(wanted: &Wanted, held: impl Fn(&Forward) -> bool) -> Vec<Check> {
    let all = wanted.machines.iter();
    let all = all.flat_map(|machine| machine.forwards.iter().map(move |it| (&machine.node, it)));
    let free = all.filter(|(_, forward)| !held(forward));
    free.filter_map(|(node, it)| {
        port(it.host, &format!("it is to lead to {} of node `{node}`", it.name))
    })
    .collect()
}

/// Memory for machines that do not run yet, of the host's free and whole one, in MiB.
pub(super) fn memory(idle: &Wanted, (free, all): (u64, u64)) -> Check {
    let needed: u64 = idle.machines.iter().map(|machine| machine.hardware.memory_mib).sum();
    let seen =
        format!("{free} of {all} MiB are free, the machines that do not run yet take {needed} MiB");
    if free >= needed {
        return Check::good(Kind::Machine, "memory", seen);
    }
    let fix = "give the nodes less (`memory`), end other programs, or use a larger host";
    Check::not(Kind::Machine, "memory", State::Lacking, seen, fix)
}

/// Disks that the lab file says otherwise than machines have them: what is installed would look for them in vain. `virtio`: whether they
/// may be `vda`.
pub(super) fn disks(new: &Wanted, virtio: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    for machine in &new.machines {
        let mut unmet = Vec::new();
        for (disk, key) in machine.disks.iter().zip(DISK_KEYS) {
            unmet.extend(disk.unmet.iter().cloned());
            if disk.virtio && !virtio {
                unmet.push(format!("`{key}`: a disk on virtio (`vda`)"));
            }
        }
        if !unmet.is_empty() {
            let what = format!("disks of node `{}`", machine.node);
            let seen = format!("its machine would have no such disk: {}", unmet.join(", "));
            let names = if virtio { "`sda` and `sdb`, `vda` and `vdb`" } else { "`sda` and `sdb`" };
            let fix = format!(
                "say of them what machines have: {names}, a `serial`, or a `size` that `disk` of the node fits"
            );
            checks.push(Check::not(Kind::Machine, what, State::Bad, seen, fix));
        }
    }
    checks
}

/// Room for the disks of machines that are still to be made. They grow, so that the whole is only needed in time.
pub(super) fn disk(new: &Wanted) -> Check {
    let disks = new.machines.iter().flat_map(|machine| &machine.disks);
    let needed: u64 = disks.map(|disk| disk.size_mib).sum();
    let there = new.folder.ancestors().find(|path| path.is_dir()).unwrap_or(&new.folder);
    let what = "disk for the machines";
    let not = |state, seen: String, fix| Check::not(Kind::Machine, what, state, seen, fix);
    let free = match room::free(there) {
        Ok(free) => free >> 20,
        Err(error) => {
            let seen = format!("{}: {error}", there.display());
            return not(State::Bad, seen, "name another folder (`--state`)");
        }
    };
    let seen =
        format!("{} has {free} MiB free, and new disks may grow to {needed} MiB", there.display());
    if free >= needed {
        return Check::good(Kind::Machine, what, seen);
    }
    not(State::Lacking, seen, "free some, or put the machines on a larger file system (`--state`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_while_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("told").to_string().parse().expect("an address");
        let told = port(at, "it is needed").expect("taken");
        assert_eq!(told.seen, "another program listens there, and it is needed");
        drop(listener);
        assert_eq!(port(at, "it is needed"), None);
    }
}
