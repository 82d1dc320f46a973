//! One download of an image at a time, on this machine and on others that share the cache's file system.
//!
//! The system holds the lock and gives it back when its owner ends, however that ends: a lock that is left behind is none. The
//! file stays, because deleting it would let two take it; it says whose the lock is, for the person who waits.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::thread;

use super::client::TICK;
use super::{FetchError, Place, cache};
use crate::interrupt;

/// The lock of an image; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. As long as another has it, `waiting` is told who.
    pub fn take(place: &Place, waiting: &mut dyn FnMut(&str)) -> Result<Self, FetchError> {
        loop {
            interrupt::check()?;
            match Self::try_take(place)? {
                Ok(lock) => return Ok(lock),
                Err(owner) => {
                    waiting(&owner);
                    thread::sleep(TICK);
                }
            }
        }
    }

    /// Takes the lock, or tells who has it.
    pub fn try_take(place: &Place) -> Result<Result<Self, String>, FetchError> {
        cache::make_folder(&place.lock)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&place.lock)
            .map_err(FetchError::io(&place.lock))?;
        match file.try_lock() {
            Ok(()) => {
                let owner = format!("process {} on {}\n", std::process::id(), host());
                // For people only.
                let _ = file.set_len(0).and_then(|()| file.write_all(owner.as_bytes()));
                Ok(Ok(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.rewind().and_then(|()| file.read_to_string(&mut owner));
                // Who took it a moment ago has not written that yet.
                let owner = if owner.is_empty() { "another process" } else { owner.trim() };
                Ok(Err(owner.to_owned()))
            }
            Err(TryLockError::Error(error)) => Err(FetchError::io(&place.lock)(error)),
        }
    }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::base_image::Cache;

    fn place(folder: &std::path::Path) -> Place {
        Cache::new(folder).place("0".repeat(64).parse().expect("a digest"), "a.iso")
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = place(folder.path());
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let lock = Lock::take(&place, &mut |_| {}).expect("the lock");
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_waits_is_told_for_whom() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = place(folder.path());
        let mut lock = Some(Lock::take(&place, &mut |_| {}).expect("the lock"));
        let named = Lock::try_take(&place).expect("tried").expect_err("it is taken");
        assert!(named.starts_with(&format!("process {} on ", std::process::id())), "{named}");
        fs::write(&place.lock, "").expect("written");
        let mut told = String::new();
        let second = Lock::take(&place, &mut |owner| {
            owner.clone_into(&mut told);
            lock = None;
        });
        drop(second.expect("the lock"));
        assert_eq!(told, "another process");
    }

    #[test]
    fn a_file_that_was_left_behind_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = place(folder.path());
        cache::make_folder(&place.lock).expect("made");
        fs::write(&place.lock, "process 1 on elsewhere\n").expect("written");
        let lock = Lock::take(&place, &mut |owner| panic!("{owner}"));
        drop(lock.expect("the lock"));
    }
}
