//! A file's content as a stream that can be read from any position.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::MediumError;
use super::device::Device;
use super::entry::{Entry, Extent};

/// Reads one file of a medium. Every read is by position, so readers never disturb each other.
#[derive(Clone, Debug)]
pub struct FileReader {
    device: Arc<Device>,
    extents: Vec<Extent>,
    size: u64,
    position: u64,
}

impl FileReader {
    pub(super) fn new(device: Arc<Device>, entry: &Entry, path: &str) -> Result<Self, MediumError> {
        for extent in &entry.extents {
            // The position of an empty file means nothing.
            if extent.length > 0 && !device.holds(extent.at, extent.length) {
                let what = format!("`{path}` lies beyond the end of the file");
                return Err(device.damaged(extent.at, what));
            }
        }
        // Extents that lie over each other make any size of a few bytes.
        if entry.size() > device.len() {
            let at = entry.extents.first().map_or(0, |extent| extent.at);
            return Err(device.damaged(at, format!("`{path}` is larger than the whole file")));
        }
        Ok(Self { device, extents: entry.extents.clone(), size: entry.size(), position: 0 })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The caller has bounded the size.
    pub(super) fn read_all(mut self) -> Result<Vec<u8>, MediumError> {
        let mut content = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        match self.read_to_end(&mut content) {
            Ok(count) if count as u64 == self.size => Ok(content),
            Ok(_) => Err(self.device.io(io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(error) => Err(self.device.io(error)),
        }
    }

    /// Where the current position lies in the image, and how many bytes follow there.
    fn place(&self) -> Option<(u64, u64)> {
        let mut start = 0;
        for extent in &self.extents {
            let inside = self.position - start;
            if inside < extent.length {
                return Some((extent.at + inside, extent.length - inside));
            }
            start += extent.length;
        }
        None
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((at, left)) = self.place() else { return Ok(0) };
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.device.read_at(at, &mut buffer[..length])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
