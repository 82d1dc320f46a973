//! By what a repository is pinned, and what that proves.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::{Evidence, PackagesError, Pinned, Repository, Wanted};
use crate::digest::Digest;
use crate::repodata::{self, Listed};

/// The index of a repository, from its folder on.
pub const INDEX: &str = "repodata/repomd.xml";
/// Bytes of a list of packages, unpacked: that of CentOS 7.9's updates is the largest, with some 200 MB.
pub(super) const LARGEST_LIST: u64 = 1 << 30;
/// Packages of a repository: base has 10,000.
const MOST: usize = 100_000;
/// Bytes of a path in a repository.
const LONGEST: usize = 1 << 10;

/// The index that a repository had when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The form of this: 1.
    schema: u32,
    /// Its digest.
    pub sha256: Digest,
    /// Its URL; [`super::LOCK`] where it was made here, of what a lock names.
    pub from: String,
    /// When it was seen (RFC 9110, section 5.6.7).
    pub when: String,
    /// The text of `repomd.xml`.
    repomd: String,
}

impl Pin {
    /// Of what a mirror shows now.
    #[must_use]
    pub fn new(repomd: String, from: String) -> Self {
        let when = httpdate::fmt_http_date(SystemTime::now());
        Self { schema: 1, sha256: Digest::of(repomd.as_bytes()), from, when, repomd }
    }

    /// Whether it was made here, so that no mirror has it.
    pub(super) fn is_made(&self) -> bool {
        self.from == super::LOCK
    }

    /// What this is, and what it was: in words.
    pub(super) fn differs_from(&self, before: &Pinned) -> String {
        format!(
            "the SHA-256 of {} is {} now, and was {} on {} ({})",
            self.from, self.sha256, before.sha256, before.when, before.from
        )
    }
}

/// A file that a repository's metadata prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The repository.
    pub repository: String,
    /// The last part of its path.
    pub file: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where it lies, from the repository's folder on.
    location: String,
    bases: Arc<[String]>,
}

impl Item {
    /// Where it lies, from the repository's folder on, as a path of files.
    pub(super) fn path(&self) -> String {
        decoded(&self.location)
    }

    /// Nothing where it cannot be proved, or lies elsewhere.
    pub(super) fn of(listed: Listed, id: &str, bases: &Arc<[String]>) -> Option<Self> {
        let Listed { location, checksum_kind, checksum, size, .. } = listed;
        let decoded = place_below(&location)?;
        if checksum_kind != "sha256" {
            return None;
        }
        let file = decoded.rsplit('/').next().unwrap_or_default().to_owned();
        if !Wanted::is_name(&file) {
            return None;
        }
        let (repository, bases) = (id.to_owned(), Arc::clone(bases));
        let (sha256, size) = (checksum.parse().ok()?, size?);
        Some(Self { repository, file, sha256, size, location, bases })
    }

    fn urls(&self) -> Vec<reqwest::Url> {
        let url = |base: &String| format!("{base}/{}", self.location).parse().ok();
        self.bases.iter().filter_map(url).collect()
    }

    /// The same as something to be fetched.
    #[must_use]
    pub(super) fn wanted(&self) -> Wanted {
        let list = self.repository.clone();
        Wanted {
            file: self.file.clone(),
            urls: self.urls(),
            sha256: Some((self.sha256, Evidence::Listed { repository: list })),
            size: Some(self.size),
            volume_id: None,
            signer: None,
        }
    }
}

/// What a pinned repository has.
#[derive(Debug)]
pub struct Index {
    pin: Pin,
    list: Option<Arc<Item>>,
    metadata: HashMap<String, Arc<Item>>,
    packages: OnceLock<HashMap<String, Arc<Item>>>,
}

impl Index {
    /// What an index says. The error says what is wrong with it.
    pub(super) fn of(pin: Pin, repository: &Repository) -> Result<Self, String> {
        let listed = repodata::index(pin.repomd.as_bytes())?;
        let bases: Arc<[String]> = repository.bases.clone().into();
        let mut metadata = HashMap::new();
        let mut list = None;
        for file in listed {
            let (is_list, path) = (file.kind == "primary", decoded(&file.location));
            let Some(item) = Item::of(file, &repository.id, &bases).map(Arc::new) else { continue };
            if is_list {
                list = Some(Arc::clone(&item));
            }
            metadata.insert(path, item);
        }
        if list.is_none() {
            return Err("it names no list of packages with a SHA-256".into());
        }
        Ok(Self { pin, list, metadata, packages: OnceLock::new() })
    }

