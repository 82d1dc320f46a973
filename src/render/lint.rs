//! Reads a rendered kickstart back, as the installer will, and tells what it would stumble over.

use super::RenderError;
use crate::plan::NodePlan;
use crate::secrets::{Missing, Secrets};

/// The commands of RHEL 7's kickstart that ours use; pykickstart judges the whole grammar in the tests.
const COMMANDS: [&str; 22] = [
    "auth",
    "bootloader",
    "cdrom",
    "clearpart",
    "cmdline",
    "eula",
    "firewall",
    "firstboot",
    "ignoredisk",
    "keyboard",
    "lang",
    "network",
    "part",
    "reboot",
    "reqpart",
    "rootpw",
    "selinux",
    "skipx",
    "timezone",
    "url",
    "user",
    "zerombr",
];

/// Sections that hold a script, and `%packages` and `%addon`.
const SECTIONS: [&str; 5] = ["%addon", "%onerror", "%packages", "%post", "%pre"];

pub(super) fn kickstart(text: &str, node: &NodePlan, secrets: &Secrets) -> Result<(), RenderError> {
    let mut findings = Vec::new();
    let mut section: Option<(&str, usize)> = None;
    let mut among_secrets = false;
    let names = node.all_secrets();
    let traces = names.iter().map(|name| Ok((name, secrets.traces(name)?)));
    let traces: Vec<_> = traces.collect::<Result<_, Missing>>()?;
    for (number, line) in (1..).zip(text.lines()) {
        let first = line.split_whitespace().next().unwrap_or("");
        among_secrets = (among_secrets || line == "# trainyard: secrets begin")
            && line != "# trainyard: secrets end";
        for (name, traces) in &traces {
            if !among_secrets && traces.iter().any(|trace| line.contains(trace)) {
                findings
                    .push(format!("  line {number}: the secret {name} stands outside its section"));
            }
        }
        match section {
            Some((name, start)) if first == "%end" => {
                section = None;
                if among_secrets {
                    findings.push(format!(
                        "  line {number}: {name} of line {start} ends among the secrets"
                    ));
                }
            }
            Some((name, start)) if line.trim_start().starts_with('%') => {
                findings.push(format!("  line {number}: `{first}` inside {name} of line {start}"));
            }
            Some(_) => {}
            None if SECTIONS.contains(&first) => section = Some((first, number)),
            None if first.is_empty() || first.starts_with('#') || COMMANDS.contains(&first) => {}
            None => {
                findings
                    .push(format!("  line {number}: `{first}` is no command that is used here"));
            }
        }
    }
    if let Some((name, start)) = section {
        findings.push(format!("  line {start}: {name} has no %end"));
    }
    for needed in
        ["lang ", "keyboard ", "timezone ", "rootpw ", "network ", "bootloader ", "part / "]
    {
        if !text.lines().any(|line| line.starts_with(needed)) {
            findings.push(format!(
                "  the command `{}` is missing, and the installer would ask",
                needed.trim_end()
            ));
        }
    }
    if findings.is_empty() {
        Ok(())
    } else {
        let mut own = node.templates.iter().filter(|(path, _)| path.starts_with("kickstart/"));
        let file = own.next().map(|(_, template)| template.file);
        Err(RenderError::Lint { node: node.name.clone(), file, findings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Findings, Source};
    use crate::secrets::{Sources, Wanted, load};
    use crate::stack::Catalogue;
    use crate::{model, plan, render, spec};

    fn findings(text: &str, node: &NodePlan, secrets: &Secrets) -> Vec<String> {
        match kickstart(text, node, secrets) {
            Err(RenderError::Lint { findings, .. }) => findings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_outside_its_section_is_found_however_it_is_broken_into_lines() {
        let text = include_str!("../../examples/smallest.yaml").to_owned();
        let mut found = Findings::default();
        let source = Source { name: "lab.yaml".into(), path: "lab.yaml".into(), text: text.into() };
        let (sources, spec) = spec::parse(source, &mut found);
        let lab = model::resolve(&spec.expect("a lab"), &sources, &mut found);
        let catalogue = Catalogue::built_in().expect("stages");
        let plan = plan::make(&lab, &catalogue, &mut found).expect("no error").expect("a plan");
        let node = &plan.nodes[0];

        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources::new(folder.path().join("secrets.yaml"));
        let mut file = tempfile::NamedTempFile::new_in(folder.path()).expect("a file");
        let fixture = include_bytes!("../../tests/fixtures/secrets.yaml");
        std::io::Write::write_all(&mut file, fixture).expect("written");
        file.persist(&sources.file).expect("kept");
        let secrets = load(&sources, &Wanted::new([], &[], None)).expect("secrets");

        let good = render::Renderer::new(&plan, &secrets).render(node).expect("rendered").kickstart;
        assert!(kickstart(&good, node, &secrets).is_ok());
        let names = node.all_secrets();
        for width in [64, 70, 76, 4096] {
            let mut text = good.clone();
            for name in &names {
                let value = secrets.get(name).expect("there").reveal();
                let lines = value.as_bytes().chunks(width).map(String::from_utf8_lossy);
                text.extend(lines.map(|line| format!("# {line}\n")));
            }
            let found = findings(&text, node, &secrets).join("\n");
            for name in &names {
                assert!(found.contains(&format!("the secret {name} stands outside")), "{found}");
                let value = secrets.get(name).expect("there").reveal();
                assert!(!found.contains(value), "{found}");
            }
        }
    }
}
