//! Base images: media and cloud images are brought from mirrors, and proved, once.
//!
//! The digest of an image is always known before its first byte is asked for: the program has it, the person gives it, or a signed list
//! says it. Bytes that are not proved are never under the image's name.

mod answer;
mod cache;
mod client;
mod download;
pub mod known;
mod listed;
mod lock;
mod part;
mod proof;
mod prune;
mod seen;
mod signed;
mod transfer;
mod twin;
mod wanted;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use reqwest::blocking::Client;

pub(crate) use self::client::{NotSent, Small, certificates, shown, small};
use self::download::Download;
use self::lock::Lock;
use crate::digest::{Digest, Undigested};
use crate::interrupt::Interrupted;

pub use self::cache::{Cache, Entry, Place};
pub use self::client::Network;
pub use self::proof::{Evidence, Proof};
pub use self::signed::{SignedError, Signer, digest_in};
pub use self::wanted::{Facts, Wanted};

/// What goes on while an image is brought.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Another trainyard brings the same image: who, and how many bytes are there.
    Waiting(&'a str, u64),
    /// A mirror is asked for what is missing from there on.
    Mirror {
        /// Its URL.
        url: &'a str,
        /// Bytes that are there.
        from: u64,
    },
    /// What an earlier run brought is read.
    Read {
        /// Bytes that were read.
        done: u64,
        /// Of so many.
        of: u64,
    },
    /// Bytes came.
    Got {
        /// Bytes that are there now.
        done: u64,
        /// Of so many, where that is known.
        of: Option<u64>,
    },
    /// A mirror did not send all.
    Trouble {
        /// Its URL.
        url: &'a str,
        /// What it did, in words that go after the URL.
        what: &'a str,
    },
    /// Several answers were put together, and the whole is not what it must be.
    Mixed {
        /// Its digest.
        found: Digest,
    },
    /// The same bytes lay there under another name.
    Twin(&'a Path),
    /// Nothing is done for so long.
    Pause(Duration),
    /// The file is proved.
    Proved,
}

/// Who is told.
pub type Told<'a> = dyn FnMut(Event) + 'a;

/// A mirror that was asked, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its URL.
    pub url: String,
    /// What it did, in words that go after the URL.
    pub what: String,
}

/// Why an image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No mirror sent it.
    #[error("`{file}` cannot be had:{}", lines(tried))]
    NoMirror {
        /// Its name.
        file: String,
        /// All that were asked.
        tried: Vec<Tried>,
    },
    /// No digest is pinned or given, and no list that is believed could be had.
    #[error("nothing proves `{file}`, so it is not downloaded:{}", lines(tried))]
    NoList {
        /// The image's name.
        file: String,
        /// All lists that were asked for.
        tried: Vec<Tried>,
        /// Whether none came, and one may be had another time.
        is_network: bool,
    },
    /// The image is not what it must be.
    #[error("`{}` is not what it must be: its SHA-256 is {found}, not {wanted}", path.display())]
    Wrong {
        /// The image.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// The right one.
        wanted: Digest,
    },
    /// A name that is not known.
    #[error("unknown image `{name}`; {help}")]
    Unknown {
        /// The name.
        name: String,
        /// What is known.
        help: String,
    },
    /// What was said about an image cannot be used.
    #[error("{0}")]
    Facts(String),
    /// There is no room.
    #[error("`{}` has {} MiB free, and {} MiB are needed; free some, or name another folder with `--cache`", folder.display(), free >> 20, needed.div_ceil(1 << 20))]
    NoSpace {
        /// Where it would be written.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// There was room, and somebody else took it.
    #[error("the disk is full; what was brought stays in `{}`, and the next run goes on from there", part.display())]
    Full {
        /// What is there.
        part: PathBuf,
    },
    /// There is no home folder.
    #[error(
        "there is no folder for a cache: neither XDG_CACHE_HOME nor HOME is set; name one with `--cache`"
    )]
    NoCache,
    /// A file with certificates cannot be used.
    #[error("`{}` holds no certificates in PEM form", .0.display())]
    Certificates(PathBuf),
    /// The network cannot be used at all.
    #[error("the network cannot be used: {0}")]
    Network(String),
    /// A key cannot be used.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FetchError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    fn undigested(path: &Path) -> impl FnOnce(Undigested) -> Self {
        move |error| match error {
            Undigested::Interrupted(asked) => asked.into(),
            Undigested::Io(source) => Self::io(path)(source),
        }
    }
}

fn lines(tried: &[Tried]) -> String {
    tried.iter().map(|Tried { url, what }| format!("\n  {url} {what}")).collect()
}

/// An image that can be used.
#[derive(Debug)]
pub struct Brought {
    /// Where it is.
    pub path: PathBuf,
    /// What was proved.
    pub proof: Proof,
    /// Whether it was there already.
    pub was_there: bool,
}

