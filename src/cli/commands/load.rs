//! What several commands begin with: the lab file becomes a plan, and what is wrong with it is told.

use std::path::Path;

use anyhow::{Result, bail};
use indexmap::IndexMap;
use rustls::pki_types::ServerName;

use super::lock::ANEW;
use super::scripts;
use crate::cli::ui::Ui;
use crate::digest::Digest;
use crate::exit::{self, Failure, LabErrors};
use crate::model::{Lab, MANAGEMENT, Tls};
use crate::packages::{self, Lock, LockError};
use crate::plan::{self, Host, Login, NodePlan, Plan, ROOT_PASSWORD, USER_PASSWORD};
use crate::render::{self, RenderError, Renderer, Told};
use crate::report::{Finding, Findings, Rule, Severity, Source, Sources, nearest, render_line};
use crate::secrets::{self, ENDPOINTS_TLS, Endpoints, GivenCertificate, Secrets, Wanted};
use crate::serve;
use crate::spec::{self, Attach, Disk, LabSpec};
use crate::stack::Catalogue;
use crate::tool::ToolError;
use crate::{model, stack};

/// What a lab file amounts to.
pub(super) struct Loaded {
    pub sources: Sources,
    pub findings: Vec<Finding>,
    /// Nothing where there are errors.
    pub planned: Option<(Lab, Plan)>,
    /// Every secret that it may ask for, so that a change of the lab file needs no new ones but a node's; nothing
    /// is known of the nodes where there are errors.
    pub wanted: Wanted,
    /// What could not be checked.
    pub unchecked: Option<ToolError>,
}

/// A lab file that is right.
pub(super) struct Good {
    pub lab: Lab,
    pub plan: Plan,
    sources: Sources,
    wanted: Wanted,
}

impl Loaded {
    /// Says what could not be checked, if there is something.
    pub fn note_unchecked(&self, ui: &Ui) {
        if let Some(error) = &self.unchecked {
            ui.note(format!("warning: {error}"));
        }
    }
}

/// What could be understood of a lab file.
struct Understood {
    sources: Sources,
    findings: Findings,
    /// The lab, and its plan as far as there is one; nothing where the file could not be read.
    lab: Option<(Lab, Plan)>,
    secrets: IndexMap<String, String>,
    unchecked: Option<ToolError>,
}

/// Whether the lock of a lab's packages is read with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItsLock {
    /// Its nodes are planned with it.
    Read,
    /// It may be about to be made.
    Unread,
}

/// Reads a lab file as far as it can be read.
pub(super) fn load(path: &Path, secrets: &Path, strict: bool) -> Result<Loaded> {
    load_with(path, secrets, strict, ItsLock::Read)
}

fn load_with(path: &Path, secrets: &Path, strict: bool, lock: ItsLock) -> Result<Loaded> {
    let mut findings = Findings::strict(strict);
    let (sources, spec) = spec::load(path, secrets, &mut findings)?;
    Ok(understand(sources, spec, findings, lock)?.done())
}

/// The same, and renders every node, with stand-ins for its secrets: templates of the lab's own may fail only then.
pub(super) fn load_and_render(path: &Path, secrets: &Path, strict: bool) -> Result<Loaded> {
    let mut findings = Findings::strict(strict);
    let (sources, spec) = spec::load(path, secrets, &mut findings)?;
    let mut understood = understand(sources, spec, findings, ItsLock::Read)?;
    understood.render()?;
    Ok(understood.done())
}

impl Understood {
    /// Tells what is wrong with the templates of the kickstart, by themselves and in what is rendered from them.
    fn render(&mut self) -> Result<()> {
        let Some((lab, plan)) = &self.lab else { return Ok(()) };
        let findings = &mut self.findings;
        let with_own = lab.settings.iter().filter(|settings| !settings.templates.is_empty());
        for error in with_own.take(MOST).flat_map(|own| render::check_templates(&own.templates)) {
            tell(error, findings)?;
        }
        let secrets = Secrets::stand_in(&wanted(self.secrets.clone(), Some((lab, plan))));
        let mut renderer = Renderer::new(plan, &secrets);
        for node in &plan.nodes {
            let error = match renderer.render(node) {
                Ok(files) => {
                    tell_all(files.weak, findings);
                    continue;
                }
                Err(error) => error,
            };
            match tell(error, findings) {
                // What else is wrong with the lab may be the reason.
                Err(_) if findings.errors() > 0 => {}
                told => told?,
            }
        }
        Ok(())
    }

