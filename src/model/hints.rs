//! What is fine as it is, and what a colleague would mention all the same.

use std::sync::Arc;

use crate::report::{Rule, Sources, nearest};
use crate::spec::{LabSpec, NodeSpec, Spanned};

use super::settle::Resolver;
use super::{MANAGEMENT, PROVIDER};

/// Fewer nodes are easily read one by one.
const FEWEST: usize = 3;

/// Tells nodes that follow each other in name and address, and say nothing else of their own.
pub(super) fn tell_ranges(spec: &LabSpec, r: &mut Resolver) {
    let mut nodes = &spec.nodes[..];
    while let Some(first) = nodes.first() {
        let follows = |(i, node): &(usize, &NodeSpec)| *i == 0 || follow(first, node, *i);
        let count = nodes.iter().enumerate().take_while(follows).count();
        if let (true, Some(last)) = (count >= FEWEST, nodes.get(count - 1)) {
            tell_range(first, last, count, r);
        }
        nodes = &nodes[count..];
    }
}

/// A text without the number at its end, and that number.
fn numbered(text: &str) -> Option<(&str, usize)> {
    let prefix = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[prefix.len()..];
    // `01` is no number that counts on by itself, and a range has four digits at most.
    let number = digits.parse().ok().filter(|n: &usize| n.to_string() == digits && *n < 10_000);
    number.map(|number| (prefix, number))
}

/// Whether a text is what another becomes when its number is counted up.
fn counts_on(first: &str, other: &str, by: usize) -> bool {
    let (first, other) = (numbered(first), numbered(other));
    first.zip(other).is_some_and(|(a, b)| a.0 == b.0 && a.1 + by == b.1)
}

fn follow(first: &NodeSpec, node: &NodeSpec, by: usize) -> bool {
    let role = |node: &NodeSpec| node.fields.role.as_ref().map(|role| role.value.clone());
    let addresses = (&first.fields.address, &node.fields.address);
    // One range that was written already has one key.
    first.name.span != node.name.span
        && counts_on(&first.name.value, &node.name.value, by)
        && role(first) == role(node)
        && Arc::ptr_eq(&first.settings, &node.settings)
        && match addresses {
            (None, None) => true,
            (Some(a), Some(b)) => counts_on(&a.value, &b.value, by),
            _ => false,
        }
}

fn tell_range(first: &NodeSpec, last: &NodeSpec, count: usize, r: &mut Resolver) {
    let range = |of: &Spanned<String>, until: &Spanned<String>| {
        let (prefix, from) = numbered(&of.value)?;
        Some(format!("{prefix}[{from}-{}]", numbered(&until.value)?.1))
    };
    let Some(names) = range(&first.name, &last.name) else { return };
    let role = first.fields.role.as_ref().map_or("", |role| &role.value);
    let addresses = first.fields.address.as_ref().zip(last.fields.address.as_ref());
    let addresses = addresses.and_then(|(a, b)| range(a, b));
    let address = addresses.map_or(String::new(), |range| format!(", address: \"{range}\""));
    let message = format!("{count} nodes differ in their numbers only");
    let help = format!("one line says the same: `{names}: {{role: {role}{address}}}`");
    r.tell(Rule::CouldBeRange, &first.name, message, help);
}

/// Tells two time servers: where they differ, nobody knows which one is right.
pub(super) fn tell_two_servers(servers: &Spanned<Vec<Spanned<String>>>, r: &mut Resolver) {
    if servers.span.file != Sources::BUILT_IN {
        let message = "of two time servers that differ, chrony cannot tell which is right";
        let help = "three outvote one that is wrong; one is as good as two";
        r.tell(Rule::TwoTimeServers, servers, message, help);
    }
}

/// The beginning of a help text for a network that was perhaps to be one that every lab has; nothing for any other.
pub(super) fn slip(name: &str) -> String {
    let known = [MANAGEMENT, PROVIDER];
    match nearest(name, known).filter(|_| !known.contains(&name)) {
        Some(known) => format!("if `{known}` is meant, correct the name; otherwise "),
        None => String::new(),
    }
}
