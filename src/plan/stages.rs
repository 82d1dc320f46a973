//! One stage on one node: its templates rendered, its references resolved.

use std::rc::Rc;

use anyhow::{Result, ensure};
use indexmap::IndexMap;

use super::context::{Context, OfNode, Shared};
use super::templates::StageTemplates;
use super::told::Teller;
use super::{FilePlan, InterfacePlan, OpeningPlan, StagePlan, needs, options};
use crate::ini;
use crate::model::train::Named;
use crate::model::{IniOption, Lab, Node, Protocol};
use crate::stack::{Each, Need, Ownership, Stage, check_path};

/// When a stage runs; within a phase, the catalogue's order counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// While the node is installed.
    Early,
    /// At the first boot.
    Usual,
    /// After the others.
    Last,
    /// After those, too.
    Hook,
}

/// An option of an INI file, as a stage has it on a node.
pub(super) struct Setting {
    pub file: String,
    pub section: String,
    pub option: String,
    pub value: String,
}

/// A stage whose settings are not merged yet.
#[derive(Clone)]
pub(super) struct Planned {
    pub plan: StagePlan,
    /// When it runs.
    pub phase: Phase,
    /// Its options of INI files.
    pub settings: Vec<Rc<Setting>>,
    /// Who owns the INI files that it says something about.
    pub ini: Vec<(String, Ownership)>,
}

/// One stage on one node. What is wrong with it is told, and left out.
pub(super) fn plan(
    stage: &Stage,
    node: &Node,
    interfaces: &[InterfacePlan],
    (shared, of_node): (&Shared, &OfNode),
    templates: &mut StageTemplates,
    teller: &mut Teller,
) -> Result<Planned> {
    let spec = &stage.spec;
    let parameters = parameters(stage, node, of_node, templates)?;
    let base = of_node.context(&parameters, None);
    let name = format!("{}/stage.yaml", stage.name);
    let settings = settings(stage, node, (&base, &shared.named), templates, teller)?;
    let mut files = Vec::new();
    for file in &spec.files {
        let of_each: Vec<Context> = match file.each {
            None => Vec::new(),
            Some(Each::Interface) => {
                interfaces.iter().map(|i| of_node.context(&parameters, Some(i))).collect()
            }
        };
        let contexts = if file.each.is_none() { std::slice::from_ref(&base) } else { &of_each };
        let source = stage.source_name(&file.source);
        for context in contexts {
            let at = file.path.at;
            let path = templates.text(&name, &file.path.text, context);
            let Some(path) = teller.of_text(stage, at, path)? else { continue };
            let checked = check_path(&path, stage.file.is_some());
            if teller.of_stage(stage, at, !file.path.text.contains('{'), checked)?.is_none() {
                continue;
            }
            let content = templates.file(&source, context);
            let Some(content) = teller.of_template(content)? else { continue };
            let checked = templates.check_secrets(&source, &content, &spec.secrets);
            if teller.of_template(checked)?.is_none() {
                continue;
            }
            if file.optional && content.trim().is_empty() {
                continue;
            }
            files.push(FilePlan { path, ownership: file.ownership.clone(), content });
        }
    }
    let mut firewall = Vec::new();
    for opening in &spec.firewall {
        let source = source(&opening.from, shared.lab)
            .ok_or_else(|| format!("no network `{}`, or it has no subnet", opening.from));
        let Some(source) = teller.of_stage(stage, opening.at, false, source)? else { continue };
        let by_tls = opening.tls.and_then(|_| of_node.by_tls(&opening.port));
        for port in [opening.port.clone()].into_iter().chain(by_tls.map(|port| port.to_string())) {
            let (protocol, source) = (opening.protocol.to_string(), source.clone());
            firewall.push(OpeningPlan { port, protocol, source });
        }
    }
    let mut identity = spec.identity.clone();
    for service in identity.iter_mut().flat_map(|identity| &mut identity.services) {
        let url = templates.text(&name, &service.url, &base);
        if let Some(url) = teller.of_text(stage, service.at, url)? {
            service.public = of_node.url_by_tls(&url);
            service.url = url;
        }
    }
    let scripts =
        stage.scripts.iter().map(|(name, text)| (name.clone(), text.text.clone())).collect();
    let ini = spec.ini.iter().map(|(path, ownership)| (path.clone(), ownership.clone())).collect();
    let plan = StagePlan {
        name: stage.name.clone(),
        summary: spec.summary.clone(),
        early: false,
        requires: spec.requires.clone(),
        time_limit: spec.time_limit,
        needs: needed(&spec.needs, node, shared),
        packages: spec.packages.clone(),
        files,
        services: spec.services.clone(),
        firewall,
        databases: spec.databases.clone(),
        identity,
        secrets: spec.secrets.clone(),
        facts: Vec::new(),
        scripts,
        parameters: parameters.into_iter().collect(),
    };
    Ok(Planned { plan, phase: Phase::Usual, settings, ini })
}

