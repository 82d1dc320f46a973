//! The medium that others are built from, read once and checked before any work is begun.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::checksum::{self, Checksum, Said};
use super::{IsoError, efiboot, mark};
use crate::digest::{Digest, Undigested};
use crate::medium::Medium;
use crate::medium::packages::PackageData;
use crate::medium::tree::TreeInfo;

/// Boot files are small; one that is larger than this is not what it seems.
pub(super) const LARGEST_MENU: u64 = 1 << 20;
/// The real one has 9 MiB.
pub(super) const LARGEST_EFIBOOT: u64 = 64 << 20;

/// ISOLINUX's menu, for BIOS.
pub(super) const ISOLINUX_CFG: &str = "/isolinux/isolinux.cfg";
/// GRUB's menu, for UEFI that starts from a CD.
pub(super) const GRUB_CFG: &str = "/EFI/BOOT/grub.cfg";
/// The FAT image that UEFI starts from.
pub(super) const EFIBOOT: &str = "/images/efiboot.img";
/// GRUB's menu inside it, for UEFI that starts from the partition (a USB stick).
pub(super) const INNER_GRUB_CFG: &str = "EFI/BOOT/grub.cfg";

/// A base medium.
pub struct Base {
    /// Where it is.
    pub path: PathBuf,
    /// The medium.
    pub medium: Medium,
    /// Its digest.
    pub sha256: Digest,
    /// What it holds.
    pub packages: PackageData,
    /// ISOLINUX's menu.
    pub(super) isolinux_cfg: String,
    /// GRUB's menu.
    pub(super) grub_cfg: String,
    /// GRUB's menu inside the EFI boot image.
    pub(super) inner_grub_cfg: String,
}

impl Base {
    /// Opens a medium and checks that an unattended one can be built from it. It is read as a whole, unless its digest is `known`.
    /// `on_bytes` is told how many bytes of it have been read.
    ///
    /// # Errors
    /// It is no CentOS 7 installation medium, cannot be read, or was customised before.
    pub fn open(
        path: &Path,
        known: Option<Digest>,
        on_bytes: impl Fn(u64),
    ) -> Result<Self, IsoError> {
        let unfit = |what: String| IsoError::Base { path: path.into(), what };
        let medium = Medium::open(path)?;
        check_length(&medium).map_err(unfit)?;
        if medium.entry(mark::PATH)?.is_some() {
            return Err(unfit(
                "it was built by trainyard; `trainyard reset` gives the untouched medium back"
                    .into(),
            ));
        }
        let mut texts = Vec::new();
        for (file, purpose) in [
            (ISOLINUX_CFG, "the BIOS boot menu"),
            (GRUB_CFG, "the UEFI boot menu"),
            ("/.discinfo", "the medium's description"),
            ("/.treeinfo", "what the installer finds its parts by"),
        ] {
            if medium.entry(file)?.is_none() {
                let what = format!(
                    "it has no `{file}` ({purpose}); use a whole CentOS 7.9 Minimal or DVD medium"
                );
                return Err(unfit(what));
            }
            let bytes = medium.read(file, LARGEST_MENU)?;
            texts.push(
                String::from_utf8(bytes).map_err(|_| unfit(format!("`{file}` is not UTF-8")))?,
            );
        }
        let tree = TreeInfo::parse(&texts[3]).map_err(|e| unfit(format!("`/.treeinfo`: {e}")))?;
        check_family(&tree).map_err(unfit)?;
        if medium.entry(EFIBOOT)?.is_none() {
            return Err(unfit(format!(
                "it has no `{EFIBOOT}` (what UEFI starts from); use a whole CentOS 7.9 medium"
            )));
        }
        let efiboot = medium.read(EFIBOOT, LARGEST_EFIBOOT)?;
        let inner = efiboot::read_file(&efiboot, INNER_GRUB_CFG)?;
        let inner_grub_cfg = String::from_utf8(inner)
            .map_err(|_| unfit(format!("`{INNER_GRUB_CFG}` in `{EFIBOOT}` is not UTF-8")))?;
        for (file, text) in
            [(ISOLINUX_CFG, &texts[0]), (GRUB_CFG, &texts[1]), (INNER_GRUB_CFG, &inner_grub_cfg)]
        {
            if text.contains("inst.ks=") {
                return Err(unfit(format!(
                    "`{file}` names a kickstart already; build from the untouched medium"
                )));
            }
        }
        let packages = PackageData::read(&medium, "")?;
        let sha256 = match known {
            Some(known) => known,
            None => read_through(&medium, on_bytes)?,
        };
        let (grub_cfg, isolinux_cfg) = (texts.swap_remove(1), texts.swap_remove(0));
        Ok(Self {
            path: path.into(),
            medium,
            sha256,
            packages,
            isolinux_cfg,
            grub_cfg,
            inner_grub_cfg,
        })
    }

