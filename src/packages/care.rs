//! What is there, whether it is still right, and what need not stay.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::locked::items;
use super::{FetchError, Index, Kept, Packages, PackagesError, Pin, Repository, WORK, written};
use crate::base_image::Entry;
use crate::digest::{Digest, Undigested};

/// How long nothing is made: what is older was left by a run that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Files, and bytes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Files.
    pub files: usize,
    /// Bytes.
    pub bytes: u64,
}

/// What is kept of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct RepositoryStatus {
    /// Its id.
    pub id: String,
    /// Its base URLs.
    pub bases: Vec<String>,
    /// By what it is pinned, or what the lock was made of; nothing where nobody has asked for it yet.
    pub pinned: Option<Pinned>,
    /// What is kept of it. What two repositories have counts for both.
    pub kept: Content,
}

/// By what a repository is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The digest of its index.
    pub sha256: Digest,
    /// Where that was seen.
    pub from: String,
    /// When (RFC 9110, section 5.6.7).
    pub when: String,
}

impl From<&Pin> for Pinned {
    fn from(pin: &Pin) -> Self {
        Self { sha256: pin.sha256, from: pin.from.clone(), when: pin.when.clone() }
    }
}

/// What is kept of all.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Where.
    pub folder: PathBuf,
    /// The repositories, by id.
    pub repositories: Vec<RepositoryStatus>,
    /// What the lab's lock names, and how many of it are not there; nothing where packages are not locked.
    pub locked: Option<(Content, usize)>,
    /// All that is kept, what no repository of the lab has among it.
    pub kept: Content,
    /// Bytes that may be kept.
    pub budget: u64,
}

/// What a mirror says of a pinned repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "what")]
pub enum Said {
    /// It is as it was.
    Same,
    /// It has changed: from what, to what.
    Changed(String),
    /// The mirror does not say.
    Unknown(String),
}

/// What was found when all that is kept was looked at.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    /// What is right.
    pub right: Content,
    /// Files that are not what they must be; they were removed, and are brought anew.
    pub wrong: Vec<PathBuf>,
    /// What `packages.lock` names and is not there; nothing where packages are not locked.
    pub missing: Vec<String>,
    /// Of each pinned repository: its id, a base URL, and what is said there.
    pub repositories: Vec<(String, String, Said)>,
}

impl Checked {
    /// Whether nothing is wrong, and no repository has changed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let is_changed = |(_, _, said): &(_, _, Said)| matches!(said, Said::Changed(_));
        self.wrong.is_empty()
            && self.missing.is_empty()
            && !self.repositories.iter().any(is_changed)
    }
}

