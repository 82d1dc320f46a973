//! A seed: a tiny medium that tells a system that is there, or an installer, which node it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::base::digest;
use super::{IsoError, Xorriso};
use crate::appear::Growing;
use crate::digest::Digest;
use crate::medium::Medium;
use crate::parallel::each;

/// What to make.
pub struct Seed<'a> {
    /// The volume id by which it is found.
    pub label: &'a str,
    /// The files: name and content.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// Where it goes.
    pub output: PathBuf,
    /// Whether it may replace what is there.
    pub force: bool,
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Seeded {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// Makes a seed, and reads it back. It appears whole under its name, or not at all; nobody else may read it.
///
/// # Errors
/// It is there already, xorriso fails, or it does not read back as it was meant.
pub fn seed(seed: &Seed, xorriso: &Xorriso) -> Result<Seeded, IsoError> {
    let output = &seed.output;
    let growing = Growing::begin(output, seed.force)?;
    let work = tempfile::tempdir().map_err(IsoError::io(std::env::temp_dir()))?;
    for (name, content) in &seed.files {
        let path = work.path().join(name);
        fs::write(&path, content).map_err(IsoError::io(&path))?;
    }
    xorriso.small(work.path(), seed.label, growing.path()).finish()?;
    let findings = compare(seed, growing.path())?;
    if !findings.is_empty() {
        return Err(IsoError::ReadBack { path: output.clone(), findings });
    }
    let sha256 = digest(growing.path(), |_| ())?;
    let size = growing.keep()?;
    Ok(Seeded { path: output.clone(), size, sha256 })
}

/// How many seeds are made at the same time: mostly xorriso sleeps.
const JOBS: usize = 16;

/// Makes several, at the same time.
///
/// # Errors
/// As for [`seed`], the first.
pub fn seeds(all: &[Seed], xorriso: &Xorriso) -> Result<Vec<Seeded>, IsoError> {
    each(all, JOBS, |one| seed(one, xorriso))
}

/// Everything in which it is not as it was meant, read by our own reader: writing was xorriso's.
fn compare(seed: &Seed, path: &Path) -> Result<Vec<String>, IsoError> {
    let medium = Medium::open(path)?;
    let mut findings = Vec::new();
    if medium.label() != seed.label {
        findings.push(format!("  the label is `{}` and not `{}`", medium.label(), seed.label));
    }
    for (name, content) in &seed.files {
        match medium.entry(name)? {
            None => findings.push(format!("  there is no `{name}`")),
            Some(entry)
                if entry.size() != content.len() as u64
                    || medium.read(name, entry.size())? != *content =>
            {
                findings.push(format!("  `{name}` has another content"));
            }
            Some(_) => {}
        }
    }
    Ok(findings)
}