    fn done(self) -> Loaded {
        let Self { sources, findings, lab, secrets, unchecked } = self;
        let planned = lab.filter(|_| findings.errors() == 0);
        let wanted = wanted(secrets, planned.as_ref().map(|(lab, plan)| (lab, plan)));
        Loaded { sources, findings: findings.sorted(), planned, wanted, unchecked }
    }
}

/// Sets of templates that are looked at by themselves.
const MOST: usize = 64;

/// Why a node cannot be rendered, as findings where the lab's own templates are the reason.
fn tell(error: RenderError, findings: &mut Findings) -> Result<(), RenderError> {
    let told = error.findings();
    if told.is_empty() {
        return Err(error);
    }
    tell_all(told, findings);
    Ok(())
}

fn tell_all(told: Vec<Told>, findings: &mut Findings) {
    for Told { rule, path, span, message, help } in told {
        let usual =
            || "docs/templates.md says what templates know and which filters they have".into();
        findings.tell(rule, &path, span, message, help.unwrap_or_else(usual));
    }
}

impl Good {
    /// What a failure to render is: told in its place, where the lab's own templates are the reason.
    pub fn told(&self, error: RenderError, ui: &Ui) -> anyhow::Error {
        let mut findings = Findings::default();
        if let Err(error) = tell(error, &mut findings) {
            return error.into();
        }
        for finding in findings.sorted() {
            anstream::eprintln!("{}", ui.finding(&finding, &self.sources));
        }
        LabErrors.into()
    }
}

/// The same for the text of a lab file that will be at that path.
pub(super) fn load_text(path: &Path, secrets: &Path, text: &str) -> Result<Loaded> {
    let mut findings = Findings::default();
    let name = path.display().to_string().into();
    let source = Source { name, path: path.to_owned(), text: text.into() };
    let disk = Disk { secrets: Some(secrets.to_owned()) };
    let (sources, spec) = spec::parse_with(source, &disk, &mut findings);
    Ok(understand(sources, spec, findings, ItsLock::Read)?.done())
}

fn understand(
    sources: Sources,
    spec: Option<LabSpec>,
    mut findings: Findings,
    lock: ItsLock,
) -> Result<Understood> {
    let (mut understood, mut unchecked) = (None, None);
    let mut catalogue = Catalogue::built_in()?;
    if let Some(spec) = spec {
        let mut lab = model::resolve(&spec, &sources, &mut findings);
        if lock == ItsLock::Read {
            lab.locked = locked(&spec, &lab, &mut findings);
        }
        unchecked = scripts::check(&lab, &sources, &mut findings)?;
        let names = stack::Names {
            roles: lab.roles.iter().map(|role| role.name.as_str()).collect(),
            networks: lab.networks.iter().map(|network| network.name.as_str()).collect(),
        };
        stack::add_own(&mut catalogue, &lab.own_stages, &names, &mut findings);
        let plan = plan::draft(&lab, &catalogue, &mut findings)?;
        understood = Some((lab, plan));
    }
    let (lab, secrets) = (understood, catalogue.secrets);
    Ok(Understood { sources, findings, lab, secrets, unchecked })
}

/// The SHA-256 of the file that the lab's packages are locked by, where they are.
fn locked(spec: &LabSpec, lab: &Lab, findings: &mut Findings) -> Option<Digest> {
    let written = spec.lab.package_lock.as_ref()?;
    let path = &written.value.0;
    let (message, help) = match Lock::read_text(path) {
        Ok((lock, text)) => {
            // What is wrong with its repositories is told elsewhere.
            let repositories = packages::of_lab(lab).ok();
            if let Some(what) = repositories.and_then(|all| lock.misfit(lab, all.iter())) {
                let message = format!("`{}` {what}", path.display());
                findings.tell(Rule::NotLocked, &written.path, written.span, message, ANEW);
            }
            return Some(Digest::of(text.as_bytes()));
        }
        Err(LockError::Missing { path }) => (
            format!("`{}` is not there", path.display()),
            "`trainyard packages resolve` writes it, or take it from version control",
        ),
        Err(error) => (error.to_string(), "what `trainyard packages resolve` has written"),
    };
    findings.tell(Rule::NamedFile, &written.path, written.span, message, help);
    None
}

