//! What no file of a lab may be: its secrets. Findings quote what they find, and what is rendered may be read by others.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::disk::Files;

/// The name that the file of secrets has where nobody says otherwise.
pub(super) const FILE_NAME: &str = "secrets.yaml";

/// What is told of such a file, and of nothing in it.
const TOLD: &str = "it holds the lab's secrets";

/// Refuses what has the name of a file of secrets, or is a link to one that has it.
pub(super) fn refuse_name(path: &Path, files: &dyn Files) -> Result<(), String> {
    let has_name = |path: &Path| path.file_name().is_some_and(|name| name == FILE_NAME);
    if has_name(path) || has_name(&files.canonical(path)) { Err(TOLD.into()) } else { Ok(()) }
}

/// Refuses the file of secrets itself, by whatever path or link it was reached.
pub(super) fn refuse_file(
    path: &Path,
    metadata: &Metadata,
    secrets: Option<&PathBuf>,
) -> Result<(), String> {
    let Some(secrets) = secrets else { return Ok(()) };
    let canonical = |path: &Path| path.canonicalize().ok();
    let same_path = canonical(secrets).is_some_and(|secrets| canonical(path) == Some(secrets));
    let same_file = std::fs::metadata(secrets).is_ok_and(|other| is_same(metadata, &other));
    if same_path || same_file { Err(TOLD.into()) } else { Ok(()) }
}

/// A hard link has another path.
#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Refuses a text that plainly is, or holds, what nobody is to see: another lab's secrets, a copy of them, a private key.
pub(super) fn refuse_text(text: &str) -> Result<(), String> {
    // The second is how the body of every private key of OpenSSH begins: "openssh-key-v1" in base64.
    let has = |sign: &str| memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_some();
    if has("PRIVATE KEY-----") || has("b3BlbnNzaC1rZXktdjE") {
        return Err("it holds a private key".into());
    }
    // A long file without such names is done with soon.
    if !["PASS", "_SECRET", "_HASH", "_SALT", "SSH_HOST_KEY_"].into_iter().any(has) {
        return Ok(());
    }
    let text = text.trim_start_matches('\u{feff}');
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let said = || {
        let lines = text.split(['\n', '\r']);
        lines.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    let top = said().map(indent).min().unwrap_or(0);
    if said().any(|line| indent(line) == top && is_secret(line)) {
        return Err("it has the lines of a file of secrets".into());
    }
    Ok(())
}

/// Whether a line gives a value to a name that secrets have. In the `secrets.yaml` of stages such a name is followed by
/// what it is for, which has other signs than letters and digits, or is a word.
fn is_secret(line: &str) -> bool {
    // `{"A_PASS": "…", …}` is a mapping as well.
    line.split(['{', ',']).any(|pair| {
        let Some((name, value)) = pair.split_once(':') else { return false };
        let name = name.trim().trim_matches(['"', '\'']);
        let is_named = name.starts_with("SSH_HOST_KEY_")
            || name.starts_with("USER_PASS_")
            || ["PASS", "_SECRET", "_HASH", "_SALT"].iter().any(|end| name.ends_with(end))
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let value = value.split(" #").next().unwrap_or("").trim();
        let value = value.trim_end_matches('}').trim().trim_matches(['"', '\'']);
        let digits = value.bytes().any(|b| b.is_ascii_digit());
        is_named
            && (value.len() >= 20 || value.len() >= 8 && digits)
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=$.".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::refuse_text;

    #[test]
    fn secrets_are_known_by_their_lines() {
        for text in [
            "NOVA_PASS: \"2e6d24115d9137cc59faf0a00660075492dfa0df\"\n",
            "\u{feff}# mine\n\n  ROOT_PASS:   'ownvalue456'  # x\n",
            "A: x\r\nUSER_PASS_a-b_c: ownvalue123\r\n",
            "{\"A\": \"x\", \"GLANCE_DBPASS\": \"ownvalue123\"}",
            "ROOT_PASS_HASH: $6$abcdefgh$abcdefghijklmnop\n",
            "x: b3BlbnNzaC1rZXktdjEAAAA\n",
            "-----BEGIN RSA PRIVATE KEY-----\n",
        ] {
            assert!(refuse_text(text).is_err(), "{text}");
        }
        for text in [
            "",
            "NOVA_PASS: user nova of the Compute service\n",
            "METRICS_PASS: Prometheus, 2nd port\nA_PASS: monitoring\n",
            "nodes: {compute: {role: compute}}\n",
            "password = {{ secret('NOVA_PASS') }}\n",
            "mysql://root:NOVA_PASS@localhost\n",
            "x:\n  MY_PASS: ownvalue123\n",
        ] {
            assert!(refuse_text(text).is_ok(), "{text}");
        }
    }
}
