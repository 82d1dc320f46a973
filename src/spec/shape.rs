//! What the schema looks like as data: merging, the JSON schema and the reference page are made from it.

/// The shape of a value in a lab file.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Any text on one line or more.
    Text,
    /// A whole number.
    Number,
    /// `yes` or `no`.
    Flag,
    /// One of these words, each with what it means.
    Choice(&'static [(&'static str, &'static str)]),
    /// A list.
    List {
        /// What its items are.
        item: Box<Shape>,
        /// Whether items are added to those that are inherited; otherwise they replace them.
        added: bool,
        /// Whether a single item may stand for a list of one.
        single: bool,
    },
    /// A mapping whose keys are names that the person chooses.
    Entries(Box<Shape>),
    /// A mapping with fixed keys.
    Record(Record),
    /// A single text, or a mapping that says more.
    TextOr(Box<Shape>),
    /// `yes` or `no`, or a mapping that says more.
    FlagOr(Box<Shape>),
    /// A mapping in another program's words.
    Data,
}

/// A mapping with fixed keys.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is, from the type's own doc comment.
    pub doc: &'static str,
    /// Its keys.
    pub fields: Vec<Field>,
}

/// A key of a [`Record`].
#[derive(Clone, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// A value that it may have, as YAML.
    pub example: &'static str,
    /// What holds where no file says it and nothing is built in; empty for nothing at all.
    pub absent: &'static str,
}

impl Shape {
    /// Whether it is a mapping of names of which each has keys of its own.
    #[must_use]
    pub fn has_named_mappings(&self) -> bool {
        let Shape::Entries(value) = self else { return false };
        matches!(**value, Shape::Entries(_) | Shape::Record(_))
    }

    /// The shape of what stands under a key, as far as it is known.
    #[must_use]
    pub fn under(&self, key: &str) -> Option<&Shape> {
        match self {
            Shape::Entries(value) => Some(value),
            Shape::Record(record) => record.fields.iter().find(|f| f.name == key).map(|f| &f.shape),
            Shape::TextOr(more) | Shape::FlagOr(more) => more.under(key),
            Shape::Data => Some(self),
            _ => None,
        }
    }
}
