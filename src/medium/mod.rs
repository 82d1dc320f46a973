//! Reads an installation medium, and never writes: ISO 9660 with Rock Ridge, El Torito, and the partition
//! tables of an isohybrid image.
//!
//! Only what is asked for is read, by position, so a DVD opens as fast as a minimal medium and one
//! [`Medium`] can serve many readers at once. Bytes of an image are never trusted: every position is
//! checked against the file, and directories, names and continuations have limits, so that a damaged or
//! hostile image ends in a [`MediumError`] after bounded work.

mod bytes;
mod device;
mod directory;
mod el_torito;
mod entry;
mod error;
mod gpt;
pub mod packages;
mod reader;
mod record;
mod rock_ridge;
mod system_area;
pub mod tree;
mod volume;
mod walk;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use device::Device;
use directory::Directory;
use volume::Volume;

pub use el_torito::{BootCatalogue, BootImage, Emulation, Platform};
pub use entry::{Entry, EntryKind};
pub use error::MediumError;
pub use gpt::{Gpt, GptPartition};
pub use reader::FileReader;
pub use system_area::{Mbr, MbrPartition, SystemArea};

/// Bytes of one logical block of a medium (ECMA-119 allows others; installation media use no other).
pub const BLOCK: u64 = 2048;

/// An opened medium. Cheap to clone; clones share the open file.
#[derive(Clone, Debug)]
pub struct Medium {
    device: Arc<Device>,
    volume: Arc<Volume>,
}

