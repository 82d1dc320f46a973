use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::load::load_text;
use super::secrets::fill;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::model;
use crate::secrets::Sources;

/// The reference lab, as a file to begin with.
const LAB: &str = include_str!("../../../examples/reference.yaml");

/// The line of it that takes the person's key.
const NO_KEYS: &str = "  ssh_authorized_keys: []\n";

pub(in crate::cli) fn init(path: &Path, secrets_file: &Path, ui: &Ui) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let message =
            format!("`{}` is there already: change it, or name another folder", path.display());
        bail!(Failure::new(exit::REFUSED, message));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder).with_context(|| format!("making the folder `{}`", folder.display()))?;
    let key = public_key();
    let text = match &key {
        Some((_, key)) => {
            LAB.replace(NO_KEYS, &format!("  ssh_authorized_keys:\n    - {}\n", quoted(key)))
        }
        None => LAB.to_owned(),
    };
    let loaded = load_text(path, secrets_file, &text)?;
    loaded.planned.as_ref().context("the reference lab has errors")?;
    // The lab file comes last: while it is not there, `init` can be run again.
    let sources = Sources::new(secrets_file.to_owned());
    let filled = fill(path, &sources, &loaded.wanted, ui)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("writing `{}`", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing `{}`", path.display()))?;
    let text = || {
        let key = key.as_ref().map_or_else(
            || "no public key in ~/.ssh: root logs in with ROOT_PASS".to_owned(),
            |(file, _)| format!("logs in with {}", file.display()),
        );
        format!(
            "wrote {} (the reference lab; {key}) and {} ({} secrets)\nnext: trainyard --lab {} plan\n",
            path.display(),
            secrets_file.display(),
            filled.made.len() + filled.kept,
            path.display(),
        )
    };
    ui.result(text, &json!({ "schema": 1, "lab": path, "secrets": secrets_file, "key": key.as_ref().map(|k| &k.0) }))
}

/// Others must not be able to put another file in the place of the secrets, even where the umask says that
/// a group may write.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.recursive(true).create(folder)
}

/// The person's own public key, if there is one where it usually lies.
fn public_key() -> Option<(PathBuf, String)> {
    let folder = PathBuf::from(std::env::var_os("HOME")?).join(".ssh");
    ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"].iter().find_map(|name| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        let key = text.lines().find_map(|line| model::public_key(line).ok())?;
        Some((folder.join(name), key))
    })
}

/// A YAML string in double quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
