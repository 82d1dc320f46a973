use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempPath;

use super::load::{chosen, load_good, load_secrets};
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::render::Renderer;

pub(in crate::cli) fn render(
    lab: &Path,
    secrets_file: &Path,
    names: &[String],
    output: &Path,
    force: bool,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab, secrets_file, ui)?;
    let nodes = chosen(&good.plan, names)?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    let mut renderer = Renderer::new(&good.plan, &secrets);
    for node in nodes {
        let of_node = renderer.render(node).map_err(|error| good.told(error, ui))?;
        for (name, text) in of_node.files() {
            texts.push((output.join(&node.name).join(name), text.to_owned()));
        }
    }
    let files: Vec<(PathBuf, &[u8])> =
        texts.iter().map(|(path, text)| (path.clone(), text.as_bytes())).collect();
    let paths = write_files(&files, force)?;
    let text = || paths.iter().map(|path| format!("{}\n", path.display())).collect();
    ui.result(text, &json!({ "schema": 1, "written": paths }))
}

/// Writes files that only their owner can read: all of them, or none.
pub(super) fn write_files(files: &[(PathBuf, &[u8])], force: bool) -> Result<Vec<PathBuf>> {
    if let Some((path, _)) =
        files.iter().find(|(path, _)| !force && path.symlink_metadata().is_ok())
    {
        let message = format!("`{}` is there already: `--force` replaces it", path.display());
        bail!(Failure::new(exit::REFUSED, message));
    }
    let mut written = Vec::new();
    for (path, content) in files {
        written
            .push(write(path, content).with_context(|| format!("writing `{}`", path.display()))?);
    }
    for (file, (path, _)) in written.into_iter().zip(files) {
        file.persist(path)
            .map_err(|e| e.error)
            .with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(files.iter().map(|(path, _)| path.clone()).collect())
}

/// Writes a file that only its owner can read beside the place where it goes. It is closed: a lab has more files than may be open.
fn write(path: &Path, content: &[u8]) -> std::io::Result<TempPath> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".trainyard-").tempfile_in(folder)?;
    file.write_all(content)?;
    Ok(file.into_temp_path())
}
