//! Reads a rendered kickstart back, as the installer will, and tells what it would stumble over.

use memchr::memmem;
use serde_json::json;

use super::blame::{self, Blamed, Fault, LINE};
use super::commands::{SECTIONS, judge};
use super::{RenderError, Server, node, storage};
use crate::plan::NodePlan;
use crate::secrets::Secrets;
use crate::template::{built_in, quote};

/// What the installer would ask for, each as its line begins.
const NEEDED: [&str; 5] = ["lang ", "keyboard ", "timezone ", "rootpw ", "network "];

/// The lines that the installer takes for its own: those outside scripts, and in scripts those that begin
/// with `%`, or with a `z`, as the first command of the wipe guard does. In a kickstart of two thousand lines they are fifty.
pub(super) fn own_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let (mut start, mut inside) = (0, false);
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    for end in ends {
        let line = &text[start..end];
        start = (end + 1).min(text.len());
        let lead = line.bytes().find(|b| !b.is_ascii_whitespace());
        if !inside || matches!(lead, Some(b'%' | b'z')) {
            lines.push(line);
        }
        if lead == Some(b'%') {
            let word = line.split_whitespace().next().unwrap_or("");
            inside = word != "%end" && (inside || word != "%include");
        }
    }
    lines
}

/// What leaves the node weaker than it would be, and stops nothing.
///
/// # Errors
/// It is no kickstart that the installer takes, or does what nobody could answer for.
pub(super) fn kickstart(
    text: &str,
    node: &NodePlan,
    secrets: &Secrets,
    server: Option<&Server>,
) -> Result<Vec<Blamed>, RenderError> {
    let mut faults = Vec::new();
    let mut section: Option<&str> = None;
    let mut needed = NEEDED.to_vec();
    let lines = own_lines(text);
    // The one other place that packages may come from than the medium itself: the medium's files, one by one.
    let own_url = server.and_then(|server| server.tree.as_ref());
    let own_url = own_url.map(|tree| format!("url --url={}", quote::shell(tree)));
    for line in &lines {
        let first = line.split_whitespace().next().unwrap_or("");
        match section {
            Some(_) if first == "%end" => section = None,
            // What follows is told of the section, which is not closed.
            Some(begin) if SECTIONS.contains(&first) => {
                faults.push(no_end(begin, &format!(" before `{first}`")));
                section = Some(line);
            }
            Some(_) if first.starts_with('%') => {
                faults.push(Fault::of_line(line, format!("{LINE} stands inside a section")));
            }
            Some(_) => {}
            None if own_url.as_deref() == Some(*line) => {}
            None if SECTIONS.contains(&first) => section = Some(line),
            // `storage` tells what those of its own would do.
            None => faults.extend(judge(line)),
        }
        needed.retain(|command| !line.starts_with(command));
    }
    faults.extend(exposed(text, node, secrets)?);
    faults.extend(section.map(|begin| no_end(begin, "")));
    faults.extend(storage::lint(&lines));
    for command in needed {
        let what =
            format!("the command `{}` is missing, and the installer would ask", command.trim_end());
        faults.push(Fault::missing(&format!("\n{command}"), what));
    }
    faults.extend(lost(text, &lines, node));
    let is_good = faults.iter().all(Fault::is_weak);
    let findings = blame::blame(node, faults, secrets)?;
    if is_good {
        return Ok(findings);
    }
    Err(RenderError::Lint { node: node.name.clone(), findings })
}

/// What the lab adds under `kickstart`, where a template of its own leaves it out.
fn lost(text: &str, lines: &[&str], node: &NodePlan) -> Vec<Fault> {
    let own = &node.kickstart;
    let commands = own.commands.iter().filter(|command| !lines.contains(&command.as_str()));
    let commands =
        commands.map(|command| ("kickstart.commands", format!("the command `{command}`")));
    let hooks = own.post.iter().filter(|hook| !text.contains(&format!("\nhook {}\n", hook.name)));
    let hooks = hooks.map(|hook| ("kickstart.post", format!("the script `{}`", hook.name)));
    let told =
        |(key, what): (&str, String)| Fault::missing(key, format!("{what} of `{key}` is missing"));
    commands.chain(hooks).map(told).collect()
}

fn no_end(begin: &str, before: &str) -> Fault {
    Fault::of_line(begin, format!("{LINE} has no `%end`{before}"))
}

/// What marks the one part that holds secrets; the copy that a node keeps is made without it.
const SECRETS_BEGIN: &str = "\n# trainyard: secrets begin\n";
const SECRETS_END: &str = "\n# trainyard: secrets end\n";

/// Secrets outside the part that is theirs. One that is a word of the kickstart itself is too common, and soon guessed.
fn exposed(text: &str, node: &NodePlan, secrets: &Secrets) -> Result<Vec<Fault>, RenderError> {
    let find = |from: usize, what: &str| {
        Some(from + memmem::find(&text.as_bytes()[from..], what.as_bytes())?)
    };
    let begin = find(0, SECRETS_BEGIN);
    let end = begin.and_then(|at| find(at, SECRETS_END));
    let mut faults = Vec::new();
    let theirs = match (begin, end) {
        (Some(begin), Some(end)) if !text[begin..end].contains("\n%end") => begin..end,
        _ => {
            let what = "the secrets do not stand in one part of a script";
            faults.push(Fault::missing(SECRETS_BEGIN.trim(), what));
            0..0
        }
    };
    for name in node.all_secrets() {
        let traces = secrets.traces(&name)?;
        let places = traces.iter().flat_map(|trace| memmem::find_iter(text.as_bytes(), *trace));
        for at in places.filter(|at| !theirs.contains(at)) {
            if traces.iter().any(|trace| is_common(trace, node)) {
                let way_out = secrets.way_out(&name);
                return Err(RenderError::CommonSecret { name, way_out });
            }
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = text[line..].lines().next().unwrap_or("");
            let what = format!("the secret {name} stands outside its section");
            faults.push(Fault::of_line(line, what));
        }
    }
    Ok(faults)
}

/// Whether a text stands in what every such node has, without its being a secret there.
fn is_common(text: &str, node: &NodePlan) -> bool {
    let described =
        json!([node.installer, node.access, node.interfaces, node.storage, node.machine]);
    let described = described.to_string();
    let scripts = node.stages.iter().flat_map(|s| &s.scripts).map(|(_, script)| &**script);
    let files = node.stages.iter().flat_map(|s| &s.files).map(|file| &*file.content);
    let mut texts = scripts.chain(files).chain(built_in::kickstart().map(|(_, text)| text));
    described.contains(text)
        || node::RUNNER.iter().any(|(_, _, runner)| runner.contains(text))
        || texts.any(|known| known.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Findings, Source};
    use crate::secrets::{Sources, Wanted, load};
    use crate::stack::Catalogue;
    use crate::{model, plan, render, spec};

    fn findings(text: &str, node: &NodePlan, secrets: &Secrets) -> Vec<String> {
        match kickstart(text, node, secrets, None) {
            Err(RenderError::Lint { findings, .. }) => {
                findings.into_iter().map(|blamed| blamed.message).collect()
            }
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
        assert!(kickstart(&good, node, &secrets, None).is_ok());
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
