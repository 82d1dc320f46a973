//! A seed that boots: the medium's own kernel, and boot menus that start its installer without asking. The medium itself stays as it is,
//! in a drive beside it. BIOS and UEFI start the seed, as a CD and as a disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use super::base::{Base, EFIBOOT, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG, digest};
use super::inspect::{self, BootRecord};
use super::mark::{self, MarkNode};
use super::role::{Replace, check_room};
use super::{IsoError, KICKSTART, Mark, Order, Seeded, Xorriso, edit, efiboot, readback};
use crate::appear::{self, Growing};
use crate::digest::Digest;
use crate::interrupt;
use crate::medium::{Entry, FileReader, Medium};
use crate::render::boot_menu::{escape_label, grub, isolinux};

/// The volume id by which the installer finds a kickstart of its own accord; GRUB and the menus name it, too.
pub const SEED_LABEL: &str = "OEMDRV";

/// What BIOS starts.
const ISOLINUX_BIN: &str = "/isolinux/isolinux.bin";
/// Its boot information table, which differs from medium to medium.
const BOOT_INFO: Range<usize> = 8..64;
/// What it loads before all else, since its version 5.
const LDLINUX: &str = "/isolinux/ldlinux.c32";
/// What UEFI starts where somebody copied the files onto a stick. A CD or a disk has them in the EFI boot image.
const EFI_LOADERS: [&str; 2] = ["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grubx64.efi"];
/// Bytes of code in a medium's first sector; the partitions are behind it.
const MBR_CODE: u64 = 432;
/// What a medium has besides its files.
const ROOM: u64 = 4 << 20;

/// Makes a node's seed that boots, and starts the installer of a base. It is read back, and appears whole under its name, or not at all;
/// nobody else may read it.
///
/// # Errors
/// The base does not fit the kickstart, or lacks what its menus start; there is no room, xorriso fails, or the seed does not read back as
/// it was meant.
pub fn boot(base: &Base, order: &Order, xorriso: &Xorriso) -> Result<Seeded, IsoError> {
    order.check(base)?;
    let content = Content::of(base, order)?;
    let (folder, temporary) = (appear::folder_of(&order.output), std::env::temp_dir());
    fs::create_dir_all(folder).map_err(IsoError::io(folder))?;
    for folder in [folder, &temporary] {
        check_room(folder, content.size() + ROOM)?;
    }

    let growing = Growing::begin(&order.output, order.replace != Replace::Nothing)?;
    let work = tempfile::tempdir().map_err(IsoError::io(&temporary))?;
    let (files, mbr) = (work.path().join("files"), work.path().join("mbr"));
    content.write(&files)?;
    let mut code = Vec::new();
    File::open(&base.path)
        .and_then(|medium| medium.take(MBR_CODE).read_to_end(&mut code))
        .map_err(IsoError::io(&base.path))?;
    fs::write(&mbr, code).map_err(IsoError::io(&mbr))?;
    xorriso.bootable(&files, SEED_LABEL, &mbr, order.epoch, growing.path()).finish()?;
    let findings = content.compare(growing.path())?;
    if !findings.is_empty() {
        return Err(IsoError::ReadBack { path: order.output.clone(), findings });
    }
    let sha256 = digest(growing.path(), |_| ())?;
    let size = growing.keep()?;
    Ok(Seeded { path: order.output.clone(), size, sha256 })
}

/// What is on such a seed. No `.discinfo`: by that the installer, which looks into all drives, knows the medium that it installs from.
struct Content<'a> {
    base: &'a Base,
    /// Files of the base, which lie at the same paths.
    theirs: Vec<(String, Entry)>,
    /// The others: path and content.
    ours: Vec<(&'static str, Vec<u8>)>,
}