impl Medium {
    /// Opens an image file (or a drive) and reads its volume descriptors.
    ///
    /// # Errors
    /// When the file cannot be read, is no ISO 9660 image, or is shorter than its volume descriptor says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MediumError> {
        Self::new(Device::open(path.as_ref())?)
    }

    /// Reads a medium that is already in memory; `name` stands for its path in messages.
    ///
    /// # Errors
    /// As for [`Medium::open`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, MediumError> {
        Self::new(Device::memory(name, bytes))
    }

    fn new(device: Device) -> Result<Self, MediumError> {
        let volume = Volume::read(&device)?;
        Ok(Self { device: Arc::new(device), volume: Arc::new(volume) })
    }

    /// The path by which the medium was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.device.path()
    }

    /// The volume id, such as `CentOS 7 x86_64`: what `hd:LABEL=` names once it is escaped.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.volume.label
    }

    /// The label in the Joliet descriptor, if the medium has one. udev prefers it where it differs from
    /// the volume id, so a product whose two labels differ would not be found by its volume id.
    #[must_use]
    pub fn joliet_label(&self) -> Option<&str> {
        self.volume.joliet_label.as_deref()
    }

    /// The system id, trimmed; usually `LINUX`.
    #[must_use]
    pub fn system_id(&self) -> &str {
        &self.volume.system_id
    }

    /// The application id, trimmed; names the program that made the image.
    #[must_use]
    pub fn application_id(&self) -> &str {
        &self.volume.application_id
    }

    /// Bytes of the volume as the primary volume descriptor says; an isohybrid image is padded beyond it.
    #[must_use]
    pub fn volume_size(&self) -> u64 {
        self.volume.size
    }

    /// The byte behind the last volume descriptor: all before it is of the volume as a whole.
    #[must_use]
    pub fn descriptors_end(&self) -> u64 {
        self.volume.descriptors_end
    }

    /// Reads bytes of the image itself, wherever they belong. The caller has bounded the length.
    ///
    /// # Errors
    /// They lie beyond the end, or cannot be read.
    pub fn bytes(&self, range: &Range<u64>) -> Result<Vec<u8>, MediumError> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        self.device.read(range.start, length, "a part of the image")
    }

    /// Bytes of the file.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        self.device.len()
    }

    /// Whether names and modes come from Rock Ridge. Without it names are the ISO ones, in lower case.
    #[must_use]
    pub fn has_rock_ridge(&self) -> bool {
        self.volume.rock_ridge.is_some()
    }

    /// Looks a path up; a leading `/` may be left out. `None` when there is nothing of that name.
    /// Symbolic links are not followed.
    ///
    /// # Errors
    /// When a directory on the way is damaged or cannot be read.
    pub fn entry(&self, path: &str) -> Result<Option<Entry>, MediumError> {
        let mut entry = self.volume.root.clone();
        let mut directory_bytes = 0;
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if entry.kind() != &EntryKind::Directory {
                return Ok(None);
            }
            // A directory may hold itself, and a medium names paths: as many steps as its text has.
            directory_bytes += entry.size();
            if directory_bytes > walk::MOST_DIRECTORY_BYTES {
                let at = u64::from(entry.first_block().unwrap_or_default()) * BLOCK;
                let what = "a path leads through more directories than any medium has";
                return Err(self.device.damaged(at, what));
            }
            let found = self.children(&entry)?.into_iter().find(|child| child.is_called(name));
            match found {
                Some(child) => entry = child,
                None => return Ok(None),
            }
        }
        Ok(Some(entry))
    }

    /// What a directory holds, in the order of the medium; `/` or the empty string is the root.
    ///
    /// # Errors
    /// When there is no such directory, or it is damaged or cannot be read.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, MediumError> {
        let entry = self.required(path)?;
        match entry.kind() {
            EntryKind::Directory => self.children(&entry),
            other => Err(self.device.not_a(path, other.name(), "a directory")),
        }
    }

    /// Reads a whole file that is at most `limit` bytes long.
    ///
    /// # Errors
    /// When there is no such file, it is longer than `limit`, damaged, or cannot be read.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, MediumError> {
        let entry = self.required(path)?;
        if entry.size() > limit {
            return Err(MediumError::TooLarge {
                path: self.path().to_owned(),
                entry: path.to_owned(),
                size: entry.size(),
                limit,
            });
        }
        self.reader_of(&entry, path)?.read_all()
    }

    /// Opens a file for reading and seeking. The reader is independent of the medium's own life.
    ///
    /// # Errors
    /// When the entry is no file, or lies outside the image.
    pub fn reader(&self, entry: &Entry) -> Result<FileReader, MediumError> {
        self.reader_of(entry, entry.name())
    }

    /// Every entry below the root with its path (`/isolinux/isolinux.cfg`), directories before what they
    /// hold.
    ///
    /// # Errors
    /// When a directory is damaged or cannot be read, or there is more than any medium holds.
    pub fn walk(&self) -> Result<Vec<(String, Entry)>, MediumError> {
        walk::walk(self)
    }

    /// The boot catalogue, or `None` on a medium that boots nothing.
    ///
    /// # Errors
    /// When the catalogue is damaged or cannot be read.
    pub fn el_torito(&self) -> Result<Option<BootCatalogue>, MediumError> {
        let Some(block) = self.volume.boot_catalogue else { return Ok(None) };
        let mut catalogue = BootCatalogue::read(&self.device, block)?;
        let entries = self.walk()?;
        for image in &mut catalogue.images {
            image.path = entries
                .iter()
                .find(|(_, entry)| entry.is_file() && entry.first_block() == Some(image.block))
                .map(|(path, _)| path.clone());
        }
        Ok(Some(catalogue))
    }

    /// The partition tables in the first 32 KiB, by which the image boots from a disk or a USB stick.
    ///
    /// # Errors
    /// When the file cannot be read. A damaged table is reported in the result, not as an error.
    pub fn system_area(&self) -> Result<SystemArea, MediumError> {
        SystemArea::read(&self.device)
    }

    fn required(&self, path: &str) -> Result<Entry, MediumError> {
        self.entry(path)?.ok_or_else(|| MediumError::NotFound {
            path: self.path().to_owned(),
            entry: format!("/{}", path.trim_start_matches('/')),
        })
    }

    fn children(&self, entry: &Entry) -> Result<Vec<Entry>, MediumError> {
        Directory::read(&self.device, entry, self.volume.rock_ridge)
    }

    fn reader_of(&self, entry: &Entry, path: &str) -> Result<FileReader, MediumError> {
        if !entry.is_file() {
            return Err(self.device.not_a(path, entry.kind().name(), "a file"));
        }
        FileReader::new(Arc::clone(&self.device), entry, path)
    }
}
