//! From the tree to the schema's types. Every finding is told; what is left out is `None`.

use std::sync::Arc;

use crate::report::{Rule, Span};

use super::files::Reader;
use super::shape::Shape;
use super::told;
use super::tree::{Key, Node, Value};

pub(super) use super::told::mismatch;
pub(crate) use super::told::{first_of, unknown_key};

/// A value, where it stands and its YAML path.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// Where it stands.
    pub span: Span,
    /// Its YAML path, such as `nodes.compute.role`.
    pub path: Arc<str>,
    /// The value.
    pub value: T,
}

/// What a lab file's value can be read as.
pub trait Decode: Sized {
    /// Reads a value, or tells why it cannot be read.
    fn decode(node: &Node, r: &mut Reader) -> Option<Self>;

    /// What such a value looks like.
    fn shape() -> Shape;
}

/// Reads a value that may be left out or be null.
pub fn spanned<T: Decode>(node: &Node, r: &mut Reader) -> Option<Spanned<T>> {
    if matches!(node.value, Value::Null) {
        return None;
    }
    let value = T::decode(node, r)?;
    Some(Spanned { span: node.span, path: node.path.clone(), value })
}

/// A value of [`Entries`] whose own place matters.
impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        spanned(node, r)
    }

    fn shape() -> Shape {
        T::shape()
    }
}

impl Decode for String {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(text) = &node.value else {
            mismatch(node, "a single value", "value", r);
            return None;
        };
        Some(text.clone())
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl Decode for u64 {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(text) = &node.value else {
            mismatch(node, "a whole number", "2", r);
            return None;
        };
        let number = text.parse().ok();
        if number.is_none() {
            told::no_number(node, text, r);
        }
        number
    }

    fn shape() -> Shape {
        Shape::Number
    }
}

/// What a word says of yes or no, in YAML 1.1.
pub fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

impl Decode for bool {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(text) = &node.value else {
            mismatch(node, "`yes` or `no`", "yes", r);
            return None;
        };
        let flag = flag(text);
        if flag.is_none() {
            let message = format!("`{text}` cannot be used here");
            r.findings.tell(Rule::Value, &node.path, node.span, message, "`yes` or `no`");
        }
        flag
    }

    fn shape() -> Shape {
        Shape::Flag
    }
}

fn list<T: Decode>(node: &Node, r: &mut Reader) -> Option<Vec<Spanned<T>>> {
    let Value::List(items) = &node.value else {
        mismatch(node, "a list", "[first, second]", r);
        return None;
    };
    for item in items.iter().filter(|item| matches!(item.value, Value::Null)) {
        let help = "leave it out, or put its value there";
        r.findings.tell(
            Rule::Value,
            &item.path,
            item.span,
            "nothing stands at this place of the list",
            help,
        );
    }
    Some(items.iter().filter_map(|item| spanned(item, r)).collect())
}

fn one_or_many<T: Decode>(node: &Node, r: &mut Reader) -> Option<Vec<Spanned<T>>> {
    match node.value {
        Value::List(_) => list(node, r),
        _ => spanned(node, r).map(|one| vec![one]),
    }
}

fn list_shape<T: Decode>(added: bool, single: bool) -> Shape {
    Shape::List { item: Box::new(T::shape()), added, single }
}

impl<T: Decode> Decode for Vec<Spanned<T>> {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        list(node, r)
    }

    fn shape() -> Shape {
        list_shape::<T>(false, false)
    }
}

/// One value, or a list of them, in the place of what is inherited.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub Vec<Spanned<T>>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        one_or_many(node, r).map(Self)
    }

    fn shape() -> Shape {
        list_shape::<T>(false, true)
    }
}

/// One value, or a list of them, added to what is inherited.
#[derive(Clone, Debug)]
pub struct Added<T>(pub Vec<Spanned<T>>);

impl<T: Decode> Decode for Added<T> {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        one_or_many(node, r).map(Self)
    }

    fn shape() -> Shape {
        list_shape::<T>(true, true)
    }
}

/// A mapping whose keys are names that the person chose, in the order of the file.
#[derive(Clone, Debug)]
pub struct Entries<T>(pub Vec<Entry<T>>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// One of [`Entries`].
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The name that the person chose.
    pub name: Spanned<String>,
    /// What stands under it; a name with nothing under it has the default.
    pub value: T,
}

impl<T: Decode + Default> Decode for Entries<T> {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let mut entries = Vec::new();
        let keeps_empty = Self::shape().has_named_mappings();
        for (key, node) in mapping(node, r)? {
            // `~` leaves nothing of a single value.
            if matches!(node.value, Value::Null) && !keeps_empty {
                continue;
            }
            let value = spanned::<T>(node, r).map(|v| v.value).unwrap_or_default();
            entries.push(Entry { name: name_of(key, node), value });
        }
        Some(Self(entries))
    }

    fn shape() -> Shape {
        Shape::Entries(Box::new(T::shape()))
    }
}

