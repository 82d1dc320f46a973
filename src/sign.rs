//! Signatures of files, by OpenSSH's own program: what goes into a file `FILE.sig` beside each, and `ssh-keygen -Y verify` looks at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::tool::{Tool, ToolError, Wanted};

/// What signatures are for: none that the key has made for something else is taken for one of these, or the other way round.
pub const NAMESPACE: &str = "trainyard";
/// The end of a signature's name, after the name of its file.
pub const ENDING: &str = ".sig";

const SSH_KEYGEN: Wanted = Wanted {
    name: "ssh-keygen",
    purpose: "to sign files (`--sign`)",
    hint: "Debian: the package `openssh-client`; Fedora: `openssh`",
};
/// How many files one run is given: it reads the key once, and their names fit a command line.
const AT_ONCE: usize = 500;
/// How long one run may take: an agent may ask a person.
const LIMIT: Duration = Duration::from_secs(600);
/// How a signature begins (OpenSSH, PROTOCOL.sshsig).
const BEGINS: &str = "-----BEGIN SSH SIGNATURE-----\n";

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's file cannot be used.
    #[error("the key `{}`: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The program is missing, or failed.
    #[error("{source}{advice}")]
    Tool {
        /// What became of it.
        source: ToolError,
        /// What to do, where that is known.
        advice: String,
    },
    /// A file cannot be handed to the program, or its signature cannot be read.
    #[error("signing: {0}")]
    Io(io::Error),
}

/// What signs.
#[derive(Debug)]
pub struct Signer {
    ssh_keygen: Tool,
    key: PathBuf,
}

impl Signer {
    /// Signs with this key: an OpenSSH private key, or the public half of one that an agent has. That it can is tried at once.
    ///
    /// # Errors
    /// It cannot.
    pub fn with(key: &Path) -> Result<Self, SignError> {
        let told = |source| SignError::Key { path: key.into(), source };
        if !fs::metadata(key).map_err(told)?.is_file() {
            return Err(told(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let missing = |source| SignError::Tool { source, advice: String::new() };
        let ssh_keygen = Tool::locate(SSH_KEYGEN).map_err(missing)?;
        let signer = Self { ssh_keygen, key: key.to_owned() };
        let nothing = tempfile::NamedTempFile::new().map_err(SignError::Io)?;
        signer.sign(&[nothing.path()])?;
        Ok(signer)
    }

    /// The signatures of these files, in their order. Nothing is left beside them.
    ///
    /// # Errors
    /// One of them cannot be signed.
    pub fn sign(&self, files: &[&Path]) -> Result<Vec<String>, SignError> {
        let mut signatures = Vec::new();
        for files in files.chunks(AT_ONCE) {
            // Others look neither at the signatures nor, through the links, at the files.
            let folder = tempfile::Builder::new().prefix("trainyard-sign-").tempdir();
            let folder = folder.map_err(SignError::Io)?;
            let names: Vec<PathBuf> =
                (0..files.len()).map(|n| folder.path().join(n.to_string())).collect();
            for (file, name) in files.iter().zip(&names) {
                link(file, name).map_err(SignError::Io)?;
            }
            self.run(&names)?;
            for name in &names {
                let text = fs::read_to_string(format!("{}{ENDING}", name.display()));
                let text = text.map_err(SignError::Io)?;
                if !text.starts_with(BEGINS) {
                    let why = "`ssh-keygen` wrote no signature";
                    return Err(SignError::Io(io::Error::new(io::ErrorKind::InvalidData, why)));
                }
                signatures.push(text);
            }
        }
        Ok(signatures)
    }

    fn run(&self, files: &[PathBuf]) -> Result<(), SignError> {
        // With a passphrase to try, which is empty, it asks nobody for one. What an agent has needs none.
        let words = ["-Y", "sign", "-P", "", "-n", NAMESPACE, "-f"].map(AsRef::as_ref);
        let words = words.into_iter().chain([self.key.as_os_str()]);
        let words = words.chain(files.iter().map(|file| file.as_os_str()));
        let ended = self.ssh_keygen.run(words).limit(LIMIT).finish();
        ended.map(drop).map_err(|source| {
            let advice = self.advice(&source);
            SignError::Tool { source, advice }
        })
    }

    /// What to do about what the program said.
    fn advice(&self, error: &ToolError) -> String {
        let ToolError::Failed { tail, .. } = error else { return String::new() };
        let key = crate::template::quote::shell(&self.key.to_string_lossy());
        if tail.contains("incorrect passphrase") {
            format!(
                "\nno agent has this key, and nobody is asked for its passphrase: `ssh-add {key}` asks for it once, and gives the key to the agent (`SSH_AUTH_SOCK`)"
            )
        } else if tail.contains("UNPROTECTED PRIVATE KEY") {
            format!("\n`chmod go= {key}` makes it yours alone")
        } else if tail.contains("ssh-keygen -Q") {
            // The end of its usage, which one says that knows no `-Y sign`.
            "\nsigning needs OpenSSH 8.1 or newer".to_owned()
        } else {
            String::new()
        }
    }
}

/// Another name of a file, beside which its signature goes.
#[cfg(unix)]
fn link(file: &Path, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(file)?, name)
}

#[cfg(not(unix))]
fn link(file: &Path, name: &Path) -> io::Result<()> {
    fs::copy(file, name).map(drop)
}
