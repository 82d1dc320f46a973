//! A certificate for a lab, and the authority that proves it.
//!
//! The authority's key is thrown away at once: NSS, which CentOS 7's curl uses, takes no certificate for its own issuer that is not an
//! authority's, and rustls none for a server's that is. So who trusts that authority trusts this one certificate.

use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// How many years one is used.
const YEARS: i32 = 10;
/// Seconds of a year of the Gregorian calendar, on the average.
const YEAR: u64 = 31_556_952;

/// Makes a certificate for these names and addresses, and an authority that proves it, both called so. What comes is the certificate
/// with its authority, and the certificate's key, in PEM.
pub(crate) fn make(
    authority: &str,
    server: &str,
    hosts: &[String],
) -> Result<(String, String), rcgen::Error> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let year = 1970 + i32::try_from(now.as_secs() / YEAR).unwrap_or(0);
    let of = |hosts: &[String], name: &str| -> Result<CertificateParams, rcgen::Error> {
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
    let mut issuer = of(&[], authority)?;
    issuer.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer_key = KeyPair::generate()?;
    let proof = issuer.self_signed(&issuer_key)?.pem();
    let mut wanted = of(hosts, server)?;
    wanted.is_ca = IsCa::ExplicitNoCa;
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    wanted.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = wanted.signed_by(&key, &Issuer::new(issuer, issuer_key))?.pem();
    Ok((certificate + &proof, key.serialize_pem()))
}
