//! The file that a command works from, and whether it is what it should be.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::base_image::Facts;
use crate::base_image::known::KNOWN;
use crate::digest::Digest;
use crate::exit::{self, Failure};
use crate::model::{Image, ImageSource};

/// What a lab is made of is not replaced by what is made of it, with `--force` neither.
pub(super) fn keep_own(output: &Path, own: &[&Path]) -> Result<()> {
    let is = |one: &&&Path| {
        one.canonicalize().ok().is_some_and(|one| output.canonicalize().ok() == Some(one))
    };
    if let Some(own) = own.iter().find(is) {
        let message = format!(
            "`{}` is the lab's own `{}`: write somewhere else",
            output.display(),
            own.display()
        );
        bail!(Failure::new(exit::REFUSED, message));
    }
    Ok(())
}

/// The image to work from.
pub(super) struct Source {
    pub path: PathBuf,
    /// What is said about it.
    pub facts: Facts,
    /// What to do where it is not so.
    pub help: String,
}

impl Source {
    /// The file that the command line names, or else the lab under `key`; nothing where that is no file.
    pub fn of_file(
        given: Option<&Path>,
        image: &Image,
        key: &str,
        lab_file: &Path,
    ) -> Option<Self> {
        let facts = image.facts.clone();
        if let Some(path) = given {
            let help =
                format!("name the right file, or correct what the lab file says about its `{key}`");
            return Some(Self { path: path.to_owned(), facts, help });
        }
        let ImageSource::Path(path) = &image.source else { return None };
        let help = "bring the right file there, or correct what the lab file says about it".into();
        Some(Self { path: beside(lab_file, path), facts, help })
    }

    /// One of the cache, whose record says what it is.
    pub fn of_cache(path: PathBuf, sha256: Digest, command: &str) -> Self {
        let facts = Facts { sha256: Some(sha256), ..Facts::default() };
        Self { path, facts, help: format!("`{command} --verify` mends what is in the cache") }
    }
}

/// A file that the lab names, which is relative to the lab file.
pub(super) fn beside(lab_file: &Path, path: &Path) -> PathBuf {
    lab_file.parent().unwrap_or(Path::new("")).join(path)
}

/// What an image, which has just been read, is.
pub(super) struct Found<'a> {
    pub path: &'a Path,
    pub sha256: Digest,
    pub size: u64,
    /// Of a medium.
    pub volume_id: Option<&'a str>,
}

impl Found<'_> {
    /// It is what it is said to be: by the lab, or by the record of its proof.
    pub fn check(&self, facts: &Facts, help: &str) -> Result<()> {
        let volume_id = self.volume_id.unwrap_or("none").to_owned();
        let said = [
            (facts.sha256.map(|it| it.to_string()), "SHA-256", self.sha256.to_string()),
            (facts.size.map(|it| it.to_string()), "size", self.size.to_string()),
            (facts.volume_id.clone(), "volume id", volume_id),
        ];
        for (wanted, what, found) in said {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                let message = format!(
                    "`{}` is not what it should be: its {what} is `{found}`, not `{wanted}`; {help}",
                    self.path.display()
                );
                bail!(Failure::new(exit::VERIFICATION, message));
            }
        }
        Ok(())
    }

    /// What to say of one that is worked from on its owner's word alone; the lab names it under `key`.
    pub fn unproved(&self, facts: &Facts, key: &str) -> Option<String> {
        let is_known = KNOWN.images.values().any(|image| image.sha256 == Some(self.sha256));
        (facts.sha256.is_none() && !is_known).then(|| {
            format!(
                "note: nothing says what `{}` must be: trainyard does not know its SHA-256, {sha256}; where it is right, `{key}: {{sha256: {sha256}}}` in the lab file holds it to that",
                self.path.display(),
                sha256 = self.sha256
            )
        })
    }
}
