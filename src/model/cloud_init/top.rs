//! The keys that stand at the top of a user-data.

use super::keys::Verdict::{Later, Refused, Taken, Unheard};
use super::keys::{Form, Known, PHONE_HOME, RSYSLOG};

const OURS: &str = "is trainyard's to say";
const AGENT: &str =
    "installs a package from the network before the node has repositories that answer";
const AGENT_HELP: &str = "`packages` and `hooks.first_boot` do it when they are there";
const EARLY: &str =
    "would ask CentOS 7's own mirrors, which are gone, before the stages have set up others";
const MODULES: &str = "says which modules run, and trainyard's need those of CentOS 7";
const DISKS: &str = "would change disks that no wipe guard has seen";
pub(super) const PASSWORD: &str =
    "puts a password, or what gives it away, into a file that others may read";
const NO_MODULE: &str = "`hooks.first_boot` can do it";
pub(super) const SSH: &str = "decides who can log in";

/// The keys at the top.
pub(super) const TOP: &[Known] = &[
    (&["bootcmd"], Taken(Form::Commands)),
    (&["runcmd"], Taken(Form::Commands)),
    (&["write_files"], Taken(Form::Files)),
    (&["users"], Taken(Form::Users)),
    (&["groups"], Taken(Form::Groups)),
    (&["rsyslog"], Taken(Form::Mapping(RSYSLOG, None))),
    (&["rsyslog_dir", "rsyslog_filename"], Refused("is an old word", "say it under `rsyslog`")),
    (&["phone_home"], Taken(Form::Mapping(PHONE_HOME, Some("url")))),
    (&["final_message"], Taken(Form::Text)),
    (&["no_ssh_fingerprints"], Taken(Form::Flag)),
    (&["authkey_hash"], Taken(Form::Word(&["md5", "sha1", "sha256", "sha512"]))),
    (&["ssh_key_console_blacklist"], Taken(Form::Texts)),
    (&["ssh_fp_console_blacklist"], Taken(Form::Texts)),
    // set_hostname, update_hostname, update_etc_hosts.
    (&["hostname"], Refused(OURS, "it is the node's key under `nodes`")),
    (
        &["fqdn"],
        Refused(
            "would become the node's name, and nova and neutron register under another",
            "domains go under `search`, more names under `hosts`",
        ),
    ),
    (
        &["preserve_hostname"],
        Refused("would leave the node the image's name", "it is the node's key under `nodes`"),
    ),
    (
        &["manage_etc_hosts"],
        Refused("would put the node's name on 127.0.0.1", "more lines go under `hosts`"),
    ),
    // locale, timezone.
    (&["locale"], Refused(OURS, "say it as `language`")),
    (&["locale_configfile"], Refused(OURS, "say the language as `language`")),
    (&["timezone"], Refused(OURS, "say it as `timezone` of the lab")),
    // ssh, users-groups, set-passwords.
    (
        &["ssh_keys", "ssh_deletekeys", "ssh_genkeytypes", "ssh_quiet_keygen"],
        Refused(OURS, "say under `host_keys` where they come from"),
    ),
    (
        &["ssh_publish_hostkeys"],
        Refused(
            "sends the host keys to a cloud that is not there",
            "leave it out; `phone_home` can send them",
        ),
    ),
    (
        &["disable_root", "disable_root_opts", "allow_public_ssh_keys", "ssh_pwauth"],
        Refused(SSH, "say it under `access`"),
    ),
    (&["ssh_authorized_keys"], Refused(SSH, "say it under `access`, or at an account")),
    (&["user"], Refused("makes the image's own account another one", "say it under `users`")),
    (
        &["password", "chpasswd"],
        Refused(PASSWORD, "`access` and `users` give passwords, which `trainyard secrets` makes"),
    ),
    // package-update-upgrade-install, yum-add-repo.
    (&["packages"], Refused(EARLY, "say it as `packages` of the lab")),
    (&["package_update", "apt_update"], Refused(EARLY, "the stages do it")),
    (&["package_upgrade", "apt_upgrade"], Refused(EARLY, "the stage `system-upgrade` does it")),
    (
        &["apt_reboot_if_required", "package_reboot_if_required"],
        Refused("would cut the first boot off", "stages ask for a reboot when they need one"),
    ),
    (
        &["yum_repos", "yum_repo_dir"],
        Refused(
            "would stand in the place of repositories that are pinned",
            "say it under `repositories`",
        ),
    ),
    // disk_setup, growpart, resizefs, mounts.
    (
        &["disk_setup", "fs_setup", "device_aliases"],
        Refused(DISKS, "`storage` says what becomes of them"),
    ),
    (
        &["swap"],
        Refused(
            "is made by `fallocate`, and CentOS 7's kernel takes no such file on XFS",
            "a `hooks.first_boot` can make one by `dd` and `mkswap`",
        ),
    ),
    (
        &["growpart", "resize_rootfs"],
        Refused(
            "decides whether the node has more room than the image",
            "leave it out: the root file system takes the whole disk",
        ),
    ),
    (
        &["mounts", "mount_default_fields"],
        Refused(
            "would hide what was written before it is mounted",
            "a `.mount` unit under `files`, which `services` enables",
        ),
    ),
    // What else would break the node.
    (
        &["power_state"],
        Refused(
            "would cut the first boot off",
            "`trainyard-node status` on the node tells when it is done; a `hooks.first_boot` that ends with status 100 asks for a reboot",
        ),
    ),
    (
        &["disable_ec2_metadata"],
        Refused("shuts the address at which instances ask for their metadata", "leave it out"),
    ),
    (&["migrate"], Refused("is for instances that an older cloud-init made", "leave it out")),
    (&["rh_subscription"], Refused("is for RHEL, and holds a password", "CentOS 7 needs none")),
    (&["puppet", "chef", "salt_minion", "mcollective"], Refused(AGENT, AGENT_HELP)),
    // What cloud-init itself goes by.
    (
        &[
            "cloud_init_modules",
            "cloud_config_modules",
            "cloud_final_modules",
            "unverified_modules",
        ],
        Refused(MODULES, "leave it out"),
    ),
    (
        &["datasource", "datasource_list"],
        Refused(
            "says where user-data is read from, which is known when this is read",
            "leave it out",
        ),
    ),
    (&["system_info"], Refused("says for which system cloud-init does its work", "leave it out")),
    (
        &["network"],
        Refused("is not read from user-data", "say it under `networks` and `interfaces`"),
    ),
    (
        &["output"],
        Refused(
            "takes cloud-init's words from where people look for them",
            "they are in /var/log/cloud-init-output.log",
        ),
    ),
    (
        &["reporting"],
        Refused("waits for a server at each step", "`phone_home` tells once, at the end"),
    ),
    (&["vendor_data"], Refused("is for what a cloud adds, and here is none", "leave it out")),
    (
        &["merge_how", "merge_type"],
        Refused(
            "says how parts merge, and there is one",
            "docs/customising.md says how this merges",
        ),
    ),
    // 19.4 has modules for these, and CentOS 7's list is without them.
    (&["ntp"], Unheard("`time.servers` of the lab says where the controller gets its time")),
    (&["resolv_conf", "manage_resolv_conf"], Unheard("say it under `dns` and `search`")),
    (
        &["ca-certs"],
        Unheard(
            "a file in /etc/pki/ca-trust/source/anchors under `files`, and `update-ca-trust` in `hooks.first_boot`",
        ),
    ),
    (&["ssh_import_id"], Unheard("say it under `access`, or at an account")),
    (&["random_seed"], Unheard(NO_MODULE)),
    (&["apt"], Unheard("say it under `repositories`")),
    (&["snap"], Unheard("say it under `packages`")),
    (&["zypper"], Unheard("say it under `repositories`")),
    (&["lxd", "landscape", "ubuntu_advantage", "spacewalk", "drivers"], Unheard(NO_MODULE)),
    (&["grub_dpkg", "grub-dpkg"], Unheard("say it under `kernel`")),
    (&["apt_pipelining"], Unheard("say it under `repositories`")),
    (&["byobu_by_default", "fan"], Unheard(NO_MODULE)),
    (&["debug"], Unheard("cloud-init's log is /var/log/cloud-init.log")),
    // What came later.
    (&["ssh"], Later("`ssh_key_console_blacklist` keeps keys from the console")),
    (
        &["prefer_fqdn_over_hostname", "create_hostname_file"],
        Later("it is the node's key under `nodes`"),
    ),
    (&["updates"], Later("say it under `networks` and `interfaces`")),
    (&["apk_repos"], Later("say it under `repositories`")),
    (
        &["ca_certs"],
        Later(
            "a file in /etc/pki/ca-trust/source/anchors under `files`, and `update-ca-trust` in `hooks.first_boot`",
        ),
    ),
    (&["keyboard"], Later("say it as `keyboard` of the lab")),
    (&["ansible", "wireguard"], Later(NO_MODULE)),
    (&["autoinstall"], Later("an installer's words go under `kickstart`")),
];
