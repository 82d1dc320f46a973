//! What a lab file means: validated types in which nothing is left open.

mod access;
mod allot;
mod arguments;
mod bonds;
mod cloud_init;
mod custom;
mod disk;
mod el7;
mod file_places;
mod files;
mod hardware;
mod hints;
mod hooks;
mod image;
mod installer_arguments;
mod interfaces;
mod ipv4;
mod ipv6;
mod kernel_arguments;
mod kickstart;
mod kind;
mod layers;
mod lifelines;
mod links;
mod machine;
mod machines;
mod mount_options;
mod names;
mod net;
mod networks;
mod others;
mod repositories;
mod resolve;
mod routes;
mod settings;
mod settle;
mod storage;
mod sudo;
mod sysctl;
mod system;
mod taken;
mod time;
pub mod train;
mod users;
mod wipe;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::spec::{Folder, Spanned, TextFile};

pub use crate::spec::{
    Addressing, Attach, BondMode, Bus, FileSystem, HookSpec as Hook, HostKeys, IniOption,
    Ipv6Addressing, Layout, Networking, Pick, Protocol, RootLogin, UnitState,
};

pub use access::public_key;
pub use arguments::Kernel;
pub use cloud_init::{CloudInit, cloud_init_faults, cloud_init_refuses};
pub use custom::{Custom, OpeningValue};
pub use disk::Disk;
pub use el7::is_timezone;
pub use el7::shell::lacking;
pub use files::CustomFile;
pub use hooks::Hooks;
pub use image::{Image, ImageSource};
pub use interfaces::Interface;
pub use ipv4::Pool;
pub use ipv6::{Ipv6, Ipv6Network};
pub use kickstart::{Kickstart, is_command as is_kickstart_command};
pub use kind::Kind;
pub use machine::{Machine, Uuid};
pub use names::{HostEntry, Names};
pub use net::{HostName, Mac};
pub use networks::{Network, VirtualBox};
pub use repositories::{PINNED, PackageKey, Proxy, Repository};
pub use resolve::resolve;
pub use routes::Route;
pub use storage::{DataDisk, Storage, Volume};
pub use users::Account;

/// The management network's name: nodes reach each other on it, and a node's `address` is on it.
pub const MANAGEMENT: &str = "management";
/// The provider network's name: instances reach the outside through it, nodes hold no address on it.
pub const PROVIDER: &str = "provider";
/// The role that every lab has once.
pub const CONTROLLER: &str = "controller";

/// The built-in role of the nodes on which instances run.
pub const COMPUTE: &str = "compute";

/// A lab.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its name.
    pub name: String,
    /// The medium that its nodes install from.
    pub image: Image,
    /// The cloud image that disks are made from.
    pub cloud_image: Image,
    /// The file that says exactly which packages nodes have.
    pub package_lock: Option<PathBuf>,
    /// The SHA-256 of that file. Who plans a locked lab's nodes sets it; without it they are planned as if nothing was locked.
    pub locked: Option<Digest>,
    /// How instances are networked.
    pub networking: Networking,
    /// The services that the person chose; `None`: every one there is.
    pub services: Option<Vec<Spanned<String>>>,
    /// Whose certificate the public endpoints have; nothing where they are reached without TLS.
    pub tls: Option<Tls>,
    /// The networks.
    pub networks: Vec<Network>,
    /// The controller's time sources.
    pub time_servers: Vec<String>,
    /// Folders with stages of the lab's own.
    pub own_stages: Vec<Spanned<Folder>>,
    /// The roles, built-in ones first.
    pub roles: Vec<Role>,
    /// The machines, in the order of the file.
    pub nodes: Vec<Node>,
    /// Everything that the lab, its roles and its nodes set; nodes of a role share theirs.
    pub settings: Vec<Arc<Settings>>,
    /// Every value of the lab as a whole, and where it came from.
    pub settled: Vec<Settled>,
    /// Whether every value is as it was meant. Where it is not, something stands in for what cannot be used.
    pub is_whole: bool,
}

/// Whose certificate OpenStack's public endpoints have.
#[derive(Clone, Debug)]
pub enum Tls {
    /// One that is made for the lab.
    Made,
    /// The person's own.
    Given {
        /// Its file, with those that prove it.
        certificate: TextFile,
        /// The file of its key, which is read with the secrets.
        key: PathBuf,
    },
}

impl Lab {
    /// The cloud image, where the lab says something about it.
    #[must_use]
    pub fn own_cloud_image(&self) -> Option<&Image> {
        let is_said = |settled: &Settled| {
            settled.path.starts_with(image::CLOUD.key) && !matches!(settled.origin, Origin::BuiltIn)
        };
        self.settled.iter().any(is_said).then_some(&self.cloud_image)
    }

