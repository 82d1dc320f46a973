use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use reqwest::blocking::{Client, ClientBuilder};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};

use crate::base_image::certificates;
use crate::exit::{self, Failure};
use crate::serve::Folder;

/// Trusts whom the system trusts, or the certificates of this file.
pub(super) fn by_authorities(builder: ClientBuilder, file: Option<&Path>) -> Result<Client> {
    let builder = match file {
        Some(file) => builder.tls_certs_only(certificates(file)?),
        None => builder,
    };
    Ok(builder.build()?)
}

/// Trusts the certificate alone that the server of this folder shows, whatever names are in it and whoever signed it.
pub(super) fn by_folder(builder: ClientBuilder, folder: &Folder) -> Result<Client> {
    let path = folder.certificate();
    let Ok(certificate) = CertificateDer::from_pem_file(&path) else {
        let message = format!(
            "`{}` is no certificate, by which the server is known again: it writes it when it begins",
            path.display()
        );
        bail!(Failure::new(exit::INPUT, message));
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let known = Arc::new(Known { certificate, provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .dangerous()
        .with_custom_certificate_verifier(known)
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config).build()?)
}

/// What a connection failed of, where that was TLS.
pub(super) fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e TlsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<TlsError>() {
            return Some(found);
        }
        // What is in one of these is no source of it.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Whether it was another server's certificate than the one that is known.
pub(super) fn is_other(error: &TlsError) -> bool {
    *error == TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

/// One certificate.
struct Known {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Known")
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    // That it has the certificate's key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
