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
    let metadata = std::fs::metadata(path).with_context(|| {
        format!("reading the lab file `{name}`: name another with `--lab`, or make one with `trainyard init`")
    })?;
    let text =
        read_text(path, &metadata).with_context(|| format!("reading the lab file `{name}`"))?;
    Ok(Source { name, text })
}

/// A text file's content. A device or a pipe could go on for ever.
fn read_text(path: &Path, metadata: &std::fs::Metadata) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind};
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(Error::new(
            ErrorKind::InvalidData,
            format!("it holds {} bytes, far too many", metadata.len()),
        ));
    }
    let bytes = std::fs::read(path)?;
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..valid].split(|b| *b == b'\n').count();
        Error::new(
            ErrorKind::InvalidData,
            format!("line {line} is not UTF-8; save the file as UTF-8"),
        )
    })
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
        match std::fs::metadata(&file).and_then(|metadata| read_text(&file, &metadata)) {
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