    /// What was pinned at this place, where something was.
    pub(super) fn open(
        place: &Path,
        repository: &Repository,
    ) -> Result<Option<Self>, PackagesError> {
        let io = |source| PackagesError::Io { path: place.to_owned(), source };
        let json = match fs::read(place) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let wrong = |what: &str| {
            let help =
                format!("{what}; `trainyard packages update {}` pins it anew", repository.id);
            io(io::Error::new(io::ErrorKind::InvalidData, help))
        };
        let pin: Pin = serde_json::from_slice(&json).map_err(|_| wrong("it is damaged"))?;
        if pin.schema != 1 || Digest::of(pin.repomd.as_bytes()) != pin.sha256 {
            return Err(wrong("it is not what was pinned"));
        }
        Self::of(pin, repository).map(Some).map_err(|what| wrong(&what))
    }

    /// Pins it, unless somebody else just did: then by what that one saw.
    pub(super) fn keep(
        place: &Path,
        repository: &Repository,
        pin: &Pin,
    ) -> Result<Self, PackagesError> {
        let io = |source| PackagesError::Io { path: place.to_owned(), source };
        let written = written(place, pin).map_err(io)?;
        match written.persist_noclobber(place) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(error.error)),
        }
        let gone = || io(io::Error::from(io::ErrorKind::NotFound));
        Self::open(place, repository)?.ok_or_else(gone)
    }

    /// Pins it instead of what was there.
    pub(super) fn keep_instead(place: &Path, pin: &Pin) -> Result<(), PackagesError> {
        let io = |source| PackagesError::Io { path: place.to_owned(), source };
        let written = written(place, pin).map_err(io)?;
        written.persist(place).map(drop).map_err(|error| io(error.error))
    }

    /// By what the repository is pinned.
    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The text of the index.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.pin.repomd
    }

    /// The file at a path: of the metadata, or a package, where the list of those was read.
    pub(super) fn find(&self, path: &str) -> Option<Arc<Item>> {
        let package = || self.packages.get()?.get(path);
        self.metadata.get(path).or_else(package).map(Arc::clone)
    }

    /// The metadata that it names.
    pub(super) fn metadata(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.metadata.values()
    }

    /// All that is known so far.
    pub(super) fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.metadata.values().chain(self.packages.get().into_iter().flat_map(HashMap::values))
    }

    /// The list of packages.
    pub(super) fn list(&self) -> Option<Arc<Item>> {
        self.list.clone()
    }

    /// Whether it was read.
    pub(super) fn has_list(&self) -> bool {
        self.packages.get().is_some()
    }

    /// Reads it, from where it lies.
    pub(super) fn read_list(&self, path: &Path, id: &str) -> Result<(), PackagesError> {
        let file = File::open(path)
            .map_err(|source| PackagesError::Io { path: path.to_owned(), source })?;
        let name = path.to_string_lossy();
        let bases =
            self.list.as_ref().map_or_else(|| Arc::from([]), |list| Arc::clone(&list.bases));
        let (mut found, mut count) = (HashMap::new(), 0_usize);
        let read = repodata::unpacked(&name, BufReader::new(file), LARGEST_LIST).and_then(|list| {
            repodata::packages(list, |package| {
                let repodata::Package { location, checksum_kind, checksum, size, .. } = package;
                let listed =
                    Listed { location, checksum_kind, checksum, size, ..Listed::default() };
                let path = decoded(&listed.location);
                count += 1;
                if count <= MOST
                    && let Some(item) = Item::of(listed, id, &bases)
                {
                    found.insert(path, Arc::new(item));
                }
            })
        });
        let read = match read {
            Ok(()) if count > MOST => Err(format!("it has more than {MOST} packages")),
            read => read,
        };
        if let Err(what) = read {
            let (id, path) = (id.to_owned(), name.into_owned());
            return Err(PackagesError::List { id, path, what });
        }
        // Whoever else read it found the same.
        let _ = self.packages.set(found);
        Ok(())
    }
}

/// A location as a path, where it lies below its repository's folder. As a URL is read: `%2e` is a dot there, and `\\` is `/`.
pub(super) fn place_below(location: &str) -> Option<String> {
    let decoded = percent_decode_str(location).decode_utf8().ok()?;
    let is_below = location.len() <= LONGEST
        && !decoded.contains('\\')
        && !decoded.contains(char::is_control)
        && decoded.split('/').all(|step| !["", ".", ".."].contains(&step));
    is_below.then(|| decoded.into_owned())
}

