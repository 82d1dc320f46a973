//! What a client would say of a certificate.

use std::time::{Duration, UNIX_EPOCH};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// Why a certificate is not taken, by a client that trusts those that come with it.
pub(crate) enum Fault {
    /// It is none.
    Broken,
    /// It is not valid now: `expired on …`.
    Time(String),
    /// It is another host's than this one.
    Name(String),
    /// Something else, such as an issuer that is not among those that come with it.
    Other(Error),
}

/// The first fault. What cannot be a host's name is no name of the certificate's either.
pub(crate) fn fault(chain: &[CertificateDer], hosts: &[String]) -> Option<Fault> {
    let Some(Ok(leaf)) = chain.first().map(ParsedCertificate::try_from) else {
        return Some(Fault::Broken);
    };
    // That the one of another host has expired as well is no help.
    for host in hosts {
        let name = ServerName::try_from(host.as_str());
        if !name.is_ok_and(|name| verify_server_name(&leaf, &name).is_ok()) {
            return Some(Fault::Name(host.clone()));
        }
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain.iter().cloned());
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let now = UnixTime::now();
    let proved =
        verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &chain[1..], now, algorithms.all);
    let day =
        |at: UnixTime| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.as_secs()));
    match proved.err()? {
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(Fault::Time(format!("expired on {}", day(not_after))))
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some(Fault::Time(format!("is not valid before {}", day(not_before))))
        }
        error => Some(Fault::Other(error)),
    }
}
