//! What a role or a node says although it inherits just that.

use crate::report::{Rule, Sources};

use super::files::Reader;
use super::tree::{Node, Value};

/// Of an interface, people say all at one place, so that it can be read there.
const WHOLE: &str = "interfaces";

/// Tells single values that stand, with the same text, in what is inherited from a file. What is built in may be said again:
/// a lab file that shows it is easier to read.
pub(super) fn tell(own: &Node, inherited: &Node, r: &mut Reader) {
    for (key, node) in own.entries().iter().filter(|(key, _)| key.name != WHOLE) {
        let Some(known) = inherited.get(&key.name) else { continue };
        match (&node.value, &known.value) {
            (Value::Map(_), Value::Map(_)) if !node.replace => tell(node, known, r),
            (Value::Scalar(text), Value::Scalar(same))
                if text == same
                    && known.span.file != Sources::BUILT_IN
                    && known.span != node.span =>
            {
                let first = r.seen_from(node.span, known.span);
                let message = format!("`{}` is `{text}` anyway", key.name);
                let help = format!("that is {first}: said once, it is changed once");
                r.findings.tell(Rule::Restated, &node.path, node.span, message, help);
            }
            _ => {}
        }
    }
}
