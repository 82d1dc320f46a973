//! Files and folders that a person adds to a medium.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use super::base::digest;
use super::{Base, IsoError, UPDATES};
use crate::digest::Digest;

/// More than any medium's folders hold.
const MOST_FILES: usize = 100_000;

/// A file or a folder, and where it goes on the medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Its path on the medium.
    pub target: String,
    found: OnceLock<Found>,
}

/// What is in an addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The digest of every file, by its path on the medium.
    pub files: BTreeMap<String, Digest>,
    /// Its folders, by their paths on the medium.
    pub folders: Vec<String>,
    /// Bytes of all files.
    pub bytes: u64,
}

impl FromStr for Addition {
    type Err = String;

    /// `SOURCE`, or `SOURCE:/PATH`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (source, target) = if let Some((source, target)) = text.rsplit_once(":/") {
            (source, format!("/{target}"))
        } else {
            let name = Path::new(text).file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| {
                format!("`{text}` has no name of its own; say where it goes: {text}:/PATH")
            })?;
            (text, format!("/{name}"))
        };
        let target = target.trim_end_matches('/');
        let is_plain = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.len() <= 200
                && !part.contains(char::is_control)
        };
        if source.is_empty() || !target.split('/').skip(1).all(is_plain) || target.is_empty() {
            return Err(format!(
                "`{text}` is no SOURCE:/PATH whose path on the medium consists of names, such as extras:/lab/extras"
            ));
        }
        Ok(Self::new(source.into(), target.to_owned()))
    }
}

impl Addition {
    fn new(source: PathBuf, target: String) -> Self {
        Self { source, target, found: OnceLock::new() }
    }

    /// An image of changes to the installer itself.
    #[must_use]
    pub fn updates(source: PathBuf) -> Self {
        Self::new(source, UPDATES.to_owned())
    }

    /// What is in it; that is looked at once, for however many media. `taken` are paths of our own.
    pub(super) fn found(
        &self,
        base: &Base,
        taken: &BTreeMap<String, Digest>,
    ) -> Result<&Found, IsoError> {
        let target = &self.target;
        let refused = |has: &str| IsoError::Addition {
            path: self.source.clone(),
            what: format!("the medium has `{has}` already; say another path: --add SOURCE:/PATH"),
        };
        let below = |path: &str| {
            path.strip_prefix(target.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if base.medium.entry(target)?.is_some() || taken.keys().any(|path| below(path)) {
            return Err(refused(target));
        }
        // Neither is a file, ours or the medium's, a folder for others.
        let ends = target.match_indices('/').map(|(at, _)| at).chain([target.len()]);
        for part in ends.filter(|at| *at > 0).map(|at| &target[..at]) {
            if taken.contains_key(part)
                || [super::mark::PATH, super::mark::UNDO].contains(&part)
                || base.medium.entry(part)?.is_some_and(|entry| !entry.is_directory())
            {
                return Err(refused(part));
            }
        }
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let found = self.read()?;
        Ok(self.found.get_or_init(|| found))
    }

    fn read(&self) -> Result<Found, IsoError> {
        let mut found = Found::default();
        let mut waiting = vec![(self.source.clone(), self.target.clone())];
        while let Some((path, target)) = waiting.pop() {
            let wrong =
                |what: &str| IsoError::Addition { path: path.clone(), what: what.to_owned() };
            // What the person names may be a link; what lies in a folder would stay one.
            let is_named = path == self.source;
            let about = if is_named { path.metadata() } else { path.symlink_metadata() };
            let about = about.map_err(IsoError::io(&path))?;
            if about.is_dir() {
                found.folders.push(target.clone());
                for entry in fs::read_dir(&path).map_err(IsoError::io(&path))? {
                    let entry = entry.map_err(IsoError::io(&path))?;
                    let name = entry.file_name();
                    let name = name.to_str().filter(|name| !name.contains(char::is_control));
                    let name = name.ok_or_else(|| wrong("a name in it is no text"))?;
                    waiting.push((entry.path(), format!("{target}/{name}")));
                }
            } else if about.is_file() {
                found.bytes += about.len();
                found.files.insert(target, digest(&path, |_| ())?);
            } else {
                return Err(wrong("it is no file or folder; a medium takes no others"));
            }
            if found.files.len() + found.folders.len() + waiting.len() > MOST_FILES {
                return Err(wrong("it has more files than a medium takes"));
            }
        }
        Ok(found)
    }
}
