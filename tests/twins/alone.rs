//! What one spelling cannot say, and why. docs/cloud-init.md shows it.

use super::Difference;

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Kickstart,
    UserData,
    /// Each says something else.
    Both,
}
use By::{Both, Kickstart, UserData};

/// Something of a node that the two spellings do not say alike.
#[derive(Debug)]
pub struct Alone {
    /// The facts, as `read.py` names them; `*` stands for anything.
    pub facts: &'static [&'static str],
    pub by: By,
    /// What it is, for people.
    pub what: &'static str,
    /// Why the other does not say it.
    pub why: &'static str,
}

impl Alone {
    pub fn covers(&self, found: &Difference) -> bool {
        let by = match (&found.kickstart, &found.user_data) {
            (Some(_), None) => Kickstart,
            (None, Some(_)) => UserData,
            _ => Both,
        };
        by == self.by && self.facts.iter().any(|pattern| matches(pattern, &found.about))
    }
}

/// Whether a text is as a pattern with `*` says.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            (0..=text.len()).any(|i| text.is_char_boundary(i) && matches(rest, &text[i..]))
        }),
    }
}

#[rustfmt::skip]
pub const ALONE: &[Alone] = &[
    Alone {
        facts: &[
            "command systemctl --no-block start trainyard-forget-seed.service",
            "service trainyard-forget-seed.service",
            "file /etc/cloud/cloud.cfg.d/zz-trainyard.cfg",
            "file /etc/systemd/system/trainyard-forget-seed.service",
            "file /usr/local/libexec/trainyard/forget-seed.sh",
            "folder /etc/cloud*",
        ],
        by: UserData,
        what: "what makes cloud-init forget its seed",
        why: "an installer keeps copies of its kickstart, too; the runner removes those before anything else",
    },
    Alone {
        facts: &["disk *"],
        by: Kickstart,
        what: "disks: partitions, swap, file systems, the data disk, the boot loader",
        why: "a cloud image brings its own disk, whose root file system grows with it. 19.4 makes a swap file by `fallocate`, and CentOS 7's kernel refuses such a file on XFS",
    },
    Alone {
        facts: &["installer's file /etc/trainyard/data-disk", "file /etc/trainyard/data-disk"],
        by: Both,
        what: "the name of a data disk that is left as it is",
        why: "the installer's wipe guard finds that disk by what the lab says of it; nothing looks for one in a cloud image, whose user-data has the name that the lab says, if it says one",
    },
    Alone {
        facts: &["installation *"],
        by: Kickstart,
        what: "the installation itself: its source, its network, no questions, the scripts before it and for its failure, the reboot at its end",
        why: "a cloud image is installed",
    },
    Alone {
        facts: &["hook before the installation *"],
        by: Kickstart,
        what: "`hooks.pre`",
        why: "they look at a machine before its disks are divided; a cloud image has booted from its disk when cloud-init begins",
    },
    Alone {
        facts: &["command find /etc/sysconfig/network-scripts *"],
        by: Kickstart,
        what: "interface files that are not the lab's are removed",
        why: "the installer writes one for every port. Those of a cloud image are in use, and the stage `host-network` puts them aside",
    },
    Alone {
        facts: &["installer's file /etc/trainyard/ks.cfg", "installer's file /root/trainyard-early.log"],
        by: Kickstart,
        what: "a copy of the kickstart without secrets, and the log of what ran in the installer",
        why: "cloud-init keeps its own in `/var/lib/cloud` and `/var/log`",
    },
    Alone {
        facts: &["package @^minimal"],
        by: Kickstart,
        what: "the package environment `minimal`",
        why: "what is on a cloud image was decided by who made it; all that a stage needs it names itself",
    },
    Alone {
        facts: &["package mdadm", "package own-*"],
        by: Kickstart,
        what: "packages of a template of the lab's own (`kickstart/packages.j2`)",
        why: "the template is the kickstart's; the lab's key `packages` is for both",
    },
    Alone {
        facts: &["installer's %addon com_redhat_kdump --disable"],
        by: Kickstart,
        what: "no kdump",
        why: "the installer would reserve memory for it; CentOS's cloud image has it disabled",
    },
    Alone {
        facts: &["installer's auth"],
        by: Kickstart,
        what: "passwords are kept as SHA-512 in `/etc/shadow`",
        why: "both give hashes of that kind; for later ones it is CentOS 7's default, which its cloud image has",
    },
    Alone {
        facts: &["SELinux"],
        by: Kickstart,
        what: "SELinux enforces",
        why: "no key of cloud-init's says it, and a system that ran without cannot be switched over under way; CentOS's cloud image enforces",
    },
    Alone {
        facts: &["firewall lets ssh in"],
        by: Kickstart,
        what: "firewalld lets ssh in",
        why: "its default zone does when the stage `firewall` installs it; a cloud image has no firewalld before",
    },
    Alone {
        facts: &["hardware clock"],
        by: Kickstart,
        what: "the hardware clock is in UTC",
        why: "cloud-init has no key for it, and a system that says nothing takes it so",
    },
    Alone {
        facts: &["stages before the first boot: attempts, reboot"],
        by: Kickstart,
        what: "stages that run in the installer are tried once, and do not reboot",
        why: "what fails there stops the installation. After cloud-init the first boot begins with what failed",
    },
    Alone {
        facts: &["sshd: PasswordAuthentication, and nobody has a password"],
        by: Both,
        what: "where no account has a password: sshd as it is installed (`yes`), or `no`",
        why: "without a password it makes no difference after an installation; a cloud image may hold accounts that have one",
    },
    Alone {
        facts: &["command systemctl daemon-reload", "command systemctl --no-block start trainyard-first-boot.service"],
        by: UserData,
        what: "the first boot's service is started",
        why: "an installed system boots into it",
    },
    Alone {
        facts: &["cloud-init's file /etc/sysconfig/network", "cloud-init's file /etc/udev/rules.d/70-persistent-net.rules"],
        by: UserData,
        what: "`/etc/sysconfig/network` as CentOS 7 has it, and a rule that gives each port its name by its MAC address",
        why: "a cloud image boots with `eth0`; an installed system names its ports as the lab does",
    },
    Alone {
        facts: &["interface *: HWADDR"],
        by: UserData,
        what: "interfaces: HWADDR",
        why: "a cloud image's ports are found by their MAC addresses; the stage's files name one only where the lab says `match: mac`",
    },
    Alone {
        facts: &["interface *: NM_CONTROLLED", "interface *: USERCTL", "interface *: IPV6_FORCE_ACCEPT_RA", "interface *: BONDING_SLAVE*"],
        by: UserData,
        what: "interfaces: NM_CONTROLLED, USERCTL, IPV6_FORCE_ACCEPT_RA, BONDING_SLAVE0 and so on",
        why: "cloud-init writes them by itself (the third only since later versions, and CentOS 7's own build leaves the first out); the stage's files replace them",
    },
    Alone {
        facts: &["interface *: NAME", "interface *: PROXY_METHOD", "interface *: BROWSER_ONLY", "interface *: IPV4_FAILURE_FATAL", "interface *: IPV6_FAILURE_FATAL", "interface *: IPV6_ADDR_GEN_MODE"],
        by: Kickstart,
        what: "interfaces: NAME, PROXY_METHOD, BROWSER_ONLY, IPV4_FAILURE_FATAL, IPV6_FAILURE_FATAL, IPV6_ADDR_GEN_MODE",
        why: "the installation document has them, with what holds without them; cloud-init has no words for them",
    },
    Alone {
        facts: &["interface *: IPV6INIT", "interface *: IPV6_AUTOCONF", "interface *: IPV6_DEFROUTE"],
        by: Kickstart,
        what: "interfaces: IPV6INIT, IPV6_AUTOCONF, IPV6_DEFROUTE",
        why: "19.4 cannot ask for router advertisements, nor refuse them",
    },
    Alone {
        facts: &["interface *: DEFROUTE", "interface *, by DHCP: PEERDNS", "interface *, by DHCP: DNS*", "interface *, by DHCP: RESOLV_MODS", "interface *, by DHCP: PERSISTENT_DHCLIENT"],
        by: Kickstart,
        what: "interfaces: DEFROUTE without a gateway; PEERDNS, RESOLV_MODS, DNS1 and PERSISTENT_DHCLIENT beside DHCP",
        why: "19.4 has no words for DHCP without its way out. Name servers that belong to no static address it writes into `/etc/resolv.conf`, from which it then keeps NetworkManager for good. DHCP that is asked again it has no word for",
    },
    Alone {
        facts: &["interface *, a VLAN*: TYPE", "interface *, a VLAN*: VLAN_ID"],
        by: Kickstart,
        what: "VLANs: TYPE, VLAN_ID",
        why: "cloud-init leaves them out, and the network scripts take the number from the name. A VLAN of another name needs NetworkManager (above)",
    },
];
