//! The package data of an installation tree: which packages, groups and environments a medium has.
//!
//! An installation must not fail because a kickstart names a package that only a network repository
//! has; so `%packages` is checked against the medium when an image is built.

mod comps;
mod glob;
mod repodata;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

use super::{Medium, MediumError};

/// What a medium can install.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageData {
    /// Names of packages, such as `chrony`.
    pub names: BTreeSet<String>,
    /// The same with their architecture, such as `chrony.x86_64`.
    pub names_with_arch: BTreeSet<String>,
    /// Groups by id, such as `core`.
    pub groups: BTreeMap<String, Group>,
    /// Environments by id, such as `minimal`.
    pub environments: BTreeMap<String, Environment>,
}

/// A group of packages. A group may name packages that the medium lacks; the installer skips those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Always installed with the group.
    pub mandatory: BTreeSet<String>,
    /// Installed with the group unless `--nodefaults` is given.
    pub default: BTreeSet<String>,
    /// Installed only with `--optional`.
    pub optional: BTreeSet<String>,
    /// Installed when another package is, too.
    pub conditional: BTreeSet<String>,
}

/// A choice of groups that makes a whole system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The groups that it consists of.
    pub groups: BTreeSet<String>,
    /// The groups that may be added.
    pub options: BTreeSet<String>,
}

/// Why package data cannot be had from a medium.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackagesError {
    /// The medium cannot be read.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// There is no repository where one was expected.
    #[error(
        "`{medium}` has no package data (`{path}` is missing); give a medium that holds packages, not a netinstall one"
    )]
    NoRepository {
        /// The image.
        medium: String,
        /// The file that should be there.
        path: String,
    },
    /// A file is not what the repository's index says.
    #[error(
        "`{file}` on `{medium}` is damaged: its sha256 is {found}, the repository's index says {expected}; \
         download the medium again and compare its checksum"
    )]
    Checksum {
        /// The image.
        medium: String,
        /// The file on it.
        file: String,
        /// By the index.
        expected: String,
        /// Of the bytes.
        found: String,
    },
    /// A file of the repository makes no sense.
    #[error("`{file}` on `{medium}` cannot be used: {problem}")]
    Invalid {
        /// The image.
        medium: String,
        /// The file on it.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Something that `%packages` asks for and the medium does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The line as it was written.
    pub line: String,
    /// What kind of thing it asks for.
    pub kind: Wanted,
    /// The nearest name that the medium has, spelt as a line.
    pub hint: Option<String>,
}

/// What a line of `%packages` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `name` or a pattern.
    Package,
    /// `@id`.
    Group,
    /// `@^id`.
    Environment,
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Package => "package",
            Self::Group => "group",
            Self::Environment => "environment",
        })
    }
}

impl PackageData {
    /// Reads the repository whose `repodata` stands in `root` (`""` for the medium's root). What the index
    /// names is read only if its sha256 is the index's.
    ///
    /// # Errors
    /// When there is no repository, a file is damaged, or the medium cannot be read.
    pub fn read(medium: &Medium, root: &str) -> Result<Self, PackagesError> {
        repodata::read(medium, root)
    }

    /// Which of these lines of a `%packages` section ask for what the medium does not have. Lines that
    /// take something out (`-name`), comments and empty lines ask for nothing.
    #[must_use]
    pub fn missing(&self, wanted: &[&str]) -> Vec<Missing> {
        wanted.iter().filter_map(|line| self.missing_line(line)).collect()
    }

    fn missing_line(&self, line: &str) -> Option<Missing> {
        let text = line.split('#').next().unwrap_or_default().trim();
        if text.is_empty() || text.starts_with(['-', '%']) {
            return None;
        }
        // A group may be followed by options (`@core --nodefaults`).
        let first = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let (kind, known, hint) = if let Some(id) = text.strip_prefix("@^") {
            let id = first(id);
            let hint = nearest(&id, self.environments.keys()).map(|id| format!("@^{id}"));
            (Wanted::Environment, self.environments.contains_key(&id), hint)
        } else if let Some(id) = text.strip_prefix('@') {
            let id = first(id);
            let hint = nearest(&id, self.groups.keys()).map(|id| format!("@{id}"));
            (Wanted::Group, self.groups.contains_key(&id), hint)
        } else {
            (Wanted::Package, self.has_package(text), nearest(text, self.names.iter()))
        };
        (!known).then(|| Missing { line: line.to_owned(), kind, hint })
    }

    fn has_package(&self, name: &str) -> bool {
        if self.names.contains(name) || self.names_with_arch.contains(name) {
            return true;
        }
        name.contains(['*', '?', '['])
            && self
                .names
                .iter()
                .chain(&self.names_with_arch)
                .any(|known| glob::matches(name, known))
    }
}

/// The known name that is most like the given one, if any is.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    let given = given.to_lowercase();
    let allowed = (given.chars().count() / 3).clamp(1, 4);
    known
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone())
}