/// What a lab asks for: the secrets of all stages, and those of its nodes, where they are known.
fn wanted(mut secrets: IndexMap<String, String>, planned: Option<(&Lab, &Plan)>) -> Wanted {
    let plan = planned.map(|(_, plan)| plan);
    let nodes: Option<Vec<&str>> = plan.map(|plan| {
        plan.nodes.iter().filter(|node| node.host_keys).map(|node| node.name.as_str()).collect()
    });
    let mut logins = vec![ROOT_PASSWORD, USER_PASSWORD];
    let nodes_of = plan.iter().flat_map(|plan| &plan.nodes);
    for Login { account, secret } in nodes_of.flat_map(NodePlan::stage_logins) {
        if !logins.contains(&secret.as_str()) {
            secrets.insert(secret.clone(), format!("the login of {account} on the nodes"));
            logins.push(secret);
        }
    }
    let endpoints = planned.and_then(|(lab, plan)| endpoints(lab, plan));
    Wanted::new(secrets, &logins, nodes.as_deref()).with_endpoints(endpoints)
}

/// What of a lab is reached by TLS, where something is.
fn endpoints(lab: &Lab, plan: &Plan) -> Option<Endpoints> {
    let tls = lab.tls.as_ref()?;
    let node = plan.nodes.iter().find(|node| node.secrets().contains(ENDPOINTS_TLS))?;
    let Host { name, address } = &node.controller;
    let mut hosts = vec![name.clone(), address.to_string()];
    let given = match tls {
        Tls::Made => {
            for name in forwarded_names(node).chain(console_names(lab, plan)) {
                if !hosts.contains(&name) {
                    hosts.push(name);
                }
            }
            None
        }
        Tls::Given { certificate, key } => Some(GivenCertificate {
            name: certificate.name.as_str().into(),
            text: certificate.text.clone(),
            key: key.clone(),
        }),
    };
    Some(Endpoints { lab: lab.name.clone(), hosts, given })
}

/// The names under which a browser asks for the dashboard through a forwarded port, as far as a certificate may have them.
fn forwarded_names(node: &NodePlan) -> impl Iterator<Item = String> {
    let names = parameter(node, "horizon", "hosts").into_iter().flat_map(|said| said.split(','));
    names.filter(|name| ServerName::try_from(*name).is_ok()).map(str::to_owned)
}

/// Those under which it asks for the consoles of servers, by `console` of the stage nova-compute.
fn console_names(lab: &Lab, plan: &Plan) -> impl Iterator<Item = String> {
    let management = lab.networks.iter().find(|network| network.name == MANAGEMENT);
    let by_host = management.is_some_and(|it| it.virtualbox.attach == Attach::NatNetwork);
    let said = plan.nodes.iter().filter_map(|node| parameter(node, "nova-compute", "console"));
    let names = said.filter_map(move |said| match said {
        "auto" => by_host.then_some("127.0.0.1"),
        said => said.rsplit_once(':').map(|(name, _)| name.trim_matches(['[', ']'])),
    });
    names.filter(|name| ServerName::try_from(*name).is_ok()).map(str::to_owned)
}

/// What a stage's parameter is at a node that has the stage.
fn parameter<'a>(node: &'a NodePlan, stage: &str, name: &str) -> Option<&'a str> {
    let stage = node.stages.iter().find(|it| it.name == stage)?;
    stage.parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// Reads a lab file that must be right; what is wrong is told on standard error.
pub(super) fn load_good(path: &Path, secrets: &Path, ui: &Ui) -> Result<Good> {
    good(load(path, secrets, ui.is_strict())?, ui)
}

/// The same for who makes the lock of its packages, or reads that by itself: the plan is not for nodes.
pub(super) fn load_unlocked(path: &Path, secrets: &Path, ui: &Ui) -> Result<Good> {
    good(load_with(path, secrets, ui.is_strict(), ItsLock::Unread)?, ui)
}

