use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::cli::ui::Ui;
use crate::plan::{ROOT_PASSWORD, USER_PASSWORD};
use crate::secrets::{self, FILE_NAME, Filled, salt_of};
use crate::stack::Catalogue;

pub(in crate::cli) fn secrets(lab: &Path, ui: &Ui) -> Result<()> {
    // In the wrong folder this would leave secrets that belong to nothing.
    fs::metadata(lab)
        .with_context(|| format!("no lab file `{}` here: name one with `--lab`", lab.display()))?;
    let path = secrets::path_beside(lab);
    let filled = fill(lab)?;
    for name in &filled.unknown {
        ui.note(format!("warning: nothing asks for the secret `{name}` in `{}`", path.display()));
    }
    let text = || match filled.made.len() {
        0 => format!("{}: nothing was missing ({} secrets)\n", path.display(), filled.kept),
        made => format!("{}: {made} secrets made, {} kept\n", path.display(), filled.kept),
    };
    ui.result(text, &json!({ "schema": 1, "file": path, "made": filled.made, "kept": filled.kept, "unknown": filled.unknown }))
}

/// Makes every secret that any lab may need, so that a change of the lab file needs no new ones.
pub(super) fn fill(lab: &Path) -> Result<Filled> {
    let mut wanted: Vec<(String, String)> = Catalogue::built_in()?.secrets.into_iter().collect();
    for login in [ROOT_PASSWORD, USER_PASSWORD] {
        wanted.push((
            salt_of(login),
            format!("the salt of {login}'s hash; a new one changes what is rendered"),
        ));
    }
    let filled = secrets::fill(&secrets::path_beside(lab), &wanted)?;
    ignore_secrets(lab.parent().unwrap_or(Path::new("")))?;
    Ok(filled)
}

/// Keeps secrets, and media that hold them, out of version control. Lines that are there stay.
fn ignore_secrets(folder: &Path) -> Result<()> {
    let path = folder.join(".gitignore");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    let wanted = [FILE_NAME, "*.iso", "rendered/"];
    let missing: Vec<_> =
        wanted.into_iter().filter(|w| !text.lines().any(|line| line.trim() == *w)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in missing {
        text.push_str(line);
        text.push('\n');
    }
    fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))
}