/// A key that is a name of the person's.
pub(super) fn name_of(key: &Key, node: &Node) -> Spanned<String> {
    Spanned { span: key.span, path: node.path.clone(), value: key.name.clone() }
}

/// The keys and values of a mapping.
pub fn mapping<'a>(node: &'a Node, r: &mut Reader) -> Option<&'a [(Key, Node)]> {
    mapping_such_as(node, || "{key: value}".to_owned(), r)
}

/// The same; where it is none, the help has an example.
pub fn mapping_such_as<'a>(
    node: &'a Node,
    example: impl Fn() -> String,
    r: &mut Reader,
) -> Option<&'a [(Key, Node)]> {
    if let Value::Map(entries) = &node.value {
        return Some(entries);
    }
    mismatch(node, "a mapping", &example(), r);
    None
}

/// What stands under the keys of `node` that are not in `keys`, and what stands under those that are.
pub(super) fn split(node: &Node, keys: &[&str]) -> (Node, Node) {
    let (inside, outside) =
        node.entries().iter().cloned().partition(|(key, _)| keys.contains(&key.name.as_str()));
    let with = |entries| Node { value: Value::Map(entries), ..node.clone() };
    (with(outside), with(inside))
}

/// Defines a mapping with fixed keys: the struct, every field optional and spanned, how it is read, and what
/// it looks like. Each field ends with an example of its value, as YAML, and with what holds where it is left out and nothing
/// is built in: `mtu: u64 = "9000" else "`1500`"`. A key that is a word of Rust's has a field of
/// another name: `found_by as "match": …`.
macro_rules! record {
    ($(#[doc = $doc:literal])+ $name:ident { $(
        $(#[doc = $field_doc:literal])+ $field:ident $(as $key:literal)?: $kind:ty = $example:literal $(else $absent:literal)?,
    )* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: Option<$crate::spec::Spanned<$kind>>, )*
        }

        impl $name {
            /// The keys.
            pub const KEYS: &'static [&'static str] =
                &[$( $crate::spec::decode::key!($field $($key)?), )*];

            /// Reads the mapping; `also` are keys that belong there too and are read elsewhere.
            pub(crate) fn decode_beside(
                node: &$crate::spec::tree::Node,
                also: &[&str],
                r: &mut $crate::spec::files::Reader,
            ) -> Option<Self> {
                use $crate::spec::decode;
                let mut record = Self::default();
                let shape = || decode::first_of(&<Self as decode::Decode>::shape());
                for (key, value) in decode::mapping_such_as(node, shape, r)? {
                    match key.name.as_str() {
                        $( decode::key!($field $($key)?) => record.$field = decode::spanned(value, r), )*
                        name if also.contains(&name) => {}
                        _ => decode::unknown_key(key, value, &[Self::KEYS, also].concat(), r),
                    }
                }
                Some(record)
            }
        }

        impl $crate::spec::decode::Decode for $name {
            fn decode(
                node: &$crate::spec::tree::Node,
                r: &mut $crate::spec::files::Reader,
            ) -> Option<Self> {
                Self::decode_beside(node, &[], r)
            }

            fn shape() -> $crate::spec::shape::Shape {
                use $crate::spec::shape::{Field, Record, Shape};
                Shape::Record(Record {
                    doc: concat!($( $doc ),+).trim_ascii(),
                    fields: vec![$( Field {
                        name: $crate::spec::decode::key!($field $($key)?),
                        doc: concat!($( $field_doc ),+).trim_ascii(),
                        shape: <$kind as $crate::spec::decode::Decode>::shape(),
                        example: $example,
                        absent: concat!($( $absent )?),
                    }, )*],
                })
            }
        }
    };
}
pub(crate) use record;

/// The key of a field.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}
pub(crate) use key;

/// Defines a value that is one of a few words.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident { $(
        $(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal,
    )* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $variant_doc])+ $variant, )*
        }

        impl $name {
            /// The words, each with what it means.
            pub const WORDS: &'static [(&'static str, &'static str)] =
                &[$( ($word, concat!($( $variant_doc ),+).trim_ascii()), )*];

            /// As the lab file writes it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::spec::decode::Decode for $name {
            fn decode(
                node: &$crate::spec::tree::Node,
                r: &mut $crate::spec::files::Reader,
            ) -> Option<Self> {
                let text = <String as $crate::spec::decode::Decode>::decode(node, r)?;
                match text.as_str() {
                    $( $word => Some(Self::$variant), )*
                    _ => {
                        let help = $crate::report::did_you_mean(&text, Self::WORDS.iter().map(|(word, _)| *word));
                        let message = format!("`{text}` cannot be used here");
                        r.findings.tell($crate::report::Rule::Value, &node.path, node.span, message, help);
                        None
                    }
                }
            }

            fn shape() -> $crate::spec::shape::Shape {
                $crate::spec::shape::Shape::Choice(Self::WORDS)
            }
        }
    };
}
pub(crate) use choice;
