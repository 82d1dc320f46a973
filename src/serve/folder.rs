//! The folder of a lab's server: its database, the files of the nodes that are armed, the token of its administrator,
//! and where it listens. Nobody else may read it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::Sha256;

use crate::digest::Digest;
use crate::render::Rendered;
use crate::state::Token;

/// Which of a node's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For the installer.
    Kickstart,
    /// For cloud-init.
    UserData,
    /// For cloud-init as well.
    MetaData,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Kickstart, Self::UserData, Self::MetaData];

    fn name(self) -> &'static str {
        match self {
            Self::Kickstart => "ks.cfg",
            Self::UserData => "user-data",
            Self::MetaData => "meta-data",
        }
    }

    fn of(self, rendered: &Rendered) -> &str {
        match self {
            Self::Kickstart => &rendered.kickstart,
            Self::UserData => &rendered.user_data,
            Self::MetaData => &rendered.meta_data,
        }
    }
}

/// Such a folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// It cannot be made, or others may read it.
    pub fn open(path: &Path) -> io::Result<Self> {
        private_folder(path)?;
        private_folder(&path.join("files"))?;
        Ok(Self(path.to_owned()))
    }

    /// One that a server made, for who asks it.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where states are kept.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("state.sqlite")
    }

    /// What administrators show, made where there is none.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn admin_token(&self) -> io::Result<Token> {
        let path = self.admin_path();
        if let Ok(text) = fs::read_to_string(&path)
            && let Some(token) = Token::parse(text.trim())
        {
            return Ok(token);
        }
        let token = Token::random()?;
        write(&path, format!("{}\n", token.reveal()).as_bytes())?;
        Ok(token)
    }

    /// Where it is.
    #[must_use]
    pub fn admin_path(&self) -> PathBuf {
        self.0.join("admin-token")
    }

    /// Says where the server listens.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_address(&self, url: &str) -> io::Result<()> {
        write(&self.0.join("server"), format!("{url}\n").as_bytes())
    }

    /// Where the server listens, or did last.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join("server")).ok()?;
        Some(text.trim().to_owned())
    }

    /// The digest of a file that was read before, and has the same size and time since.
    #[must_use]
    pub fn known_digest(&self, file: &Path) -> Option<Digest> {
        let text = fs::read_to_string(self.0.join("medium")).ok()?;
        let (digest, known) = text.trim_end().split_once(' ')?;
        (known == identity(file)?).then(|| digest.parse().ok()).flatten()
    }

    /// Keeps it. Where that fails, it is read again next time.
    pub fn know_digest(&self, file: &Path, digest: Digest) {
        if let Some(identity) = identity(file) {
            let _ = write(&self.0.join("medium"), format!("{digest} {identity}\n").as_bytes());
        }
    }

    /// Keeps a node's files under what opens them.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(&self, token: &Token, rendered: &Rendered) -> io::Result<()> {
        let folder = self.files(token);
        private_folder(&folder)?;
        Kind::ALL.iter().try_for_each(|kind| fs::write(folder.join(kind.name()), kind.of(rendered)))
    }

    /// One of the files that this token opens.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn get(&self, token: &Token, kind: Kind) -> io::Result<Vec<u8>> {
        fs::read(self.files(token).join(kind.name()))
    }

    /// Removes the files of every token but these.
    pub fn keep_only<'t>(&self, tokens: impl Iterator<Item = &'t Token>) {
        let kept: Vec<_> = tokens.map(|token| self.files(token)).collect();
        let all = fs::read_dir(self.0.join("files")).into_iter().flatten().flatten();
        for entry in all.filter(|entry| !kept.contains(&entry.path())) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// A list of the folder tells no token.
    fn files(&self, token: &Token) -> PathBuf {
        let digest = <Sha256 as sha2::Digest>::digest(token.reveal());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.0.join("files").join(name)
    }
}

/// What a file is known by without reading it.
fn identity(file: &Path) -> Option<String> {
    let there = file.metadata().ok()?;
    let written = there.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let path = file.canonicalize().ok()?;
    Some(format!("{} {} {}", there.len(), written.as_nanos(), path.display()))
}

/// A file that nobody else may read, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            let why = format!(
                "others may read `{}`, where secrets will be: `chmod go= {}`",
                path.display(),
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Ok(())
}
