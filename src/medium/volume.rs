//! Volume descriptors: the list that begins at block 16 (ECMA-119, section 8).

use super::bytes::{array, text, u8_at, u16_at, u32_at};
use super::device::Device;
use super::directory;
use super::entry::Entry;
use super::record::Record;
use super::{BLOCK, MediumError};

/// The first descriptor's block; the 32 KiB before it are the system area.
const FIRST_DESCRIPTOR: u64 = 16;
/// Real media have four or five descriptors; an endless list has no terminator.
const MOST_DESCRIPTORS: u64 = 64;

#[derive(Debug)]
pub(super) struct Volume {
    pub label: String,
    pub joliet_label: Option<String>,
    pub system_id: String,
    pub application_id: String,
    /// Bytes.
    pub size: u64,
    /// The byte behind the last descriptor.
    pub descriptors_end: u64,
    pub root: Entry,
    /// Bytes to skip in each system use area, where the medium has Rock Ridge.
    pub rock_ridge: Option<u8>,
    /// The block of El Torito's boot catalogue.
    pub boot_catalogue: Option<u32>,
}

impl Volume {
    pub fn read(device: &Device) -> Result<Self, MediumError> {
        let mut primary = None;
        let mut joliet_label = None;
        let mut boot_catalogue = None;
        let mut descriptors_end = FIRST_DESCRIPTOR * BLOCK;
        for block in FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MOST_DESCRIPTORS {
            let descriptor = device.read_up_to(block * BLOCK, 2048)?;
            if descriptor.get(1..6) != Some(b"CD001") {
                break;
            }
            descriptors_end = (block + 1) * BLOCK;
            match descriptor[0] {
                0 if text(&array::<32>(&descriptor, 7)) == "EL TORITO SPECIFICATION" => {
                    boot_catalogue.get_or_insert(u32_at(&descriptor, 0x47));
                }
                1 if primary.is_none() => primary = Some((block * BLOCK, descriptor)),
                2 if is_joliet(&descriptor) => {
                    joliet_label.get_or_insert(utf16_text(&array::<32>(&descriptor, 40)));
                }
                255 => break,
                _ => {}
            }
        }
        let Some((at, primary)) = primary else { return Err(not_iso9660(device)) };
        let block_size = u16_at(&primary, 128);
        if u64::from(block_size) != BLOCK {
            let what = format!("its blocks are {block_size} bytes long, not {BLOCK}");
            return Err(device.damaged(at + 128, what));
        }
        let size = u64::from(u32_at(&primary, 80)) * BLOCK;
        if device.len() < size {
            return Err(MediumError::Truncated {
                path: device.path().to_owned(),
                declared: size,
                actual: device.len(),
            });
        }
        let record =
            Record::parse(&primary[156..190]).filter(Record::is_directory).ok_or_else(|| {
                device.damaged(at + 156, "the root directory's record makes no sense")
            })?;
        let root = record.root();
        Ok(Self {
            label: text(&primary[40..72]),
            joliet_label,
            system_id: text(&primary[8..40]),
            application_id: text(&primary[574..702]),
            size,
            descriptors_end,
            rock_ridge: directory::rock_ridge_skip(device, &root)?,
            root,
            boot_catalogue,
        })
    }
}

/// A supplementary descriptor is Joliet's when its escape sequence announces UCS-2.
fn is_joliet(descriptor: &[u8]) -> bool {
    matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E")
}

fn utf16_text(field: &[u8; 32]) -> String {
    let units: Vec<u16> =
        field.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_matches(['\0', ' ']).to_owned()
}

/// Says what the file is instead, so far as its first bytes tell.
fn not_iso9660(device: &Device) -> MediumError {
    const DOWNLOAD: &str = "download it again and compare its checksum";
    let Ok(start) = device.read_up_to(0, 512) else {
        return MediumError::NotIso9660 {
            path: device.path().to_owned(),
            found: "it cannot be read".into(),
        };
    };
    let lower = start.to_ascii_lowercase();
    let found = if start.is_empty() {
        format!("the file is empty; {DOWNLOAD}")
    } else if start.starts_with(&[0x1f, 0x8b]) {
        "it is compressed with gzip; unpack it first".into()
    } else if start.starts_with(b"\xfd7zXZ") {
        "it is compressed with xz; unpack it first".into()
    } else if start.starts_with(b"PK\x03\x04") {
        "it is a zip archive; unpack it first".into()
    } else if start.starts_with(b"QFI\xfb") {
        "it is a qcow2 disk image; give the installation ISO".into()
    } else if lower.trim_ascii_start().starts_with(b"<!doctype html")
        || lower.trim_ascii_start().starts_with(b"<html")
    {
        format!("it is a web page, probably a mirror's error message; {DOWNLOAD}")
    } else if u8_at(&start, 510) == 0x55 && u8_at(&start, 511) == 0xaa {
        "it is a disk image without a CD's volume descriptor; give the installation ISO".into()
    } else if device.len() <= FIRST_DESCRIPTOR * BLOCK {
        format!("{} bytes are too few; {DOWNLOAD}", device.len())
    } else {
        format!("there is no `CD001` at byte {}; {DOWNLOAD}", FIRST_DESCRIPTOR * BLOCK + 1)
    };
    MediumError::NotIso9660 { path: device.path().to_owned(), found }
}
