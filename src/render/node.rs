//! What lands on a node besides the installed system: the stages, the runner, and what the runner reads.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::Server;
use crate::plan::{NodePlan, Plan, StagePlan};
use crate::secrets::{Missing, Secrets};

/// What the runner is made of, as it goes to every node.
macro_rules! library {
    ($name:literal) => {
        (
            concat!("/usr/local/libexec/trainyard/", $name),
            "0644",
            include_str!(concat!("../../scripts/node/", $name)),
        )
    };
}

/// The runner and what it needs, as they go to every node.
pub(super) const RUNNER: [(&str, &str, &str); 12] = [
    ("/usr/local/sbin/trainyard-node", "0755", include_str!("../../scripts/node/trainyard-node")),
    library!("stage-lib.sh"),
    library!("checks.sh"),
    library!("packages.sh"),
    library!("progress.sh"),
    library!("attempts.sh"),
    library!("verification.sh"),
    library!("cloud.py"),
    library!("smoke.py"),
    (STATUS, "0644", include_str!("../../scripts/node/trainyard-status.sh")),
    (UNIT, "0644", include_str!("../../scripts/node/trainyard-first-boot.service")),
    (VERIFY_UNIT, "0644", include_str!("../../scripts/node/trainyard-verify.service")),
];

/// What tells who logs in how far the stages have come.
const STATUS: &str = "/etc/profile.d/trainyard-status.sh";

/// The unit that runs the stages.
pub const UNIT: &str = "/etc/systemd/system/trainyard-first-boot.service";

/// The unit that asks them whether they work.
const VERIFY_UNIT: &str = "/etc/systemd/system/trainyard-verify.service";

/// Where everything of a node's own lies; nobody but root looks inside.
pub const FOLDER: &str = "/etc/trainyard";

/// Where what the node is to become lies.
pub const STAGES: &str = "/etc/trainyard/stages";

/// Folders that everyone may read and that a fresh system does not have; all others are root's alone.
pub const PUBLIC_FOLDERS: [&str; 1] = ["/usr/local/libexec/trainyard"];

/// Paths whose SELinux labels the installer does not set.
pub const RELABEL: [&str; 5] = [
    FOLDER,
    "/usr/local/sbin/trainyard-node",
    "/usr/local/libexec/trainyard",
    "/etc/systemd/system",
    STATUS,
];

/// A file of root's, in place before the first boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placed<'p> {
    /// Where.
    pub path: Cow<'p, str>,
    /// Its mode in octal.
    pub mode: &'static str,
    /// What is in it.
    pub content: Cow<'p, str>,
    /// Whether other nodes have the very same content, in the same place of memory.
    pub shared: bool,
}

/// Everything but the secrets.
#[must_use]
pub fn files<'p>(plan: &Plan, node: &'p NodePlan) -> Vec<Placed<'p>> {
    let own = |path: &str, mode, content| Placed {
        path: format!("{FOLDER}/{path}").into(),
        mode,
        content,
        shared: false,
    };
    let order: String = node.stages.iter().map(|s| format!("{}\n", s.name)).collect();
    let mut files = vec![
        own("node.json", "0600", node_json(plan, node).into()),
        own("node.env", "0600", node_env(plan, node).into()),
        own("stages/order", "0600", order.into()),
    ];
    for stage in &node.stages {
        let inside = |path: &str| format!("stages/{}/{path}", stage.name);
        files.push(own(&inside("manifest"), "0600", manifest(stage).into()));
        for (name, script) in &stage.scripts {
            let script = own(&inside(name), "0700", Cow::Borrowed(script));
            files.push(Placed { shared: true, ..script });
        }
        for file in &stage.files {
            let content = Cow::Borrowed(&*file.content);
            let placed = own(&inside(&format!("files{}", file.path)), "0600", content);
            files.push(Placed { shared: Arc::strong_count(&file.content) > 1, ..placed });
        }
        if let Some(identity) = &stage.identity {
            files.push(own(&inside("identity.json"), "0600", pretty(&json!(identity)).into()));
        }
    }
    files.extend(RUNNER.map(|(path, mode, text)| Placed {
        path: path.into(),
        mode,
        content: text.into(),
        shared: true,
    }));
    files
}

/// The values of the secrets that the node's stages use, and the hashes of the passwords that a stage sets.
///
/// # Errors
/// One is missing.
pub fn secrets(node: &NodePlan, secrets: &Secrets) -> Result<Placed<'static>, Missing> {
    let mut content = String::new();
    for name in node.secrets() {
        let _ = writeln!(content, "{name}={}", secrets.get(name)?.reveal());
    }
    for login in node.stage_logins() {
        let _ =
            writeln!(content, "{}_HASH={}", login.secret, secrets.password_hash(&login.secret)?);
    }
    let path = format!("{FOLDER}/secrets.env").into();
    Ok(Placed { path, mode: "0600", content: content.into(), shared: false })
}

