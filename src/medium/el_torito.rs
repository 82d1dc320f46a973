//! El Torito's boot catalogue: what firmware may start from the medium as a CD
//! (El Torito Bootable CD-ROM Format Specification 1.0; UEFI adds platform 0xEF).

use super::bytes::{text, u8_at, u16_at, u32_at};
use super::device::Device;
use super::{BLOCK, MediumError};

/// Entries are 32 bytes; four blocks of them are far more than any medium's.
const CATALOGUE_BYTES: usize = 4 * 2048;

/// For which firmware a boot image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// BIOS (0x00).
    Bios,
    /// PowerPC (0x01).
    PowerPc,
    /// Macintosh (0x02).
    Mac,
    /// UEFI (0xEF).
    Uefi,
    /// Any other number.
    Other(u8),
}

impl Platform {
    fn from_id(id: u8) -> Self {
        match id {
            0x00 => Self::Bios,
            0x01 => Self::PowerPc,
            0x02 => Self::Mac,
            0xef => Self::Uefi,
            other => Self::Other(other),
        }
    }

    /// The number in the catalogue.
    #[must_use]
    pub fn id(self) -> u8 {
        match self {
            Self::Bios => 0x00,
            Self::PowerPc => 0x01,
            Self::Mac => 0x02,
            Self::Uefi => 0xef,
            Self::Other(other) => other,
        }
    }
}

/// What the firmware pretends that the image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulation {
    /// Nothing: the image is loaded and started.
    None,
    /// A floppy disk of 1.2, 1.44 or 2.88 MB.
    Floppy,
    /// A hard disk.
    HardDisk,
    /// A value that the specification does not know.
    Unknown(u8),
}

/// One image that firmware may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootImage {
    /// For which firmware.
    pub platform: Platform,
    /// Whether it is marked as bootable.
    pub bootable: bool,
    /// What the firmware pretends that it is.
    pub emulation: Emulation,
    /// The real-mode segment at which a BIOS loads it; 0 stands for 0x7c0.
    pub load_segment: u16,
    /// How much is loaded, in sectors of 512 bytes.
    pub load_sectors: u16,
    /// Where it begins, in blocks of [`BLOCK`] bytes.
    pub block: u32,
    /// The file at that place, if the medium has one.
    pub path: Option<String>,
}

/// The boot catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootCatalogue {
    /// Where it lies, in blocks of [`BLOCK`] bytes.
    pub block: u32,
    /// Whether the sum over its first entry is right.
    pub checksum_valid: bool,
    /// Who made it, by its first entry; usually empty.
    pub id: String,
    /// The images, the default one first.
    pub images: Vec<BootImage>,
}

impl BootCatalogue {
    pub(super) fn read(device: &Device, block: u32) -> Result<Self, MediumError> {
        let at = u64::from(block) * BLOCK;
        if !device.holds(at, 64) {
            return Err(device.damaged(at, "the boot catalogue lies beyond the end of the file"));
        }
        let bytes = device.read_up_to(at, CATALOGUE_BYTES)?;
        let validation = &bytes[..32];
        if validation[0] != 1 || u16_at(validation, 30) != 0xaa55 {
            return Err(
                device.damaged(at, "the boot catalogue does not begin with a validation entry")
            );
        }
        let sum =
            validation.chunks_exact(2).fold(0_u16, |sum, word| sum.wrapping_add(u16_at(word, 0)));
        let mut platform = Platform::from_id(validation[1]);
        let mut images = vec![image(&bytes[32..64], platform)];
        let mut left = 0;
        for entry in bytes[64..].chunks_exact(32) {
            match entry[0] {
                // A section's header: more follow (0x90), or the last one (0x91).
                0x90 | 0x91 if left == 0 => {
                    platform = Platform::from_id(entry[1]);
                    left = u16_at(entry, 2);
                }
                // An extension of the entry before.
                0x44 => {}
                0x00 | 0x88 if left > 0 => {
                    images.push(image(entry, platform));
                    left -= 1;
                }
                _ => break,
            }
        }
        Ok(Self { block, checksum_valid: sum == 0, id: text(&validation[4..28]), images })
    }

    /// The bootable images for one kind of firmware.
    pub fn bootable(&self, platform: Platform) -> impl Iterator<Item = &BootImage> {
        self.images.iter().filter(move |image| image.bootable && image.platform == platform)
    }
}

fn image(entry: &[u8], platform: Platform) -> BootImage {
    BootImage {
        platform,
        bootable: entry[0] == 0x88,
        emulation: match u8_at(entry, 1) & 0x0f {
            0 => Emulation::None,
            1..=3 => Emulation::Floppy,
            4 => Emulation::HardDisk,
            other => Emulation::Unknown(other),
        },
        load_segment: u16_at(entry, 2),
        load_sectors: u16_at(entry, 6),
        block: u32_at(entry, 8),
        path: None,
    }
}
