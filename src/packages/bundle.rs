//! What a lock names, whole: on a medium or in a folder, for nodes that reach nobody.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::locked::items;
use super::{INDEX, LOCK, Lock, Packages, PackagesError};
use crate::digest::{Digest, Undigested};

/// The volume id by which nodes find such a medium.
pub const BUNDLE_LABEL: &str = "TRAINYARD_PACKAGES";
/// The digests of all that is on it, as `sha256sum -c` reads them.
pub const BUNDLE_SUMS: &str = "SHA256SUMS";

/// What a bundle holds: paths from its top, sizes in bytes, and digests.
pub type Bundled = BTreeMap<String, (u64, Digest)>;

impl Packages {
    /// How many bytes a bundle takes, with the metadata, all of which are there.
    ///
    /// # Errors
    /// What the lock names cannot be had.
    pub fn bundle_size(&self, lock: &Lock) -> Result<u64, PackagesError> {
        let mut size = lock.size();
        for id in lock.repositories.keys() {
            let (index, _) = self.index_of_lock(lock, &self.kept(id)?.repository)?;
            size += index.metadata().map(|item| item.size).sum::<u64>();
        }
        Ok(size)
    }

    /// Puts what a lock names into an empty folder: a repository in a folder of its id, the lock as it was read, and the digests of it all. Each file is
    /// hashed on its way; `tell` is told how many bytes were. What lies on the cache's file system takes no more room.
    ///
    /// # Errors
    /// Something cannot be had or written, is not what it must be, or the person asked to stop.
    pub fn bundle(
        &self,
        lock: &Lock,
        text: &str,
        folder: &Path,
        mut tell: impl FnMut(u64),
    ) -> Result<Bundled, PackagesError> {
        let (mut bundled, mut before) = (Bundled::new(), 0);
        for id in lock.repositories.keys() {
            let repository = &self.kept(id)?.repository;
            let (index, _) = self.index_of_lock(lock, repository)?;
            let packages = items(lock, repository)?;
            for item in packages.iter().chain(index.metadata()) {
                let path = format!("{id}/{}", item.path());
                let place = folder.join(&path);
                self.link(item, &place)?;
                match Digest::of_file(&place, |done| tell(before + done)) {
                    Ok(digest) if digest == item.sha256 => {}
                    Ok(_) => {
                        return Err(PackagesError::Rotten { id: id.clone(), path: item.path() });
                    }
                    Err(Undigested::Interrupted(asked)) => return Err(asked.into()),
                    Err(Undigested::Io(source)) => {
                        return Err(PackagesError::Io { path: place, source });
                    }
                }
                before += item.size;
                bundled.insert(path, (item.size, item.sha256));
            }
            put(folder, &format!("{id}/{INDEX}"), index.text(), &mut bundled)?;
        }
        put(folder, LOCK, text, &mut bundled)?;
        let sum = |(path, (_, digest)): (&String, &(u64, Digest))| format!("{digest}  {path}\n");
        let sums: String = bundled.iter().map(sum).collect();
        put(folder, BUNDLE_SUMS, &sums, &mut bundled)?;
        Ok(bundled)
    }
}

fn put(folder: &Path, path: &str, text: &str, bundled: &mut Bundled) -> Result<(), PackagesError> {
    let place: PathBuf = folder.join(path);
    fs::write(&place, text).map_err(|source| PackagesError::Io { path: place, source })?;
    bundled.insert(path.to_owned(), (text.len() as u64, Digest::of(text.as_bytes())));
    Ok(())
}
