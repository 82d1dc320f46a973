//! A lab may be split in several files: `include` names others, over which the naming file is said.

use std::path::{Path, PathBuf};

use crate::report::{Findings, Rule, Source, Sources, Span};

use super::files::{no_secrets, read_text};
use super::merge::merge;
use super::shape::Shape;
use super::tree::{self, Node, Value};

/// More files than this are a mistake.
const MOST_FILES: usize = 256;

/// The key that names other files.
pub const KEY: &str = "include";

/// Reads the file of that number and what it includes into one tree.
pub(super) fn read(
    file: usize,
    shape: &Shape,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<Node> {
    let path = sources.file(file).path.clone();
    let canonical = path.canonicalize().unwrap_or(path);
    Includes { shape, sources, findings, open: vec![canonical] }.read(file)
}

struct Includes<'a> {
    shape: &'a Shape,
    sources: &'a mut Sources,
    findings: &'a mut Findings,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
}

impl Includes<'_> {
    fn read(&mut self, file: usize) -> Option<Node> {
        let text = self.sources.file(file).text.clone();
        let root = tree::parse(&text, file, self.findings)?;
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
        let from = self.sources.get(span);
        let path = from.path.parent().unwrap_or(Path::new("")).join(name);
        let shown = Path::new(&*from.name).parent().unwrap_or(Path::new("")).join(name);
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
        let text =
            match no_secrets(&path).and_then(|()| read_text(&path).map_err(|e| e.to_string())) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("`{name}` cannot be read: {error}");
                    return refuse(
                        Rule::IncludeFile,
                        message,
                        "a lab file, relative to the file that includes it",
                    );
                }
            };
        let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
        if self.open.contains(&canonical) {
            return refuse(
                Rule::IncludeCycle,
                format!("`{name}` includes itself"),
                "what it holds is there already: leave it out here",
            );
        }
        let name = shown.display().to_string().into();
        let file = self.sources.add(Source { name, path, text: text.into() });
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
