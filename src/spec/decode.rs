//! From the tree to the schema's types. Every finding is told; what is left out is `None`.

use crate::report::{Findings, Span, did_you_mean};

use super::tree::{Key, Node, Value};

/// A value, where it stands and its YAML path.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// Where it stands.
    pub span: Span,
    /// Its YAML path, such as `nodes.compute.role`.
    pub path: String,
    /// The value.
    pub value: T,
}

/// What a lab file's value can be read as.
pub trait Decode: Sized {
    /// Reads a value, or tells why it cannot be read.
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self>;
}

/// Reads a value that may be left out or be null.
pub fn spanned<T: Decode>(node: &Node, path: &str, findings: &mut Findings) -> Option<Spanned<T>> {
    if matches!(node.value, Value::Null) {
        return None;
    }
    let value = T::decode(node, path, findings)?;
    Some(Spanned { span: node.span, path: path.to_owned(), value })
}

/// A YAML path with one more step.
#[must_use]
pub fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn mismatch(node: &Node, path: &str, wanted: &str, example: &str, findings: &mut Findings) {
    findings.error(
        path,
        node.span,
        format!("expected {wanted}, found {}", node.value.kind()),
        format!("for example `{example}`"),
    );
}

impl Decode for String {
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        let Value::Scalar(text) = &node.value else {
            mismatch(
                node,
                path,
                "a single value",
                &format!("{}: value", last_step(path)),
                findings,
            );
            return None;
        };
        Some(text.clone())
    }
}

impl Decode for u64 {
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        match &node.value {
            Value::Scalar(text) if text.parse::<u64>().is_ok() => text.parse().ok(),
            Value::Scalar(text) => {
                findings.error(
                    path,
                    node.span,
                    format!("`{text}` is not a whole number"),
                    format!("for example `{}: 2`", last_step(path)),
                );
                None
            }
            _ => {
                mismatch(
                    node,
                    path,
                    "a whole number",
                    &format!("{}: 2", last_step(path)),
                    findings,
                );
                None
            }
        }
    }
}

impl<T: Decode> Decode for Vec<Spanned<T>> {
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        let Value::List(items) = &node.value else {
            mismatch(
                node,
                path,
                "a list",
                &format!("{}: [first, second]", last_step(path)),
                findings,
            );
            return None;
        };
        let read = |(i, item)| spanned(item, &format!("{path}[{i}]"), findings);
        Some(items.iter().enumerate().filter_map(read).collect())
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub Vec<Spanned<T>>);

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        match node.value {
            Value::List(_) => Vec::decode(node, path, findings).map(Self),
            _ => spanned(node, path, findings).map(|one| Self(vec![one])),
        }
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
    fn decode(node: &Node, path: &str, findings: &mut Findings) -> Option<Self> {
        let mut entries = Vec::new();
        for (key, node) in mapping(node, path, findings)? {
            let path = join(path, &key.name);
            let value = spanned::<T>(node, &path, findings).map(|v| v.value).unwrap_or_default();
            entries.push(Entry {
                name: Spanned { span: key.span, path, value: key.name.clone() },
                value,
            });
        }
        Some(Self(entries))
    }
}

/// The keys and values of a mapping.
pub fn mapping<'a>(
    node: &'a Node,
    path: &str,
    findings: &mut Findings,
) -> Option<&'a [(Key, Node)]> {
    if let Value::Map(entries) = &node.value {
        return Some(entries);
    }
    let name = if path.is_empty() { "nodes" } else { last_step(path) };
    mismatch(node, path, "a mapping", &format!("{name}: {{key: value}}"), findings);
    None
}

/// Tells that a key is not one of those known at this place.
pub fn unknown_key(key: &Key, path: &str, known: &[&str], findings: &mut Findings) {
    findings.error(
        path,
        key.span,
        format!("unknown key `{}`", key.name),
        did_you_mean(&key.name, known.iter().copied()),
    );
}

fn last_step(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Defines a mapping with fixed keys: the struct, every field optional and spanned, and how it is read.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident: $kind:ty, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: Option<$crate::spec::Spanned<$kind>>, )*
        }

        impl $crate::spec::decode::Decode for $name {
            fn decode(
                node: &$crate::spec::tree::Node,
                path: &str,
                findings: &mut $crate::report::Findings,
            ) -> Option<Self> {
                use $crate::spec::decode;
                let mut record = Self::default();
                for (key, value) in decode::mapping(node, path, findings)? {
                    let path = decode::join(path, &key.name);
                    match key.name.as_str() {
                        $( stringify!($field) => record.$field = decode::spanned(value, &path, findings), )*
                        _ => decode::unknown_key(key, &path, &[$( stringify!($field) ),*], findings),
                    }
                }
                Some(record)
            }
        }
    };
}
pub(crate) use record;
