//! The medium that others are built from, read once and checked before any work is begun.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::{IsoError, Tools, efiboot, mark};
use crate::digest::{Digest, Undigested};
use crate::medium::Medium;
use crate::medium::packages::PackageData;
use crate::medium::tree::TreeInfo;
use crate::tool::ToolError;

/// Boot files are small; one that is larger than this is not what it seems.
pub(super) const LARGEST_MENU: u64 = 1 << 20;
/// The real one has 9 MiB.
pub(super) const LARGEST_EFIBOOT: u64 = 256 << 20;

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
    /// The EFI boot image.
    pub(super) efiboot: Vec<u8>,
}

impl Base {
    /// Opens a medium and checks that an unattended one can be built from it. `on_bytes` is told how
    /// many bytes of it have been read.
    ///
    /// # Errors
    /// It is no CentOS 7 installation medium, cannot be read, or was customised before.
    pub fn open(path: &Path, tools: &Tools, on_bytes: impl Fn(u64)) -> Result<Self, IsoError> {
        let unfit = |what: String| IsoError::Base { path: path.into(), what };
        let medium = Medium::open(path)?;
        check_length(&medium).map_err(unfit)?;
        if medium.entry(mark::PATH)?.is_some() {
            return Err(unfit("it was built by trainyard; build from the untouched medium".into()));
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
        let sha256 = digest(path, on_bytes)?;
        check_checksum(path, tools)?;
        let (grub_cfg, isolinux_cfg) = (texts.swap_remove(1), texts.swap_remove(0));
        Ok(Self {
            path: path.into(),
            medium,
            sha256,
            packages,
            isolinux_cfg,
            grub_cfg,
            inner_grub_cfg,
            efiboot,
        })
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

/// An isohybrid image is padded beyond its volume, and its first partition says how far.
fn check_length(medium: &Medium) -> Result<(), String> {
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

/// Where `implantisomd5` puts its text: the application's area of the primary volume descriptor.
const CHECKSUM_AT: u64 = 16 * 2048 + 883;

/// A base that carries a checksum must agree with it: the product gets a new one, which would bless any damage.
fn check_checksum(path: &Path, tools: &Tools) -> Result<(), IsoError> {
    let mut file = File::open(path).map_err(IsoError::io(path))?;
    let mut text = [0; 512];
    file.seek(SeekFrom::Start(CHECKSUM_AT))
        .and_then(|_| file.read_exact(&mut text))
        .map_err(IsoError::io(path))?;
    if !text.starts_with(b"ISO MD5SUM") {
        return Ok(());
    }
    tools.check_checksum(path).finish().map(drop).map_err(|error| match error {
        ToolError::Failed { .. } => IsoError::Base {
            path: path.into(),
            what: "it is damaged: its own media check fails; download it again and compare its SHA-256".to_owned(),
        },
        other => other.into(),
    })
}

/// A file's digest.
pub(super) fn digest(path: &Path, on_bytes: impl FnMut(u64)) -> Result<Digest, IsoError> {
    Digest::of_file(path, on_bytes).map_err(|error| match error {
        Undigested::Interrupted(asked) => asked.into(),
        Undigested::Io(source) => IsoError::io(path)(source),
    })
}