/// A path as it is asked for.
pub(super) fn decoded(location: &str) -> String {
    percent_decode_str(location).decode_utf8_lossy().into_owned()
}

fn written(place: &Path, pin: &Pin) -> io::Result<tempfile::NamedTempFile> {
    let folder = place.parent().unwrap_or(place);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, pin)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Repository {
        let bases = vec!["http://a/os".to_owned(), "http://b/os".to_owned()];
        Repository { bases, is_archive: true, ..Repository::elsewhere("base".into()) }
    }

    fn listed(location: &str, checksum_kind: &str) -> Listed {
        let checksum = "ab".repeat(32);
        let (location, checksum_kind) = (location.to_owned(), checksum_kind.to_owned());
        Listed { kind: "primary".into(), location, checksum_kind, checksum, size: Some(3) }
    }

    fn pin(locations: &[&str]) -> Pin {
        let data = locations.iter().map(|location| {
            let Listed { checksum, .. } = listed(location, "sha256");
            format!(
                "<data type='primary'><checksum type='sha256'>{checksum}</checksum><location href='{location}'/><size>3</size></data>"
            )
        });
        let text = format!("<repomd>{}</repomd>", data.collect::<String>());
        Pin::new(text, "http://a/os/repodata/repomd.xml".into())
    }

    #[test]
    fn what_is_proved_lies_below_its_repository() {
        let bases: Arc<[String]> = repository().bases.into();
        let item = |location: &str, kind| Item::of(listed(location, kind), "base", &bases);
        let found = item("Packages/libstdc%2B%2B.rpm", "sha256").expect("an item");
        assert_eq!((found.file.as_str(), found.size), ("libstdc++.rpm", 3));
        let urls: Vec<_> = found.urls().iter().map(ToString::to_string).collect();
        assert_eq!(
            urls,
            ["http://a/os/Packages/libstdc%2B%2B.rpm", "http://b/os/Packages/libstdc%2B%2B.rpm"]
        );
        let long = format!("{}/x.rpm", "a".repeat(LONGEST));
        for location in [
            "",
            "/etc/passwd",
            "../x.rpm",
            "a/../../x.rpm",
            "a//x.rpm",
            "./x",
            ".x",
            "a/b%2F..%2Fc/.",
            "a/%2e%2e/%2E%2e/x.rpm",
            "a\\..\\x/y.rpm",
            &long,
        ] {
            assert_eq!(item(location, "sha256"), None, "{location}");
        }
        // What proves too little proves nothing, and of what has no end nobody knows whether there is room.
        assert_eq!(item("x.rpm", "sha"), None);
        let endless = Listed { size: None, ..listed("x.rpm", "sha256") };
        assert_eq!(Item::of(endless, "base", &bases), None);
    }

    #[test]
    fn the_first_sight_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("pins/base.json");
        assert!(Index::open(&place, &repository()).expect("nothing there").is_none());
        let (first, second) = (pin(&["repodata/a.xml"]), pin(&["repodata/b.xml"]));
        Index::keep(&place, &repository(), &first).expect("pinned");
        let kept = Index::keep(&place, &repository(), &second).expect("pinned");
        assert_eq!(*kept.pin(), first);
        assert!(kept.find("repodata/a.xml").is_some() && kept.find("repodata/b.xml").is_none());
        Index::keep_instead(&place, &second).expect("pinned");
        let kept = Index::open(&place, &repository()).expect("read").expect("something");
        assert_eq!(*kept.pin(), second);
    }

    #[test]
    fn a_pin_that_was_changed_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("base.json");
        Index::keep_instead(&place, &pin(&["repodata/a.xml"])).expect("pinned");
        let text = fs::read_to_string(&place).expect("read");
        for damaged in [text.replace("a.xml", "b.xml"), text[..text.len() / 2].to_owned()] {
            fs::write(&place, damaged).expect("written");
            let error = Index::open(&place, &repository()).expect_err("damaged").to_string();
            assert!(error.contains("`trainyard packages update base`"), "{error}");
        }
    }

    #[test]
    fn an_index_without_a_list_is_none() {
        for text in
            ["", "<repomd/>", "<html>log in</html>", "<repomd><data type='other'/></repomd>"]
        {
            assert!(
                Index::of(Pin::new(text.into(), String::new()), &repository()).is_err(),
                "{text}"
            );
        }
    }
}
