//! Where images lie: one folder an image, named by its digest, so that two files of one name never meet.
//!
//! `images/DIGEST/FILE` is what is proved, `records/DIGEST/FILE.json` why it is believed, `parts/DIGEST` what is being brought, and
//! `locks/DIGEST` who brings it. No name of a file that somebody wants can be one of the others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::proof::Proof;
use super::{FetchError, Wanted};
use crate::digest::Digest;

/// The cache of images.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

/// The places of an image.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it lies once it is proved.
    pub image: PathBuf,
    pub(crate) record: PathBuf,
    pub(crate) part: PathBuf,
    pub(super) notes: PathBuf,
    pub(super) lock: PathBuf,
}

impl Place {
    /// The places of an image that has the same digest and another name.
    pub(super) fn named(&self, file: &str) -> Self {
        let record = self.record.with_file_name(format!("{file}.json"));
        Self { image: self.image.with_file_name(file), record, ..self.clone() }
    }
}

/// What lies in the cache.
#[derive(Debug)]
pub struct Entry {
    pub(super) digest: String,
    /// The image, or what there is of it so far.
    pub path: PathBuf,
    /// Bytes that it takes.
    pub size: u64,
    /// Whether it is a download that was not finished.
    pub is_part: bool,
    /// What was proved; nothing where it was not finished, or was touched since.
    pub proof: Option<Proof>,
}

impl Entry {
    /// The first digits of the digest that it must have: its folder.
    pub(crate) fn folder(&self) -> &str {
        &self.digest
    }
}

impl Cache {
    /// The cache in this folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The person's cache: `$XDG_CACHE_HOME/trainyard`, or `~/.cache/trainyard`.
    ///
    /// # Errors
    /// The person has no home.
    pub fn of_person() -> Result<Self, FetchError> {
        // The base directory specification: a relative path counts as none.
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        base.map(|base| Self(base.join("trainyard"))).ok_or(FetchError::NoCache)
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Where an image has its places.
    #[must_use]
    pub fn place(&self, sha256: Digest, file: &str) -> Place {
        self.place_of(&sha256.short(), file)
    }

    pub(super) fn place_of(&self, digest: &str, file: &str) -> Place {
        let parts = self.0.join("parts");
        Place {
            image: self.0.join("images").join(digest).join(file),
            record: self.0.join("records").join(digest).join(format!("{file}.json")),
            part: parts.join(digest),
            notes: parts.join(format!("{digest}.json")),
            lock: self.0.join("locks").join(digest),
        }
    }

    /// Where is recorded what was proved of an image.
    pub(crate) fn record_of(&self, entry: &Entry) -> PathBuf {
        self.place_of(&entry.digest, &super::file_name(&entry.path)).record
    }

    /// All that is there.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, FetchError> {
        let mut entries = Vec::new();
        for (digest, folder) in list(&self.0.join("images"))? {
            // Whatever else somebody put here is not ours.
            if !folder.is_dir() {
                continue;
            }
            for (file, path) in list(&folder)? {
                let place = self.place_of(&digest, &file);
                let proof = Proof::of(&place);
                entries.extend(entry(digest.clone(), path, false, proof)?);
            }
        }
        for (digest, path) in list(&self.0.join("parts"))? {
            if path.extension().is_none() {
                entries.extend(entry(digest, path, true, None)?);
            }
        }
        Ok(entries)
    }
}

impl Cache {
    /// Waits for the turn to make what has this name, among all processes that use the cache; it is given back when this is dropped.
    ///
    /// # Errors
    /// The lock cannot be taken, or the person asked to stop.
    pub(crate) fn turn(&self, name: Digest) -> Result<Lock, FetchError> {
        Lock::take(&self.place(name, ""), &mut |_| {})
    }

    /// Keeps a file that was made here, and proved by who made it: it is moved, so it must lie on the cache's file system. Where one
    /// of these bytes is there already, that one stays.
    ///
    /// # Errors
    /// It cannot be moved or recorded.
    pub(crate) fn keep(&self, made: &Path, wanted: &Wanted, from: &str) -> Result<(), FetchError> {
        let Some((sha256, evidence)) = &wanted.sha256 else { return Ok(()) };
        let place = self.place(*sha256, &wanted.file);
        let _lock = Lock::take(&place, &mut |_| {})?;
        if self.find(wanted)?.is_some() {
            return remove(made);
        }
        make_folder(&place.image)?;
        fs::rename(made, &place.image).map_err(FetchError::io(&place.image))?;
        Proof::record(&place, *sha256, evidence.clone(), from.to_owned()).map(drop)
    }
}

/// A file that lay there when its folder was read; nothing where another trainyard has moved or removed it since.
fn entry(
    digest: String,
    path: PathBuf,
    is_part: bool,
    proof: Option<Proof>,
) -> Result<Option<Entry>, FetchError> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(Entry { digest, path, size: metadata.len(), is_part, proof })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FetchError::io(path)(error)),
    }
}

/// What a folder holds, by name; nothing where it is not there.
pub(super) fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, FetchError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FetchError::io(folder)(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FetchError::io(folder))?;
        all.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    all.sort();
    Ok(all)
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FetchError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Makes the folder of a file.
pub(super) fn make_folder(path: &Path) -> Result<(), FetchError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(FetchError::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_never_meet() {
        let cache = Cache::new("/c");
        let digests = ["0", "1"].map(|d| d.repeat(64).parse().expect("a digest"));
        let images = digests.map(|digest| cache.place(digest, "a.iso").image);
        assert_eq!(images[0], Path::new("/c/images/0000000000000000/a.iso"));
        assert_ne!(images[0], images[1]);
    }

    #[test]
    fn what_is_gone_is_not_listed() {
        let path = PathBuf::from("/none/a.iso");
        assert!(entry("0".repeat(16), path, true, None).expect("no error").is_none());
    }
}
