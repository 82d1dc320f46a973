//! A copy of a base medium that grows.
//!
//! Where the file system can share blocks, it begins as a clone of the base. Elsewhere it begins as a sketch: all of the base but what its
//! files hold, which is what xorriso reads and writes. The files' contents are filled in while xorriso is at work, or behind it in one pass
//! with the checksum. xorriso sees the same either way, so the product is the same byte for byte.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::checksum::{self, Checksum};
use super::{Base, IsoError};
use crate::interrupt;
use crate::medium::{BLOCK, Medium, MediumError};

/// Bytes that are copied between two looks at whether to stop.
const PIECE: u64 = 16 << 20;

/// Whether a copy of a base shares its blocks where `folder` is.
///
/// # Errors
/// The base cannot be read or the folder not be written.
pub fn is_shared(base: &Path, folder: &Path) -> Result<bool, IsoError> {
    let output = tempfile::NamedTempFile::new_in(folder).map_err(IsoError::io(folder))?;
    share(base, output.path())
}

/// A copy that is not whole yet.
pub(super) struct Copy<'a> {
    base: &'a Base,
    path: &'a Path,
    /// Where the contents of the base's files are missing; nothing in a clone.
    holes: Vec<Range<u64>>,
}

impl<'a> Copy<'a> {
    /// Begins one in a file that is there and empty.
    ///
    /// # Errors
    /// One of them cannot be read or written.
    pub fn begin(base: &'a Base, path: &'a Path, shared: bool) -> Result<Self, IsoError> {
        if shared {
            if share(&base.path, path)? {
                return Ok(Self { base, path, holes: Vec::new() });
            }
            let source = io::Error::other("this file system shares no blocks with the medium's");
            return Err(IsoError::io(path)(source));
        }
        let holes = contents(&base.medium)?;
        let size = base.medium.file_size();
        copy_ranges(&base.path, path, &between(&holes, size), &AtomicBool::new(false), |_| ())?;
        open(path)?.set_len(size).map_err(IsoError::io(path))?;
        Ok(Self { base, path, holes })
    }

    /// Fills in what is missing while `work` is at the rest of the file. Where that fails, no more is filled in. `on_bytes` is told how far
    /// it is.
    ///
    /// # Errors
    /// That of `work`; or one of them cannot be read or written, or the person asked to stop.
    pub fn fill_beside(
        &self,
        work: impl FnOnce() -> Result<(), IsoError> + Send,
        on_bytes: impl Fn(u64),
    ) -> Result<(), IsoError> {
        beside(work, |stop| copy_ranges(&self.base.path, self.path, &self.holes, stop, on_bytes))
    }

    /// Fills in what is missing of a file that is as it shall be otherwise; and its checksum, of the same pass.
    ///
    /// # Errors
    /// One of them cannot be read or written, or the person asked to stop.
    pub fn fill_summed(&self, on_bytes: impl Fn(u64)) -> Result<Option<Checksum>, IsoError> {
        let Self { base, path, holes } = self;
        let mut from = File::open(&base.path).map_err(IsoError::io(&base.path))?;
        let mut own = File::open(path).map_err(IsoError::io(*path))?;
        let mut to = open(path)?;
        let end = own.metadata().map_err(IsoError::io(*path))?.len().max(base.medium.file_size());
        let mut at = 0;
        let place = std::cell::Cell::new((0, false));
        let read = |buffer: &mut [u8]| {
            let hole = holes.partition_point(|hole| hole.end <= at);
            let hole = holes.get(hole).cloned().unwrap_or(end..end);
            let is_hole = hole.contains(&at);
            let (source, until) =
                if is_hole { (&mut from, hole.end) } else { (&mut own, hole.start) };
            let most = usize::try_from(until - at).unwrap_or(usize::MAX).min(buffer.len());
            place.set((at, is_hole));
            let count =
                source.seek(SeekFrom::Start(at)).and_then(|_| source.read(&mut buffer[..most]));
            let count = count.map_err(IsoError::io(*path))?;
            if count == 0 && is_hole {
                return Err(shortened(&base.path));
            }
            at += count as u64;
            on_bytes(at);
            Ok(count)
        };
        let write = |bytes: &[u8]| match place.get() {
            (at, true) => to
                .seek(SeekFrom::Start(at))
                .and_then(|_| to.write_all(bytes))
                .map_err(IsoError::io(*path)),
            _ => Ok(()),
        };
        let sum = Checksum::new(Medium::open(path)?.volume_size());
        checksum::summed(Some(sum), read, write)
    }
}

/// Does `filling` beside `work`, and lets it stop where that fails.
fn beside(
    work: impl FnOnce() -> Result<(), IsoError> + Send,
    filling: impl FnOnce(&AtomicBool) -> Result<(), IsoError>,
) -> Result<(), IsoError> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            let worked = work();
            stop.store(worked.is_err(), Ordering::Relaxed);
            worked
        });
        let filled = filling(&stop);
        let worked = working.join().unwrap_or_else(|panic| resume_unwind(panic));
        worked.and(filled)
    })
}

fn open(path: &Path) -> Result<File, IsoError> {
    File::options().write(true).open(path).map_err(IsoError::io(path))
}

