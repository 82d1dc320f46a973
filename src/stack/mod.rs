//! The stage catalogue: what a node becomes, one folder a stage.

mod check;
mod order;
mod own;
mod paths;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;

pub use own::{add_own, tell_unusable};
pub use paths::check_path;
pub use stage::{
    Custom, Database, Each, FileSpec, Identity, Need, Opening, Ownership, Parameter, Scalar,
    StageSpec, When,
};

static BUILT_IN: Dir = include_dir!("$CARGO_MANIFEST_DIR/stack");

/// The names of a stage's scripts; `verify` is the one that every stage has.
pub const SCRIPTS: [&str; 3] = ["prepare.sh", "configure.sh", "verify.sh"];

/// The file that says what a stage is.
const STAGE: &str = "stage.yaml";

/// The file that says which secrets stages may name.
const SECRETS: &str = "secrets.yaml";

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its folder's name.
    pub name: String,
    /// Its `stage.yaml`.
    pub spec: StageSpec,
    /// Its scripts by file name, as they go to the node.
    pub scripts: BTreeMap<String, Text>,
    /// The templates of its files, by `STAGE/FILE`.
    pub sources: BTreeMap<String, Text>,
    /// The number of its `stage.yaml` among the sources, where it is one of the lab's own.
    pub file: Option<usize>,
}

/// The text of a file.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text.
    pub text: Arc<str>,
    /// Its number among the sources, where it is one of the lab's own.
    pub file: Option<usize>,
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
        for file in BUILT_IN.dirs().flat_map(Dir::files).chain(BUILT_IN.files()) {
            files.insert(path_of(file.path()), text_of(file)?);
        }
        Self::from_files(&files)
    }

    /// Reads a catalogue: path inside `stack/` to content.
    ///
    /// # Errors
    /// The first mistake, with the file that holds it.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self> {
        let secrets: IndexMap<String, String> = match files.get(SECRETS) {
            Some(text) => serde_yaml::from_str(text).context("reading `stack/secrets.yaml`")?,
            None => IndexMap::new(),
        };
        for name in secrets.keys() {
            check::secret_name(name).context("checking `stack/secrets.yaml`")?;
        }
        let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
        for (path, text) in files {
            let Some((name, STAGE)) = path.split_once('/') else { continue };
            let spec =
                serde_yaml::from_str(text).with_context(|| format!("reading `stack/{path}`"))?;
            stages.insert(name.to_owned(), Stage::new(name, spec, None));
        }
        for (path, text) in files {
            let Some((name, file)) = path.split_once('/').filter(|(_, file)| *file != STAGE) else {
                continue;
            };
            let Some(stage) = stages.get_mut(name) else {
                bail!("`stack/{name}` has no stage.yaml")
            };
            stage.add(file, Text { text: text.as_str().into(), file: None });
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

    /// The paths at which a lab's folder of templates overrides the files of stages.
    pub fn template_paths(&self) -> impl Iterator<Item = String> {
        self.stages.iter().flat_map(|s| s.sources.keys()).map(|name| format!("stack/{name}"))
    }
}

impl Stage {
    fn new(name: &str, spec: StageSpec, file: Option<usize>) -> Self {
        let (scripts, sources) = (BTreeMap::new(), BTreeMap::new());
        Self { name: name.to_owned(), spec, scripts, sources, file }
    }

    fn add(&mut self, file: &str, text: Text) {
        if SCRIPTS.contains(&file) {
            self.scripts.insert(file.to_owned(), text);
        } else {
            self.sources.insert(self.source_name(file), text);
        }
    }

    /// The name of one of its files among all templates.
    #[must_use]
    pub fn source_name(&self, file: &str) -> String {
        format!("{}/{file}", self.name)
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
