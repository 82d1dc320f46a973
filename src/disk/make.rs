//! Making a disk.

use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::qemu_img::QemuImg;
use super::{Base, DiskError, Format, Size, space};
use crate::appear::{self, Growing};
use crate::room;
use crate::tool::{Run, ToolError};

/// What is left over beside the disk itself.
const ROOM: u64 = 1 << 20;

/// What to make.
#[derive(Clone, Debug)]
pub struct Order {
    /// The node that it is for.
    pub node: String,
    /// Its form.
    pub format: Format,
    /// Its size in bytes, as the machine sees it.
    pub size: u64,
    /// Where it goes.
    pub output: PathBuf,
    /// Whether it may replace what is there.
    pub force: bool,
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
    /// Its size in bytes, as the machine sees it.
    pub virtual_size: u64,
    /// The image that it needs beside it, if it is an overlay.
    pub backing_file: Option<PathBuf>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Of so many bytes so many are written.
    Written(u64, u64),
    /// It is read back.
    Checking,
}

impl Order {
    /// Refuses what must not be replaced, before any work is begun.
    ///
    /// # Errors
    /// The disk is there already, is in use, or is the image that it is made from.
    pub fn check(&self, base: Option<&Base>) -> Result<(), DiskError> {
        appear::check(&self.output, self.force)?;
        if let (Ok(there), Some(base)) = (self.output.canonicalize(), base)
            && there == base.path
        {
            return Err(DiskError::IsBase(self.output.clone()));
        }
        if is_in_use(&self.output) {
            return Err(DiskError::InUse(self.output.clone()));
        }
        Ok(())
    }

    /// Refuses an image whose disk is larger: what is at its end would be lost.
    ///
    /// # Errors
    /// It is.
    pub fn check_size(&self, base: &Base) -> Result<(), DiskError> {
        if base.virtual_size <= self.size {
            return Ok(());
        }
        Err(DiskError::TooSmall {
            path: base.path.clone(),
            base: base.virtual_size,
            node: self.node.clone(),
            wanted: self.size,
        })
    }
}

/// Makes a node's disk from an image. It appears whole under its name, or not at all.
///
/// # Errors
/// The order is refused, there is no room, qemu-img fails, or the disk does not read back as it was meant.
pub fn make(
    base: &Base,
    order: &Order,
    qemu: &QemuImg,
    on_step: impl Fn(Step) + 'static,
) -> Result<Made, DiskError> {
    order.check(Some(base))?;
    order.check_size(base)?;
    let folder = appear::folder_of(&order.output);
    fs::create_dir_all(folder).map_err(DiskError::io(folder))?;
    let tables = qemu.tables(order.size)? + ROOM;
    let is_overlay = order.format == Format::Qcow2;
    let copied = if is_overlay {
        0
    } else {
        let extents = qemu.map(&base.path, Format::Qcow2)?;
        space::of_copy(&extents, order.format, order.size)
    };
    let needed = tables + copied;
    check_room(folder, needed)?;

    let growing = Growing::begin(&order.output, order.force)?;
    let target = absolute(growing.path())?;
    let full = Full { folder, needed };
    let backing_file = if is_overlay {
        full.finish(qemu.overlay(&base.path, &target, order.size), base)?;
        on_step(Step::Checking);
        Some(base.path.clone())
    } else {
        // Neither VDI nor VMDK can grow, so what is copied is an overlay that has the right size.
        let work = tempfile::Builder::new().prefix(".trainyard-disk.").tempdir_in(folder);
        let work = work.map_err(DiskError::io(folder))?;
        let overlay = absolute(work.path())?.join("overlay.qcow2");
        full.finish(qemu.overlay(&base.path, &overlay, order.size), base)?;
        let on_step = std::rc::Rc::new(on_step);
        let (told, path) = (on_step.clone(), target.clone());
        let copy = qemu.copy(&overlay, &target, order.format);
        full.finish(copy.on_tick(move || told(Step::Written(written(&path), copied))), base)?;
        on_step(Step::Checking);
        if let Err(error) = qemu.compare(&overlay, &target, order.format).finish() {
            return Err(unequal(order, error));
        }
        None
    };
    let findings = read_back(&target, order, backing_file.as_deref(), qemu)?;
    keep(growing, order, findings, backing_file)
}

/// Makes a disk with nothing on it, in the same way.
///
/// # Errors
/// The same.
pub fn empty(order: &Order, qemu: &QemuImg) -> Result<Made, DiskError> {
    order.check(None)?;
    let folder = appear::folder_of(&order.output);
    fs::create_dir_all(folder).map_err(DiskError::io(folder))?;
    check_room(folder, qemu.tables(order.size)? + ROOM)?;
    let growing = Growing::begin(&order.output, order.force)?;
    let target = absolute(growing.path())?;
    qemu.empty(&target, order.format, order.size).finish()?;
    let findings = read_back(&target, order, None, qemu)?;
    keep(growing, order, findings, None)
}

