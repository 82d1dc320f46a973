//! How much is kept, and what goes where that is more than may be.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::{Item, Packages, PackagesError};
use crate::base_image::FetchError;

/// How long what is used counts as just used, and how long no second use of it is noted.
const FRESH: Duration = Duration::from_secs(65 * 60);
const NOTED: Duration = Duration::from_secs(5 * 60);
/// Where something has to go, one of so many parts of the budget is free afterwards.
const SPARE: u64 = 20;

/// How much is taken.
#[derive(Default)]
pub(super) struct Used {
    /// Bytes that are kept, once they were counted.
    pub(super) kept: Option<u64>,
    /// Bytes that are on their way.
    pub(super) coming: u64,
}

impl Packages {
    /// What stays whatever happens, as the folders that it lies in: the lists of packages, by which all else of the pinned repositories is
    /// known, and all that any lock names that somebody has used here, but for those that are `forgotten`.
    pub(super) fn held(
        &self,
        forgotten: &HashSet<PathBuf>,
    ) -> Result<HashSet<String>, PackagesError> {
        let mut held = self.locked_here()?;
        for index in self.pins(forgotten) {
            if index.pin().is_made() {
                // What is damaged is made anew when somebody asks for it.
                let _ = self.read_kept_list(&index);
                held.extend(index.items().map(|item| item.sha256.short()));
            } else {
                held.extend(index.list().map(|list| list.sha256.short()));
            }
        }
        Ok(held)
    }

    /// What the lab's own lock names, as the folders that it lies in.
    pub(super) fn locked_here(&self) -> Result<HashSet<String>, PackagesError> {
        let lock = self.lock()?;
        let packages = lock.iter().flat_map(|lock| &lock.packages);
        Ok(packages.map(|package| package.sha256.short()).collect())
    }

    /// Notes that a file is used, now and then.
    pub(super) fn note_use(&self, item: &Item) {
        let record = self.cache.place(item.sha256, &item.file).record;
        let is_old = fs::metadata(&record)
            .and_then(|found| found.modified())
            .is_ok_and(|then| then.elapsed().is_ok_and(|ago| ago > NOTED));
        if is_old {
            // Nothing but what goes first depends on it.
            let _ = fs::File::options()
                .write(true)
                .open(&record)
                .and_then(|file| file.set_modified(SystemTime::now()));
        }
    }

    /// Makes room for so many bytes, which are on their way from then on. Where there would be more than may be, what was not used for
    /// longest goes first, until there is some room more; nothing goes where that would not do.
    pub(super) fn make_room(&self, needed: u64) -> Result<(), PackagesError> {
        let full = || PackagesError::Budget {
            needed: needed.div_ceil(1 << 20),
            budget: self.budget >> 20,
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let count = || -> Result<u64, FetchError> {
            Ok(self.cache.entries()?.iter().map(|entry| entry.size).sum())
        };
        let mut kept = used.kept.map_or_else(count, Ok)?;
        let coming = used.coming.saturating_add(needed);
        let room = self.budget.checked_sub(coming).ok_or_else(full)?;
        if kept > room {
            let held = self.held(&HashSet::new())?;
            let is_idle = |since: &SystemTime| since.elapsed().is_ok_and(|ago| ago > FRESH);
            let mut idle = self.idle()?;
            idle.retain(|(since, entry)| is_idle(since) && !held.contains(entry.folder()));
            let most: u64 = idle.iter().map(|(_, entry)| entry.size).sum();
            if kept.saturating_sub(most) > room {
                return Err(full());
            }
            idle.sort_by_key(|(since, _)| *since);
            let until = room.saturating_sub(self.budget / SPARE);
            for (_, entry) in idle {
                if kept <= until {
                    break;
                }
                if let Ok(freed) = self.cache.delete(&entry)? {
                    kept = kept.saturating_sub(freed);
                }
            }
        }
        used.kept = Some(kept);
        if kept > room {
            return Err(full());
        }
        used.coming = coming;
        Ok(())
    }
}
