use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use serde_json::json;

use super::load::load_good;
use crate::base_image::known::{DEFAULT, DEFAULT_CLOUD};
use crate::base_image::{Brought, Event, Facts, Fetcher, Signer, Wanted};
use crate::cli::ui::Ui;
use crate::cli::{FetchArgs, NetworkArgs, SourceArgs};
use crate::exit::{self, Failure};
use crate::medium::Medium;
use crate::model::{Image, ImageSource, Lab};

/// How often a line tells how far a download is, where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

pub(in crate::cli) fn fetch(
    lab_file: &Path,
    secrets: &Path,
    args: &FetchArgs,
    ui: &Ui,
) -> Result<()> {
    let wanted = wanted(&args.source, lab_file, secrets, ui)?;
    let image = bring(&wanted, &args.network, args.verify, ui)?;
    let Brought { path, proof, was_there } = &image;
    let text = || {
        let how = if *was_there { "was there" } else { "was brought" };
        format!(
            "{}\n  sha256 {}, {how}; proved on {} by {}\n  from {}\n",
            path.display(),
            proof.sha256,
            proof.when,
            proof.evidence,
            proof.from
        )
    };
    ui.result(text, &json!({ "schema": 1, "path": path, "was_there": was_there, "proof": proof }))
}

/// Brings an image and looks whether it is what it should be.
pub(super) fn bring(wanted: &Wanted, args: &NetworkArgs, verify: bool, ui: &Ui) -> Result<Brought> {
    let (cache, network) = (args.cache()?, args.network());
    let fetcher = Fetcher { cache: &cache, network: &network, verify };
    let mut progress = Progress::new(&wanted.file, ui);
    let image = fetcher.fetch(wanted, &mut |event| progress.tell(event))?;
    progress.finish();
    if let Some(volume_id) = &wanted.volume_id {
        let found = Medium::open(&image.path)?;
        if found.label() != volume_id {
            let message = format!(
                "`{}` has the volume id `{}`, and `{volume_id}` was expected",
                image.path.display(),
                found.label()
            );
            bail!(Failure::new(exit::VERIFICATION, message));
        }
    }
    Ok(image)
}

/// Which image is meant: the one that is named, or the lab's.
pub(super) fn wanted(
    source: &SourceArgs,
    lab_file: &Path,
    secrets: &Path,
    ui: &Ui,
) -> Result<Wanted> {
    let facts = facts(source)?;
    if let Some(url) = &source.url {
        return Ok(Wanted::url(url, facts)?);
    }
    if let Some(name) = &source.image {
        return Ok(Wanted::known(name, facts)?);
    }
    if !lab_file.exists() {
        let name = if source.cloud { DEFAULT_CLOUD } else { DEFAULT };
        return Ok(Wanted::known(name, facts)?);
    }
    let lab = load_good(lab_file, secrets, ui)?.lab;
    if source.cloud { cloud_of_lab(&lab, facts) } else { of_lab(&lab, facts) }
}

/// The image that a lab names; what else is said comes first. Where no mirror is said, those of the lab's image are asked, then those
/// of its packages, then those that are known.
pub(super) fn of_lab(lab: &Lab, said: Facts) -> Result<Wanted> {
    named(&lab.image, lab.own_mirrors(), said)
}

/// The same for its cloud image, which no mirror of packages has.
pub(super) fn cloud_of_lab(lab: &Lab, said: Facts) -> Result<Wanted> {
    named(&lab.cloud_image, Vec::new(), said)
}

fn named(image: &Image, mirrors: Vec<String>, said: Facts) -> Result<Wanted> {
    let of_lab = image.facts.clone();
    let first = if said.mirrors.is_empty() { [of_lab.first, mirrors].concat() } else { said.first };
    let facts = Facts {
        sha256: said.sha256.or(of_lab.sha256),
        size: said.size.or(of_lab.size),
        volume_id: said.volume_id.or(of_lab.volume_id),
        mirrors: said.mirrors,
        first,
        signer: said.signer.or(of_lab.signer),
    };
    match &image.source {
        ImageSource::Known(name) => Ok(Wanted::known(name, facts)?),
        ImageSource::Url(url) => Ok(Wanted::url(url, facts)?),
        ImageSource::Path(path) => {
            let message = format!(
                "the lab's image is the file `{}`: there is nothing to bring",
                path.display()
            );
            bail!(Failure::new(exit::USAGE, message))
        }
    }
}

