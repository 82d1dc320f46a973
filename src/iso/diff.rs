//! What a medium has otherwise than another, file by file.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::Serialize;

use super::IsoError;
use crate::interrupt;
use crate::medium::{Entry, EntryKind, Medium};

/// Bytes that are compared at a time.
const PIECE: usize = 1 << 20;

/// What became of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the medium has it.
    Added,
    /// Only the base has it.
    Removed,
    /// Both have it, with another content or kind.
    Changed,
}

/// A name in which two media differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// Its path.
    pub path: String,
    /// Bytes that the base has; nothing of what is no file.
    pub before: Option<u64>,
    /// Bytes that the medium has.
    pub after: Option<u64>,
}

/// Every name in which a medium differs from a base, by path. Contents are compared byte by byte. `on_bytes` is told how many of the
/// base's were.
///
/// # Errors
/// One of them is no ISO 9660 image or cannot be read, or the person asked to stop.
pub fn diff(
    base: &Path,
    medium: &Path,
    on_bytes: impl FnMut(u64),
) -> Result<Vec<Difference>, IsoError> {
    diff_media(&[Medium::open(base)?, Medium::open(medium)?], on_bytes)
}

/// The same for media that are open, the base first.
///
/// # Errors
/// One of them is damaged or cannot be read, or the person asked to stop.
pub fn diff_media(
    media: &[Medium; 2],
    mut on_bytes: impl FnMut(u64),
) -> Result<Vec<Difference>, IsoError> {
    let mut names: BTreeMap<String, [Option<Entry>; 2]> = BTreeMap::new();
    for (n, medium) in media.iter().enumerate() {
        for (path, entry) in medium.walk()? {
            names.entry(path).or_default()[n] = Some(entry);
        }
    }
    let mut done = 0;
    let mut found = Vec::new();
    for (path, entries) in names {
        let change = match &entries {
            [None, _] => Change::Added,
            [_, None] => Change::Removed,
            [Some(before), Some(after)] => {
                let is_same = match (before.kind(), after.kind()) {
                    (EntryKind::File, EntryKind::File) => {
                        let is_equal =
                            before.size() == after.size() && is_equal(media, [before, after])?;
                        done += before.size();
                        on_bytes(done);
                        is_equal
                    }
                    // A folder's own size is a matter of what is in it, which is told by itself.
                    (before, after) => before == after,
                };
                if is_same {
                    continue;
                }
                Change::Changed
            }
        };
        let size = |entry: &Option<Entry>| entry.as_ref().filter(|e| e.is_file()).map(Entry::size);
        found.push(Difference {
            change,
            path,
            before: size(&entries[0]),
            after: size(&entries[1]),
        });
    }
    Ok(found)
}

/// Whether two files of the same size have the same bytes.
fn is_equal(media: &[Medium; 2], entries: [&Entry; 2]) -> Result<bool, IsoError> {
    let readers = [media[0].reader(entries[0])?, media[1].reader(entries[1])?];
    let [mut one, mut other] = readers.map(|reader| BufReader::with_capacity(PIECE, reader));
    loop {
        interrupt::check()?;
        let (left, right) = (
            one.fill_buf().map_err(IsoError::io(media[0].path()))?,
            other.fill_buf().map_err(IsoError::io(media[1].path()))?,
        );
        let count = left.len().min(right.len());
        if count == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..count] != right[..count] {
            return Ok(false);
        }
        one.consume(count);
        other.consume(count);
    }
}
