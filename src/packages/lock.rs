//! `packages.lock`: exactly which packages a lab's nodes have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::index::place_below;
use super::reported::{Installed, other_files};
use super::{Pinned, Repository};
use crate::digest::Digest;
use crate::model::Lab;

/// Its name, beside the lab file.
pub const LOCK: &str = "packages.lock";
/// The version of its form.
const SCHEMA: u32 = 1;
/// Bytes of the largest one: a lab's has some 300 KB.
const LARGEST: u64 = 64 << 20;
/// Bytes of the largest package: rpm's own format ends there.
const LARGEST_PACKAGE: u64 = 4 << 30;
/// Packages of which yum keeps older versions beside the newest (`installonlypkgs`), as far as nodes have them.
pub(super) const BESIDE: [&str; 2] = ["kernel", "kernel-devel"];

/// Exactly which packages a lab's nodes have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of this form: 1.
    schema: u32,
    /// When it was made, in seconds since 1970. The metadata of its repositories are of that time, wherever they are made: yum refuses
    /// what is older than what it has.
    pub made: u64,
    /// By what each repository is pinned.
    pub repositories: BTreeMap<String, Pinned>,
    /// The packages, in order.
    pub packages: BTreeSet<Locked>,
}

/// A package that is locked. They are ordered by name first, so that what changes stands together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its epoch; 0 where it has none.
    pub epoch: u64,
    /// Its version.
    pub version: String,
    /// Its release.
    pub release: String,
    /// Its architecture.
    pub arch: String,
    /// The repository that it is from.
    pub repository: String,
    /// The digest of the whole file.
    pub sha256: Digest,
    /// The file's size in bytes.
    pub size: u64,
    /// Where it lies, from the repository's folder on.
    pub location: String,
    /// The roles whose nodes have it. None: what an installer or an image may bring by itself, so any node may have it.
    pub roles: BTreeSet<String>,
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not there.
    #[error("`{}` is not there: `trainyard packages resolve` writes it, or take it from version control", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is no lock.
    #[error(
        "`{}` cannot be understood: {what}; take it from version control again, or let `trainyard packages update` make a new one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        what: String,
    },
}

impl Lock {
    /// Of these packages.
    #[must_use]
    pub fn new(repositories: BTreeMap<String, Pinned>, packages: BTreeSet<Locked>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let made = since.map_or(0, |since| since.as_secs());
        Self { schema: SCHEMA, made, repositories, packages }
    }

    /// Those of a repository.
    pub(super) fn of<'l>(&'l self, id: &'l str) -> impl Iterator<Item = &'l Locked> {
        self.packages.iter().filter(move |package| package.repository == id)
    }

    /// How this was made of another lab than one with these repositories, in words that go after its name: nodes would be given nothing.
    pub fn misfit<'r>(
        &self,
        lab: &Lab,
        repositories: impl Iterator<Item = &'r Repository>,
    ) -> Option<String> {
        let locked: BTreeSet<&String> = self.packages.iter().flat_map(|it| &it.roles).collect();
        let roles: BTreeSet<&String> = lab.nodes.iter().map(|node| &node.role).collect();
        let role = |role: &&String| format!("packages of the role `{role}`");
        let used = repositories.filter(|it| !it.roles.is_empty());
        let used: BTreeSet<&String> = used.map(|it| &it.id).collect();
        let its: BTreeSet<&String> = self.repositories.keys().collect();
        let named = |id: &&String| format!("the repository `{id}`");
        let missing = roles.difference(&locked).map(role);
        let missing: Vec<_> = missing.chain(used.difference(&its).map(named)).collect();
        let more: Vec<_> = its.difference(&used).map(named).collect();
        match (missing.is_empty(), more.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!("does not have {}, which the lab has", missing.join(", "))),
            (true, false) => Some(format!("has {}, which the lab does not have", more.join(", "))),
        }
    }

    /// Their bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.packages.iter().map(|package| package.size).sum()
    }

    /// What the digest of all its packages of a repository is: locks that agree in that share what is made of them.
    pub(super) fn digest_of(&self, id: &str) -> Digest {
        let lines: String = self
            .of(id)
            .map(|package| format!("{} {}\n", package.sha256, package.location))
            .collect();
        Digest::of(format!("{}\n{lines}", self.made).as_bytes())
    }

    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        Self::read_text(path).map(|(lock, _)| lock)
    }

    /// The same with its text.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn read_text(path: &Path) -> Result<(Self, String), LockError> {
        let mut text = String::new();
        let read =
            fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
        let damaged = |what: String| LockError::Damaged { path: path.to_owned(), what };
        match read {
            Ok(_) if text.len() as u64 > LARGEST => {
                return Err(damaged(format!("it has more than {LARGEST} bytes")));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LockError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(LockError::Io { path: path.to_owned(), source }),
        }
        let lock: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        lock.check().map_err(damaged)?;
        Ok((lock, text))
    }

    /// What is wrong with it, where something is.
    fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("its schema is {}, not {SCHEMA}", self.schema));
        }
        if self.made > u64::from(u32::MAX) {
            return Err(format!("it was made at {}, which is no time of this century", self.made));
        }
        let mut places = BTreeSet::new();
        for Locked { name, repository, location, size, .. } in &self.packages {
            if !self.repositories.contains_key(repository) {
                return Err(format!(
                    "`{name}` is from the repository `{repository}`, which it does not pin"
                ));
            }
            let place = place_below(location).filter(|place| {
                place.strip_suffix(".rpm").is_some_and(|it| !it.starts_with("repodata/"))
            });
            let Some(place) = place else {
                return Err(format!(
                    "`{name}` lies at `{}`, where no package lies in a repository",
                    location.escape_debug()
                ));
            };
            if *size > LARGEST_PACKAGE {
                return Err(format!("`{name}` has {size} bytes, and no package has"));
            }
            // As where two changes of it were merged.
            if !places.insert((repository, place)) {
                return Err(format!("`{location}` of `{repository}` is in it twice"));
            }
        }
        Ok(())
    }

    /// Writes it, whole or not at all; with `force`, instead of what is there. One line is one package.
    ///
    /// # Errors
    /// It cannot be written, or one is there.
    pub fn write(&self, path: &Path, force: bool) -> Result<(), LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        file.write_all(self.text().as_bytes()).map_err(io)?;
        readable(file.as_file()).map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        let written = if force { file.persist(path) } else { file.persist_noclobber(path) };
        written.map(drop).map_err(|error| io(error.error))
    }

    /// As it is written.
    fn text(&self) -> String {
        let mut text = format!(
            "{{\n  \"schema\": {SCHEMA},\n  \"made\": {},\n  \"repositories\": {{",
            self.made
        );
        for (i, (id, pin)) in self.repositories.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(text, "{comma}\n    {}: {}", line(id), line(pin));
        }
        text += "\n  },\n  \"packages\": [";
        for (i, package) in self.packages.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(text, "{comma}\n    {}", line(package));
        }
        text += "\n  ]\n}\n";
        text
    }
}

