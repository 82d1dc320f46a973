//! Data for another program, in its own words: any mapping, in which each value knows its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::report::{Finding, Findings, Rule, Sources};

use super::decode::{Decode, Spanned, mismatch};
use super::disk::Files;
use super::files::{Reader, add_text};
use super::private;
use super::shape::Shape;
use super::tree::{Beside, Node, Room, Value};
use super::yaml;

/// A value of a mapping in another program's words.
#[derive(Clone, Debug)]
pub enum Data {
    /// Nothing.
    Nothing,
    /// A single value as it was written: what type it has is said by its key.
    Text(String),
    /// A list.
    List(Vec<Spanned<Data>>),
    /// A mapping. A key that has nothing stands there too, for it may be none that is known.
    Map(Vec<(Spanned<String>, Spanned<Data>)>),
}

impl Data {
    /// What it is, in a person's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => Value::Null.kind(),
            Self::Text(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// The keys and values of a mapping; nothing where it is none.
    #[must_use]
    pub fn entries(&self) -> &[(Spanned<String>, Spanned<Data>)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// A key of a mapping that has something, and that.
    #[must_use]
    pub fn said(&self, name: &str) -> Option<&(Spanned<String>, Spanned<Data>)> {
        let is_said = |value: &Data| !matches!(value, Self::Nothing);
        self.entries().iter().find(|(key, value)| key.value == name && is_said(&value.value))
    }
}

impl Decode for Data {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Map(_) = node.value else {
            mismatch(node, "a mapping, or a file's name", "{runcmd: [[touch, /root/seen]]}", r);
            return None;
        };
        Some(of(node, r.findings))
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(Shape::Data))
    }
}

/// A text of data by itself, which nothing is merged with, and what is told of it.
#[must_use]
pub fn plain_data(text: &str) -> (Option<Data>, Vec<Finding>) {
    let mut findings = Findings::default();
    let node = yaml::parse(text, 0, &mut findings);
    let data = node.map(|node| {
        tell_replace(&node, &mut findings);
        of(&node, &mut findings)
    });
    (data, findings.sorted())
}

/// `!replace` is for what is merged.
fn tell_replace(node: &Node, findings: &mut Findings) {
    if node.replace {
        let message = "a tag (`!replace`) cannot be handed on";
        findings.tell(Rule::DataPlain, &node.path, node.span, message, "leave it out");
    }
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| tell_replace(item, findings)),
        Value::Map(entries) => entries.iter().for_each(|(_, node)| tell_replace(node, findings)),
        Value::Null | Value::Scalar(_) => {}
    }
}

fn of(node: &Node, findings: &mut Findings) -> Data {
    tell_beside(node, findings);
    let inside = |node: &Node, findings: &mut Findings| Spanned {
        span: node.span,
        path: node.path.clone(),
        value: of(node, findings),
    };
    match &node.value {
        Value::Null => Data::Nothing,
        Value::Scalar(text) => Data::Text(text.clone()),
        Value::List(items) => Data::List(items.iter().map(|item| inside(item, findings)).collect()),
        Value::Map(entries) => {
            let mut kept = Vec::new();
            for (key, node) in entries {
                if key.name == "<<" {
                    let help = "write what is meant at its own place";
                    let message = "a merge key (`<<`) cannot be handed on";
                    findings.tell(Rule::DataPlain, &node.path, key.span, message, help);
                } else {
                    let (span, path) = (key.span, node.path.clone());
                    kept.push((
                        Spanned { span, path, value: key.name.clone() },
                        inside(node, findings),
                    ));
                }
            }
            Data::Map(kept)
        }
    }
}

/// What arrives is plain, so that each value has one place, and one meaning for every reader.
fn tell_beside(node: &Node, findings: &mut Findings) {
    let (what, help) = match node.beside {
        Beside::Nothing => return,
        Beside::Anchor => ("an anchor (`&`)", "write what is meant at its own place"),
        Beside::Alias => ("an alias (`*`)", "write what is meant at its own place"),
        Beside::Tag => ("a tag (`!!`)", "leave it out: the key says what type its value has"),
    };
    let message = format!("{what} cannot be handed on");
    findings.tell(Rule::DataPlain, &node.path, node.span, message, help);
}

/// The key whose mapping may stand in a file of its own.
const KEY: &str = "cloud_init";

/// What to write in the place of a file that cannot be read.
pub(super) const HELP: &str =
    "a mapping in cloud-init's words, or a file that holds one, relative to the file that names it";

/// The places of a lab file where the name of such a file may stand.
pub(super) fn places(root: &mut Node) -> Vec<&mut Node> {
    let mut places = Vec::new();
    let Value::Map(entries) = &mut root.value else { return places };
    for (key, node) in entries {
        if key.name == KEY {
            places.push(node);
        } else if ["roles", "nodes"].contains(&key.name.as_str())
            && let Value::Map(named) = &mut node.value
        {
            let inside = named.iter_mut().filter_map(|(_, node)| match &mut node.value {
                Value::Map(entries) => Some(entries.iter_mut()),
                _ => None,
            });
            places.extend(inside.flatten().filter(|(key, _)| key.name == KEY).map(|(_, n)| n));
        }
    }
    places
}

/// Files of data, each read once.
#[derive(Default)]
pub(super) struct DataFiles(HashMap<PathBuf, Option<Node>>);

impl DataFiles {
    /// The mapping in a file; nothing where it holds none, which was told.
    ///
    /// # Errors
    /// It cannot be read, or is too much.
    pub fn read(
        &mut self,
        path: &Path,
        shown: &Path,
        files: &dyn Files,
        sources: &mut Sources,
        room: &mut Room,
        findings: &mut Findings,
    ) -> Result<Option<Node>, (Rule, String)> {
        if let Some(known) = self.0.get(path) {
            let size = known.as_ref().map(Node::size).unwrap_or_default();
            if !room.take(size.values, size.bytes) {
                return Err((Rule::TooLarge, "it is named too often".into()));
            }
            return Ok(known.clone());
        }
        let unread = |error: String| (Rule::NamedFile, error);
        private::refuse_name(path, files).map_err(unread)?;
        let text = files.read(path).map_err(|error| unread(error.to_string()))?;
        let text = yaml::without_mark(text.into());
        let file = add_text(path, shown, text.clone(), sources).map_err(unread)?;
        let node = yaml::parse_within(&text, file, room, findings);
        let node = node.filter(|node| {
            let is_mapping = matches!(node.value, Value::Map(_));
            if !is_mapping {
                let message = format!("expected a mapping, found {}", node.value.kind());
                findings.tell(
                    Rule::Kind,
                    KEY,
                    node.span,
                    message,
                    "for example `runcmd: [[touch, /root/seen]]`",
                );
            }
            is_mapping
        });
        self.0.insert(path.to_owned(), node.clone());
        Ok(node)
    }
}
