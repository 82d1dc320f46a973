//! Where what is: secrets by TLS, where there is TLS, and what boot loaders and the installer's first steps ask without it.

use super::Server;
use super::tls::Tls;
use crate::state::Token;

impl Server {
    /// What firmware and boot loaders know it as.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.options.url
    }

    /// What it is known as where secrets go.
    pub(super) fn safest_url(&self) -> &str {
        self.options.tls.as_ref().map_or(&self.options.url, Tls::url)
    }

    /// In PEM, what proves it, where no system knows that by itself.
    pub(super) fn authority(&self) -> Option<&str> {
        self.options.tls.as_ref()?.authority()
    }

    /// Below which boot loaders find the medium's files.
    pub(super) fn boot_files_of(&self, files: &Token) -> String {
        format!("{}/n/{}/tree", self.options.url, files.reveal())
    }

    /// Below which the installer does. It looks at no signatures, so what is on its way is worth TLS, where it knows the certificate.
    pub(super) fn tree_of(&self, files: &Token) -> String {
        let url = if self.authority().is_some() { &self.options.url } else { self.safest_url() };
        format!("{url}/n/{}/tree", files.reveal())
    }

    pub(super) fn kickstart_of(&self, files: &Token) -> String {
        format!("{}/n/{}/ks", self.safest_url(), files.reveal())
    }

    /// Below which cloud-init finds the node's seed.
    pub(super) fn seed_of(&self, files: &Token) -> String {
        format!("{}/n/{}", self.safest_url(), files.reveal())
    }

    pub(super) fn report_of(&self, report: &Token) -> String {
        format!("{}/r/{}", self.safest_url(), report.reveal())
    }
}
