//! The files that a lab file names: other lab files, keys, scripts, templates. Read once, bounded, text only.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::report::{Findings, Rule, Source, Sources, Span};

use super::decode::{Decode, mismatch};
use super::disk::{Files, Nowhere};
use super::private;
use super::shape::Shape;
use super::tree::{MARK, MARK_HELP, Node, Value};

/// A folder with more files and folders than this was not made for a lab.
const MOST_ENTRIES: usize = 1000;

/// Nor was one with more text, in bytes.
const MOST_TEXT: usize = 16 << 20;

/// Nor one that is deeper.
const DEEPEST: usize = 8;

/// All files of a lab together, and their text in bytes: a few folders of that size.
const MOST_OF_ALL: (usize, usize) = (4 * MOST_ENTRIES, 4 * MOST_TEXT);

/// Reads values, and the files that they name.
pub struct Reader<'a> {
    /// What is wrong.
    pub findings: &'a mut Findings,
    sources: &'a mut Sources,
    files: &'a dyn Files,
    read: HashMap<PathBuf, Result<usize, String>>,
}

/// Reads a file and makes it one of the sources.
pub(super) fn add_file(
    path: &Path,
    shown: &Path,
    files: &dyn Files,
    sources: &mut Sources,
) -> Result<usize, String> {
    let text: Arc<str> = files.read(path).map_err(|e| e.to_string())?.into();
    add_text(path, shown, text, sources)
}

/// The same for a file whose text is at hand.
pub(super) fn add_text(
    path: &Path,
    shown: &Path,
    text: Arc<str>,
    sources: &mut Sources,
) -> Result<usize, String> {
    if sources.count() >= MOST_OF_ALL.0 || sources.bytes() + text.len() > MOST_OF_ALL.1 {
        let (count, mib) = (MOST_OF_ALL.0, MOST_OF_ALL.1 >> 20);
        return Err(format!("a lab is read from at most {count} files and {mib} MiB"));
    }
    let name = shown.display().to_string().into();
    Ok(sources.add(Source { name, path: path.to_owned(), text }))
}

impl<'a> Reader<'a> {
    /// Reads values of these sources; files that they name are not read.
    pub fn new(findings: &'a mut Findings, sources: &'a mut Sources) -> Self {
        Self { findings, sources, files: &Nowhere, read: HashMap::new() }
    }

    /// Reads the files that values name from here.
    #[must_use]
    pub fn from(self, files: &'a dyn Files) -> Self {
        Self { files, ..self }
    }

    /// Where something stands, for those who look at another place.
    pub(super) fn seen_from(&self, here: Span, span: Span) -> String {
        self.sources.seen_from(here, span)
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
        private::refuse_name(&path, self.files)?;
        let file = self.text_at(written, path, &shown)?;
        for line in 1..=self.sources.lines(file.file) {
            let text = self.sources.line(file.file, line);
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
        let (files, sources) = (self.files, &mut *self.sources);
        let read = || add_file(&path, shown, files, sources);
        let file = self.read.entry(path.clone()).or_insert_with(read).clone()?;
        Ok(TextFile { name: name.to_owned(), file, text: self.sources.file(file).text.clone() })
    }

    /// All files of a folder and of those in it, by their path inside it.
    fn folder(&mut self, node: &Node, written: &str) -> Result<BTreeMap<String, TextFile>, String> {
        let (root, shown) = self.path(node, written);
        let mut files = BTreeMap::new();
        let (mut seen, mut bytes) = (0, 0);
        let mut waiting = vec![PathBuf::new()];
        while let Some(inside) = waiting.pop() {
            let folder = root.join(&inside);
            let mut entries = self.files.list(&folder).map_err(|e| e.to_string())?;
            // In the same order everywhere: findings are sorted by the number of their file.
            entries.sort();
            for entry in entries {
                // What editors and version control leave.
                let name = entry.name.to_string_lossy();
                if name.starts_with('.') || name.ends_with('~') {
                    continue;
                }
                let path = inside.join(&entry.name);
                let name = path.to_string_lossy().replace('\\', "/");
                seen += 1;
                if seen > MOST_ENTRIES {
                    return Err(format!("it holds more than {MOST_ENTRIES} files"));
                }
                if entry.is_folder {
                    let target = self.files.canonical(&root.join(&path));
                    if self.files.canonical(&folder).starts_with(target) {
                        return Err(format!("`{name}` is a link back to a folder that it is in"));
                    }
                    if path.components().count() > DEEPEST {
                        return Err(format!("`{name}` is more than {DEEPEST} folders deep"));
                    }
                    waiting.push(path);
                    continue;
                }
                // Beside stages of the lab's own, a list of that name says what their secrets are for.
                if name != private::FILE_NAME {
                    private::refuse_name(&root.join(&path), self.files)
                        .map_err(|error| format!("`{name}`: {error}"))?;
                }
                let text = self
                    .text_at(&name, root.join(&path), &shown.join(&path))
                    .map_err(|error| format!("`{name}`: {error}"))?;
                bytes += text.text.len();
                if bytes > MOST_TEXT {
                    return Err(format!("it holds more than {} MiB of text", MOST_TEXT >> 20));
                }
                files.insert(name, text);
            }
        }
        Ok(files)
    }
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

/// A file that a lab file names and that is not read with it, for it is private.
#[derive(Clone, Debug)]
pub struct UnreadFile(pub PathBuf);

impl Decode for UnreadFile {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let Value::Scalar(name) = &node.value else {
            mismatch(node, "a file's name", "file.key", r);
            return None;
        };
        Some(Self(r.path(node, name).0))
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
