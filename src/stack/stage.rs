//! `stage.yaml`: all that the plan must know of a stage, as data.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};

/// A stage's `stage.yaml`. Strings in `settings`, `files[].path`, `identity…url` are templates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// One line: what the node has after it.
    pub summary: String,
    /// The roles whose nodes have it; every role where it is left out.
    pub roles: Option<Vec<String>>,
    /// Roles whose nodes do not have it.
    #[serde(default)]
    pub except: Vec<String>,
    /// A condition on the lab.
    #[serde(default)]
    pub when: When,
    /// Stages that come before it where a node has both.
    #[serde(default)]
    pub after: Vec<String>,
    /// What must answer on another node before it runs.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// What of the lab's own keys it is made of; a node that has none of them does not have the stage.
    pub custom: Option<Custom>,
    /// Packages, installed by yum at first boot.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Values that a lab may change.
    #[serde(default)]
    pub parameters: IndexMap<String, Parameter>,
    /// Names of the secrets that it uses; a node gets no others.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Options of INI files: file, section, option, value. Several stages may contribute to one file.
    #[serde(default)]
    pub settings: IndexMap<String, IndexMap<String, IndexMap<String, Scalar>>>,
    /// Owner and mode of an INI file where they are not `root root 0644`.
    #[serde(default)]
    pub ini: IndexMap<String, Ownership>,
    /// Files that are no INI.
    #[serde(default)]
    pub files: Vec<FileSpec>,
    /// Units that are enabled and running after it.
    #[serde(default)]
    pub services: Vec<String>,
    /// Ports that it opens.
    #[serde(default)]
    pub firewall: Vec<Opening>,
    /// Databases that it uses.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// Its entries in keystone's catalogue.
    pub identity: Option<Identity>,
    /// Memory that its services take on a small lab, in MiB; a machine with less than the sum is warned about.
    #[serde(default)]
    pub memory: u64,
    /// Seconds that the whole stage may take.
    #[serde(default = "half_an_hour")]
    pub time_limit: u32,
}

fn half_an_hour() -> u32 {
    1800
}

/// Keys of the lab file of which a stage is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Custom {
    /// `users`. The stage runs while the node is installed.
    Accounts,
    /// `repositories` and `proxy`. Every node has the stage, for it has repositories of its own.
    Repositories,
    /// `kernel`.
    Kernel,
    /// `packages`, `files`, `sysctl`, `services` and `firewall`. The stage comes after all others.
    Site,
    /// `hooks`: a stage for each of those that run in the new system.
    Hook,
}

/// A condition on the lab; every part that is given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// `openstack.networking` has this value.
    pub networking: Option<String>,
    /// The lab has this service.
    pub service: Option<String>,
}

/// A port of another node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// On the nodes of this role.
    pub role: String,
    /// This TCP port answers.
    pub port: u16,
}

/// A value that a lab may change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is where the lab says nothing.
    pub default: Scalar,
    /// What it means.
    pub help: String,
}

/// A single value, kept as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        Ok(Self(match serde_yaml::Value::deserialize(deserializer)? {
            serde_yaml::Value::String(text) => text,
            serde_yaml::Value::Number(number) => number.to_string(),
            serde_yaml::Value::Bool(value) => value.to_string(),
            serde_yaml::Value::Null => String::new(),
            _ => return Err(D::Error::custom("a single value is expected")),
        }))
    }
}

/// Who owns a file, and its mode in octal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
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
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Where it goes; a template.
    pub path: String,
    /// The template beside `stage.yaml` that it is made from.
    pub source: String,
    /// One for each of these, which the templates then know by that name.
    pub each: Option<Each>,
    /// Left out where the template makes nothing.
    #[serde(default)]
    pub optional: bool,
    /// The user.
    #[serde(default = "root")]
    pub owner: String,
    /// The group.
    #[serde(default = "root")]
    pub group: String,
    /// The mode.
    #[serde(default = "world_readable")]
    pub mode: String,
}

fn root() -> String {
    "root".into()
}

fn world_readable() -> String {
    "0644".into()
}

/// What a file can be repeated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// Each interface of the node.
    Interface,
}

/// A port that is opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// A port, or a range such as `5900-5999`.
    pub port: Scalar,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// A network's name, or `any`.
    pub from: String,
}

/// A database and the user that owns it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its user.
    pub user: String,
    /// The name of the user's password.
    pub secret: String,
}

/// Entries in keystone's catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// Users with the role `admin` in the project `service`.
    pub users: Vec<IdentityUser>,
    /// Services with one URL for all three interfaces.
    pub services: Vec<IdentityService>,
}

/// A service's user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityUser {
    /// Its name.
    pub name: String,
    /// The name of its password.
    pub secret: String,
}

/// A service and its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityService {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its description.
    pub description: String,
    /// Where it answers.
    pub url: String,
}
