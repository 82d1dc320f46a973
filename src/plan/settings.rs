//! INI files to which several stages, and the lab itself, contribute.

use std::collections::{BTreeMap, HashSet};

use indexmap::{IndexMap, IndexSet};

use super::stages::{Planned, Setting, is_number};
use super::told::Teller;
use super::{FilePlan, StagePlan, options};
use crate::ini;
use crate::model::train::Named;
use crate::model::{IniOption, Lab, Node, Origin, ParameterValue, Settled};
use crate::report::{Findings, Rule, Span, did_you_mean};
use crate::stack::{Catalogue, Ownership, Stage};
use crate::template::quote::is_plain_word;

/// A file as it grows: section, option, value and who said so.
type Sections<'a> = IndexMap<&'a str, IndexMap<&'a str, (&'a str, &'a str)>>;

/// Merges the settings of a node's stages into whole files. A file belongs to the first stage that
/// contributes to it: stages are ordered, and the first is the one that installs its package.
/// Stages that disagree are an error in the catalogue or in what the lab combines; the lab's own value always wins.
pub(super) fn merge(
    planned: Vec<Planned>,
    node: &Node,
    of_node: &[&Stage],
    teller: &mut Teller,
) -> Vec<StagePlan> {
    let findings = &mut *teller.findings;
    let mut files: IndexMap<&str, (usize, Sections)> = IndexMap::new();
    let mut owners: BTreeMap<&str, &Ownership> = BTreeMap::new();
    for (i, stage) in planned.iter().enumerate() {
        for setting in &stage.settings {
            let Setting { file, section, option, value } = &**setting;
            let (_, sections) = files.entry(file).or_insert_with(|| (i, Sections::new()));
            let options = sections.entry(section).or_default();
            match options.get(option.as_str()) {
                Some((other, by)) if other != value => {
                    let (path, span) = place(node, of_node, [&stage.plan.name, by]);
                    let message = format!(
                        "stages `{by}` and `{}` disagree on `[{section}] {option}` in `{file}`: `{other}`, `{value}`",
                        stage.plan.name
                    );
                    let help = format!(
                        "decide it in the lab: `settings: {{{file}: {{{section}: {{{option}: …}}}}}}`"
                    );
                    if !overridden(node, file, section, option) {
                        findings.tell(Rule::StagesDisagree, &path, span, message, help);
                    }
                }
                Some(_) => {}
                None => drop(options.insert(option, (value, &stage.plan.name))),
            }
        }
        for (file, ownership) in &stage.ini {
            owners.entry(file).or_insert(ownership);
        }
    }
    for option in &node.settings.options {
        // A node without the file has no use for the option; `check` tells when no stage writes it.
        if let Some((_, sections)) = files.get_mut(option.file.value.as_str()) {
            let section = sections.entry(&option.section.value).or_default();
            section.insert(&option.name.value, (&option.value.value, "the lab"));
        }
    }
    let mut written = Vec::new();
    for (path, (first, sections)) in files {
        let plain = sections.into_iter().map(|(section, options)| {
            (section, options.into_iter().map(|(option, (value, _))| (option, value)))
        });
        let content = ini::write(plain).into();
        let ownership = owners.remove(path).cloned().unwrap_or_default();
        written.push((first, FilePlan { path: path.to_owned(), ownership, content }));
    }
    let mut stages: Vec<StagePlan> = planned.into_iter().map(|p| p.plan).collect();
    for (first, file) in written {
        stages[first].files.push(file);
    }
    check_files(node, of_node, &stages, teller);
    stages
}

/// Where a stage that clashes with another is said for a node: by its role, or by its own `stage.yaml`.
fn place(node: &Node, of_node: &[&Stage], names: [&str; 2]) -> (String, Span) {
    let in_role =
        |name: &&str| node.stages.iter().flat_map(|s| s.iter()).find(|s| s.value == **name);
    if let Some(said) = names.iter().find_map(in_role) {
        return (said.path.to_string(), said.span);
    }
    let own = |name: &&str| of_node.iter().find(|stage| stage.name == **name)?.file;
    let own = names.iter().find_map(own);
    let span = own.map_or(Span::default(), |file| Span { file, line: 1, column: 1, length: 1 });
    (format!("nodes.{}", node.name), span)
}

