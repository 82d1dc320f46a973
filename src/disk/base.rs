//! The image that disks are made from, looked at before any work is begun.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::qemu_img::QemuImg;
use super::{DiskError, Format, header};
use crate::tool::ToolError;

/// A qcow2 image that stands alone.
#[derive(Clone, Debug)]
pub struct Base {
    /// Where it is: absolute, and no link, because overlays name it.
    pub path: PathBuf,
    /// Its size in bytes.
    pub file_size: u64,
    /// The size in bytes of the disk that it is.
    pub virtual_size: u64,
}

impl Base {
    /// Reads an image's header. No other program has opened it then.
    ///
    /// # Errors
    /// It cannot be read, is no qcow2 image, or needs other files.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let absolute = path.canonicalize().map_err(DiskError::io(path))?;
        let file = File::open(&absolute).map_err(DiskError::io(path))?;
        let metadata = file.metadata().map_err(DiskError::io(path))?;
        let unfit = |what: String| DiskError::Base { path: path.into(), what };
        if !metadata.is_file() {
            return Err(unfit("it is no file".into()));
        }
        let found = header::virtual_size(file).map_err(DiskError::io(path))?;
        let virtual_size = found.map_err(|why| {
            unfit(format!(
                "it {why}; use an untouched CentOS 7 cloud image, such as `trainyard fetch --cloud` brings"
            ))
        })?;
        Ok(Self { path: absolute, file_size: metadata.len(), virtual_size })
    }

    /// Has qemu-img judge it as well: it is what its header says, and whole.
    ///
    /// # Errors
    /// It is not, or qemu-img fails.
    pub fn check(&self, qemu: &QemuImg) -> Result<(), DiskError> {
        let unfit = |what: String| DiskError::Base { path: self.path.clone(), what };
        let info = qemu.info(&self.path, Format::Qcow2)?;
        if !info.stands_alone() || info.virtual_size != self.virtual_size {
            return Err(unfit("qemu-img takes it for another one than its header says".into()));
        }
        match qemu.check(&self.path, Format::Qcow2).finish() {
            Ok(_) => Ok(()),
            // Clusters that nothing uses: they take room, and that is all (qemu-img(1)).
            Err(ToolError::Failed { status, .. }) if status.ends_with(": 3") => Ok(()),
            Err(ToolError::Failed { tail, .. }) if !tail.contains("lock\n") => {
                let last = tail.lines().last().unwrap_or("it does not say why");
                Err(unfit(format!("it is damaged, or not all of it is there: {last}")))
            }
            Err(error) => Err(DiskError::with(&self.path)(error)),
        }
    }
}
