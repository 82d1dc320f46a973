//! The repositories of a lock: those packages of each that it names, and no others, with metadata of their own. So yum sees nothing else,
//! whatever the mirrors have by now, and nothing is asked of their metadata any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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
/// How long no second use of what was made of a lock is noted.
const NOTED_PIN: Duration = Duration::from_secs(60 * 60);
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
pub(super) fn locate_createrepo() -> Result<(), ToolError> {
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
        if lock.repositories.keys().any(|id| !self.pin_of_lock(lock, id).exists()) {
            locate_createrepo()?;
        }
        let done = AtomicU64::new(0);
        let add = |bytes| tell(done.fetch_add(bytes, Ordering::Relaxed) + bytes);
        for id in lock.repositories.keys() {
            let repository = &self.kept(id)?.repository;
            self.bring_all(&items(lock, repository)?, &add)?;
            self.index_of_lock(lock, repository)?;
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
        let io = |source| PackagesError::Io { path: place.clone(), source };
        // Whoever else makes it now is waited for.
        let _turn = self.cache.turn(lock.digest_of(id))?;
        // What is damaged is made anew.
        let there = Index::open(&place, repository).ok().flatten();
        if let Some(index) = there.filter(|it| it.metadata().all(|item| self.find(item).is_some()))
        {
            note_pin(&place);
            return Ok((index, place));
        }
        let items = items(lock, repository)?;
        self.bring_all(&items, &|_| ())?;
        let pin = self.made_of(&items, lock, repository)?;
        match fs::remove_file(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
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
        fs::create_dir_all(self.cache.folder()).map_err(|source| {
            let path = self.cache.folder().to_owned();
            PackagesError::Io { path, source }
        })?;
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
        if let Some(list) = index.list() {
            index.read_list(&folder.path().join(list.path()), &repository.id)?;
        }
        // It leaves out what it cannot read, and ends well.
        let is_there = |item: &Arc<Item>| {
            index.find(&item.path()).is_some_and(|found| found.sha256 == item.sha256)
        };
        let unread: Vec<_> =
            items.iter().filter(|it| !is_there(it)).map(|item| item.path()).collect();
        if !unread.is_empty() {
            return Err(wrong(format!(
                "`createrepo_c` takes these for no packages: {}",
                unread.join(", ")
            )));
        }
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
        if fs::hard_link(&from, to).is_ok() {
            return Ok(());
        }
        // What is there already may be a second name of what is kept: nothing is written through it.
        let copy = || {
            let mut file = fs::File::options().write(true).create_new(true).open(to)?;
            std::io::copy(&mut fs::File::open(&from)?, &mut file).map(drop)
        };
        copy().map_err(io)
    }

    /// Of what the lock names, what is not kept: where it lies in its repository. Looking is no use of it.
    pub(super) fn missing(&self, lock: &Lock) -> Result<Vec<String>, PackagesError> {
        let mut missing = Vec::new();
        for (id, kept) in &self.repositories {
            for item in items(lock, &kept.repository)? {
                if self.cache.find(&item.wanted())?.is_none() {
                    missing.push(format!("{id}/{}", item.path()));
                }
            }
        }
        Ok(missing)
    }
}

/// Notes that what was made of a lock is used, now and then: by that it is known whether any lab has that lock still.
fn note_pin(place: &Path) {
    let is_old =
        written(place).and_then(|when| when.elapsed().ok()).is_some_and(|ago| ago > NOTED_PIN);
    if is_old {
        // Nothing but what goes first depends on it.
        let _ = fs::File::options()
            .write(true)
            .open(place)
            .and_then(|it| it.set_modified(SystemTime::now()));
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
        let item = Item::of(listed, &repository.id, &bases);
        item.map(Arc::new).ok_or_else(|| PackagesError::List {
            id: repository.id.clone(),
            path: LOCK.into(),
            what: format!("`{location}` lies nowhere in a repository"),
        })
    };
    lock.of(&repository.id).map(item).collect()
}
