//! Ranges: `compute[1-8]` stands for eight nodes, and `10.0.0.[31-38]` for their addresses.

use std::collections::{HashMap, HashSet};

use crate::report::Rule;

use super::files::Reader;
use super::merge::merge;
use super::shape::Shape;
use super::tree::{Key, Node, Value};

/// More nodes than this are a slip of the pen.
pub const MOST_NODES: usize = 2000;

/// A text with one range in it: `PREFIX[FIRST-LAST]SUFFIX`.
struct Range<'t> {
    prefix: &'t str,
    suffix: &'t str,
    numbers: std::ops::RangeInclusive<usize>,
    /// Digits of each number: `[01-10]` has two.
    width: usize,
}

impl<'t> Range<'t> {
    /// Nothing where the text has no brackets.
    fn find(text: &'t str) -> Option<Result<Self, &'static str>> {
        let (prefix, rest) = text.split_once('[')?;
        let parsed = rest.split_once(']').and_then(|(inside, suffix)| {
            let (first, last) = inside.split_once('-')?;
            let digits =
                |t: &str| (1..=4).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
            (digits(first) && digits(last) && !suffix.contains(['[', ']'])).then_some(())?;
            let numbers = first.parse().ok()?..=last.parse().ok()?;
            let width = if first.starts_with('0') { first.len() } else { 0 };
            Some(Self { prefix, suffix, numbers, width })
        });
        Some(match parsed {
            Some(range) if range.numbers.is_empty() => Err("the first number is the smaller one"),
            Some(range) => Ok(range),
            None => Err("one range of numbers, such as `compute[1-8]` or `compute[01-12]`"),
        })
    }

    fn len(&self) -> usize {
        self.numbers.end() - self.numbers.start() + 1
    }

    fn nth(&self, i: usize) -> String {
        let (number, width) = (self.numbers.start() + i, self.width);
        format!("{}{number:0width$}{}", self.prefix, self.suffix)
    }
}

/// The nodes of a lab, each range expanded. What is said of one of them by its own name is said over what the range says.
pub(super) fn expand(nodes: &Node, shape: Option<&Shape>, r: &mut Reader) -> Vec<(Key, Node)> {
    let entries = nodes.entries();
    let single: HashMap<&str, &(Key, Node)> = entries
        .iter()
        .filter(|(key, _)| Range::find(&key.name).is_none())
        .map(|entry| (entry.0.name.as_str(), entry))
        .collect();
    let ranged: HashSet<String> = entries
        .iter()
        .filter_map(|(key, _)| Range::find(&key.name)?.ok())
        .flat_map(|range| (0..range.len().min(MOST_NODES)).map(move |i| range.nth(i)))
        .collect();
    let mut expanded: Vec<(Key, Node)> = Vec::new();
    for (key, node) in entries {
        let range = match Range::find(&key.name) {
            None if ranged.contains(&key.name) => continue,
            None => {
                expanded.push((key.clone(), node.clone()));
                continue;
            }
            Some(Ok(range)) => range,
            Some(Err(allowed)) => {
                let message = format!("`{}` is no range of nodes", key.name);
                r.findings.tell(Rule::Range, &node.path, key.span, message, allowed);
                continue;
            }
        };
        let count = range.len();
        if expanded.len() + count > MOST_NODES {
            let message = format!("`{}` would make more than {MOST_NODES} nodes", key.name);
            r.findings.tell(Rule::Range, &node.path, key.span, message, "a smaller range");
            break;
        }
        for i in 0..count {
            let name = range.nth(i);
            let mut one = node.clone();
            one.path = super::tree::join(&nodes.path, &name).into();
            number(&mut one, i, count, r);
            match single.get(name.as_str()) {
                Some((key, own)) => expanded.push((key.clone(), merge(&one, own, shape))),
                None => expanded.push((Key { span: key.span, name }, one)),
            }
        }
    }
    expanded
}

/// The keys under which each node of a range has its own.
const NUMBERED: [&str; 6] = ["address", "ipv6", "mac", "serial", "uuid", "by_id"];

/// Gives the `i`th node its own of each range that stands under such a key.
fn number(node: &mut Node, i: usize, count: usize, r: &mut Reader) {
    let Value::Map(entries) = &mut node.value else { return };
    for (key, node) in entries {
        let text = match &mut node.value {
            Value::Scalar(text) if NUMBERED.contains(&key.name.as_str()) => text,
            Value::Map(_) => {
                number(node, i, count, r);
                continue;
            }
            _ => continue,
        };
        let told = match Range::find(text) {
            None => continue,
            Some(Ok(range)) if range.len() == count => {
                *text = range.nth(i);
                continue;
            }
            Some(Ok(range)) => format!("{} values for {count} nodes", range.len()),
            Some(Err(allowed)) => allowed.to_owned(),
        };
        let message = format!("`{text}` cannot be used here");
        r.findings.tell(Rule::Range, &node.path, node.span, message, told);
    }
}
