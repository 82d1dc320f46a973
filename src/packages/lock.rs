//! `packages.lock`: exactly which packages a lab's nodes have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Pinned;
use crate::digest::Digest;

/// Its name, beside the lab file.
pub const LOCK: &str = "packages.lock";
/// The version of its form.
const SCHEMA: u32 = 1;

/// Exactly which packages a lab's nodes have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of this form: 1.
    schema: u32,
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
    /// The roles whose nodes have it.
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
        Self { schema: SCHEMA, repositories, packages }
    }

    /// The one beside a lab file, where there is one.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn beside(lab_file: &Path) -> Result<Option<Self>, LockError> {
        let path = lab_file.with_file_name(LOCK);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LockError::Io { path, source }),
        };
        let damaged = |what: String| LockError::Damaged { path: path.clone(), what };
        let lock: Self =
            serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if lock.schema != SCHEMA {
            return Err(damaged(format!("its schema is {}, not {SCHEMA}", lock.schema)));
        }
        let unknown =
            lock.packages.iter().find(|it| !lock.repositories.contains_key(&it.repository));
        match unknown {
            Some(it) => Err(damaged(format!(
                "`{}` is from the repository `{}`, which it does not pin",
                it.name, it.repository
            ))),
            None => Ok(Some(lock)),
        }
    }

    /// Writes it beside a lab file, whole or not at all, and tells where. One line is one package.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_beside(&self, lab_file: &Path) -> Result<PathBuf, LockError> {
        let path = lab_file.with_file_name(LOCK);
        let io = |source| LockError::Io { path: path.clone(), source };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        file.write_all(self.text().as_bytes()).map_err(io)?;
        readable(file.as_file()).map_err(io)?;
        file.persist(&path).map_err(|error| io(error.error))?;
        Ok(path)
    }

    fn text(&self) -> String {
        let mut text = format!("{{\n  \"schema\": {SCHEMA},\n  \"repositories\": {{");
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
        let lab = folder.path().join("lab.yaml");
        assert!(Lock::beside(&lab).expect("none").is_none());
        let path = lock().write_beside(&lab).expect("written");
        assert_eq!(path, folder.path().join("packages.lock"));
        assert_eq!(Lock::beside(&lab).expect("read"), Some(lock()));
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
        let lab = folder.path().join("lab.yaml");
        let path = lock().write_beside(&lab).expect("written");
        let text = fs::read_to_string(&path).expect("read");
        for (wrong, word) in [
            (text[..text.len() - 20].to_owned(), "EOF"),
            (text.replace("\"schema\": 1", "\"schema\": 2"), "its schema is 2, not 1"),
            (text.replace("\"base\": {", "\"other\": {"), "`base`, which it does not pin"),
            (text.replace("\"arch\"", "\"architecture\""), "unknown field `architecture`"),
        ] {
            fs::write(&path, wrong).expect("written");
            let error = Lock::beside(&lab).expect_err(word).to_string();
            assert!(error.contains(word) && error.contains("packages.lock"), "{error}");
        }
    }
}
