//! How much room there is: on a file system, in memory, and for open files.

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

/// Whether two folders that are there lie on the same file system; not known to be so where the system does not tell.
#[cfg(unix)]
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |folder: &Path| folder.metadata().map(|it| it.dev()).ok();
    device(one).is_some_and(|it| Some(it) == device(other))
}

/// The same: nothing tells.
#[cfg(not(unix))]
#[must_use]
pub fn is_same(_: &Path, _: &Path) -> bool {
    false
}

/// The host's free memory and all of it, in MiB, where the system is Linux.
#[must_use]
pub fn memory() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches([':', ' ']).split(' ').next()?.parse::<u64>().ok()
    };
    Some((field("MemAvailable")? >> 10, field("MemTotal")? >> 10))
}

/// How many files this process may have open: as many as are wanted, or as the system lets it have.
#[cfg(unix)]
#[must_use]
pub fn files(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // The usual 1,024 is for programs that ask no more of it.
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    match current {
        Some(current) if current < most => {
            let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
            if raised.is_ok() { most } else { current }
        }
        Some(current) => current,
        None => wanted,
    }
}

/// The same: nothing is known to be too little here.
#[cfg(not(unix))]
#[must_use]
pub fn files(wanted: u64) -> u64 {
    wanted
}
