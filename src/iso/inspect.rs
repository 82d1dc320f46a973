//! What a medium is: read back from its bytes, whoever made it.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::base::{EFIBOOT, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG, LARGEST_EFIBOOT, LARGEST_MENU};
use super::{IsoError, Mark, efiboot, mark};
use crate::digest::{Digest, Undigested};
use crate::medium::{Entry, Medium, SystemArea};
use crate::render::boot_menu::{self, BootEntry, grub, isolinux};

/// What a medium is.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The version of this format; 1.
    pub schema: u32,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its volume id.
    pub label: String,
    /// What firmware finds when it takes the medium for a CD (El Torito).
    pub el_torito: Vec<BootRecord>,
    /// What firmware finds when it takes the medium for a disk.
    pub partitions: Partitions,
    /// Its boot menus.
    pub menus: Vec<Menu>,
    /// The kickstart that its default entries start with.
    pub kickstart: Option<Kickstart>,
    /// What it was built for, and from what.
    pub built: Option<Mark>,
    /// In what it disagrees with itself; nothing where it is sound.
    pub findings: Vec<String>,
}

/// One boot record of El Torito.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootRecord {
    /// `bios`, `uefi`, or a number.
    pub platform: String,
    /// The file it starts.
    pub image: Option<String>,
    /// Whether it is marked as bootable.
    pub bootable: bool,
}

/// The partition tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partitions {
    /// Whether its first sector starts ISOLINUX from a disk.
    pub isohybrid: bool,
    /// The master boot record's partitions.
    pub mbr: Vec<MbrPartition>,
    /// Whether there is a GUID partition table whose checksums are right.
    pub gpt: bool,
}

/// A partition of the master boot record, in sectors of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MbrPartition {
    /// Its type byte; 239 (0xEF) is an EFI system partition.
    pub kind: u8,
    /// Whether it is the one to boot.
    pub active: bool,
    /// Its first sector.
    pub start: u32,
    /// How many.
    pub sectors: u32,
}

/// The partition type of what UEFI starts from.
const EFI_SYSTEM: u8 = 0xef;

impl MbrPartition {
    /// Whether UEFI starts from it.
    pub(super) fn is_efi_system(&self) -> bool {
        self.kind == EFI_SYSTEM
    }

    /// Whether it begins with a file, and is large enough for it. A disk is counted in sectors of 512 bytes, a CD in blocks of four.
    pub(super) fn holds(&self, file: &Entry) -> bool {
        let start = file.first_block().and_then(|block| block.checked_mul(4));
        start == Some(self.start) && file.size() <= u64::from(self.sectors) * 512
    }
}

/// A boot menu.
#[derive(Clone, Debug, Serialize)]
pub struct Menu {
    /// Where it is; `:` leads into the EFI boot image.
    pub file: String,
    /// Seconds until the default entry starts.
    pub timeout_seconds: Option<f64>,
    /// Its entries.
    pub entries: Vec<BootEntry>,
}

/// A kickstart on the medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kickstart {
    /// Its path.
    pub path: String,
    /// Its SHA-256; nothing where the menus name a file that is not there.
    pub sha256: Option<String>,
}

/// Reads a medium back.
///
/// # Errors
/// It is no ISO 9660 image, or a part of it is damaged.
pub fn inspect(path: &Path) -> Result<Inspection, IsoError> {
    inspect_medium(&Medium::open(path)?)
}

/// The same for a medium that is open.
///
/// # Errors
/// A part of it is damaged.
pub fn inspect_medium(medium: &Medium) -> Result<Inspection, IsoError> {
    let menus = menus(medium)?;
    let kickstart = kickstart(medium, &menus)?;
    let mut findings = Vec::new();
    let mut built: Option<Mark> = None;
    if medium.entry(mark::PATH)?.is_some() {
        match Mark::read(&medium.read(mark::PATH, mark::LARGEST)?) {
            Ok(mark) => built = Some(mark),
            Err(error) => findings.push(format!("`{}` cannot be read: {error}", mark::PATH)),
        }
    }
    if let Some(mark) = &built {
        marked_files(medium, mark, &mut findings)?;
    }
    disagreements(medium.label(), &menus, kickstart.as_ref(), built.as_ref(), &mut findings);
    Ok(Inspection {
        schema: 1,
        path: medium.path().to_owned(),
        size: medium.file_size(),
        label: medium.label().to_owned(),
        el_torito: el_torito(medium)?,
        partitions: partitions(&medium.system_area()?),
        menus,
        kickstart,
        built,
        findings,
    })
}

/// Whether what a medium is said to have is there.
fn marked_files(medium: &Medium, mark: &Mark, findings: &mut Vec<String>) -> Result<(), IsoError> {
    // Several names may stand for the same bytes, but those of a medium lie in it once.
    let mut known: HashMap<Vec<Range<u64>>, Digest> = HashMap::new();
    let mut left = medium.file_size();
    for (path, digest) in &mark.files {
        let Some(entry) = medium.entry(path)?.filter(Entry::is_file) else {
            findings.push(format!("`{path}`, which it was built with, is not there"));
            continue;
        };
        let place = entry.places().collect();
        let there = if let Some(there) = known.get(&place) {
            *there
        } else if let Some(rest) = left.checked_sub(entry.size()) {
            left = rest;
            let there = self::digest(medium, &entry)?;
            known.insert(place, there);
            there
        } else {
            findings.push("its files lie in one another, and are not all looked at".to_owned());
            break;
        };
        if there != *digest {
            findings.push(format!("`{path}` is not the one it was built with, sha256 {digest}"));
        }
    }
    Ok(())
}

