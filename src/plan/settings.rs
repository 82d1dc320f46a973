//! INI files to which several stages, and the lab itself, contribute.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::stages::Planned;
use super::{FilePlan, NodePlan, StagePlan};
use crate::ini;
use crate::model::{Lab, Node, Origin, Settled};
use crate::report::{Findings, Span, did_you_mean};
use crate::stack::{Catalogue, Ownership, Stage};
use crate::template::quote::is_plain_word;

/// A file as it grows: section, option, value and who said so.
type Sections = IndexMap<String, IndexMap<String, (String, String)>>;

/// Merges the settings of a node's stages into whole files. A file belongs to the first stage that
/// contributes to it: stages are ordered, and the first is the one that installs its package.
/// Stages that disagree are an error in the catalogue or in what the lab combines; the lab's own value always wins.
pub(super) fn merge(
    planned: Vec<Planned>,
    node: &Node,
    lab: &Lab,
    findings: &mut Findings,
) -> Vec<StagePlan> {
    let mut files: IndexMap<String, (usize, Sections)> = IndexMap::new();
    let mut owners: BTreeMap<String, Ownership> = BTreeMap::new();
    for (i, stage) in planned.iter().enumerate() {
        for (file, section, option, value) in &stage.settings {
            let (_, sections) = files.entry(file.clone()).or_insert_with(|| (i, Sections::new()));
            let options = sections.entry(section.clone()).or_default();
            let said = (value.clone(), stage.plan.name.clone());
            match options.get(option) {
                Some((other, by)) if other != value => {
                    let path = format!("nodes.{}", node.name);
                    let message = format!(
                        "stages `{by}` and `{}` disagree on `[{section}] {option}` in `{file}`: `{other}`, `{value}`",
                        stage.plan.name
                    );
                    let help = format!(
                        "decide it in the lab: `settings: {{{file}: {{{section}: {{{option}: …}}}}}}`"
                    );
                    if !overridden(lab, file, section, option) {
                        findings.error(&path, Span::default(), message, help);
                    }
                }
                Some(_) => {}
                None => drop(options.insert(option.clone(), said)),
            }
        }
        for (file, ownership) in &stage.ini {
            owners.entry(file.clone()).or_insert_with(|| ownership.clone());
        }
    }
    for (file, section, option, value) in &lab.settings {
        // A node without the file has no use for the option; `check_files` tells when no node has it.
        if let Some((_, sections)) = files.get_mut(&file.value) {
            let said = (value.value.clone(), "the lab".to_owned());
            sections.entry(section.clone()).or_default().insert(option.clone(), said);
        }
    }
    let mut stages: Vec<StagePlan> = planned.into_iter().map(|p| p.plan).collect();
    for (path, (first, sections)) in files {
        let plain = sections.into_iter().map(|(section, options)| {
            (section, options.into_iter().map(|(option, (value, _))| (option, value)).collect())
        });
        let content = ini::write(plain);
        let ownership = owners.remove(&path).unwrap_or_default();
        stages[first].files.push(FilePlan { path, ownership, content });
    }
    stages
}

fn overridden(lab: &Lab, file: &str, section: &str, option: &str) -> bool {
    lab.settings.iter().any(|(f, s, o, _)| f.value == file && s == section && o == option)
}

/// Checks the lab's parameters and settings by themselves.
pub(super) fn check(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) {
    for (stage, name, value) in &lab.parameters {
        let stages = catalogue.stages.iter();
        let Some(known) = stages.clone().find(|s| s.name == stage.value) else {
            let help = did_you_mean(&stage.value, stages.map(|s| s.name.as_str()));
            findings.error(
                &stage.path,
                stage.span,
                format!("unknown stage `{}`", stage.value),
                help,
            );
            continue;
        };
        if !known.spec.parameters.contains_key(&name.value) {
            let help = did_you_mean(&name.value, known.spec.parameters.keys().map(String::as_str));
            findings.error(
                &name.path,
                name.span,
                format!("unknown parameter `{}`", name.value),
                help,
            );
        }
        if !is_plain_word(&value.value) {
            let help = "letters, digits and `._:/@+,=-`";
            findings.error(
                &value.path,
                value.span,
                format!("`{}` cannot be used here", value.value),
                help,
            );
        }
    }
    for (_, section, option, value) in &lab.settings {
        if let Err(allowed) = ini::check(section, option, &value.value) {
            findings.error(&value.path, value.span, "this option cannot be written", allowed);
        }
    }
}

