//! NAT networks and host-only interfaces: made where they are missing, put right where they are the lab's and not as they should be.

use std::net::Ipv4Addr;

use super::manage::Vm;
use super::raise::Names;
use super::read::{Interface, NatNetwork};
use super::run;
use super::there::{HOST_ONLY, NAT, NEW, Noted, There};
use crate::machines::{Forward, MachineError, Network, Step, Wanted};
use crate::spec::Attach;

/// The longest name of a forwarded port (`PF_NAMELEN` in `VBoxPortForwardString.h` is 64, with its end).
const RULE_NAME: usize = 63;

/// The NAT networks that machines are plugged into.
pub(super) fn nat(wanted: &Wanted) -> impl Iterator<Item = &Network> {
    used(wanted, Attach::NatNetwork)
}

/// The host-only ones.
pub(super) fn host_only(wanted: &Wanted) -> impl Iterator<Item = &Network> {
    used(wanted, Attach::HostOnly)
}

/// The networks of a kind that machines are plugged into.
pub(super) fn used(wanted: &Wanted, attach: Attach) -> impl Iterator<Item = &Network> {
    let is_used = |at: usize| {
        wanted.machines.iter().flat_map(|machine| &machine.cards).any(|card| card.network == at)
    };
    let networks = wanted.networks.iter().enumerate();
    networks.filter(move |(at, it)| it.attach == attach && is_used(*at)).map(|(_, network)| network)
}

/// The forwarded ports of a network, as VirtualBox writes them: `NAME:tcp:[HOST]:PORT:[GUEST]:PORT`.
pub(super) fn forwards(wanted: &Wanted, network: &Network) -> Vec<String> {
    let inside =
        |forward: &&Forward| network.subnet.is_some_and(|net| net.contains(forward.guest.ip()));
    let of = |node: &str, forward: &Forward| {
        let (host, guest) = (forward.host, forward.guest);
        let full = format!("{node}-{}", forward.name);
        // The port of the host's is no other's.
        let name =
            if full.len() > RULE_NAME { format!("{}-{}", forward.name, host.port()) } else { full };
        format!("{name}:tcp:[{}]:{}:[{}]:{}", host.ip(), host.port(), guest.ip(), guest.port())
    };
    let machines = wanted.machines.iter();
    machines
        .flat_map(|machine| {
            machine.forwards.iter().filter(inside).map(|forward| of(&machine.node, forward))
        })
        .collect()
}

/// The steps to the networks of these nodes, and how each host-only network is called for `modifyvm`.
pub(super) fn raise(
    there: &There,
    wanted: &Wanted,
    nodes: &[&str],
) -> Result<(Vec<Step>, Names), MachineError> {
    let needed = |network: &&Network| {
        let at = wanted.networks.iter().position(|it| it.name == network.name);
        let machines =
            wanted.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str()));
        machines.flat_map(|machine| &machine.cards).any(|card| Some(card.network) == at)
    };
    let mut steps = Vec::new();
    for network in nat(wanted).filter(needed) {
        let found = there.nat_networks.iter().find(|found| found.name == network.name);
        steps.extend(nat_steps(wanted, network, found)?);
    }
    let (mut names, mut taken) = (Names::new(), Vec::new());
    for network in host_only(wanted).filter(needed) {
        let name = host_only_steps(there, wanted, network, &mut taken, &mut steps)?;
        names.insert(network.name.clone(), name);
    }
    Ok((steps, names))
}

fn nat_steps(
    wanted: &Wanted,
    network: &Network,
    found: Option<&NatNetwork>,
) -> Result<Vec<Step>, MachineError> {
    let subnet = network.subnet.ok_or_else(|| no_subnet(network))?.trunc().to_string();
    let rules = forwards(wanted, network);
    let Some(found) = found else {
        let mut add = vec![
            "natnetwork",
            "add",
            "--netname",
            &network.name,
            "--network",
            &subnet,
            "--enable",
            "--dhcp",
            "off",
        ];
        add.extend(rules.iter().flat_map(|rule| ["--port-forward-4", rule]));
        let note = run(
            ["setextradata", "global", &format!("{NAT}{}", network.name), &wanted.identity],
            false,
        );
        return Ok(vec![
            Step::lab(format!("note that the network {} is the lab's", network.name), note),
            Step::lab(format!("make the NAT network {}", network.name), run(add, false)),
        ]);
    };
    let mut modify = vec!["natnetwork", "modify", "--netname", &network.name];
    let as_is = modify.len();
    if found.subnet != subnet {
        modify.extend(["--network", &subnet]);
    }
    if found.dhcp {
        modify.extend(["--dhcp", "off"]);
    }
    if !found.enabled {
        modify.push("--enable");
    }
    let old: Vec<&str> = found
        .forwards
        .iter()
        .filter(|rule| !rules.contains(rule))
        .map(|rule| named(rule))
        .collect();
    modify.extend(old.iter().flat_map(|name| ["--port-forward-4", "delete", name]));
    let new = rules.iter().filter(|rule| !found.forwards.contains(rule));
    modify.extend(new.flat_map(|rule| ["--port-forward-4", rule]));
    let right = modify.len() == as_is;
    let step =
        || Step::lab(format!("put the NAT network {} right", network.name), run(modify, false));
    Ok(if right { Vec::new() } else { vec![step()] })
}

