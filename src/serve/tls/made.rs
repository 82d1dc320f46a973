//! A certificate that is made for this lab's server, once, and found again.
//!
//! It is signed by an authority whose key is thrown away at once: NSS, which CentOS 7's curl uses, takes no certificate for its own issuer
//! that is not an authority's, and rustls none for a server's that is. So who trusts that authority trusts this one certificate.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{Error, ServerConfig};

use super::check::{Fault, fault};
use super::{TlsError, certificates, config};
use crate::serve::Folder;
use crate::serve::folder::write;

/// How many years one is used.
const YEARS: i32 = 10;
/// Seconds of a year of the Gregorian calendar, on the average.
const YEAR: u64 = 31_556_952;

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
    let (pem, key) = make(lab, hosts).map_err(|error| TlsError::Make(error.to_string()))?;
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

/// The certificate and its authority, and its key, in PEM.
fn make(lab: &str, hosts: &[String]) -> Result<(String, String), rcgen::Error> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let year = 1970 + i32::try_from(now.as_secs() / YEAR).unwrap_or(0);
    let of = |hosts: &[String], name: String| -> Result<CertificateParams, rcgen::Error> {
        let mut wanted = CertificateParams::new(hosts)?;
        // A node's clock may be years behind until it is set.
        wanted.not_before = date_time_ymd(2000, 1, 1);
        wanted.not_after = date_time_ymd(year + YEARS, 1, 1);
        wanted.distinguished_name = DistinguishedName::new();
        // X.520 has room for 64 letters.
        let name: String = name.chars().take(64).collect();
        wanted.distinguished_name.push(DnType::CommonName, name);
        Ok(wanted)
    };
    let mut authority = of(&[], format!("trainyard, authority of the lab {lab}"))?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let proof = authority.self_signed(&authority_key)?.pem();
    let mut server = of(hosts, format!("trainyard, server of the lab {lab}"))?;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
    Ok((certificate + &proof, key.serialize_pem()))
}