/// What a medium that was built by trainyard must agree on, whoever had it in hand since.
fn disagreements(
    label: &str,
    menus: &[Menu],
    kickstart: Option<&Kickstart>,
    built: Option<&Mark>,
    findings: &mut Vec<String>,
) {
    if let Some(kickstart) = kickstart.filter(|k| k.sha256.is_none()) {
        findings.push(format!("its menus start with `{}`, which is not there", kickstart.path));
    }
    if built.is_none() {
        return;
    }
    for menu in menus {
        let default = menu.entries.iter().find(|entry| entry.default);
        if default.and_then(|entry| kickstart_path(entry, label)).is_none() {
            findings.push(format!(
                "the default entry of `{}` does not start with its kickstart",
                menu.file
            ));
        }
    }
}

/// The digest of a file of the medium.
pub(super) fn digest(medium: &Medium, entry: &Entry) -> Result<Digest, IsoError> {
    Digest::of_reader(medium.reader(entry)?, |_| ()).map_err(|error| match error {
        Undigested::Interrupted(asked) => asked.into(),
        Undigested::Io(source) => IsoError::io(medium.path())(source),
    })
}

pub(super) fn el_torito(medium: &Medium) -> Result<Vec<BootRecord>, IsoError> {
    let images = medium.el_torito()?.map(|catalogue| catalogue.images).unwrap_or_default();
    let record = |image: crate::medium::BootImage| BootRecord {
        platform: match image.platform.id() {
            0x00 => "bios".to_owned(),
            0xef => "uefi".to_owned(),
            other => other.to_string(),
        },
        image: image.path,
        bootable: image.bootable,
    };
    Ok(images.into_iter().map(record).collect())
}

pub(super) fn partitions(area: &SystemArea) -> Partitions {
    let partition = |p: &crate::medium::MbrPartition| MbrPartition {
        kind: p.kind,
        active: p.active,
        start: p.start,
        sectors: p.sectors,
    };
    Partitions {
        isohybrid: area.mbr.as_ref().is_some_and(|mbr| mbr.isohybrid),
        mbr: area.mbr.iter().flat_map(|mbr| &mbr.partitions).map(partition).collect(),
        gpt: area.gpt.as_ref().is_some_and(|gpt| gpt.header_valid && gpt.entries_valid),
    }
}

pub(super) fn menus(medium: &Medium) -> Result<Vec<Menu>, IsoError> {
    let mut menus = Vec::new();
    if medium.entry(ISOLINUX_CFG)?.is_some() {
        let text = text(medium.read(ISOLINUX_CFG, LARGEST_MENU)?);
        menus.push(menu(ISOLINUX_CFG, isolinux::timeout(&text), isolinux::entries(&text)));
    }
    if medium.entry(GRUB_CFG)?.is_some() {
        let text = text(medium.read(GRUB_CFG, LARGEST_MENU)?);
        menus.push(menu(GRUB_CFG, grub::timeout(&text), grub::entries(&text)));
    }
    if medium.entry(EFIBOOT)?.is_some() {
        let image = medium.read(EFIBOOT, LARGEST_EFIBOOT)?;
        let text = text(efiboot::read_file(&image, INNER_GRUB_CFG)?);
        let file = format!("{EFIBOOT}:/{INNER_GRUB_CFG}");
        menus.push(menu(&file, grub::timeout(&text), grub::entries(&text)));
    }
    Ok(menus)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn menu(file: &str, timeout: Option<Duration>, entries: Vec<BootEntry>) -> Menu {
    Menu { file: file.to_owned(), timeout_seconds: timeout.map(|t| t.as_secs_f64()), entries }
}

/// The kickstart that the menus' default entries name on this medium.
fn kickstart(medium: &Medium, menus: &[Menu]) -> Result<Option<Kickstart>, IsoError> {
    let mut defaults = menus.iter().flat_map(|menu| &menu.entries).filter(|entry| entry.default);
    let Some(path) = defaults.find_map(|entry| kickstart_path(entry, medium.label())) else {
        return Ok(None);
    };
    let sha256 = match medium.entry(&path)? {
        Some(entry) => Some(digest(medium, &entry)?.to_string()),
        None => None,
    };
    Ok(Some(Kickstart { path, sha256 }))
}

/// The path in an entry's `inst.ks=hd:LABEL=…:/path`, if that is this medium's label.
pub(super) fn kickstart_path(entry: &BootEntry, label: &str) -> Option<String> {
    let named = format!("inst.ks=hd:LABEL={}:", boot_menu::escape_label(label));
    entry.arguments.iter().find_map(|argument| Some(argument.strip_prefix(&named)?.to_owned()))
}
