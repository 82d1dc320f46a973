use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::load::{Loaded, load, tell_unknown_variables};
use crate::cli::SecretsCommand;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::report::did_you_mean;
use crate::secrets::{
    self, FILE_NAME, Filled, Secrets, Source, Sources, Wanted, salt_of, variable,
};

pub(in crate::cli) fn secrets(
    lab: &Path,
    file: PathBuf,
    command: Option<&SecretsCommand>,
    ui: &Ui,
) -> Result<()> {
    // In the wrong folder this would leave secrets that belong to nothing.
    fs::metadata(lab)
        .with_context(|| format!("no lab file `{}` here: name one with `--lab`", lab.display()))?;
    let Loaded { planned, wanted, .. } = load(lab, &file, false)?;
    let sources = Sources::new(file);
    match command {
        None => make(lab, &sources, &wanted, ui)?,
        Some(SecretsCommand::List) => list(&sources, &wanted, ui)?,
        Some(SecretsCommand::Show { name }) => return show(&sources, &wanted, name, ui),
        Some(SecretsCommand::Rotate { names }) => return rotate(&sources, &wanted, names, ui),
    }
    if planned.is_some() {
        return Ok(());
    }
    let message = format!(
        "`{}` has errors (`trainyard check` tells them), so the SSH host keys of its nodes and the passwords of its `users` are left out: run this again when they are mended",
        lab.display()
    );
    bail!(Failure::new(exit::LAB, message))
}

fn make(lab: &Path, sources: &Sources, wanted: &Wanted, ui: &Ui) -> Result<()> {
    let filled = fill(lab, sources, wanted, ui)?;
    let path = sources.file.display();
    for name in &filled.unknown {
        ui.note(format!("warning: nothing asks for the secret `{name}` in `{path}`"));
    }
    let text = || {
        let environment = match filled.environment.len() {
            0 => String::new(),
            count => format!(", {count} in the environment"),
        };
        match filled.made.len() {
            0 => format!("{path}: nothing was missing ({} secrets{environment})\n", filled.kept),
            made => format!("{path}: {made} secrets made, {} kept{environment}\n", filled.kept),
        }
    };
    ui.result(text, &json!({ "schema": 1, "file": sources.file, "made": filled.made, "kept": filled.kept, "environment": filled.environment, "unknown": filled.unknown }))
}

/// Makes every secret that is missing, and keeps the file out of version control.
pub(super) fn fill(lab: &Path, sources: &Sources, wanted: &Wanted, ui: &Ui) -> Result<Filled> {
    tell_unknown_variables(sources, wanted, ui);
    let filled = secrets::fill(sources, wanted)?;
    ignore_secrets(lab.parent().unwrap_or(Path::new("")), &sources.file)?;
    Ok(filled)
}

fn list(sources: &Sources, wanted: &Wanted, ui: &Ui) -> Result<()> {
    tell_unknown_variables(sources, wanted, ui);
    let secrets = secrets::load(sources, wanted)?;
    let rows: Vec<_> =
        all_names(&secrets, wanted).map(|name| Row::new(name, &secrets, wanted)).collect();
    let text = || {
        let file = sources.file.display().to_string();
        let source = |row: &Row| match row.source {
            Some(Source::File) => file.clone(),
            Some(Source::Environment) => "environment".to_owned(),
            None => "missing".to_owned(),
        };
        let names = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let origins = rows.iter().map(|row| source(row).chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        for row in &rows {
            let purpose = row.purpose.unwrap_or("nothing asks for it");
            let _ = write!(out, "{:names$}  {:origins$}  {purpose}", row.name, source(row));
            let _ = match &row.fingerprint {
                Some(fingerprint) => writeln!(out, ": {fingerprint}"),
                None => writeln!(out),
            };
        }
        out
    };
    let data: Vec<_> = rows
        .iter()
        .map(|row| {
            let source = row.source.map(|source| match source {
                Source::File => "file",
                Source::Environment => "environment",
            });
            json!({ "name": row.name, "source": source, "purpose": row.purpose, "variable": row.purpose.map(|_| variable(row.name)), "fingerprint": row.fingerprint })
        })
        .collect();
    ui.result(text, &json!({ "schema": 1, "file": sources.file, "secrets": data }))
}

/// What is told of a secret.
struct Row<'s> {
    name: &'s str,
    /// Nothing where it is missing.
    source: Option<Source>,
    /// Nothing where it is not asked for.
    purpose: Option<&'s str>,
    /// Of a host key's public half: what ssh shows when it meets the node for the first time.
    fingerprint: Option<String>,
}