impl Packages {
    /// What is kept. Nobody is asked.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn status(&self) -> Result<Status, PackagesError> {
        let entries = self.cache.entries()?;
        let sizes: HashMap<String, u64> = entries
            .iter()
            .filter(|entry| !entry.is_part)
            .map(|entry| (entry.folder().to_owned(), entry.size))
            .collect();
        let lock = self.lock()?;
        let mut repositories = Vec::new();
        for kept in self.repositories.values() {
            let (id, bases) = (kept.repository.id.clone(), kept.repository.bases.clone());
            let (pinned, items) = match &lock {
                Some(lock) => (lock.repositories.get(&id).cloned(), items(lock, &kept.repository)?),
                None => match self.pinned(kept)? {
                    Some(index) => (Some(index.pin().into()), index.items().cloned().collect()),
                    None => (None, Vec::new()),
                },
            };
            let found: Vec<u64> =
                items.iter().filter_map(|item| sizes.get(&item.sha256.short()).copied()).collect();
            repositories.push(RepositoryStatus {
                id,
                bases,
                pinned,
                kept: Content { files: found.len(), bytes: found.iter().sum() },
            });
        }
        let kept =
            Content { files: entries.len(), bytes: entries.iter().map(|entry| entry.size).sum() };
        let folder = self.folder().to_owned();
        let locked = match lock {
            Some(lock) => {
                let content = Content { files: lock.packages.len(), bytes: lock.size() };
                Some((content, self.missing(&lock)?.len()))
            }
            None => None,
        };
        Ok(Status { folder, repositories, locked, kept, budget: self.budget })
    }

    /// Hashes all that is kept, and removes what is wrong; and asks the mirrors, unless it is `offline`, whether they still have what was
    /// pinned. `tell` is told how many bytes were read, of how many.
    ///
    /// # Errors
    /// The cache cannot be read, or the person asked to stop.
    pub fn verify(
        &self,
        offline: bool,
        mut tell: impl FnMut(u64, u64),
    ) -> Result<Checked, PackagesError> {
        let mut found = Checked::default();
        let entries: Vec<_> = self.cache.entries()?.into_iter().filter(|it| !it.is_part).collect();
        let all = entries.iter().map(|entry| entry.size).sum();
        let mut before = 0;
        for entry in entries {
            let digest = match Digest::of_file(&entry.path, |done| tell(before + done, all)) {
                Ok(digest) => Some(digest),
                Err(Undigested::Interrupted(asked)) => return Err(asked.into()),
                // It was removed meanwhile.
                Err(Undigested::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                    continue;
                }
                // A part of the disk that cannot be read any more is wrong as well.
                Err(Undigested::Io(_)) => None,
            };
            before += entry.size;
            // Its folder is named by what it must be.
            if digest.is_some_and(|digest| digest.short() == entry.folder()) {
                found.right.files += 1;
                found.right.bytes += entry.size;
            } else {
                // Whoever brings it just now puts a right one there.
                let _ = self.cache.delete(&entry)?;
                found.wrong.push(entry.path);
            }
        }
        let lock = self.lock()?;
        if let Some(lock) = &lock {
            found.missing = self.missing(lock)?;
        }
        for kept in self.repositories.values().filter(|_| !offline) {
            let pinned = match &lock {
                Some(lock) => lock.repositories.get(&kept.repository.id).cloned(),
                None => self.pinned(kept)?.map(|index| index.pin().into()),
            };
            let Some(pinned) = pinned else { continue };
            for base in &kept.repository.bases {
                let said = match self.index_at(base)? {
                    Ok(now) if now.sha256 == pinned.sha256 => Said::Same,
                    Ok(now) => match Index::of(now.clone(), &kept.repository) {
                        Ok(_) => Said::Changed(now.differs_from(&pinned)),
                        Err(what) => Said::Unknown(format!("shows no index: {what}")),
                    },
                    Err(what) => Said::Unknown(what),
                };
                found.repositories.push((kept.repository.id.clone(), base.clone(), said));
            }
        }
        Ok(found)
    }

    /// Removes what was not used for so long and is not locked, what was not brought to its end, and what no pinned repository has any
    /// more; or all. Where the list of one's packages is not kept, nobody knows what it has, and nothing is removed for that. Tells which, and how many bytes that frees; with `dry`, would free.
    ///
    /// # Errors
    /// The cache cannot be read, or a file not be removed.
    pub fn prune(
        &self,
        unused: Option<Duration>,
        all: bool,
        dry: bool,
    ) -> Result<(Vec<PathBuf>, u64), PackagesError> {
        let idle = self.idle()?;
        let forgotten = self.idle_locks(if all { Some(Duration::ZERO) } else { unused }, &idle)?;
        let held = self.held(&forgotten)?;
        let (mut listed, mut is_known) = (self.locked_here()?, true);
        for index in self.pins(&forgotten) {
            match self.read_kept_list(&index) {
                Err(_) if index.pin().is_made() => {}
                read => read?,
            }
            // Without its list nobody knows which packages it has. What was made of a lock is made anew.
            is_known &= index.has_list() || index.pin().is_made();
            listed.extend(index.items().map(|item| item.sha256.short()));
        }
        let old: HashMap<PathBuf, SystemTime> =
            idle.into_iter().map(|(since, entry)| (entry.path, since)).collect();
        let is_old = |entry: &Entry| {
            let since = unused.zip(old.get(&entry.path));
            since.is_some_and(|(limit, since)| since.elapsed().is_ok_and(|ago| ago > limit))
        };
        let (mut removed, mut bytes) = (Vec::new(), 0);
        for entry in self.cache.entries()? {
            let is_listed = !is_known || listed.contains(entry.folder());
            let is_wanted = held.contains(entry.folder()) || !is_old(&entry);
            let stays = !entry.is_part && is_listed && is_wanted;
            if stays && !all {
                continue;
            }
            let freed = if dry { Ok(entry.size) } else { self.cache.delete(&entry)? };
            if let Ok(freed) = freed {
                bytes += freed;
                removed.push(entry.path);
            }
        }
        if !dry {
            for path in forgotten {
                fs::remove_file(&path)
                    .map_err(|source| PackagesError::Io { path: path.clone(), source })?;
            }
            self.cache.sweep()?;
            self.sweep_work();
        }
        Ok((removed, bytes))
    }

    /// Where is kept what was made of other labs' locks, or of this one's of before, of which nobody has used anything for so long.
    fn idle_locks(
        &self,
        unused: Option<Duration>,
        idle: &[(SystemTime, Entry)],
    ) -> Result<HashSet<PathBuf>, PackagesError> {
        let Some(unused) = unused else { return Ok(HashSet::new()) };
        let used: HashMap<&str, SystemTime> =
            idle.iter().map(|(since, entry)| (entry.folder(), *since)).collect();
        let own: HashSet<PathBuf> = self.lock()?.map_or_else(HashSet::new, |lock| {
            lock.repositories.keys().map(|id| self.pin_of_lock(&lock, id)).collect()
        });
        // A server that runs has the index in memory, and notes the use of what it gives.
        let is_used = |place: &PathBuf| {
            let index = Index::open(place, &Repository::elsewhere(String::new())).ok().flatten();
            let metadata = index.iter().flat_map(Index::metadata);
            let times = metadata.filter_map(|item| used.get(&*item.sha256.short()).copied());
            let last = times.chain(written(place)).max();
            last.and_then(|when| when.elapsed().ok()).is_none_or(|ago| ago <= unused)
        };
        let is_made = |place: &PathBuf| {
            place.file_name().is_some_and(|it| it.to_string_lossy().contains('@'))
        };
        let places = self.places_of_pins().filter(|place| is_made(place) && !own.contains(place));
        Ok(places.filter(|place| !is_used(place)).collect())
    }

    /// Removes what was being made here by a run that was killed.
    fn sweep_work(&self) {
        for entry in fs::read_dir(self.folder()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_work = name.to_str().is_some_and(|name| name.starts_with(WORK));
            let old = written(&entry.path()).and_then(|when| when.elapsed().ok());
            if is_work && old.is_some_and(|old| old > ABANDONED) {
                // What cannot be removed is no harm but the room that it takes.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Pins repositories as the first mirror shows them now. Tells what of each, before and now; nothing before where it was not pinned.
    ///
    /// # Errors
    /// There is no such repository, or nobody shows its index.
    pub fn update(
        &self,
        ids: &[String],
    ) -> Result<Vec<(String, Option<Pinned>, Pinned)>, PackagesError> {
        let chosen: Vec<&Kept> = if ids.is_empty() {
            self.repositories.values().collect()
        } else {
            ids.iter().map(|id| self.kept(id)).collect::<Result<_, _>>()?
        };
        // All are asked before anything is written.
        let mut pins = Vec::new();
        for kept in chosen {
            pins.push((kept, self.ask_for_index(kept)?));
        }
        let mut said = Vec::new();
        for (kept, now) in pins {
            let place = self.pin_of(&kept.repository);
            let before = Index::open(&place, &kept.repository).ok().flatten();
            let before = before.map(|index| Pinned::from(index.pin()));
            if before.as_ref().is_none_or(|before| before.sha256 != now.sha256) {
                Index::keep_instead(&place, &now)?;
            }
            said.push((kept.repository.id.clone(), before, (&now).into()));
        }
        Ok(said)
    }

    /// What a repository is pinned by, with its packages where their list is kept. Nobody is asked.
    fn pinned(&self, kept: &Kept) -> Result<Option<Arc<Index>>, PackagesError> {
        let place = self.pin_of(&kept.repository);
        let Some(index) = Index::open(&place, &kept.repository)? else { return Ok(None) };
        self.read_kept_list(&index)?;
        Ok(Some(Arc::new(index)))
    }

    /// Reads the list of packages, where it is kept.
    pub(super) fn read_kept_list(&self, index: &Index) -> Result<(), PackagesError> {
        match index.list() {
            Some(list) => match self.cache.find(&list.wanted())? {
                Some(found) => index.read_list(&found.path, &list.repository),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// All that there is, and since when nobody has used it, or brought more of it.
    pub(super) fn idle(&self) -> Result<Vec<(SystemTime, Entry)>, FetchError> {
        let since = |entry: &Entry| {
            let path = if entry.is_part { entry.path.clone() } else { self.cache.record_of(entry) };
            // One without a record is what somebody left there.
            written(&path).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        Ok(self.cache.entries()?.into_iter().map(|entry| (since(&entry), entry)).collect())
    }
}
