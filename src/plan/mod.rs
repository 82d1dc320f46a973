//! The plan: for each node, as data, everything that will be done to it. Holds no secret, only names of secrets.

mod context;
mod custom;
mod interfaces;
mod make;
mod needs;
mod options;
mod settings;
mod stages;
mod storage;
mod templates;
mod told;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Hardware, Kernel, Networking, RootLogin, Settled, Templates};
use crate::secrets::{HostKeyType, host_key_name};
use crate::stack::{Database, Identity, Ownership};

pub(crate) use context::ENDPOINTS_TLS;
pub use interfaces::{InterfacePlan, parts_first};
pub use make::{draft, make};
pub use storage::{MachinePlan, StoragePlan};

/// A lab's plan.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The version of this format; 1.
    pub schema: u32,
    /// The lab's name.
    pub lab: String,
    /// How instances are networked.
    pub networking: Networking,
    /// The nodes, in the order of the lab file.
    pub nodes: Vec<NodePlan>,
    /// Every value of the lab as a whole, and where it came from.
    pub settled: Vec<Settled>,
}

/// What will be done to one node.
#[derive(Clone, Debug, Serialize)]
pub struct NodePlan {
    /// Its host name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Its address on the management network.
    pub address: Ipv4Addr,
    /// What it is made of.
    pub hardware: Hardware,
    /// The lab's controller: name and address.
    pub controller: Host,
    /// The management network, in CIDR form.
    pub management: String,
    /// The interface on the provider network, if the node has one.
    pub provider_interface: Option<String>,
    /// Its interfaces.
    pub interfaces: Vec<InterfacePlan>,
    /// Which machine the lab means.
    pub machine: MachinePlan,
    /// Its disks.
    pub storage: StoragePlan,
    /// How it is installed.
    pub installer: InstallerPlan,
    /// Its kernel's arguments.
    pub kernel: Kernel,
    /// Scripts that run in the installer, before anything else.
    pub pre_hooks: Vec<HookPlan>,
    /// What the lab adds for the installer only.
    pub kickstart: KickstartPlan,
    /// What the lab adds for cloud-init only: its keys, and what stands under each. Lists come after the plan's own.
    pub cloud_init: Arc<serde_json::Map<String, serde_json::Value>>,
    /// Who may log in.
    pub access: AccessPlan,
    /// Whether its SSH host keys are those among the secrets, so that it is known again after a rebuild.
    pub host_keys: bool,
    /// Its stages, in order.
    pub stages: Vec<StagePlan>,
    /// The person's own templates.
    #[serde(skip)]
    pub templates: Arc<Templates>,
    /// Every value that it has, and where it came from.
    pub settled: Vec<Settled>,
}

impl NodePlan {
    /// The secrets that the node's stages use; it gets no others.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<&str> {
        self.stages.iter().flat_map(|stage| &stage.secrets).map(String::as_str).collect()
    }

    /// The secrets of the logins that get a password, root's first.
    #[must_use]
    pub fn login_secrets(&self) -> Vec<&str> {
        self.access.logins.iter().map(|login| login.secret.as_str()).collect()
    }

    /// The logins that neither the installer nor cloud-init makes: the stage `accounts` does, from a hash that is
    /// among the node's secrets.
    pub fn stage_logins(&self) -> impl Iterator<Item = &Login> {
        let by_installer = [ROOT_PASSWORD, USER_PASSWORD];
        self.access
            .logins
            .iter()
            .filter(move |login| !by_installer.contains(&login.secret.as_str()))
    }

    /// The stages that run while the node is installed.
    pub fn early_stages(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().filter(|stage| stage.early).map(|stage| stage.name.as_str())
    }

    /// The secrets that are its SSH host keys.
    #[must_use]
    pub fn host_key_secrets(&self) -> Vec<String> {
        let kinds = self.host_keys.then_some(HostKeyType::ALL).into_iter().flatten();
        kinds.map(|kind| host_key_name(kind, &self.name)).collect()
    }

    /// Every secret whose value the node or its disks get, be it as a hash.
    #[must_use]
    pub fn all_secrets(&self) -> Vec<String> {
        let named = self.secrets().into_iter().chain(self.login_secrets()).map(str::to_owned);
        named.chain(self.host_key_secrets()).chain([LAB_IDENTITY.to_owned()]).collect()
    }
}

