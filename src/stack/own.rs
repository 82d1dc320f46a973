//! Stages of the lab's own, in folders beside the lab file: read and checked like the built-in ones.

use std::collections::BTreeMap;

use super::check::{self, HELP, Known};
use super::{Catalogue, SECRETS, STAGE, Stage, Text, order};
use crate::report::{Findings, Rule, Span};
use crate::spec::{self, Folder, Spanned, StageFields};

/// What a lab has that its stages may name.
#[derive(Clone, Debug)]
pub struct Names<'l> {
    /// Its roles.
    pub roles: Vec<&'l str>,
    /// Its networks.
    pub networks: Vec<&'l str>,
}

/// Adds the stages of these folders to the catalogue. What is wrong with a stage goes to
/// `findings`; the stage is then in the catalogue as one that is not whole.
pub fn add_own(
    catalogue: &mut Catalogue,
    folders: &[Spanned<Folder>],
    lab: &Names,
    findings: &mut Findings,
) {
    catalogue.is_partial = findings.has_told_within("own_stages");
    if folders.is_empty() {
        return;
    }
    let stages = std::mem::take(&mut catalogue.stages).into_iter();
    let mut own = Own {
        findings,
        stages: stages.map(|stage| (stage.name.clone(), stage)).collect(),
        written: Vec::new(),
    };
    for folder in folders {
        if let Some(file) = folder.value.files.get(SECRETS) {
            let secrets = spec::stage_secrets(&file.text, file.file, own.findings);
            for entry in secrets.unwrap_or_default().0 {
                if let Err(wrong) = check::secret_name(&entry.name.value) {
                    let (path, span) = (&entry.name.path, entry.name.span);
                    own.findings.tell(Rule::OwnStage, path, span, wrong, HELP);
                }
                catalogue.secrets.insert(entry.name.value, entry.value);
            }
        }
        own.add(folder);
    }
    let Own { findings, mut stages, written } = own;
    let names: Vec<String> = stages.keys().cloned().collect();
    let is_partial = catalogue.is_partial;
    let known = Known { stages: &names, is_partial, lab: Some(lab), secrets: &catalogue.secrets };
    for Written { name, file, fields, was_read } in &written {
        let Some(stage) = stages.get_mut(name) else { continue };
        let before = findings.times();
        if let Some(fields) = fields {
            check::check(stage, fields, *file, &known, findings);
        }
        stage.is_read = *was_read;
        stage.is_whole = *was_read && findings.times() == before;
    }
    let (mut stages, stuck) = order::order(stages);
    if stuck > 0 {
        let message = order::stuck(&stages, stuck);
        let first = stages.len() - stuck;
        let own = stages[first..].iter().find_map(|stage| stage.file);
        let at = written.iter().find(|w| Some(w.file) == own).and_then(|w| w.fields.as_ref());
        let at = at.and_then(|fields| fields.after.as_ref().or(fields.requires.as_ref()));
        let (path, at) = at.map_or(("", top(own.unwrap_or(0))), |after| (&*after.path, after.span));
        findings.tell(Rule::OwnStage, path, at, message, "leave one `after` or `requires` out");
        stages[first..].iter_mut().for_each(|stage| stage.is_whole = false);
    }
    catalogue.stages = stages;
}

/// Tells what is wrong with what a stage of the lab's own says there.
pub fn tell_unusable(at: Span, wrong: impl Into<String>, findings: &mut Findings) {
    findings.tell(Rule::OwnStage, "own_stages", at, wrong, HELP);
}

/// On a node, the file beside the stages' folders.
const ORDER: &str = "order";

/// What the names of the stages begin with that are made of `hooks`.
const HOOK: &str = "hook-";

/// The `stage.yaml` of a stage.
struct Written {
    name: String,
    /// Its number among the sources.
    file: usize,
    /// What could be read of it; nothing where that is no mapping.
    fields: Option<StageFields>,
    /// Whether that is everything.
    was_read: bool,
}