impl<'a> Content<'a> {
    fn of(base: &'a Base, order: &Order) -> Result<Self, IsoError> {
        let unfit = |what| IsoError::Base { path: base.path.clone(), what };
        if !inspect::partitions(&base.medium.system_area()?).isohybrid {
            let what = "it does not start from a disk by BIOS; use the medium as it was published";
            return Err(unfit(what.to_owned()));
        }
        let mut menu = edit::menu(base, order, SEED_LABEL);
        // The installer's second stage is on the medium, whatever else its own menu may say.
        let stage2 = format!("inst.stage2=hd:LABEL={}", escape_label(base.medium.label()));
        for entry in &mut menu.entries {
            entry.removed_arguments.push("inst.stage2".to_owned());
            entry.extra_arguments.insert(0, stage2.clone());
        }
        let wrong = |file| move |source| IsoError::BootMenu { file, source };
        let isolinux_cfg = isolinux::alone(&base.isolinux_cfg, &menu, edit::MARKER)
            .map_err(wrong(ISOLINUX_CFG))?;
        let grub_cfg = grub::alone(&base.grub_cfg, &menu, edit::MARKER, SEED_LABEL)
            .map_err(wrong(GRUB_CFG))?;
        let mut efiboot = base.efiboot()?;
        efiboot::replace_file(&mut efiboot, INNER_GRUB_CFG, grub_cfg.as_bytes())?;

        let mut paths: Vec<String> =
            [ISOLINUX_BIN].iter().chain(&EFI_LOADERS).map(|path| (*path).to_owned()).collect();
        if base.medium.entry(LDLINUX)?.is_some() {
            paths.push(LDLINUX.to_owned());
        }
        for entry in isolinux::entries(&isolinux_cfg) {
            // ISOLINUX looks beside its menu.
            let beside = |name: &String| match name.strip_prefix('/') {
                Some(_) => name.clone(),
                None => format!("/isolinux/{name}"),
            };
            paths.extend(entry.kernel.iter().chain(&entry.initrd).map(beside));
        }
        for entry in grub::entries(&grub_cfg) {
            paths.extend(entry.kernel.into_iter().chain(entry.initrd));
        }
        let mut theirs: Vec<(String, Entry)> = Vec::new();
        for path in paths {
            let is_inside = path.starts_with('/') && !path.split('/').any(|part| part == "..");
            let found = if is_inside { base.medium.entry(&path)? } else { None };
            let Some(file) = found.filter(Entry::is_file) else {
                return Err(unfit(format!(
                    "it has no file `{path}`, which its boot menus start; use a whole CentOS 7.9 Minimal or DVD medium"
                )));
            };
            if theirs.iter().all(|(other, _)| *other != path) {
                theirs.push((path, file));
            }
        }
        let mut ours = vec![
            (ISOLINUX_CFG, isolinux_cfg.into_bytes()),
            (GRUB_CFG, grub_cfg.into_bytes()),
            (EFIBOOT, efiboot),
        ];
        let mut nodes = Vec::new();
        for (node, kickstart) in &order.nodes {
            nodes.push(MarkNode {
                name: node.name.clone(),
                role: node.role.clone(),
                kickstart: KICKSTART.to_owned(),
            });
            ours.push((KICKSTART, kickstart.as_bytes().to_vec()));
        }
        let digest = |(path, content): &(&str, Vec<u8>)| ((*path).to_owned(), Digest::of(content));
        let mark = Mark {
            files: ours.iter().map(digest).collect(),
            ..edit::mark(base, order, SEED_LABEL, nodes)
        };
        ours.push((mark::PATH, mark.to_json().into_bytes()));
        Ok(Self { base, theirs, ours })
    }

    /// Bytes of its files; of what it has under two names, once more than it takes.
    fn size(&self) -> u64 {
        let ours = self.ours.iter().map(|(_, content)| content.len() as u64);
        self.theirs.iter().map(|(_, entry)| entry.size()).chain(ours).sum()
    }

