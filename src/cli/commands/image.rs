use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::fetch::wanted;
use crate::base_image::known::KNOWN;
use crate::base_image::{Brought, Cache, FetchError, Proof};
use crate::cli::ImageCommand;
use crate::cli::images::cache;
use crate::cli::ui::Ui;
use crate::digest::Digest;
use crate::exit::{self, Failure};

pub(in crate::cli) fn image(
    lab_file: &Path,
    secrets: &Path,
    command: &ImageCommand,
    ui: &Ui,
) -> Result<()> {
    match command {
        ImageCommand::List { cache: folder } => list(&cache(folder.as_deref())?, ui),
        ImageCommand::Verify { file, sha256 } => verify(file, *sha256, ui),
        ImageCommand::Path { source, cache: folder } => {
            let wanted = wanted(source, lab_file, secrets, ui)?;
            path(&wanted, &cache(folder.as_deref())?, ui)
        }
        ImageCommand::Prune { all, cache: folder } => prune(&cache(folder.as_deref())?, *all, ui),
    }
}

fn list(cache: &Cache, ui: &Ui) -> Result<()> {
    let entries = cache.entries()?;
    let known = KNOWN.images.iter().map(|(name, image)| {
        let place = image.sha256.map(|sha256| cache.place(sha256, image.file()));
        let there = place.is_some_and(|place| Proof::of(&place).is_some());
        (name, image, there)
    });
    let known: Vec<_> = known.collect();
    let text = || {
        let mut out = String::new();
        for (name, image, there) in &known {
            let there = if *there { "in the cache" } else { "" };
            let _ = writeln!(out, "{name:28} {there:13} {}", image.summary);
        }
        let _ = writeln!(out, "\nthe cache, {}", cache.folder().display());
        for entry in &entries {
            let how = entry.proof.as_ref().map_or_else(
                || {
                    if entry.is_part { "not finished" } else { "touched since it was proved" }
                        .to_owned()
                },
                |proof| format!("proved by {}", proof.evidence),
            );
            let _ = writeln!(out, "  {}  {} MiB, {how}", entry.path.display(), entry.size >> 20);
        }
        if entries.is_empty() {
            out += "  (nothing)\n";
        }
        out
    };
    let cached =
        entries.iter().map(|e| json!({ "path": e.path, "size": e.size, "proof": e.proof }));
    let names = known.iter().map(|(name, image, there)| {
        json!({ "name": name, "file": image.file(), "size": image.size, "sha256": image.sha256,
            "volume_id": image.volume_id, "summary": image.summary, "cached": there })
    });
    let names: Vec<_> = names.collect();
    ui.result(text, &json!({ "schema": 1, "known": names, "cache": cached.collect::<Vec<_>>() }))
}

fn verify(file: &Path, wanted: Option<Digest>, ui: &Ui) -> Result<()> {
    let size = std::fs::metadata(file).map_or(0, |m| m.len());
    let bar = ui.bytes(&format!("reading {}", file.display()), size);
    let found = Digest::of_file(file, |done| bar.set_position(done))
        .with_context(|| format!("reading `{}`", file.display()))?;
    bar.finish_and_clear();
    if let Some(wanted) = wanted
        && found != wanted
    {
        bail!(FetchError::Wrong { path: file.to_owned(), found, wanted });
    }
    let name = KNOWN.images.iter().find(|(_, image)| image.sha256 == Some(found));
    let name = name.map(|(name, _)| name.as_str());
    if name.is_none() && wanted.is_none() {
        let message = format!(
            "`{}` is no image that trainyard knows: its SHA-256 is {found}; say with `--sha256` what it must be",
            file.display()
        );
        bail!(Failure::new(exit::VERIFICATION, message));
    }
    let what = name.unwrap_or("what was given");
    let text = || format!("{}: {found}, which is {what}\n", file.display());
    ui.result(text, &json!({ "schema": 1, "path": file, "sha256": found, "name": name }))
}

fn path(wanted: &crate::base_image::Wanted, cache: &Cache, ui: &Ui) -> Result<()> {
    let Some(Brought { path, .. }) = cache.find(wanted)? else {
        let message = format!("`{}` is not in the cache: `trainyard fetch` brings it", wanted.file);
        bail!(Failure::new(exit::INPUT, message))
    };
    ui.result(|| format!("{}\n", path.display()), &json!({ "schema": 1, "path": path }))
}

fn prune(cache: &Cache, all: bool, ui: &Ui) -> Result<()> {
    let (mut removed, mut bytes) = (Vec::new(), 0);
    for entry in cache.entries()? {
        if all || entry.is_part {
            match cache.delete(&entry)? {
                Ok(freed) => {
                    bytes += freed;
                    removed.push(entry.path);
                }
                Err(owner) => ui.note(format!("{} stays: {owner} brings it", entry.path.display())),
            }
        }
    }
    removed.extend(cache.sweep()?);
    let text = || {
        let lines = removed.iter().map(|path| format!("removed {}\n", path.display()));
        lines.collect::<String>() + &format!("{} MiB are free again\n", bytes >> 20)
    };
    ui.result(text, &json!({ "schema": 1, "removed": removed, "bytes": bytes }))
}