impl std::fmt::Display for Locked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, epoch, version, release, arch, .. } = self;
        write!(f, "{name} {epoch} {version} {release} {arch}")
    }
}

impl Lock {
    /// What a node of a role has otherwise: `+` before what is not locked, `-` before what is missing; with its SHA-256, where only the file
    /// is another one. What it has is what `trainyard-node packages` says there.
    ///
    /// # Errors
    /// A line is something else.
    pub fn difference(&self, role: &str, installed: &str) -> Result<Vec<String>, String> {
        let installed = Installed::all(installed)?;
        let found: BTreeSet<_> = installed.iter().map(ToString::to_string).collect();
        if found.is_empty() {
            return Err("there is no package in it".into());
        }
        let (of_role, of_all): (Vec<_>, Vec<_>) = self
            .packages
            .iter()
            .filter(|package| package.roles.is_empty() || package.roles.contains(role))
            .partition(|package| package.roles.contains(role));
        if of_role.is_empty() {
            return Err(format!("the lock has no packages of the role `{role}`"));
        }
        let locked: BTreeSet<_> = of_role.iter().map(ToString::to_string).collect();
        let allowed: BTreeSet<_> = of_all.iter().map(ToString::to_string).collect();
        // Kernels stand beside each other by right: the medium's stays when the locked one comes.
        let is_beside = |package: &String| {
            let (name, numbers) = numbers(package);
            let mut right = locked.intersection(&found).map(|it| self::numbers(it));
            BESIDE.contains(&name) && right.any(|(right, newest)| right == name && numbers < newest)
        };
        let more = found.difference(&locked).filter(|it| !allowed.contains(*it) && !is_beside(it));
        let missing = locked.difference(&found).map(|it| (it, '-'));
        let mut all: Vec<_> = missing.chain(more.map(|it| (it, '+'))).collect();
        all.sort_unstable();
        let lines = all.into_iter().map(|(package, sign)| format!("{sign} {package}"));
        Ok(lines.chain(other_files(&self.packages, role, &installed)).collect())
    }
}

