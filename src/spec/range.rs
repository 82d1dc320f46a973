//! Ranges: `compute[1-8]` stands for eight nodes, and `10.0.0.[31-38]` for their addresses.

use crate::report::Rule;

use super::files::Reader;
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

/// The nodes of a lab, each range expanded.
pub(super) fn expand(nodes: &Node, r: &mut Reader) -> Vec<(Key, Node)> {
    let mut expanded = Vec::new();
    for (key, node) in nodes.entries() {
        let found = Range::find(&key.name);
        let count = match &found {
            None => 1,
            Some(Ok(range)) => range.len(),
            Some(Err(allowed)) => {
                let message = format!("`{}` is no range of nodes", key.name);
                r.findings.tell(Rule::Range, &node.path, key.span, message, *allowed);
                continue;
            }
        };
        if expanded.len() + count > MOST_NODES {
            let message = format!("`{}` would make more than {MOST_NODES} nodes", key.name);
            r.findings.tell(Rule::Range, &node.path, key.span, message, "a smaller range");
            break;
        }
        let Some(Ok(range)) = found else {
            expanded.push((key.clone(), node.clone()));
            continue;
        };
        for i in 0..count {
            let name = range.nth(i);
            let mut one = node.clone();
            one.path = super::tree::join(&nodes.path, &name).into();
            number(&mut one, i, count, r);
            expanded.push((Key { span: key.span, name }, one));
        }
    }
    expanded
}

/// Gives the `i`th node its own of each range that stands under `address`, `ipv6` or `mac`.
fn number(node: &mut Node, i: usize, count: usize, r: &mut Reader) {
    let Value::Map(entries) = &mut node.value else { return };
    for (key, node) in entries {
        let text = match &mut node.value {
            Value::Scalar(text) if ["address", "ipv6", "mac"].contains(&key.name.as_str()) => text,
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
