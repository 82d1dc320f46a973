//! The plan, spelled out: kickstart, cloud-init, boot menus. Nothing here decides anything.

mod apply;
mod blame;
pub mod boot_menu;
pub mod chooser;
mod cloud_base;
mod cloud_init;
mod commands;
mod forget_seed;
mod kickstart;
mod kickstart_network;
mod lint;
mod network_config;
pub mod nocloud_net;
mod node;
mod spelled;
mod storage;
mod yaml;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

pub use self::blame::Blamed;
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
    /// `apply.sh`, for a node that is installed.
    pub apply: String,
    /// What templates of the lab's own weaken.
    pub weak: Vec<Told>,
}

/// User-data that is larger goes compressed, so that a seed stays small: cloud-init knows it by its first bytes.
const READABLE: usize = 256 << 10;

impl Rendered {
    /// The `user-data` of a seed.
    ///
    /// # Errors
    /// It cannot be compressed.
    pub fn seed_user_data(&self) -> io::Result<Vec<u8>> {
        let plain = self.user_data.as_bytes();
        if plain.len() <= READABLE {
            return Ok(plain.to_owned());
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(plain)?;
        packed.finish()
    }

    /// The files by name, in the order in which people look for them.
    #[must_use]
    pub fn files(&self) -> [(&'static str, &str); 5] {
        [
            ("ks.cfg", &self.kickstart),
            ("user-data", &self.user_data),
            ("meta-data", &self.meta_data),
            ("network-config", &self.network_config),
            ("apply.sh", &self.apply),
        ]
    }
}

/// What is told of nodes, and may install them by network. Both addresses open something, so they are secrets.
#[derive(Clone, Serialize)]
pub struct Server {
    /// The URL below which the medium's files are; nothing where nodes have the medium.
    pub tree: Option<String>,
    /// The URL that takes what the installation tells of itself.
    pub report: String,
    /// What proves that URL, in PEM, where no system knows it by itself. It is no secret.
    pub authority: Option<String>,
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
    #[error("the kickstart of `{node}` was not rendered as it should be:{}", listed(findings))]
    Lint {
        /// The node.
        node: String,
        /// Each with the place that it comes from, where that is one of the lab's own templates.
        findings: Vec<Blamed>,
    },
    /// The lab's own `cloud-init/user-data.yaml` cannot be used.
    #[error("{}", .0.message)]
    UserData(Told),
    /// A user-data is too large.
    #[error(
        "the user-data of `{node}` would have {bytes} bytes, of which trainyard makes {} at most",
        cloud_init::LARGEST
    )]
    UserDataSize {
        /// The node.
        node: String,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Data cannot be written as YAML.
    #[error("writing YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
}

fn listed(findings: &[Blamed]) -> String {
    findings.iter().map(|blamed| format!("\n  {}", blamed.message)).collect()
}

/// What to tell of a mistake in the lab's own templates.
#[derive(Clone, Debug)]
pub struct Told {
    /// The rule.
    pub rule: Rule,
    /// What it is about: the templates, or the node that was rendered.
    pub path: String,
    /// Where it stands.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What is allowed and what to do, where it is more than a template's usual help.
    pub help: Option<String>,
}

impl Blamed {
    fn told(&self, node: &str) -> Option<Told> {
        let path = format!("nodes.{node}");
        let (rule, message) = (self.rule, self.message.clone());
        Some(Told { rule, path, span: self.span?, message, help: None })
    }
}

impl RenderError {
    /// What to tell of mistakes in the lab's own templates. Nothing where there are none of theirs.
    #[must_use]
    pub fn findings(&self) -> Vec<Told> {
        let of_template = |span, message: &String| {
            let (rule, path) = (Rule::Template, "templates".to_owned());
            Told { rule, path, span, message: message.clone(), help: None }
        };
        match self {
            Self::Template(error) => {
                error.span().map(|span| of_template(span, &error.message)).into_iter().collect()
            }
            Self::UserData(told) => vec![told.clone()],
            Self::UserDataSize { node, .. } => {
                let (rule, path) = (Rule::TooLarge, format!("nodes.{node}"));
                let help = "put less under `files`, `hooks` and `cloud_init`, and let a hook fetch the rest";
                let (span, message, help) = (Span::default(), self.to_string(), Some(help.into()));
                vec![Told { rule, path, span, message, help }]
            }
            Self::Lint { node, findings } => {
                findings.iter().filter_map(|blamed| blamed.told(node)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What is wrong with the lab's own templates of the kickstart, and with its user-data, before anything is rendered.
#[must_use]
pub fn check_templates(templates: &Templates) -> Vec<RenderError> {
    let mut errors = kickstart::check(templates);
    errors.extend(cloud_base::check(templates));
    errors
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

    /// Renders everything of one node, which brings its packages with it: on the medium that it is installed from.
    ///
    /// # Errors
    /// A secret is missing, or a result is not what it should be.
    pub fn render(&mut self, node: &'p NodePlan) -> Result<Rendered, RenderError> {
        self.render_for(node, None)
    }

    /// The same for a node that tells a server how far it is, and may be installed by it.
    ///
    /// # Errors
    /// As for [`Renderer::render`].
    pub fn render_for(
        &mut self,
        node: &'p NodePlan,
        server: Option<&Server>,
    ) -> Result<Rendered, RenderError> {
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
        let (kickstart, weak) =
            kickstart::render(self.plan, node, self.secrets, engine, &files, server)?;
        let apply = apply::render(self.plan, node, self.secrets, engine, &files)?;
        let network_config = network_config::render(node)?;
        let secrets_file = self.spelling.of(&node::secrets(node, self.secrets)?)?;
        let report = server.map(node::report).into_iter().flatten();
        let report = report.map(|file| self.spelling.of(&file)).collect::<Result<Vec<_>, _>>()?;
        let forgotten = forget_seed::FILES.map(|file| self.spelling.of(&file));
        let forgotten = forgotten.into_iter().collect::<Result<Vec<_>, _>>()?;
        let items = files.iter().chain([&secrets_file]).chain(&report).chain(&forgotten);
        let items = items.map(|file| file.item.as_str());
        let user_data = cloud_init::user_data(node, self.secrets, items)?;
        let meta_data = cloud_init::meta_data(self.plan, node, &user_data, &network_config)?;
        let weak = weak.iter().filter_map(|blamed| blamed.told(&node.name)).collect();
        Ok(Rendered { kickstart, user_data, meta_data, network_config, apply, weak })
    }
}