/// The name of a forwarded port.
fn named(rule: &str) -> &str {
    rule.split(':').next().unwrap_or(rule)
}

/// What to do about a NAT network without a subnet.
pub(super) fn no_subnet(network: &Network) -> MachineError {
    MachineError::Said(format!(
        "network `{0}` is a NAT network, and has no subnet: say `networks.{0}.cidr` in the lab file, or attach it otherwise (`networks.{0}.virtualbox.attach`)",
        network.network
    ))
}

/// The host's own address on a host-only network, and its mask.
pub(super) fn own_address(network: &Network) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let subnet = network.subnet?;
    Some((network.gateway.or_else(|| subnet.hosts().next())?, subnet.netmask()))
}

/// The interface of the host's that is on a network already.
pub(super) fn on<'h>(network: &Network, interfaces: &'h [Interface]) -> Option<&'h Interface> {
    let subnet = network.subnet?;
    interfaces.iter().find(|it| {
        it.mask == Some(subnet.netmask())
            && it.address.is_some_and(|address| subnet.contains(&address))
    })
}

fn host_only_steps(
    there: &There,
    wanted: &Wanted,
    network: &Network,
    taken: &mut Vec<String>,
    steps: &mut Vec<Step>,
) -> Result<String, MachineError> {
    if there.manage.is_elsewhere() {
        return Err(MachineError::Said(format!(
            "network `{0}` is host-only, and what a new interface will be called there is not known here: print the script on that host, or attach it otherwise (`networks.{0}.virtualbox.attach`)",
            network.network
        )));
    }
    if there.is_mac_of_seven() {
        return Ok(mac_steps(there, wanted, network, steps));
    }
    let address = own_address(network);
    let mut own = there.noted_host_only().filter(|it| it.is_own && it.network == network.name);
    let found = own
        .find_map(|own| Some((there.host_only.iter().find(|it| it.name == own.name)?, own.is_new)));
    if let Some((found, is_new)) = found {
        if address.is_some_and(|(ip, mask)| found.address != Some(ip) || found.mask != Some(mask)) {
            steps.extend(addressed(&found.name, network));
        }
        if is_new {
            steps.push(noted(wanted, network, &found.name));
        }
        return Ok(found.name.clone());
    }
    if let Some(found) = on(network, &there.host_only) {
        return Ok(found.name.clone());
    }
    if cfg!(windows) {
        return Err(MachineError::Said(by_hand(network)));
    }
    // The kernel's module gives the first number that is free. The note has to be there before, so it is foreseen.
    let mut free = (0..).map(|number: u32| format!("vboxnet{number}"));
    let is_free =
        |name: &String| there.host_only.iter().all(|it| it.name != *name) && !taken.contains(name);
    let name = free.find(is_free).unwrap_or_default();
    taken.push(name.clone());
    let mark = [wanted.identity.as_str(), &network.name, NEW].join(" ");
    let note = run(["setextradata", "global", &format!("{HOST_ONLY}{name}"), &mark], false);
    steps.push(Step::lab(format!("note that the interface {name} will be the lab's"), note));
    steps.push(Step::lab(
        format!("make the host-only interface {name}"),
        run(["hostonlyif", "create"], false),
    ));
    steps.extend(addressed(&name, network));
    steps.push(noted(wanted, network, &name));
    Ok(name)
}

/// The step that notes that an interface, or macOS's network, is the lab's.
fn noted(wanted: &Wanted, network: &Network, name: &str) -> Step {
    let mark = [wanted.identity.as_str(), &network.name].join(" ");
    let note = run(["setextradata", "global", &format!("{HOST_ONLY}{name}"), &mark], false);
    Step::lab(format!("note that the interface {name} is the lab's"), note)
}

