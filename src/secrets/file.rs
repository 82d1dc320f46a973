//! The secrets file: YAML, `NAME: value` on each line, readable by its owner only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Secret, Secrets};

/// The file's name beside the lab file.
pub const FILE_NAME: &str = "secrets.yaml";

/// What is too well known to be a secret: the install guide's placeholders and what people type instead.
const WELL_KNOWN: [&str; 15] = [
    "password",
    "passw0rd",
    "secret",
    "secrete",
    "changeme",
    "openstack",
    "admin",
    "root",
    "centos",
    "train",
    "rabbitpass",
    "qwerty",
    "letmein",
    "vagrant",
    "welcome",
];

/// Shorter ones can be guessed.
const SHORTEST: usize = 8;

/// Why a secrets file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no `{}`: run `trainyard secrets` in the lab's folder", .0.display())]
    Absent(PathBuf),
    /// Others can read it.
    #[error("`{}` can be read by others (mode {mode:04o}): run `chmod 600 {}`", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// What is wrong in it; all of it, and never a value.
    #[error("`{}` cannot be used:\n{}", path.display(), problems.join("\n"))]
    Content {
        /// The file.
        path: PathBuf,
        /// One line each.
        problems: Vec<String>,
    },
    /// It cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Reads a secrets file and checks every value.
