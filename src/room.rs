//! How much room there is on a file system.

use std::io;
use std::path::Path;

/// Bytes that this person may still write to the file system of a folder, which must be there.
///
/// # Errors
/// The system does not tell.
#[cfg(unix)]
pub fn free(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// The same: no room is known to be missing here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn free(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}
