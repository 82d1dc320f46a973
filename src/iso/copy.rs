//! A copy of a base medium: one that shares its blocks where the file system can have that, or else a whole one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;

use super::IsoError;
use crate::interrupt;

/// Bytes that are copied between two looks at whether to stop.
const PIECE: u64 = 16 << 20;

/// How a copy was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Copied {
    /// It shares its blocks with the base (XFS, btrfs): it costs what differs.
    Shared,
    /// Every byte was written again.
    Whole,
}

/// Makes `output`, which is there and empty, a copy that shares the blocks of `base`. Tells whether it is one.
///
/// # Errors
/// One of them cannot be opened. That the file system cannot do it is none.
pub(super) fn share(base: &Path, output: &Path) -> Result<bool, IsoError> {
    let from = File::open(base).map_err(IsoError::io(base))?;
    let to = File::options().write(true).open(output).map_err(IsoError::io(output))?;
    Ok(clone(&from, &to))
}

#[cfg(target_os = "linux")]
fn clone(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn clone(_: &File, _: &File) -> bool {
    false
}

/// Writes all of `base` into `output`. `on_bytes` is told how far it is.
///
/// # Errors
/// One of them cannot be read or written, or the person asked to stop.
pub(super) fn whole(base: &Path, output: &Path, on_bytes: impl Fn(u64)) -> Result<(), IsoError> {
    let from = File::open(base).map_err(IsoError::io(base))?;
    let mut to = File::options().write(true).open(output).map_err(IsoError::io(output))?;
    let mut done = 0;
    loop {
        interrupt::check()?;
        // Inside the kernel, where the system has that.
        let count = io::copy(&mut (&from).take(PIECE), &mut to).map_err(IsoError::io(output))?;
        if count == 0 {
            return Ok(());
        }
        done += count;
        on_bytes(done);
    }
}

/// Writes the sectors of `new` that differ from `old` over those at byte `at` of a file. Both are equally long.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_over(path: &Path, at: u64, old: &[u8], new: &[u8]) -> Result<(), IsoError> {
    const SECTOR: usize = 512;
    let mut file = File::options().write(true).open(path).map_err(IsoError::io(path))?;
    let sectors = old.chunks(SECTOR).zip(new.chunks(SECTOR)).enumerate();
    for (n, (_, new)) in sectors.filter(|(_, (old, new))| old != new) {
        file.seek(SeekFrom::Start(at + (n * SECTOR) as u64))
            .and_then(|_| file.write_all(new))
            .map_err(IsoError::io(path))?;
    }
    Ok(())
}
