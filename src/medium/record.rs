//! A directory record (ECMA-119, section 9.1).

use super::BLOCK;
use super::bytes::{u8_at, u32_at};
use super::entry::{Entry, EntryKind, Extent};

const DIRECTORY: u8 = 0x02;
const ASSOCIATED: u8 = 0x04;
const MULTI_EXTENT: u8 = 0x80;

/// One record, borrowed from its directory's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub block: u32,
    pub size: u32,
    flags: u8,
    attribute_blocks: u8,
    interleaved: bool,
    pub identifier: &'a [u8],
    pub system_use: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a record out of exactly its own bytes; `None` when the lengths in it contradict each other.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let identifier_length = usize::from(u8_at(bytes, 32));
        let identifier = bytes.get(33..33 + identifier_length)?;
        if identifier.is_empty() {
            return None;
        }
        // The system use area begins at an even position.
        let system_use = bytes.get(33 + (identifier_length | 1)..).unwrap_or(&[]);
        Some(Self {
            block: u32_at(bytes, 2),
            size: u32_at(bytes, 10),
            flags: u8_at(bytes, 25),
            attribute_blocks: u8_at(bytes, 1),
            interleaved: u8_at(bytes, 26) != 0 || u8_at(bytes, 27) != 0,
            identifier,
            system_use,
        })
    }

    pub fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// A fork of another system's; not a file by itself.
    pub fn is_associated(&self) -> bool {
        self.flags & ASSOCIATED != 0
    }

    /// Whether the next record holds more of the same file.
    pub fn continues(&self) -> bool {
        self.flags & MULTI_EXTENT != 0
    }

    /// Whether the file lies in pieces with gaps between them, which no Linux tool writes.
    pub fn is_interleaved(&self) -> bool {
        self.interleaved
    }

    /// `.` and `..`, which ISO 9660 writes as the bytes 0 and 1.
    pub fn is_self_or_parent(&self) -> bool {
        matches!(self.identifier, [0 | 1])
    }

    pub fn extent(&self) -> Extent {
        let block = u64::from(self.block) + u64::from(self.attribute_blocks);
        Extent { at: block * BLOCK, length: u64::from(self.size) }
    }

    /// The ISO name as Linux shows it without Rock Ridge: lower case, without `;1` and a final dot.
    pub fn plain_name(&self) -> String {
        let name = self.identifier.split(|&byte| byte == b';').next().unwrap_or_default();
        let name = name.strip_suffix(b".").unwrap_or(name);
        String::from_utf8_lossy(name).to_lowercase()
    }

    pub fn root(&self) -> Entry {
        Entry {
            name: String::new(),
            exact: true,
            kind: EntryKind::Directory,
            mode: None,
            extents: vec![self.extent()],
        }
    }
}
