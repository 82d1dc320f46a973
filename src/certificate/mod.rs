//! X.509 certificates: what a client would say of one, and those that are made for a lab.

mod check;
mod made;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

pub(crate) use check::{Fault, fault};
pub(crate) use made::make;

/// All certificates of a text; nothing where it has none, or a broken one.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    Some(found).filter(|found| !found.is_empty())
}
