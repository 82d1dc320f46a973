//! The keys that a lab, a role and a node may each say; the nearer one counts.

use super::decode::{Added, Entries, OneOrMany, choice, record};
use super::files::{Folder, PublicKeys};
use super::network::InterfaceSpec;
use super::storage::{MachineSpec, StorageSpec};

record! {
    /// What may stand in the lab, in a role and at a node.
    SettingsSpec {
        /// Processors of the machine.
        cpus: u64 = "4",
        /// Memory of the machine.
        memory: String = "8GiB",
        /// Size of the machine's disk.
        disk: String = "40GiB",
        /// Which machine this is.
        machine: MachineSpec = "{serial: CZ3311ABCD}",
        /// Which disk is installed to, and how it is divided.
        storage: StorageSpec = "{disk: vda, layout: lvm}",
        /// Where packages come from, tried in order: base URLs that hold a `7.9.2009` folder.
        mirror: OneOrMany<String> = "[http://vault.centos.org]",
        /// The time zone.
        timezone: String = "Asia/Seoul",
        /// The language.
        language: String = "ko_KR.UTF-8",
        /// The keyboard: a keymap of the console.
        keyboard: String = "kr",
        /// Who may log in.
        access: AccessSpec = "{root_login: key, ssh_authorized_keys: me.pub}",
        /// How the installer behaves.
        installer: InstallerSpec = "{boot_timeout: 10}",
        /// The interfaces by name; by default one for each network.
        interfaces: Entries<InterfaceSpec> = "{enp0s3: {network: management}}",
        /// Name servers, in the place of the management network's.
        dns: OneOrMany<String> = "[10.0.0.2, 8.8.8.8]",
        /// Domains in which short names are looked up, in the place of the management network's.
        search: OneOrMany<String> = "[lab.example.org]",
        /// More lines of `/etc/hosts`: an address, then its name or names.
        hosts: Entries<OneOrMany<String>> = "{10.0.0.5: [db, db.lab.example.org]}",
        /// Folders of templates that override the built-in ones, the last one first.
        templates: Added<Folder> = "[templates]",
        /// A stage's parameters: stage, then name, then value.
        parameters: Entries<Entries<String>> = "{database: {max_connections: 1000}}",
        /// Options for configuration files that stages write: file, section, option, value.
        settings: Entries<Entries<Entries<String>>> =
            "{/etc/my.cnf.d/openstack.cnf: {mysqld: {innodb_buffer_pool_size: 256M}}}",
    }
}

record! {
    /// Who may log in.
    AccessSpec {
        /// Public keys, or files that hold them.
        ssh_authorized_keys: Added<PublicKeys> = "[id_ed25519.pub]",
        /// How root logs in.
        root_login: RootLogin = "key",
        /// An administrator's account (with sudo) beside root.
        user: String = "operator",
    }
}

choice! {
    /// How root logs in.
    RootLogin {
        /// By password, and by the keys there are.
        Password = "password",
        /// By the keys only.
        Key = "key",
        /// Not at all.
        Locked = "locked",
    }
}

record! {
    /// How the installer behaves.
    InstallerSpec {
        /// Seconds that a built medium's menu waits before it installs.
        boot_timeout: u64 = "10",
        /// More kernel arguments for the installer.
        boot_arguments: Added<String> = "[\"console=ttyS0,115200n8\"]",
    }
}