///
/// # Errors
/// It is not there, open to others, or holds values that cannot be used.
pub fn load(path: &Path) -> Result<Secrets, FileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(FileError::Absent(path.into()));
        }
        Err(source) => return Err(FileError::Io { path: path.into(), source }),
    };
    check_mode(path)?;
    let values =
        parse(&text).map_err(|problems| FileError::Content { path: path.into(), problems })?;
    Ok(Secrets { path: path.into(), values, ..Secrets::default() })
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        fs::metadata(path).map_err(|source| FileError::Io { path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(FileError::Open { path: path.into(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), FileError> {
    Ok(())
}

fn parse(text: &str) -> Result<BTreeMap<String, Secret>, Vec<String>> {
    // The parser's own message may quote the line it fails on, and that line holds a secret.
    let values: BTreeMap<String, Option<serde_yaml::Value>> =
        match serde_yaml::from_str::<Option<_>>(text) {
            Ok(values) => values.unwrap_or_default(),
            Err(error) => {
                let line =
                    error.location().map_or(String::new(), |at| format!(" (line {})", at.line()));
                return Err(vec![format!("it is no YAML mapping of names to values{line}")]);
            }
        };
    let mut secrets = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in values {
        let value = match value {
            Some(serde_yaml::Value::String(text)) => text,
            // `0x1f`, `+12` and `1e9` are other passwords once they have been numbers.
            Some(serde_yaml::Value::Number(_)) => {
                problems.push(format!("  {name}: reads as a number; put it in quotes"));
                continue;
            }
            None => String::new(),
            Some(_) => {
                problems.push(format!("  {name}: not a single word; put it in quotes"));
                continue;
            }
        };
        match weakness(&name, &value) {
            Some(weakness) => problems.push(format!("  {name}: {weakness}")),
            None => drop(secrets.insert(name, Secret(value))),
        }
    }
    if problems.is_empty() { Ok(secrets) } else { Err(problems) }
}

/// Why a value is no secret, without showing it.
fn weakness(name: &str, value: &str) -> Option<String> {
    let folded = value.to_lowercase();
    let word = folded.trim_matches(|c: char| c.is_ascii_digit());
    let different = folded.chars().collect::<std::collections::BTreeSet<_>>().len();
    if value.is_empty() {
        Some("empty; delete the line and run `trainyard secrets` to have one made".into())
    } else if WELL_KNOWN.contains(&word) || folded == name.to_lowercase() || different < 4 {
        Some("well known; delete the line and run `trainyard secrets` to have one made".into())
    } else if word.is_empty() && value.len() < 20 {
        Some("a run of digits; delete the line and run `trainyard secrets` to have one made".into())
    } else if value.len() < SHORTEST {
        Some(format!("shorter than {SHORTEST} characters"))
    } else if !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
        // They land in URLs, in INI files that expand `$` and `%`, and in shell and SQL.
        Some(
            "letters and digits only: others break the URLs and configuration files it lands in"
                .into(),
        )
    } else {
        None
    }
}

/// What [`fill`] did.
#[derive(Debug)]
pub struct Filled {
    /// The names that it made values for.
    pub made: Vec<String>,
    /// How many it found.
    pub kept: usize,
    /// Names it found that nothing asks for: perhaps a slip of the pen.
    pub unknown: Vec<String>,
}

/// Makes what is missing, and nothing else: lines that are there stay as they are.
///
/// # Errors
/// What is there cannot be used, or the file cannot be written.
pub fn fill(path: &Path, wanted: &[(String, String)]) -> Result<Filled, FileError> {
    let io_error = |source| FileError::Io { path: path.into(), source };
    let (mut text, known) = match load(path) {
        Ok(secrets) => (fs::read_to_string(path).map_err(io_error)?, secrets.values),
        Err(FileError::Absent(_)) => (HEADER.to_owned(), BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let is_wanted = |name: &String| wanted.iter().any(|(wanted, _)| wanted == name);
    let unknown = known.keys().filter(|name| !is_wanted(name)).cloned().collect();
    let missing: Vec<_> = wanted.iter().filter(|(name, _)| !known.contains_key(name)).collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for (name, purpose) in &missing {
        let value = generate().map_err(|e| io_error(io::Error::other(e)))?;
        // Quoted, or forty digits with one `e` among them would be a number.
        let _ = writeln!(text, "{name}: \"{value}\"  # {purpose}");
    }
    if !missing.is_empty() {
        write_privately(path, &text).map_err(io_error)?;
    }
    Ok(Filled {
        made: missing.into_iter().map(|(name, _)| name.clone()).collect(),
        kept: known.len(),
        unknown,
    })
}

const HEADER: &str = "\
# The secrets of this lab, made by `trainyard secrets`. Keep this file to yourself: it is not in
# version control. A value of your own is kept; letters and digits only, because these land in URLs
# and configuration files. A line that you delete is made anew.
";

/// Twenty bytes of the operating system's generator, in hexadecimal.
fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Replaces the file at once, with a mode (0600) that it has from the start.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".secrets-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|n| ((*n).to_owned(), "what for".to_owned())).collect()
    }

    #[test]
    fn only_what_is_missing_is_made_and_the_rest_stays_to_the_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        assert_eq!(fill(&path, &wanted(&["A", "B"])).expect("made").made, ["A", "B"]);
        let first = fs::read_to_string(&path).expect("text");
        let again = fill(&path, &wanted(&["A", "B"])).expect("kept");
        assert!(again.made.is_empty());
        assert_eq!(first, fs::read_to_string(&path).expect("text"));
        fill(&path, &wanted(&["A", "B", "C"])).expect("made");
        assert!(fs::read_to_string(&path).expect("text").starts_with(&first));
        let secrets = load(&path).expect("good");
        assert_eq!(secrets.get("C").expect("there").reveal().len(), 40);
        assert_ne!(secrets.get("A").expect("there"), secrets.get("B").expect("there"));
        assert!(secrets.get("D").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        fill(&path, &wanted(&["A"])).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(load(&path), Err(FileError::Open { mode: 0o644, .. })));
    }

    #[test]
    fn a_value_of_ones_own_is_kept_and_checked_and_never_shown() {
        assert!(parse("A: ownvalue123\nB: \"48151623420815162342\"\n").is_ok());
        for weak in [
            "12345678",
            "00000000",
            "aaaaaaaa",
            "password1",
            "Password123",
            "openstack123",
            "1qwerty2",
            "welcome1",
        ] {
            assert!(parse(&format!("A: \"{weak}\"\n")).is_err(), "{weak}");
        }
        for number in ["0x1234567890", "+1234567890", "1234567890", "1e99"] {
            assert!(
                parse(&format!("A: {number}\n")).is_err_and(|e| e[0].contains("quotes")),
                "{number}"
            );
        }
        let problems = parse("A: ''\nB: Password\nC: short\nD: 'has space'\nE: pa$$word1\nRABBIT_PASS: rabbit_pass\nF: [x]\n").expect_err("weak");
        assert_eq!(problems.len(), 7, "{problems:?}");
        let told = problems.join("\n");
        for value in ["Password", "short ", "has space", "pa$$word1"] {
            assert!(!told.contains(value), "{told}");
        }
        let broken = parse("A: hunter22222\n  B: [").expect_err("no YAML");
        assert!(!broken.join("").contains("hunter"), "{broken:?}");
    }
}