/// No file of a stage is another's, or lies where another needs a folder.
fn check_files(node: &Node, of_node: &[&Stage], stages: &[StagePlan], teller: &mut Teller) {
    let Teller { findings, is_whole, .. } = teller;
    let mut tell = |stage: &str, other: &str, message: String| {
        // What stands in for names may be alike; and of the lab's own files that was told at their place.
        if stage == other && (!*is_whole || stage == "site") {
            return;
        }
        let (path, span) = place(node, of_node, [stage, other]);
        let help = "change the path in one of them, or leave one of the stages out";
        findings.tell(Rule::FileOfTwoStages, &path, span, message, help);
    };
    let mut writers: BTreeMap<&str, &str> = BTreeMap::new();
    let files = || stages.iter().flat_map(|s| s.files.iter().map(|f| (&*f.path, &*s.name)));
    // `custom::check_stages` tells those of the lab's own files, at their place.
    let own = node.settings.custom.files.iter().map(|file| file.path.value.as_str());
    let own: HashSet<&str> = own.collect();
    for (path, stage) in files() {
        match writers.insert(path, stage) {
            Some(other) if other == stage => {
                tell(stage, other, format!("`{path}` is written twice by the stage `{stage}`"));
            }
            Some(other) if !own.contains(path) => {
                let message = format!("`{path}` is written by the stages `{other}` and `{stage}`");
                tell(stage, other, message);
            }
            _ => {}
        }
    }
    for (path, stage) in files() {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let others = folders.filter_map(|folder| writers.get_key_value(folder));
        for (folder, other) in others.filter(|(folder, _)| !own.contains(*folder)) {
            if own.contains(path) {
                continue;
            }
            tell(
                stage,
                other,
                format!(
                    "`{folder}` is a file of the stage `{other}`, and a folder for `{path}` of the stage `{stage}`"
                ),
            );
        }
    }
}

fn overridden(node: &Node, file: &str, section: &str, option: &str) -> bool {
    let mut options = node.settings.options.iter();
    options.any(|o| o.file.value == file && o.section.value == section && o.name.value == option)
}

/// Checks the lab's parameters and options by themselves.
pub(super) fn check(lab: &Lab, catalogue: &Catalogue, named: &Named, findings: &mut Findings) {
    // What several nodes inherit is checked once.
    let (mut parameters, mut options) = (HashSet::new(), HashSet::new());
    for settings in &lab.settings {
        let new = |p: &&ParameterValue| parameters.insert((p.stage.span, p.name.span));
        check_parameters(settings.parameters.iter().filter(new), catalogue, findings);
        let new = |o: &&IniOption| options.insert((o.file.span, o.section.span, o.name.span));
        check_options(settings.options.iter().filter(new), catalogue, named, findings);
    }
}

fn check_parameters<'l>(
    set: impl Iterator<Item = &'l ParameterValue>,
    catalogue: &Catalogue,
    findings: &mut Findings,
) {
    for ParameterValue { stage, name, value, .. } in set {
        if findings.is_full() {
            return;
        }
        // A mark of a secret was told where it stands.
        if findings.has_told_of(Rule::SecretMark, &name.path) {
            continue;
        }
        let stages = catalogue.stages.iter();
        let Some(known) = stages.clone().find(|s| s.name == stage.value) else {
            if catalogue.is_partial {
                continue;
            }
            let with_some = stages.filter(|s| !s.spec.parameters.is_empty());
            let help = did_you_mean(&stage.value, with_some.map(|s| s.name.as_str()));
            let message = format!("unknown stage `{}`", stage.value);
            findings.tell(Rule::UnknownStage, &stage.path, stage.span, message, help);
            continue;
        };
        let parameter = known.spec.parameters.get(&name.value);
        if parameter.is_none() && known.is_read {
            let help = did_you_mean(&name.value, known.spec.parameters.keys().map(String::as_str));
            let message = format!("unknown parameter `{}`", name.value);
            findings.tell(Rule::UnknownParameter, &name.path, name.span, message, help);
        }
        let counts = parameter.is_some_and(|p| p.is_template() || is_number(&p.default));
        let (message, help) = if !is_plain_word(value) || value.contains("@SECRET_") {
            let message = format!("`{value}` cannot be used here");
            (message, "letters, digits and `._:/@+,=-`, and no mark of a secret".to_owned())
        } else if counts && !is_number(value) {
            let message = format!("`{value}` is not a whole number");
            let default = parameter.filter(|p| !p.is_template()).map(|p| &*p.default);
            (
                message,
                match default {
                    Some(default) => {
                        format!("a number such as {default}, which is what is built in")
                    }
                    None => "a number such as 2; without one it follows from the node".to_owned(),
                },
            )
        } else {
            continue;
        };
        findings.tell(Rule::Value, &name.path, name.span, message, help);
    }
}

fn check_options<'l>(
    set: impl Iterator<Item = &'l IniOption>,
    catalogue: &Catalogue,
    named: &Named,
    findings: &mut Findings,
) {
    let written = catalogue.stages.iter().flat_map(|s| &s.spec.settings);
    let known: IndexSet<&str> = written.map(|option| option.file.value.as_str()).collect();
    let all_read = catalogue.is_read();
    for option in set {
        let IniOption { file, section, name, value } = option;
        if findings.is_full() {
            return;
        }
        match ini::check(&file.value, &section.value, &name.value, &value.value) {
            Err(_) if findings.has_told_of(Rule::SecretMark, &name.path) => {}
            Err(allowed) => {
                let message = "this option cannot be written";
                findings.tell(Rule::Option, &name.path, name.span, message, allowed);
            }
            Ok(()) => options::check(option, named, findings),
        }
        // A stage that cannot be read may write it.
        if !known.contains(file.value.as_str()) && all_read {
            let message = format!("no stage writes `{}` from options", file.value);
            let help = did_you_mean(&file.value, known.iter().copied());
            findings.tell(Rule::UnknownSettingsFile, &file.path, file.span, message, help);
        }
    }
}

