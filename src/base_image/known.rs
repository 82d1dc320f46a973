//! The images that have a name, and who carried them: data, in `known.yaml`.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Signer;
use crate::digest::Digest;

/// The medium that labs are built from where they name none.
pub const DEFAULT: &str = "centos-7.9-minimal";

/// The cloud image that disks are made from where a lab names none.
pub const DEFAULT_CLOUD: &str = "centos-7.9-genericcloud";

/// What is known about images.
pub static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("known.yaml")).expect("what is built in can be read")
});

/// Images by name, and the mirrors that carry them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Base URLs of the mirrors of each tree, in the order in which they are tried.
    pub mirrors: IndexMap<String, Vec<String>>,
    /// The package repositories that every node installs from, by id.
    pub repositories: IndexMap<String, Repository>,
    /// Packages that an installer, or a cloud image, brings by itself: which of them depends on the machine.
    pub by_installer: Vec<String>,
    /// The images.
    pub images: IndexMap<String, KnownImage>,
}

/// A package repository of CentOS 7.9's archive.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its path below a mirror's `7.9.2009`; `$basearch` is the machine's architecture.
    pub path: String,
    /// The file of the key that signs its packages, below `/etc/pki/rpm-gpg`.
    pub key: String,
    /// Packages of it that no node takes.
    #[serde(default)]
    pub exclude: Vec<String>,
}

impl Repository {
    /// The URL of its index on a mirror.
    #[must_use]
    pub fn index(&self, mirror: &str) -> String {
        let path = self.path.replace("$basearch", "x86_64");
        format!("{}/7.9.2009/{path}/repodata/repomd.xml", mirror.trim_end_matches('/'))
    }
}

/// An image that has a name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownImage {
    /// Whether a lab can be built from it: a medium for x86-64 that holds packages.
    #[serde(default)]
    pub builds: bool,
    /// What it is for, in one line.
    pub summary: String,
    /// Which mirrors carry it: a key of [`Known::mirrors`].
    pub tree: String,
    /// Its path below a mirror's base URL.
    pub path: String,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// Its digest, where it is pinned.
    pub sha256: Option<Digest>,
    /// Its ISO 9660 volume id, where it is known.
    pub volume_id: Option<String>,
    /// Who signed the list of digests beside it: a name of [`Signer::built_in`].
    pub signed_by: Option<String>,
}

impl KnownImage {
    /// Its file name.
    #[must_use]
    pub fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether it is an image for clouds.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        self.tree == "cloud"
    }

    /// Who signed the list beside it.
    #[must_use]
    pub fn signer(&self) -> Option<Signer> {
        self.signed_by.as_deref().and_then(Signer::built_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_can_be_found_and_proved() {
        for (name, image) in &KNOWN.images {
            let mirrors = &KNOWN.mirrors[&image.tree];
            assert!(mirrors.len() > 1, "{name}: one mirror is none");
            assert!(!image.builds || image.tree == "centos", "{name}: mirrors of packages have it");
            assert!(image.sha256.is_some() || image.signer().is_some(), "{name}: no proof");
            assert_eq!(image.signed_by.is_some(), image.signer().is_some(), "{name}");
            assert!(matches!(image.path.rsplit_once('.'), Some((_, "iso" | "qcow2"))), "{name}");
        }
        assert!(KNOWN.images[DEFAULT].builds && KNOWN.images[DEFAULT_CLOUD].is_cloud());
        let all: Vec<_> = KNOWN.images.values().filter_map(|image| image.sha256).collect();
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), different.len(), "two images with one digest");
    }

    #[test]
    fn mirrors_are_base_urls() {
        for mirror in KNOWN.mirrors.values().flatten() {
            let url: reqwest::Url = mirror.parse().expect("a URL");
            assert!(
                ["http", "https"].contains(&url.scheme()) && !mirror.ends_with('/'),
                "{mirror}"
            );
        }
    }
}
