use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::iso::{self, Inspection};

pub(in crate::cli) fn inspect(path: &Path, ui: &Ui) -> Result<()> {
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
    // Nothing boots from these.
    match i.label.as_str() {
        "cidata" | "CIDATA" => return out + "a seed: cloud-init finds it by this label\n",
        "OEMDRV" => return out + "a seed: the installer finds /ks.cfg by this label\n",
        _ => {}
    }
    match &i.built {
        Some(mark) => {
            let _ = writeln!(
                out,
                "built by trainyard {} for {} ({}) of the lab {}\n  from `{}`, sha256 {}",
                mark.trainyard, mark.node, mark.role, mark.lab, mark.base_label, mark.base_sha256
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
