//! The files that a lab file names: other lab files, keys, scripts, templates. Read once, bounded, text only.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::report::{Findings, Rule, Sources};

use super::decode::{Decode, mismatch};
use super::shape::Shape;
use super::tree::{Node, Value};

/// A file larger than this is none that a person wrote.
const LARGEST: u64 = 4 << 20;

/// Reads values, and the files that they name.
pub struct Reader<'a> {
    /// What is wrong.
    pub findings: &'a mut Findings,
    sources: &'a Sources,
    read: HashMap<PathBuf, Result<Arc<str>, String>>,
}

impl<'a> Reader<'a> {
    /// Reads values of these files.
    pub fn new(findings: &'a mut Findings, sources: &'a Sources) -> Self {
        Self { findings, sources, read: HashMap::new() }
    }

    /// A path that is written in a lab file: relative to that file.
    #[must_use]
    pub fn path(&self, node: &Node, written: &str) -> PathBuf {
        self.sources.get(node.span).path.parent().unwrap_or(Path::new("")).join(written)
    }

    /// The text of a file that is named here, or what went wrong with it.
    pub fn text(&mut self, node: &Node, written: &str) -> Result<Arc<str>, String> {
        let path = self.path(node, written);
        let read = |path: &PathBuf| read_text(path).map(Into::into).map_err(|e| e.to_string());
        self.read.entry(path.clone()).or_insert_with(|| read(&path)).clone()
    }
}

/// A text file's content. A device or a pipe could go on for ever.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(Error::new(
            ErrorKind::InvalidData,
            format!("it holds {} bytes, far too many", metadata.len()),
        ));
    }
    let bytes = std::fs::read(path)?;
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..valid].split(|b| *b == b'\n').count();
        Error::new(
            ErrorKind::InvalidData,
            format!("line {line} is not UTF-8; save the file as UTF-8"),
        )
    })
}

/// A text file beside the lab file.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Its name as it was written.
    pub name: String,
    /// What is in it.
    pub text: Arc<str>,
}

impl Decode for TextFile {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(name) = &node.value else {
            mismatch(node, "a file's name", "file.txt", r);
            return None;
        };
        match r.text(node, name) {
            Ok(text) => Some(Self { name: name.clone(), text }),
            Err(error) => {
                let message = format!("the file `{name}` cannot be read: {error}");
                let help = "a text file, relative to the file that names it";
                r.findings.tell(Rule::NamedFile, &node.path, node.span, message, help);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

/// Public keys: one that stands here, or those of a file.
#[derive(Clone, Debug)]
pub struct PublicKeys(pub Vec<String>);

impl Decode for PublicKeys {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let text = String::decode(node, r)?;
        // A key has blanks between its type, its data and its comment.
        if text.contains(' ') {
            return Some(Self(vec![text]));
        }
        match r.text(node, &text) {
            Ok(lines) => {
                let lines = lines
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty() && !line.starts_with('#'));
                Some(Self(lines.map(str::to_owned).collect()))
            }
            Err(error) => {
                let message =
                    format!("`{text}` is no public key, and no file that can be read: {error}");
                let help = "a key on one line, or a file relative to the lab file";
                r.findings.tell(Rule::NamedFile, &node.path, node.span, message, help);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}
