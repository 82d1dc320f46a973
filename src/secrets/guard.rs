//! Who may read or replace the secrets file: its owner, and nobody else.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::FileError;

/// A secrets file larger than this is not one.
const LARGEST: u64 = 4 << 20;

/// Reads the file, if it is its owner's alone.
pub fn read(path: &Path) -> Result<String, FileError> {
    let io_error = |source| FileError::Io { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FileError::Absent(path.into()),
        _ => io_error(source),
    })?;
    // A pipe could keep us waiting when it is opened, and a device go on for ever.
    if !metadata.is_file() {
        return Err(io_error(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    check_folders(path)?;
    // Before it is opened, so that the reason is told instead of the system's refusal; and what was opened.
    check_owner_and_mode(path, &metadata)?;
    let mut file = fs::File::open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    check_owner_and_mode(path, &metadata)?;
    if metadata.len() > LARGEST {
        let message = format!("it holds {} bytes, far too many", metadata.len());
        return Err(io_error(io::Error::new(io::ErrorKind::InvalidData, message)));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io_error)?;
    Ok(text)
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a link leads to in the end, or the path itself where there is nothing yet.
pub(super) fn target_of(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Refuses a folder in which others can put another file in this one's place: that of the file, and
/// where it is a link, that of the link too.
#[cfg(unix)]
pub(super) fn check_folders(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    /// In a folder with this bit only a file's owner can rename or remove it.
    const STICKY: u32 = 0o1000;
    let target = target_of(path);
    for folder in [folder_of(path), folder_of(&target)] {
        let metadata =
            fs::metadata(folder).map_err(|source| FileError::Io { path: folder.into(), source })?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o022 != 0 && mode & STICKY == 0 {
            return Err(FileError::Folder { path: path.into(), folder: folder.into(), mode });
        }
    }
    Ok(())
}

#[cfg(unix)]
fn check_owner_and_mode(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let us = rustix::process::geteuid();
    if !us.is_root() && metadata.uid() != us.as_raw() {
        return Err(FileError::Owner { path: path.into(), owner: metadata.uid() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(FileError::Open { path: path.into(), mode }) }
}

#[cfg(not(unix))]
pub(super) fn check_folders(_: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(not(unix))]
fn check_owner_and_mode(_: &Path, _: &Metadata) -> Result<(), FileError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.yaml");
        assert!(matches!(read(&path), Err(FileError::Absent(_))));
        fs::write(&path, "A: x\n").expect("written");
        set(&path, 0o600);
        assert_eq!(read(&path).expect("good"), "A: x\n");
        for mode in [0o640, 0o604, 0o620] {
            set(&path, mode);
            assert!(matches!(read(&path), Err(FileError::Open { mode: m, .. }) if m == mode));
        }
        assert!(matches!(read(folder.path()), Err(FileError::Io { .. })));
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_at_both_ends_of_a_link() {
        let parent = tempfile::tempdir().expect("a folder");
        let (here, there) = (parent.path().join("here"), parent.path().join("there"));
        for folder in [&here, &there] {
            fs::create_dir(folder).expect("made");
        }
        let (link, file) = (here.join("secrets.yaml"), there.join("real.yaml"));
        fs::write(&file, "A: x\n").expect("written");
        set(&file, 0o600);
        symlink(&file, &link).expect("linked");
        for (one, other) in [(&here, &there), (&there, &here)] {
            set(other, 0o755);
            for mode in [0o775, 0o757] {
                set(one, mode);
                assert!(
                    matches!(read(&link), Err(FileError::Folder { mode: m, .. }) if m == mode),
                    "{} {mode:o}",
                    one.display()
                );
            }
            for mode in [0o755, 0o1777] {
                set(one, mode);
                assert!(read(&link).is_ok(), "{} {mode:o}", one.display());
            }
        }
    }
}
