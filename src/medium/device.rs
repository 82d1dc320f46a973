//! The image as bytes by position: a file (or a drive), or memory.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::MediumError;

#[derive(Debug)]
pub(super) struct Device {
    path: PathBuf,
    bytes: Bytes,
    len: u64,
}

#[derive(Debug)]
enum Bytes {
    File(File),
    Memory(Vec<u8>),
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

/// Moves the file's own position as well, which nobody else asks for.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(unix)]
fn is_pipe(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo() || kind.is_socket()
}

#[cfg(not(unix))]
fn is_pipe(_: std::fs::FileType) -> bool {
    false
}

impl Device {
    pub fn open(path: &Path) -> Result<Self, MediumError> {
        let io_error = |source| MediumError::Io { path: path.to_owned(), source };
        // Opening a pipe would wait for who writes to it.
        if path.metadata().is_ok_and(|m| is_pipe(m.file_type())) {
            return Err(io_error(io::Error::other(
                "it is a pipe or a socket, and no file or drive",
            )));
        }
        let mut file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.is_dir() {
            return Err(io_error(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // A drive's metadata says 0 bytes; its end is found by seeking.
        let len = file.seek(SeekFrom::End(0)).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), bytes: Bytes::File(file), len })
    }

    pub fn memory(name: &str, bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { path: name.into(), bytes: Bytes::Memory(bytes), len }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether `length` bytes at `at` lie inside the image.
    pub fn holds(&self, at: u64, length: u64) -> bool {
        at.checked_add(length).is_some_and(|end| end <= self.len)
    }

    /// Reads some bytes at a position, as `read` does: 0 at the end.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::File(file) => read_at(file, buffer, at),
            Bytes::Memory(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or(&[]);
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
        }
    }

    /// Reads `length` bytes at a position; `what` names them if they lie beyond the end. The caller has
    /// bounded `length`.
    pub fn read(&self, at: u64, length: usize, what: &str) -> Result<Vec<u8>, MediumError> {
        if !self.holds(at, length as u64) {
            return Err(self.damaged(at, format!("{what} lies beyond the end of the file")));
        }
        let mut buffer = vec![0; length];
        let mut done = 0;
        while done < length {
            match self.read_at(at + done as u64, &mut buffer[done..]) {
                Ok(0) => return Err(self.io(io::Error::from(io::ErrorKind::UnexpectedEof))),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io(error)),
            }
        }
        Ok(buffer)
    }

    /// As [`Device::read`], but only as much as there is.
    pub fn read_up_to(&self, at: u64, length: usize) -> Result<Vec<u8>, MediumError> {
        let rest = self.len.saturating_sub(at);
        if rest == 0 {
            return Ok(Vec::new());
        }
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(length);
        self.read(at, length, "the start of the image")
    }

    pub fn io(&self, source: io::Error) -> MediumError {
        MediumError::Io { path: self.path.clone(), source }
    }

    pub fn damaged(&self, at: u64, what: impl Into<String>) -> MediumError {
        MediumError::Damaged { path: self.path.clone(), what: what.into(), at }
    }

    pub fn not_a(&self, entry: &str, found: &'static str, wanted: &'static str) -> MediumError {
        MediumError::WrongKind { path: self.path.clone(), entry: entry.to_owned(), found, wanted }
    }
}
