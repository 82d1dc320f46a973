//! Reads one directory.

use super::device::Device;
use super::entry::{Entry, EntryKind, Extent};
use super::record::Record;
use super::rock_ridge::{Continuations, RockRidge};
use super::{BLOCK, MediumError};

/// The longest directory that is read. A package folder of 10,000 names is about 2 MB.
const LONGEST: u64 = 8 << 20;
/// The most names in one directory.
const MOST_ENTRIES: usize = 65_536;
/// The most extents of one file: 4 GiB each, which is more than any medium has.
const MOST_EXTENTS: usize = 1024;

pub(super) struct Directory;

impl Directory {
    /// The entries of a directory; `rock_ridge` is the number of bytes to skip in each system use area.
    pub fn read(
        device: &Device,
        directory: &Entry,
        rock_ridge: Option<u8>,
    ) -> Result<Vec<Entry>, MediumError> {
        let Some(extent) = directory.extents.first().copied() else { return Ok(Vec::new()) };
        let bytes = content(device, extent)?;
        let mut continuations = Continuations::default();
        let mut entries: Vec<Entry> = Vec::new();
        // The identifier of a file whose next extent is still to come.
        let mut open: Option<&[u8]> = None;
        for (at, record) in records(device, extent.at, &bytes) {
            let record = record?;
            if record.is_self_or_parent() || record.is_associated() {
                continue;
            }
            if record.is_interleaved() {
                return Err(device.damaged(at, "a file is interleaved, which is not supported"));
            }
            if let Some(identifier) = open {
                let last = entries.last_mut().filter(|_| identifier == record.identifier);
                let Some(file) = last else {
                    return Err(device.damaged(at, "a file in several extents breaks off"));
                };
                if file.extents.len() == MOST_EXTENTS {
                    let what = format!("a file has more than {MOST_EXTENTS} extents");
                    return Err(device.damaged(at, what));
                }
                file.extents.push(record.extent());
                open = record.continues().then_some(identifier);
                continue;
            }
            let rock_ridge = match rock_ridge {
                Some(skip) => {
                    let area = record.system_use.get(usize::from(skip)..).unwrap_or(&[]);
                    RockRidge::read(device, area, at, &mut continuations)?
                }
                None => RockRidge::default(),
            };
            if rock_ridge.relocated {
                continue;
            }
            if entries.len() == MOST_ENTRIES {
                return Err(
                    device.damaged(at, format!("a directory has more than {MOST_ENTRIES} entries"))
                );
            }
            let entry = entry(device, at, &record, rock_ridge)?;
            // A symbolic link's record has no content, whatever its flags say.
            open = (entry.is_file() && record.continues()).then_some(record.identifier);
            entries.push(entry);
        }
        if open.is_some() {
            return Err(device.damaged(extent.at, "a file in several extents breaks off"));
        }
        Ok(entries)
    }
}

fn entry(
    device: &Device,
    at: u64,
    record: &Record,
    found: RockRidge,
) -> Result<Entry, MediumError> {
    let (name, exact) = match &found.name {
        Some(name) => (String::from_utf8_lossy(name).into_owned(), true),
        None => (record.plain_name(), false),
    };
    // Such a name could lead out of the folder into which it is served or unpacked.
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(device.damaged(at, format!("`{}` is no file name", name.escape_debug())));
    }
    let mut extents = vec![record.extent()];
    let kind = if let Some(block) = found.child {
        extents = vec![relocated(device, block)?];
        EntryKind::Directory
    } else if let Some(target) = found.symlink {
        extents.clear();
        EntryKind::Symlink(target)
    } else if record.is_directory() {
        EntryKind::Directory
    } else if found.is_special() {
        EntryKind::Special
    } else {
        EntryKind::File
    };
    Ok(Entry { name, exact, kind, mode: found.mode, extents })
}

/// A directory that was moved because it lay too deep: its length stands in its own first record.
fn relocated(device: &Device, block: u32) -> Result<Extent, MediumError> {
    let at = u64::from(block) * BLOCK;
    let start = device.read(at, 2048, "a relocated directory")?;
    first_record(&start)
        .filter(Record::is_directory)
        .map(|record| Extent { at, length: u64::from(record.size) })
        .ok_or_else(|| device.damaged(at, "a relocated directory does not begin with itself"))
}

/// Whether the root announces Rock Ridge (SUSP's `SP` field), and the bytes to skip before it.
pub(super) fn rock_ridge_skip(device: &Device, root: &Entry) -> Result<Option<u8>, MediumError> {
    let Some(extent) = root.extents.first() else { return Ok(None) };
    let start = device.read(extent.at, 2048, "the root directory")?;
    Ok(first_record(&start).and_then(|record| match record.system_use {
        [b'S', b'P', 7, 1, 0xbe, 0xef, skip, ..] => Some(*skip),
        _ => None,
    }))
}

fn first_record(block: &[u8]) -> Option<Record<'_>> {
    let length = usize::from(*block.first()?);
    block.get(..length).and_then(Record::parse)
}

fn content(device: &Device, extent: Extent) -> Result<Vec<u8>, MediumError> {
    if extent.length > LONGEST {
        let what = format!("a directory claims {} bytes, more than {LONGEST}", extent.length);
        return Err(device.damaged(extent.at, what));
    }
    let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
    device.read(extent.at, length, "a directory")
}

/// The records of a directory with their positions. A record never crosses a block's end; a length of 0
/// says that the rest of the block is empty.
fn records<'a>(
    device: &Device,
    start: u64,
    bytes: &'a [u8],
) -> impl Iterator<Item = (u64, Result<Record<'a>, MediumError>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let length = usize::from(*bytes.get(at)?);
            let block = 2048 - at % 2048;
            if length == 0 {
                at += block;
                continue;
            }
            let position = start + at as u64;
            let record =
                bytes.get(at..at + length).filter(|_| length <= block).and_then(Record::parse);
            // After a broken record the iteration ends: its length cannot be trusted to find the next.
            at = if record.is_some() { at + length } else { bytes.len() };
            return Some((
                position,
                record.ok_or_else(|| device.damaged(position, "a directory record makes no sense")),
            ));
        }
    })
}