    /// The mirrors of packages that the lab, its roles and its nodes name themselves.
    #[must_use]
    pub fn own_mirrors(&self) -> Vec<String> {
        let is_named = |settled: &Settled| {
            settled.path == "mirror" && !matches!(settled.origin, Origin::BuiltIn)
        };
        let own = self.settings.iter().filter(|settings| settings.settled.iter().any(is_named));
        own.flat_map(|settings| settings.mirrors.iter().cloned()).collect()
    }
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The stages that it names, and where the list stands.
    pub stages: Option<Spanned<Arc<[Spanned<String>]>>>,
}

impl Lab {
    /// The role of that name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The network of that name.
    #[must_use]
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|n| n.name == name)
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Its YAML path.
    pub path: String,
    /// The value.
    pub value: String,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "origin", rename_all = "kebab-case")]
pub enum Origin {
    /// A lab file says so.
    File {
        /// Its name.
        file: Arc<str>,
        /// On this line.
        line: usize,
    },
    /// No lab file says anything.
    BuiltIn,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::BuiltIn => f.write_str("built-in"),
        }
    }
}

/// What a node has of the keys that a lab, a role and a node may each say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the machine is made of.
    pub hardware: Hardware,
    /// Whether that, and how its disks are divided, is what was written; otherwise something stands in.
    pub is_sized: bool,
    /// Which machine the lab means.
    pub machine: Machine,
    /// How its disks are divided.
    pub storage: Storage,
    /// Where a lab file says what a rule of the plan may have to mark.
    pub places: Places,
    /// Base URLs of package mirrors, tried in order.
    pub mirrors: Vec<String>,
    /// What is asked for packages before them: `http://HOST:PORT`.
    pub package_cache: Option<String>,
    /// The time zone.
    pub timezone: String,
    /// The language.
    pub language: String,
    /// The keyboard.
    pub keyboard: String,
    /// Who may log in.
    pub access: Access,
    /// How the installer behaves.
    pub installer: Installer,
    /// How it resolves names.
    pub names: Names,
    /// What the person adds.
    pub custom: Custom,
    /// The person's own templates, by the paths of the built-in ones.
    pub templates: Arc<Templates>,
    /// Stage parameters that the person set.
    pub parameters: Vec<ParameterValue>,
    /// Options of configuration files that the person set.
    pub options: Vec<IniOption>,
    /// Every value, and where it came from.
    pub settled: Vec<Settled>,
}

/// Templates of the person's own, by the paths of the built-in ones that they override.
pub type Templates = BTreeMap<String, TextFile>;

/// Where values stand in a lab file; nowhere where they are built in.
#[derive(Clone, Debug)]
pub struct Places {
    /// `memory`.
    pub memory: Option<Spanned<()>>,
    /// `storage.root`.
    pub root: Option<Spanned<()>>,
}

/// A stage's parameter that the person set.
#[derive(Clone, Debug)]
pub struct ParameterValue {
    /// The stage.
    pub stage: Spanned<String>,
    /// The parameter.
    pub name: Spanned<String>,
    /// Its value.
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
}

/// Who may log in.
#[derive(Clone, Debug)]
pub struct Access {
    /// Keys of root and the administrator.
    pub authorized_keys: Vec<String>,
    /// How root logs in.
    pub root_login: RootLogin,
    /// An administrator's account beside root.
    pub user: Option<String>,
}

/// How the installer behaves.
#[derive(Clone, Debug)]
pub struct Installer {
    /// Seconds that a built medium's menu waits.
    pub boot_timeout: u16,
    /// More kernel arguments.
    pub boot_arguments: Vec<String>,
    /// Arguments of the medium's own menu entry that are left out.
    pub boot_arguments_removed: Vec<String>,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its host name.
    pub name: HostName,
    /// Its role.
    pub role: String,
    /// The stages that its role names, beside those that every node has; `None`: those that name the role.
    pub stages: Option<Arc<[Spanned<String>]>>,
    /// Its address on the management network.
    pub address: Ipv4Addr,
    /// Its interfaces, management first as in the file.
    pub interfaces: Vec<Interface>,
    /// The hardware addresses that the lab file itself names.
    pub named_macs: Vec<Mac>,
    /// Everything that it may have inherited.
    pub settings: Arc<Settings>,
    /// Every value of its own, and where it came from.
    pub settled: Vec<Settled>,
}

/// What a machine is made of. Sizes in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Processors.
    pub cpus: u16,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The disk's size in MiB.
    pub disk_mib: u64,
}