    /// Puts its files into a new folder.
    fn write(&self, folder: &Path) -> Result<(), IsoError> {
        let place = |path: &str| {
            let place = folder.join(path.trim_start_matches('/'));
            fs::create_dir_all(place.parent().unwrap_or(folder)).map(|()| place)
        };
        for (n, (path, entry)) in self.theirs.iter().enumerate() {
            interrupt::check()?;
            let to = place(path).map_err(IsoError::io(folder))?;
            // BIOS and UEFI have their own names for kernel and initrd. What is linked here is once on the medium.
            let twin = self.theirs[..n].iter().find(|(_, other)| {
                other.first_block() == entry.first_block() && other.size() == entry.size()
            });
            let put = if let Some((twin, _)) = twin {
                place(twin).and_then(|twin| fs::hard_link(twin, &to))
            } else {
                let mut from = self.base.medium.reader(entry)?;
                File::create(&to).and_then(|mut file| io::copy(&mut from, &mut file)).map(drop)
            };
            put.map_err(IsoError::io(to))?;
        }
        for (path, content) in &self.ours {
            let to = place(path).map_err(IsoError::io(folder))?;
            fs::write(&to, content).map_err(IsoError::io(to))?;
        }
        Ok(())
    }

    /// Everything in which a seed is not as it was meant; nothing where it is.
    fn compare(&self, seed: &Path) -> Result<Vec<String>, IsoError> {
        let medium = Medium::open(seed)?;
        let mut findings = Vec::new();
        if medium.label() != SEED_LABEL {
            findings.push(format!("the label is `{}` and not `{SEED_LABEL}`", medium.label()));
        }
        let record = |(platform, image): (&str, &str)| BootRecord {
            platform: platform.to_owned(),
            image: Some(image.to_owned()),
            bootable: true,
        };
        let records = inspect::el_torito(&medium)?;
        if records != [("bios", ISOLINUX_BIN), ("uefi", EFIBOOT)].map(record) {
            findings.push(format!("the boot records are {records:?}"));
        }
        let efiboot = medium.entry(EFIBOOT)?;
        let disk = inspect::partitions(&medium.system_area()?);
        let is_efiboot = |p: &inspect::MbrPartition| {
            p.is_efi_system() && efiboot.as_ref().is_some_and(|file| p.holds(file))
        };
        if !disk.isohybrid || !disk.gpt || !disk.mbr.iter().any(is_efiboot) {
            findings.push(format!("it would not start from a disk: {disk:?}"));
        }
        for (path, content) in &self.ours {
            let entry = medium.entry(path)?.filter(|entry| entry.size() == content.len() as u64);
            if entry.is_none() || medium.read(path, content.len() as u64)? != *content {
                findings.push(format!("`{path}` is not what was written"));
            }
        }
        for (path, entry) in &self.theirs {
            let same = match medium.entry(path)?.filter(|other| other.size() == entry.size()) {
                Some(other) => {
                    let (theirs, ours) = (self.base.medium.reader(entry)?, medium.reader(&other)?);
                    let except = if path == ISOLINUX_BIN { BOOT_INFO } else { 0..0 };
                    is_same(theirs, ours, except).map_err(IsoError::io(seed))?
                }
                None => false,
            };
            if !same {
                findings.push(format!("`{path}` is not that of the medium"));
            }
        }
        readback::menus(&medium, &mut findings)?;
        Ok(findings)
    }
}

/// Whether two files of the same length have the same bytes, except for those of a place near their beginning.
fn is_same(mut one: FileReader, mut other: FileReader, except: Range<usize>) -> io::Result<bool> {
    const PIECE: u64 = 1 << 20;
    let mut left = one.size();
    let mut except = Some(except);
    while left > 0 {
        let length = left.min(PIECE);
        let mut pieces = [Vec::new(), Vec::new()];
        for (reader, piece) in [&mut one, &mut other].into_iter().zip(&mut pieces) {
            reader.take(length).read_to_end(piece)?;
            if let Some(skipped) = except.clone().and_then(|range| piece.get_mut(range)) {
                skipped.fill(0);
            }
        }
        except = None;
        if pieces[0] != pieces[1] {
            return Ok(false);
        }
        left -= length;
    }
    Ok(true)
}
