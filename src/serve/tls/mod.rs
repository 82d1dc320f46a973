//! TLS at the server's own port: by a certificate that is made for this lab, or one that the person has.

mod given;
mod made;
mod plain;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use super::Folder;
pub(super) use plain::only_by_tls;

/// The first byte of a connection that is TLS: a record of the handshake (RFC 8446, section 5.1).
pub(super) const HANDSHAKE: u8 = 22;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// What the person has cannot be used; every finding.
    #[error("{}", .0.join("\n"))]
    Given(Vec<String>),
    /// A host cannot stand in a certificate.
    #[error(
        "no certificate can be made for `{0}`, which nodes know the server by: `--url` says another name"
    )]
    Name(String),
    /// None can be made.
    #[error("no certificate can be made: {0}")]
    Make(String),
    /// A file of the server's own cannot be used.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A server's certificate, and what is done with it.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    url: String,
    certificate: CertificateDer<'static>,
    /// In PEM, what proves a certificate that was made here.
    authority: Option<String>,
}

impl Tls {
    /// By the certificate (and those that prove it) in one file, and its key in another. `url` is what nodes know the server as.
    ///
    /// # Errors
    /// They cannot be used, for every reason that was found.
    pub fn given(certificate: &Path, key: &Path, url: &str) -> Result<Self, TlsError> {
        let (chain, config) = given::read(certificate, key, &host_of(url))?;
        Ok(Self::of(chain, config, url, None))
    }

    /// By the one that is in the server's folder, made where it is not, or serves no more; then it is said why.
    ///
    /// # Errors
    /// It cannot be made, or files of the folder cannot be used.
    pub fn made(
        folder: &Folder,
        lab: &str,
        url: &str,
        listen: SocketAddr,
    ) -> Result<(Self, Option<String>), TlsError> {
        let mut hosts = vec![host_of(url)];
        let own = listen.ip().to_string();
        if !listen.ip().is_unspecified() && !hosts.contains(&own) {
            hosts.push(own);
        }
        let (chain, config, why) = made::find_or_make(folder, lab, &hosts)?;
        let authority = chain.last().map(|authority| pem_of(authority));
        Ok((Self::of(chain, config, url, authority), why))
    }

    fn of(
        mut chain: Vec<CertificateDer<'static>>,
        config: ServerConfig,
        url: &str,
        authority: Option<String>,
    ) -> Self {
        let certificate = chain.swap_remove(0);
        Self { config: Arc::new(config), url: by_scheme("https", url), certificate, authority }
    }

    /// What nodes know the server as by TLS, without a `/` at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// In PEM, what proves the certificate, where it was made here.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The certificate's SHA-256, as browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.certificate);
        let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// The certificate in PEM, without those that prove it.
    pub(super) fn pem(&self) -> String {
        pem_of(&self.certificate)
    }

    /// Begins TLS on a connection; nothing comes of one that takes longer, or begins otherwise.
    pub(super) async fn begin(
        &self,
        stream: TcpStream,
        longest: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        tokio::time::timeout(longest, acceptor.accept(stream)).await.ok()?.ok()
    }
}

/// The same server by another scheme, which is spoken at the same port.
#[must_use]
pub fn by_scheme(scheme: &str, url: &str) -> String {
    let Some(parsed) = Url::parse(url).ok().filter(|parsed| parsed.scheme() != scheme) else {
        return url.to_owned();
    };
    let host = parsed.host_str().unwrap_or_default();
    let port = parsed.port_or_known_default().unwrap_or_default();
    format!("{scheme}://{host}:{port}")
}

/// A server's name or address, as a certificate has it.
pub(super) fn host_of(url: &str) -> String {
    let parsed = Url::parse(url);
    let host = parsed.as_ref().ok().and_then(Url::host_str).unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// A chain and its key, ready to be served.
fn config(
    chain: &[CertificateDer<'static>],
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// RFC 7468.
fn pem_of(certificate: &CertificateDer) -> String {
    use base64ct::{Base64, Encoding as _};
    let text = Base64::encode_string(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
    }
    pem + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use super::{by_scheme, host_of};

    #[test]
    fn one_port_has_both_schemes() {
        for (scheme, url, wanted) in [
            ("https", "http://10.0.0.5:8080", "https://10.0.0.5:8080"),
            ("https", "http://lab.example.org", "https://lab.example.org:80"),
            ("http", "https://lab.example.org", "http://lab.example.org:443"),
            ("http", "http://10.0.0.5", "http://10.0.0.5"),
            ("https", "http://[fd00::5]:8080", "https://[fd00::5]:8080"),
        ] {
            assert_eq!(by_scheme(scheme, url), wanted);
        }
        assert_eq!(host_of("https://[fd00::5]:8080"), "fd00::5");
        assert_eq!(host_of("http://Lab.Example.org"), "lab.example.org");
    }
}
