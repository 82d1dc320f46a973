//! What of the host stands in the way, each with what to do.

use std::fs;

use super::manage::{self, Manage};
use super::there::There;
use super::{bridge, host, networks};
use crate::doctor::{Check, Kind, State};
use crate::machines::{MachineError, Network, Seen, Wanted, preflight};
use crate::spec::Attach;
use crate::tool::ToolError;

/// The oldest VirtualBox that all of this works with.
const OLDEST: [u32; 3] = [6, 1, 0];

/// All that was looked at.
pub(super) fn all(wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Vec<Check> {
    let manage = match Manage::locate() {
        Ok(manage) => manage,
        Err(error) => return vec![missing(&error)],
    };
    let mut checks = program(&manage, wanted);
    let there = match There::look(wanted) {
        Ok(there) => there,
        Err(error) => {
            let fix = "put right what it says: VirtualBox's server may hang, or its folder may be another user's";
            checks.push(bad("what is in VirtualBox", error.to_string(), fix));
            return checks;
        }
    };
    let fix = "see there; nothing of it is touched";
    checks.extend(
        seen.foreign.iter().map(|foreign| bad("what is not the lab's", foreign.clone(), fix)),
    );
    let new = preflight::new(wanted, seen, nodes);
    checks.extend(of_host(&there, &preflight::idle(wanted, seen, nodes), &new));
    checks.extend(preflight::disks(&new, false));
    checks.push(preflight::disk(&new));
    checks.extend(nat(&there, &new));
    checks.extend(forwarded(&there, wanted));
    checks.extend(bridged(&there, &new));
    checks.extend(host_only(&there, &new));
    checks
}

fn missing(error: &MachineError) -> Check {
    match error {
        MachineError::Tool(ToolError::Missing { purpose, hint, .. }) => {
            let seen = format!("not installed; it is needed {purpose}");
            Check::not(
                Kind::Program,
                manage::PROGRAM,
                State::Bad,
                seen,
                format!("install it: {hint}"),
            )
        }
        MachineError::Tool(ToolError::Forbidden { path, .. }) => {
            let seen = format!("`{}` is there, and this user may not run it", path.display());
            Check::not(Kind::Program, manage::PROGRAM, State::Bad, seen, ToolError::FORBIDDEN)
        }
        other => {
            let fix = format!("install it anew: {}", manage::WANTED.hint);
            Check::not(Kind::Program, manage::PROGRAM, State::Bad, other.to_string(), fix)
        }
    }
}

/// Its version, and the kernel's module that it says is missing.
fn program(manage: &Manage, wanted: &Wanted) -> Vec<Check> {
    let of = |state, seen: String, fix: &str| {
        Check::not(Kind::Program, manage::PROGRAM, state, seen, fix)
    };
    let said = manage.version.map(|number| number.to_string()).join(".");
    let is_nat = networks::nat(wanted).next().is_some();
    let version = match manage.version {
        version if version < OLDEST => of(
            State::Bad,
            format!("version {said}, and 6.1 or newer is needed"),
            "install a newer one: https://www.virtualbox.org",
        ),
        // As its own reports of errors say.
        [7, 2, 2] if is_nat => of(
            State::Lacking,
            format!("version {said}, in which NAT networks do not start on some hosts"),
            "install 7.2.4 or newer, or 7.1",
        ),
        _ => Check::good(Kind::Program, manage::PROGRAM, format!("version {said}")),
    };
    let mut checks = vec![version];
    if manage.warning.contains("kernel module is not loaded")
        || manage.warning.contains("/dev/vboxdrv does not exist")
    {
        let fix = "load it (`sudo modprobe vboxdrv`), or build it anew (`sudo /sbin/vboxconfig`; it needs the running kernel's headers); where Secure Boot is on, it must be signed";
        checks.push(of(State::Bad, "its kernel module is not loaded".to_owned(), fix));
    }
    checks
}

fn bad(what: &str, seen: impl Into<String>, fix: impl Into<String>) -> Check {
    Check::not(Kind::Machine, what, State::Bad, seen, fix)
}

fn lacking(what: &str, seen: impl Into<String>, fix: impl Into<String>) -> Check {
    Check::not(Kind::Machine, what, State::Lacking, seen, fix)
}

/// The processor, and memory for the machines that do not run yet.
fn of_host(there: &There, idle: &Wanted, new: &Wanted) -> Vec<Check> {
    let mut checks = Vec::new();
    let Ok(host) = there.manage.host() else { return checks };
    let what = "virtualisation";
    if host.virtualises == Some(false) {
        let fix = if cfg!(windows) {
            "switch it on in the firmware (VT-x or AMD-V). Where it is on, Hyper-V has it: `bcdedit /set hypervisorlaunchtype off`, switch memory integrity off, and start Windows again"
        } else {
            "switch it on in the firmware (VT-x or AMD-V): 64-bit machines do not start without"
        };
        checks.push(bad(what, "VirtualBox sees none in the processor", fix));
    } else if let Some((seen, fix)) = kvm() {
        checks.push(lacking(what, seen, fix));
    }
    if !host.nests && new.machines.iter().any(|machine| machine.nested) {
        let seen = "machines cannot have machines of their own here: instances are emulated, which is slow";
        checks.push(lacking(
            "nested virtualisation",
            seen,
            "let it be, or use a host whose processor and VirtualBox can",
        ));
    }
    if let (Some(free), Some(all)) = (host.free_mib, host.all_mib) {
        let mut memory = preflight::memory(idle, (free, all));
        let needed: u64 = idle.machines.iter().map(|machine| machine.hardware.memory_mib).sum();
        // VirtualBox takes all of it when a machine starts.
        if needed >= all && needed > 0 {
            memory.state = State::Bad;
        }
        checks.push(memory);
    }
    checks
}

fn kvm() -> Option<(String, String)> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    host::kvm(&read("/proc/modules"), &read("/sys/module/kvm/parameters/enable_virt_at_load"))
}

