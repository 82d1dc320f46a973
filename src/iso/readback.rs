//! Reads a new medium back and compares it with what it was meant to be, and with its base.

use std::path::Path;

use super::base::{Base, EFIBOOT, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG};
use super::edit::Edited;
use super::inspect::{self, BootRecord, Partitions};
use super::{IsoError, KICKSTART, mark};
use crate::digest::Digest;
use crate::medium::{Entry, Medium};

/// Firmware counts a disk in sectors of 512 bytes, ISO 9660 in blocks of 2048.
const SECTORS_IN_A_BLOCK: u32 = 4;
/// The partition type of what UEFI starts from.
const EFI_SYSTEM: u8 = 0xef;

/// Everything in which the medium is not as it was meant; nothing where it is.
pub(super) fn compare(
    base: &Base,
    path: &Path,
    edited: &Edited,
    kickstart: &str,
) -> Result<Vec<String>, IsoError> {
    let medium = Medium::open(path)?;
    let mut findings = Vec::new();
    if medium.label() != base.medium.label() {
        findings.push(format!(
            "the label is `{}` and not `{}`",
            medium.label(),
            base.medium.label()
        ));
    }
    boot_records(&inspect::el_torito(&base.medium)?, &inspect::el_torito(&medium)?, &mut findings);
    let tables = [&base.medium, &medium].map(Medium::system_area);
    let [theirs, ours] = tables;
    let efiboot = medium.entry(EFIBOOT)?;
    partitions(
        &inspect::partitions(&theirs?),
        &inspect::partitions(&ours?),
        efiboot.as_ref(),
        &mut findings,
    );
    files(base, &medium, edited, kickstart, &mut findings)?;
    menus(path, kickstart, &mut findings)?;
    Ok(findings)
}

fn boot_records(theirs: &[BootRecord], ours: &[BootRecord], findings: &mut Vec<String>) {
    let shown = |records: &[BootRecord]| {
        let shown = |r: &BootRecord| {
            format!("{} {}", r.platform, r.image.as_deref().unwrap_or("(no file)"))
        };
        records.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    if theirs != ours {
        findings.push(format!(
            "the boot records are [{}] and not [{}]",
            shown(ours),
            shown(theirs)
        ));
    }
}

fn partitions(
    theirs: &Partitions,
    ours: &Partitions,
    efiboot: Option<&Entry>,
    findings: &mut Vec<String>,
) {
    if theirs.isohybrid != ours.isohybrid || theirs.gpt != ours.gpt {
        findings.push(format!(
            "booting from a disk: isohybrid {}, GPT {}; the base has isohybrid {}, GPT {}",
            ours.isohybrid, ours.gpt, theirs.isohybrid, theirs.gpt
        ));
    }
    let kinds = |p: &Partitions| p.mbr.iter().map(|p| (p.kind, p.active)).collect::<Vec<_>>();
    if kinds(theirs) != kinds(ours) {
        findings.push(format!("the partitions are {:?} and not {:?}", ours.mbr, theirs.mbr));
    }
    // A partition that still points at the old image is the fault that shows only on a USB stick.
    let Some(efiboot) = efiboot else { return };
    let start = efiboot.first_block().map(|block| block * SECTORS_IN_A_BLOCK);
    for partition in ours.mbr.iter().filter(|p| p.kind == EFI_SYSTEM) {
        if Some(partition.start) != start || u64::from(partition.sectors) * 512 < efiboot.size() {
            findings.push(format!(
                "the EFI partition {partition:?} does not hold `{EFIBOOT}` (sector {start:?})"
            ));
        }
    }
}

fn files(
    base: &Base,
    medium: &Medium,
    edited: &Edited,
    kickstart: &str,
    findings: &mut Vec<String>,
) -> Result<(), IsoError> {
    let mark = edited.mark.to_json();
    let meant: [(&str, &[u8]); 5] = [
        (ISOLINUX_CFG, edited.isolinux_cfg.as_bytes()),
        (GRUB_CFG, edited.grub_cfg.as_bytes()),
        (EFIBOOT, &edited.efiboot),
        (KICKSTART, kickstart.as_bytes()),
        (mark::PATH, mark.as_bytes()),
    ];
    for (path, content) in meant {
        let there = match medium.entry(path)? {
            Some(entry) if entry.size() == content.len() as u64 => {
                medium.read(path, entry.size())? == content
            }
            _ => false,
        };
        if !there {
            findings.push(format!("`{path}` is not what was written"));
        }
    }
    for (path, entry) in base.medium.walk()? {
        let changed = meant.iter().any(|(meant, _)| *meant == path);
        match medium.entry(&path)? {
            None => findings.push(format!("`{path}` is missing")),
            Some(other) if entry.is_file() && !changed && other.size() != entry.size() => {
                findings.push(format!(
                    "`{path}` has {} bytes and not {}",
                    other.size(),
                    entry.size()
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Each of the three menus must start, by itself, with this kickstart.
fn menus(path: &Path, kickstart: &str, findings: &mut Vec<String>) -> Result<(), IsoError> {
    let inspection = inspect::inspect(path)?;
    let files: Vec<&str> = inspection.menus.iter().map(|menu| menu.file.as_str()).collect();
    let inner = format!("{EFIBOOT}:/{INNER_GRUB_CFG}");
    if files != [ISOLINUX_CFG, GRUB_CFG, &inner] {
        findings.push(format!("the boot menus are {files:?}"));
    }
    for menu in &inspection.menus {
        let default = menu.entries.iter().find(|entry| entry.default);
        let named = default.and_then(|entry| inspect::kickstart_path(entry, &inspection.label));
        let count = default.map_or(0, |entry| {
            entry.arguments.iter().filter(|a| a.starts_with("inst.ks=")).count()
        });
        if named.as_deref() != Some(KICKSTART) || count != 1 {
            findings.push(format!(
                "the default entry of `{}` does not start with {KICKSTART}",
                menu.file
            ));
        }
    }
    let sha256 = inspection.kickstart.and_then(|k| k.sha256);
    if sha256 != Some(Digest::of(kickstart.as_bytes()).to_string()) {
        findings.push(format!("`{KICKSTART}` has another digest: {sha256:?}"));
    }
    Ok(())
}