    /// The EFI boot image.
    pub(super) fn efiboot(&self) -> Result<Vec<u8>, IsoError> {
        Ok(self.medium.read(EFIBOOT, LARGEST_EFIBOOT)?)
    }
}

/// The kickstart is written for CentOS 7 on `x86_64`; another system's installer would stop somewhere in it.
fn check_family(tree: &TreeInfo) -> Result<(), String> {
    let TreeInfo { family, version, arch, .. } = tree;
    if version.split('.').next() == Some("7") && arch == "x86_64" {
        return Ok(());
    }
    Err(format!(
        "it installs {family} {version} on {arch}, and the kickstarts are for CentOS 7 on x86_64"
    ))
}

/// An isohybrid image is padded to a whole cylinder beyond its volume.
const LONGEST_PADDING: u64 = 64 << 20;

/// An isohybrid image is padded beyond its volume, and its first partition says how far.
fn check_length(medium: &Medium) -> Result<(), String> {
    let padding = medium.file_size() - medium.volume_size();
    if padding > LONGEST_PADDING {
        return Err(format!("{padding} bytes follow its volume; download it again"));
    }
    let area = medium.system_area().map_err(|e| e.to_string())?;
    let partitions = area.mbr.iter().flat_map(|mbr| &mbr.partitions);
    let end =
        partitions.map(|p| (u64::from(p.start) + u64::from(p.sectors)) * 512).max().unwrap_or(0);
    let have = medium.file_size();
    if end > have {
        return Err(format!(
            "it is truncated: its partitions need {end} bytes, the file has {have}; download it again"
        ));
    }
    Ok(())
}

/// The medium's digest. One that carries a checksum must agree with it: the product gets a new one, which would bless any damage.
fn read_through(medium: &Medium, on_bytes: impl Fn(u64)) -> Result<Digest, IsoError> {
    let path = medium.path();
    let said = Said::read(path)?;
    let sum = said.as_ref().map(|_| Checksum::new(medium.volume_size()));
    let mut file = File::open(path).map_err(IsoError::io(path))?;
    let mut hash = Sha256::new();
    let mut done = 0;
    let read = |buffer: &mut [u8]| file.read(buffer).map_err(IsoError::io(path));
    let also = |bytes: &[u8]| {
        hash.update(bytes);
        done += bytes.len() as u64;
        on_bytes(done);
        Ok(())
    };
    let sum = checksum::summed(sum, read, also)?;
    if let (Some(sum), Some(said)) = (sum, said)
        && !sum.is(&said)
    {
        let what =
            "it is damaged: its own media check fails; download it again and compare its SHA-256";
        return Err(IsoError::Base { path: path.into(), what: what.to_owned() });
    }
    Ok(Digest::from_hash(hash))
}

/// A file's digest.
pub(super) fn digest(path: &Path, on_bytes: impl FnMut(u64)) -> Result<Digest, IsoError> {
    Digest::of_file(path, on_bytes).map_err(|error| match error {
        Undigested::Interrupted(asked) => asked.into(),
        Undigested::Io(source) => IsoError::io(path)(source),
    })
}
