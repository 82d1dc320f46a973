//! Where files of people can be, and where none can be.

use crate::report::Rule;
use crate::spec::Spanned;
use crate::template::quote::is_plain_word;

use super::settle::{Resolver, Wrong};
use super::{CustomFile, Storage};

/// Where no file of a person's can be, with everything below; why, and what to do instead.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("/etc/trainyard", TRAINYARD, ANOTHER),
    ("/var/lib/trainyard", TRAINYARD, ANOTHER),
    ("/var/log/trainyard", TRAINYARD, ANOTHER),
    ("/usr/local/libexec/trainyard", TRAINYARD, ANOTHER),
    ("/usr/local/sbin/trainyard-node", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-first-boot.service", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-first-boot.service.d", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-verify.service", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-verify.service.d", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-forget-seed.service", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/trainyard-forget-seed.service.d", TRAINYARD, ANOTHER),
    ("/etc/cloud", CLOUD_INIT, IN_USER_DATA),
    ("/var/lib/cloud", CLOUD_INIT, IN_USER_DATA),
    ("/etc/locale.conf", "is the node's language", "say it as `language`"),
    ("/etc/localtime", "is the node's time zone", "say it as `timezone` of the lab"),
    ("/etc/profile.d/trainyard-proxy.sh", TRAINYARD, "say it under `proxy`"),
    ("/etc/profile.d/trainyard-status.sh", TRAINYARD, ANOTHER),
    ("/etc/systemd/system/default.target", "is what the node boots to", ANOTHER),
    ("/bin", PACKAGES, LOCAL),
    ("/sbin", PACKAGES, LOCAL),
    ("/lib", PACKAGES, LOCAL),
    ("/lib64", PACKAGES, LOCAL),
    ("/usr/bin", PACKAGES, LOCAL),
    ("/usr/sbin", PACKAGES, LOCAL),
    ("/usr/lib", PACKAGES, LOCAL),
    ("/usr/lib64", PACKAGES, LOCAL),
    ("/usr/libexec", PACKAGES, LOCAL),
    ("/var/lib/rpm", PACKAGES, "say it under `packages`"),
    ("/boot", LOADER, "kernel arguments are said under `kernel`"),
    ("/etc/default/grub", LOADER, "kernel arguments are said under `kernel`"),
    ("/etc/grub2.cfg", LOADER, "kernel arguments are said under `kernel`"),
    ("/etc/grub2-efi.cfg", LOADER, "kernel arguments are said under `kernel`"),
    ("/etc/fstab", "says what is mounted at boot", MOUNTS),
    ("/etc/crypttab", "says what is mounted at boot", MOUNTS),
    ("/etc/mtab", KERNEL, ANOTHER),
    (
        "/etc/selinux",
        "is SELinux's, which enforces on every node",
        "its booleans and types can be set by a hook",
    ),
    (
        "/etc/sysconfig/selinux",
        "is SELinux's, which enforces on every node",
        "its booleans and types can be set by a hook",
    ),
    ("/etc/ld.so.preload", "is read by every program of the node", ANOTHER),
    (
        "/etc/ld.so.cache",
        "is read by every program of the node",
        "a file in /etc/ld.so.conf.d, and `ldconfig` in a hook",
    ),
    ("/etc/machine-id", "is what tells a node from others", ANOTHER),
    ("/etc/resolv.conf", "is written by NetworkManager", "say it under `dns` and `search`"),
    ("/proc", KERNEL, "kernel parameters are said under `sysctl`"),
    ("/sys", KERNEL, ANOTHER),
    ("/dev", KERNEL, ANOTHER),
    ("/run", VOLATILE, TMPFILES),
    // A link to it, as /var/lock is one to /run/lock.
    ("/var/run", VOLATILE, TMPFILES),
    ("/var/lock", VOLATILE, TMPFILES),
    ("/tmp", "does not last", ANOTHER),
    ("/etc/sudoers", ACCOUNTS, "say it under `users`, where it is checked"),
    ("/etc/sudoers.d", ACCOUNTS, "say it under `users`, where it is checked"),
    ("/etc/passwd", ACCOUNTS, "say it under `users`"),
    ("/etc/shadow", ACCOUNTS, "say it under `users`"),
    ("/etc/group", ACCOUNTS, "say it under `users`"),
    ("/etc/gshadow", ACCOUNTS, "say it under `users`"),
    ("/etc/hostname", "is the node's name", "it is the node's key under `nodes`"),
    ("/etc/ssh/ssh_host_rsa_key", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_rsa_key.pub", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_dsa_key", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_dsa_key.pub", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_ecdsa_key", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_ecdsa_key.pub", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_ed25519_key", HOST_KEY, HOST_KEYS),
    ("/etc/ssh/ssh_host_ed25519_key.pub", HOST_KEY, HOST_KEYS),
    ("/etc/sysctl.d/90-trainyard.conf", TRAINYARD, "say it under `sysctl`"),
    ("/root/.ssh", "is where root's keys are", "say it under `access`"),
    ("/etc/yum.repos.d", "is where yum's repositories are", "say it under `repositories`"),
];
const PACKAGES: &str = "is where packages have what they bring";
const LOCAL: &str = "programs of one's own are in /usr/local, units in /etc/systemd/system";
const LOADER: &str = "is the boot loader's";
const MOUNTS: &str = "say it under `storage`; for others, a `.mount` unit in /etc/systemd/system";
const TRAINYARD: &str = "is trainyard's own";
const CLOUD_INIT: &str = "is cloud-init's, which is to forget its seed with the passwords in it";
const IN_USER_DATA: &str = "what cloud-init is to do is said under `cloud_init`";
const KERNEL: &str = "is the kernel's, not a file on the disk";
const VOLATILE: &str = "is gone after a boot";
const TMPFILES: &str = "a file in /etc/tmpfiles.d makes it at each boot";
const ACCOUNTS: &str = "is where accounts are";
const HOST_KEY: &str = "is a host key of the node";
const HOST_KEYS: &str = "say under `host_keys` where they come from";
const ANOTHER: &str = "another path";