/// The name of a package, and the numbers of its version and release: enough to tell kernels apart.
fn numbers(package: &str) -> (&str, [Vec<u64>; 2]) {
    let mut words = package.split(' ');
    let name = words.next().unwrap_or_default();
    let mut numbers =
        words.skip(1).map(|word| word.split('.').map(|it| it.parse().unwrap_or(0)).collect());
    (name, [numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()])
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// There is nothing secret in it.
#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let sha256 = Digest::of(b"");
        let pin = Pinned { sha256, from: "http://a/".into(), when: "now".into() };
        let package = |name: &str, version: &str| Locked {
            name: name.into(),
            epoch: 0,
            version: version.into(),
            release: "1.el7".into(),
            arch: "noarch".into(),
            repository: "base".into(),
            sha256,
            size: 1,
            location: format!("Packages/{name}-{version}-1.el7.noarch.rpm"),
            roles: ["compute", "controller"].map(str::to_owned).into(),
        };
        let packages = [package("b", "2"), package("a", "1"), package("a", "10")].into();
        Lock::new([("base".to_owned(), pin)].into(), packages)
    }

    #[test]
    fn one_line_is_one_package() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(LOCK);
        let missing = Lock::read(&path).expect_err("nothing").to_string();
        assert!(missing.contains("`trainyard packages resolve` writes it"), "{missing}");
        lock().write(&path, true).expect("written");
        let read = Lock::read(&path).expect("read");
        assert_eq!(Lock { made: read.made, ..lock() }, read);
        assert!(lock().write(&path, false).is_err(), "it is there");
        let text = fs::read_to_string(&path).expect("read");
        let lines: Vec<_> = text.lines().filter(|line| line.contains("\"name\":")).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].starts_with("    {\"name\":\"a\",\"epoch\":0,\"version\":\"1\","),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_lock_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(LOCK);
        lock().write(&path, true).expect("written");
        let text = fs::read_to_string(&path).expect("read");
        for (wrong, word) in [
            (text[..text.len() - 20].to_owned(), "EOF"),
            (text.replace("\"schema\": 1", "\"schema\": 2"), "its schema is 2, not 1"),
            (text.replace("\"base\": {", "\"other\": {"), "`base`, which it does not pin"),
            (text.replace("\"arch\"", "\"architecture\""), "unknown field `architecture`"),
            (text.replace("Packages/b-2", "../b-2"), "`b` lies at `../b-2"),
            (text.replace("Packages/b-2", "repodata/b-2"), "`b` lies at `repodata/b-2"),
            (text.replace("Packages/b-2", "%0a/b-2"), "`b` lies at `%0a/b-2"),
            (text.replace("Packages/b-2", "/b-2"), "`b` lies at `/b-2"),
            // Both sides of a merge, and the same in other letters.
            (text.replace("Packages/a-10-", "Packages/a-1-"), "is in it twice"),
            (text.replace("Packages/a-10-", "Packages/%61-1-"), "is in it twice"),
            (
                text.replace("\"size\":1,", "\"size\":9223372036854775808,"),
                "has 9223372036854775808 bytes",
            ),
            (text.replace("\"made\": ", "\"made\": 99999"), "no time of this century"),
        ] {
            fs::write(&path, wrong).expect("written");
            let error = Lock::read(&path).expect_err(word).to_string();
            assert!(error.contains(word) && error.contains("packages.lock"), "{error}");
        }
    }

    #[test]
    fn what_a_node_has_otherwise() {
        let lock = lock();
        let has = |lines: &str| lock.difference("compute", lines).expect("packages");
        let right = "b 0 2 1.el7 noarch\na 0 1 1.el7 noarch\n\na 0 10 1.el7 noarch\n";
        assert_eq!(has(right), [""; 0]);
        assert_eq!(has(&format!("gpg-pubkey 0 f4a80eb5 53a7ff4b (none)\n{right}")), [""; 0]);
        assert_eq!(
            has("b 0 3 1.el7 noarch\na 0 1 1.el7 noarch\na 0 10 1.el7 noarch\n"),
            ["- b 0 2 1.el7 noarch", "+ b 0 3 1.el7 noarch"]
        );
        // Another file by the same name.
        let (same, other) = (Digest::of(b""), Digest::of(b"other"));
        let of_file =
            |sha256| right.replace("b 0 2 1.el7 noarch", &format!("b 0 2 1.el7 noarch {sha256}"));
        assert_eq!(has(&of_file(same)), [""; 0]);
        assert_eq!(
            has(&of_file(other)),
            [format!("- b 0 2 1.el7 noarch {same}"), format!("+ b 0 2 1.el7 noarch {other}")]
        );
        let mut kernels = lock.clone();
        let first = kernels.packages.first().expect("a package").clone();
        let (name, version, release) = ("kernel".into(), "3.10.0".into(), "1160.119.1.el7".into());
        let roles = ["compute".to_owned()].into();
        kernels.packages = [
            Locked { name, version, release, roles, ..first.clone() },
            Locked { name: "grub2".into(), roles: BTreeSet::new(), ..first },
        ]
        .into();
        let has = |lines: &str| kernels.difference("compute", lines).expect("packages");
        let right = "kernel 0 3.10.0 1160.119.1.el7 noarch\n";
        assert_eq!(has(right), [""; 0]);
        // The medium's own, and what came by itself; a newer one is nothing of the kind.
        assert_eq!(
            has(&format!("kernel 0 3.10.0 1160.el7 noarch\ngrub2 0 1 1.el7 noarch\n{right}")),
            [""; 0]
        );
        let newer = "kernel 0 3.10.0 1160.120.1.el7 noarch";
        assert_eq!(has(&format!("{newer}\n{right}")), [format!("+ {newer}")]);
        // What is not there is no node that has nothing.
        assert!(
            lock.difference("compute", "\n").expect_err("nothing").contains("no package in it")
        );
        let other = lock.difference("storage", right).expect_err("another role");
        assert_eq!(other, "the lock has no packages of the role `storage`");
        let wrong = lock.difference("compute", "b 0 2 1.el7 noarch\nb-2-1.el7.noarch\n");
        assert!(wrong.expect_err("no package").starts_with("line 2: `b-2-1.el7.noarch`"));
    }
}
