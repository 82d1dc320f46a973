//! Files of the person's own that were read through once: what their digest was, believed as long as they were not touched.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::proof::Stamp;
use super::{Cache, FetchError, cache};
use crate::digest::Digest;

/// What was read.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// The form of this record: 1.
    schema: u32,
    sha256: Digest,
    stamp: Stamp,
    changed: Changed,
}

/// What no program sets back: its file system, and when it was changed in any way (seconds and nanoseconds since 1970).
type Changed = (u64, i64, i64);

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Changed {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ctime(), metadata.ctime_nsec())
}

/// Nothing but size and time tells there.
#[cfg(not(unix))]
fn changed(_: &Metadata) -> Changed {
    (0, 0, 0)
}

impl Cache {
    /// The digest that a file had when it was read through, unless it was touched since.
    #[must_use]
    pub fn seen(&self, file: &Path) -> Option<Digest> {
        let seen: Seen = serde_json::from_slice(&fs::read(self.place_of_seen(file)?).ok()?).ok()?;
        let now = fs::metadata(file).ok()?;
        let is_same = seen.stamp == Stamp::of(&now) && seen.changed == changed(&now);
        (seen.schema == 1 && is_same).then_some(seen.sha256)
    }

    /// Notes the digest of a file that was read through. `before` is what it was when reading had not begun yet: where it was touched
    /// meanwhile, the note holds for no file.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn note_seen(
        &self,
        file: &Path,
        before: &Metadata,
        sha256: Digest,
    ) -> Result<(), FetchError> {
        let Some(path) = self.place_of_seen(file) else { return Ok(()) };
        let seen = Seen { schema: 1, sha256, stamp: Stamp::of(before), changed: changed(before) };
        cache::make_folder(&path)?;
        let json = serde_json::to_vec_pretty(&seen).unwrap_or_default();
        fs::write(&path, json).map_err(FetchError::io(path))
    }

    fn place_of_seen(&self, file: &Path) -> Option<PathBuf> {
        let path = file.canonicalize().ok()?;
        let name = Digest::of(path.as_os_str().as_encoded_bytes()).short();
        Some(self.folder().join("seen").join(format!("{name}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest is believed as long as the file is the one that it was read from, and was that while it was read.
    #[test]
    fn a_file_that_is_touched_is_not_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, file) = (Cache::new(folder.path().join("cache")), folder.path().join("a.iso"));
        let sha256 = Digest::of(b"one");
        let read = |meanwhile: &dyn Fn()| {
            let before = fs::metadata(&file).expect("there");
            meanwhile();
            cache.note_seen(&file, &before, sha256).expect("noted");
            cache.seen(&file)
        };
        fs::write(&file, "one").expect("written");
        assert_eq!(read(&|| fs::write(&file, "other").expect("written")), None);
        assert_eq!(read(&|| ()), Some(sha256));
        fs::write(&file, "longer").expect("written");
        assert_eq!(cache.seen(&file), None);
    }
}
