//! Mount options: mount(8) of util-linux 2.23, systemd.mount(5) of systemd 219, and those of Linux 3.10's file systems
//! (Documentation/filesystems/xfs.txt and ext4.txt). One that is not known keeps the file system, and with it the boot, from
//! coming up.

use crate::report::{Rule, did_you_mean};
use crate::template::quote::is_plain_word;

use super::FileSystem;
use super::settle::Wrong;

/// Options of every file system; those that end in `=` take a value.
const OF_ALL: [&str; 45] = [
    "_netdev",
    "async",
    "atime",
    "auto",
    "comment=",
    "context=",
    "defaults",
    "defcontext=",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "fscontext=",
    "group",
    "iversion",
    "loud",
    "mand",
    "noatime",
    "noauto",
    "nodev",
    "nodiratime",
    "noexec",
    "nofail",
    "noiversion",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nouser",
    "owner",
    "relatime",
    "ro",
    "rootcontext=",
    "rw",
    "silent",
    "strictatime",
    "suid",
    "sync",
    "user",
    "users",
    "x-systemd.automount",
    "x-systemd.device-timeout=",
    "x-systemd.requires=",
    "x-systemd.requires-mounts-for=",
    "x-initrd.mount",
];

const OF_XFS: [&str; 41] = [
    "allocsize=",
    "attr2",
    "barrier",
    "bsdgroups",
    "discard",
    "filestreams",
    "gqnoenforce",
    "gquota",
    "grpid",
    "grpquota",
    "ikeep",
    "inode32",
    "inode64",
    "largeio",
    "logbsize=",
    "logbufs=",
    "noalign",
    "noattr2",
    "nobarrier",
    "nodiscard",
    "nogrpid",
    "noikeep",
    "nolargeio",
    "noquota",
    "nouuid",
    "pqnoenforce",
    "pquota",
    "prjquota",
    "qnoenforce",
    "quota",
    "sunit=",
    "swalloc",
    "swidth=",
    "sysvgroups",
    "uqnoenforce",
    "uquota",
    "usrquota",
    "wsync",
    "delaylog",
    "nodelaylog",
    "osyncisosync",
];

const OF_EXT4: [&str; 51] = [
    "acl",
    "auto_da_alloc",
    "auto_da_alloc=",
    "barrier",
    "barrier=",
    "block_validity",
    "bsddf",
    "bsdgroups",
    "commit=",
    "data=",
    "data_err=",
    "debug",
    "delalloc",
    "dioread_lock",
    "dioread_nolock",
    "discard",
    "errors=",
    "grpid",
    "grpjquota=",
    "grpquota",
    "i_version",
    "init_itable",
    "init_itable=",
    "inode_readahead_blks=",
    "journal_async_commit",
    "journal_checksum",
    "journal_ioprio=",
    "jqfmt=",
    "max_batch_time=",
    "max_dir_size_kb=",
    "min_batch_time=",
    "minixdf",
    "noacl",
    "noauto_da_alloc",
    "nobarrier",
    "noblock_validity",
    "nodelalloc",
    "nodiscard",
    "nogrpid",
    "noinit_itable",
    "noquota",
    "nouser_xattr",
    "quota",
    "resgid=",
    "resuid=",
    "stripe=",
    "sysvgroups",
    "user_xattr",
    "usrjquota=",
    "usrquota",
    "nouid32",
];

/// What the system, its packages and its accounts are written to.
const WRITTEN: [&str; 5] = ["/home", "/opt", "/tmp", "/usr", "/var"];

/// Where packages and people run what they wrote there.
const WITH_SCRIPTS: [&str; 4] = ["/opt", "/tmp", "/var", "/var/tmp"];

/// Why a file system cannot be mounted with these. A warning leaves them their place.
pub(super) fn check(mount: &str, filesystem: FileSystem, text: &str) -> Result<(), Wrong> {
    if !is_plain_word(text) || text.len() > 256 || text.split(',').any(str::is_empty) {
        return Err("mount options with commas between them, such as `noatime,nodev`".into());
    }
    let own: &[&str] = match filesystem {
        FileSystem::Xfs => &OF_XFS,
        FileSystem::Ext4 => &OF_EXT4,
    };
    for option in text.split(',') {
        known(option, own, filesystem)?;
    }
    lifelines(mount, text)
}

