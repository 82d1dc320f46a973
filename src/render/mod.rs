//! The plan, spelled out: kickstart, cloud-init, boot menus. Nothing here decides anything.

pub mod boot_menu;
mod cloud_base;
mod cloud_init;
mod kickstart;
mod kickstart_network;
mod lint;
mod network_config;
mod node;
mod spelled;
mod storage;
mod yaml;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use self::spelled::Spelling;
use crate::model::Templates;
use crate::plan::{NodePlan, Plan};
use crate::report::{Rule, Span};
use crate::secrets::{Missing, Secrets, salt_of};
use crate::template::{Engine, TemplateError};

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
        "the secret `{name}` is so common a word that it stands in the kickstart itself; {way_out}"
    )]
    CommonSecret {
        /// Its name.
        name: String,
        /// What to do where it comes from.
        way_out: &'static str,
    },
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The result is not what it should be; every finding.
    #[error("the kickstart of `{node}` was not rendered as it should be:\n{}", findings.join("\n"))]
    Lint {
        /// The node.
        node: String,
        /// One of the lab's own templates of the kickstart, if it has any.
        file: Option<usize>,
        /// One line each, without secret values.
        findings: Vec<String>,
    },
    /// The lab's own `cloud-init/user-data.yaml` is no mapping.
    #[error("{message}")]
    UserData {
        /// Its number among the sources.
        file: usize,
        /// The line.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Data cannot be written as YAML.
    #[error("writing YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
}

impl RenderError {
    /// What to tell of a mistake in the lab's own templates: the rule, the place and the message. Nothing where the
    /// mistake is none of theirs.
    #[must_use]
    pub fn finding(&self) -> Option<(Rule, Span, String)> {
        match self {
            Self::Template(error) => Some((Rule::Template, error.span()?, error.message.clone())),
            Self::UserData { file, line, message } => {
                let span = Span { file: *file, line: *line, column: 1, length: 1 };
                Some((Rule::Template, span, message.clone()))
            }
            Self::Lint { file: Some(file), .. } => {
                let span = Span { file: *file, line: 1, column: 1, length: 1 };
                Some((Rule::Rendered, span, self.to_string()))
            }
            _ => None,
        }
    }
}

/// Renders the nodes of a plan.
pub struct Renderer<'p> {
    plan: &'p Plan,
    secrets: &'p Secrets,
    /// By the person's own templates, which nodes share.
    engines: HashMap<*const Templates, Engine<'p>>,
    spelling: Spelling,
}

impl<'p> Renderer<'p> {
    /// Renders nodes of this plan with these secrets.
    #[must_use]
    pub fn new(plan: &'p Plan, secrets: &'p Secrets) -> Self {
        Self { plan, secrets, engines: HashMap::new(), spelling: Spelling::default() }
    }

    /// Renders everything of one node.
    ///
    /// # Errors
    /// A secret is missing, or a result is not what it should be.
    pub fn render(&mut self, node: &'p NodePlan) -> Result<Rendered, RenderError> {
        let mut needed = node.all_secrets();
        needed.extend(node.login_secrets().into_iter().map(salt_of));
        self.secrets.require(needed.iter().map(String::as_str))?;
        let engine = match self.engines.entry(Arc::as_ptr(&node.templates)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(kickstart::engine(&node.templates)?),
        };
        let files = node::files(self.plan, node);
        let files =
            files.iter().map(|file| self.spelling.of(file)).collect::<Result<Vec<_>, _>>()?;
        let kickstart = kickstart::render(self.plan, node, self.secrets, engine, &files)?;
        let network_config = network_config::render(node)?;
        let secrets_file = self.spelling.of(&node::secrets(node, self.secrets)?)?;
        let items = files.iter().chain([&secrets_file]).map(|file| file.item.as_str());
        let user_data = cloud_init::user_data(node, self.secrets, items)?;
        let meta_data = cloud_init::meta_data(self.plan, node, &user_data, &network_config)?;
        Ok(Rendered { kickstart, user_data, meta_data, network_config })
    }
}
