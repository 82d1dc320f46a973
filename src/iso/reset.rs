//! The base of a built medium, byte for byte.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::AtomicBool;

use super::base::digest;
use super::copy::{copy_ranges, share};
use super::role::check_room;
use super::{IsoError, Mark, mark};
use crate::appear::{self, Growing};
use crate::digest::Digest;
use crate::medium::Medium;

/// The descriptors, the boot image's sectors and a partition table have some dozens of kilobytes; padding that is not zeros may have more.
const LARGEST_UNDO: u64 = 80 << 20;

/// A base that is back.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reset {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, which is the one that the built medium names.
    pub sha256: Digest,
}

/// Takes the base out of a medium that was built from it. It appears whole under its name, or not at all. `on_bytes` is told how many bytes
/// of it have been read back.
///
/// # Errors
/// The medium was not built by trainyard, or has lost something of its base; or the output is there already or cannot be written.
pub fn reset(
    path: &Path,
    output: &Path,
    force: bool,
    on_bytes: impl FnMut(u64),
) -> Result<Reset, IsoError> {
    let medium = Medium::open(path)?;
    let mark = read_mark(&medium)?;
    let unfit = |what: &str| IsoError::Base { path: path.into(), what: what.to_owned() };
    if medium.entry(mark::UNDO)?.is_none() {
        return Err(unfit("it is a seed that starts its medium, and holds nothing else of it"));
    }
    let undo = medium.read(mark::UNDO, LARGEST_UNDO)?;
    let base = &mark.base;
    let is_inside =
        |at: u64, length: u64| at.checked_add(length).is_some_and(|end| end <= base.size);
    if !mark.undo.iter().all(|place| is_inside(place.at, place.length))
        || mark.undo.iter().try_fold(0, |sum: u64, place| sum.checked_add(place.length))
            != Some(undo.len() as u64)
        || base.here > base.size.min(medium.file_size())
    {
        return Err(unfit("what it says of its base makes no sense"));
    }
    if let (Ok(output), Ok(path)) = (output.canonicalize(), path.canonicalize())
        && output == path
    {
        return Err(IsoError::IsBase(output));
    }
    let growing = Growing::begin(output, force)?;
    let here = growing.path();
    if !share(path, here)? {
        check_room(appear::folder_of(output), base.size)?;
        let there = 0..base.here;
        copy_ranges(path, here, slice::from_ref(&there), &AtomicBool::new(false), |_| ())
            .map_err(|error| error.named(here, output))?;
    }
    let mut to = open(here, output)?;
    // What lies behind is zeros then.
    to.set_len(base.here).and_then(|()| to.set_len(base.size)).map_err(IsoError::io(output))?;
    let mut rest = undo.as_slice();
    for place in &mark.undo {
        let length = usize::try_from(place.length).unwrap_or(rest.len());
        let (bytes, later) = rest.split_at(length.min(rest.len()));
        to.seek(SeekFrom::Start(place.at))
            .and_then(|_| to.write_all(bytes))
            .map_err(IsoError::io(output))?;
        rest = later;
    }
    drop(to);
    let sha256 = digest(here, on_bytes)?;
    if sha256 != base.sha256 {
        let what = format!(
            "what it has of its base is not what it was: its SHA-256 is {sha256} and not {}",
            base.sha256
        );
        return Err(unfit(&what));
    }
    let size = growing.keep_unwritten()?;
    Ok(Reset { path: output.to_owned(), size, sha256 })
}

fn open(path: &Path, output: &Path) -> Result<File, IsoError> {
    File::options().write(true).open(path).map_err(IsoError::io(output))
}

/// What a medium says of itself.
fn read_mark(medium: &Medium) -> Result<Mark, IsoError> {
    let unfit = |what: String| IsoError::Base { path: medium.path().into(), what };
    if medium.entry(mark::PATH)?.is_none() {
        return Err(unfit(
            "it was not built by trainyard, so there is nothing to take back".into(),
        ));
    }
    let text = medium.read(mark::PATH, mark::LARGEST)?;
    Mark::read(&text).map_err(|error| unfit(format!("`{}` cannot be read: {error}", mark::PATH)))
}