fn known(option: &str, own: &[&str], filesystem: FileSystem) -> Result<(), Wrong> {
    let name = option.split_inclusive('=').next().unwrap_or(option);
    let all = || OF_ALL.iter().chain(own).copied();
    // `mount` keeps these to itself, whatever they are.
    if option.len() > "x-".len() && option.starts_with("x-") {
        return Ok(());
    }
    if all().any(|known| known == name) && (!name.ends_with('=') || option.len() > name.len()) {
        return Ok(());
    }
    let bare = name.trim_end_matches('=');
    if all().any(|known| known == format!("{bare}=")) {
        let why = format!("holds `{option}`, which takes a value");
        return Err(Wrong::new(why, format!("`{bare}=…`")));
    }
    if all().any(|known| known == bare) {
        let why = format!("holds `{option}`, which takes no value");
        return Err(Wrong::new(why, format!("`{bare}` alone")));
    }
    let why = format!("holds `{option}`, with which CentOS 7 mounts no {filesystem}");
    Err(Wrong::new(why, did_you_mean(bare, all().map(|known| known.trim_end_matches('=')))))
}

/// What the options come to; of two that contradict each other, the last one counts (mount(8)).
fn lifelines(mount: &str, text: &str) -> Result<(), Wrong> {
    let last = |words: &[&str]| text.split(',').rfind(|option| words.contains(option));
    let inside = |folder: &str| format!("{mount}/").starts_with(&format!("{folder}/"));
    let is_system = mount == "/" || WRITTEN.iter().any(|folder| inside(folder));
    let is_programs = mount == "/" || inside("/usr");
    let is_automatic = text.split(',').any(|option| option == "x-systemd.automount");
    let rule = |is_lost: bool| if is_lost { Rule::NodeLost } else { Rule::NodeAtRisk };
    if last(&["ro", "rw"]) == Some("ro") {
        let why = format!("lets nothing be written to `{mount}`");
        return Err(Wrong::of(rule(is_system), why, "leave `ro` out"));
    }
    if last(&["auto", "noauto"]) == Some("noauto") && (is_system || !is_automatic) {
        let why = format!("leaves `{mount}` unmounted at every boot");
        return Err(Wrong::of(rule(is_system), why, "leave `noauto` out"));
    }
    if let Some(option) = last(&["exec", "noexec", "user", "users"]).filter(|o| *o != "exec")
        && (is_programs || WITH_SCRIPTS.contains(&mount))
    {
        let why = format!("lets no program of `{mount}` run");
        let help = format!("leave `{option}` out, or put `exec` behind it");
        return Err(Wrong::of(rule(is_programs), why, help));
    }
    let no_suid = ["group", "nosuid", "owner", "suid", "user", "users"];
    if let Some(option) = last(&no_suid).filter(|o| *o != "suid" && is_programs) {
        let why = format!("takes `su`, `sudo` and others on `{mount}` what they need");
        return Err(Wrong::of(Rule::NodeLost, why, format!("leave `{option}` out")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_taken() {
        for (mount, options) in [
            ("/var/log", "nodev,nosuid,noexec,noatime"),
            ("/tmp", "noexec,exec,nodev,nosuid"),
            ("/var", "ro,rw,noauto,auto,defaults"),
            ("/srv", "noauto,x-systemd.automount,nofail,x-mine=1"),
            ("/home", "uquota,gquota,inode64,logbsize=256k"),
            ("/usr", "nosuid,suid,nodev"),
        ] {
            assert!(check(mount, FileSystem::Xfs, options).is_ok(), "{mount} {options}");
        }
        let of_ext4 = "commit=30,data=ordered,barrier=0,errors=remount-ro,discard";
        assert!(check("/srv", FileSystem::Ext4, of_ext4).is_ok());
        assert!(check("/srv", FileSystem::Xfs, of_ext4).is_err());
        assert!(check("/var", FileSystem::Xfs, "noauto,x-systemd.automount").is_err());
        assert!(check("/usr/local", FileSystem::Xfs, "user").is_err());
    }
}
