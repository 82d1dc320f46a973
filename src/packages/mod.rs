//! Package repositories, kept: what a node once installed from is there for the next one, and is the same.
//!
//! The repositories are frozen, so each is pinned by the digest of its `repomd.xml` when it is first seen. That names its metadata by their
//! digests, and its list of packages names each package by its own. Nothing is kept, and nothing is given as a whole, that has another
//! digest; so mirrors are interchangeable, and a repository that has changed is told, never mixed with what it was. Who signed a package
//! is for the node to see, which has the keys.

mod bundle;
mod care;
mod error;
mod index;
mod lock;
mod locked;
mod reported;
mod repository;
mod resolve;
mod room;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::Url;
use reqwest::blocking::Client;

use crate::base_image::{
    Brought, Cache, Event, Evidence, FetchError, Fetcher, Network, Wanted, small,
};

pub use bundle::{BUNDLE_LABEL, BUNDLE_SUMS, Bundled};
pub use care::{Checked, Content, Pinned, RepositoryStatus, Said, Status};
pub use error::PackagesError;
pub use index::{INDEX, Index, Item, Pin};
pub use lock::{LOCK, Lock, LockError, Locked};
use locked::LockFile;
pub use reported::{Installed, ReportedError, reported};
pub use repository::{Differ, Repository, of_lab};
pub use resolve::{ResolveError, locate_solver, resolve};
use room::Used;

/// A repomd.xml has some 4 KB; one with more than this is none.
const LARGEST_INDEX: u64 = 1 << 20;
/// How long a changed repository is not asked about again.
const TOLD: Duration = Duration::from_secs(60);

/// What a repository has at a path.
#[derive(Clone, Debug)]
pub enum Found {
    /// The index itself.
    Index(Arc<Index>),
    /// A file that it proves, with the index that it is from.
    File(Arc<Index>, Arc<Item>),
}

/// The repositories of a lab, and what is kept of them.
pub struct Packages {
    cache: Cache,
    network: Network,
    client: OnceLock<Client>,
    /// Bytes that may be kept.
    budget: u64,
    repositories: BTreeMap<String, Kept>,
    /// Where nodes have certain packages and no others.
    lock: Option<LockFile>,
    used: Mutex<Used>,
}

/// A repository, and what is known of it.
struct Kept {
    repository: Repository,
    /// Held for a moment only: who serves looks here, whoever waits for a mirror meanwhile.
    index: Mutex<Option<Arc<Known>>>,
    /// Who asks mirrors for it.
    pinning: Mutex<()>,
    /// When was last looked whether it has changed, and what was found.
    changed: Mutex<Option<(Instant, Option<String>)>>,
}

/// What the names of folders begin with in which something is being made.
pub(crate) const WORK: &str = "making-";

/// An index, and when it was pinned: another process may pin another one.
struct Known {
    index: Arc<Index>,
    place: PathBuf,
    pinned: Option<SystemTime>,
    /// When the lock was written that it was made of.
    locked: Option<SystemTime>,
}

impl Packages {
    /// The repositories, kept in the folder `packages` of a cache; so many bytes of them at most.
    #[must_use]
    pub fn new(
        cache: &Cache,
        network: Network,
        budget: u64,
        repositories: Vec<Repository>,
    ) -> Self {
        let kept = |repository: Repository| {
            let id = repository.id.clone();
            let (index, pinning, changed) = Default::default();
            (id, Kept { repository, index, pinning, changed })
        };
        Self {
            cache: Cache::new(cache.folder().join("packages")),
            network,
            client: OnceLock::new(),
            budget,
            repositories: repositories.into_iter().map(kept).collect(),
            lock: None,
            used: Mutex::default(),
        }
    }

