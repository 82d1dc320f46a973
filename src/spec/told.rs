//! What is told of a value of the wrong form, or under a key that is not known.

use crate::report::{Rule, did_you_mean};

use super::colon;
use super::files::Reader;
use super::shape::Shape;
use super::tree::{Key, Node, Value};

pub(super) fn mismatch(node: &Node, wanted: &str, example: &str, r: &mut Reader) {
    let meant = if let Value::Scalar(text) = &node.value { colon::way_out(text) } else { None };
    let help = meant.unwrap_or_else(|| match last_step(&node.path).split_once('[') {
        Some((list, _)) => format!("for example `{list}: [{example}]`"),
        None => format!("for example `{}: {example}`", last_step(&node.path)),
    });
    let message = format!("expected {wanted}, found {}", node.value.kind());
    r.findings.tell(Rule::Kind, &node.path, node.span, message, help);
}

/// Tells a text in the place of a whole number.
pub(super) fn no_number(node: &Node, text: &str, r: &mut Reader) {
    let key = last_step(&node.path);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let example = match &text[..end] {
        // Of the format there is one version.
        _ if key == "version" => "1",
        "" => "2",
        whole => whole,
    };
    let message = format!("`{text}` is not a whole number");
    let help = format!("for example `{key}: {example}`");
    r.findings.tell(Rule::Value, &node.path, node.span, message, help);
}

/// A mapping of that shape with its first key.
pub fn first_of(shape: &Shape) -> String {
    let first = match shape {
        Shape::Record(record) => record.fields.first(),
        _ => None,
    };
    first.map_or("{key: value}".to_owned(), |f| format!("{{{}: {}}}", f.name, f.example))
}

/// Tells that a key is not one of those known at this place.
pub fn unknown_key(key: &Key, node: &Node, known: &[&str], r: &mut Reader) {
    if r.findings.is_full() {
        return;
    }
    let help = if key.name == "<<" {
        "YAML's merge keys are not read: what nodes share stands in a role or in the lab".to_owned()
    } else if is_encryption(&key.name) && node.path.contains("storage.") {
        "disks are not encrypted: a node that boots unattended would need the key beside the lock"
            .to_owned()
    } else {
        let meant = colon::way_out(&key.name).filter(|_| matches!(node.value, Value::Null));
        meant.unwrap_or_else(|| did_you_mean(&key.name, known.iter().copied()))
    };
    let message = format!("unknown key `{}`", key.name);
    r.findings.tell(Rule::UnknownKey, &node.path, key.span, message, help);
}

/// Whether a key is one by which disks are encrypted elsewhere.
fn is_encryption(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["crypt", "luks", "passphrase"].iter().any(|word| key.contains(word))
}

fn last_step(path: &str) -> &str {
    if path.is_empty() { "nodes" } else { path.rsplit('.').next().unwrap_or(path) }
}
