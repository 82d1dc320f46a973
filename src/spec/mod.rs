//! What the person wrote: the lab file's schema, with the place of every value.
//!
//! Nothing here decides what a value means or whether it fits the others; that is `model`'s.

mod decode;
mod schema;
mod tree;

use std::path::Path;

use anyhow::{Context, Result};

use crate::report::{Findings, Source};

pub use decode::{Entries, Entry, OneOrMany, Spanned};
pub use schema::{
    AccessSpec, ImageSpec, InstallerSpec, InterfaceSpec, LabSpec, NetworkSpec, NodeSpec,
    OpenStackSpec, RoleSpec, TimeSpec, VirtualBoxSpec,
};

/// A lab file larger than this is not one.
const LARGEST: u64 = 4 << 20;

/// Reads a lab file's text.
///
/// # Errors
/// It cannot be read, or is far too large.
pub fn read(path: &Path) -> Result<Source> {
    let name = path.display().to_string();
    let size = std::fs::metadata(path)
        .with_context(|| format!("reading the lab file `{name}`: name another with `--lab`, or make one with `trainyard init`"))?
        .len();
    anyhow::ensure!(size <= LARGEST, "`{name}` holds {size} bytes: that is no lab file");
    let bytes = std::fs::read(path).with_context(|| format!("reading the lab file `{name}`"))?;
    // A byte that is no UTF-8 shows where it stands, in the excerpt of what it breaks.
    Ok(Source { name, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// Reads a lab file's text, and the files that it names (relative to it). What is wrong goes to
/// `findings`; a file that is no mapping at all yields nothing.
pub fn parse(source: &Source, path: &Path, findings: &mut Findings) -> Option<LabSpec> {
    let root = tree::parse(&source.text, findings)?;
    let mut spec: LabSpec = decode::Decode::decode(&root, "", findings)?;
    read_keys(&mut spec, path, findings);
    Some(spec)
}

/// Puts the keys that a file holds in the place of its name.
fn read_keys(spec: &mut LabSpec, lab: &Path, findings: &mut Findings) {
    let Some(keys) = spec.access.as_mut().and_then(|a| a.value.ssh_authorized_keys.as_mut()) else {
        return;
    };
    let mut read = Vec::new();
    for item in &keys.value {
        // A key has blanks between its type, its data and its comment.
        if item.value.contains(' ') {
            read.push(item.clone());
            continue;
        }
        let file = lab.parent().unwrap_or(Path::new("")).join(&item.value);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let lines = text
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty() && !line.starts_with('#'));
                read.extend(lines.map(|line| Spanned { value: line.to_owned(), ..item.clone() }));
            }
            Err(error) => {
                let message = format!(
                    "`{}` is no public key, and no file that can be read: {error}",
                    item.value
                );
                findings.error(
                    &item.path,
                    item.span,
                    message,
                    "a key on one line, or a file relative to the lab file",
                );
            }
        }
    }
    keys.value = read;
}