/// Checks that each file the lab sets options in is one that stages write as options.
pub(super) fn check_files(lab: &Lab, stages: &[Stage], findings: &mut Findings) {
    let known: Vec<&str> =
        stages.iter().flat_map(|s| s.spec.settings.keys()).map(String::as_str).collect();
    let mut told: Vec<&str> = Vec::new();
    for (file, ..) in &lab.settings {
        if !known.contains(&file.value.as_str()) && !told.contains(&file.value.as_str()) {
            told.push(&file.value);
            let message = format!("no stage writes `{}` from options", file.value);
            findings.error(
                &file.path,
                file.span,
                message,
                did_you_mean(&file.value, known.iter().copied()),
            );
        }
    }
}

/// Every stage parameter that some node uses, and where its value comes from.
pub(super) fn parameters(lab: &Lab, nodes: &[NodePlan]) -> Vec<Settled> {
    let mut settled: Vec<Settled> = Vec::new();
    for stage in nodes.iter().flat_map(|n| &n.stages) {
        for (name, value) in &stage.parameters {
            let path = format!("parameters.{}.{name}", stage.name);
            if settled.iter().any(|s| s.path == path) {
                continue;
            }
            let mut written = lab.parameters.iter();
            let written = written.find(|(s, n, _)| s.value == stage.name && n.value == *name);
            let origin =
                written.map_or(Origin::Default, |(_, n, _)| Origin::File { line: n.span.line });
            settled.push(Settled { path, value: value.clone(), origin });
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::report::{Findings, Source};
    use crate::stack::Catalogue;
    use crate::{model, plan, spec};

    /// Two stages that write to one file.
    fn catalogue(second: &str) -> Catalogue {
        let stage = |settings: &str, after: &str| {
            format!(
                "summary: x\nafter: [{after}]\nsettings: {{/etc/nova/nova.conf: {settings}}}\n\
                 ini: {{/etc/nova/nova.conf: {{group: nova, mode: '0640'}}}}\n"
            )
        };
        let files = BTreeMap::from([
            ("nova/stage.yaml".to_owned(), stage("{DEFAULT: {my_ip: '{{ node.address }}'}}", "")),
            ("nova/verify.sh".to_owned(), "true\n".to_owned()),
            ("neutron/stage.yaml".to_owned(), stage(second, "nova")),
            ("neutron/verify.sh".to_owned(), "true\n".to_owned()),
        ]);
        Catalogue::from_files(&files).expect("a good catalogue")
    }

    fn plan(catalogue: &Catalogue, lab: &str) -> Result<plan::Plan, Vec<String>> {
        let text =
            format!("nodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n{lab}\n");
        let mut findings = Findings::default();
        let spec = spec::parse(
            &Source { name: "lab.yaml".into(), text },
            std::path::Path::new("lab.yaml"),
            &mut findings,
        )
        .expect("YAML");
        let lab = model::resolve(&spec, &mut findings);
        let plan = plan::make(&lab, catalogue, &mut findings).expect("a good catalogue");
        plan.ok_or_else(|| findings.sorted().into_iter().map(|f| f.message).collect())
    }

    #[test]
    fn stages_contribute_to_one_file_and_the_first_owns_it() {
        let plan = plan(&catalogue("{neutron: {auth_type: password}}"), "").expect("a plan");
        let stages = &plan.nodes[0].stages;
        assert_eq!(
            stages[0].files[0].content,
            "[DEFAULT]\nmy_ip = 10.0.0.11\n\n[neutron]\nauth_type = password\n"
        );
        assert_eq!(stages[0].files[0].ownership.group, "nova");
        assert!(stages[1].files.is_empty());
    }

    #[test]
    fn stages_that_disagree_are_told_and_the_lab_can_decide() {
        let catalogue = catalogue("{DEFAULT: {my_ip: 10.0.0.99}}");
        let told = plan(&catalogue, "").expect_err("disagreement");
        assert!(told[0].contains("`nova` and `neutron` disagree on `[DEFAULT] my_ip`"), "{told:?}");
        let lab = "settings: {/etc/nova/nova.conf: {DEFAULT: {my_ip: 10.0.0.12}}}";
        let plan = plan(&catalogue, lab).expect("decided");
        assert_eq!(plan.nodes[0].stages[0].files[0].content, "[DEFAULT]\nmy_ip = 10.0.0.12\n");
    }

    #[test]
    fn what_no_stage_has_is_told() {
        let catalogue = catalogue("{neutron: {auth_type: password}}");
        let told = |lab: &str| plan(&catalogue, lab).expect_err("an error").join("; ");
        assert!(
            told("settings: {/etc/nova/nova.cnf: {DEFAULT: {a: b}}}").contains("no stage writes")
        );
        assert!(
            told("settings: {/etc/nova/nova.conf: {DEFAULT: {a: \"b\\nc\"}}}")
                .contains("cannot be written")
        );
        assert!(told("parameters: {nvoa: {a: b}}").contains("unknown stage `nvoa`"));
        assert!(told("parameters: {nova: {a: b}}").contains("unknown parameter `a`"));
    }
}
