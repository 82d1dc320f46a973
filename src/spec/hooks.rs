//! Scripts of one's own that run at three points of a node's making.

use std::sync::Arc;

use crate::report::{Rule, Sources, Span, line_of};

use super::decode::{Added, Decode, Spanned, mismatch, record};
use super::files::{Reader, TextFile};
use super::shape::Shape;
use super::tree::{Node, Value};

record! {
    /// Scripts of one's own: bash, each a file beside the lab file or written out as `{name: …, script: …}`.
    HooksSpec {
        /// In the installer, before anything is decided about the disks.
        pre: Added<HookSpec> = "[load-driver.sh]",
        /// In the new system, before its first boot.
        post: Added<HookSpec> = "[{name: motd, script: \"uname -r > /etc/motd\"}]",
        /// At the first boot, after all stages.
        first_boot: Added<HookSpec> = "[register.sh]",
    }
}

/// A script of one's own.
#[derive(Clone, Debug)]
pub struct HookSpec {
    /// Its name; a file's name without what follows the last dot.
    pub name: Spanned<String>,
    /// The script.
    pub script: Arc<str>,
    /// The YAML path under which the lab file says it, or names its file.
    pub path: Arc<str>,
    /// The number of the file that holds it and nothing else; `None` where it stands in a lab file.
    file: Option<usize>,
    /// Where the lab file names it, or where the script stands in it.
    place: Span,
}

record! {
    /// [`HookSpec`] written out.
    HookFields {
        /// Its name.
        name: String = "motd" else "needed",
        /// The script.
        script: String = "uname -r > /etc/motd" else "needed",
    }
}

const NO_NAME: &str = "a hook that is written out has a `name`";
const EXAMPLE: &str = "`[register.sh]` for a file beside the lab file, or `[{name: motd, script: \"uname -r > /etc/motd\"}]`";

impl Decode for HookSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        if let Value::Scalar(text) = &node.value {
            if text.contains('\n') || text.starts_with("#!") {
                r.findings.tell(Rule::HookParts, &node.path, node.span, NO_NAME, EXAMPLE);
                return None;
            }
            let TextFile { name, text, file } = TextFile::decode(node, r)?;
            let base = name.rsplit('/').next().unwrap_or(&name);
            let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned();
            let name = Spanned { span: node.span, path: node.path.clone(), value: stem };
            let path = node.path.clone();
            return Some(Self { name, script: text, path, file: Some(file), place: node.span });
        }
        let Value::Map(_) = node.value else {
            mismatch(node, "a file's name, or a mapping with `name` and `script`", "check.sh", r);
            return None;
        };
        let HookFields { name, script } = HookFields::decode(node, r)?;
        let (Some(name), Some(script)) = (&name, &script) else {
            let missing = match (&name, &script) {
                (Some(name), None) => format!("the hook `{}` has no `script`", name.value),
                (None, Some(_)) => NO_NAME.to_owned(),
                _ => "a hook is a file's name, or has `name` and `script`".to_owned(),
            };
            r.findings.tell(Rule::HookParts, &node.path, node.span, missing, EXAMPLE);
            return None;
        };
        let (name, script) = (name.clone(), script.clone());
        let (path, place) = (script.path, script.span);
        Some(Self { name, script: script.value.into(), path, file: None, place })
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(HookFields::shape()))
    }
}

impl HookSpec {
    /// Where a line of the script stands; the whole script where that cannot be told.
    #[must_use]
    pub fn line(&self, number: usize, sources: &Sources) -> Span {
        let (line_of_file, wanted) = line_of(&self.script, number);
        let wanted = wanted.trim();
        let (file, line) = if let Some(file) = self.file {
            (file, line_of_file)
        } else {
            // A place is where something stands: blank lines before that belong to the script, too.
            let blank = self.script.lines().take_while(|line| line.trim().is_empty()).count();
            (self.place.file, (self.place.line + number).saturating_sub(1 + blank))
        };
        // A line with nothing on it is no place that could be marked.
        if self.file.is_none() && wanted.is_empty() {
            return self.place;
        }
        let text = sources.line(file, line);
        // In a lab file, only a block (`|`) has the script's own lines.
        if text.trim() != wanted {
            return self.place;
        }
        let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
        Span { file, line, column, length: wanted.chars().count().max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Source;

    #[test]
    fn a_line_of_a_file_is_counted_as_bash_counts_and_marked_as_findings_are() {
        let script = "true\r:\n  false\r\n\nfi\rx\n";
        let mut sources = Sources::new("");
        let text = script.into();
        let file = sources.add(Source { name: "a.sh".into(), path: "a.sh".into(), text });
        let name = Spanned { span: Span::default(), path: "hooks".into(), value: "a".to_owned() };
        let place = Span { file, line: 1, column: 1, length: 4 };
        let path = "hooks".into();
        let hook = HookSpec { name, script: script.into(), path, file: Some(file), place };
        for (number, line, column, length) in
            [(1, 1, 1, 4), (2, 3, 3, 5), (3, 4, 1, 1), (4, 5, 1, 2)]
        {
            assert_eq!(hook.line(number, &sources), Span { file, line, column, length });
        }
    }
}
