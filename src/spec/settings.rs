//! The keys that a lab, a role and a node may each say; the nearer one counts.

use super::custom::{
    FileSpec, FirewallSpec, HostKeys, KernelSpec, ProxySpec, RepositorySpec, UnitState,
};
use super::data::Data;
use super::decode::{Added, Entries, Entry, OneOrMany, Spanned, choice, record};
use super::files::{Folder, PublicKeys};
use super::hooks::HooksSpec;
use super::kickstart::KickstartSpec;
use super::network::InterfaceSpec;
use super::storage::{MachineSpec, StorageSpec};
use super::users::UserSpec;

record! {
    /// What may stand in the lab, in a role and at a node.
    SettingsSpec {
        /// Processors of the machine.
        cpus: u64 = "4",
        /// Memory of the machine, 1 GiB at least: the installer needs it.
        memory: String = "8GiB",
        /// Size of the machine's disk.
        disk: String = "40GiB",
        /// Which machine this is.
        machine: MachineSpec = "{serial: CZ3311ABCD}",
        /// Which disk is installed to, and how it is divided.
        storage: StorageSpec = "{disk: vda, layout: lvm}",
        /// Where packages come from, tried in order: base URLs that hold a `7.9.2009` folder, and end above it. They are asked for
        /// the lab's image as well, before those that trainyard knows.
        mirror: OneOrMany<String> = "[http://vault.centos.org]",
        /// Where packages are kept for the next node (`trainyard packages serve`, or `trainyard serve`): asked first, and the mirrors after
        /// it.
        package_cache: String = "http://10.0.0.1:8080",
        /// The time zone.
        timezone: String = "Asia/Seoul",
        /// The language.
        language: String = "ko_KR.UTF-8",
        /// The keyboard: a keymap of the console.
        keyboard: String = "kr",
        /// Who may log in.
        access: AccessSpec = "{root_login: key, ssh_authorized_keys: me.pub}",
        /// Accounts beside root's and the administrator's.
        users: Entries<UserSpec> = "{alice: {groups: [wheel], ssh_authorized_keys: alice.pub, sudo: yes}}",
        /// What becomes of a node's SSH host keys when it is installed again.
        host_keys: HostKeys = "new",
        /// How the installer behaves.
        installer: InstallerSpec = "{boot_timeout: 10}",
        /// The interfaces by name.
        interfaces: Entries<InterfaceSpec> = "{enp0s3: {network: management}}" else "one for each network",
        /// Name servers, in the place of the management network's.
        dns: OneOrMany<String> = "[10.0.0.2, 8.8.8.8]" else "the management network's",
        /// Domains in which short names are looked up, in the place of the management network's.
        search: OneOrMany<String> = "[lab.example.org]" else "the management network's",
        /// More lines of `/etc/hosts`: an address, then its name or names.
        hosts: Entries<OneOrMany<String>> = "{10.0.0.5: [db, db.lab.example.org]}",
        /// A web proxy, for the nodes' yum and the people who log in.
        proxy: ProxySpec = "{url: \"http://proxy.example.org:3128\"}",
        /// Package repositories beside those that OpenStack needs.
        repositories: Entries<RepositorySpec> = "{site: {baseurl: \"http://packages.example.org/el7/\", gpgcheck: no}}",
        /// Packages beside those that the stages install: names, or names with a version.
        packages: Added<String> = "[tcpdump, vim-enhanced]",
        /// Units, and how they stand when all stages are done.
        services: Entries<UnitState> = "{postfix.service: disabled}",
        /// The installed system's kernel.
        kernel: KernelSpec = "{arguments: [\"console=ttyS0,115200n8\"], remove: [rhgb, quiet]}",
        /// Kernel parameters, as sysctl(8) names them; what is on or off is `1` or `0`.
        sysctl: Entries<Spanned<String>> = "{net.ipv4.ip_forward: 1}",
        /// Text files: path, then what is in it and whose it is.
        files: Entries<FileSpec> = "{/etc/motd: {content: \"Train lab\\n\"}}",
        /// What the host's firewall lets in beside what the stages open.
        firewall: FirewallSpec = "{open: [{port: 8080, protocol: tcp, from: management}]}",
        /// Scripts of one's own.
        hooks: HooksSpec = "{post: [{name: motd, script: \"uname -r > /etc/motd\"}]}",
        /// More of a kickstart, for the installer only.
        kickstart: KickstartSpec = "{packages: [tcpdump]}",
        /// More of a user-data, in the words of cloud-init 19.4, for nodes that boot a cloud image only: a mapping, or a file
        /// beside the lab file that holds one. Lists are added to what is inherited, mappings merge, single values replace.
        cloud_init: Data = "{runcmd: [[touch, /root/seen]]}" else "none",
        /// Folders of templates that override the built-in ones, the last one first.
        templates: Added<Folder> = "[templates]",
        /// A stage's parameters: stage, then name, then value.
        parameters: Entries<Entries<String>> = "{database: {max_connections: 1000}}" else "the stages' own",
        /// Options for configuration files that stages write: file, section, option, value.
        settings: IniOptions =
            "{/etc/my.cnf.d/openstack.cnf: {mysqld: {innodb_buffer_pool_size: 256M}}}" else "the stages' own",
    }
}

/// Options of configuration files: file, section, option, value.
pub type IniOptions = Entries<Entries<Entries<Spanned<String>>>>;

/// One of them.
#[derive(Clone, Debug)]
pub struct IniOption {
    /// The file.
    pub file: Spanned<String>,
    /// The section.
    pub section: Spanned<String>,
    /// The option.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<String>,
}

impl IniOptions {
    /// All of them, in the order of the file.
    pub fn options(&self) -> impl Iterator<Item = IniOption> {
        self.0.iter().flat_map(|file| {
            let of_section = |section: &Entry<Entries<Spanned<String>>>| {
                let option = |option: &Entry<Spanned<String>>| IniOption {
                    file: file.name.clone(),
                    section: section.name.clone(),
                    name: option.name.clone(),
                    value: option.value.clone(),
                };
                section.value.0.iter().map(option).collect::<Vec<_>>()
            };
            file.value.0.iter().flat_map(of_section)
        })
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
        user: String = "ops",
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
        /// More kernel arguments for the installer. None that says where it and its kickstart are, or lets it ask; the line has 2047
        /// bytes at most, with what stands there already.
        boot_arguments: Added<String> = "[\"console=ttyS0,115200n8\"]",
        /// Arguments of the medium's own menu entry that are left out: a name, or a name with its value.
        boot_arguments_removed: Added<String> = "[quiet]",
    }
}
