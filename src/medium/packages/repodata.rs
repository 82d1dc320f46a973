//! repodata/: the index (repomd.xml), and the package list and groups that it names.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::super::bytes::hex;
use super::super::xml::{self, Step};
use super::{PackageData, PackagesError, comps};
use crate::medium::Medium;

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

/// One file that the index names.
#[derive(Debug, Default)]
struct Listed {
    kind: String,
    location: String,
    checksum_kind: String,
    checksum: String,
}

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
        index_entries(&index[..]).map_err(|problem| invalid(medium, &index_path, problem))?;
    // `group` is the plain file, `group_gz` the same compressed; some repositories have only one.
    let find = |kind: &str| listed.iter().find(|file| file.kind == kind);
    let primary = find("primary")
        .ok_or_else(|| invalid(medium, &index_path, "it names no package list".into()))?;

    let mut data = PackageData::default();
    let path = below(&primary.location);
    let content = verified(medium, &path, primary)?;
    unpacked(&path, &content, UNPACKED_LIMIT)
        .and_then(|source| package_names(source, &mut data))
        .map_err(|problem| invalid(medium, &path, problem))?;
    if let Some(group) = find("group").or_else(|| find("group_gz")) {
        let path = below(&group.location);
        let content = verified(medium, &path, group)?;
        (data.groups, data.environments) = unpacked(&path, &content, GROUPS_LIMIT)
            .and_then(comps::read)
            .map_err(|problem| invalid(medium, &path, problem))?;
    }
    Ok(data)
}

/// The files of the index.
fn index_entries(source: impl BufRead) -> Result<Vec<Listed>, String> {
    let mut found = Vec::new();
    let mut file = Listed::default();
    xml::read(source, |step| match step {
        Step::Open(path, element) => match names(path).as_slice() {
            ["repomd", "data"] => {
                file = Listed {
                    kind: element.attribute("type").unwrap_or_default(),
                    ..Listed::default()
                };
            }
            ["repomd", "data", "location"] => {
                file.location = element.attribute("href").unwrap_or_default();
            }
            ["repomd", "data", "checksum"] => {
                file.checksum_kind = element.attribute("type").unwrap_or_default();
            }
            _ => {}
        },
        Step::Close(path, text) => match names(path).as_slice() {
            ["repomd", "data", "checksum"] => file.checksum = text.to_lowercase(),
            ["repomd", "data"] => found.push(std::mem::take(&mut file)),
            _ => {}
        },
    })?;
    Ok(found)
}

fn package_names(source: impl BufRead, data: &mut PackageData) -> Result<(), String> {
    let (mut package, mut arch) = (String::new(), String::new());
    let mut bytes = 0;
    xml::read(source, |step| {
        let Step::Close(path, text) = step else { return };
        match names(path).as_slice() {
            ["metadata", "package", "name"] => text.clone_into(&mut package),
            ["metadata", "package", "arch"] => text.clone_into(&mut arch),
            ["metadata", "package"] if !package.is_empty() => {
                bytes += NAME + package.len() + arch.len();
                if bytes > NAMES_LIMIT {
                    return;
                }
                data.names_with_arch.insert(format!("{package}.{arch}"));
                data.names.insert(std::mem::take(&mut package));
            }
            _ => {}
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

/// A reader of the content, unpacked if its name says that it is packed.
fn unpacked<'a>(
    path: &str,
    content: &'a [u8],
    limit: u64,
) -> Result<Box<dyn BufRead + 'a>, String> {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("gz") => {
            let limited = MultiGzDecoder::new(content).take(limit);
            Ok(Box::new(BufReader::new(limited)))
        }
        Some("xml") => Ok(Box::new(content.take(limit))),
        _ => Err("only .xml and .xml.gz are read".into()),
    }
}

fn names(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn name(medium: &Medium) -> String {
    medium.path().display().to_string()
}

fn invalid(medium: &Medium, file: &str, problem: String) -> PackagesError {
    PackagesError::Invalid { medium: name(medium), file: file.to_owned(), problem }
}