/// Brings images into a cache.
pub struct Fetcher<'a> {
    /// The cache.
    pub cache: &'a Cache,
    /// How servers are spoken to.
    pub network: &'a Network,
    /// Hash what is there again, instead of believing its record.
    pub verify: bool,
}

impl Fetcher<'_> {
    /// Brings an image, or finds it.
    ///
    /// # Errors
    /// It cannot be had, or not be proved.
    pub fn fetch(&self, wanted: &Wanted, tell: &mut Told) -> Result<Brought, FetchError> {
        if !self.verify
            && let Some(image) = self.cache.find(wanted)?
        {
            return Ok(image);
        }
        let mut client = None;
        let (sha256, evidence) = match &wanted.sha256 {
            Some(known) => known.clone(),
            None => listed::digest(wanted, self.client(&mut client)?, self.network, tell)?,
        };
        let place = self.cache.place(sha256, &wanted.file);
        let _lock = Lock::take(&place, &mut |owner| {
            tell(Event::Waiting(owner, place.part.metadata().map_or(0, |m| m.len())));
        })?;
        // Whoever had the lock may have brought it.
        if let Some(proof) =
            Proof::of(&place).filter(|proof| !self.verify && proof.sha256 == sha256)
        {
            return Ok(Brought { path: place.image, proof, was_there: true });
        }
        if place.image.exists() {
            let path = &place.image;
            let of = path.metadata().map_or(0, |m| m.len());
            let found = Digest::of_file(path, |done| tell(Event::Read { done, of }));
            let found = found.map_err(FetchError::undigested(path))?;
            if found == sha256 {
                let from = Proof::of(&place).map_or_else(|| "(found there)".into(), |p| p.from);
                let proof = Proof::record(&place, sha256, evidence, from)?;
                return Ok(Brought { path: place.image, proof, was_there: true });
            }
            // Somebody wrote to it. It is a cache: what is wrong in it is nobody's.
            let what = "was changed, and is brought anew";
            tell(Event::Trouble { url: &path.display().to_string(), what });
            cache::remove(path)?;
        }
        if let Some(proof) = twin::take(&place, sha256, &evidence, self.verify, tell)? {
            return Ok(Brought { path: place.image, proof, was_there: true });
        }
        let download = Download {
            client: self.client(&mut client)?,
            network: self.network,
            urls: &wanted.urls,
            sha256,
            size: wanted.size,
            place: &place,
        };
        let from = download.run(tell)?;
        if let Evidence::Listed { .. } = evidence {
            // Metadata made of packages name the times of their files, and are to be the same on every machine.
            let file = fs::File::options().write(true).open(&place.image);
            file.and_then(|file| file.set_modified(UNIX_EPOCH))
                .map_err(FetchError::io(&place.image))?;
        }
        let proof = Proof::record(&place, sha256, evidence, from)?;
        tell(Event::Proved);
        Ok(Brought { path: place.image, proof, was_there: false })
    }

    fn client<'c>(&self, client: &'c mut Option<Client>) -> Result<&'c Client, FetchError> {
        if client.is_none() {
            *client = Some(self.network.client()?);
        }
        Ok(client.as_ref().expect("it was just made"))
    }
}

impl Cache {
    /// An image that is there, and whose record can be believed.
    ///
    /// # Errors
    /// It is there, and is not as large as it is said to be.
    pub fn find(&self, wanted: &Wanted) -> Result<Option<Brought>, FetchError> {
        let found = match &wanted.sha256 {
            Some((sha256, _)) => {
                let place = self.place(*sha256, &wanted.file);
                let proof = Proof::of(&place).filter(|proof| proof.sha256 == *sha256);
                proof.map(|proof| (place.image, proof))
            }
            None => self.find_listed(wanted)?,
        };
        let Some((path, proof)) = found else { return Ok(None) };
        if let Some(size) = wanted.size.filter(|size| *size != proof.size()) {
            let message = format!(
                "`{}` has {} bytes, not {size}, and its SHA-256 is the right one: correct the size (`--size {}`, or `size` in the lab file), or the SHA-256",
                path.display(),
                proof.size(),
                proof.size()
            );
            return Err(FetchError::Facts(message));
        }
        Ok(Some(Brought { path, proof, was_there: true }))
    }

    /// The same for an image that a list proved, which is not asked for again.
    fn find_listed(&self, wanted: &Wanted) -> Result<Option<(PathBuf, Proof)>, FetchError> {
        let Some(signer) = &wanted.signer else { return Ok(None) };
        let lists: Vec<String> = wanted.lists().map(|url| shown(&url)).collect();
        let images =
            self.entries()?.into_iter().filter_map(|entry| Some((entry.path, entry.proof?)));
        Ok(images.filter(|(path, _)| file_name(path) == wanted.file).find(|(_, proof)| {
            matches!(&proof.evidence, Evidence::Signed { key, list }
                if key == signer.fingerprint() && lists.contains(list))
        }))
    }
}

/// The last part of a path.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