fn good(loaded: Loaded, ui: &Ui) -> Result<Good> {
    for finding in &loaded.findings {
        let text = ui.finding(finding, &loaded.sources);
        if finding.severity == Severity::Error {
            anstream::eprintln!("{text}");
        } else {
            ui.note(text);
        }
    }
    loaded.note_unchecked(ui);
    let (lab, plan) = loaded.planned.ok_or(LabErrors)?;
    Ok(Good { lab, plan, sources: loaded.sources, wanted: loaded.wanted })
}

/// Reads a lab again while a server runs; what is wrong comes in words.
///
/// Packages are given by the lock `by` which it began: nodes of a lab that names another one would get what they must not have.
pub(super) fn load_again(
    path: &Path,
    secrets: &Path,
    strict: bool,
    by: Option<&Path>,
) -> Result<serve::Lab, String> {
    let words = |error: anyhow::Error| format!("{error:#}");
    let loaded = load(path, secrets, strict).map_err(words)?;
    let names = |lock: Option<&Path>| {
        lock.map_or("no `package_lock`".to_owned(), |it| {
            format!("`package_lock: {}`", it.display())
        })
    };
    if let Some((lab, _)) = &loaded.planned
        && lab.package_lock.as_deref() != by
    {
        let now = names(lab.package_lock.as_deref());
        return Err(format!(
            "the lab has {now}, and this server began with {}: begin it again",
            names(by)
        ));
    }
    let Some((_, plan)) = loaded.planned else {
        let errors = loaded.findings.iter().filter(|it| it.severity == Severity::Error);
        let lines: Vec<_> = errors.map(|it| render_line(it, &loaded.sources)).collect();
        return Err(format!("the lab file has errors:\n{}", lines.join("\n")));
    };
    let secrets = secrets::load(&secrets::Sources::new(secrets.to_owned()), &loaded.wanted);
    let secrets = secrets.map_err(|error| words(error.into()))?;
    Ok(serve::Lab { plan, secrets })
}

/// Loads the secrets of a lab.
pub(super) fn load_secrets(file: &Path, good: &Good, ui: &Ui) -> Result<Secrets> {
    let sources = secrets::Sources::new(file.to_owned());
    tell_unknown_variables(&sources, &good.wanted, ui);
    let secrets = secrets::load(&sources, &good.wanted)?;
    let lacking = secrets.endpoints_lack(good.wanted.endpoint_hosts());
    if !lacking.is_empty() {
        ui.note(format!(
            "warning: the certificate of OpenStack's endpoints is not for {}, so that no client takes it there: `trainyard secrets rotate {ENDPOINTS_TLS}` makes another one; one of your own needs the name (subjectAltName)",
            lacking.join(", ")
        ));
    }
    Ok(secrets)
}

/// A slip of the pen in a variable's name would have no effect, and nobody would know why.
pub(super) fn tell_unknown_variables(sources: &secrets::Sources, wanted: &Wanted, ui: &Ui) {
    let known: Vec<String> = wanted.names().map(secrets::variable).collect();
    for unknown in sources.unknown_variables(wanted) {
        let help = match nearest(&unknown, known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`trainyard secrets list` names all that there are".to_owned(),
        };
        ui.note(format!("warning: nothing asks for `{unknown}`, which is set: {help}"));
    }
}

/// The node of that name.
pub(super) fn chosen_one<'p>(plan: &'p Plan, name: &str) -> Result<&'p NodePlan> {
    let Some(node) = plan.nodes.iter().find(|n| n.name == name) else {
        let known = plan.nodes.iter().map(|n| n.name.as_str());
        let help = crate::report::did_you_mean(name, known);
        bail!(Failure::new(exit::USAGE, format!("the lab has no node `{name}`: {help}")));
    };
    Ok(node)
}

/// The nodes of those names, or all of them.
pub(super) fn chosen<'p>(plan: &'p Plan, names: &[String]) -> Result<Vec<&'p NodePlan>> {
    if names.is_empty() {
        return Ok(plan.nodes.iter().collect());
    }
    let mut nodes: Vec<&NodePlan> = Vec::new();
    for name in names {
        let node = chosen_one(plan, name)?;
        if nodes.iter().all(|n| n.name != node.name) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}
