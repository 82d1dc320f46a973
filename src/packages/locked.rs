//! The repositories of a lock: those packages of each that it names, and no others, with metadata of their own. So yum sees nothing else,
//! whatever the mirrors have by now, and nothing is asked of their metadata any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::index::decoded;
use super::{
    INDEX, Index, Item, LOCK, Lock, LockError, Locked, Packages, PackagesError, Pin, Repository,
    written,
};
use crate::base_image::Event;
use crate::parallel::each;
use crate::repodata::Listed;
use crate::tool::{Tool, ToolError, Wanted};

/// What makes metadata.
const CREATEREPO: Wanted = Wanted {
    name: "createrepo_c",
    purpose: "to make the metadata of what `packages.lock` names",
    hint: "Debian: the package `createrepo-c`; Fedora: `createrepo_c`",
};
/// How many packages are brought at the same time.
const JOBS: usize = 6;

/// The lock that a lab names, as it is now: `trainyard packages update` writes another one while a server runs.
pub(super) struct LockFile {
    path: PathBuf,
    read: Mutex<(Option<SystemTime>, Arc<Lock>)>,
}

impl LockFile {
    pub(super) fn open(path: &Path) -> Result<Self, LockError> {
        let when = written(path);
        let read = Mutex::new((when, Arc::new(Lock::read(path)?)));
        Ok(Self { path: path.to_owned(), read })
    }

    /// When it was written.
    pub(super) fn when(&self) -> Option<SystemTime> {
        written(&self.path)
    }

    pub(super) fn now(&self) -> Result<Arc<Lock>, LockError> {
        let when = self.when();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0 != when {
            *read = (when, Arc::new(Lock::read(&self.path)?));
        }
        Ok(Arc::clone(&read.1))
    }
}

/// Finds what makes metadata, before any work is begun.
///
/// # Errors
/// It is not there.
pub fn locate_createrepo() -> Result<(), ToolError> {
    Tool::locate(CREATEREPO).map(drop)
}

impl Packages {
    /// Brings all that a lock names, and makes its repositories of that. `tell` is told how many bytes are there.
    ///
    /// # Errors
    /// Something cannot be brought or kept, `createrepo_c` is not there or fails, or the person asked to stop.
    pub fn make(&self, lock: &Lock, tell: &(dyn Fn(u64) + Sync)) -> Result<(), PackagesError> {
        if lock.size() > self.budget {
            let (needed, budget) = (lock.size().div_ceil(1 << 20), self.budget >> 20);
            return Err(PackagesError::LargeLock { needed, budget });
        }
        let done = AtomicU64::new(0);
        let add = |bytes| tell(done.fetch_add(bytes, Ordering::Relaxed) + bytes);
        for id in lock.repositories.keys() {
            // One that the lab does not have any more is nobody's.
            let Ok(kept) = self.kept(id) else { continue };
            let items = items(lock, &kept.repository)?;
            self.bring_all(&items, &add)?;
            self.index_of_lock(lock, &kept.repository)?;
        }
        Ok(())
    }

