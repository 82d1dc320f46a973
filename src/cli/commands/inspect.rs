use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::cli::InspectArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::iso::{self, Change, Difference, Inspection};
use crate::medium::{Entry, Medium};

/// Bytes that are written between two looks at whether to stop.
const PIECE: u64 = 1 << 20;

pub(in crate::cli) fn inspect(args: &InspectArgs, ui: &Ui) -> Result<()> {
    match (&args.diff, &args.extract) {
        (Some(base), _) => diff(base, &args.iso, ui),
        (_, Some(file)) => extract(&args.iso, file),
        _ => show(&args.iso, ui),
    }
}

/// Gives the base back.
pub(in crate::cli) fn reset(iso: &Path, output: &Path, force: bool, ui: &Ui) -> Result<()> {
    let size = std::fs::metadata(iso).map_or(0, |m| m.len());
    let bar = ui.bytes(&format!("taking the medium out of {}", iso.display()), size);
    let reset = iso::reset(iso, output, force, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    let text = || format!("{}  sha256 {}\n", reset.path.display(), reset.sha256);
    ui.result(
        text,
        &json!({ "schema": 1, "path": reset.path, "size": reset.size, "sha256": reset.sha256 }),
    )
}

fn diff(base: &Path, iso: &Path, ui: &Ui) -> Result<()> {
    let size = std::fs::metadata(base).map_or(0, |m| m.len());
    let bar = ui.bytes(&format!("comparing with {}", base.display()), size);
    let found = iso::diff(base, iso, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    let row = |d: &Difference| {
        let (sign, what) = match (d.change, d.before, d.after) {
            (Change::Added, _, Some(size)) => ('+', format!("  {size} bytes")),
            (Change::Added, ..) => ('+', String::new()),
            (Change::Removed, ..) => ('-', String::new()),
            (Change::Changed, Some(before), Some(after)) => {
                ('~', format!("  {before} bytes, now {after}"))
            }
            (Change::Changed, ..) => ('~', "  another kind of thing".to_owned()),
        };
        format!("{sign} {}{what}\n", d.path)
    };
    let text = || found.iter().map(row).collect();
    ui.result(text, &json!({ "schema": 1, "base": base, "differences": found }))
}

/// Writes a file of a medium as it is.
fn extract(iso: &Path, file: &str) -> Result<()> {
    let medium = Medium::open(iso)?;
    let found = medium.entry(file)?.filter(Entry::is_file);
    let Some(entry) = found else {
        let message = format!("`{}` has no file `{file}`", iso.display());
        bail!(Failure::new(exit::INPUT, message));
    };
    let (mut from, mut out) = (medium.reader(&entry)?, std::io::stdout().lock());
    loop {
        interrupt::check()?;
        let copied = std::io::copy(&mut from.by_ref().take(PIECE), &mut out);
        match copied.and_then(|count| out.flush().map(|()| count)) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("`{file}` of `{}`", iso.display()));
            }
        }
    }
}

fn show(path: &Path, ui: &Ui) -> Result<()> {
    let inspection = iso::inspect(path)?;
    ui.result(|| text(&inspection), &inspection)?;
    if inspection.findings.is_empty() {
        return Ok(());
    }
    let message = format!("`{}` is not sound: {}", path.display(), inspection.findings.join("; "));
    Err(Failure::new(exit::VERIFICATION, message).into())
}

fn text(i: &Inspection) -> String {
    let mut out = format!("{}: {} bytes, label `{}`\n", i.path.display(), i.size, i.label);
    match i.label.as_str() {
        "cidata" | "CIDATA" => return out + "a seed: cloud-init finds it by this label\n",
        iso::SEED_LABEL => {
            out.push_str("a seed: the installer finds /ks.cfg by this label\n");
            if i.el_torito.is_empty() {
                return out;
            }
            out.push_str(
                "it boots, and installs from another medium, which is in a drive beside it\n",
            );
        }
        _ => {}
    }
    match &i.built {
        Some(mark) => {
            let nodes: Vec<_> =
                mark.nodes.iter().map(|n| format!("{} ({})", n.name, n.role)).collect();
            let _ = writeln!(
                out,
                "built by trainyard {} for {} of the lab {}, {}\n  from `{}`, sha256 {}",
                mark.trainyard,
                nodes.join(", "),
                mark.lab,
                mark.made,
                mark.base.volume_id,
                mark.base.sha256
            );
        }
        None => out.push_str("not built by trainyard\n"),
    }
    match &i.kickstart {
        Some(k) => {
            let digest = k
                .sha256
                .as_deref()
                .map_or("missing on the medium".to_owned(), |d| format!("sha256 {d}"));
            let _ = writeln!(out, "kickstart {}: {digest}", k.path);
        }
        None => out.push_str("no kickstart: its menus wait for a person\n"),
    }
    out.push_str("\nboot records (CD)\n");
    for record in &i.el_torito {
        let _ = writeln!(
            out,
            "  {:5} {}",
            record.platform,
            record.image.as_deref().unwrap_or("(no file)")
        );
    }
    let yes = |value| if value { "yes" } else { "no" };
    let _ = writeln!(
        out,
        "boot records (disk)\n  isohybrid {}, GPT {}",
        yes(i.partitions.isohybrid),
        yes(i.partitions.gpt)
    );
    for p in &i.partitions.mbr {
        let active = if p.active { ", active" } else { "" };
        let _ = writeln!(
            out,
            "  partition type {:#04x}{active}: {} sectors from {}",
            p.kind, p.sectors, p.start
        );
    }
    for menu in &i.menus {
        let timeout = menu
            .timeout_seconds
            .map_or("waits for a person".to_owned(), |s| format!("starts after {s}s"));
        let _ = writeln!(out, "\n{} ({timeout})", menu.file);
        for entry in &menu.entries {
            let indent = "  ".repeat(entry.submenus.len());
            let _ = writeln!(
                out,
                "  {indent}{} {}",
                if entry.default { "*" } else { " " },
                entry.title
            );
            if !entry.arguments.is_empty() {
                let _ = writeln!(out, "      {}", entry.arguments.join(" "));
            }
        }
    }
    out
}
