//! Networks that are a bridge of the host's, where the lab names one. QEMU's own helper plugs machines in: it is root's, and does so for the
//! bridges that root's file allows (`qemu-bridge-helper.c`).

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};

use super::super::{Network, Wanted};
use crate::doctor::{Check, Kind, State};
use crate::model::MANAGEMENT;
use crate::spec::Attach;

/// Where distributions put the helper (Debian, Fedora, who builds it).
const HELPERS: [&str; 3] = [
    "/usr/lib/qemu/qemu-bridge-helper",
    "/usr/libexec/qemu-bridge-helper",
    "/usr/local/libexec/qemu-bridge-helper",
];
/// What allows it bridges.
const ALLOWED: &str = "/etc/qemu/bridge.conf";
/// What leaves the interface to be chosen.
const AUTO: &str = "auto";

/// Which bridge of the host's a network is. (Of one that is not bridged the interface says nothing, as for VirtualBox.)
pub(super) fn bridge(network: &Network) -> Option<&str> {
    let named = Some(network.host_interface.as_str());
    let named = named.filter(|_| network.attach == Attach::Bridged)?;
    Path::new("/sys/class/net").join(named).join("bridge").exists().then_some(named)
}

/// Whether nodes are reached on a bridge of the host's.
pub(super) fn is_management(wanted: &Wanted) -> bool {
    wanted.management().is_some_and(|network| bridge(network).is_some())
}

/// The host's own address on that bridge; nothing where it has none in the network's subnet.
pub(super) fn address(wanted: &Wanted) -> Option<Ipv4Addr> {
    let subnet = wanted.management()?.subnet?;
    let node = wanted.machines.first()?.address;
    // Asks by which address a node would be spoken to. Nothing is sent.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((node, 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(own) if subnet.contains(&own) => Some(own),
        _ => None,
    }
}

/// Nodes that are on a bridge of the host's are reached at their own addresses, and by no port of its loopback.
pub fn reach_directly(wanted: &mut Wanted) {
    if is_management(wanted) {
        for forward in wanted.machines.iter_mut().flat_map(|machine| &mut machine.forwards) {
            forward.host = forward.guest;
        }
    }
}

/// What stands in the way of these machines' networks. Of one that is no bridge of the host's and leads nowhere as well.
pub(super) fn checks(new: &Wanted) -> Vec<Check> {
    let is_used =
        |at: usize| new.machines.iter().flat_map(|it| &it.cards).any(|it| it.network == at);
    let used = new.networks.iter().enumerate().filter(|(at, _)| is_used(*at));
    used.filter_map(|(_, network)| check(new, network)).collect()
}

fn check(wanted: &Wanted, network: &Network) -> Option<Check> {
    let (name, interface) = (&network.network, &network.host_interface);
    let what = format!("network {name}");
    let not = |state, seen: String, fix: String| {
        Some(Check::not(Kind::Machine, what.clone(), state, seen, fix))
    };
    let is_management = *name == MANAGEMENT;
    let Some(bridge) = bridge(network) else {
        if network.attach == Attach::NatNetwork {
            return None;
        }
        let seen = if interface == AUTO {
            "it is no NAT network, and no bridge of this machine's is named".to_owned()
        } else {
            format!("`{interface}` is no bridge of this machine's")
        };
        let fix = format!(
            "name a bridge that is there (`networks.{name}.virtualbox.host_interface`; `ip link show type bridge` lists them), or say `attach: nat-network`"
        );
        return match (is_management, interface == AUTO) {
            (true, _) => not(State::Bad, format!("{seen}: nodes are not reached"), fix),
            // The usual case: it connects the nodes, which is all that most labs need of it.
            (false, true) => None,
            (false, false) => not(
                State::Lacking,
                format!("{seen}: it connects the nodes, and leads nowhere"),
                fix,
            ),
        };
    };
    if let Some((seen, fix)) = helper(bridge) {
        return not(State::Bad, seen, fix);
    }
    if is_management && wanted.boot.is_some() {
        let seen = "machines start by network on a NAT network alone".to_owned();
        let fix = "bring media in (`--via iso`); `trainyard serve --dhcp` serves a bridge for machines of your own (docs/pxe.md)";
        return not(State::Bad, seen, fix.to_owned());
    }
    if is_management && address(wanted).is_none() {
        let subnet = network.subnet.map_or_else(String::new, |subnet| subnet.to_string());
        let seen = format!(
            "this machine has no address in {subnet}, where nodes are reached and tell how far they are"
        );
        let fix = match network.gateway.zip(network.subnet) {
            Some((gateway, subnet)) => {
                format!("`sudo ip addr add {gateway}/{} dev {bridge}`", subnet.prefix_len())
            }
            None => format!("give `{bridge}` one that no node has"),
        };
        return not(State::Bad, seen, fix);
    }
    Some(Check::good(Kind::Machine, what, format!("plugged into the bridge `{bridge}`")))
}

