//! A medium that holds files and starts nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::inspect;
use super::{IsoError, Xorriso};
use crate::appear::Growing;
use crate::digest::Digest;
use crate::medium::Medium;

/// What xorriso needs beside the files: descriptors and directories, and the rest of each file's last block.
const MORE: u64 = 4 << 20;

/// What is to be on it.
pub struct Data<'a> {
    /// The volume id by which it is found.
    pub label: &'a str,
    /// The folder of it all.
    pub folder: &'a Path,
    /// What is in there: paths from there, sizes in bytes, and digests.
    pub files: &'a BTreeMap<String, (u64, Digest)>,
    /// Where it goes.
    pub output: &'a Path,
    /// Whether it may replace what is there.
    pub force: bool,
}

impl Data<'_> {
    /// Makes it, and reads it back. It appears whole under its name, or not at all. Returns its size in bytes.
    ///
    /// # Errors
    /// It is there already, there is no room, xorriso fails, or it does not read back as it was meant.
    pub fn write(&self, xorriso: &Xorriso) -> Result<u64, IsoError> {
        let growing = Growing::begin(self.output, self.force)?;
        let needed = self.files.values().map(|(size, _)| size.next_multiple_of(2048)).sum::<u64>();
        let folder = growing.path().parent().unwrap_or(self.output);
        super::role::check_room(folder, needed + MORE)?;
        xorriso.data(self.folder, self.label, growing.path()).finish()?;
        let findings = self.compare(growing.path())?;
        if !findings.is_empty() {
            return Err(IsoError::ReadBack { path: self.output.to_owned(), findings });
        }
        Ok(growing.keep()?)
    }

    /// Everything in which it is not as it was meant, read by our own reader: writing was xorriso's.
    fn compare(&self, path: &Path) -> Result<Vec<String>, IsoError> {
        let medium = Medium::open(path)?;
        let mut findings = Vec::new();
        if medium.label() != self.label {
            findings.push(format!("  the label is `{}` and not `{}`", medium.label(), self.label));
        }
        for (name, (size, sha256)) in self.files {
            match medium.entry(name)? {
                None => findings.push(format!("  there is no `{name}`")),
                Some(entry)
                    if entry.size() != *size || inspect::digest(&medium, &entry)? != *sha256 =>
                {
                    findings.push(format!("  `{name}` has another content"));
                }
                Some(_) => {}
            }
        }
        Ok(findings)
    }
}
