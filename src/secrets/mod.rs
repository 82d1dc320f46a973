//! Secrets: made once, kept beside the lab, shown to nobody.

mod file;
mod password;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

pub use file::{FILE_NAME, FileError, Filled, fill, load};

/// A secret value. Its `Debug` shows nothing, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The value itself, for the one place where it must be written.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The secrets of a lab, by name.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    path: PathBuf,
    values: BTreeMap<String, Secret>,
    /// Hashes that were made already: each takes milliseconds, by design.
    hashes: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Secrets {
    /// Values that are made of their names, for what must not depend on a lab's secrets: checks and measurements.
    pub fn stand_in<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let value = |name: &str| {
            let digest = Sha256::digest(name);
            digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
        };
        let names = names.into_iter().flat_map(|name| [name.to_owned(), salt_of(name)]);
        let values = names.map(|name| (name.clone(), Secret(value(&name)))).collect();
        Self { path: PathBuf::new(), values, hashes: Arc::default() }
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Secret, Missing> {
        self.values
            .get(name)
            .ok_or_else(|| Missing { name: name.to_owned(), path: self.path.clone() })
    }

    /// A password as a `$6$` hash, with the salt that is kept beside it, so that the same secrets
    /// give the same bytes every time.
    ///
    /// # Errors
    /// The password or its salt is missing.
    pub fn password_hash(&self, name: &str) -> Result<String, Missing> {
        let salt = self.get(&salt_of(name))?;
        let password = self.get(name)?;
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = hashes.entry(name.to_owned());
        Ok(hash.or_insert_with(|| password::sha512_crypt(password, salt)).clone())
    }
}

/// The name under which a password's salt is kept.
#[must_use]
pub fn salt_of(name: &str) -> String {
    format!("{name}_SALT")
}

/// A secret that is needed is not there.
#[derive(Debug, thiserror::Error)]
#[error("the secret `{name}` is missing in `{}`: run `trainyard secrets` in the lab's folder", path.display())]
pub struct Missing {
    name: String,
    path: PathBuf,
}

/// Where the secrets of a lab are: beside its lab file.
#[must_use]
pub fn path_beside(lab: &Path) -> PathBuf {
    lab.with_file_name(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing() {
        let secrets = Secrets {
            path: "x".into(),
            values: BTreeMap::from([("A".into(), Secret("hunter2".into()))]),
            hashes: Arc::default(),
        };
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
