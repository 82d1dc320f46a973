//! The stage catalogue: what a node becomes, one folder a stage.

mod check;
mod order;
mod stage;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;

pub use stage::{
    Database, Each, FileSpec, Identity, Need, Opening, Ownership, Parameter, Scalar, StageSpec,
    When,
};

static BUILT_IN: Dir = include_dir!("$CARGO_MANIFEST_DIR/stack");

/// The names of a stage's scripts; `verify` is the one that every stage has.
const SCRIPTS: [&str; 3] = ["prepare.sh", "configure.sh", "verify.sh"];

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its folder's name.
    pub name: String,
    /// Its `stage.yaml`.
    pub spec: StageSpec,
    /// Its scripts by file name, as they go to the node.
    pub scripts: BTreeMap<String, String>,
    /// The templates of its files, by file name.
    pub sources: BTreeMap<String, String>,
}

/// All stages, each after those that it comes after.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// Every secret that a stage or a login may use, with what it is for.
    pub secrets: IndexMap<String, String>,
}

impl Catalogue {
    /// The stages that trainyard comes with.
    ///
    /// # Errors
    /// A mistake in `stack/`, which the tests would have shown.
    pub fn built_in() -> Result<Self> {
        let mut files = BTreeMap::new();
        for folder in BUILT_IN.dirs() {
            for file in folder.files() {
                files.insert(path_of(file.path()), text_of(file)?);
            }
        }
        for file in BUILT_IN.files() {
            files.insert(path_of(file.path()), text_of(file)?);
        }
        Self::from_files(&files)
    }

    /// Reads a catalogue: path inside `stack/` to content.
    ///
    /// # Errors
    /// The first mistake, with the file that holds it.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self> {
        let secrets: IndexMap<String, String> = match files.get("secrets.yaml") {
            Some(text) => serde_yaml::from_str(text).context("reading `stack/secrets.yaml`")?,
            None => IndexMap::new(),
        };
        let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
        for (path, text) in files {
            let Some(name) = path.strip_suffix("/stage.yaml") else { continue };
            let spec =
                serde_yaml::from_str(text).with_context(|| format!("reading `stack/{path}`"))?;
            let stage = Stage {
                name: name.to_owned(),
                spec,
                scripts: BTreeMap::new(),
                sources: BTreeMap::new(),
            };
            stages.insert(name.to_owned(), stage);
        }
        for (path, text) in files {
            let Some((name, file)) = path.split_once('/').filter(|(_, file)| *file != "stage.yaml")
            else {
                continue;
            };
            let Some(stage) = stages.get_mut(name) else {
                bail!("`stack/{name}` has no stage.yaml")
            };
            let kind =
                if SCRIPTS.contains(&file) { &mut stage.scripts } else { &mut stage.sources };
            kind.insert(file.to_owned(), text.clone());
        }
        for stage in stages.values() {
            check::check(stage, &secrets)
                .with_context(|| format!("checking `stack/{}`", stage.name))?;
        }
        Ok(Self { stages: order::order(stages)?, secrets })
    }

    /// The services that a lab can choose: those that a stage's condition names.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        let mut services = Vec::new();
        for service in self.stages.iter().filter_map(|s| s.spec.when.service.as_deref()) {
            if !services.contains(&service) {
                services.push(service);
            }
        }
        services
    }
}

fn path_of(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn text_of(file: &include_dir::File) -> Result<String> {
    let text = file
        .contents_utf8()
        .with_context(|| format!("`stack/{}` is not UTF-8", file.path().display()))?;
    Ok(text.to_owned())
}
