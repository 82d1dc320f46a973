//! What several commands begin with: the lab file becomes a plan, and what is wrong with it is told.

use std::path::Path;

use anyhow::{Result, bail};

use crate::cli::ui::Ui;
use crate::exit::{self, Failure, LabErrors};
use crate::model::Lab;
use crate::plan::{self, NodePlan, Plan};
use crate::report::{Finding, Findings, Severity, Sources};
use crate::stack::Catalogue;
use crate::{model, spec, stack};

/// What a lab file amounts to.
pub(super) struct Loaded {
    pub sources: Sources,
    pub findings: Vec<Finding>,
    /// Nothing where there are errors.
    pub planned: Option<(Lab, Plan)>,
}

/// Reads a lab file as far as it can be read.
pub(super) fn load(path: &Path, strict: bool) -> Result<Loaded> {
    let mut findings = Findings::strict(strict);
    let (sources, spec) = spec::load(path, &mut findings)?;
    let mut planned = None;
    if let Some(spec) = spec {
        let lab = model::resolve(&spec, &sources, &mut findings);
        let mut catalogue = Catalogue::built_in()?;
        stack::add_own(&mut catalogue, &lab.own_stages, &mut findings);
        let plan = plan::make(&lab, &catalogue, &mut findings)?;
        planned = plan.map(|plan| (lab, plan));
    }
    Ok(Loaded { sources, findings: findings.sorted(), planned })
}

/// Reads a lab file that must be right; what is wrong is told on standard error.
pub(super) fn load_good(path: &Path, ui: &Ui) -> Result<(Lab, Plan)> {
    let loaded = load(path, ui.is_strict())?;
    for finding in &loaded.findings {
        let text = ui.finding(finding, &loaded.sources);
        if finding.severity == Severity::Error {
            anstream::eprintln!("{text}");
        } else {
            ui.note(text);
        }
    }
    loaded.planned.ok_or_else(|| LabErrors.into())
}

/// The nodes of those names, or all of them.
pub(super) fn chosen<'p>(plan: &'p Plan, names: &[String]) -> Result<Vec<&'p NodePlan>> {
    if names.is_empty() {
        return Ok(plan.nodes.iter().collect());
    }
    let mut nodes: Vec<&NodePlan> = Vec::new();
    for name in names {
        let Some(node) = plan.nodes.iter().find(|n| n.name == *name) else {
            let known = plan.nodes.iter().map(|n| n.name.as_str());
            let help = crate::report::did_you_mean(name, known);
            bail!(Failure::new(exit::USAGE, format!("the lab has no node `{name}`: {help}")));
        };
        if nodes.iter().all(|n| n.name != node.name) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}
