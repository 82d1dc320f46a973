//! The media that machines are started with: each knows its node, and where to tell how far it is.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::super::{build, disk, load::chosen_one, seed};
use super::reach::HOST_KEYS;
use super::{At, diff};
use crate::cli::lab::HowArgs;
use crate::cli::ui::Ui;
use crate::disk::{self as image, Base as Image, Format, QemuImg};
use crate::iso::{self, Base, Custom, Many, Replace, Seed, Xorriso};
use crate::machines::{Machine, Media, Wanted};
use crate::plan::NodePlan;
use crate::render::{Rendered, Renderer, Server};

/// Makes the media of a lab's machines. What they are made from is read once.
pub(super) struct Maker<'a> {
    at: &'a At<'a>,
    wanted: &'a Wanted,
    format: Format,
    how: &'a HowArgs,
    ui: &'a Ui,
    medium: OnceCell<Base>,
    image: OnceCell<Image>,
}

impl<'a> Maker<'a> {
    pub fn new(
        at: &'a At<'a>,
        wanted: &'a Wanted,
        format: Format,
        how: &'a HowArgs,
        ui: &'a Ui,
    ) -> Self {
        Self { at, wanted, format, how, ui, medium: OnceCell::new(), image: OnceCell::new() }
    }

    /// Has what they are made from at hand, and proved: before anything is made, or taken away.
    pub fn prepare(&self) -> Result<()> {
        let media = self.wanted.machines.first().map(|machine| machine.media);
        match media {
            Some(Media::Iso | Media::Seed) => self.medium().map(drop),
            Some(Media::Cloud) => self.image(&QemuImg::locate()?).map(drop),
            Some(Media::Pxe) | None => Ok(()),
        }
    }

    /// Makes those of a node, which reports there.
    pub fn make(&self, node: &str, report: &str) -> Result<()> {
        let plan = &self.at.good.plan;
        let node = chosen_one(plan, node)?;
        let machine = self.wanted.machine(&node.name).context("the lab has no such machine")?;
        let server = Server { tree: None, report: report.to_owned(), authority: None };
        let rendered = Renderer::new(plan, self.at.secrets).render_for(node, Some(&server));
        let rendered = rendered.map_err(|error| self.at.good.told(error, self.ui))?;
        diff::note(node, &machine.folder)?;
        self.note_host_keys(node, machine)?;
        match machine.media {
            Media::Iso => self.role_medium(node, machine, &rendered),
            Media::Seed => {
                let medium = self.medium()?;
                link(&medium.path, &machine.cds[0])?;
                seed_medium(
                    "OEMDRV",
                    vec![("ks.cfg", rendered.kickstart.into_bytes())],
                    &machine.cds[1],
                )
            }
            Media::Cloud => {
                self.system(node, machine)?;
                seed_medium("cidata", seed::cloud_files(&rendered, true)?, &machine.cds[0])
            }
            Media::Pxe => Ok(()),
        }
    }

    /// Notes the public host keys that it is given, as ssh reads them.
    fn note_host_keys(&self, node: &NodePlan, machine: &Machine) -> Result<()> {
        let mut text = String::new();
        for name in node.host_key_secrets() {
            let key = self.at.secrets.host_key(&name)?;
            let _ = write!(text, "{} {}", node.name, key.public_file());
        }
        if text.is_empty() {
            return Ok(());
        }
        let path = machine.folder.join(HOST_KEYS);
        fs::write(&path, text).with_context(|| format!("`{}`", path.display()))
    }

    fn role_medium(&self, node: &NodePlan, machine: &Machine, rendered: &Rendered) -> Result<()> {
        let base = self.medium()?;
        let order = iso::Order {
            plan: &self.at.good.plan,
            nodes: vec![(node, rendered.kickstart.as_str())],
            chooser: None,
            custom: &Custom::default(),
            lab_file: build::lab_file(self.at.lab_file)?,
            epoch: build::epoch()?,
            output: machine.cds[0].clone(),
            replace: Replace::OutOfDate,
        };
        let prepared = [order.prepare(base)?];
        let many = Many::plan(&prepared, base, &machine.folder, true)?;
        many.build(&Xorriso::locate()?, 1, |_| |_| ())?;
        Ok(())
    }

    fn system(&self, node: &NodePlan, machine: &Machine) -> Result<()> {
        let qemu = QemuImg::locate()?;
        let base = self.image(&qemu)?;
        let order = image::Order {
            node: node.name.clone(),
            format: self.format,
            size: machine.hardware.disk_mib << 20,
            output: machine.disks[0].path.with_extension(self.format.as_str()),
            force: true,
        };
        order.check_size(base)?;
        image::make(base, &order, &qemu, |_| {})?;
        Ok(())
    }

    /// The medium, proved.
    fn medium(&self) -> Result<&Base> {
        if let Some(base) = self.medium.get() {
            return Ok(base);
        }
        let at = self.at;
        let given = self.how.image.as_deref();
        let source = build::image(given, &self.how.network, &at.good.lab, at.lab_file, self.ui)?;
        let cache = self.how.network.cache().ok();
        let base = build::proved(&source, cache.as_ref(), false, self.ui)?;
        Ok(self.medium.get_or_init(|| base))
    }

    /// The cloud image, proved.
    fn image(&self, qemu: &QemuImg) -> Result<&Image> {
        if let Some(base) = self.image.get() {
            return Ok(base);
        }
        let at = self.at;
        let (given, cache) = (self.how.image.as_deref(), self.how.network.cache.as_deref());
        let source = disk::image(given, cache, &at.good.lab, at.lab_file)?;
        let base = Image::open(&source.path)?;
        disk::prove(&base, &source, self.ui)?;
        base.check(qemu)?;
        Ok(self.image.get_or_init(|| base))
    }
}

fn seed_medium(
    label: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    output: &Path,
) -> Result<()> {
    iso::seed(&Seed { label, files, output: output.to_owned(), force: true }, &Xorriso::locate()?)?;
    Ok(())
}

/// The untouched medium, by another name.
fn link(medium: &Path, to: &Path) -> Result<()> {
    let medium = medium.canonicalize()?;
    let _ = std::fs::remove_file(to);
    #[cfg(unix)]
    std::os::unix::fs::symlink(medium, to)?;
    #[cfg(not(unix))]
    std::fs::hard_link(medium, to)?;
    Ok(())
}
