//! A medium that appears whole under its name, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::IsoError;
use crate::interrupt;

/// A medium that is being written, beside its place and under another name. Nobody else may read it, for what is on it holds
/// secrets. It is gone where it is not kept.
pub(super) struct Growing {
    file: NamedTempFile,
    output: PathBuf,
    force: bool,
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses to replace what is there, unless that is asked for.
pub(super) fn check(output: &Path, force: bool) -> Result<(), IsoError> {
    if !force && output.symlink_metadata().is_ok() {
        return Err(IsoError::Exists(output.into()));
    }
    Ok(())
}

impl Growing {
    /// Begins one; the folder is made where it is missing.
    pub fn begin(output: &Path, force: bool) -> Result<Self, IsoError> {
        check(output, force)?;
        let folder = folder_of(output);
        fs::create_dir_all(folder).map_err(IsoError::io(folder))?;
        // In the same folder, so that the rename is one step.
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .tempfile_in(folder)
            .map_err(IsoError::io(folder))?;
        Ok(Self { file, output: output.into(), force })
    }

    /// Where it is while it grows.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives it its name. Returns its size in bytes.
    pub fn keep(self) -> Result<u64, IsoError> {
        let Self { file, output, force } = self;
        file.as_file().sync_all().map_err(IsoError::io(&output))?;
        interrupt::check()?;
        let kept = if force { file.persist(&output) } else { file.persist_noclobber(&output) };
        let file = kept.map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists => IsoError::Exists(output.clone()),
            _ => IsoError::Io { path: output.clone(), source: e.error },
        })?;
        Ok(file.metadata().map_err(IsoError::io(&output))?.len())
    }
}