/// What to do where the name of a new interface cannot be foreseen.
pub(super) fn by_hand(network: &Network) -> String {
    let address = own_address(network).map_or_else(String::new, |(ip, mask)| {
        format!("; VBoxManage hostonlyif ipconfig NAME --ip {ip} --netmask {mask}")
    });
    format!(
        "network `{}` is host-only, and the host has no interface on it: make one as an administrator (`VBoxManage hostonlyif create{address}`)",
        network.network
    )
}

fn addressed(name: &str, network: &Network) -> Option<Step> {
    let (ip, mask) = own_address(network)?;
    let (ip, mask) = (ip.to_string(), mask.to_string());
    let act = run(["hostonlyif", "ipconfig", name, "--ip", &ip, "--netmask", &mask], false);
    Some(Step::lab(format!("give {name} its address"), act))
}

fn mac_steps(there: &There, wanted: &Wanted, network: &Network, steps: &mut Vec<Step>) -> String {
    if there.host_only_networks.contains(&network.name) {
        return network.name.clone();
    }
    // Without a subnet of the lab's it has the one that VirtualBox allows everywhere.
    let range = network.subnet.unwrap_or(super::host::ALLOWED);
    let hosts = range.hosts();
    let lower = hosts.clone().next().unwrap_or(range.addr()).to_string();
    let upper = hosts.last().unwrap_or(range.addr()).to_string();
    let netmask = range.netmask().to_string();
    let add = run(
        [
            "hostonlynet",
            "add",
            "--name",
            &network.name,
            "--netmask",
            &netmask,
            "--lower-ip",
            &lower,
            "--upper-ip",
            &upper,
            "--enable",
        ],
        false,
    );
    steps.push(noted(wanted, network, &network.name));
    steps.push(Step::lab(format!("make the host-only network {}", network.name), add));
    network.name.clone()
}

/// The steps that take all of the lab's networks away.
///
/// # Errors
/// A machine that is not the lab's is on one.
pub(super) fn raze(there: &There) -> Result<Vec<Step>, MachineError> {
    let mut steps = Vec::new();
    let nat = there.notes.keys().filter_map(|key| key.strip_prefix(NAT));
    for name in nat.filter(|name| there.is_own_nat(name)) {
        let what = format!("NAT network `{name}`");
        nobody_elses(there, &["nat-network"], name, &what)?;
        if there.nat_networks.iter().any(|found| found.name == *name) {
            steps.push(Step::lab(
                format!("stop the NAT network {name}"),
                run(["natnetwork", "stop", "--netname", name], true),
            ));
            steps.push(Step::lab(
                format!("remove the NAT network {name}"),
                run(["natnetwork", "remove", "--netname", name], false),
            ));
        }
        steps.push(forgotten(NAT, name));
    }
    for Noted { name, is_own, .. } in there.noted_host_only() {
        if !is_own {
            steps.push(forgotten(HOST_ONLY, name));
            continue;
        }
        let what = format!("host-only network `{name}`");
        nobody_elses(there, &["hostonlyadapter", "hostonly-network"], name, &what)?;
        if there.host_only.iter().any(|found| found.name == name) {
            steps.push(Step::lab(
                format!("remove the interface {name}"),
                run(["hostonlyif", "remove", name], false),
            ));
        }
        if there.host_only_networks.iter().any(|found| found == name) {
            let remove = run(["hostonlynet", "remove", "--name", name], false);
            steps.push(Step::lab(format!("remove the host-only network {name}"), remove));
        }
        steps.push(forgotten(HOST_ONLY, name));
    }
    Ok(steps)
}

/// No machine that is not the lab's may be on a network of the lab's that goes.
fn nobody_elses(there: &There, kinds: &[&str], name: &str, what: &str) -> Result<(), MachineError> {
    let card_of = |vm: &Vm| kinds.iter().find_map(|kind| vm.card_on(kind, name));
    let Some((vm, card)) = there.others.iter().find_map(|vm| Some((vm, card_of(vm)?))) else {
        return Ok(());
    };
    Err(MachineError::Foreign(format!(
        "the machine `{}` is not the lab's, and is on its {what}: attach it to another network first (`VBoxManage modifyvm {} --nic{card} nat`)",
        vm.name, vm.uuid
    )))
}

/// Without a value a note goes.
fn forgotten(kind: &str, name: &str) -> Step {
    let act = run(["setextradata", "global", &format!("{kind}{name}")], false);
    Step::lab(format!("forget the note of {name}"), act)
}
