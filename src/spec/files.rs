//! The files that a lab file names: other lab files, keys, scripts, templates. Read once, bounded, text only.

use std::collections::{BTreeMap, HashMap};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::report::{Findings, Rule, Source, Sources, Span};

use super::decode::{Decode, mismatch};
use super::shape::Shape;
use super::tree::{MARK, MARK_HELP, Node, Value};

/// A file larger than this is none that a person wrote.
const LARGEST: u64 = 4 << 20;

/// The name of the file that holds a lab's secrets.
const SECRETS: &str = "secrets.yaml";

/// A folder with more files than this was not made for a lab.
const MOST_FILES: usize = 1000;

/// Reads values, and the files that they name.
pub struct Reader<'a> {
    /// What is wrong.
    pub findings: &'a mut Findings,
    sources: &'a mut Sources,
    read: HashMap<PathBuf, Result<usize, String>>,
}

impl<'a> Reader<'a> {
    /// Reads values of these files.
    pub fn new(findings: &'a mut Findings, sources: &'a mut Sources) -> Self {
        Self { findings, sources, read: HashMap::new() }
    }

    /// Where a file lies that is named here, relative to the file that names it; and its name for people.
    fn path(&self, node: &Node, written: &str) -> (PathBuf, PathBuf) {
        let from = self.sources.get(node.span);
        let beside = |path: &Path| path.parent().unwrap_or(Path::new("")).join(written);
        (beside(&from.path), beside(Path::new(&*from.name)))
    }

    /// The file that is named here, or what went wrong with it. Read once, and then one of the sources, so that findings
    /// can point into it.
    pub fn text(&mut self, node: &Node, written: &str) -> Result<TextFile, String> {
        let (path, shown) = self.path(node, written);
        no_secrets(&path)?;
        let file = self.text_at(written, path, &shown)?;
        for (line, text) in (1..).zip(file.text.lines()) {
            if let Some(at) = text.find(MARK) {
                let column = text[..at].chars().count() + 1;
                let span = Span { file: file.file, line, column, length: MARK.len() };
                let message = "this holds `@SECRET_`";
                self.findings.tell(Rule::SecretMark, &node.path, span, message, MARK_HELP);
            }
        }
        Ok(file)
    }

    fn text_at(&mut self, name: &str, path: PathBuf, shown: &Path) -> Result<TextFile, String> {
        let sources = &mut *self.sources;
        let read = || {
            let text = read_text(&path).map_err(|e| e.to_string())?;
            let name = shown.display().to_string().into();
            Ok(sources.add(Source { name, path: path.clone(), text: text.into() }))
        };
        let file = self.read.entry(path.clone()).or_insert_with(read).clone()?;
        Ok(TextFile { name: name.to_owned(), file, text: self.sources.file(file).text.clone() })
    }

    /// All files of a folder and of those in it, by their path inside it.
    fn folder(&mut self, node: &Node, written: &str) -> Result<BTreeMap<String, TextFile>, String> {
        let (root, shown) = self.path(node, written);
        let mut files = BTreeMap::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(inside) = waiting.pop() {
            let entries = std::fs::read_dir(root.join(&inside)).map_err(|e| e.to_string())?;
            let mut entries: Vec<_> =
                entries.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
            // In the same order everywhere: findings are sorted by the number of their file.
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let path = inside.join(entry.file_name());
                // What editors and version control leave.
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') || name.ends_with('~') {
                    continue;
                }
                if entry.path().is_dir() && path.components().count() < 8 {
                    waiting.push(path);
                    continue;
                }
                if files.len() == MOST_FILES {
                    return Err(format!("it holds more than {MOST_FILES} files"));
                }
                let name = path.to_string_lossy().replace('\\', "/");
                let text = self
                    .text_at(&name, root.join(&path), &shown.join(&path))
                    .map_err(|error| format!("`{name}`: {error}"))?;
                files.insert(name, text);
            }
        }
        Ok(files)
    }
}

/// Findings quote what they find, and what is rendered may be read by others: no file that a lab names is its secrets.
///
/// # Errors
/// It is.
pub fn no_secrets(path: &Path) -> Result<(), String> {
    if path.file_name().is_some_and(|name| name == SECRETS) {
        return Err("it holds the lab's secrets".into());
    }
    Ok(())
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
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..valid].split(|b| *b == b'\n').count();
        Error::new(
            ErrorKind::InvalidData,
            format!("line {line} is not UTF-8; save the file as UTF-8"),
        )
    })?;
    if text.contains("PRIVATE KEY-----") {
        return Err(Error::new(ErrorKind::InvalidInput, "it holds a private key"));
    }
    Ok(text)
}

/// A text file beside the lab file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Its name as it was written.
    pub name: String,
    /// Its number among the sources, for spans that point into it.
    pub file: usize,
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
            Ok(file) => Some(file),
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

/// The types of keys that OpenSSH 7.4 takes.
pub const KEY_TYPES: [&str; 5] =
    ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

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
            Ok(file) => {
                let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#');
                let lines = file.text.lines().map(str::trim);
                // What is not a key may be anything, and is not shown.
                let odd = lines
                    .clone()
                    .position(|l| is_key(&l) && !KEY_TYPES.iter().any(|t| l.starts_with(t)));
                if let Some(odd) = odd {
                    let message = format!("line {} of `{text}` is no public key", odd + 1);
                    let help = "a file of public keys, one on each line; its name ends in `.pub`, as a rule";
                    r.findings.tell(Rule::NamedFile, &node.path, node.span, message, help);
                    return None;
                }
                Some(Self(lines.filter(is_key).map(str::to_owned).collect()))
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

/// A folder of text files beside the lab file.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Its name as it was written.
    pub name: String,
    /// Its files, by their path inside it.
    pub files: BTreeMap<String, TextFile>,
}

impl Decode for Folder {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(name) = &node.value else {
            mismatch(node, "a folder's name", "folder", r);
            return None;
        };
        match r.folder(node, name) {
            Ok(files) => Some(Self { name: name.clone(), files }),
            Err(error) => {
                let message = format!("the folder `{name}` cannot be read: {error}");
                let help = "a folder of text files, relative to the file that names it";
                r.findings.tell(Rule::NamedFile, &node.path, node.span, message, help);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}
