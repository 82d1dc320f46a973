//! Scripts of one's own that run at three points of a node's making.

use std::sync::Arc;

use crate::report::{Sources, Span};

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
    /// The number of the file that holds it and nothing else; `None` where it stands in a lab file.
    file: Option<usize>,
    /// Where the lab file names it, or where the script stands in it.
    place: Span,
}

record! {
    /// [`HookSpec`] written out.
    HookFields {
        /// Its name.
        name: String = "motd",
        /// The script.
        script: String = "uname -r > /etc/motd",
    }
}

impl Decode for HookSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        if let Value::Scalar(_) = node.value {
            let TextFile { name, text, file } = TextFile::decode(node, r)?;
            let base = name.rsplit('/').next().unwrap_or(&name);
            let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned();
            let name = Spanned { span: node.span, path: node.path.clone(), value: stem };
            return Some(Self { name, script: text, file: Some(file), place: node.span });
        }
        let HookFields { name, script } = HookFields::decode(node, r)?;
        let (Some(name), Some(script)) = (name, script) else {
            mismatch(node, "a file's name, or a mapping with `name` and `script`", "[check.sh]", r);
            return None;
        };
        Some(Self { name, script: script.value.into(), file: None, place: script.span })
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(HookFields::shape()))
    }
}

impl HookSpec {
    /// Where a line of the script stands; the whole script where that cannot be told.
    #[must_use]
    pub fn line(&self, number: usize, sources: &Sources) -> Span {
        let wanted = self.script.lines().nth(number.saturating_sub(1)).unwrap_or("").trim();
        let (file, line) = if let Some(file) = self.file {
            (file, number)
        } else {
            // A place is where something stands: blank lines before that belong to the script, too.
            let blank = self.script.lines().take_while(|line| line.trim().is_empty()).count();
            (self.place.file, (self.place.line + number).saturating_sub(1 + blank))
        };
        let text = sources.file(file).text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        // In a lab file, only a block (`|`) has the script's own lines.
        if text.trim() != wanted {
            return self.place;
        }
        let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
        Span { file, line, column, length: wanted.chars().count().max(1) }
    }
}
