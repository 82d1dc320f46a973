//! The plan, spelled out: kickstart, cloud-init, boot menus. Nothing here decides anything.

pub mod boot_menu;
mod cloud_init;
mod kickstart;
mod lint;
mod node;

use crate::plan::{NodePlan, Plan};
use crate::secrets::{Missing, Secrets};
use crate::template::TemplateError;

/// A node's files, as text. All of them hold secrets, but for `network_config`.
#[derive(Clone)]
pub struct Rendered {
    /// `ks.cfg`.
    pub kickstart: String,
    /// cloud-init's `user-data`.
    pub user_data: String,
    /// cloud-init's `meta-data`.
    pub meta_data: String,
    /// cloud-init's `network-config`, version 1.
    pub network_config: String,
}

impl Rendered {
    /// The files by name, in the order in which people look for them.
    #[must_use]
    pub fn files(&self) -> [(&'static str, &str); 4] {
        [
            ("ks.cfg", &self.kickstart),
            ("user-data", &self.user_data),
            ("meta-data", &self.meta_data),
            ("network-config", &self.network_config),
        ]
    }
}

/// Why a node cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A secret is missing.
    #[error(transparent)]
    Secret(#[from] Missing),
    /// A secret is a word that stands in the kickstart anyway.
    #[error(
        "the secret `{0}` is so common a word that it stands in the kickstart itself: delete its line and run `trainyard secrets`"
    )]
    CommonSecret(String),
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The result is not what it should be; every finding.
    #[error("the kickstart of `{node}` was not rendered as it should be:\n{}", findings.join("\n"))]
    Lint {
        /// The node.
        node: String,
        /// One line each, without secret values.
        findings: Vec<String>,
    },
    /// Data cannot be written as YAML.
    #[error("writing YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
}

/// Renders everything of one node.
///
/// # Errors
/// A secret is missing, or a result is not what it should be.
pub fn render(plan: &Plan, node: &NodePlan, secrets: &Secrets) -> Result<Rendered, RenderError> {
    let kickstart = kickstart::render(plan, node, secrets)?;
    let network_config = cloud_init::network_config(node)?;
    let user_data = cloud_init::user_data(plan, node, secrets)?;
    let meta_data = cloud_init::meta_data(plan, node, &user_data, &network_config)?;
    Ok(Rendered { kickstart, user_data, meta_data, network_config })
}
