//! How what is nearer to a node merges with what it inherits. One set of rules, for roles and nodes, for
//! included files and for what is built in:
//!
//! - mappings merge key by key;
//! - a single value replaces the inherited one, and `~` brings back what is built in;
//! - lists replace, but for those of things that are added (packages, hooks, keys and so on): there the
//!   inherited items come first; in data for another program, every list is added to;
//! - `!replace` before a list or mapping leaves nothing of what it would inherit.

use std::collections::HashMap;

use super::shape::Shape;
use super::tree::{Node, Value};

/// What holds where `near` is said over `far`.
#[must_use]
pub fn merge(far: &Node, near: &Node, shape: Option<&Shape>) -> Node {
    if near.replace {
        return near.clone();
    }
    let value = match (&far.value, &near.value) {
        (Value::Map(inherited), Value::Map(own)) if !is_added(shape) => {
            let mut entries = inherited.clone();
            let places = inherited.iter().enumerate().map(|(i, (key, _))| (key.name.as_str(), i));
            let places: HashMap<&str, usize> = places.collect();
            for (key, node) in own {
                match places.get(key.name.as_str()).map(|i| &mut entries[*i]) {
                    // A name with nothing under it says nothing new of what has keys of its own.
                    Some(_)
                        if matches!(node.value, Value::Null)
                            && shape.is_some_and(Shape::has_named_mappings) => {}
                    Some((known, inherited)) => {
                        *inherited = merge(inherited, node, shape.and_then(|s| s.under(&key.name)));
                        *known = key.clone();
                    }
                    None => entries.push((key.clone(), node.clone())),
                }
            }
            Value::Map(entries)
        }
        (_, Value::Null) => Value::Null,
        (Value::List(_), Value::List(_)) if matches!(shape, Some(Shape::Data)) => {
            Value::List(items(far).iter().chain(items(near)).cloned().collect())
        }
        // Nothing is no item.
        (Value::Null, _) => return near.clone(),
        _ if is_added(shape) => {
            Value::List(items(far).iter().chain(items(near)).cloned().collect())
        }
        _ => return near.clone(),
    };
    Node { span: near.span, path: near.path.clone(), value, replace: false, beside: near.beside }
}

/// Whether items are added, of which one that stands alone may be a mapping.
fn is_added(shape: Option<&Shape>) -> bool {
    matches!(shape, Some(Shape::List { added: true, .. }))
}

/// What holds where `near` is said and `built_in` is not changed by it: nothing, or `~`, leaves what is built in.
#[must_use]
pub fn with_built_in(built_in: &Node, near: &Node, shape: Option<&Shape>) -> Node {
    match (&built_in.value, &near.value) {
        (_, Value::Null) => built_in.clone(),
        (Value::Map(defaults), Value::Map(own)) if !near.replace => {
            let mut entries: Vec<_> =
                defaults.iter().filter(|(key, _)| near.get(&key.name).is_none()).cloned().collect();
            for (key, node) in own {
                let inside = shape.and_then(|s| s.under(&key.name));
                let node = match built_in.get(&key.name) {
                    Some(default) => with_built_in(default, node, inside),
                    None => node.clone(),
                };
                entries.push((key.clone(), node));
            }
            Node { value: Value::Map(entries), ..near.clone() }
        }
        _ => near.clone(),
    }
}

/// The items of a list; a single value stands for a list of one.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Findings;
    use crate::spec::{tree, yaml};

    fn tree(text: &str) -> Node {
        yaml::parse(text, 1, &mut Findings::default()).expect("YAML")
    }

    /// A tree on one line, keys in their order.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Null => "~".into(),
            Value::Scalar(text) => text.clone(),
            Value::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Value::Map(entries) => {
                let entry =
                    |(key, node): &(tree::Key, Node)| format!("{}:{}", key.name, shown(node));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn merged(far: &str, near: &str, shape: &Shape) -> String {
        shown(&merge(&tree(far), &tree(near), Some(shape)))
    }

    fn list(added: bool) -> Shape {
        Shape::List { item: Box::new(Shape::Text), added, single: true }
    }

    #[test]
    fn mappings_merge_and_single_values_replace() {
        let shape = Shape::Entries(Box::new(Shape::Entries(Box::new(Shape::Text))));
        assert_eq!(
            merged("{a: {x: 1, y: 2}}", "{a: {y: 3}, b: {z: 4}}", &shape),
            "{a:{x:1 y:3} b:{z:4}}"
        );
        assert_eq!(merged("{a: {x: 1}}", "{a: !replace {y: 3}}", &shape), "{a:{y:3}}");
        let flat = Shape::Entries(Box::new(Shape::Text));
        assert_eq!(merged("{a: 1, b: 2}", "{a: ~}", &flat), "{a:~ b:2}");
        assert_eq!(
            merged("{a: {x: 1}}", "{a: }", &shape),
            "{a:{x:1}}",
            "a name alone says nothing"
        );
    }

    #[test]
    fn lists_replace_or_are_added_to() {
        assert_eq!(merged("[a]", "[b]", &list(false)), "[b]");
        assert_eq!(merged("[a]", "[b]", &list(true)), "[a b]");
        assert_eq!(merged("a", "[b, c]", &list(true)), "[a b c]");
        assert_eq!(merged("[a]", "!replace [b]", &list(true)), "[b]");
        assert_eq!(merged("[a]", "~", &list(true)), "~");
    }

    #[test]
    fn many_keys_merge_as_few_do() {
        let far: String = (0..4000).map(|n| format!("k{n}: far\n")).collect();
        let near: String = (2000..6000).map(|n| format!("k{n}: near\n")).collect();
        let merged = merge(&tree(&far), &tree(&near), None);
        assert_eq!(merged.entries().len(), 6000);
        for (i, (key, node)) in merged.entries().iter().enumerate() {
            let value = if i < 2000 { "far" } else { "near" };
            assert!(key.name == format!("k{i}") && shown(node) == value, "{i}");
        }
    }

    #[test]
    fn nothing_brings_back_what_is_built_in() {
        let shape = Shape::Entries(Box::new(Shape::Text));
        let held =
            |near: &str| shown(&with_built_in(&tree("{a: 1, b: 2}"), &tree(near), Some(&shape)));
        assert_eq!(held("{a: ~, c: 3}"), "{b:2 a:1 c:3}");
        assert_eq!(held("{a: 5}"), "{b:2 a:5}");
    }
}
