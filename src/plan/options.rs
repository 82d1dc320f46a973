//! Options of OpenStack's own configuration files are held to what Train takes.

use anyhow::{Result, ensure};

use super::told::Teller;
use crate::model::train::{self, Fault, Named, Part};
use crate::model::{IniOption, Lab, Node};
use crate::report::{Findings, Severity};
use crate::spec::Spanned;
use crate::stack::{Catalogue, Stage};

/// The sections that the options of a lab and its stages name, on any of its nodes.
pub(super) fn named(lab: &Lab, catalogue: &Catalogue) -> Named {
    let mut named = Named::default();
    for settings in &lab.settings {
        for IniOption { file, name, value, .. } in &settings.options {
            named.read(&file.value, &name.value, &value.value, true);
        }
    }
    for IniOption { file, name, value, .. } in
        catalogue.stages.iter().flat_map(|s| &s.spec.settings)
    {
        named.read(&file.value, &name.value, &value.value, !value.value.contains('{'));
    }
    named
}

/// Tells what is wrong with an option of the lab's.
pub(super) fn check(option: &IniOption, named: &Named, findings: &mut Findings) {
    if let Some(fault) = fault(option, Some(&option.value.value), named) {
        let at = place(option, fault.part);
        findings.tell(fault.rule, &at.path, at.span, fault.message, fault.help);
    }
}

/// The same of a stage's option, for which a node has this value; where that is not known, nothing.
pub(super) fn check_of_stage(
    (stage, option): (&Stage, &IniOption),
    value: Option<&str>,
    node: &Node,
    named: &Named,
    teller: &mut Teller,
) -> Result<()> {
    if teller.findings.is_full() || teller.options.contains(&option.name.span) {
        return Ok(());
    }
    let Some(fault) = fault(option, value, named) else { return Ok(()) };
    let template = &option.value.value;
    let mut parameters = node.settings.parameters.iter().filter(|p| p.stage.value == stage.name);
    let parameter = parameters.find(|p| template.contains(&format!("parameters.{}", p.name.value)));
    let at = match parameter.filter(|_| fault.part == Part::Value) {
        Some(parameter) => &parameter.name,
        None if stage.file.is_some() => place(option, fault.part),
        None => {
            ensure!(fault.rule.severity() != Severity::Error, "{}: {}", fault.message, fault.help);
            return Ok(());
        }
    };
    teller.findings.tell(fault.rule, &at.path, at.span, fault.message, fault.help);
    if fault.part != Part::Value {
        teller.options.insert(option.name.span);
    }
    Ok(())
}

fn fault(option: &IniOption, value: Option<&str>, named: &Named) -> Option<Fault> {
    let IniOption { file, section, name, .. } = option;
    train::fault(&file.value, &section.value, &name.value, value, named)
}

fn place(option: &IniOption, part: Part) -> &Spanned<String> {
    match part {
        Part::Section => &option.section,
        Part::Name => &option.name,
        Part::Value => &option.value,
    }
}
