//! Which repositories a lab's nodes install from.

use std::collections::BTreeSet;

use crate::base_image::known::KNOWN;
use crate::digest::Digest;
use crate::model::Lab;

/// What yum puts in for its variables on a node.
pub(super) const VARIABLES: [(&str, &str); 3] =
    [("$basearch", "x86_64"), ("$releasever", "7"), ("$arch", "x86_64")];

/// A package repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its id, such as `centos-openstack-train`.
    pub id: String,
    /// Base URLs, each of the folder that holds `repodata`, without a `/` at its end; asked in order.
    pub bases: Vec<String>,
    /// Whether it is one of CentOS's archive, which is the same wherever it lies.
    pub is_archive: bool,
    /// The roles whose nodes use it, as long as nobody there says otherwise; none where it is disabled.
    pub roles: BTreeSet<String>,
    /// Packages of it that no node takes.
    pub exclude: Vec<String>,
}

impl Repository {
    /// One of another lab, of which nothing is known but what it is pinned by.
    pub(super) fn elsewhere(id: String) -> Self {
        let (bases, exclude, roles) = Default::default();
        Self { id, bases, is_archive: false, roles, exclude }
    }

    /// What it is kept as: two labs may give the same id to different repositories of their own.
    pub(super) fn name(&self) -> String {
        if self.is_archive {
            return self.id.clone();
        }
        format!("{}-{}", self.id, Digest::of(self.bases.join("\n").as_bytes()).short())
    }
}

/// Two nodes that mean different repositories by the same id, which a cache cannot tell apart.
#[derive(Debug, thiserror::Error)]
#[error("nodes have different repositories of the id `{id}`, which a cache cannot tell apart: {} and {}", one.join(" "), other.join(" "))]
pub struct Differ {
    id: String,
    one: Vec<String>,
    other: Vec<String>,
}

/// All repositories of a lab's nodes that are reached by HTTP: those of the archive at every mirror that any node names, and the lab's own.
///
/// # Errors
/// Nodes mean different ones by the same id.
pub fn of_lab(lab: &Lab) -> Result<Vec<Repository>, Differ> {
    let mut mirrors: Vec<&str> = Vec::new();
    let mut own: Vec<Repository> = Vec::new();
    for node in &lab.nodes {
        for mirror in &node.settings.mirrors {
            if !mirrors.contains(&mirror.as_str()) {
                mirrors.push(mirror);
            }
        }
        for repository in &node.settings.custom.repositories {
            let bases: Vec<_> = repository.baseurls.iter().map(|url| replaced(url)).collect();
            let bases: Vec<_> = bases.into_iter().filter(|url| url.starts_with("http")).collect();
            let id = &repository.id;
            let role = repository.enabled.then(|| node.role.clone());
            match own.iter_mut().find(|known| known.id == *id) {
                Some(known) if known.bases != bases => {
                    let (id, one) = (id.clone(), known.bases.clone());
                    return Err(Differ { id, one, other: bases });
                }
                Some(known) => known.roles.extend(role),
                None if !bases.is_empty() => {
                    own.push(Repository {
                        id: id.clone(),
                        bases,
                        is_archive: false,
                        roles: role.into_iter().collect(),
                        exclude: Vec::new(),
                    });
                }
                None => {}
            }
        }
    }
    let archive = KNOWN.repositories.iter().map(|(id, repository)| {
        let path = replaced(&repository.path);
        let base = |mirror: &&str| format!("{}/7.9.2009/{path}", mirror.trim_end_matches('/'));
        Repository {
            id: id.clone(),
            bases: mirrors.iter().map(base).collect(),
            is_archive: true,
            roles: lab.nodes.iter().map(|node| node.role.clone()).collect(),
            exclude: repository.exclude.clone(),
        }
    });
    Ok(archive.chain(own).collect())
}

fn replaced(url: &str) -> String {
    let replace = |url: String, (name, value): (&str, &str)| url.replace(name, value);
    VARIABLES.into_iter().fold(url.trim_end_matches('/').to_owned(), replace)
}
