//! Where files are read from: the disk, or nowhere for a lab whose text is all there is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::{Path, PathBuf};

use super::private;

/// A file larger than this is none that a person wrote.
pub const LARGEST: u64 = 4 << 20;

/// Reads the files that a lab names.
pub trait Files {
    /// A text file's content.
    ///
    /// # Errors
    /// It is not there, no text, or far too large.
    fn read(&self, path: &Path) -> Result<String>;

    /// What a folder holds.
    ///
    /// # Errors
    /// It is not there, or no folder.
    fn list(&self, folder: &Path) -> Result<Vec<Entry>>;

    /// The path of a file or folder that has no other, whatever it was reached by.
    fn canonical(&self, path: &Path) -> PathBuf;
}

/// What a folder holds: a file or another folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// Whether it is a folder, or a link to one.
    pub is_folder: bool,
}

/// The files of this machine, but for one.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The file of the lab's secrets, which is read as nothing else.
    pub secrets: Option<PathBuf>,
}

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<String> {
        // A device or a pipe could go on for ever, and opening it could wait for ever.
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file"));
        }
        let refused = |why: String| Error::new(ErrorKind::InvalidData, why);
        let secrets = self.secrets.as_ref();
        private::refuse_file(path, &metadata, secrets).map_err(refused)?;
        let too_large = |bytes: String| {
            let message = format!("it holds {bytes} bytes, and a lab's files at most {LARGEST}");
            Error::new(ErrorKind::InvalidData, message)
        };
        if metadata.len() > LARGEST {
            return Err(too_large(metadata.len().to_string()));
        }
        // The kernel's own files have no length and can hold much.
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(too_large(format!("more than {LARGEST}")));
        }
        let text = text(bytes)?;
        private::refuse_text(&text).map_err(refused)?;
        Ok(text)
    }

    fn list(&self, folder: &Path) -> Result<Vec<Entry>> {
        let entry = |entry: Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), is_folder: entry.path().is_dir() })
        };
        std::fs::read_dir(folder)?.map(entry).collect()
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}

/// No files at all.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Files for Nowhere {
    fn read(&self, _: &Path) -> Result<String> {
        Err(ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> Result<Vec<Entry>> {
        Err(ErrorKind::NotFound.into())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidData, message));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return wrong("it is UTF-16; save the file as UTF-8".to_owned());
    }
    String::from_utf8(bytes).or_else(|e| {
        let valid = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        wrong(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use crate::report::{Findings, Source};
    use crate::spec;

    #[test]
    fn a_text_at_hand_names_files_and_none_is_read() {
        let text = "include: Cargo.toml\naccess: {ssh_authorized_keys: README.md}\ntemplates: src\n\
                    own_stages: stack\nhooks: {pre: [/bin/sh]}\nnodes: {}\n";
        let source = Source { name: "l".into(), path: "l".into(), text: text.into() };
        let mut findings = Findings::default();
        let (sources, _) = spec::parse(source, &mut findings);
        assert_eq!(sources.count(), 2, "what is built in, and this");
        let told = findings.sorted();
        let not_found = told.iter().filter(|f| f.message.ends_with(": entity not found")).count();
        assert_eq!(not_found, 5, "{told:#?}");
    }
}