/// What a NAT network takes for itself, and where it may be already.
fn nat(there: &There, wanted: &Wanted) -> Vec<Check> {
    let mut checks = Vec::new();
    let bridgeable = there.manage.bridgeable().unwrap_or_default();
    for network in networks::nat(wanted) {
        let what = format!("network {}", network.network);
        let Some(subnet) = network.subnet else {
            let (seen, fix) = split(&networks::no_subnet(network).to_string());
            checks.push(bad(&what, seen, fix));
            continue;
        };
        let first = subnet.hosts().next();
        if network.gateway.is_some() && network.gateway != first {
            let first = first.map_or_else(String::new, |first| first.to_string());
            let seen = format!(
                "VirtualBox gives {first} to the gateway of a NAT network, and to no other address"
            );
            checks.push(bad(
                &what,
                seen,
                format!("say `networks.{}.gateway: {first}` in the lab file", network.network),
            ));
        }
        let host = subnet.hosts().nth(1);
        for machine in wanted.machines.iter().filter(|m| Some(m.address) == host) {
            let seen = format!(
                "{} is the host itself on a NAT network, and node `{}` has it",
                machine.address, machine.node
            );
            checks.push(bad(&what, seen, "give the node another address"));
        }
        if let Some(same) =
            bridgeable.iter().find(|it| it.address.is_some_and(|a| subnet.contains(&a)))
        {
            let seen = format!(
                "the host's interface `{}` is in {subnet} as well: nodes do not reach what is there",
                same.name
            );
            checks.push(lacking(
                &what,
                seen,
                format!("give `networks.{}` another `cidr`, if they have to", network.network),
            ));
        }
    }
    checks
}

/// The ports that lead into NAT networks; those that lead there already are the lab's own.
fn forwarded(there: &There, wanted: &Wanted) -> Vec<Check> {
    let own = there.nat_networks.iter().filter(|it| there.is_own_nat(&it.name));
    let known: Vec<&String> = own.flat_map(|it| &it.forwards).collect();
    preflight::ports(wanted, |forward| {
        let own = format!(":tcp:[{}]:{}:", forward.host.ip(), forward.host.port());
        known.iter().any(|rule| rule.contains(&own))
    })
}

/// An error's sentence in two: what is, and what to do.
fn split(told: &str) -> (String, String) {
    let (seen, fix) =
        told.split_once(": ").or_else(|| told.split_once("; ")).unwrap_or((told, "see there"));
    (seen.to_owned(), fix.to_owned())
}

fn bridged(there: &There, wanted: &Wanted) -> Vec<Check> {
    let networks: Vec<&Network> = networks::used(wanted, Attach::Bridged).collect();
    if networks.is_empty() {
        return Vec::new();
    }
    let interfaces = match there.manage.bridgeable() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            return vec![bad("bridged networks", error.to_string(), "put right what it says")];
        }
    };
    let check = |network: &Network| {
        let what = format!("network {}", network.network);
        let name = match bridge::choose(network, &interfaces) {
            Ok(name) => name,
            Err(error) => {
                let told = error.to_string();
                let (seen, fix) = told.split_once("; ").unwrap_or((&told, "see there"));
                return bad(&what, seen, fix);
            }
        };
        if interfaces.iter().any(|it| it.name == name && it.wireless) {
            let seen = format!(
                "bridged to `{name}`, which is wireless: it drops the frames of instances and of floating addresses"
            );
            let fix = format!(
                "connect the host by a wire, and say `networks.{}.virtualbox.host_interface`",
                network.network
            );
            return lacking(&what, seen, fix);
        }
        Check::good(Kind::Machine, what, format!("bridged to `{name}`"))
    };
    networks.into_iter().map(check).collect()
}

fn host_only(there: &There, wanted: &Wanted) -> Vec<Check> {
    let mut checks = Vec::new();
    let of_lab = |network: &Network| there.own_host_only().any(|(_, of)| of == network.name);
    let conf = fs::read_to_string(host::NETWORKS_CONF).ok();
    let allowed = host::allowed(conf.as_deref());
    let is_limited = cfg!(unix) && there.manage.version >= [6, 1, 28];
    for network in networks::host_only(wanted) {
        let what = format!("network {}", network.network);
        if of_lab(network) || networks::on(network, &there.host_only).is_some() {
            continue;
        }
        if cfg!(windows) {
            let (seen, fix) = split(&networks::by_hand(network));
            checks.push(bad(&what, seen, fix));
        }
        let Some(subnet) = network.subnet else { continue };
        if is_limited && !allowed.iter().any(|net| net.contains(&subnet)) {
            let seen = format!("VirtualBox allows no host-only interface in {subnet} here");
            let fix = format!("say so: `echo '* {subnet}' | sudo tee -a {}`", host::NETWORKS_CONF);
            checks.push(bad(&what, seen, fix));
        }
    }
    checks
}