    /// The same, and nothing but what this lock has, as it is whenever somebody asks.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn locked(self, path: &Path) -> Result<Self, LockError> {
        Ok(Self { lock: Some(LockFile::open(path)?), ..self })
    }

    /// The lock, where there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lock(&self) -> Result<Option<Arc<Lock>>, LockError> {
        self.lock.as_ref().map(LockFile::now).transpose()
    }

    /// Where it is kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.cache.folder()
    }

    /// The repositories, by id.
    pub fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.values().map(|kept| &kept.repository)
    }

    /// What a repository has at a path, where that is known without asking anybody; nothing where it is not.
    ///
    /// # Errors
    /// There is no such repository, or no such file in it.
    pub fn known(&self, id: &str, path: &str) -> Result<Option<Found>, PackagesError> {
        let Some(index) = self.in_memory(self.kept(id)?) else { return Ok(None) };
        if path == INDEX {
            return Ok(Some(Found::Index(index)));
        }
        match (index.find(path), index.has_list()) {
            (Some(item), _) => Ok(Some(Found::File(index, item))),
            (None, false) => Ok(None),
            (None, true) => Err(self.nowhere(id, path)),
        }
    }

    /// That there is no such file.
    fn nowhere(&self, id: &str, path: &str) -> PackagesError {
        let (id, path) = (id.into(), path.into());
        match self.lock {
            Some(_) => PackagesError::NotLocked { id, path },
            None => PackagesError::NotListed { id, path },
        }
    }

    /// The same, where that may take a while: the repository is pinned, and its list of packages brought, if they are not yet.
    ///
    /// # Errors
    /// There is no such file, or nobody says.
    pub fn look(&self, id: &str, path: &str) -> Result<Found, PackagesError> {
        let kept = self.kept(id)?;
        self.index_of(kept)?;
        if let Some(found) = self.known(id, path)? {
            return Ok(found);
        }
        self.learn_list(kept)?;
        self.known(id, path)?.ok_or_else(|| self.nowhere(id, path))
    }

    /// Where a file lies that is kept; nothing where it is not.
    #[must_use]
    pub fn find(&self, item: &Item) -> Option<PathBuf> {
        // What is wrong with it is told when it is brought.
        let Brought { path, .. } = self.cache.find(&item.wanted()).ok()??;
        self.note_use(item);
        Some(path)
    }

    /// Where a file lies while it is brought.
    #[must_use]
    pub fn part(&self, item: &Item) -> PathBuf {
        self.cache.place(item.sha256, &item.file).part
    }

    /// Brings a file, or finds it.
    ///
    /// # Errors
    /// No mirror sends it, or it cannot be kept.
    pub fn bring(
        &self,
        item: &Item,
        tell: &mut dyn FnMut(Event),
    ) -> Result<PathBuf, PackagesError> {
        let wanted = item.wanted();
        if let Some(path) = self.find(item) {
            return Ok(path);
        }
        self.check_made(item)?;
        self.make_room(item.size)?;
        let fetcher = Fetcher { cache: &self.cache, network: &self.network, verify: false };
        let came = fetcher.fetch(&wanted, tell);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.coming = used.coming.saturating_sub(item.size);
        used.kept = match (&came, used.kept) {
            (Ok(brought), Some(kept)) if brought.was_there => Some(kept),
            (Ok(brought), Some(kept)) => Some(kept + brought.proof.size()),
            // What is left of it is counted when somebody needs to know.
            _ => None,
        };
        drop(used);
        match came {
            Ok(Brought { path, .. }) => Ok(path),
            // What a lock names lies where it lay, or nowhere.
            Err(error) if self.lock.is_some() => Err(error.into()),
            Err(error @ FetchError::NoMirror { .. }) => match self.changed(&item.repository)? {
                Some(changed) => Err(PackagesError::Changed {
                    id: item.repository.clone(),
                    changed,
                    error: Box::new(error),
                }),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn kept(&self, id: &str) -> Result<&Kept, PackagesError> {
        self.repositories.get(id).ok_or_else(|| {
            let known: Vec<_> = self.repositories.keys().map(|id| format!("`{id}`")).collect();
            PackagesError::NoRepository { id: id.into(), known: known.join(", ") }
        })
    }

    fn client(&self) -> Result<&Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.network.client()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// The index that is in memory, where it is still what the repository is pinned by.
    fn in_memory(&self, kept: &Kept) -> Option<Arc<Index>> {
        let known = kept.index.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_same = known.pinned == written(&known.place) && known.locked == self.when_locked();
        is_same.then(|| Arc::clone(&known.index))
    }

    /// When the lock was written.
    fn when_locked(&self) -> Option<SystemTime> {
        self.lock.as_ref().and_then(LockFile::when)
    }

    /// The index that a repository is pinned by: the first one that a mirror shows, where it is not pinned yet; where packages are locked,
    /// one of those.
    fn index_of(&self, kept: &Kept) -> Result<Arc<Index>, PackagesError> {
        let _turn = kept.pinning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = self.in_memory(kept) {
            return Ok(index);
        }
        let (locked, lock) = (self.when_locked(), self.lock()?);
        let (index, place, pinned) = if let Some(lock) = lock {
            let (index, place) = self.index_of_lock(&lock, &kept.repository)?;
            let pinned = written(&place);
            (index, place, pinned)
        } else {
            let place = self.pin_of(&kept.repository);
            let when = written(&place);
            let index = match Index::open(&place, &kept.repository)? {
                Some(index) => index,
                None => Index::keep(&place, &kept.repository, &self.ask_for_index(kept)?)?,
            };
            let pinned = when.or_else(|| written(&place));
            (index, place, pinned)
        };
        let index = Arc::new(index);
        *kept.changed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *kept.index.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(Known { index: Arc::clone(&index), place, pinned, locked }));
        Ok(index)
    }

    /// Of what was made here no mirror has anything: where it is gone, all is made anew.
    fn check_made(&self, item: &Item) -> Result<(), PackagesError> {
        let Ok(kept) = self.kept(&item.repository) else { return Ok(()) };
        let known = kept.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(known) = known.filter(|it| it.index.pin().is_made()) else { return Ok(()) };
        if !known.index.metadata().any(|it| it.sha256 == item.sha256) {
            return Ok(());
        }
        *kept.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Err(PackagesError::Gone { id: item.repository.clone(), path: item.path() })
    }

    /// Lets all packages of a repository be known.
    fn learn_list(&self, kept: &Kept) -> Result<(), PackagesError> {
        let index = self.index_of(kept)?;
        if !index.has_list() {
            let list = index.list().ok_or_else(|| PackagesError::List {
                id: kept.repository.id.clone(),
                path: INDEX.into(),
                what: "it names none".into(),
            })?;
            let path = self.bring(&list, &mut |_| {})?;
            index.read_list(&path, &kept.repository.id)?;
        }
        Ok(())
    }

    /// Asks the mirrors in order for the index, until one shows one that can be used.
    fn ask_for_index(&self, kept: &Kept) -> Result<Pin, PackagesError> {
        let mut tried = Vec::new();
        for base in &kept.repository.bases {
            let url = format!("{base}/{INDEX}");
            match self.index_at(base)? {
                Ok(pin) => match Index::of(pin.clone(), &kept.repository) {
                    Ok(_) => return Ok(pin),
                    Err(what) => tried.push((url, format!("is no index: {what}"))),
                },
                Err(what) => tried.push((url, what)),
            }
        }
        Err(PackagesError::NoIndex { id: kept.repository.id.clone(), tried })
    }

    /// What a mirror shows now; or what is wrong, in words that go after the URL.
    fn index_at(&self, base: &str) -> Result<Result<Pin, String>, PackagesError> {
        let url: Url = match format!("{base}/{INDEX}").parse() {
            Ok(url) => url,
            Err(error) => return Ok(Err(format!("is no URL: {error}"))),
        };
        let from = crate::base_image::shown(&url);
        let limit = self.network.connect_time + self.network.stall_time;
        let answer = small(self.client()?.get(url), LARGEST_INDEX, limit)?;
        Ok(match answer {
            Err(failed) => Err(failed.what),
            Ok(answer) if !answer.status.is_success() => Err(format!("answers {}", answer.status)),
            Ok(answer) => match String::from_utf8(answer.body) {
                Ok(text) => Ok(Pin::new(text, from)),
                Err(_) => Err("is no text".into()),
            },
        })
    }

    /// Whether a repository has changed since it was pinned, by the first mirror that shows another index: in words.
    fn changed(&self, id: &str) -> Result<Option<String>, PackagesError> {
        let kept = self.kept(id)?;
        // It forgets what was found here, where it is pinned anew.
        let index = self.index_of(kept)?;
        let mut known = kept.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, said)) = known.as_ref().filter(|(when, _)| when.elapsed() < TOLD) {
            return Ok(said.clone());
        }
        let mut said = None;
        for base in &kept.repository.bases {
            if let Ok(now) = self.index_at(base)?
                && now.sha256 != index.pin().sha256
                && Index::of(now.clone(), &kept.repository).is_ok()
            {
                said = Some(now.differs_from(&index.pin().into()));
                break;
            }
        }
        *known = Some((Instant::now(), said.clone()));
        Ok(said)
    }

    /// All that is pinned here, by this lab and by others. One that cannot be read is told where it is asked for.
    fn pins(&self, forgotten: &HashSet<PathBuf>) -> Vec<Index> {
        let open = |place: PathBuf| {
            let id = place.file_stem()?.to_string_lossy().into_owned();
            Index::open(&place, &Repository::elsewhere(id)).ok()?
        };
        self.places_of_pins().filter(|place| !forgotten.contains(place)).filter_map(open).collect()
    }

    fn places_of_pins(&self) -> impl Iterator<Item = PathBuf> {
        let inside = fs::read_dir(self.cache.folder().join("pins")).into_iter().flatten().flatten();
        inside.map(|entry| entry.path())
    }

    fn pin_of(&self, repository: &Repository) -> PathBuf {
        self.cache.folder().join("pins").join(format!("{}.json", repository.name()))
    }
}

/// When a file was written.
fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}