/// The secret that root logs in with.
pub const ROOT_PASSWORD: &str = "ROOT_PASS";
/// The secret that the administrator's account logs in with.
pub const USER_PASSWORD: &str = "USER_PASS";

/// The secret by which a lab's disks are told from those of another of the same name. It opens nothing.
pub const LAB_IDENTITY: &str = "LAB_IDENTITY";

/// A machine's name and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address on the management network.
    pub address: Ipv4Addr,
}

/// How a node is installed.
#[derive(Clone, Debug, Serialize)]
pub struct InstallerPlan {
    /// The language.
    pub language: String,
    /// The keyboard.
    pub keyboard: String,
    /// The time zone.
    pub timezone: String,
    /// `%packages`, the lab's own last: what the medium itself has. Everything else comes at first boot.
    pub packages: Vec<String>,
    /// Seconds that a built medium's menu waits.
    pub boot_timeout: u16,
    /// More kernel arguments.
    pub boot_arguments: Vec<String>,
    /// Arguments of the medium's own menu entry that are left out.
    pub boot_arguments_removed: Vec<String>,
}

/// What a lab adds for the installer only.
#[derive(Clone, Debug, Serialize)]
pub struct KickstartPlan {
    /// Those of the packages that the lab adds.
    pub packages: Vec<String>,
    /// Lines of commands.
    pub commands: Vec<String>,
    /// Scripts that run in the new system, when everything else is written.
    pub post: Vec<HookPlan>,
}

/// Who may log in.
#[derive(Clone, Debug, Serialize)]
pub struct AccessPlan {
    /// How root logs in.
    pub root_login: RootLogin,
    /// An administrator's account.
    pub user: Option<String>,
    /// Their keys.
    pub authorized_keys: Vec<String>,
    /// Every account that has a password, root first.
    pub logins: Vec<Login>,
}

/// An account that has a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Its name.
    pub account: String,
    /// The secret's.
    pub secret: String,
}

/// A script that runs in the installer.
#[derive(Clone, Debug, Serialize)]
pub struct HookPlan {
    /// Its name.
    pub name: String,
    /// What bash runs.
    pub script: Arc<str>,
}

/// One stage on one node.
#[derive(Clone, Debug, Serialize)]
pub struct StagePlan {
    /// Its name.
    pub name: String,
    /// What the node has after it.
    pub summary: String,
    /// Whether it runs while the node is installed, and not only at the first boot.
    pub early: bool,
    /// Seconds it may take.
    pub time_limit: u32,
    /// The node's stages that it cannot do without; `*` stands for all before it.
    pub requires: Vec<String>,
    /// Its parameters, as its scripts get them.
    pub parameters: Vec<(String, String)>,
    /// What must answer before it runs: host and port.
    pub needs: Vec<(String, u16)>,
    /// Packages.
    pub packages: Vec<String>,
    /// Files.
    pub files: Vec<FilePlan>,
    /// Units.
    pub services: Vec<String>,
    /// Firewall openings.
    pub firewall: Vec<OpeningPlan>,
    /// Databases.
    pub databases: Vec<Database>,
    /// Catalogue entries.
    pub identity: Option<Identity>,
    /// Names of the secrets it uses.
    pub secrets: Vec<String>,
    /// What its scripts read in its manifest beside all that: keyword and words.
    pub facts: Vec<(String, String)>,
    /// Scripts by file name.
    pub scripts: Vec<(String, Arc<str>)>,
}

/// A file that a stage puts on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// Where.
    pub path: String,
    /// Whose, and its mode.
    #[serde(flatten)]
    pub ownership: Ownership,
    /// What is in it, with marks in the place of secrets.
    pub content: Arc<str>,
}

/// A firewall opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpeningPlan {
    /// A port or a range.
    pub port: String,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// A network in CIDR form, or `any`.
    pub source: String,
}