/// Its options of INI files. One that says nothing of this node alone is rendered and checked once for all nodes whose settings say
/// the same; one with which something is wrong is told for each.
fn settings(
    stage: &Stage,
    node: &Node,
    context: (&Context, &Named),
    templates: &mut StageTemplates,
    teller: &mut Teller,
) -> Result<Vec<Rc<Setting>>> {
    let (context, named) = context;
    let mut settings = Vec::with_capacity(stage.spec.settings.len());
    for option in &stage.spec.settings {
        if let Some(known) = templates.known(option, context) {
            settings.push(known);
            continue;
        }
        let before = teller.findings.times();
        let setting = setting(stage, option, node, (context, named), templates, teller)?;
        let Some(setting) = setting.map(Rc::new) else { continue };
        if teller.findings.times() == before {
            templates.keep(option, context, &setting);
        }
        settings.push(setting);
    }
    Ok(settings)
}

/// One of them, or nothing where it cannot be.
fn setting(
    stage: &Stage,
    option: &IniOption,
    node: &Node,
    (context, named): (&Context, &Named),
    templates: &StageTemplates,
    teller: &mut Teller,
) -> Result<Option<Setting>> {
    let name = format!("{}/stage.yaml", stage.name);
    let (at, is_fixed) = (option.name.span, !option.value.value.contains('{'));
    let value = templates.text(&name, &option.value.value, context);
    let Some(value) = teller.of_text(stage, at, value)? else { return Ok(None) };
    let IniOption { file, section, name: option_name, .. } = option;
    let (file, section, key) = (&file.value, &section.value, &option_name.value);
    let checked = ini::check_marked(file, section, key, &value)
        .map_err(|allowed| format!("`[{section}] {key}` in `{file}` cannot be written: {allowed}"));
    let secrets = templates.check_secrets(&name, &value, &stage.spec.secrets);
    if teller.of_stage(stage, at, is_fixed, checked)?.is_none()
        || teller.of_text(stage, at, secrets)?.is_none()
    {
        return Ok(None);
    }
    let known = (teller.is_whole || is_fixed).then_some(value.as_str());
    options::check_of_stage((stage, option), known, node, named, teller)?;
    let (file, section, option) = (file.clone(), section.clone(), key.clone());
    Ok(Some(Setting { file, section, option, value }))
}

/// The lab's value of each parameter, or its default: where that is a template, a whole number that follows from the node.
fn parameters(
    stage: &Stage,
    node: &Node,
    of_node: &OfNode,
    templates: &StageTemplates,
) -> Result<IndexMap<String, String>> {
    let unset = IndexMap::new();
    let context = of_node.context(&unset, None);
    let mut values = IndexMap::new();
    for (name, parameter) in &stage.spec.parameters {
        let mut set = node.settings.parameters.iter();
        let set = set.find(|p| p.stage.value == stage.name && p.name.value == *name);
        let value = match set {
            Some(set) => set.value.clone(),
            None if parameter.is_template() => {
                let file = format!("{}/stage.yaml", stage.name);
                let value = templates.text(&file, &parameter.default, &context)?;
                ensure!(
                    is_number(&value),
                    "{file}: the default of `{name}` is `{value}`, no whole number"
                );
                value
            }
            None => parameter.default.clone(),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Whether a text is a whole number, as parameters have them.
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok() && !text.starts_with('+')
}

fn needed(needs: &[Need], node: &Node, shared: &Shared) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    // Nobody can ask a UDP port whether it answers.
    for need in needs.iter().filter(|need| need.protocol == Protocol::Tcp) {
        // Nobody waits for himself: the port would open after the stage that waits for it.
        let of_role = shared.of_role.get(need.role.as_str()).into_iter().flatten();
        let others = of_role.map(|&n| (&shared.lab.nodes[n], &shared.of_nodes[n]));
        let others = others.filter(|(other, stages)| {
            other.name != node.name && (!need.optional || needs::provides(other, stages, need))
        });
        found.extend(others.map(|(other, _)| (other.name.to_string(), need.port)));
    }
    found
}

/// Whom an opening is for: a network's subnet, or `any`.
pub(super) fn source(from: &str, lab: &Lab) -> Option<String> {
    if from == "any" {
        return Some("any".to_owned());
    }
    Some(lab.network(from)?.subnet?.to_string())
}
