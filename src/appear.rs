//! A file that appears whole under its name, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::interrupt::{self, Interrupted};

/// Why a file does not appear.
#[derive(Debug, thiserror::Error)]
pub enum AppearError {
    /// It is there already.
    #[error("`{}` is there already: `--force` replaces it", .0.display())]
    Exists(PathBuf),
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It cannot be written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl AppearError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// A file that is being written, beside its place and under another name. Nobody else may read it, for what is in it holds
/// secrets, or will. It is gone where it is not kept.
#[derive(Debug)]
pub struct Growing {
    file: NamedTempFile,
    output: PathBuf,
    force: bool,
}

/// The folder that a file is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses to replace what is there, unless that is asked for; and what is no file, such as a device, always.
///
/// # Errors
/// It is there.
pub fn check(output: &Path, force: bool) -> Result<(), AppearError> {
    if !force && output.symlink_metadata().is_ok() {
        return Err(AppearError::Exists(output.into()));
    }
    if output.metadata().is_ok_and(|there| !there.is_file()) {
        let source = io::Error::other("it is there, and is no file that could be replaced");
        return Err(AppearError::io(output)(source));
    }
    Ok(())
}

/// Takes from others what they may do with a file that is there.
///
/// # Errors
/// It belongs to somebody else.
#[cfg(unix)]
pub fn keep_private(path: &Path) -> Result<(), AppearError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(path).map_err(AppearError::io(path))?.permissions();
    if permissions.mode() & 0o777 == 0o600 {
        return Ok(());
    }
    permissions.set_mode(0o600);
    fs::set_permissions(path, permissions).map_err(AppearError::io(path))
}

/// The same: permissions are inherited there.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn keep_private(_: &Path) -> Result<(), AppearError> {
    Ok(())
}

/// Letters that make a name that grows one of its own.
const RANDOM: usize = 6;

/// Removes what runs have left that were killed: nobody holds its lock any more.
#[cfg(target_os = "linux")]
fn sweep(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix));
        let is_ours = random.is_some_and(|random| random.len() == RANDOM)
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_ours && fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            // What cannot be removed is no harm but the room that it takes.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Elsewhere a lock may belong to a file that was replaced while it grew.
#[cfg(not(target_os = "linux"))]
fn sweep(_: &Path, _: &str) {}

impl Growing {
    /// Begins one; the folder is made where it is missing.
    ///
    /// # Errors
    /// It is there already, or the folder cannot be written.
    pub fn begin(output: &Path, force: bool) -> Result<Self, AppearError> {
        check(output, force)?;
        let folder = folder_of(output);
        fs::create_dir_all(folder).map_err(AppearError::io(folder))?;
        // In the same folder, so that the rename is one step.
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        sweep(folder, &prefix);
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .rand_bytes(RANDOM)
            .tempfile_in(folder)
            .map_err(AppearError::io(folder))?;
        // As long as this lives; so that who comes later can tell it from what a killed run has left.
        let _ = file.as_file().try_lock();
        Ok(Self { file, output: output.into(), force })
    }

    /// Where it is while it grows.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives it its name. Returns its size in bytes.
    ///
    /// # Errors
    /// It cannot be written to the disk or get its name, or the person asked to stop.
    pub fn keep(self) -> Result<u64, AppearError> {
        self.file.as_file().sync_all().map_err(AppearError::io(&self.output))?;
        self.keep_unwritten()
    }

    /// The same, and the system may write it to the disk later: for what is large, and quickly made again after a power cut.
    ///
    /// # Errors
    /// As for [`Growing::keep`].
    pub fn keep_unwritten(self) -> Result<u64, AppearError> {
        let Self { file, output, force } = self;
        interrupt::check()?;
        let kept = if force { file.persist(&output) } else { file.persist_noclobber(&output) };
        kept.map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists => AppearError::Exists(output.clone()),
            _ => AppearError::Io { path: output.clone(), source: e.error },
        })?;
        Ok(fs::metadata(&output).map_err(AppearError::io(&output))?.len())
    }
}
