//! repodata/: the index (repomd.xml), and the package list and groups that it names.

use std::io::BufRead;

use sha2::{Digest, Sha256};

use super::super::bytes::hex;
use super::{PackageData, PackagesError, comps};
use crate::medium::Medium;
use crate::repodata::{self, Listed, Package};

/// repomd.xml is about 4 KB.
const INDEX_LIMIT: u64 = 1 << 20;
/// The DVD with every package has a primary.xml.gz of 3 MB.
const FILE_LIMIT: u64 = 64 << 20;
/// And 30 MB unpacked.
const UNPACKED_LIMIT: u64 = 128 << 20;
/// comps.xml has 1 MB.
const GROUPS_LIMIT: u64 = 16 << 20;
/// Bytes of all names and of what holds them. The DVD with every package has 10,000, of 20 bytes each.
const NAMES_LIMIT: usize = 16 << 20;
/// What a name costs beside its own bytes.
const NAME: usize = 64;

pub(super) fn read(medium: &Medium, root: &str) -> Result<PackageData, PackagesError> {
    let root = root.trim_matches('/');
    let below =
        |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
    let index_path = below("repodata/repomd.xml");
    if medium.entry(&index_path)?.is_none() {
        return Err(PackagesError::NoRepository { medium: name(medium), path: index_path });
    }
    let index = medium.read(&index_path, INDEX_LIMIT)?;
    let listed =
        repodata::index(&index[..]).map_err(|problem| invalid(medium, &index_path, problem))?;
    // `group` is the plain file, `group_gz` the same compressed; some repositories have only one.
    let find = |kind: &str| listed.iter().find(|file| file.kind == kind);
    let primary = find("primary")
        .ok_or_else(|| invalid(medium, &index_path, "it names no package list".into()))?;

    let mut data = PackageData::default();
    let path = below(&primary.location);
    let content = verified(medium, &path, primary)?;
    repodata::unpacked(&path, &content[..], UNPACKED_LIMIT)
        .and_then(|source| package_names(source, &mut data))
        .map_err(|problem| invalid(medium, &path, problem))?;
    if let Some(group) = find("group").or_else(|| find("group_gz")) {
        let path = below(&group.location);
        let content = verified(medium, &path, group)?;
        (data.groups, data.environments) = repodata::unpacked(&path, &content[..], GROUPS_LIMIT)
            .and_then(comps::read)
            .map_err(|problem| invalid(medium, &path, problem))?;
    }
    Ok(data)
}

fn package_names(source: impl BufRead, data: &mut PackageData) -> Result<(), String> {
    let mut bytes = 0;
    repodata::packages(source, |Package { name, arch, .. }| {
        bytes += NAME + name.len() + arch.len();
        if bytes <= NAMES_LIMIT && !name.is_empty() {
            data.names_with_arch.insert(format!("{name}.{arch}"));
            data.names.insert(name);
        }
    })?;
    if bytes > NAMES_LIMIT {
        return Err("it names more packages than any medium has".into());
    }
    Ok(())
}

/// Reads a file and compares it with what the index says.
fn verified(medium: &Medium, path: &str, listed: &Listed) -> Result<Vec<u8>, PackagesError> {
    if listed.checksum_kind != "sha256" {
        let problem =
            format!("the index gives a `{}` checksum for it, not sha256", listed.checksum_kind);
        return Err(invalid(medium, path, problem));
    }
    let content = medium.read(path, FILE_LIMIT)?;
    let found = hex(&Sha256::digest(&content));
    if found == listed.checksum {
        return Ok(content);
    }
    Err(PackagesError::Checksum {
        medium: name(medium),
        file: path.to_owned(),
        expected: listed.checksum.clone(),
        found,
    })
}

fn name(medium: &Medium) -> String {
    medium.path().display().to_string()
}

fn invalid(medium: &Medium, file: &str, problem: String) -> PackagesError {
    PackagesError::Invalid { medium: name(medium), file: file.to_owned(), problem }
}