/// Files that decide who can log in, or whether the node reaches others; why.
const AT_RISK: &[(&str, &str)] = &[
    ("/etc/nsswitch.conf", LOGINS),
    ("/etc/pam.d", LOGINS),
    ("/etc/security/access.conf", LOGINS),
    ("/etc/ssh/sshd_config", LOGINS),
    ("/etc/NetworkManager/NetworkManager.conf", NETWORK),
    ("/etc/sysconfig/network", NETWORK),
    ("/etc/firewalld/zones", "decides whom the node answers, and the stages open ports there"),
];
const LOGINS: &str = "decides who can log in";
const NETWORK: &str = "decides whether the node reaches others";

/// Tells a file with which a node could be lost, if what is in it is wrong.
pub(super) fn tell_risk(path: &Spanned<String>, r: &mut Resolver) {
    if let Some((_, why)) = AT_RISK.iter().find(|(place, _)| is_in(&path.value, place)) {
        let why = format!("{why}: one mistake in it, and the node is lost");
        let help = "try it on a node by hand first; where a program reads more files beside it, such a one is safer";
        r.reject(path, Wrong::of(Rule::NodeAtRisk, why, help));
    }
}

/// Folders that every node has: those of the package `filesystem`, and others of CentOS 7's own below /etc.
const FOLDERS: &str = "/bin /boot /boot/grub2 /etc /etc/NetworkManager /etc/X11 /etc/cron.d /etc/cron.daily /etc/cron.hourly \
    /etc/cron.monthly /etc/cron.weekly /etc/default /etc/dracut.conf.d /etc/firewalld /etc/logrotate.d /etc/modprobe.d \
    /etc/modules-load.d /etc/opt /etc/pam.d /etc/pki /etc/pki/rpm-gpg /etc/pki/tls /etc/profile.d /etc/rsyslog.d \
    /etc/security /etc/security/limits.d /etc/selinux /etc/skel /etc/ssh /etc/ssl /etc/sysconfig \
    /etc/sysconfig/network-scripts /etc/sysctl.d /etc/systemd /etc/systemd/system /etc/tmpfiles.d /etc/udev \
    /etc/udev/rules.d /etc/xdg /etc/yum /home /lib /lib64 /media /mnt /opt /root /sbin /srv /usr /usr/bin /usr/include \
    /usr/lib /usr/lib/systemd /usr/lib/systemd/system /usr/lib64 /usr/libexec /usr/local /usr/local/bin /usr/local/etc \
    /usr/local/lib /usr/local/lib64 /usr/local/libexec /usr/local/sbin /usr/local/share /usr/local/src /usr/sbin /usr/share \
    /usr/src /usr/tmp /var /var/cache /var/lib /var/local /var/log /var/mail /var/opt /var/spool /var/spool/cron \
    /var/spool/mail /var/tmp";

