//! The image as a disk that cannot be kept busy for ever.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Operations for each sector of the image. Reading everything takes about a tenth of this; a directory
/// whose chain of clusters is a ring would take them all.
const OPERATIONS_A_SECTOR: usize = 256;
/// And for an image of any size.
const OPERATIONS: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Disk {
    bytes: Vec<u8>,
    position: usize,
    left: usize,
}

impl Disk {
    pub fn new(bytes: Vec<u8>) -> Self {
        let left = OPERATIONS + bytes.len() / super::SECTOR * OPERATIONS_A_SECTOR;
        Self { bytes, position: 0, left }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Refuses an image that ends before its file system does.
    pub fn check(&self) -> io::Result<()> {
        let short =
            |field: usize| u32::from(u16::from_le_bytes([self.byte(field), self.byte(field + 1)]));
        let long = u32::from_le_bytes([self.byte(32), self.byte(33), self.byte(34), self.byte(35)]);
        // The short field is 0 where the number of sectors needs the long one.
        let sectors = if short(19) == 0 { long } else { short(19) };
        let declared = u64::from(sectors) * u64::from(short(11));
        if declared > self.bytes.len() as u64 {
            let found = format!("it says {declared} bytes and has {}", self.bytes.len());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, found));
        }
        Ok(())
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn count(&mut self) -> io::Result<()> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::other("it is damaged: its chains of clusters never end"));
            }
        }
        Ok(())
    }
}

impl Read for Disk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.count()?;
        let rest = self.bytes.get(self.position..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

impl Write for Disk {
    /// Never makes the image longer: 0 at its end.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.count()?;
        let rest = self.bytes.get_mut(self.position..).unwrap_or(&mut []);
        let count = rest.len().min(buffer.len());
        rest[..count].copy_from_slice(&buffer[..count]);
        self.position += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => (self.bytes.len() as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => (self.position as u64).checked_add_signed(offset),
        };
        let position = position.and_then(|position| usize::try_from(position).ok());
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position as u64)
    }
}
