//! An image that is being downloaded: what is there so far, its digest, and where it is from.
//!
//! It lies apart from its final place, with notes about it, so that a later run goes on where this one ended, however it
//! ended. Nothing in either is believed: the digest of the whole decides.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{FetchError, Place, cache};
use crate::digest::Digest;
use crate::interrupt;
use crate::room;

/// What is noted about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    /// How many answers it was put together from.
    pub pieces: u32,
    /// `If-Range` validators by URL.
    pub validators: BTreeMap<String, String>,
}

/// An image that is being downloaded.
pub(super) struct Part {
    place: Place,
    file: File,
    pub notes: Notes,
    /// Of the first `hashed` bytes; the file stands there.
    hash: Sha256,
    hashed: u64,
    /// The file's length; more than `hashed` after a resumption, or while an answer repeats what is there.
    length: u64,
}

impl Part {
    /// Opens what is there, or begins.
    pub fn open(place: &Place) -> Result<Self, FetchError> {
        let path = &place.part;
        cache::make_folder(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(FetchError::io(path))?;
        let length = file.metadata().map_err(FetchError::io(path))?.len();
        let json = fs::read(&place.notes).ok();
        let found = json.and_then(|json| serde_json::from_slice(&json).ok());
        let notes = match found {
            Some(found) if length > 0 => found,
            // Nobody knows where it is from.
            _ => Notes { pieces: u32::from(length > 0) * 2, ..Notes::default() },
        };
        Ok(Self { place: place.clone(), file, notes, hash: Sha256::new(), hashed: 0, length })
    }

    /// Bytes that are free where it lies; without end where the system does not tell, for writing will.
    pub fn free(&self) -> u64 {
        let folder = self.path().parent().unwrap_or(self.path());
        room::free(folder).unwrap_or(u64::MAX)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.part
    }

    /// Bytes from the beginning whose digest is known.
    pub fn hashed(&self) -> u64 {
        self.hashed
    }

    /// Bytes that are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Forgets everything.
    pub fn clear(&mut self) -> Result<(), FetchError> {
        self.notes = Notes::default();
        self.shorten(0)?;
        self.rewind()
    }

    fn rewind(&mut self) -> Result<(), FetchError> {
        (self.hash, self.hashed) = (Sha256::new(), 0);
        self.file.seek(SeekFrom::Start(0)).map_err(FetchError::io(&self.place.part))?;
        Ok(())
    }

    /// Prepares for what an answer sends from `at` on, which is either the end of what is there or the beginning of the file.
    /// Validators are kept by `url`, which tells nothing of a person. A server that begins anew and has another validator than
    /// before has another file.
    pub fn begin(&mut self, url: &str, at: u64, validator: Option<&str>) -> Result<(), FetchError> {
        let before = self.notes.validators.get(url);
        if at == 0 && before.is_some_and(|before| Some(before.as_str()) != validator) {
            self.clear()?;
        }
        if at == 0 {
            // What is there is written over with what should be the same, and stays beyond it.
            self.rewind()?;
        }
        self.notes.pieces = self.notes.pieces.saturating_add(1);
        match validator {
            Some(validator) => self.notes.validators.insert(url.to_owned(), validator.to_owned()),
            None => self.notes.validators.remove(url),
        };
        self.note()
    }

    fn note(&self) -> Result<(), FetchError> {
        let path = &self.place.notes;
        let json = serde_json::to_vec(&self.notes).unwrap_or_default();
        fs::write(path, json).map_err(FetchError::io(path))
    }

    /// Writes and hashes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(|error| self.write_failed(error))?;
        self.hash.update(bytes);
        self.hashed += bytes.len() as u64;
        self.length = self.length.max(self.hashed);
        Ok(())
    }

    fn write_failed(&self, error: io::Error) -> FetchError {
        let full =
            [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind());
        if full {
            FetchError::Full { part: self.place.part.clone() }
        } else {
            FetchError::io(&self.place.part)(error)
        }
    }

    /// The file ends here: what is there beyond is of another.
    pub fn end(&mut self) -> Result<(), FetchError> {
        if self.hashed == self.length { Ok(()) } else { self.shorten(self.hashed) }
    }

    fn shorten(&mut self, length: u64) -> Result<(), FetchError> {
        self.file.set_len(length).map_err(FetchError::io(&self.place.part))?;
        self.length = length;
        Ok(())
    }

    /// Reads what is there but not hashed yet. `on_bytes` is told how far it is.
    pub fn catch_up(&mut self, on_bytes: &mut dyn FnMut(u64)) -> Result<(), FetchError> {
        let mut buffer = vec![0; 1 << 18];
        while self.hashed < self.length {
            interrupt::check()?;
            let count = self.file.read(&mut buffer).map_err(FetchError::io(&self.place.part))?;
            if count == 0 {
                // Somebody else shortened it.
                return self.clear();
            }
            self.hash.update(&buffer[..count]);
            self.hashed += count as u64;
            on_bytes(self.hashed);
        }
        Ok(())
    }

    /// The digest of what is there, all of which is hashed.
    pub fn digest(&self) -> Digest {
        Digest::from_hash(self.hash.clone())
    }

    /// Whether it is the file with this digest.
    pub fn is(&self, sha256: Digest) -> bool {
        self.hashed == self.length && self.digest() == sha256
    }

    /// Leaves what is there to the next run, and nothing where nothing is.
    pub fn leave(self) -> Result<(), FetchError> {
        let path = &self.place.part;
        // What nobody has counted may have been written before the disk was full.
        let is_empty = path.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() == 0);
        if is_empty {
            cache::remove(path)?;
            cache::remove(&self.place.notes)?;
        }
        Ok(())
    }

    /// The whole is right: it gets its name.
    pub fn finish(self) -> Result<(), FetchError> {
        let Place { image, part, notes, .. } = &self.place;
        self.file.sync_data().map_err(|error| self.write_failed(error))?;
        cache::make_folder(image)?;
        fs::rename(part, image).map_err(FetchError::io(image))?;
        cache::remove(notes)
    }
}
