//! The certificate of OpenStack's public endpoints, with its key: one secret, so that a rebuilt lab is known again.

use std::path::PathBuf;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, SignatureAlgorithm};

use super::{FileError, Secret, guard};
use crate::certificate::{self, Fault, certificates, fault};

/// The name under which it is kept: base64, on one line, of the certificate, those that prove it and its key, all in PEM.
pub const ENDPOINTS_TLS: &str = "ENDPOINTS_TLS";

/// The endpoints that a lab has by TLS.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The lab's name, which is in a certificate that is made.
    pub lab: String,
    /// The names and addresses by which they are asked.
    pub hosts: Vec<String>,
    /// The person's own certificate; one is made where there is none.
    pub given: Option<GivenCertificate>,
}

/// A certificate that the person has.
#[derive(Clone, Debug)]
pub struct GivenCertificate {
    /// Its file, as the person calls it.
    pub name: Arc<str>,
    /// It, and then those that prove it, in PEM.
    pub text: Arc<str>,
    /// The file of its key.
    pub key: PathBuf,
}

/// The certificate of a lab's endpoints, with its key.
#[derive(Clone, Debug)]
pub(super) struct EndpointCertificate {
    /// All of it, in PEM.
    text: String,
    /// The lines of the key.
    key: Vec<Secret>,
}

impl EndpointCertificate {
    /// Reads a value, and checks that it is whole and may be used now.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn read(value: &str) -> Result<Self, String> {
        let form = "not the base64 of a certificate, those that prove it, and its key, all in PEM, on one line";
        let text = Base64::decode_vec(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Self::of(text.ok_or(form)?)
    }

    fn of(text: String) -> Result<Self, String> {
        let chain = certificates(text.as_bytes())
            .ok_or("no certificate in PEM (`-----BEGIN CERTIFICATE-----`)")?;
        match fault(&chain, &[]) {
            None => {}
            Some(Fault::Time(when)) => return Err(format!("a certificate that {when}")),
            Some(Fault::Broken | Fault::Name(_)) => {
                return Err("no X.509 certificate of version 3".into());
            }
            Some(Fault::Other(Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            ))) => {
                return Err(
                    "a certificate that is not a server's (extendedKeyUsage: serverAuth)".into()
                );
            }
            // Many that prove themselves are an authority's, which openssl and NSS take for a server's as well.
            Some(Fault::Other(error)) if chain.len() == 1 && !is_unproved(&error) => {}
            Some(Fault::Other(error)) => {
                let help =
                    "the certificates that prove it come after it, up to the authority's own";
                return Err(format!("a certificate that nothing proves ({error}): {help}"));
            }
        }
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
            pem::Error::NoItemsFound if text.contains("ENCRYPTED PRIVATE KEY") => {
                "a key with a password, and nobody is there to type one: `openssl pkey` writes it without"
            }
            _ => "no private key in PEM (`-----BEGIN PRIVATE KEY-----`)",
        })?;
        let certified = CertifiedKey::from_der(chain, key, &default_provider());
        let certified = certified.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                "a key that is not the certificate's".to_owned()
            }
            other => {
                format!("a key that cannot be used ({other}): RSA and ECDSA (P-256, P-384) can")
            }
        })?;
        // OpenSSL 1.0.2, which CentOS 7's httpd has, knows none of these.
        if certified.key.algorithm() == SignatureAlgorithm::ED25519 {
            return Err(
                "an Ed25519 key, which CentOS 7's httpd cannot use: RSA and ECDSA can".into()
            );
        }
        let key = key_lines(&text).map(|line| Secret(line.to_owned())).collect();
        Ok(Self { text, key })
    }

    /// As it is kept.
    pub fn value(&self) -> String {
        Base64::encode_string(self.text.as_bytes())
    }

    /// Those of these names that it is not for.
    pub fn lacks<'h>(&self, hosts: &'h [String]) -> Vec<&'h str> {
        let chain = certificates(self.text.as_bytes()).unwrap_or_default();
        let is_missing = |host: &&String| {
            matches!(fault(&chain, std::slice::from_ref(*host)), Some(Fault::Name(_)))
        };
        hosts.iter().filter(is_missing).map(String::as_str).collect()
    }

    /// The lines of its key.
    pub fn traces(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(Secret::reveal)
    }
}

impl Endpoints {
    /// A new certificate, with its key.
    ///
    /// # Errors
    /// A name cannot stand in one, or the system gives no random numbers.
    pub(super) fn make(&self) -> Result<EndpointCertificate, String> {
        let authority = format!("trainyard, authority of {}'s endpoints", self.lab);
        let server = format!("trainyard, endpoints of the lab {}", self.lab);
        let (chain, key) = certificate::make(&authority, &server, &self.hosts)
            .map_err(|error| format!("no certificate can be made: {error}"))?;
        EndpointCertificate::of(chain + &key)
    }
}

impl GivenCertificate {
    /// Reads its key, and checks that they fit.
    ///
    /// # Errors
    /// What is wrong, without showing it.
    pub(super) fn read(&self) -> Result<EndpointCertificate, String> {
        let key = guard::read(&self.key).map_err(|error| match error {
            FileError::Absent(path) => {
                format!("`{}`, the key of `{}`: there is no such file", path.display(), self.name)
            }
            FileError::Owner { owner, .. } => format!(
                "`{}`, the key of `{}`: it belongs to another user (uid {owner}), who can change it: make it yours",
                self.key.display(),
                self.name
            ),
            other => other.to_string(),
        })?;
        if certificates(key.as_bytes()).is_some() {
            let message =
                "a key's file with certificates in it: they belong into the certificate's";
            return Err(format!("`{}`: {message}", self.key.display()));
        }
        let separator = if self.text.ends_with('\n') { "" } else { "\n" };
        EndpointCertificate::of(format!("{}{separator}{key}", self.text))
            .map_err(|what| format!("`{}` with `{}`: {what}", self.name, self.key.display()))
    }
}

/// Whether nothing of what comes with a certificate has issued it.
fn is_unproved(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer))
}

/// The lines of the private key in a text that are long enough to be found by.
fn key_lines(text: &str) -> impl Iterator<Item = &str> {
    const SHORTEST: usize = 16;
    let mut is_inside = false;
    text.lines().map(str::trim).filter(move |line| {
        if line.starts_with("-----") {
            is_inside = line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY");
            return false;
        }
        is_inside && line.len() >= SHORTEST
    })
}

#[cfg(test)]
mod tests;
