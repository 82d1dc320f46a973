//! The commands of RHEL 7's kickstart (pykickstart's `RHEL7Handler`), and what becomes of each in `kickstart.commands`.

use Verdict::{Refused, Taken};

use super::options::{GROUP, LOGGING, NONE, Options};

/// What becomes of a command.
pub(super) enum Verdict {
    /// It is written into the kickstart, with these options.
    Taken(Options),
    /// It is refused: why, and what to do instead.
    Refused(&'static str, &'static str),
}

const OURS: &str = "is trainyard's to say";
const DISKS: &str = "would change disks that no wipe guard has seen";
const SOURCE: &str =
    "says where packages come from, and the installer checks no signature: it uses the medium only";
const SOURCE_HELP: &str = "say it under `repositories`: yum checks them at the first boot";
const FLOW: &str = "would leave the node without its first boot";
const FLOW_HELP: &str = "leave it out: the node starts again when it is installed";
const ASKS: &str = "decides how the installer asks, and here nobody answers";
const UNSIGNED: &str = "runs in the installer what nobody has signed";

/// The commands, each once.
pub(super) const COMMANDS: &[(&[&str], Verdict)] = &[
    (&["logging"], Taken(LOGGING)),
    (&["group"], Taken(GROUP)),
    (&["mediacheck"], Taken(NONE)),
    (&["unsupported_hardware"], Taken(NONE)),
    // Disks.
    (
        &[
            "autopart",
            "btrfs",
            "clearpart",
            "ignoredisk",
            "logvol",
            "part",
            "partition",
            "raid",
            "reqpart",
            "volgroup",
            "zerombr",
            "snapshot",
        ],
        Refused(DISKS, "say it under `storage`"),
    ),
    (
        &["bootloader"],
        Refused(OURS, "say its arguments under `kernel`, and the disk under `storage`"),
    ),
    (
        &["dmraid", "fcoe", "iscsi", "iscsiname", "multipath", "nvdimm", "zfcp"],
        Refused(
            "brings disks that the wipe guard does not see",
            "a `hooks.first_boot` attaches them",
        ),
    ),
    // Where packages come from.
    (
        &[
            "cdrom",
            "harddrive",
            "hmc",
            "install",
            "liveimg",
            "method",
            "nfs",
            "ostreesetup",
            "repo",
            "url",
        ],
        Refused(SOURCE, SOURCE_HELP),
    ),
    (
        &["driverdisk", "updates"],
        Refused(UNSIGNED, "a `hooks.pre` loads a driver that the lab has beside it"),
    ),
    (&["device", "deviceprobe"], Refused("does nothing any more", "a `hooks.pre` loads a driver")),
    // The flow.
    (&["halt", "poweroff", "reboot", "shutdown"], Refused(FLOW, FLOW_HELP)),
    (&["upgrade", "rescue"], Refused("would install nothing", "leave it out")),
    (
        &["autostep", "cmdline", "graphical", "text", "vnc"],
        Refused(ASKS, "leave it out: it installs in text, without questions"),
    ),
    (&["eula", "firstboot"], Refused(OURS, "leave it out: nothing asks")),
    (&["skipx", "xconfig"], Refused(OURS, "leave it out: a node has no desktop")),
    // The node.
    (&["lang"], Refused(OURS, "say it as `language`")),
    (&["keyboard"], Refused(OURS, "say it as `keyboard` of the lab")),
    (&["timezone"], Refused(OURS, "say it as `timezone` of the lab")),
    (&["network"], Refused(OURS, "say it under `networks` and `interfaces`")),
    (&["firewall"], Refused(OURS, "say it under `firewall`")),
    (&["selinux"], Refused(OURS, "leave it out: the stages are made for `--enforcing`")),
    (&["services"], Refused(OURS, "say it under `services` of the lab")),
    (
        &["rootpw"],
        Refused(
            OURS,
            "say under `access` how root logs in; `trainyard secrets` makes the password",
        ),
    ),
    (&["user"], Refused(OURS, "say it under `users`")),
    (&["auth", "authconfig"], Refused(OURS, "a `hooks.post` runs authconfig")),
    (
        &["realm"],
        Refused(
            "joins a domain with packages that the medium does not have",
            "a `hooks.first_boot` joins it",
        ),
    ),
    (
        &["sshpw"],
        Refused(
            "puts a password into a file that others may read",
            "leave it out: nobody needs to log in to the installer",
        ),
    ),
];

/// Whether the installer of CentOS 7 knows a command of that name.
#[must_use]
pub fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|(names, _)| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::COMMANDS;
    use crate::model::kickstart::command;

    const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");

    /// Whether pykickstart reads a line.
    const SCRIPT: &str = "import sys\n\
        from pykickstart.parser import KickstartParser\n\
        from pykickstart.version import makeVersion\n\
        for line in sys.argv[1:]:\n\
        \x20   try: KickstartParser(makeVersion('RHEL7')).readKickstartFromString(line + '\\n'); print('yes')\n\
        \x20   except BaseException: print('no')";

    #[test]
    fn no_line_is_taken_that_pykickstart_cannot_read() {
        let good = [
            "logging",
            "logging --host=10.0.0.5 --level=debug",
            "logging --host=fd00::5 --port=514",
            "group --name=developers --gid=1500",
            "group --name=developers",
            "mediacheck",
            "unsupported_hardware",
        ];
        let bad = [
            "group",
            "group --gid=1500",
            "group --name=a --gid=x",
            "group --name",
            "logging --level=foo",
            "logging --port=514",
            "logging --host",
            "mediacheck --now",
            "loging",
        ];
        let stricter = [
            "group --name=a --name=b",
            "group --name=a --gid=-1",
            "group --name=wheel",
            "group --name=nova",
            "group --name=a --gid=01500",
            "logging --host=a --port=x",
            "logging --host=a --port=0",
            "logging --host=",
            "logging --level=info --level=info",
        ];
        for line in good {
            assert!(command(line).is_ok(), "{line}");
        }
        for line in bad.iter().chain(&stricter) {
            assert!(command(line).is_err(), "{line}");
        }
        let mut python = Command::new(PYTHON);
        let said = python.args(["-c", SCRIPT]).args(good).args(bad).output().expect("it runs");
        let said = String::from_utf8(said.stdout).expect("text");
        let wanted = [vec!["yes"; good.len()], vec!["no"; bad.len()]].concat();
        assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn the_commands_are_those_that_pykickstart_knows() {
        let script = "from pykickstart.handlers.rhel7 import RHEL7Handler\n\
                      print('\\n'.join(sorted(RHEL7Handler().commands)))";
        let said = Command::new(PYTHON)
            .args(["-c", script])
            .output()
            .expect("scripts/dev/setup.sh made it");
        let theirs = String::from_utf8(said.stdout).expect("text");
        let mut ours: Vec<&str> =
            COMMANDS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        ours.sort_unstable();
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>());
    }
}
