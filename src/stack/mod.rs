//! The stage catalogue: what a node becomes, one folder a stage.

mod check;
mod fields;
mod order;
mod own;
mod paths;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;

use crate::report::{Findings, Sources};
use crate::spec::{self, StageFields};

pub use own::{Names, add_own, tell_unusable};
pub use paths::check_path;
pub use stage::{
    Custom, Database, Each, FileSpec, Identity, IdentityService, IdentityUser, Need, Opening,
    Ownership, Parameter, StageSpec, Template, When, holds,
};

static BUILT_IN: Dir = include_dir!("$CARGO_MANIFEST_DIR/stack");

/// The names of a stage's scripts; `verify` is the one that every stage has.
pub const SCRIPTS: [&str; 4] = ["preflight.sh", "prepare.sh", "configure.sh", "verify.sh"];

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
    /// Whether its `stage.yaml` could be read, so that all it says is known.
    pub is_read: bool,
    /// Whether it is as its author meant it. One in which something is wrong is known by its name, and no more is made of it.
    pub is_whole: bool,
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
    /// Whether there may be more stages: a folder of the lab's could not be read.
    pub is_partial: bool,
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
        let mut secrets = IndexMap::new();
        if let Some(text) = files.get(SECRETS) {
            let mut findings = Findings::default();
            let read = spec::stage_secrets(text, Sources::BUILT_IN, &mut findings);
            check_first(findings, SECRETS)?;
            for entry in read.unwrap_or_default().0 {
                if let Err(wrong) = check::secret_name(&entry.name.value) {
                    bail!("`stack/{SECRETS}`: {wrong}");
                }
                secrets.insert(entry.name.value, entry.value);
            }
        }
        let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
        let mut written: Vec<(String, StageFields)> = Vec::new();
        for (path, text) in files {
            let Some((name, STAGE)) = path.split_once('/') else { continue };
            let mut findings = Findings::default();
            let fields = spec::stage(text, Sources::BUILT_IN, &mut findings);
            check_first(findings, path)?;
            let fields = fields.unwrap_or_default();
            stages.insert(name.to_owned(), Stage::new(name, &fields, None));
            written.push((name.to_owned(), fields));
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
        let names: Vec<String> = stages.keys().cloned().collect();
        let known =
            check::Known { stages: &names, is_partial: false, lab: None, secrets: &secrets };
        for (name, fields) in &written {
            let mut findings = Findings::default();
            check::check(&stages[name], fields, Sources::BUILT_IN, &known, &mut findings);
            check_first(findings, &format!("{name}/{STAGE}"))?;
        }
        let (stages, stuck) = order::order(stages);
        ensure!(stuck == 0, order::stuck(&stages, stuck));
        Ok(Self { stages, secrets, is_partial: false })
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

    /// The services that a service's stages require, each with the stage that does.
    pub fn needs_of_service<'c>(
        &'c self,
        service: &'c str,
    ) -> impl Iterator<Item = (&'c str, &'c str)> {
        let of_service =
            self.stages.iter().filter(move |s| s.spec.when.service.as_deref() == Some(service));
        of_service.flat_map(move |stage| {
            let required = stage
                .spec
                .requires
                .iter()
                .filter_map(|name| self.stages.iter().find(|s| s.name == *name));
            let needed = required.filter_map(|s| s.spec.when.service.as_deref());
            needed
                .filter(move |needed| *needed != service)
                .map(|needed| (needed, stage.name.as_str()))
        })
    }

    /// Whether all stages could be read. Otherwise, what none of them says may be said all the same.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !self.is_partial && self.stages.iter().all(|stage| stage.is_read)
    }

    /// The paths at which a lab's folder of templates overrides the files of stages.
    pub fn template_paths(&self) -> impl Iterator<Item = String> {
        self.stages.iter().flat_map(|s| s.sources.keys()).map(|name| format!("stack/{name}"))
    }
}

impl Stage {
    fn new(name: &str, fields: &StageFields, file: Option<usize>) -> Self {
        let (scripts, sources) = (BTreeMap::new(), BTreeMap::new());
        Self {
            name: name.to_owned(),
            spec: fields.into(),
            scripts,
            sources,
            file,
            is_read: true,
            is_whole: true,
        }
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

/// What is told first of a file of trainyard's own, as an error.
fn check_first(findings: Findings, path: &str) -> Result<()> {
    let Some(first) = findings.sorted().into_iter().next() else { return Ok(()) };
    let at = first.span.unwrap_or_default();
    bail!("stack/{path}:{}:{}: {}", at.line, at.column, first.message)
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
