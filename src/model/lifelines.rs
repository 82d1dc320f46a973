//! What a node cannot do without: units that run, and a kernel that goes on to start them. A lab that says otherwise would
//! lose the node.

use crate::report::Rule;
use crate::spec::{SettingsSpec, UnitState};

use super::settle::{Resolver, Wrong};
use super::{Interface, Kind, Settings};

/// Units without which a node does not come up, or nobody reaches it, with what they do.
const UNITS: [(&str, &str); 13] = [
    ("NetworkManager.service", "has the node's network"),
    ("network.service", "brings up the ports of the provider network, and all of a cloud image's"),
    ("dbus.service", BUS),
    ("dbus.socket", BUS),
    ("systemd-journald.service", "takes what every service says"),
    ("systemd-udevd.service", "finds disks and network ports"),
    ("local-fs.target", BOOT),
    ("sysinit.target", BOOT),
    ("basic.target", BOOT),
    ("network.target", BOOT),
    ("network-online.target", BOOT),
    ("multi-user.target", BOOT),
    ("default.target", BOOT),
];
const BUS: &str = "is what NetworkManager and systemd are spoken to by";
const BOOT: &str = "is a part of every boot";

/// Targets that end what runs, or never let it run.
const ENDS: [&str; 12] = [
    "emergency.target",
    "rescue.target",
    "shutdown.target",
    "poweroff.target",
    "reboot.target",
    "halt.target",
    "kexec.target",
    "final.target",
    "umount.target",
    "runlevel0.target",
    "runlevel1.target",
    "runlevel6.target",
];

const FIRST_BOOT: &str = "trainyard-first-boot.service";
const VERIFY: &str = "trainyard-verify.service";
const FORGET_SEED: &str = "trainyard-forget-seed.service";
const SSH: &str = "sshd.service";
const SSH_BY_SOCKET: &str = "sshd.socket";

/// Why a unit cannot stand like this; `is_enabled` tells of the others.
pub(super) fn unit(
    name: &str,
    state: UnitState,
    is_enabled: impl Fn(&str) -> bool,
) -> Result<(), Wrong> {
    let lost = |why: String, help: &str| Err(Wrong::of(Rule::NodeLost, why, help));
    if name == FIRST_BOOT {
        // Started by a stage, it would wait for itself.
        return lost("is what makes the node".to_owned(), "leave it out");
    }
    if name == VERIFY {
        return Err(Wrong::new("is what asks the node whether it works", "leave it out"));
    }
    if name == FORGET_SEED {
        let why = "is what makes cloud-init forget its seed, with the passwords in it";
        return Err(Wrong::new(why, "leave it out"));
    }
    if state == UnitState::Enabled {
        if ENDS.contains(&name) {
            return lost("would end what runs on the node".into(), "leave it out");
        }
        return Ok(());
    }
    if let Some((_, what)) = UNITS.iter().find(|(known, _)| *known == name) {
        return lost(format!("{what}, and would be {state}"), "leave it out");
    }
    if name == SSH && !is_enabled(SSH_BY_SOCKET) {
        let why = format!("lets people in, and would be {state}");
        return lost(why, "leave it out, or enable `sshd.socket` in its place");
    }
    Ok(())
}

/// Words by which systemd 219 knows that nothing is to be started but a shell (`rlmap` in its main.c).
const SHELLS: [&str; 6] = ["1", "S", "emergency", "rescue", "s", "single"];
/// The targets to which a node can boot.
const TARGETS: [&str; 3] = ["default.target", "graphical.target", "multi-user.target"];

/// Why a kernel cannot have an argument. A warning leaves it its place.
pub(super) fn argument(text: &str) -> Result<(), Wrong> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let lost = |why: &str, help: &str| Err(Wrong::of(Rule::NodeLost, why, help));
    match name.trim_start_matches("rd.") {
        "init" | "rdinit" => lost(
            "starts another program in the place of systemd",
            "leave it out; what is to run is a unit, or a hook",
        ),
        "break" | "emergency" | "rescue" | "single" if name.starts_with("rd.") => {
            lost("stops each boot at a shell", FOR_ONCE)
        }
        word if SHELLS.contains(&word) && text == name => {
            lost("stops each boot at a shell", FOR_ONCE)
        }
        "systemd.unit" if !TARGETS.contains(&value) => lost(
            "boots to something else than the node's services",
            "leave it out, or name `multi-user.target` or `graphical.target`",
        ),
        "systemd.mask" => unit(value, UnitState::Masked, |_| false),
        "selinux" if value == "0" => lost(
            "leaves every file of the node without its SELinux type, and its services unprotected",
            "leave it out: SELinux enforces, and OpenStack's policy is there",
        ),
        "enforcing" if value == "0" => Err(Wrong::of(
            Rule::NodeAtRisk,
            "lets SELinux only log what it would refuse",
            "leave it out: OpenStack's policy is there, and `trainyard-node verify` tells that SELinux does not enforce",
        )),
        _ => Ok(()),
    }
}

const FOR_ONCE: &str = "leave it out; for one boot it can be typed in the boot menu";

/// Tells a kernel, the installer's or the installed system's, that calls the network's ports otherwise than the lab does.
pub(super) fn tell_port_names(
    settings: &Settings,
    spec: &SettingsSpec,
    interfaces: &[Interface],
    r: &mut Resolver,
) {
    let renames = "net.ifnames=0";
    let kernel = spec.kernel.as_ref().and_then(|k| k.value.arguments.as_ref());
    let installer = spec.installer.as_ref().and_then(|i| i.value.boot_arguments.as_ref());
    let lines = [
        (&settings.custom.kernel.arguments, kernel),
        (&settings.installer.boot_arguments, installer),
    ];
    let other =
        |i: &&Interface| i.kind == Kind::Ethernet && !i.found_by_mac && !i.name.starts_with("eth");
    for (arguments, written) in lines {
        let counts = arguments.iter().any(|a| a == renames);
        let argument = written.and_then(|w| w.value.0.iter().rfind(|a| a.value == renames));
        if let (Some(argument), Some(port)) =
            (argument.filter(|_| counts), interfaces.iter().find(other))
        {
            let why =
                format!("calls ports `eth0` and so on, and here one is called `{}`", port.name);
            let help =
                "leave it out, or find each port by its address: `match: mac` beside its `mac`";
            r.reject(argument, Wrong::of(Rule::NodeLost, why, help));
        }
    }
}

/// Why an argument cannot be taken from a kernel.
pub(super) fn removed_argument(text: &str) -> Result<(), Wrong> {
    let name = text.split('=').next().unwrap_or(text);
    if ["rd.lvm.lv", "rd.luks.uuid", "rd.md.uuid"].contains(&name) {
        let why = "is what `/` is found by";
        return Err(Wrong::of(
            Rule::NodeLost,
            why,
            "leave it: the installer wrote it for this disk",
        ));
    }
    Ok(())
}
