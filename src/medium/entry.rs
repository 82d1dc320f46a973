//! One name on a medium.

use std::ops::Range;

use super::BLOCK;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target as it was written.
    Symlink(String),
    /// A device node, socket or pipe.
    Special,
}

impl EntryKind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Symlink(_) => "a symbolic link",
            Self::Special => "a special file",
        }
    }
}

/// A file, directory or link on a medium, as its directory describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) name: String,
    /// Whether the name is Rock Ridge's; an ISO name has lost its case.
    pub(super) exact: bool,
    pub(super) kind: EntryKind,
    pub(super) mode: Option<u32>,
    pub(super) extents: Vec<Extent>,
}

/// A stretch of an image in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub at: u64,
    pub length: u64,
}

impl Entry {
    /// The last part of its path; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &EntryKind {
        &self.kind
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// Bytes of its content, over all of its extents.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }

    /// POSIX mode with the file type bits, where Rock Ridge gives one.
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// The block at which its content begins (blocks are [`BLOCK`] bytes). Two names with the same first
    /// block and size are hard links of each other.
    #[must_use]
    pub fn first_block(&self) -> Option<u32> {
        self.extents.first().and_then(|extent| u32::try_from(extent.at / BLOCK).ok())
    }

    /// Where its content lies in the image, in bytes.
    pub fn places(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.extents.iter().map(|extent| extent.at..extent.at.saturating_add(extent.length))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        if self.exact { self.name == name } else { self.name.eq_ignore_ascii_case(name) }
    }
}
