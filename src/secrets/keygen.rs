//! Makes SSH host keys, with OpenSSH's own program.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::{HostKey, HostKeyType};
use crate::tool::{Tool, ToolError, Wanted};

/// The program.
pub(crate) const SSH_KEYGEN: Wanted = Wanted {
    name: "ssh-keygen",
    purpose: "to make the nodes' SSH host keys",
    hint: "Debian: the package `openssh-client`; Fedora: `openssh`",
};

/// Finds the program.
pub(super) fn locate() -> Result<Tool, ToolError> {
    Tool::locate(SSH_KEYGEN)
}

/// A new key's body. The program writes it to a folder beside the secrets, where nobody else looks.
pub(super) fn make(ssh_keygen: &Tool, kind: HostKeyType, beside: &Path) -> Result<String> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let folder = builder
        .prefix(".secrets-")
        .tempdir_in(beside)
        .with_context(|| format!("making a folder in `{}`", beside.display()))?;
    let file = folder.path().join("key");
    let bits: &[&str] = match kind {
        HostKeyType::Rsa => &["-b", "3072"],
        HostKeyType::Ecdsa => &["-b", "256"],
        HostKeyType::Ed25519 => &[],
    };
    // Before OpenSSH 7.8 the form that is wanted was not the usual one; `-o` does nothing since.
    let fixed = ["-q", "-o", "-N", "", "-C", "", "-t", kind.as_str()];
    let words = fixed.iter().chain(bits).chain(&["-f"]).map(AsRef::as_ref);
    ssh_keygen.run(words.chain([file.as_os_str()])).limit(Duration::from_secs(120)).finish()?;
    let text =
        fs::read_to_string(&file).with_context(|| format!("reading `{}`", file.display()))?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    HostKey::read(kind, &body).map_err(|what| {
        anyhow!("`ssh-keygen` wrote {what}: install one of OpenSSH 6.5 or newer")
    })?;
    Ok(body)
}
