//! Makes secrets, and writes the file: at once, and with a mode that it has from the start.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Error, Result, bail};

use super::guard::{check_folders, folder_of, target_of};
use super::{
    ENDPOINTS_TLS, FileError, HostKeyType, Secret, Sources, Wanted, edit, file, guard, keygen,
};
use crate::tool::Tool;

const HEADER: &str = "\
# The secrets of this lab, made by `trainyard secrets`. Keep this file to yourself: it is not in
# version control. A value of your own is kept; letters and digits only, because these land in URLs
# and configuration files. (SSH host keys are what stands between the BEGIN and END lines of an
# OpenSSH private key, on one line.) A line that you delete is made anew.
";

/// What [`fill`] did.
#[derive(Debug)]
pub struct Filled {
    /// The names that it made values for.
    pub made: Vec<String>,
    /// How many it found in the file.
    pub kept: usize,
    /// The names whose values come from the environment.
    pub environment: Vec<String>,
    /// Names in the file that nothing asks for: perhaps a slip of the pen, or of a node that is gone.
    pub unknown: Vec<String>,
}

/// Makes what neither the file nor the environment has, and nothing else: lines that are there stay as
/// they are, and what the environment has is not written.
///
/// # Errors
/// What is there cannot be used, the file cannot be written, or `ssh-keygen` is needed and fails.
pub fn fill(sources: &Sources, wanted: &Wanted) -> Result<Filled> {
    let path = sources.file.as_path();
    let text = match guard::read(path) {
        Ok(text) => text,
        Err(FileError::Absent(_)) => {
            check_folders(path)?;
            HEADER.to_owned()
        }
        Err(error) => return Err(error.into()),
    };
    let mut problems = Vec::new();
    let mut draft = Draft::new(path, text, &mut problems);
    let environment = file::environment(sources, wanted, &mut problems);
    if !problems.is_empty() {
        return Err(FileError::Content(problems).into());
    }
    let kept = draft.values.len();
    let unknown = draft.values.keys().filter(|name| !wanted.asks_for(name)).cloned().collect();
    let mut made = Vec::new();
    for name in wanted.names() {
        let is_given = name == ENDPOINTS_TLS && wanted.given().is_some();
        if !draft.values.contains_key(name) && !environment.contains_key(name) && !is_given {
            draft.append(name, wanted)?;
            made.push(name.to_owned());
        }
    }
    if !made.is_empty() {
        if !draft.reads_back() {
            return Err(FileError::NoMore(path.into()).into());
        }
        draft.write()?;
    }
    Ok(Filled { made, kept, environment: environment.into_keys().collect(), unknown })
}

/// Makes new values for these names; everything else in the file stays to the byte.
///
/// # Errors
/// The file cannot be used, changed or written, or `ssh-keygen` is needed and fails.
pub fn rotate(sources: &Sources, wanted: &Wanted, names: &[String]) -> Result<()> {
    let path = sources.file.as_path();
    let mut problems = Vec::new();
    let mut draft = Draft::new(path, guard::read(path)?, &mut problems);
    if !problems.is_empty() {
        return Err(FileError::Content(problems).into());
    }
    for name in names {
        if !draft.values.contains_key(name) {
            draft.append(name, wanted)?;
            if !draft.reads_back() {
                return Err(FileError::NoMore(path.into()).into());
            }
        } else if !draft.replace(name, wanted)? || !draft.reads_back() {
            let entries = edit::entries(&draft.text);
            let line = entries.iter().find(|e| e.name == *name).map_or(0, |e| e.line);
            let name = name.clone();
            return Err(FileError::Unchangeable { path: path.into(), line, name }.into());
        }
    }
    draft.write()
}

/// What the file is to be.
struct Draft<'p> {
    path: &'p Path,
    text: String,
    /// What is to be read from the text.
    values: BTreeMap<String, Secret>,
    /// Looked for when the first host key is made.
    ssh_keygen: Option<Tool>,
}

impl<'p> Draft<'p> {
    fn new(path: &'p Path, text: String, problems: &mut Vec<String>) -> Self {
        let values = read(&text, path, problems);
        Self { path, text, values, ssh_keygen: None }
    }

    /// Whether the text says what it is to say: an anchor may share a value, and a line at the end be
    /// outside of the mapping.
    fn reads_back(&self) -> bool {
        let mut problems = Vec::new();
        let values = read(&self.text, self.path, &mut problems);
        problems.is_empty() && values == self.values
    }

    fn make(&mut self, name: &str, wanted: &Wanted) -> Result<String> {
        if let Some(endpoints) = wanted.endpoints.as_ref().filter(|_| name == ENDPOINTS_TLS) {
            if let Some(given) = &endpoints.given {
                bail!(
                    "the lab has a certificate of its own, `{}`: put another one there",
                    given.name
                );
            }
            return endpoints.make().map(|made| made.value()).map_err(Error::msg);
        }
        let Some(kind) = HostKeyType::of(name) else {
            return generate().context("asking the system for random numbers");
        };
        let tool = match self.ssh_keygen.take() {
            Some(tool) => tool,
            None => keygen::locate()?,
        };
        let folder = target_of(self.path);
        keygen::make(self.ssh_keygen.insert(tool), kind, folder_of(&folder))
    }