impl<'s> Row<'s> {
    fn new(name: &'s str, secrets: &Secrets, wanted: &'s Wanted) -> Self {
        Self {
            name,
            source: secrets.source(name),
            purpose: wanted.purpose(name),
            fingerprint: secrets.host_key(name).ok().map(secrets::HostKey::fingerprint),
        }
    }
}

/// The names that a lab asks for, and then what else there is.
fn all_names<'s>(
    secrets: &'s Secrets,
    wanted: &'s Wanted,
) -> impl Iterator<Item = &'s str> + Clone {
    wanted.names().chain(secrets.names().filter(|name| wanted.purpose(name).is_none()))
}

fn show(sources: &Sources, wanted: &Wanted, name: &str, ui: &Ui) -> Result<()> {
    let secrets = secrets::load(sources, wanted)?;
    if secrets.source(name).is_none() && !wanted.asks_for(name) {
        let help = did_you_mean(name, all_names(&secrets, wanted));
        bail!(Failure::new(exit::USAGE, format!("there is no secret `{name}`: {help}")));
    }
    let value = secrets.get(name)?.reveal();
    ui.result(|| format!("{value}\n"), &json!({ "schema": 1, "name": name, "value": value }))
}

fn rotate(sources: &Sources, wanted: &Wanted, names: &[String], ui: &Ui) -> Result<()> {
    tell_unknown_variables(sources, wanted, ui);
    let mut rotated: Vec<String> = Vec::new();
    for name in names {
        if !wanted.asks_for(name) {
            let help = did_you_mean(name, wanted.names());
            bail!(Failure::new(exit::USAGE, format!("nothing asks for a secret `{name}`: {help}")));
        }
        // A salt serves one password only.
        let salt = Some(salt_of(name)).filter(|salt| wanted.purpose(salt).is_some());
        for name in [Some(name.clone()), salt].into_iter().flatten() {
            if !rotated.contains(&name) {
                rotated.push(name);
            }
        }
    }
    secrets::rotate(sources, wanted, &rotated)?;
    for name in sources.in_environment(wanted).filter(|name| rotated.contains(name)) {
        ui.note(format!(
            "warning: `{}` is set, and wins over the new value in the file",
            variable(&name)
        ));
    }
    let text = || format!("{}: new values for {}\n", sources.file.display(), rotated.join(", "));
    ui.result(text, &json!({ "schema": 1, "file": sources.file, "rotated": rotated }))
}

/// Keeps secrets, and media that hold them, out of version control. Lines that are there stay.
fn ignore_secrets(folder: &Path, file: &Path) -> Result<()> {
    let path = folder.join(".gitignore");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    let beside = file.parent() == Some(folder);
    let name = file.file_name().filter(|_| beside).map_or(FILE_NAME.into(), OsStr::to_string_lossy);
    // What git would take for a pattern is taken literally after a backslash.
    let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let name: String =
        name.chars().flat_map(|c| [Some('\\').filter(|_| !plain(c)), Some(c)]).flatten().collect();
    // The second is what an interrupted run may leave.
    let wanted = [
        name.as_str(),
        ".secrets-*",
        "rendered/",
        ".trainyard/",
        "*.iso",
        "*-nocloud/",
        "*.qcow2",
        "*.vdi",
        "*.vmdk",
        "*.raw",
    ];
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
