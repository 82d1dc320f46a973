//! One stage on one node: its templates rendered, its references resolved.

use anyhow::{Context as _, Error, Result, bail};
use indexmap::IndexMap;

use super::context::Shared;
use super::templates::StageTemplates;
use super::{FilePlan, InterfacePlan, OpeningPlan, StagePlan};
use crate::ini;
use crate::model::{Lab, Node};
use crate::stack::{Each, Identity, Need, Opening, Ownership, Stage, check_path};

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

/// A stage whose settings are not merged yet.
#[derive(Clone)]
pub(super) struct Planned {
    pub plan: StagePlan,
    /// When it runs.
    pub phase: Phase,
    /// File, section, option, value.
    pub settings: Vec<(String, String, String, String)>,
    /// Who owns the INI files that it says something about.
    pub ini: Vec<(String, Ownership)>,
}

pub(super) fn plan(
    stage: &Stage,
    node: &Node,
    interfaces: &[InterfacePlan],
    shared: &Shared,
    templates: &mut StageTemplates,
) -> Result<Planned> {
    let spec = &stage.spec;
    let parameters = parameters(stage, node);
    let base = shared.context(node, interfaces, &parameters, None);
    let name = format!("{}/stage.yaml", stage.name);
    let mut settings = Vec::new();
    for (file, sections) in &spec.settings {
        for (section, options) in sections {
            for (option, value) in options {
                let value = templates.text(&name, &value.0, &base)?;
                if let Err(allowed) = ini::check_marked(file, section, option, &value) {
                    bail!("`[{section}] {option}` in `{file}` cannot be written: {allowed}");
                }
                templates.check_secrets(&name, &value, &spec.secrets)?;
                settings.push((file.clone(), section.clone(), option.clone(), value));
            }
        }
    }
    let mut files = Vec::new();
    for file in &spec.files {
        let contexts = match file.each {
            None => vec![base.clone()],
            Some(Each::Interface) => interfaces
                .iter()
                .map(|i| shared.context(node, interfaces, &parameters, Some(i)))
                .collect(),
        };
        for context in contexts {
            let path = templates.text(&name, &file.path, &context)?;
            check_path(&path, stage.file.is_some()).map_err(Error::msg)?;
            let source = stage.source_name(&file.source);
            let content = templates.file(&source, node, &context)?;
            templates.check_secrets(&source, &content, &spec.secrets)?;
            if file.optional && content.trim().is_empty() {
                continue;
            }
            let ownership = Ownership {
                owner: file.owner.clone(),
                group: file.group.clone(),
                mode: file.mode.clone(),
            };
            files.push(FilePlan { path, ownership, content });
        }
    }
    let firewall = spec.firewall.iter().map(|o| opening(o, shared)).collect::<Result<_>>()?;
    let identity = spec.identity.as_ref();
    let identity =
        identity.map(|i| self::identity(i, |url| Ok(templates.text(&name, url, &base)?)));
    let identity = identity.transpose()?;
    let scripts =
        stage.scripts.iter().map(|(name, text)| (name.clone(), text.text.clone())).collect();
    let ini = spec.ini.iter().map(|(path, ownership)| (path.clone(), ownership.clone())).collect();
    let plan = StagePlan {
        name: stage.name.clone(),
        summary: spec.summary.clone(),
        early: false,
        time_limit: spec.time_limit,
        needs: needs(&spec.needs, node, shared),
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

/// The lab's value of each parameter, or its default.
fn parameters(stage: &Stage, node: &Node) -> IndexMap<String, String> {
    let value = |name: &String, default: &str| {
        let mut set = node.settings.parameters.iter();
        let set = set.find(|p| p.stage.value == stage.name && p.name.value == *name);
        set.map_or_else(|| default.to_owned(), |p| p.value.clone())
    };
    stage
        .spec
        .parameters
        .iter()
        .map(|(name, p)| (name.clone(), value(name, &p.default.0)))
        .collect()
}

fn needs(needs: &[Need], node: &Node, shared: &Shared) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    for need in needs {
        // Nobody waits for himself: the port would open after the stage that waits for it.
        let others = shared.lab.nodes.iter().filter(|n| n.role == need.role && n.name != node.name);
        found.extend(others.map(|other| (other.name.to_string(), need.port)));
    }
    found
}

fn opening(opening: &Opening, shared: &Shared) -> Result<OpeningPlan> {
    let source = source(&opening.from, shared.lab)
        .with_context(|| format!("no network `{}`, or it has no subnet", opening.from))?;
    Ok(OpeningPlan { port: opening.port.0.clone(), protocol: opening.protocol.clone(), source })
}

/// Whom an opening is for: a network's subnet, or `any`.
pub(super) fn source(from: &str, lab: &Lab) -> Option<String> {
    if from == "any" {
        return Some("any".to_owned());
    }
    Some(lab.network(from)?.subnet?.to_string())
}

fn identity(identity: &Identity, render: impl Fn(&str) -> Result<String>) -> Result<Identity> {
    let mut identity = identity.clone();
    for service in &mut identity.services {
        service.url = render(&service.url)?;
    }
    Ok(identity)
}
