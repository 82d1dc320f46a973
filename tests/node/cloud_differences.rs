//! In what a node that cloud-init made differs from one that the installer made, on test hosts, and why.

/// A path, or a line of a state.
pub struct Known {
    pub line: &'static str,
    /// Whether a node by a kickstart has it.
    pub kickstart: bool,
    /// Whether one by a seed has it.
    pub cloud: bool,
    pub reason: &'static str,
    /// On which node; on both where it says none.
    pub node: Option<&'static str>,
}

impl Known {
    /// Whether a line of a state is about it.
    pub fn is(&self, line: &str) -> bool {
        line == self.line
            || line.ends_with(&format!("  {}", self.line))
            || line.contains(&format!(" {} -> ", self.line))
    }
}

const fn cloud(line: &'static str, reason: &'static str) -> Known {
    Known { line, kickstart: false, cloud: true, reason, node: None }
}

const fn installed(line: &'static str, reason: &'static str) -> Known {
    Known { line, kickstart: true, cloud: false, reason, node: None }
}

const fn both(line: &'static str, reason: &'static str) -> Known {
    Known { line, kickstart: true, cloud: true, reason, node: None }
}

const OURS: &str = "what makes a seed be forgotten; a kickstart leaves nothing behind";
const PACKAGE: &str = "the image's cloud-init";
/// `GenericCloud` has none: its network scripts have the network (docs/cloud-init.md).
const NETWORK_MANAGER: &str = "NetworkManager, which a medium installs and a cloud image lacks";
const INSTALLER: &str = "the installer does it, and on a test host nobody plays that part";

/// The stage `firewall` has rules for a controller's zone, and none for a compute's.
const fn zone(line: &'static str) -> Known {
    let reason = "the installer lets ssh in, as the zone does that firewalld brings";
    Known { node: Some("compute"), ..installed(line, reason) }
}

pub const DIFFERENT: [Known; 37] = [
    zone("/etc/firewalld/zones/public.xml"),
    zone("/etc/firewalld/zones/public.xml.old"),
    cloud("/usr/local/libexec/trainyard/forget-seed.sh", OURS),
    cloud("/etc/systemd/system/trainyard-forget-seed.service", OURS),
    cloud("/etc/systemd/system/cloud-final.service.wants", OURS),
    cloud("/etc/systemd/system/cloud-final.service.wants/trainyard-forget-seed.service", OURS),
    cloud("trainyard-forget-seed.service enabled", OURS),
    cloud("/etc/cloud/cloud.cfg.d/zz-trainyard.cfg", OURS),
    both("/etc/cloud/cloud.cfg", PACKAGE),
    cloud("/etc/systemd/system-generators", PACKAGE),
    cloud("/etc/systemd/system-generators/cloud-init-generator", PACKAGE),
    cloud("/etc/systemd/system/multi-user.target.wants/cloud-init-local.service", PACKAGE),
    cloud("/etc/systemd/system/multi-user.target.wants/cloud-init.service", PACKAGE),
    cloud("/etc/systemd/system/multi-user.target.wants/cloud-config.service", PACKAGE),
    cloud("/etc/systemd/system/multi-user.target.wants/cloud-final.service", PACKAGE),
    cloud("cloud-init-local.service enabled", PACKAGE),
    cloud("cloud-init.service enabled", PACKAGE),
    cloud("cloud-config.service enabled", PACKAGE),
    cloud("cloud-final.service enabled", PACKAGE),
    cloud("/etc/udev", "names of adapters, by their addresses"),
    cloud("/etc/udev/rules.d", "names of adapters, by their addresses"),
    cloud("/etc/udev/rules.d/70-persistent-net.rules", "names of adapters, by their addresses"),
    cloud(
        "/etc/sysconfig/network",
        "cloud-init writes `NETWORKING=yes`, which is what CentOS 7 has",
    ),
    cloud("replaced 755", "the image's own ifcfg-eth0, put aside"),
    cloud("/etc/ssh/sshd_config.d/50-cloud-init.conf", "19.4 changes sshd_config itself"),
    cloud("/root/.ssh/authorized_keys", "empty where the lab has no keys"),
    cloud("/etc/locale.conf", INSTALLER),
    both("/etc/localtime", INSTALLER),
    both("/etc/shadow", INSTALLER),
    installed("NetworkManager", NETWORK_MANAGER),
    installed("NetworkManager.service enabled", NETWORK_MANAGER),
    installed("NetworkManager-wait-online.service enabled", NETWORK_MANAGER),
    installed(
        "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
        NETWORK_MANAGER,
    ),
    installed("/etc/systemd/system/network-online.target.wants", NETWORK_MANAGER),
    installed(
        "/etc/systemd/system/network-online.target.wants/NetworkManager-wait-online.service",
        NETWORK_MANAGER,
    ),
    installed(
        "/root/trainyard-early.log",
        "what the installer's log of the early stages says is in the stages' own logs, too",
    ),
    installed("/etc/trainyard/ks.cfg", "the kickstart, without its secrets, for who wants to know"),
];

/// What cloud-init's log may say on a test host.
pub const HARMLESS: [(&str, &str); 0] = [];