/// Where the node tells how far its stages are: an address that opens something; and what proves that it is the server's, where the
/// system does not know it.
pub fn report(server: &Server) -> impl Iterator<Item = Placed<'static>> {
    let placed = |name, mode, content: String| {
        let path = format!("{FOLDER}/{name}").into();
        Placed { path, mode, content: content.into(), shared: false }
    };
    let authority = server.authority.clone().map(|pem| placed("report.pem", "0644", pem));
    [placed("report", "0600", format!("{}\n", server.report))].into_iter().chain(authority)
}

/// One of the node's SSH host keys.
#[derive(Clone, Debug, Serialize)]
pub struct PlacedHostKey {
    /// Its type, as it stands in file names and in cloud-init's keys.
    pub kind: &'static str,
    /// The private half's file. EL7's own are of group `ssh_keys` and have mode 0640, for ssh-keysign,
    /// which nothing here uses; sshd is content with 0600.
    pub private: Placed<'static>,
    /// The public half's file.
    pub public: Placed<'static>,
}

/// The node's SSH host keys, if they are those among the secrets. Where all three types are there, EL7's
/// sshd-keygen.service makes none.
///
/// # Errors
/// One is missing.
pub fn host_keys(node: &NodePlan, secrets: &Secrets) -> Result<Vec<PlacedHostKey>, Missing> {
    let names = node.host_key_secrets();
    let placed = names.iter().map(|name| {
        let key = secrets.host_key(name)?;
        let kind = key.kind().as_str();
        let path = format!("/etc/ssh/ssh_host_{kind}_key");
        Ok(PlacedHostKey {
            kind,
            public: Placed {
                path: format!("{path}.pub").into(),
                mode: "0644",
                content: key.public_file().into(),
                shared: false,
            },
            private: Placed {
                path: path.into(),
                mode: "0600",
                content: key.private_file().into(),
                shared: false,
            },
        })
    });
    placed.collect()
}

/// What the node is, for people and programs.
fn node_json(plan: &Plan, node: &NodePlan) -> String {
    pretty(&json!({
        "schema": 1,
        "lab": plan.lab,
        "node": node.name,
        "role": node.role,
        "address": node.address,
        "networking": plan.networking,
        "stages": node.stages.iter().map(|s| &s.name).collect::<Vec<_>>(),
    }))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// The same for the stages' scripts, which get it as their environment. All values are plain words.
fn node_env(plan: &Plan, node: &NodePlan) -> String {
    format!(
        "TRAINYARD_LAB={}\nTRAINYARD_NODE={}\nTRAINYARD_ROLE={}\nTRAINYARD_ADDRESS={}\n\
         TRAINYARD_CONTROLLER={}\nTRAINYARD_CONTROLLER_ADDRESS={}\nTRAINYARD_MANAGEMENT_CIDR={}\n\
         TRAINYARD_NETWORKING={}\nTRAINYARD_PROVIDER_INTERFACE={}\n",
        plan.lab,
        node.name,
        node.role,
        node.address,
        node.controller.name,
        node.controller.address,
        node.management,
        plan.networking.as_str(),
        node.provider_interface.as_deref().unwrap_or_default(),
    )
}

/// A stage as the runner reads it: a keyword and its words on each line.
fn manifest(stage: &StagePlan) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments| {
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("summary {}", stage.summary));
    line(format_args!("limit {}", stage.time_limit));
    for name in &stage.requires {
        line(format_args!("require {name}"));
    }
    for (name, value) in &stage.parameters {
        line(format_args!("parameter {name} {value}"));
    }
    for (host, port) in &stage.needs {
        line(format_args!("need {host} {port}"));
    }
    for package in &stage.packages {
        line(format_args!("package {package}"));
    }
    for file in &stage.files {
        let o = &file.ownership;
        line(format_args!("file {} {} {} {}", o.mode, o.owner, o.group, file.path));
    }
    for service in &stage.services {
        line(format_args!("service {service}"));
    }
    for o in &stage.firewall {
        line(format_args!("firewall {} {} {}", o.port, o.protocol, o.source));
    }
    for d in &stage.databases {
        line(format_args!("database {} {} {}", d.name, d.user, d.secret));
    }
    for secret in &stage.secrets {
        line(format_args!("secret {secret}"));
    }
    for (keyword, words) in &stage.facts {
        line(format_args!("{keyword} {words}"));
    }
    out
}