struct Own<'a> {
    findings: &'a mut Findings,
    stages: BTreeMap<String, Stage>,
    written: Vec<Written>,
}

impl Own<'_> {
    fn add(&mut self, folder: &Spanned<Folder>) {
        for (path, file) in &folder.value.files {
            let Some((name, STAGE)) = path.split_once('/') else { continue };
            if name == ORDER || name.starts_with(HOOK) || name.starts_with('-') {
                let message = format!("`{name}` cannot be a stage's name");
                let help = format!(
                    "give the folder another name; `{ORDER}` and those that begin with `{HOOK}` are trainyard's own, and none begins with `-`"
                );
                self.findings.tell(Rule::OwnStage, "own_stages", top(file.file), message, help);
            } else if self.stages.contains_key(name) {
                let message = format!("there is a stage `{name}` already");
                let help = "give it another name; a role's `stages` decides which one a node has";
                self.findings.tell(Rule::OwnStage, "own_stages", top(file.file), message, help);
            } else {
                let before = self.findings.times();
                let fields = spec::stage(&file.text, file.file, self.findings);
                let was_read = self.findings.times() == before;
                let known = fields.clone().unwrap_or_default();
                let stage = Stage::new(name, &known, Some(file.file));
                self.stages.insert(name.to_owned(), stage);
                let (name, file) = (name.to_owned(), file.file);
                self.written.push(Written { name, file, fields, was_read });
            }
        }
        for (path, file) in &folder.value.files {
            let Some((name, inside)) = path.split_once('/').filter(|(_, f)| *f != STAGE) else {
                continue;
            };
            let text = Text { text: file.text.clone(), file: Some(file.file) };
            match self.stages.get_mut(name).filter(|stage| stage.file.is_some()) {
                Some(stage) => stage.add(inside, text),
                None if !folder.value.files.contains_key(&format!("{name}/{STAGE}")) => {
                    let message = format!("`{name}` has no stage.yaml");
                    self.findings.tell(Rule::OwnStage, &folder.path, folder.span, message, HELP);
                }
                None => {}
            }
        }
    }
}

/// The first line of a file.
fn top(file: usize) -> Span {
    Span { file, line: 1, column: 1, length: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::TextFile;

    /// What is told of a folder with this `greeter/stage.yaml`: line, column and message.
    fn told(stage: &str) -> Vec<(usize, usize, String)> {
        let file = |name: &str, text: &str| {
            let text = text.into();
            (name.to_owned(), TextFile { name: name.to_owned(), file: 1, text })
        };
        let files = [file("greeter/stage.yaml", stage), file("greeter/verify.sh", "true\n")].into();
        let folder = Folder { name: "mine".into(), files };
        let folder = Spanned { span: Span::default(), path: "own_stages".into(), value: folder };
        let lab = Names { roles: Vec::new(), networks: Vec::new() };
        let mut findings = Findings::default();
        add_own(&mut Catalogue::built_in().expect("stages"), &[folder], &lab, &mut findings);
        let place = |span: Option<Span>| span.map_or((0, 0), |s| (s.line, s.column));
        let all = findings.sorted().into_iter();
        all.map(|f| (place(f.span).0, place(f.span).1, f.message)).collect()
    }

    #[test]
    fn a_mistake_is_told_where_it_stands() {
        assert_eq!(told("summary: x\n"), []);
        // At the end; and where the parser of stages counts other lines than findings do.
        for (text, place) in [("after: [x\n", (2, 1)), ("#\u{2028}\u{85}\nafter: [x}\n", (2, 10))] {
            let told = told(text);
            assert_eq!((told[0].0, told[0].1), place, "{told:?}");
            assert!(told[0].2.starts_with("this is not YAML: "), "{told:?}");
        }
        let grows =
            format!("summary: &a {}\nafter: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(70));
        assert_eq!(told(&grows)[0].2, "this file is too large or too deeply nested");
    }
}