fn facts(source: &SourceArgs) -> Result<Facts> {
    let signer = match &source.key {
        Some(path) => {
            let key = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let wrong = |why| Failure::new(exit::INPUT, format!("`{}`: {why}", path.display()));
            Some(Signer::from_file(&key).map_err(wrong)?)
        }
        None => None,
    };
    Ok(Facts {
        sha256: source.sha256,
        size: source.size,
        volume_id: source.volume_id.clone(),
        mirrors: source.mirror.clone(),
        first: Vec::new(),
        signer,
    })
}

/// Shows how far a download is.
struct Progress<'a> {
    ui: &'a Ui,
    file: &'a str,
    bar: Option<ProgressBar>,
    waiting: bool,
    /// What is done with the bytes that are told.
    doing: &'static str,
    /// When a line was told, and how many bytes were there.
    line: (Instant, u64),
}

impl<'a> Progress<'a> {
    fn new(file: &'a str, ui: &'a Ui) -> Self {
        Self { ui, file, bar: None, waiting: false, doing: "", line: (Instant::now(), 0) }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Waiting(owner, done) => {
                if !std::mem::replace(&mut self.waiting, true) {
                    self.say(format!("waiting for {owner}, which brings `{}`", self.file));
                }
                self.bytes("waiting for", done, None);
            }
            Event::Mirror { url, from } => {
                let on = if from > 0 { format!(" from byte {from} on") } else { String::new() };
                self.say(format!("bringing {url}{on}"));
                self.doing = "";
            }
            Event::Read { done, of } => self.bytes("reading", done, Some(of)),
            Event::Got { done, of } => self.bytes("bringing", done, of),
            Event::Trouble { url, what } => self.say(format!("{url} {what}")),
            Event::Mixed { found } => self.say(format!(
                "the whole has the SHA-256 {found}, so one of the mirrors sent something else; each now sends all of it"
            )),
            Event::Twin(path) => {
                self.say(format!("`{}` has the same SHA-256, and gets this name as well", path.display()));
            }
            Event::Pause(pause) => self.say(format!("waiting for {:.0} s", pause.as_secs_f64())),
            Event::Proved => self.say(format!("`{}` is proved", self.file)),
        }
    }

    fn say(&self, line: String) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.ui.note(line)),
            None => self.ui.note(line),
        }
    }

    fn bytes(&mut self, doing: &'static str, done: u64, of: Option<u64>) {
        // No rate counts bytes that were there already, or were only read.
        let begins = std::mem::replace(&mut self.doing, doing) != doing;
        if begins {
            self.line = (Instant::now(), done);
        }
        if self.ui.has_bars() {
            let bar =
                self.bar.get_or_insert_with(|| self.ui.bytes(self.file, of.unwrap_or_default()));
            bar.set_length(of.unwrap_or(done));
            bar.set_position(done);
            bar.set_message(format!("{doing} {}", self.file));
            if begins {
                bar.reset_eta();
            }
            return;
        }
        let (told, before) = self.line;
        let time = told.elapsed();
        if time < LINE {
            return;
        }
        // The time is a line's at least, so no fraction of it counts.
        let rate = done.saturating_sub(before) / time.as_secs().max(1);
        let of_all = of.map_or_else(String::new, |of| {
            let left = of.saturating_sub(done).checked_div(rate);
            let left = left.map_or_else(|| "?".to_owned(), |left| left.to_string());
            format!(" of {} MiB, {left} s left", of >> 20)
        });
        self.ui.note(format!(
            "{doing} {}: {}{of_all}, {} KiB/s",
            self.file,
            done >> 20,
            rate >> 10
        ));
        self.line = (Instant::now(), done);
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
