//! Stages of the lab's own, in folders beside the lab file: read and checked like the built-in ones.

use std::collections::BTreeMap;

use anyhow::{Error, anyhow};

use super::{Catalogue, SECRETS, STAGE, Stage, Text, check, order};
use crate::report::{Findings, Rule, Span, place_of};
use crate::spec::{Folder, Spanned, TextFile, is_bounded};

/// Adds the stages of these folders to the catalogue. What is wrong with them goes to `findings`, and then the catalogue
/// stays as it was.
pub fn add_own(catalogue: &mut Catalogue, folders: &[Spanned<Folder>], findings: &mut Findings) {
    let errors = findings.errors();
    let mut stages: BTreeMap<String, Stage> =
        catalogue.stages.iter().map(|s| (s.name.clone(), s.clone())).collect();
    let mut secrets = catalogue.secrets.clone();
    let mut own = Own { findings, stages: &mut stages };
    for folder in folders {
        if let Some(file) = folder.value.files.get(SECRETS)
            && let Some(more) = own.read::<indexmap::IndexMap<String, String>>(file)
        {
            for name in more.keys() {
                if let Err(wrong) = check::secret_name(name) {
                    own.tell(line_with(file, name), wrong.to_string());
                }
            }
            secrets.extend(more);
        }
        own.add(folder);
    }
    for stage in stages.values().filter(|s| s.file.is_some()) {
        let unknown = stage.spec.after.iter().find(|name| !stages.contains_key(*name));
        let wrong = match unknown {
            Some(name) => Some(anyhow!("it comes after `{name}`, which does not exist")),
            None => check::check(stage, &secrets).err(),
        };
        if let Some((wrong, file)) = wrong.zip(stage.file) {
            tell_unusable(stage, file, &wrong, findings);
        }
    }
    if findings.errors() > errors {
        return;
    }
    match order::order(stages) {
        Ok(stages) => *catalogue = Catalogue { stages, secrets },
        Err(wrong) => {
            let at = folders.first().map_or(Span::default(), |f| f.span);
            findings.tell(Rule::OwnStage, "own_stages", at, format!("{wrong:#}"), HELP);
        }
    }
}

/// Tells what is wrong with a stage of the lab's own, whose `stage.yaml` is the source file of that number.
pub fn tell_unusable(stage: &Stage, file: usize, wrong: &Error, findings: &mut Findings) {
    let message = format!("the stage `{}` cannot be used: {wrong:#}", stage.name);
    findings.tell(Rule::OwnStage, "own_stages", top(file), message, HELP);
}

const HELP: &str = "CONTRIBUTING.md says how a stage is made";

/// On a node, the file beside the stages' folders.
const ORDER: &str = "order";

/// What the names of the stages begin with that are made of `hooks`.
const HOOK: &str = "hook-";

struct Own<'a> {
    findings: &'a mut Findings,
    stages: &'a mut BTreeMap<String, Stage>,
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
            } else if let Some(spec) = self.read(file) {
                self.stages.insert(name.to_owned(), Stage::new(name, spec, Some(file.file)));
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

    fn tell(&mut self, at: Span, message: String) {
        self.findings.tell(Rule::OwnStage, "own_stages", at, message, HELP);
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self, file: &TextFile) -> Option<T> {
        if !is_bounded(&file.text) {
            let message = format!("`{}` is too large or too deeply nested", file.name);
            self.findings.tell(Rule::OwnStage, "own_stages", top(file.file), message, HELP);
            return None;
        }
        let error = match serde_yaml::from_str(&file.text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let at = error.location().map_or(top(file.file), |at| {
            let (line, column) = place_of(&file.text, at.index());
            Span { file: file.file, line, column, length: 1 }
        });
        let message = format!("`{}` cannot be read: {error}", file.name);
        self.tell(at, message);
        None
    }
}

/// The first line with this key, or the first of all.
fn line_with(file: &TextFile, word: &str) -> Span {
    let line = file.text.lines().position(|line| {
        line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(':'))
    });
    let length = line.map_or(1, |_| word.chars().count());
    Span { line: line.map_or(1, |n| n + 1), length, ..top(file.file) }
}

/// The first line of a file.
fn top(file: usize) -> Span {
    Span { file, line: 1, column: 1, length: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a folder with this `greeter/stage.yaml`: line, column and message.
    fn told(stage: &str) -> Vec<(usize, usize, String)> {
        let file = |name: &str, text: &str| {
            let text = text.into();
            (name.to_owned(), TextFile { name: name.to_owned(), file: 1, text })
        };
        let files = [file("greeter/stage.yaml", stage), file("greeter/verify.sh", "true\n")].into();
        let folder = Folder { name: "mine".into(), files };
        let folder = Spanned { span: Span::default(), path: "own_stages".into(), value: folder };
        let mut findings = Findings::default();
        add_own(&mut Catalogue::built_in().expect("stages"), &[folder], &mut findings);
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
            assert!(told[0].2.starts_with("`greeter/stage.yaml` cannot be read: "), "{told:?}");
        }
        let grows =
            format!("summary: &a {}\nafter: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(70));
        assert_eq!(told(&grows)[0].2, "`greeter/stage.yaml` is too large or too deeply nested");
    }
}
