//! What is removed from a cache: never what somebody is just bringing.
//!
//! Locks stay. Whoever waits for one has its file open already, and would hold the lock of a file that is gone while the next one takes
//! that of a new file: two would bring the same image. They are small, and one an image.

use std::fs::{self, Metadata};
use std::path::PathBuf;

use super::cache::{list, remove};
use super::lock::Lock;
use super::{Cache, Entry, FetchError, Place, file_name};

impl Cache {
    /// Deletes an image or a part, and tells how many bytes that frees, unless somebody brings it just now: then that is told.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub fn delete(&self, entry: &Entry) -> Result<Result<u64, String>, FetchError> {
        let place = self.place_of(&entry.digest, &file_name(&entry.path));
        let _lock = match Lock::try_take(&place)? {
            Ok(lock) => lock,
            Err(owner) => return Ok(Err(owner)),
        };
        let is_last = entry.path.metadata().is_ok_and(|found| names(&found) < 2);
        let ours =
            if entry.is_part { [&place.part, &place.notes] } else { [&place.image, &place.record] };
        discard(&ours)?;
        Ok(Ok(if is_last { entry.size } else { 0 }))
    }

    /// Deletes the records and notes of what is not there any more, and tells which.
    ///
    /// # Errors
    /// A folder cannot be read, or a file not be deleted.
    pub fn sweep(&self) -> Result<Vec<PathBuf>, FetchError> {
        let mut orphans: Vec<(Place, PathBuf)> = Vec::new();
        for (digest, folder) in list(&self.folder().join("records"))? {
            // Whatever else somebody put here is not ours.
            let records = if folder.is_dir() { list(&folder)? } else { Vec::new() };
            for (name, _) in records {
                let Some(file) = name.strip_suffix(".json") else { continue };
                let place = self.place_of(&digest, file);
                orphans.push((place.clone(), place.record));
            }
        }
        for (name, _) in list(&self.folder().join("parts"))? {
            let Some(digest) = name.strip_suffix(".json") else { continue };
            let place = self.place_of(digest, "");
            orphans.push((place.clone(), place.notes));
        }
        let mut swept = Vec::new();
        for (place, path) in orphans {
            let stands_for = if path == place.record { &place.image } else { &place.part };
            // Whoever has the lock may be about to write the image.
            if stands_for.exists() {
                continue;
            }
            let Ok(_lock) = Lock::try_take(&place)? else { continue };
            if !stands_for.exists() {
                discard(&[&path])?;
                swept.push(path);
            }
        }
        Ok(swept)
    }
}

/// Removes files that may not be there; the last one of a folder takes that along.
fn discard(files: &[&PathBuf]) -> Result<(), FetchError> {
    for path in files {
        remove(path)?;
    }
    for folder in files.iter().filter_map(|path| path.parent()) {
        // Whoever finds something in it leaves it.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// How many names a file has.
#[cfg(unix)]
fn names(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// Nobody tells there.
#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}
