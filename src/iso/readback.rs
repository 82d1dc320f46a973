//! Reads a new medium back and compares it with what it was meant to be, and with its base.

use std::path::Path;

use super::base::{Base, EFIBOOT, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG};
use super::copy::{between, contents};
use super::edit::Edited;
use super::inspect::{self, BootRecord, Partitions};
use super::{IsoError, KICKSTART, mark};
use crate::medium::{Entry, Medium};

/// Bytes that are compared at a time.
const COMPARED: usize = 1 << 20;

/// Everything in which the medium is not as it was meant; nothing where it is.
pub(super) fn compare(base: &Base, path: &Path, edited: &Edited) -> Result<Vec<String>, IsoError> {
    let medium = Medium::open(path)?;
    let mut findings = Vec::new();
    let wanted = &edited.mark.volume_id;
    if medium.label() != wanted || medium.joliet_label().is_some_and(|label| label != wanted) {
        let labels = [Some(medium.label()), medium.joliet_label()];
        findings.push(format!("the volume ids are {labels:?} and not `{wanted}`"));
    }
    boot_records(&inspect::el_torito(&base.medium)?, &inspect::el_torito(&medium)?, &mut findings);
    let efiboot = medium.entry(EFIBOOT)?;
    partitions(
        &inspect::partitions(&base.medium.system_area()?),
        &inspect::partitions(&medium.system_area()?),
        efiboot.as_ref(),
        &mut findings,
    );
    files(base, &medium, edited, &mut findings)?;
    kept(base, &medium, edited, &mut findings)?;
    menus(&medium, &mut findings)?;
    Ok(findings)
}

/// All of the base but what is said to be written over is where it was: it can be had back.
fn kept(
    base: &Base,
    medium: &Medium,
    edited: &Edited,
    findings: &mut Vec<String>,
) -> Result<(), IsoError> {
    let undo = edited.mark.undo.iter().map(|place| place.at..place.at + place.length);
    let mut known: Vec<_> = contents(&base.medium)?.into_iter().chain(undo).collect();
    known.sort_by_key(|range| range.start);
    for range in between(&known, edited.mark.base.here.min(medium.file_size())) {
        for at in range.clone().step_by(COMPARED) {
            let part = at..range.end.min(at + COMPARED as u64);
            if base.medium.bytes(&part)? != medium.bytes(&part)? {
                findings
                    .push(format!("bytes of the base are lost: {} to {}", part.start, part.end));
            }
        }
    }
    Ok(())
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
    for partition in ours.mbr.iter().filter(|p| p.is_efi_system() && !p.holds(efiboot)) {
        findings.push(format!(
            "the EFI partition {partition:?} does not hold `{EFIBOOT}` (block {:?})",
            efiboot.first_block()
        ));
    }
}

fn files(
    base: &Base,
    medium: &Medium,
    edited: &Edited,
    findings: &mut Vec<String>,
) -> Result<(), IsoError> {
    let meant = &edited.mark.files;
    for (path, digest) in meant {
        let there = match medium.entry(path)? {
            Some(entry) if entry.is_file() => Some(inspect::digest(medium, &entry)?),
            _ => None,
        };
        if there != Some(*digest) {
            findings.push(format!("`{path}` is not what was written"));
        }
    }
    let mark = edited.mark.to_json();
    if medium.entry(mark::PATH)?.is_none_or(|entry| entry.size() != mark.len() as u64)
        || medium.read(mark::PATH, mark.len() as u64)? != mark.as_bytes()
    {
        findings.push(format!("`{}` is not what was written", mark::PATH));
    }
    let undo: u64 = edited.mark.undo.iter().map(|place| place.length).sum();
    if medium.entry(mark::UNDO)?.is_none_or(|entry| entry.size() != undo) {
        findings.push(format!("`{}` does not hold {undo} bytes", mark::UNDO));
    }
    // What BIOS starts has its own place written into it, so it gets a new one.
    let catalogue = base.medium.el_torito()?;
    let boots = |path: &str, entry: &Entry| {
        catalogue.as_ref().is_some_and(|catalogue| {
            catalogue.images.iter().any(|image| image.path.as_deref() == Some(path))
                || entry.first_block() == Some(catalogue.block)
        })
    };
    for (path, entry) in base.medium.walk()? {
        match medium.entry(&path)? {
            None => findings.push(format!("`{path}` is missing")),
            Some(other)
                if entry.is_file() && !meant.contains_key(&path) && !boots(&path, &entry) =>
            {
                if !other.places().eq(entry.places()) {
                    findings.push(format!("`{path}` is not where it was"));
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Each of the three menus must start, by itself, with this kickstart.
pub(super) fn menus(medium: &Medium, findings: &mut Vec<String>) -> Result<(), IsoError> {
    let menus = inspect::menus(medium)?;
    let files: Vec<&str> = menus.iter().map(|menu| menu.file.as_str()).collect();
    let inner = format!("{EFIBOOT}:/{INNER_GRUB_CFG}");
    if files != [ISOLINUX_CFG, GRUB_CFG, &inner] {
        findings.push(format!("the boot menus are {files:?}"));
    }
    for menu in &menus {
        let default = menu.entries.iter().find(|entry| entry.default);
        let named = default.and_then(|entry| inspect::kickstart_path(entry, medium.label()));
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
    Ok(())
}
