//! A role ISO: the base medium with the kickstarts of nodes, and boot menus that start with them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::base::Base;
use super::checksum;
use super::copy::Copy;
use super::edit::{Edited, edit, packages};
use super::tools::Growth;
use super::{Addition, IsoError, KICKSTART, Mark, Xorriso, mark, readback};
use crate::appear::{self, Growing};
use crate::digest::Digest;
use crate::medium::Medium;
use crate::medium::packages::Missing;
use crate::plan::{NodePlan, Plan};
use crate::render::boot_menu::{MenuPassword, Serial};
use crate::room;
use crate::tool::ToolError;

/// What directories, alignment and what is left over between files need at most.
const ROOM: u64 = 16 << 20;

/// What a person wants of a medium, whatever the lab says.
#[derive(Clone, Debug)]
pub struct Custom {
    /// More files and folders.
    pub add: Vec<Addition>,
    /// An image of changes to the installer itself.
    pub updates: Option<Addition>,
    /// Another volume id than the base's.
    pub volume_id: Option<String>,
    /// Arguments of the kernel for every entry that is added, besides those of its nodes.
    pub arguments: Vec<String>,
    /// Arguments that no entry that is added has: a name, which stands for any value too, or a name with its value.
    pub removed_arguments: Vec<String>,
    /// The boot loaders' own serial console.
    pub serial: Option<Serial>,
    /// The boot menu's title.
    pub menu_title: Option<String>,
    /// How long the menu waits, whatever its nodes say: seconds, or for a person.
    pub timeout: Option<Option<u16>>,
    /// What must be typed before anything but the entries that are added is started or changed.
    pub menu_password: Option<MenuPassword>,
    /// Whether it carries a checksum for its own media check.
    pub media_check: bool,
}

impl Default for Custom {
    fn default() -> Self {
        Self {
            add: Vec::new(),
            updates: None,
            volume_id: None,
            arguments: Vec::new(),
            removed_arguments: Vec::new(),
            serial: None,
            menu_title: None,
            timeout: None,
            menu_password: None,
            media_check: true,
        }
    }
}

/// What to build.
pub struct Order<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The nodes that it is for, with their kickstarts; never empty.
    pub nodes: Vec<(&'a NodePlan, &'a str)>,
    /// The kickstart that finds out which of the nodes this machine is; for several nodes.
    pub chooser: Option<String>,
    /// What else is wanted.
    pub custom: &'a Custom,
    /// The lab file's digest.
    pub lab_file: Digest,
    /// Seconds since 1970: what is new on the medium is of this time.
    pub epoch: u64,
    /// Where it goes.
    pub output: PathBuf,
    /// Whether it may replace what is there.
    pub replace: Replace,
}

/// What may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Nothing that is there.
    Nothing,
    /// What is there and would be another.
    OutOfDate,
    /// Whatever is there.
    Everything,
}

impl Order<'_> {
    /// Where a node's kickstart is on the medium.
    pub(super) fn kickstart_path(&self, node: &NodePlan) -> String {
        if self.chooser.is_some() {
            format!("/nodes/{}{KICKSTART}", node.name)
        } else {
            KICKSTART.to_owned()
        }
    }

    /// Refuses a base that would be replaced, or that does not hold what the kickstarts install.
    pub(super) fn check(&self, base: &Base) -> Result<(), IsoError> {
        if let (Ok(output), Ok(base)) = (self.output.canonicalize(), base.path.canonicalize())
            && output == base
        {
            return Err(IsoError::IsBase(self.output.clone()));
        }
        self.nodes.iter().try_for_each(|(node, _)| check_packages(base, node))
    }

    /// Works out what the medium becomes. Nothing is written yet.
    ///
    /// # Errors
    /// The base does not fit the kickstarts, or its menus cannot be changed as is wanted.
    pub fn prepare<'b>(&'b self, base: &'b Base) -> Result<Prepared<'b>, IsoError> {
        self.check(base)?;
        let edited = edit(base, self)?;
        Ok(Prepared { base, order: self, edited })
    }
}

/// What a medium becomes.
pub struct Prepared<'a> {
    base: &'a Base,
    order: &'a Order<'a>,
    edited: Edited,
}

/// What was built.
#[derive(Clone, Copy, Debug)]
pub struct Built {
    /// Its size in bytes.
    pub size: u64,
    /// Whether it shares the blocks of its base.
    pub shared: bool,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes are written, or summed up.
    Written(u64),
    /// It is read back.
    Checking,
    /// It has its name.
    Done,
}