/// Every parameter of a node's stages, and where its value comes from.
pub(super) fn parameters(node: &Node, stages: &[StagePlan]) -> Vec<Settled> {
    let mut settled = Vec::new();
    for stage in stages {
        for (name, value) in &stage.parameters {
            let mut set = node.settings.parameters.iter();
            let set = set.find(|p| p.stage.value == stage.name && p.name.value == *name);
            let origin = set.map_or(Origin::BuiltIn, |p| p.origin.clone());
            let path = format!("parameters.{}.{name}", stage.name);
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
        plan_of(catalogue, "controller: {role: controller, address: 10.0.0.11}", lab)
    }

    fn plan_of(catalogue: &Catalogue, nodes: &str, lab: &str) -> Result<plan::Plan, Vec<String>> {
        let text = format!("nodes: {{{nodes}}}\n{lab}\n");
        let mut findings = Findings::default();
        let source = Source { name: "lab.yaml".into(), path: "lab.yaml".into(), text: text.into() };
        let (sources, spec) = spec::parse(source, &mut findings);
        let lab = model::resolve(&spec.expect("YAML"), &sources, &mut findings);
        let plan = plan::make(&lab, catalogue, &mut findings).expect("a good catalogue");
        plan.ok_or_else(|| findings.sorted().into_iter().map(|f| f.message).collect())
    }

    #[test]
    fn stages_contribute_to_one_file_and_the_first_owns_it() {
        let plan = plan(&catalogue("{neutron: {auth_type: password}}"), "").expect("a plan");
        let stages = &plan.nodes[0].stages;
        assert_eq!(
            &*stages[0].files[0].content,
            "[DEFAULT]\nmy_ip = 10.0.0.11\n\n[neutron]\nauth_type = password\n"
        );
        assert_eq!(stages[0].files[0].ownership.group, "nova");
        assert!(stages[1].files.is_empty());
    }

    /// What is rendered once for nodes that are alike is not given to those that are not.
    #[test]
    fn a_nodes_option_is_its_own() {
        let stage = "summary: x\nparameters: {kind: {default: plain, help: x}}\nsettings: {/etc/a: {b: {kind: '{{ parameters.kind }}', \
            zone: '{{ lab.timezone | line }}', lab: '{{ controller.name }}', ip: '{{ node.address }}', cpus: '{{ node.workers }}'}}}\n\
            ini: {/etc/a: {}}\n";
        let files = BTreeMap::from([
            ("s/stage.yaml".to_owned(), stage.to_owned()),
            ("s/verify.sh".to_owned(), "true\n".to_owned()),
        ]);
        let catalogue = Catalogue::from_files(&files).expect("a good catalogue");
        let nodes = "controller: {role: controller, address: 10.0.0.11}, \
            a: {role: compute, address: 10.0.0.12}, \
            b: {role: compute, address: 10.0.0.13, parameters: {s: {kind: other}}}, \
            c: {role: compute, address: 10.0.0.14, timezone: UTC, cpus: 4, memory: 16GiB}";
        let plan = plan_of(&catalogue, nodes, "timezone: Asia/Seoul").expect("a plan");
        let written = plan.nodes.iter().map(|node| &*node.stages[0].files[0].content);
        let file = |kind: &str, zone: &str, ip: u8, cpus: u8| {
            format!(
                "[b]\nkind = {kind}\nzone = {zone}\nlab = controller\nip = 10.0.0.{ip}\ncpus = {cpus}\n"
            )
        };
        let wanted = [
            file("plain", "Asia/Seoul", 11, 1),
            file("plain", "Asia/Seoul", 12, 1),
            file("other", "Asia/Seoul", 13, 1),
            file("plain", "UTC", 14, 4),
        ];
        assert_eq!(written.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn stages_that_disagree_are_told_and_the_lab_can_decide() {
        let catalogue = catalogue("{DEFAULT: {my_ip: 10.0.0.99}}");
        let told = plan(&catalogue, "").expect_err("disagreement");
        assert!(told[0].contains("`nova` and `neutron` disagree on `[DEFAULT] my_ip`"), "{told:?}");
        let lab = "settings: {/etc/nova/nova.conf: {DEFAULT: {my_ip: 10.0.0.12}}}";
        let plan = plan(&catalogue, lab).expect("decided");
        assert_eq!(&*plan.nodes[0].stages[0].files[0].content, "[DEFAULT]\nmy_ip = 10.0.0.12\n");
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
