//! The GUID partition table (UEFI Specification, section 5.3).

use flate2::Crc;

use super::MediumError;
use super::bytes::{array, hex, u16_at, u32_at, u64_at};
use super::device::Device;

/// Bytes of a sector; GPTs of images count in these.
const SECTOR: u64 = 512;
/// The specification asks for at least 128; nobody writes more than a few times that.
const MOST_ENTRIES: u32 = 1024;

/// A GUID partition table. Damage is told by the fields, because isohybrid images are known to start
/// with tables that a strict tool refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpt {
    /// Whether the header's checksum is right.
    pub header_valid: bool,
    /// Whether the checksum over the partition entries is right.
    pub entries_valid: bool,
    /// Whether a header stands in the sector that should hold the copy.
    pub backup_found: bool,
    /// The disk's identifier.
    pub disk_guid: String,
    /// The partitions, in the order of the table.
    pub partitions: Vec<GptPartition>,
}

/// One partition of a [`Gpt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GptPartition {
    /// Its slot, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The GUID of its type, in lower case.
    pub kind: String,
    /// The first sector of 512 bytes.
    pub first: u64,
    /// The last sector, itself included.
    pub last: u64,
}

impl Gpt {
    pub(super) fn read(device: &Device) -> Result<Option<Self>, MediumError> {
        if !device.holds(SECTOR, SECTOR) {
            return Ok(None);
        }
        let header = device.read(SECTOR, 512, "the GPT header")?;
        if &header[..8] != b"EFI PART" {
            return Ok(None);
        }
        let entries = Entries::read(device, &header)?;
        let backup = u64_at(&header, 32).checked_mul(SECTOR).filter(|&at| device.holds(at, SECTOR));
        let backup_found = match backup {
            Some(at) => device.read(at, 8, "the GPT's copy")? == b"EFI PART",
            None => false,
        };
        Ok(Some(Self {
            header_valid: header_crc(&header) == Some(u32_at(&header, 16)),
            entries_valid: crc(&entries.bytes) == u32_at(&header, 88) && !entries.bytes.is_empty(),
            backup_found,
            disk_guid: guid(array(&header, 56)),
            partitions: entries.partitions(),
        }))
    }
}

struct Entries {
    bytes: Vec<u8>,
    size: usize,
}

impl Entries {
    /// The table's bytes; none when its numbers make no sense.
    fn read(device: &Device, header: &[u8]) -> Result<Self, MediumError> {
        let (count, size) = (u32_at(header, 80), u32_at(header, 84));
        let at = u64_at(header, 72).saturating_mul(SECTOR);
        let length = u64::from(count) * u64::from(size);
        let sensible =
            count <= MOST_ENTRIES && (128..=512).contains(&size) && device.holds(at, length);
        let bytes = match usize::try_from(length) {
            Ok(length) if sensible => device.read(at, length, "the GPT's entries")?,
            _ => Vec::new(),
        };
        Ok(Self { bytes, size: usize::try_from(size.clamp(128, 512)).unwrap_or(128) })
    }

    fn partitions(&self) -> Vec<GptPartition> {
        (1_u32..)
            .zip(self.bytes.chunks_exact(self.size))
            .filter(|(_, entry)| array::<16>(entry, 0) != [0; 16])
            .map(|(number, entry)| GptPartition {
                number,
                name: name(&entry[56..128]),
                kind: guid(array(entry, 0)),
                first: u64_at(entry, 32),
                last: u64_at(entry, 40),
            })
            .collect()
    }
}

/// The checksum over the header, with its own field as zeros.
fn header_crc(header: &[u8]) -> Option<u32> {
    let length =
        usize::try_from(u32_at(header, 12)).ok().filter(|length| (92..=512).contains(length))?;
    let mut copy = header.get(..length)?.to_vec();
    copy[16..20].fill(0);
    Some(crc(&copy))
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn name(field: &[u8]) -> String {
    let units: Vec<u16> = field
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

/// A GUID as it is written: the first three groups are little-endian.
fn guid(bytes: [u8; 16]) -> String {
    let first = u32_at(&bytes, 0);
    let (second, third) = (u16_at(&bytes, 4), u16_at(&bytes, 6));
    let (fourth, node) = bytes[8..].split_at(2);
    format!("{first:08x}-{second:04x}-{third:04x}-{}-{}", hex(fourth), hex(node))
}