impl Prepared<'_> {
    /// Where it goes.
    #[must_use]
    pub fn output(&self) -> &Path {
        &self.order.output
    }

    /// What may be replaced.
    pub(super) fn replace(&self) -> Replace {
        self.order.replace
    }

    /// What it will say of itself.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.edited.mark
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn needed(&self, shared: bool) -> u64 {
        ROOM + self.edited.bytes + if shared { 0 } else { self.base.medium.file_size() }
    }

    /// Whether it is there already, sound and with nothing otherwise than it would have.
    #[must_use]
    pub fn is_there(&self) -> bool {
        super::inspect(&self.order.output).is_ok_and(|there| {
            there.findings.is_empty()
                && there.built.is_some_and(|there| there.is_as_good_as(&self.edited.mark))
        })
    }

    /// Builds it. It appears whole under its name, or not at all. `shared` says whether blocks of the base can be shared
    /// where it goes ([`super::is_shared`]).
    ///
    /// # Errors
    /// It is there already, there is no room, xorriso fails, or the product does not read back as it was meant.
    pub fn build(
        &self,
        xorriso: &Xorriso,
        shared: bool,
        on_step: impl Fn(Step),
    ) -> Result<Built, IsoError> {
        let Self { order, edited, .. } = self;
        let growing = Growing::begin(&order.output, order.replace != Replace::Nothing)?;
        let folder = appear::folder_of(&order.output);
        let needed = self.needed(shared);
        check_room(folder, needed)?;
        self.write(growing.path(), xorriso, shared, &on_step).map_err(|error| {
            match (error, check_room(folder, ROOM / 32)) {
                // Others write to this disk, too.
                (
                    IsoError::Tool(ToolError::Failed { .. }) | IsoError::Io { .. },
                    Err(IsoError::NoSpace { folder, free, .. }),
                ) => IsoError::NoSpace { folder, free, needed },
                (error, _) => error.named(growing.path(), &order.output),
            }
        })?;
        on_step(Step::Checking);
        let findings = readback::compare(self.base, growing.path(), edited)?;
        if !findings.is_empty() {
            return Err(IsoError::ReadBack { path: order.output.clone(), findings });
        }
        let size = growing.keep_unwritten()?;
        on_step(Step::Done);
        Ok(Built { size, shared })
    }

    /// Makes the empty file at `path` the medium.
    fn write(
        &self,
        path: &Path,
        xorriso: &Xorriso,
        shared: bool,
        on_step: &impl Fn(Step),
    ) -> Result<(), IsoError> {
        let Self { base, order, edited } = self;
        let copy = Copy::begin(base, path, shared)?;
        let on_bytes = |bytes| on_step(Step::Written(bytes));
        let has_checksum = edited.mark.media_check;
        if has_checksum {
            self.grow(path, xorriso)?;
        } else {
            // Of what is missing xorriso neither reads nor writes anything.
            copy.fill_beside(|| self.grow(path, xorriso), on_bytes)?;
        }
        // isomd5sum would read an image that ends too early for ever.
        if let Err(error) = Medium::open(path) {
            let findings = vec![format!("  {error}")];
            return Err(IsoError::ReadBack { path: order.output.clone(), findings });
        }
        let sum = if has_checksum { copy.fill_summed(on_bytes)? } else { None };
        let mut file = fs::File::options().write(true).open(path).map_err(IsoError::io(path))?;
        checksum::write(&mut file, sum).map_err(IsoError::io(path))
    }

    fn grow(&self, path: &Path, xorriso: &Xorriso) -> Result<(), IsoError> {
        let Self { base, order, edited } = self;
        let mut file = fs::File::options().write(true).open(path).map_err(IsoError::io(path))?;
        for (at, bytes) in &edited.patches {
            file.seek(SeekFrom::Start(*at))
                .and_then(|_| file.write_all(bytes))
                .map_err(IsoError::io(path))?;
        }
        drop(file);
        let work = tempfile::tempdir().map_err(IsoError::io(std::env::temp_dir()))?;
        let mut files = Vec::new();
        let mut undo = Vec::new();
        for place in &edited.mark.undo {
            undo.extend(base.medium.bytes(&(place.at..place.at + place.length))?);
        }
        let own = [
            (mark::UNDO.to_owned(), undo),
            (mark::PATH.to_owned(), edited.mark.to_json().into_bytes()),
        ];
        for (n, (target, content)) in edited.files.iter().chain(&own).enumerate() {
            let source = work.path().join(n.to_string());
            fs::write(&source, content).map_err(IsoError::io(&source))?;
            files.push((source, target.clone()));
        }
        let mut additions = Vec::new();
        for (source, target) in &edited.additions {
            let source = source.canonicalize().map_err(IsoError::io(source))?;
            additions.push((source, target.clone()));
        }
        let mut folders = BTreeSet::new();
        for (_, target) in files.iter().chain(&additions) {
            for (at, _) in target.match_indices('/').filter(|(at, _)| *at > 0) {
                if base.medium.entry(&target[..at])?.is_none() {
                    folders.insert(target[..at].to_owned());
                }
            }
        }
        let growth = Growth {
            volume_id: &edited.mark.volume_id,
            has_joliet: base.medium.joliet_label().is_some(),
            epoch: order.epoch,
            files,
            additions,
            folders: folders.into_iter().collect(),
        };
        xorriso.grow(path, &growth).finish()?;
        Ok(())
    }
}

/// `%packages` names only what the medium holds: a question, or a dead mirror, would end the installation.
fn check_packages(base: &Base, node: &NodePlan) -> Result<(), IsoError> {
    let told = |m: &Missing| {
        let hint =
            m.hint.as_ref().map_or(String::new(), |hint| format!("; the nearest is `{hint}`"));
        format!("  no {} `{}`{hint}", m.kind, m.line)
    };
    let missing: Vec<String> = base.packages.missing(&packages(node)).iter().map(told).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(IsoError::Packages { path: base.path.clone(), missing })
    }
}

pub(super) fn check_room(folder: &Path, needed: u64) -> Result<(), IsoError> {
    let free = room::free(folder).map_err(IsoError::io(folder))?;
    if free >= needed {
        Ok(())
    } else {
        Err(IsoError::NoSpace { folder: folder.into(), free, needed })
    }
}
