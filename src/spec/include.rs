//! A lab may be split in several files: `include` names others, over which the naming file is said.

use std::path::{Path, PathBuf};

use crate::report::{Findings, Rule, Sources, Span};

use super::data::{self, DataFiles};
use super::disk::Files;
use super::files::add_text;
use super::merge::merge;
use super::private;
use super::shape::Shape;
use super::tree::{Node, Room, Value};
use super::yaml;

/// More files than this are a mistake.
const MOST_FILES: usize = 256;

/// The key that names other files.
pub const KEY: &str = "include";

/// Reads the file of that number and what it includes into one tree.
pub(super) fn read(
    file: usize,
    shape: &Shape,
    files: &dyn Files,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<Node> {
    let open = vec![files.canonical(&sources.file(file).path)];
    let data = DataFiles::default();
    Includes { shape, files, sources, findings, open, room: Room::FOR_FILES, data }.read(file)
}

struct Includes<'a> {
    shape: &'a Shape,
    files: &'a dyn Files,
    sources: &'a mut Sources,
    findings: &'a mut Findings,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    /// What is left for the values of all files.
    room: Room,
    /// The files of data that were read.
    data: DataFiles,
}

impl Includes<'_> {
    fn read(&mut self, file: usize) -> Option<Node> {
        let node = self.merged(file);
        // What it includes was read before.
        self.sources.says_over(file);
        node
    }

    fn merged(&mut self, file: usize) -> Option<Node> {
        let text = self.sources.file(file).text.clone();
        let mut root = yaml::parse_within(&text, file, &mut self.room, self.findings)?;
        self.read_data(&mut root);
        let Some(include) = root.get(KEY) else { return Some(root) };
        let named: Vec<(Span, String)> = match &include.value {
            Value::List(items) => items.iter().filter_map(|item| self.name(item)).collect(),
            Value::Null => Vec::new(),
            _ => self.name(include).into_iter().collect(),
        };
        let mut merged: Option<Node> = None;
        for (span, name) in named {
            if let Some(included) = self.include(span, &name) {
                merged = Some(match merged {
                    Some(before) => merge(&before, &included, Some(self.shape)),
                    None => included,
                });
            }
        }
        let own = Node {
            value: Value::Map(
                root.entries().iter().filter(|(key, _)| key.name != KEY).cloned().collect(),
            ),
            ..root
        };
        Some(match merged {
            Some(included) => merge(&included, &own, Some(self.shape)),
            None => own,
        })
    }

    /// Puts what is in the files of data in the place of their names.
    fn read_data(&mut self, root: &mut Node) {
        for node in data::places(root) {
            let Value::Scalar(name) = &node.value else { continue };
            let (name, span, path) = (name.clone(), node.span, node.path.clone());
            node.value = Value::Null;
            let (at, shown) = self.beside(span, &name);
            let findings = &mut *self.findings;
            match self.data.read(&at, &shown, self.files, self.sources, &mut self.room, findings) {
                Ok(read) => *node = read.unwrap_or(Node { path, ..node.clone() }),
                Err((rule, error)) => {
                    let message = format!("the file `{name}` cannot be read: {error}");
                    findings.tell(rule, &path, span, message, data::HELP);
                }
            }
        }
    }

    /// Where a file lies that is named here, and its name for people.
    fn beside(&self, span: Span, name: &str) -> (PathBuf, PathBuf) {
        let from = self.sources.get(span);
        let beside = |path: &Path| path.parent().unwrap_or(Path::new("")).join(name);
        (beside(&from.path), beside(Path::new(&*from.name)))
    }

    fn name(&mut self, node: &Node) -> Option<(Span, String)> {
        if let Value::Scalar(name) = &node.value {
            return Some((node.span, name.clone()));
        }
        let message = format!("expected a file's name, found {}", node.value.kind());
        self.findings.tell(
            Rule::Kind,
            &node.path,
            node.span,
            message,
            "for example `include: nodes.yaml`",
        );
        None
    }

    fn include(&mut self, span: Span, name: &str) -> Option<Node> {
        let (path, shown) = self.beside(span, name);
        let mut refuse = |rule, message: String, help: &str| {
            self.findings.tell(rule, KEY, span, message, help);
            None
        };
        if self.sources.count() > MOST_FILES {
            return refuse(
                Rule::IncludeFile,
                format!("`{name}` would be one file too many"),
                "a lab is read from at most 256 files",
            );
        }
        let canonical = self.files.canonical(&path);
        if self.open.contains(&canonical) {
            return refuse(
                Rule::IncludeCycle,
                format!("`{name}` includes itself"),
                "what it holds is there already: leave it out here",
            );
        }
        let mut read = || {
            private::refuse_name(&path, self.files)?;
            let text = self.files.read(&path).map_err(|e| e.to_string())?;
            add_text(&path, &shown, yaml::without_mark(text.into()), self.sources)
        };
        let file = match read() {
            Ok(file) => file,
            Err(error) => {
                let message = format!("`{name}` cannot be read: {error}");
                let help = "a lab file, relative to the file that includes it";
                return refuse(Rule::IncludeFile, message, help);
            }
        };
        self.open.push(canonical);
        let node = self.read(file);
        self.open.pop();
        let node = node?;
        if matches!(node.value, Value::Null | Value::Map(_)) {
            return Some(node);
        }
        let message = format!("expected a mapping, found {}", node.value.kind());
        self.findings.tell(
            Rule::Kind,
            "",
            node.span,
            message,
            "an included file has the keys of a lab file",
        );
        None
    }
}