/// Whether a file of a person's can have this path.
pub(super) fn path(text: &str) -> Result<(), Wrong> {
    let normal = text.strip_prefix('/').is_some_and(|steps| {
        steps.split('/').all(|step| !step.is_empty() && step != "." && step != "..")
    });
    if !normal || !is_plain_word(text) || text.len() > 255 {
        return Err(Wrong::from(
            "an absolute path of letters, digits and `._:/@+,=-`, as it is after `..` and links, such as `/etc/motd`",
        ));
    }
    if let Some((_, why, help)) = ELSEWHERE.iter().find(|(folder, ..)| is_in(text, folder)) {
        return Err(Wrong::of(Rule::FilePlace, *why, *help));
    }
    if is_cloud_unit(text) {
        return Err(Wrong::of(Rule::FilePlace, CLOUD_INIT, IN_USER_DATA));
    }
    if FOLDERS.split_whitespace().any(|folder| folder == text) {
        return Err(Wrong::of(
            Rule::FilePlace,
            "is a folder that every node has",
            format!("the path of a file, such as `{text}/NAME`"),
        ));
    }
    Ok(())
}

/// Whether it is a unit of cloud-init's, in the place of the package's own, or adds to one.
fn is_cloud_unit(path: &str) -> bool {
    let unit = path.strip_prefix("/etc/systemd/system/").and_then(|rest| rest.split('/').next());
    let unit = unit.map(|unit| unit.strip_suffix(".d").unwrap_or(unit));
    let name = unit.and_then(|u| u.strip_suffix(".service").or_else(|| u.strip_suffix(".target")));
    name.is_some_and(|n| {
        ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"].contains(&n)
    })
}

/// Whether a path is this one, or lies in it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Refuses what belongs to an account that the lab makes.
pub(super) fn of_account(path: &str, is_of_lab: impl Fn(&str) -> bool) -> Result<(), Wrong> {
    let inside = path.strip_prefix("/home/").unwrap_or_default();
    let (name, rest) = inside.split_once('/').unwrap_or((inside, ""));
    if !is_of_lab(name) {
        return Ok(());
    }
    if rest.is_empty() {
        let why = "is the home of an account of this lab";
        return Err(Wrong::of(
            Rule::FilePlace,
            why,
            format!("a file in it, such as `{path}/NAME`"),
        ));
    }
    if is_in(rest, ".ssh/authorized_keys") || rest == ".ssh" {
        let why = "is where the keys of an account of this lab are";
        return Err(Wrong::of(Rule::FilePlace, why, "say them under `users` or `access`"));
    }
    Ok(())
}

/// Tells files that would have to be folders, for others lie in them.
pub(super) fn tell_folders(files: &[CustomFile], r: &mut Resolver) {
    for file in files {
        let folder = &file.path;
        let inside = |other: &&CustomFile| {
            other.path.value != folder.value && is_in(&other.path.value, &folder.value)
        };
        if let Some(other) = files.iter().find(inside) {
            let why = format!("is a file and a folder: `{}` lies in it", other.path.value);
            r.reject(folder, Wrong::of(Rule::FilePlace, why, "another path for one of the two"));
        }
    }
}

/// Tells files that are where a file system is mounted, or where folders lead to one.
pub(super) fn tell_mounts(files: &[CustomFile], storage: &Storage, r: &mut Resolver) {
    let data = storage.data.iter().filter_map(|data| data.mount.as_deref());
    let mounts = storage.volumes.iter().map(|volume| volume.mount.as_str()).chain(data);
    let mounts: Vec<&str> = mounts.filter(|mount| *mount != "/").collect();
    for path in files.iter().map(|file| &file.path) {
        if let Some(mount) = mounts.iter().find(|mount| is_in(mount, &path.value)) {
            let why = format!("is a folder: `storage` mounts a file system at `{mount}`");
            let help = format!("a file in it, such as `{}/NAME`", path.value);
            r.reject(path, Wrong::of(Rule::FilePlace, why, help));
        }
    }
}