    fn append(&mut self, name: &str, wanted: &Wanted) -> Result<()> {
        let value = self.make(name, wanted)?;
        let purpose = wanted.purpose(name).map_or(String::new(), |p| format!("  # {p}"));
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        // Quoted, or forty digits with one `e` among them would be a number.
        let _ = writeln!(self.text, "{name}: \"{value}\"{purpose}");
        self.values.insert(name.to_owned(), Secret(value));
        Ok(())
    }

    /// Whether the value that is there could be found.
    fn replace(&mut self, name: &str, wanted: &Wanted) -> Result<bool> {
        let new = self.make(name, wanted)?;
        let old = self.values.get(name).map_or("", Secret::reveal);
        let Some(text) = edit::replace(&self.text, name, old, &new) else { return Ok(false) };
        self.text = text;
        self.values.insert(name.to_owned(), Secret(new));
        Ok(true)
    }

    fn write(&self) -> Result<()> {
        let io_error = |source| FileError::Io { path: self.path.into(), source };
        write_privately(self.path, &self.text).map_err(io_error).map_err(Into::into)
    }
}

fn read(text: &str, path: &Path, problems: &mut Vec<String>) -> BTreeMap<String, Secret> {
    let values = file::parse(text, path, problems);
    values.into_iter().map(|(name, checked)| (name, checked.value)).collect()
}

/// Twenty bytes of the operating system's generator, in hexadecimal.
fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Replaces the file at once, with a mode (0600) that it has from the start.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let target = target_of(path);
    let path = target.as_path();
    let mut file = tempfile::Builder::new().prefix(".secrets-").tempfile_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    keep_owner(path, file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// What root writes stays its owner's, who could not read it otherwise.
#[cfg(unix)]
fn keep_owner(path: &Path, file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    match fs::metadata(path) {
        Ok(old) if rustix::process::geteuid().is_root() => {
            fchown(file, Some(old.uid()), Some(old.gid()))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{FILE_NAME, load};

    fn wanted(names: &[&str]) -> Wanted {
        let purposes = names.iter().map(|n| ((*n).to_owned(), "what for".to_owned()));
        Wanted::new(purposes, &[], Some(&[]))
    }

    /// A folder, the sources in it, and the text of the file.
    fn sources(text: &str) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources::new(folder.path().join(FILE_NAME));
        if !text.is_empty() {
            write_privately(&sources.file, text).expect("written");
        }
        (folder, sources)
    }

    fn text_of(sources: &Sources) -> String {
        fs::read_to_string(&sources.file).expect("text")
    }

    #[test]
    fn only_what_is_missing_is_made_and_the_rest_stays_to_the_byte() {
        let (_folder, sources) = sources("");
        assert_eq!(fill(&sources, &wanted(&["A", "B"])).expect("made").made, ["A", "B"]);
        let first = text_of(&sources);
        assert!(fill(&sources, &wanted(&["A", "B"])).expect("kept").made.is_empty());
        assert_eq!(first, text_of(&sources));
        let more = wanted(&["A", "B", "C"]);
        fill(&sources, &more).expect("made");
        assert!(text_of(&sources).starts_with(&first));
        let secrets = load(&sources, &more).expect("good");
        assert_eq!(secrets.get("C").expect("there").reveal().len(), 40);
        assert_ne!(secrets.get("A").expect("there"), secrets.get("B").expect("there"));
        assert!(secrets.get("D").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, sources) = sources("");
        fill(&sources, &wanted(&["A"])).expect("made");
        let mode = || fs::metadata(&sources.file).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        rotate(&sources, &wanted(&["A"]), &["A".into()]).expect("rotated");
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_value_that_is_shared_or_hidden_is_not_rotated() {
        for text in [
            "A: &a ownvalue123\nB: *a\n",
            "A: \"own\\x76alue123\"\n",
            "A: &ownvalue123 ownvalue123\n",
        ] {
            let (_folder, sources) = sources(text);
            let error = rotate(&sources, &wanted(&["A", "B"]), &["A".into()]).expect_err("refused");
            let told = error.to_string();
            assert!(
                told.contains("line 1: A cannot be changed") && !told.contains("value123"),
                "{told}"
            );
            assert_eq!(text_of(&sources), text);
        }
    }

    #[test]
    fn a_file_that_takes_no_more_lines_stays_as_it_is() {
        for text in ["{A: ownvalue123}\n", "  A: ownvalue123\n", "A: ownvalue123\n...\n"] {
            let (_folder, sources) = sources(text);
            let error = fill(&sources, &wanted(&["A", "B"])).expect_err("refused");
            assert!(error.to_string().contains("no line can be added"), "{error}");
            assert_eq!(text_of(&sources), text);
        }
    }
}
