//! Ranges: `compute[1-8]` stands for eight nodes, and `10.0.0.[31-38]` for their addresses.

use std::collections::{HashMap, HashSet};

use crate::report::Rule;

use super::files::Reader;
use super::merge::merge;
use super::shape::Shape;
use super::tree::{Key, Node, Room, Value};

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
            None => {
                Err("one range of numbers, such as `compute[1-8]`; `[01-12]` has leading zeros")
            }
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
    let entries = counted(nodes, r);
    let single: HashMap<&str, (&Key, &Node)> = entries
        .iter()
        .filter(|(_, _, range)| range.is_none())
        .map(|(key, node, _)| (key.name.as_str(), (*key, *node)))
        .collect();
    let ranged: HashSet<String> = entries
        .iter()
        .filter_map(|(_, _, range)| range.as_ref())
        .flat_map(|range| (0..range.len()).map(move |i| range.nth(i)))
        .collect();
    let mut expanded: Vec<(Key, Node)> = Vec::new();
    let mut first_with: HashMap<String, &Key> = HashMap::new();
    for (key, node, range) in &entries {
        let Some(range) = range else {
            if !ranged.contains(&key.name) {
                expanded.push(((*key).clone(), (*node).clone()));
            }
            continue;
        };
        let count = range.len();
        // Each pair of ranges is told once, by the first node that both have.
        let mut overlapping: HashSet<&str> = HashSet::new();
        for i in 0..count {
            let name = range.nth(i);
            if let Some(first) = first_with.get(&name) {
                if overlapping.insert(&first.name) {
                    tell_overlap(&name, key, node, first, r);
                }
                continue;
            }
            first_with.insert(name.clone(), key);
            let mut one = (*node).clone();
            one.path = super::tree::join(&nodes.path, &name).into();
            number(&mut one, i, count, r);
            match single.get(name.as_str()) {
                Some((key, own)) => expanded.push(((*key).clone(), merge(&one, own, shape))),
                None => expanded.push((Key { span: key.span, name }, one)),
            }
        }
    }
    if let Some((key, node)) = expanded.get(MOST_NODES) {
        r.findings.tell(Rule::Range, &node.path, key.span, too_many(&key.name), FEWER);
        expanded.truncate(MOST_NODES);
    }
    expanded
}

fn tell_overlap(name: &str, key: &Key, node: &Node, first: &Key, r: &mut Reader) {
    let message = format!("`{}` and `{}` both hold the node `{name}`", first.name, key.name);
    let help = format!(
        "the first is {}; a node is in one range, and what is said of it alone stands under its own name",
        r.seen_from(key.span, first.span)
    );
    r.findings.tell(Rule::Range, &node.path, key.span, message, help);
}

fn too_many(name: &str) -> String {
    format!("`{name}` would make more than {MOST_NODES} nodes")
}

const FEWER: &str = "a smaller range";

/// The nodes as they are written, with their ranges, as far as they can be expanded.
fn counted<'n>(nodes: &'n Node, r: &mut Reader) -> Vec<(&'n Key, &'n Node, Option<Range<'n>>)> {
    let mut entries = Vec::new();
    // One that stands in a range as well is the same node.
    let (mut single, mut ranged, mut room) = (MOST_NODES, MOST_NODES, Room::FOR_NODES);
    for (key, node) in nodes.entries() {
        let mut tell = |message: String, help: &str| {
            r.findings.tell(Rule::Range, &node.path, key.span, message, help);
        };
        let range = match Range::find(&key.name).transpose() {
            Ok(range) => range,
            Err(allowed) => {
                tell(format!("`{}` is no range of nodes", key.name), allowed);
                continue;
            }
        };
        let count = range.as_ref().map_or(1, Range::len);
        let left = if range.is_some() { &mut ranged } else { &mut single };
        if count > *left {
            tell(too_many(&key.name), FEWER);
            break;
        }
        let size = node.size();
        if range.is_some() && !room.take(count * size.values, count * size.bytes) {
            let message = format!("`{}` would repeat too much", key.name);
            tell(message, "let a role say it once for all its nodes");
            break;
        }
        *left -= count;
        entries.push((key, node, range));
    }
    entries
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
            Some(Err(allowed)) => allowed.replace("compute[1-8]", "10.0.0.[31-38]"),
        };
        let message = format!("`{text}` cannot be used here");
        r.findings.tell(Rule::Range, &node.path, node.span, message, told);
    }
}