/// Where the contents of a medium's files lie, but for what boots: whole blocks, sorted, and none touches another.
///
/// # Errors
/// A part of it is damaged or cannot be read.
pub fn contents(medium: &Medium) -> Result<Vec<Range<u64>>, MediumError> {
    let catalogue = medium.el_torito()?;
    let mut kept: Vec<Range<u64>> = Vec::new();
    // The catalogue has a name, too.
    kept.extend(
        catalogue.iter().map(|c| u64::from(c.block) * BLOCK..(u64::from(c.block) + 1) * BLOCK),
    );
    let boot = catalogue.map(|catalogue| catalogue.images).unwrap_or_default();
    let mut all: Vec<Range<u64>> = Vec::new();
    for (path, entry) in medium.walk()?.iter().filter(|(_, entry)| entry.is_file()) {
        let boots = boot.iter().any(|image| image.path.as_ref() == Some(path));
        (if boots { &mut kept } else { &mut all }).extend(entry.places());
    }
    let kept = merged(kept);
    all.retain(|place| {
        // Another name of what boots counts as that.
        let boots = kept.get(kept.partition_point(|k| k.end <= place.start));
        place.end <= medium.volume_size() && boots.is_none_or(|k| k.start >= place.end)
    });
    Ok(merged(all))
}

/// Whole blocks, sorted, and none touches another.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let end = range.end.next_multiple_of(BLOCK);
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(end),
            _ => merged.push(range.start..end),
        }
    }
    merged
}

/// What lies between ranges, from 0 to `end`.
pub(super) fn between(ranges: &[Range<u64>], end: u64) -> Vec<Range<u64>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([end]);
    starts
        .zip(ends)
        .map(|(start, stop)| start..stop.min(end))
        .filter(|range| !range.is_empty())
        .collect()
}

/// Copies parts of a file to the same places of another that is there, inside the kernel where the system has that. Once `stop`
/// is set, no more is copied. `on_bytes` is told how far it is.
pub(super) fn copy_ranges(
    base: &Path,
    path: &Path,
    ranges: &[Range<u64>],
    stop: &AtomicBool,
    on_bytes: impl Fn(u64),
) -> Result<(), IsoError> {
    let mut from = File::open(base).map_err(IsoError::io(base))?;
    let mut to = open(path)?;
    for range in ranges {
        from.seek(SeekFrom::Start(range.start)).map_err(IsoError::io(base))?;
        to.seek(SeekFrom::Start(range.start)).map_err(IsoError::io(path))?;
        let mut at = range.start;
        while at < range.end {
            interrupt::check()?;
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let length = PIECE.min(range.end - at);
            let copied =
                io::copy(&mut (&from).take(length), &mut to).map_err(IsoError::io(path))?;
            if copied < length {
                return Err(shortened(base));
            }
            at += length;
            on_bytes(at);
        }
    }
    Ok(())
}

fn shortened(base: &Path) -> IsoError {
    let what = "it has become shorter while it was read";
    IsoError::io(base)(io::Error::new(io::ErrorKind::UnexpectedEof, what))
}

/// Makes `output`, which is there and empty, a copy that shares the blocks of `base`. Tells whether it is one.
#[cfg(target_os = "linux")]
pub(super) fn share(base: &Path, output: &Path) -> Result<bool, IsoError> {
    let from = File::open(base).map_err(IsoError::io(base))?;
    Ok(rustix::fs::ioctl_ficlone(open(output)?, from).is_ok())
}

/// The same on APFS, whose call makes the file itself, as readable as the base is.
#[cfg(target_os = "macos")]
pub(super) fn share(base: &Path, output: &Path) -> Result<bool, IsoError> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let from = File::open(base).map_err(IsoError::io(base))?;
    std::fs::remove_file(output).map_err(IsoError::io(output))?;
    let flags = rustix::fs::CloneFlags::empty();
    let done = rustix::fs::fclonefileat(from, rustix::fs::CWD, output, flags).is_ok();
    if done {
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(output, private).map_err(IsoError::io(output))?;
    } else {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        options.open(output).map_err(IsoError::io(output))?;
    }
    Ok(done)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn share(_: &Path, _: &Path) -> Result<bool, IsoError> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_becomes_shorter_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let [base, path] = ["base", "path"].map(|name| folder.path().join(name));
        std::fs::write(&base, "0123456789").expect("written");
        std::fs::write(&path, "..........").expect("written");
        let go = AtomicBool::new(false);
        copy_ranges(&base, &path, &[1..3, 8..10], &go, |_| ()).expect("copied");
        assert_eq!(std::fs::read(&path).expect("there"), b".12.....89");
        let told =
            copy_ranges(&base, &path, &[1..3, 8..11], &go, |_| ()).map_err(|e| e.to_string());
        let expected = format!("`{}`: it has become shorter while it was read", base.display());
        assert_eq!(told, Err(expected));
    }

    /// As where xorriso fails at once, and a whole medium would be copied before that is told.
    #[test]
    fn what_is_filled_in_beside_a_failure_ends_with_it() {
        const PIECES: u64 = 10_000;
        let folder = tempfile::tempdir().expect("a folder");
        let [base, path] = ["base", "path"].map(|name| folder.path().join(name));
        let size = usize::try_from(2 * PIECES).expect("a size");
        std::fs::write(&base, vec![b'x'; size]).expect("written");
        for fails in [true, false] {
            std::fs::write(&path, vec![b'.'; size]).expect("written");
            let ranges: Vec<_> = (0..PIECES).map(|n| 2 * n..2 * n + 1).collect();
            let (begun, begins) = std::sync::mpsc::channel();
            let work = move || {
                begins.recv().expect("it begins");
                if fails { Err(shortened(Path::new("it"))) } else { Ok(()) }
            };
            let done = beside(work, |stop| {
                copy_ranges(&base, &path, &ranges, stop, |_| {
                    let _ = begun.send(());
                    if fails {
                        thread::sleep(std::time::Duration::from_millis(1));
                    }
                })
            });
            assert_eq!(done.is_err(), fails);
            let copied = std::fs::read_to_string(&path).expect("text").matches('x').count();
            assert_eq!(copied as u64 == PIECES, !fails, "{copied} of {PIECES}");
        }
    }
}
