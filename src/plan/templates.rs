//! The stages' templates, with the person's own in the place of built-in ones. A template that says the same for several
//! nodes is rendered once: in a lab of a thousand nodes, `/etc/hosts` has a thousand lines on each of them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Result;

use super::context::Context;
use super::stages::Setting;
use super::told::Teller;
use crate::model::{IniOption, Templates};
use crate::stack::Catalogue;
use crate::template::{Engine, TemplateError, secret_marks};

/// What has nothing of one node alone. A template that uses no more is rendered once for all nodes whose settings say the same
/// of it ([`Context::of_settings`]).
const SHARED: [&str; 12] = [
    "lab",
    "nodes",
    "controller",
    "networks",
    "hosts",
    "time",
    "mirrors",
    "package_cache",
    "proxy",
    "archive",
    "repositories",
    "parameters",
];

/// One [`StageTemplates`] for each set of templates of the person's own.
pub(super) struct AllTemplates<'c> {
    catalogue: &'c Catalogue,
    by_own: HashMap<*const Templates, StageTemplates<'c>>,
}

impl<'c> AllTemplates<'c> {
    pub fn new(catalogue: &'c Catalogue) -> Self {
        Self { catalogue, by_own: HashMap::new() }
    }

    /// The templates of a node. One of the person's that cannot be read is told, and left out.
    pub fn of(
        &mut self,
        own: &'c Arc<Templates>,
        teller: &mut Teller,
    ) -> Result<&mut StageTemplates<'c>> {
        let catalogue = self.catalogue;
        match self.by_own.entry(Arc::as_ptr(own)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(StageTemplates::new(catalogue, own, teller)?)),
        }
    }
}

/// The templates of all stages.
pub(super) struct StageTemplates<'c> {
    engine: Engine<'c>,
    /// Those that say nothing of one node alone.
    shared: HashSet<&'c str>,
    /// What was rendered from one of them, by what settings say.
    rendered: HashMap<(String, String), Arc<str>>,
    /// The options of INI files that say nothing of one node alone.
    shared_options: HashSet<*const IniOption>,
    /// What they came to, by what settings say.
    options: HashMap<String, HashMap<*const IniOption, Rc<Setting>>>,
}

impl<'c> StageTemplates<'c> {
    fn new(catalogue: &'c Catalogue, own: &'c Templates, teller: &mut Teller) -> Result<Self> {
        let mut engine = Engine::default();
        for (name, source) in catalogue.stages.iter().flat_map(|s| &s.sources) {
            let added = match source.file {
                Some(file) => engine.add_own(name, &source.text, file),
                None => engine.add(name, &source.text),
            };
            teller.of_template(added)?;
        }
        for (path, file) in own {
            if let Some(name) = path.strip_prefix("stack/") {
                teller.of_template(engine.add_own(name, &file.text, file.file))?;
            }
        }
        let names = catalogue.stages.iter().flat_map(|s| s.sources.keys()).map(String::as_str);
        let shared = names.filter(|name| engine.uses_only(name, &SHARED)).collect();
        let options = catalogue.stages.iter().flat_map(|s| &s.spec.settings);
        let shared_options = options
            .filter(|option| engine.text_uses_only(&option.value.value, &SHARED))
            .map(std::ptr::from_ref)
            .collect();
        let (rendered, options) = (HashMap::new(), HashMap::new());
        Ok(Self { engine, shared, rendered, shared_options, options })
    }

    /// Renders a text of `stage.yaml`.
    pub fn text(
        &self,
        name: &str,
        source: &str,
        context: &Context,
    ) -> Result<String, TemplateError> {
        self.engine.render_text(name, source, || context.value())
    }

    /// What was rendered from a template names no secrets but these: the node has no others.
    pub fn check_secrets(
        &self,
        name: &str,
        rendered: &str,
        secrets: &[String],
    ) -> Result<(), TemplateError> {
        let unknown = secret_marks(rendered).find(|secret| !secrets.iter().any(|s| s == secret));
        unknown.map_or(Ok(()), |secret| {
            let message = format!("the secret `{secret}` is not among the stage's `secrets`");
            Err(self.engine.wrong(name, secret, message))
        })
    }

    /// What an option came to on a node whose settings say the same.
    pub fn known(&self, option: &IniOption, context: &Context) -> Option<Rc<Setting>> {
        self.options.get(context.of_settings())?.get(&std::ptr::from_ref(option)).cloned()
    }

    /// An option came to that, with nothing to tell of it.
    pub fn keep(&mut self, option: &IniOption, context: &Context, setting: &Rc<Setting>) {
        if self.shared_options.contains(&std::ptr::from_ref(option)) {
            let of_settings = context.of_settings().to_owned();
            self.options.entry(of_settings).or_default().insert(option, setting.clone());
        }
    }

    /// Renders a file for a node.
    pub fn file(&mut self, name: &str, context: &Context) -> Result<Arc<str>, TemplateError> {
        if !self.shared.contains(name) {
            return Ok(self.engine.render_value(name, context.value())?.into());
        }
        let key = (name.to_owned(), context.of_settings().to_owned());
        match self.rendered.entry(key) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(new) => {
                Ok(new.insert(self.engine.render_value(name, context.value())?.into()).clone())
            }
        }
    }
}
