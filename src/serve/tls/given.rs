//! A certificate that the person has.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{CertificateError, Error, InconsistentKeys, ServerConfig};

use super::{TlsError, config};
use crate::certificate::{Fault, certificates, fault};
use crate::secrets::{FileError, read_private};

/// Reads both, for a server that nodes know by this host.
pub(super) fn read(
    certificate: &Path,
    key: &Path,
    host: &str,
) -> Result<(Vec<CertificateDer<'static>>, ServerConfig), TlsError> {
    let (chain, private) = (chain(certificate, host), private(key));
    let (chain, private) = match (chain, private) {
        (Ok(chain), Ok(private)) => (chain, private),
        (chain, private) => {
            let findings = chain.err().into_iter().chain(private.err());
            return Err(TlsError::Given(findings.collect()));
        }
    };
    match config(&chain, private) {
        Ok(config) => Ok((chain, config)),
        Err(error) => {
            let key = format!("`--tls-key {}`", key.display());
            let message = match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    format!("{key} is not the key of `--tls-cert {}`", certificate.display())
                }
                other => format!(
                    "{key} cannot be used: {other}; it must be an RSA, ECDSA (P-256, P-384) or Ed25519 key"
                ),
            };
            Err(TlsError::Given(vec![message]))
        }
    }
}

fn chain(path: &Path, host: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let it = format!("`--tls-cert {}`", path.display());
    let text = fs::read(path).map_err(|error| format!("{it}: {error}"))?;
    let chain = certificates(&text)
        .ok_or_else(|| format!("{it} is no certificate in PEM (`-----BEGIN CERTIFICATE-----`)"))?;
    match fault(&chain, &[host.to_owned()]) {
        Some(Fault::Broken) => Err(format!("{it} is no X.509 certificate of version 3")),
        Some(Fault::Time(when)) => Err(format!("{it} {when}, and no installer would take it")),
        Some(Fault::Name(host)) => Err(format!(
            "{it} is not for `{host}`, which nodes know the server by: `--url` says another name, or the certificate needs this one (subjectAltName)"
        )),
        Some(Fault::Other(Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        ))) => Err(format!("{it} is not a server's (extendedKeyUsage: serverAuth)")),
        // Who proves it need not be in the file: that is for the installer to know.
        Some(Fault::Other(_)) | None => Ok(chain),
    }
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let it = format!("`--tls-key {}`", path.display());
    let text = read_private(path).map_err(|error| match error {
        FileError::Absent(_) => format!("{it}: there is no such file"),
        FileError::Owner { owner, .. } => format!(
            "{it} belongs to another user (uid {owner}), who can change it: make it yours, or run the server as its owner"
        ),
        FileError::Io { source, .. } => format!("{it}: {source}"),
        // It names the file, its mode, and what to do.
        other => other.to_string(),
    })?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound if text.contains("ENCRYPTED PRIVATE KEY") => format!(
            "{it} is encrypted, and nobody is there to type its password: `openssl pkey -in {} -out FILE` writes it without one",
            path.display()
        ),
        _ => format!("{it} is no private key in PEM (`-----BEGIN PRIVATE KEY-----`)"),
    })
}
