//! The system area, the first 32 KiB that ISO 9660 leaves free: an isohybrid image has a master boot
//! record and perhaps a GPT there, and so starts from a USB stick too.

use super::bytes::{array, u8_at, u32_at, u64_at};
use super::device::Device;
use super::gpt::Gpt;
use super::{BLOCK, MediumError};

/// Bytes of a sector, the unit of partition tables.
const SECTOR: u64 = 512;

/// The partition tables of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemArea {
    /// The master boot record, when the first sector ends with its signature.
    pub mbr: Option<Mbr>,
    /// The GUID partition table, when there is a header.
    pub gpt: Option<Gpt>,
}

/// A master boot record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mbr {
    /// The disk's identifier, as `fdisk` prints it in hexadecimal.
    pub disk_id: u32,
    /// The used slots of the table.
    pub partitions: Vec<MbrPartition>,
    /// Whether its code is isohybrid's and finds ISOLINUX: it names a place in the image where an
    /// isolinux.bin with the hybrid signature lies.
    pub isohybrid: bool,
}

/// One slot of a master boot record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbrPartition {
    /// The slot, from 1 to 4.
    pub number: u8,
    /// Whether it is the one to boot.
    pub active: bool,
    /// The type byte: 0xEF is an EFI system partition.
    pub kind: u8,
    /// The first sector of 512 bytes.
    pub start: u32,
    /// How many sectors.
    pub sectors: u32,
}

impl SystemArea {
    pub(super) fn read(device: &Device) -> Result<Self, MediumError> {
        let first = device.read_up_to(0, 512)?;
        let mbr = if array(&first, 510) == [0x55, 0xaa] {
            Some(Mbr::parse(device, &first)?)
        } else {
            None
        };
        Ok(Self { mbr, gpt: Gpt::read(device)? })
    }
}

impl Mbr {
    fn parse(device: &Device, sector: &[u8]) -> Result<Self, MediumError> {
        let partitions = (1..=4_u8)
            .map(|number| (number, &sector[430 + 16 * usize::from(number)..][..16]))
            .filter(|(_, slot)| slot.iter().any(|&byte| byte != 0))
            .map(|(number, slot)| MbrPartition {
                number,
                active: slot[0] & 0x80 != 0,
                kind: slot[4],
                start: u32_at(slot, 8),
                sectors: u32_at(slot, 12),
            })
            .collect();
        Ok(Self { disk_id: u32_at(sector, 440), partitions, isohybrid: isohybrid(device, sector)? })
    }
}

/// isohybrid writes the place of isolinux.bin, in sectors, at byte 432 of its code; that code refuses
/// to go on unless it finds this signature 64 bytes into what it loads. So check the same.
fn isohybrid(device: &Device, sector: &[u8]) -> Result<bool, MediumError> {
    const SIGNATURE: [u8; 4] = [0xfb, 0xc0, 0x78, 0x70];
    let start = u64_at(sector, 432);
    let at = start.checked_mul(SECTOR).filter(|at| *at != 0 && at % BLOCK == 0);
    let Some(at) = at.filter(|&at| device.holds(at, SECTOR)) else { return Ok(false) };
    let loaded = device.read(at, 512, "isolinux.bin")?;
    Ok(array(&loaded, 64) == SIGNATURE && u8_at(sector, 0) != 0)
}