fn keep(
    growing: Growing,
    order: &Order,
    findings: Vec<String>,
    backing_file: Option<PathBuf>,
) -> Result<Made, DiskError> {
    if !findings.is_empty() {
        return Err(DiskError::ReadBack { path: order.output.clone(), findings });
    }
    growing.keep()?;
    let Order { format, size, output, .. } = order.clone();
    Ok(Made { path: output, format, virtual_size: size, backing_file })
}

/// Everything in which it is not as it was meant.
fn read_back(
    path: &Path,
    order: &Order,
    backing_file: Option<&Path>,
    qemu: &QemuImg,
) -> Result<Vec<String>, DiskError> {
    let mut findings = Vec::new();
    let info = qemu.info(path, order.format)?;
    let format = order.format.as_str();
    if info.format != format {
        findings.push(format!("  its format is `{}` and not `{format}`", info.format));
    }
    if info.virtual_size != order.size {
        let (found, wanted) = (Size(info.virtual_size), Size(order.size));
        findings.push(format!("  its size is {found} and not {wanted}"));
    }
    let named = |name: Option<&str>| name.map_or("nothing".to_owned(), |name| format!("`{name}`"));
    let wanted = backing_file.map(Path::to_string_lossy);
    if info.backing_filename.as_deref() != wanted.as_deref() {
        let (found, wanted) = (named(info.backing_filename.as_deref()), named(wanted.as_deref()));
        findings.push(format!("  it is an overlay over {found} and not over {wanted}"));
    }
    let wanted = backing_file.map(|_| "qcow2");
    if info.backing_filename_format.as_deref() != wanted {
        findings.push(format!(
            "  it takes what is below for {} and not for {}",
            named(info.backing_filename_format.as_deref()),
            named(wanted)
        ));
    }
    // Bytes alone have nothing that could disagree.
    if order.format != Format::Raw {
        match qemu.check(path, order.format).finish() {
            Err(ToolError::Failed { tail, .. }) => {
                findings.push(format!("  it is damaged: {tail}"));
            }
            other => drop(other?),
        }
    }
    Ok(findings)
}

fn unequal(order: &Order, error: ToolError) -> DiskError {
    match error {
        // 1: they differ; all else: they could not be compared (qemu-img(1)).
        ToolError::Failed { status, tail, .. } if status.ends_with(": 1") => {
            let findings = vec![format!("  it is not what the image is: {tail}")];
            DiskError::ReadBack { path: order.output.clone(), findings }
        }
        other => other.into(),
    }
}

/// Where there was room, and may be none any more.
struct Full<'a> {
    folder: &'a Path,
    needed: u64,
}

impl Full<'_> {
    /// Runs what writes there. Others write to this disk, too.
    fn finish(&self, run: Run, base: &Base) -> Result<(), DiskError> {
        let Err(error) = run.finish() else { return Ok(()) };
        let is_full = matches!(&error, ToolError::Failed { tail, .. } if tail.contains("No space left on device"));
        if is_full && let Ok(free) = room::free(self.folder) {
            let (folder, needed) = (self.folder.to_owned(), self.needed);
            return Err(DiskError::NoSpace { folder, free, needed });
        }
        Err(DiskError::with(&base.path)(error))
    }
}

fn check_room(folder: &Path, needed: u64) -> Result<(), DiskError> {
    let free = room::free(folder).map_err(DiskError::io(folder))?;
    if free >= needed {
        Ok(())
    } else {
        Err(DiskError::NoSpace { folder: folder.into(), free, needed })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, DiskError> {
    std::path::absolute(path).map_err(DiskError::io(path))
}

/// Bytes that a file takes so far: its length may be that of the whole from the beginning.
#[cfg(unix)]
fn written(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map_or(0, |m| m.blocks() * 512)
}

#[cfg(not(unix))]
fn written(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

/// Whether another program has locked a part of a file, as QEMU does with disks of machines that run: whatever takes the disk's
/// name away from it would leave it writing to a file that nobody finds.
#[cfg(unix)]
fn is_in_use(path: &Path) -> bool {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;
    let Ok(file) = File::options().write(true).open(path) else { return false };
    // Given back when the file is closed.
    let locked = fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
    matches!(locked, Err(Errno::AGAIN | Errno::ACCESS))
}

/// Windows itself replaces no file that is open.
#[cfg(not(unix))]
fn is_in_use(_: &Path) -> bool {
    false
}
