//! Arguments with which the installer would ask, install something else, or be open to others (anaconda 21.48 of CentOS 7,
//! docs/boot-options.txt). It knows each with and without `inst.`.

use crate::report::Rule;

use super::settle::Wrong;

/// Arguments that say where the installer and its kickstart are; with everything that begins with `ks`.
const OF_TRAINYARD: [&str; 8] =
    ["stage2", "repo", "method", "nosave", "initrd", "root", "rescue", "BOOT_IMAGE"];

/// The name without `inst.`.
fn bare(name: &str) -> &str {
    name.strip_prefix("inst.").unwrap_or(name)
}

/// Whether an argument is trainyard's to say.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = bare(name);
    OF_TRAINYARD.contains(&name)
        || name == "ks"
        || name.starts_with("ks.")
        || name.starts_with("ksdevice")
}

/// Why the installer cannot have an argument. A warning leaves it its place.
pub(super) fn argument(text: &str) -> Result<(), Wrong> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let refused = |why: &str, help: &str| Err(Wrong::new(why, help));
    let warned = |why: &str, help: &str| Err(Wrong::of(Rule::NodeAtRisk, why, help));
    let is_fetched = ["http:", "https:", "ftp:", "nfs:"].iter().any(|s| value.starts_with(s));
    match bare(name) {
        "askmethod" => refused(
            "asks where the packages are, and waits",
            "leave it out: they are on the medium",
        ),
        "dd" | "driverdisk" if value.is_empty() => refused(
            "asks for a driver, and waits",
            "name it, such as `inst.dd=hd:LABEL=DRIVERS:/driver.rpm`, or leave it out",
        ),
        "dd" | "driverdisk" | "updates" if is_fetched => warned(
            "is fetched unchecked, and runs as root in the installer",
            "put it on a medium: `hd:LABEL=…:/…`",
        ),
        "dirinstall" => refused("installs to a folder, and to no disk", "leave it out"),
        "vnc" | "vncconnect" => warned(
            "shows the installation to everyone on the network, who may change it",
            "leave it out: nothing is asked",
        ),
        "vncpassword" => refused(
            "is a password that everyone at the machine can read",
            "leave it out: nothing is asked",
        ),
        "sshd" => warned(
            "lets everyone on the network into the installer as root, without a password",
            "leave it out on networks that others are on",
        ),
        "graphical" => refused(
            "contradicts the kickstart's `cmdline`, and waits for a mouse where something is missing",
            "leave it out: nothing is asked",
        ),
        "text" => warned(
            "takes the place of the kickstart's `cmdline`: where something is missing, the installer asks, and waits",
            "leave it out, unless somebody watches",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{argument, is_reserved};

    #[test]
    fn what_is_meant_is_taken() {
        for good in [
            "inst.dd=hd:LABEL=DRIVERS:/driver.rpm",
            "inst.updates=hd:LABEL=DRIVERS:/updates.img",
            "inst.gpt",
            "inst.cmdline",
            "inst.addrepo=x",
            "rd.live.check",
        ] {
            assert!(argument(good).is_ok() && !is_reserved(good), "{good}");
        }
        for bad in ["ks", "inst.ks", "inst.ks.sendsn", "ksdevice", "method", "inst.stage2"] {
            assert!(is_reserved(bad), "{bad}");
        }
    }
}
