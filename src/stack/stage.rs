//! All that the plan must know of a stage, as data; made from its `stage.yaml`, whose keys are in `spec::StageFields`.

use indexmap::IndexMap;
use serde::Serialize;

use crate::report::Span;
use crate::spec::{IniOption, Networking, Protocol};

pub use crate::spec::{Each, StagePart as Custom};

/// What a stage is. What its `stage.yaml` leaves out has its default here.
#[derive(Clone, Debug, Default)]
pub struct StageSpec {
    /// One line: what the node has after it.
    pub summary: String,
    /// The roles whose nodes have it; every role where it is left out.
    pub roles: Option<Vec<String>>,
    /// Roles whose nodes do not have it.
    pub except: Vec<String>,
    /// A condition on the lab.
    pub when: When,
    /// Stages that it cannot do without, where a node has them; they come before it, too.
    pub requires: Vec<String>,
    /// Stages that come before it where a node has both.
    pub after: Vec<String>,
    /// What must answer on another node before it runs.
    pub needs: Vec<Need>,
    /// What of the lab's own keys it is made of.
    pub custom: Option<Custom>,
    /// Packages, installed by yum at first boot.
    pub packages: Vec<String>,
    /// Values that a lab may change.
    pub parameters: IndexMap<String, Parameter>,
    /// Names of the secrets that it uses.
    pub secrets: Vec<String>,
    /// Options of INI files; the values are templates.
    pub settings: Vec<IniOption>,
    /// Owner and mode of an INI file where they are not `root root 0644`.
    pub ini: IndexMap<String, Ownership>,
    /// Files that are no INI.
    pub files: Vec<FileSpec>,
    /// Units that are enabled and running after it.
    pub services: Vec<String>,
    /// Ports that it opens.
    pub firewall: Vec<Opening>,
    /// Databases that it uses.
    pub databases: Vec<Database>,
    /// Its entries in keystone's catalogue.
    pub identity: Option<Identity>,
    /// Memory that its services take on a small lab, in MiB.
    pub memory: u64,
    /// Seconds that the whole stage may take.
    pub time_limit: u32,
}

/// A text of `stage.yaml` that is a template, and where it stands.
#[derive(Clone, Debug)]
pub struct Template {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub at: Span,
}

/// A condition on the lab; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// `openstack.networking` has this value.
    pub networking: Option<Networking>,
    /// The lab has this service.
    pub service: Option<String>,
    /// The lab has a node of this role.
    pub role: Option<String>,
    /// The lab has its public endpoints by TLS, or has not.
    pub tls: Option<bool>,
}

/// A port of another node.
#[derive(Clone, Debug)]
pub struct Need {
    /// On the nodes of this role.
    pub role: String,
    /// This port answers.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Whether it is left out where no stage there opens it.
    pub optional: bool,
    /// Where it stands.
    pub at: Span,
}

/// A value that a lab may change.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// What it is where the lab says nothing; a template of a whole number, or a plain word.
    pub default: String,
}

impl Parameter {
    /// Whether the default follows from the node.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.default.contains('{')
    }
}

/// Who owns a file, and its mode in octal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ownership {
    /// The user.
    pub owner: String,
    /// The group.
    pub group: String,
    /// The mode, such as `0640`.
    pub mode: String,
}

impl Default for Ownership {
    fn default() -> Self {
        Self { owner: "root".into(), group: "root".into(), mode: "0644".into() }
    }
}

/// A file that is no INI.
#[derive(Clone, Debug)]
pub struct FileSpec {
    /// Where it goes.
    pub path: Template,
    /// The template beside `stage.yaml` that it is made from.
    pub source: String,
    /// One for each of these, which the templates then know by that name.
    pub each: Option<Each>,
    /// Left out where the template makes nothing.
    pub optional: bool,
    /// Whose, and its mode.
    pub ownership: Ownership,
}

/// A port that is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// A port, or a range such as `5900-5999`.
    pub port: String,
    /// The protocol.
    pub protocol: Protocol,
    /// A network's name, or `any`.
    pub from: String,
    /// Where httpd answers for it by TLS.
    pub tls: Option<u16>,
    /// Where `from` stands.
    pub at: Span,
}

impl Opening {
    /// Whether it opens this port.
    #[must_use]
    pub fn opens(&self, port: u16, protocol: Protocol) -> bool {
        self.protocol == protocol && holds(&self.port, port)
    }
}

/// Whether a port, or a range of them such as `5900-5999`, holds one.
#[must_use]
pub fn holds(ports: &str, port: u16) -> bool {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let bounds = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
    bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
}

/// A database and the user that owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its user.
    pub user: String,
    /// The name of the user's password.
    pub secret: String,
}

/// Entries in keystone's catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Users, each with a role in a project.
    pub users: Vec<IdentityUser>,
    /// Services.
    pub services: Vec<IdentityService>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityUser {
    /// Its name.
    pub name: String,
    /// The name of its password.
    pub secret: String,
    /// The project that it is for.
    pub project: String,
    /// Its role there.
    pub role: String,
}

/// A service and its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityService {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its description.
    pub description: String,
    /// Where it answers; a template.
    pub url: String,
    /// Where it answers by TLS, for the interface `public`; the other two have `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    /// Where that stands.
    #[serde(skip)]
    pub at: Span,
}