    /// The index of a locked repository, and where it is kept. It is made where it is not there, or something of the metadata is not.
    pub(super) fn index_of_lock(
        &self,
        lock: &Lock,
        repository: &Repository,
    ) -> Result<(Index, PathBuf), PackagesError> {
        let id = &repository.id;
        if !lock.repositories.contains_key(id) {
            return Err(PackagesError::NotLocked { id: id.clone(), path: INDEX.into() });
        }
        let place = self.pin_of_lock(lock, id);
        // What is damaged is made anew.
        let there = Index::open(&place, repository).ok().flatten();
        if let Some(index) = there.filter(|it| it.metadata().all(|item| self.find(item).is_some()))
        {
            return Ok((index, place));
        }
        let items = items(lock, repository)?;
        self.bring_all(&items, &|_| ())?;
        let pin = self.made_of(&items, lock, repository)?;
        let io = |source| PackagesError::Io { path: place.clone(), source };
        match fs::remove_file(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        // Whoever else made it just now made the same of it, at another time.
        let index = Index::keep(&place, repository, &pin)?;
        Ok((index, place))
    }

    /// Where the index of a locked repository is kept. No repository's own name has an `@`.
    pub(super) fn pin_of_lock(&self, lock: &Lock, id: &str) -> PathBuf {
        let name = format!("{id}@{}.json", lock.digest_of(id).short());
        self.cache.folder().join("pins").join(name)
    }

    /// Forgets the repositories of a lock that another one has replaced, so that what only they hold may go.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn forget(&self, before: &Lock, now: &Lock) -> Result<(), PackagesError> {
        for id in before.repositories.keys() {
            let place = self.pin_of_lock(before, id);
            if now.repositories.contains_key(id) && place == self.pin_of_lock(now, id) {
                continue;
            }
            match fs::remove_file(&place) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(PackagesError::Io { path: place, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn bring_all(
        &self,
        items: &[Arc<Item>],
        add: &(dyn Fn(u64) + Sync),
    ) -> Result<(), PackagesError> {
        each(items, JOBS, |item| {
            let mut before = 0;
            self.bring(item, &mut |event| {
                if let Event::Got { done, .. } = event {
                    add(done.saturating_sub(before));
                    before = before.max(done);
                }
            })?;
            add(item.size.saturating_sub(before));
            Ok(())
        })
        .map(drop)
    }

    /// Makes metadata of these packages, which are kept, and keeps them too.
    fn made_of(
        &self,
        items: &[Arc<Item>],
        lock: &Lock,
        repository: &Repository,
    ) -> Result<Pin, PackagesError> {
        let tool = Tool::locate(CREATEREPO)?;
        // On the cache's own file system: nothing is copied.
        let folder = tempfile::Builder::new().prefix(super::WORK).tempdir_in(self.cache.folder());
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| PackagesError::Io { path, source }
        };
        let folder = folder.map_err(io(self.cache.folder()))?;
        for item in items {
            self.link(item, &folder.path().join(item.path()))?;
        }
        let made = lock.made.to_string();
        // yum 3 reads gzip and wants no databases; newer ones pack in another way by themselves.
        let mut words = vec!["--quiet", "--no-database", "--general-compress-type=gz"];
        words.extend(["--set-timestamp-to-revision", "--revision", &made]);
        let mut arguments: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).collect();
        arguments.push(folder.path().as_os_str());
        tool.run(arguments).finish()?;
        let path = folder.path().join(INDEX);
        let pin = Pin::new(fs::read_to_string(&path).map_err(io(&path))?, LOCK.into());
        let wrong =
            |what| PackagesError::List { id: repository.id.clone(), path: INDEX.into(), what };
        let index = Index::of(pin.clone(), repository).map_err(wrong)?;
        for item in index.metadata() {
            let made = folder.path().join(item.path());
            self.cache.keep(&made, &item.wanted(), LOCK)?;
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).kept = None;
        Ok(pin)
    }

    /// Gives what is kept a second name, or copies it where the file system knows no second names.
    pub(super) fn link(&self, item: &Item, to: &Path) -> Result<(), PackagesError> {
        let io = |source| PackagesError::Io { path: to.to_owned(), source };
        let gone = || PackagesError::Gone { id: item.repository.clone(), path: item.path() };
        let from = self.find(item).ok_or_else(gone)?;
        fs::create_dir_all(to.parent().unwrap_or(to)).map_err(io)?;
        fs::hard_link(&from, to).or_else(|_| fs::copy(&from, to).map(drop)).map_err(io)
    }

    /// Of what the lock names, what is not kept: where it lies in its repository.
    pub(super) fn missing(&self, lock: &Lock) -> Vec<String> {
        let of = |(id, kept): (&String, &super::Kept)| {
            let items = items(lock, &kept.repository).unwrap_or_default();
            let missing = items.into_iter().filter(|item| self.find(item).is_none());
            missing.map(|item| format!("{id}/{}", item.path())).collect::<Vec<_>>()
        };
        self.repositories.iter().flat_map(of).collect()
    }
}

/// The packages that a lock names of a repository.
pub(super) fn items(lock: &Lock, repository: &Repository) -> Result<Vec<Arc<Item>>, PackagesError> {
    let bases: Arc<[String]> = repository.bases.clone().into();
    let item = |package: &Locked| {
        let Locked { location, sha256, size, .. } = package;
        let listed = Listed {
            location: location.clone(),
            checksum_kind: "sha256".into(),
            checksum: sha256.to_string(),
            size: Some(*size),
            ..Listed::default()
        };
        let item = Item::of(listed, &repository.id, &bases)
            .filter(|_| !decoded(location).starts_with("repodata/"));
        item.map(Arc::new).ok_or_else(|| PackagesError::List {
            id: repository.id.clone(),
            path: LOCK.into(),
            what: format!("`{location}` lies nowhere in a repository"),
        })
    };
    lock.of(&repository.id).map(item).collect()
}
