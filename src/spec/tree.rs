//! A YAML document as a tree in which every key and value knows where it stands.

use std::sync::Arc;

use crate::report::Span;

/// How the mark of a secret begins, which the node's runner replaces by the secret in whatever file it stands.
pub(super) const MARK: &str = "@SECRET_";
pub(super) const MARK_HELP: &str = "with this the mark of a secret begins, which cannot come from a lab file: write it in another way";

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands; for a list or mapping, where it begins.
    pub span: Span,
    /// Its YAML path, such as `nodes.compute.role`.
    pub path: Arc<str>,
    /// What it is.
    pub value: Value,
    /// Whether it is tagged `!replace`: nothing of what it would be merged with stays.
    pub replace: bool,
    /// What was written beside it that data for another program may not have.
    pub beside: Beside,
}

/// What may be written beside a value. A lab file's own keys take no notice of it; what is handed on is to be plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    #[default]
    Nothing,
    /// An anchor: `&name`.
    Anchor,
    /// It is an alias: `*name`.
    Alias,
    /// One of YAML's own tags, such as `!!str`.
    Tag,
}

/// What a value can be. Scalars keep the text that was written: what it means is the reader's to
/// decide, so `name: 1e3` stays `1e3`.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as it was written, without its quotes.
    Scalar(String),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{a: b}`, in the order of the file; a key that stands twice was reported and is kept once.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands.
    pub span: Span,
    /// What was written.
    pub name: String,
}

impl Value {
    /// What it is, in a person's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// A mapping with nothing in it, standing nowhere.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            span: Span::default(),
            path: "".into(),
            value: Value::Map(Vec::new()),
            replace: false,
            beside: Beside::Nothing,
        }
    }

    /// The keys and values of a mapping; nothing where it is none.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// What stands under a key of a mapping.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// How much a copy of it takes.
    #[must_use]
    pub fn size(&self) -> Size {
        let mut size = Size { values: 1, bytes: 0, depth: 0 };
        match &self.value {
            Value::Null => {}
            Value::Scalar(text) => size.bytes = text.len(),
            Value::List(items) => items.iter().for_each(|item| size.holds(item.size())),
            Value::Map(entries) => {
                for (key, node) in entries {
                    size.bytes += key.name.len();
                    size.holds(node.size());
                }
            }
        }
        size
    }
}

/// How large a tree is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Lists, mappings and single values.
    pub values: usize,
    /// The text of keys and single values.
    pub bytes: usize,
    /// How many lists and mappings stand in each other, beside the outermost.
    pub depth: usize,
}

impl Size {
    fn holds(&mut self, inner: Size) {
        self.values += inner.values;
        self.bytes += inner.bytes;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

/// What trees may grow to: aliases, ranges and inheritance make much of a small file.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    values: usize,
    bytes: usize,
}

impl Room {
    /// For the values of all files of a lab together.
    pub const FOR_FILES: Self = Self { values: 100_000, bytes: 64 << 20 };

    /// For what all its roles and nodes make of them.
    pub const FOR_NODES: Self = Self { values: 400_000, bytes: 32 << 20 };

    /// Takes so much of it, or tells that there is not enough.
    pub fn take(&mut self, values: usize, bytes: usize) -> bool {
        let left = self.values.checked_sub(values).zip(self.bytes.checked_sub(bytes));
        if let Some((values, bytes)) = left {
            *self = Self { values, bytes };
        }
        left.is_some()
    }
}

/// A YAML path with one more step.
#[must_use]
pub fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}