/// Why QEMU's helper would not plug a machine into this bridge, and what to do.
fn helper(bridge: &str) -> Option<(String, String)> {
    let Some(helper) = HELPERS.iter().map(Path::new).find(|path| path.exists()) else {
        let seen = "QEMU's bridge helper (`qemu-bridge-helper`) is not installed".to_owned();
        let fix = "Debian: the package `qemu-system-common`; Fedora: `qemu-common`".to_owned();
        return Some((seen, fix));
    };
    if !is_roots(helper) {
        let seen = format!("`{}` does not run as root", helper.display());
        return Some((seen, format!("`sudo chmod u+s {}`", helper.display())));
    }
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let conf = fs::read_to_string(ALLOWED);
    // Root alone may read it, which it is for to say.
    let is_hidden = conf.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if is_hidden || allows(&conf.unwrap_or_default(), bridge, &read) {
        return None;
    }
    let seen = format!("`{ALLOWED}` does not allow `{bridge}` to QEMU");
    let fix = format!(
        "`sudo mkdir -p /etc/qemu; echo 'allow {bridge}' | sudo tee -a {ALLOWED}`; a line `deny` there counts more"
    );
    Some((seen, fix))
}

/// Whether it may do what only root may: because root runs it, or because whoever runs it is root then.
#[cfg(unix)]
fn is_roots(helper: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let is_setuid = fs::metadata(helper).is_ok_and(|it| it.mode() & 0o4000 != 0 && it.uid() == 0);
    let has_capabilities =
        || rustix::fs::getxattr(helper, "security.capability", &mut [0_u8; 64]).is_ok();
    rustix::process::geteuid().is_root() || is_setuid || has_capabilities()
}

#[cfg(not(unix))]
fn is_roots(_: &Path) -> bool {
    false
}

/// Whether a file of the helper's allows a bridge: one line does, and none denies it.
fn allows(conf: &str, bridge: &str, read: &dyn Fn(&Path) -> String) -> bool {
    let mut lines = Vec::new();
    collect(conf, read, &mut lines, 0);
    let has =
        |rule: &str| lines.iter().any(|(said, of)| said == rule && (of == "all" || of == bridge));
    has("allow") && !has("deny")
}

/// The rules of a file and of those that it includes.
fn collect(
    conf: &str,
    read: &dyn Fn(&Path) -> String,
    lines: &mut Vec<(String, String)>,
    depth: usize,
) {
    /// A file may include itself.
    const DEEPEST: usize = 8;
    for line in conf.lines().filter_map(|line| line.split('#').next()) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["include", path] if depth < DEEPEST => {
                collect(&read(&PathBuf::from(path)), read, lines, depth + 1);
            }
            [rule, of] => lines.push((rule.to_owned(), of.to_owned())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::allows;

    #[test]
    fn a_bridge_is_allowed_by_a_line_where_no_other_denies_it() {
        let read = |path: &Path| match path.to_str() {
            Some("/etc/qemu/more.conf") => "allow br7\ninclude /etc/qemu/more.conf\n".to_owned(),
            _ => String::new(),
        };
        for (conf, allowed) in [
            ("", false),
            ("allow br0\n", true),
            ("# allow br0\nallow br1 # and no other\n", false),
            ("  allow\tall  \n", true),
            ("allow all\ndeny br0\n", false),
            ("deny all\nallow br0\n", false),
            ("include /etc/qemu/more.conf\n", false),
            ("allow br00\nallow br\nallow\n", false),
        ] {
            assert_eq!(allows(conf, "br0", &read), allowed, "{conf:?}");
        }
        assert!(allows("include /etc/qemu/more.conf\n", "br7", &read));
    }
}
