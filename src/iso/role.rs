//! A role ISO: the base medium with a node's kickstart, and boot menus that start with it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::base::{Base, EFIBOOT, GRUB_CFG, ISOLINUX_CFG, digest};
use super::copy::{self, Copied};
use super::edit::{Edited, edit};
use super::{IsoError, KICKSTART, Tools, mark, readback};
use crate::appear::{self, Growing};
use crate::digest::Digest;
use crate::medium::packages::Missing;
use crate::medium::{BLOCK, Medium};
use crate::plan::{NodePlan, Plan};
use crate::room;
use crate::tool::ToolError;

/// What is left over between the files, and what the new ones need at most.
const ROOM: u64 = 32 << 20;

/// What to build.
pub struct Order<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The node that it is for.
    pub node: &'a NodePlan,
    /// The node's kickstart.
    pub kickstart: &'a str,
    /// Where it goes.
    pub output: PathBuf,
    /// Whether it may replace what is there.
    pub force: bool,
}

impl Order<'_> {
    /// Refuses what must not be replaced, before any work is begun.
    ///
    /// # Errors
    /// The ISO is there already, or is the base.
    pub fn check(&self, base: &Path) -> Result<(), IsoError> {
        appear::check(&self.output, self.force)?;
        if let (Ok(output), Ok(base)) = (self.output.canonicalize(), base.canonicalize())
            && output == base
        {
            return Err(IsoError::IsBase(self.output.clone()));
        }
        Ok(())
    }
}

/// What was built.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// For which node.
    pub node: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// How the base came into it.
    pub copied: Copied,
    /// Its digest.
    pub sha256: Digest,
    /// Its kickstart's SHA-256.
    pub kickstart_sha256: String,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes of the copy are written.
    Copied(u64),
    /// The checksum is put in, and the medium read back.
    Checking,
}

/// Builds a node's ISO. It appears whole under its name, or not at all.
///
/// # Errors
/// The base does not fit the kickstart, there is no room, a program fails, or the product does not
/// read back as it was meant.
pub fn build(
    base: &Base,
    order: &Order,
    tools: &Tools,
    on_step: impl Fn(Step),
) -> Result<Built, IsoError> {
    order.check(&base.path)?;
    check_packages(base, order.node)?;
    let folder = appear::folder_of(&order.output);
    fs::create_dir_all(folder).map_err(IsoError::io(folder))?;
    check_room(folder, ROOM)?;
    let edited = edit(base, order.plan, order.node, order.kickstart)?;

    let growing = Growing::begin(&order.output, order.force)?;
    let shared = copy::share(&base.path, growing.path())?;
    let needed = ROOM + if shared { 0 } else { base.medium.file_size() };
    check_room(folder, needed)?;
    let written = if shared {
        Ok(())
    } else {
        copy::whole(&base.path, growing.path(), |bytes| on_step(Step::Copied(bytes)))
    };
    written.and_then(|()| change(base, &edited, order.kickstart, growing.path(), tools)).map_err(
        |error| match (error, check_room(folder, ROOM / 32)) {
            // Others write to this disk, too.
            (
                IsoError::Tool(ToolError::Failed { .. }) | IsoError::Io { .. },
                Err(IsoError::NoSpace { folder, free, .. }),
            ) => IsoError::NoSpace { folder, free, needed },
            // While it grows it has another name.
            (IsoError::Io { path, source }, _) if path == growing.path() => {
                IsoError::io(&order.output)(source)
            }
            (error, _) => error,
        },
    )?;
    on_step(Step::Checking);
    // implantisomd5 reads an image that ends too early for ever.
    if let Err(error) = Medium::open(growing.path()) {
        return Err(IsoError::ReadBack {
            path: order.output.clone(),
            findings: vec![format!("  {error}")],
        });
    }
    tools.implant_checksum(growing.path()).finish()?;
    if let Err(error) = tools.check_checksum(growing.path()).finish() {
        return Err(match error {
            ToolError::Failed { .. } => {
                let finding = format!("  its media check fails: {error}");
                IsoError::ReadBack { path: order.output.clone(), findings: vec![finding] }
            }
            other => other.into(),
        });
    }
    let findings = readback::compare(base, growing.path(), &edited, order.kickstart)?;
    if !findings.is_empty() {
        return Err(IsoError::ReadBack { path: order.output.clone(), findings });
    }
    let sha256 = digest(growing.path(), |_| ())?;
    let size = growing.keep()?;
    Ok(Built {
        node: order.node.name.clone(),
        path: order.output.clone(),
        size,
        copied: if shared { Copied::Shared } else { Copied::Whole },
        sha256,
        kickstart_sha256: edited.mark.kickstart_sha256,
    })
}

/// Makes a copy of the base what was meant. The EFI boot image is changed where it lies; the other files are added behind
/// all others, where xorriso makes directories and boot records anew.
fn change(
    base: &Base,
    edited: &Edited,
    kickstart: &str,
    copy: &Path,
    tools: &Tools,
) -> Result<(), IsoError> {
    let work = tempfile::tempdir().map_err(IsoError::io(std::env::temp_dir()))?;
    let put = |name: &str, content: &[u8]| {
        let path = work.path().join(name);
        fs::write(&path, content).map_err(IsoError::io(&path)).map(|()| path)
    };
    let mut files = vec![
        (put("isolinux.cfg", edited.isolinux_cfg.as_bytes())?, ISOLINUX_CFG),
        (put("grub.cfg", edited.grub_cfg.as_bytes())?, GRUB_CFG),
        (put("ks.cfg", kickstart.as_bytes())?, KICKSTART),
        (put("mark.json", edited.mark.to_json().as_bytes())?, mark::PATH),
    ];
    let place = base.medium.entry(EFIBOOT)?.and_then(|entry| entry.first_block());
    match place {
        Some(block) if edited.efiboot.len() == base.efiboot.len() => {
            copy::write_over(copy, u64::from(block) * BLOCK, &base.efiboot, &edited.efiboot)?;
        }
        // It had no room, and was made anew.
        _ => files.push((put("efiboot.img", &edited.efiboot)?, EFIBOOT)),
    }
    let files: Vec<_> = files.iter().map(|(path, target)| (path.as_path(), *target)).collect();
    tools.grow(copy, base.medium.label(), &files).finish()?;
    Ok(())
}

/// `%packages` names only what the medium holds: a question, or a dead mirror, would end the installation.
fn check_packages(base: &Base, node: &NodePlan) -> Result<(), IsoError> {
    let wanted: Vec<&str> = node.installer.packages.iter().map(String::as_str).collect();
    let told = |m: &Missing| {
        let hint =
            m.hint.as_ref().map_or(String::new(), |hint| format!("; the nearest is `{hint}`"));
        format!("  no {} `{}`{hint}", m.kind, m.line)
    };
    let missing: Vec<String> = base.packages.missing(&wanted).iter().map(told).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(IsoError::Packages { path: base.path.clone(), missing })
    }
}

fn check_room(folder: &Path, needed: u64) -> Result<(), IsoError> {
    let free = room::free(folder).map_err(IsoError::io(folder))?;
    if free >= needed {
        Ok(())
    } else {
        Err(IsoError::NoSpace { folder: folder.into(), free, needed })
    }
}
