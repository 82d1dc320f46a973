//! The folder of a lab's server: its database, the files of the nodes that are armed, what nodes have installed, the token of its
//! administrator, and where it listens. Nobody else may read it.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::Sha256;

use crate::digest::Digest;
use crate::sign::{SignError, Signer};
use crate::state::Token;

/// Such a folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// It cannot be made or written, or others may read it.
    pub fn open(path: &Path) -> io::Result<Self> {
        private_folder(path)?;
        private_folder(&path.join("files"))?;
        private_folder(&path.join("logs"))?;
        private_folder(&path.join("packages"))?;
        // Told now, and not when the first node is armed.
        let probe = path.join("probe");
        fs::write(&probe, b"")?;
        fs::remove_file(probe)?;
        Ok(Self(path.to_owned()))
    }

    /// One that a server made, for who asks it.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where states are kept.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("state.sqlite")
    }

    /// What administrators show.
    #[must_use]
    pub fn admin_token(&self) -> Option<Token> {
        Token::parse(fs::read_to_string(self.admin_path()).ok()?.trim())
    }

    /// The same, made where there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_admin_token(&self) -> io::Result<Token> {
        if let Some(token) = self.admin_token() {
            return Ok(token);
        }
        let token = Token::random()?;
        write(&self.admin_path(), format!("{}\n", token.reveal()).as_bytes())?;
        Ok(token)
    }

    /// Where it is.
    #[must_use]
    pub fn admin_path(&self) -> PathBuf {
        self.0.join("admin-token")
    }

    /// Says where the server listens, and with which certificate (in PEM).
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_address(&self, url: &str, certificate: Option<&str>) -> io::Result<()> {
        if let Some(pem) = certificate {
            write(&self.certificate(), pem.as_bytes())?;
        }
        write(&self.address_path(), format!("{url}\n").as_bytes())
    }

    /// Where the certificate is that the server shows, or did last.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    /// Where the certificate is that was made for this lab's server, with what proves it.
    #[must_use]
    pub fn tls_certificate(&self) -> PathBuf {
        self.0.join("tls.pem")
    }

    /// Where its key is.
    #[must_use]
    pub fn tls_key(&self) -> PathBuf {
        self.0.join("tls.key")
    }

    /// Where the server listens, or did last.
    ///
    /// # Errors
    /// None has, or this user may not know.
    pub fn address(&self) -> io::Result<String> {
        Ok(fs::read_to_string(self.address_path())?.trim().to_owned())
    }

    /// Where it says so.
    #[must_use]
    pub fn address_path(&self) -> PathBuf {
        self.0.join("server")
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

    /// The last event that the person's own program was called on.
    #[must_use]
    pub fn last_told(&self) -> Option<u64> {
        fs::read_to_string(self.0.join("told")).ok()?.trim().parse().ok()
    }

    /// Notes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note_told(&self, event: u64) -> io::Result<()> {
        write(&self.0.join("told"), format!("{event}\n").as_bytes())
    }

    /// Where installers' logs are.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Keeps the list of what a node has installed, instead of the one before.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn put_packages(&self, node: &str, list: &str) -> io::Result<()> {
        write(&self.packages_path(node), list.as_bytes())
    }

    /// The list that a node told last, as `trainyard-node packages` says it there; nothing where it told none since it was armed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn packages(&self, node: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.packages_path(node)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Forgets it.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(super) fn forget_packages(&self, node: &str) -> io::Result<()> {
        match fs::remove_file(self.packages_path(node)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Names of nodes are host names, so they are names of files as well.
    fn packages_path(&self, node: &str) -> PathBuf {
        self.0.join("packages").join(node)
    }

    /// Keeps a node's file under what opens it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, token: &Token, kind: FileKind, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        write(&self.file(token, kind), bytes.as_ref())
    }

    /// Signs the files of these tokens.
    ///
    /// # Errors
    /// They cannot be signed, or a signature cannot be written.
    pub fn sign(&self, tokens: &[&Token], signer: &Signer) -> Result<(), SignError> {
        let all = tokens.iter().flat_map(|token| {
            FileKind::SIGNED.map(|(of, kind)| (self.file(token, of), self.file(token, kind)))
        });
        let all: Vec<_> = all.filter(|(file, _)| file.exists()).collect();
        let files: Vec<&Path> = all.iter().map(|(file, _)| file.as_path()).collect();
        for ((_, path), text) in all.iter().zip(signer.sign(&files)?) {
            write(path, text.as_bytes()).map_err(SignError::Io)?;
        }
        Ok(())
    }

    /// The file that this token opens.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn get(&self, token: &Token, kind: FileKind) -> io::Result<Vec<u8>> {
        fs::read(self.file(token, kind))
    }

    /// Where it is kept who has which address.
    #[must_use]
    pub fn leases(&self) -> PathBuf {
        let path = self.0.join("leases");
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Whether the lab was served from here before: its nodes are armed once, and not because somebody lost a database.
    #[must_use]
    pub fn was_served(&self) -> bool {
        self.0.join("served").exists()
    }

    /// Notes that it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn mark_served(&self) -> io::Result<()> {
        write(&self.0.join("served"), b"")
    }

    /// Removes the files of every token but these.
    pub fn keep_only(&self, tokens: &[Token]) {
        let of = |token| FileKind::ALL.map(|kind| self.file(token, kind));
        let kept: HashSet<_> = tokens.iter().flat_map(of).collect();
        let all = fs::read_dir(self.0.join("files")).into_iter().flatten().flatten();
        for entry in all.filter(|entry| !kept.contains(&entry.path())) {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Removes the files of this token.
    ///
    /// # Errors
    /// One cannot be removed.
    pub(super) fn forget(&self, token: &Token) -> io::Result<()> {
        for kind in FileKind::ALL {
            match fs::remove_file(self.file(token, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// A list of the folder tells no token.
    fn file(&self, token: &Token, kind: FileKind) -> PathBuf {
        let digest = <Sha256 as sha2::Digest>::digest(token.reveal());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.0.join("files").join(name + kind.ending())
    }
}

/// What to do about a folder that cannot be used; nothing where the error says that itself.
pub(super) fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "; its disk can only be read: mount it for writing, or name another folder (`--state FOLDER`)"
        }
        io::ErrorKind::PermissionDenied => {
            "; let this user write it, or name another folder (`--state FOLDER`)"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room on its disk, or name another folder (`--state FOLDER`)"
        }
        _ => "",
    }
}

/// What is kept of a node that is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// For the installer.
    Kickstart,
    /// For a cloud image.
    UserData,
    /// The same.
    MetaData,
    /// Of the file for the installer.
    KickstartSignature,
    /// Of one for a cloud image.
    UserDataSignature,
    /// The same.
    MetaDataSignature,
}

impl FileKind {
    const ALL: [Self; 6] = [
        Self::Kickstart,
        Self::UserData,
        Self::MetaData,
        Self::KickstartSignature,
        Self::UserDataSignature,
        Self::MetaDataSignature,
    ];
    /// What is signed, and its signature.
    const SIGNED: [(Self, Self); 3] = [
        (Self::Kickstart, Self::KickstartSignature),
        (Self::UserData, Self::UserDataSignature),
        (Self::MetaData, Self::MetaDataSignature),
    ];

    fn ending(self) -> &'static str {
        match self {
            Self::Kickstart => ".ks",
            Self::UserData => ".user-data",
            Self::MetaData => ".meta-data",
            Self::KickstartSignature => ".ks.sig",
            Self::UserDataSignature => ".user-data.sig",
            Self::MetaDataSignature => ".meta-data.sig",
        }
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
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
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
            return Err(io::Error::other(why));
        }
    }
    Ok(())
}
