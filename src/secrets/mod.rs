//! Secrets: made once, kept beside the lab, shown to nobody who does not ask for one.

mod blotter;
mod check;
mod edit;
mod endpoints;
mod file;
mod guard;
mod host_key;
mod keygen;
mod names;
mod password;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use endpoints::EndpointCertificate;

pub use blotter::Blotter;
pub use endpoints::{ENDPOINTS_TLS, Endpoints, GivenCertificate};
pub use file::{FILE_NAME, FileError, Sources, load, path_beside};
pub(crate) use guard::read as read_private;
pub use host_key::HostKey;
pub(crate) use keygen::SSH_KEYGEN;
pub use names::{
    HostKeyType, Wanted, account_password_name, host_key_name, is_derived, salt_of, variable,
};
pub(crate) use password::sha512_crypt;
pub use write::{Filled, fill, rotate};

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

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The secrets file.
    File,
    /// A variable of the environment, which wins over the file.
    Environment,
}

/// A value that was checked.
#[derive(Clone, Debug)]
struct Checked {
    value: Secret,
    /// The same, where it is an SSH host key.
    host_key: Option<HostKey>,
    /// The same, where it is the certificate of the endpoints, with its key.
    certificate: Option<EndpointCertificate>,
    source: Source,
}

/// The secrets of a lab, by name.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    path: PathBuf,
    values: BTreeMap<String, Checked>,
    /// Hashes that were made already: each takes milliseconds, by design.
    hashes: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Secrets {
    /// Values that are made of their names, for what must not depend on a lab's secrets: checks and measurements.
    #[must_use]
    pub fn stand_in(wanted: &Wanted) -> Self {
        let checked = |name: &str| {
            let digest: [u8; 32] = Sha256::digest(name).into();
            let host_key = HostKeyType::of(name).map(|kind| HostKey::stand_in(kind, digest));
            let value = digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
            Checked {
                value: Secret(value),
                host_key,
                certificate: None,
                source: Source::Environment,
            }
        };
        let values = wanted.names().map(|name| (name.to_owned(), checked(name))).collect();
        Self { path: PathBuf::new(), values, hashes: Arc::default() }
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Secret, Missing> {
        self.values.get(name).map(|checked| &checked.value).ok_or_else(|| self.missing([name]))
    }

    /// The SSH host key of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn host_key(&self, name: &str) -> Result<&HostKey, Missing> {
        let checked = self.values.get(name).and_then(|checked| checked.host_key.as_ref());
        checked.ok_or_else(|| self.missing([name]))
    }

    /// Those of these names and addresses that the certificate of the endpoints is not for, where there is one.
    #[must_use]
    pub fn endpoints_lack<'h>(&self, hosts: &'h [String]) -> Vec<&'h str> {
        let checked = self.values.get(ENDPOINTS_TLS);
        let certificate = checked.and_then(|checked| checked.certificate.as_ref());
        certificate.map(|it| it.lacks(hosts)).unwrap_or_default()
    }

    /// All names that have a value, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.keys().map(String::as_str)
    }

    /// Where the value of that name comes from, if it has one.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<Source> {
        self.values.get(name).map(|checked| checked.source)
    }

    /// What to do about a value that cannot be used, where it comes from.
    #[must_use]
    pub fn way_out(&self, name: &str) -> &'static str {
        check::way_out(self.source(name).unwrap_or(Source::File))
    }

    /// Refuses to go on when one of these is missing, and tells all that are.
    ///
    /// # Errors
    /// One is missing.
    pub fn require<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), Missing> {
        let missing: Vec<_> =
            names.into_iter().filter(|name| !self.values.contains_key(*name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(self.missing(missing)) }
    }

    /// Texts of which each gives the secret away: the value itself, and the lines of a certificate's key; or pieces of a host key's
    /// secret part, which is broken into lines where it is written.
    ///
    /// # Errors
    /// There is no such secret.
    pub fn traces(&self, name: &str) -> Result<Vec<&str>, Missing> {
        let checked = self.values.get(name).ok_or_else(|| self.missing([name]))?;
        let lines = checked.certificate.iter().flat_map(EndpointCertificate::traces);
        Ok(match &checked.host_key {
            Some(key) => key.traces(),
            None => [checked.value.reveal()].into_iter().chain(lines).collect(),
        })
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
        Ok(hash.or_insert_with(|| sha512_crypt(password.reveal(), salt.reveal())).clone())
    }

    fn missing<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Missing {
        let names = names.into_iter().map(str::to_owned).collect();
        Missing { names, path: self.path.clone() }
    }
}

/// Secrets that are needed are not there.
#[derive(Debug)]
pub struct Missing {
    /// At least one.
    names: Vec<String>,
    path: PathBuf,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let (noun, verb) = if quoted.len() == 1 { ("secret", "is") } else { ("secrets", "are") };
        write!(
            f,
            "the {noun} {} {verb} missing in `{}`: run `trainyard secrets` in the lab's folder, or set `{}`",
            quoted.join(", "),
            self.path.display(),
            self.names.first().map(|name| variable(name)).unwrap_or_default(),
        )?;
        if quoted.len() > 1 { f.write_str(" and so on") } else { Ok(()) }
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let value = Secret("hunter2".into());
        let checked = Checked { value, host_key: None, certificate: None, source: Source::File };
        let values = BTreeMap::from([("A".into(), checked)]);
        Secrets { path: "x".into(), values, hashes: Arc::default() }
    }

    #[test]
    fn a_secret_shows_nothing() {
        assert!(!format!("{:?}", secrets()).contains("hunter2"));
    }

    #[test]
    fn what_is_missing_is_told_at_once() {
        let told = secrets().require(["A", "B", "C-D"]).expect_err("two are missing").to_string();
        assert!(told.starts_with("the secrets `B`, `C-D` are missing in `x`: "), "{told}");
        assert!(told.ends_with("or set `TRAINYARD_SECRET_B` and so on"), "{told}");
        assert!(secrets().require(["A"]).is_ok());
    }
}
