//! A certificate that is made for this lab's server, once, and found again.

use std::io;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{Error, ServerConfig};

use super::{TlsError, config};
use crate::certificate::{self, Fault, certificates, fault};
use crate::serve::Folder;
use crate::serve::folder::write;

type Served = (Vec<CertificateDer<'static>>, ServerConfig);

/// The folder's certificate for these hosts, with its authority; and why it was made anew, where there was another one.
pub(super) fn find_or_make(
    folder: &Folder,
    lab: &str,
    hosts: &[String],
) -> Result<(Vec<CertificateDer<'static>>, ServerConfig, Option<String>), TlsError> {
    if let Some(host) = hosts.iter().find(|host| ServerName::try_from(host.as_str()).is_err()) {
        return Err(TlsError::Name(host.clone()));
    }
    let (at, key_at) = (folder.tls_certificate(), folder.tls_key());
    let why = match (read(&at)?, read(&key_at)?) {
        (None, None) => None,
        (Some(pem), Some(key)) => match usable(&pem, &key, hosts) {
            Ok((chain, config)) => return Ok((chain, config, None)),
            Err(why) => Some(why),
        },
        (Some(_), None) => Some("its key is gone".to_owned()),
        (None, Some(_)) => Some("it is gone, and only its key is there".to_owned()),
    };
    let authority = format!("trainyard, authority of the lab {lab}");
    let (pem, key) =
        certificate::make(&authority, &format!("trainyard, server of the lab {lab}"), hosts)
            .map_err(|error| TlsError::Make(error.to_string()))?;
    // Where only one of them gets there, they do not fit, and both are made anew.
    for (path, text) in [(&key_at, &key), (&at, &pem)] {
        let io = |source| TlsError::Io { path: path.clone(), source };
        write(path, text.as_bytes()).map_err(io)?;
    }
    let (chain, config) = usable(pem.as_bytes(), key.as_bytes(), hosts).map_err(TlsError::Make)?;
    Ok((chain, config, why))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, TlsError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Io { path: path.to_owned(), source }),
    }
}

/// What is there, if it serves; or why it does not.
fn usable(pem: &[u8], key: &[u8], hosts: &[String]) -> Result<Served, String> {
    let chain = certificates(pem).ok_or("it is no certificate")?;
    match fault(&chain, hosts) {
        None => {}
        Some(Fault::Time(when)) => return Err(format!("it {when}")),
        Some(Fault::Name(host)) => return Err(format!("it is not for `{host}`")),
        Some(Fault::Broken) => return Err("it is no certificate".into()),
        Some(Fault::Other(error)) => return Err(error.to_string()),
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "its key is none")?;
    let config = config(&chain, key).map_err(|error| match error {
        Error::InconsistentKeys(_) => "its key is another one's".to_owned(),
        other => other.to_string(),
    })?;
    Ok((chain, config))
}
