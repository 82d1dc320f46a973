use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempPath;

use super::load::{chosen, load_good, load_secrets};
use crate::cli::RenderArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::render::Renderer;
use crate::sign::{self, Signer};

pub(in crate::cli) fn render(
    lab: &Path,
    secrets_file: &Path,
    args: &RenderArgs,
    ui: &Ui,
) -> Result<()> {
    let signer = args.sign.as_deref().map(Signer::with).transpose()?;
    let good = load_good(lab, secrets_file, ui)?;
    let nodes = chosen(&good.plan, &args.nodes)?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    let mut renderer = Renderer::new(&good.plan, &secrets);
    for node in nodes {
        let of_node = renderer.render(node).map_err(|error| good.told(error, ui))?;
        for (name, text) in of_node.files() {
            texts.push((args.output.join(&node.name).join(name), text.to_owned()));
        }
    }
    let files: Vec<(PathBuf, &[u8])> =
        texts.iter().map(|(path, text)| (path.clone(), text.as_bytes())).collect();
    let paths = write_signed(&files, args.force, signer.as_ref())?;
    let text = || paths.iter().map(|path| format!("{}\n", path.display())).collect();
    ui.result(text, &json!({ "schema": 1, "written": paths }))
}

/// Writes files, each with its signature where they are signed. No signature is left that would not fit.
fn write_signed(
    files: &[(PathBuf, &[u8])],
    force: bool,
    signer: Option<&Signer>,
) -> Result<Vec<PathBuf>> {
    refuse_existing(files.iter().map(|(path, _)| path), force, "replaces it")?;
    let signatures: Vec<PathBuf> = files.iter().map(|(path, _)| signature_of(path)).collect();
    let does = if signer.is_some() { "replaces it" } else { "removes it, for it would not fit" };
    refuse_existing(&signatures, force, does)?;
    let mut written = stage(files)?;
    let Some(signer) = signer else {
        let paths = keep(written)?;
        for path in signatures {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing `{}`", path.display()));
                }
                _ => {}
            }
        }
        return Ok(paths);
    };
    let staged: Vec<&Path> = written.iter().map(|(file, _)| &**file).collect();
    let texts = signer.sign(&staged)?;
    let texts = texts.iter().map(String::as_bytes);
    let signatures: Vec<(PathBuf, &[u8])> = signatures.into_iter().zip(texts).collect();
    written.extend(stage(&signatures)?);
    keep(written)
}

fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(sign::ENDING);
    name.into()
}

/// Writes files that only their owner can read: all of them, or none.
pub(super) fn write_files(files: &[(PathBuf, &[u8])], force: bool) -> Result<Vec<PathBuf>> {
    refuse_existing(files.iter().map(|(path, _)| path), force, "replaces it")?;
    keep(stage(files)?)
}

fn refuse_existing<'p>(
    paths: impl IntoIterator<Item = &'p PathBuf>,
    force: bool,
    does: &str,
) -> Result<()> {
    let there = |path: &&PathBuf| !force && path.symlink_metadata().is_ok();
    match paths.into_iter().find(there) {
        Some(path) => {
            let message = format!("`{}` is there already: `--force` {does}", path.display());
            bail!(Failure::new(exit::REFUSED, message))
        }
        None => Ok(()),
    }
}

/// Files that are written, and not yet where they go.
type Staged = Vec<(TempPath, PathBuf)>;

fn stage(files: &[(PathBuf, &[u8])]) -> Result<Staged> {
    let one = |(path, content): &(PathBuf, &[u8])| {
        let file = write(path, content).with_context(|| format!("writing `{}`", path.display()))?;
        Ok((file, path.clone()))
    };
    files.iter().map(one).collect()
}

fn keep(staged: Staged) -> Result<Vec<PathBuf>> {
    let one = |(file, path): (TempPath, PathBuf)| {
        file.persist(&path)
            .map_err(|e| e.error)
            .with_context(|| format!("writing `{}`", path.display()))?;
        Ok(path)
    };
    staged.into_iter().map(one).collect()
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
