//! The secrets file: YAML, `NAME: value` on each line, readable by its owner only. And variables of the
//! environment that win over it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{check, way_out};
use super::{
    Checked, ENDPOINTS_TLS, GivenCertificate, Secret, Secrets, Source, Wanted, edit, guard,
    variable,
};
use crate::tool::SECRET_VARIABLES;

/// The file's name beside the lab file.
pub const FILE_NAME: &str = "secrets.yaml";

/// Where the secrets of a lab are when nobody says otherwise: beside its lab file.
#[must_use]
pub fn path_beside(lab: &Path) -> PathBuf {
    lab.with_file_name(FILE_NAME)
}

/// Why secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no file.
    #[error("there is no `{}`: run `trainyard secrets` in the lab's folder, or name another with `--secrets`", .0.display())]
    Absent(PathBuf),
    /// Others can read it.
    #[error("`{}` can be read by others (mode {mode:04o}): run `chmod 600 {}`", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is another user's.
    #[error(
        "`{}` belongs to another user (uid {owner}), who can change it: make it yours (`sudo chown \"$USER\" {}`), or name a file of your own with `--secrets`",
        path.display(), path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others can put another file in its place.
    #[error(
        "others can put another file in the place of `{}`, because they can write its folder (mode {mode:04o}): run `chmod go-w {}`",
        path.display(), folder.display()
    )]
    Folder {
        /// The file.
        path: PathBuf,
        /// Its folder, or that of what it links to.
        folder: PathBuf,
        /// The folder's mode.
        mode: u32,
    },
    /// What is wrong in it, and in variables; all of it, and never a value.
    #[error("the secrets cannot be used:\n{}", .0.join("\n"))]
    Content(Vec<String>),
    /// A value stands in the file in a way that it cannot be changed in.
    #[error("`{}`, line {line}: {name} cannot be changed without changing more: delete it, and run `trainyard secrets`", path.display())]
    Unchangeable {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The secret's name.
        name: String,
    },
    /// What is added at its end would not be of its mapping.
    #[error("no line can be added at the end of `{}`: write each secret as `NAME: value` on a line of its own, from the first column", .0.display())]
    NoMore(PathBuf),
    /// It cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Where secrets come from: a file, and variables of the environment that win over it.
#[derive(Clone)]
pub struct Sources {
    /// The file.
    pub file: PathBuf,
    /// The variables by name without its prefix. Their values may be secret.
    variables: Vec<(String, OsString)>,
}

impl Sources {
    /// That file, and this process's environment.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        let of_ours = |(name, value): (OsString, OsString)| {
            let name = name.to_string_lossy();
            Some((name.strip_prefix(SECRET_VARIABLES)?.to_owned(), value))
        };
        let mut variables: Vec<_> = std::env::vars_os().filter_map(of_ours).collect();
        variables.sort();
        Self { file, variables }
    }

    /// The names of the secrets that variables hold.
    pub fn in_environment(&self, wanted: &Wanted) -> impl Iterator<Item = String> {
        self.variables.iter().filter_map(|(rest, _)| wanted.of_variable(rest))
    }

    /// The variables whose secret nothing asks for: perhaps a slip of the pen. They are not used.
    pub fn unknown_variables(&self, wanted: &Wanted) -> impl Iterator<Item = String> {
        let unknown = |(rest, _): &&(String, OsString)| wanted.of_variable(rest).is_none();
        self.variables.iter().filter(unknown).map(|(rest, _)| format!("{SECRET_VARIABLES}{rest}"))
    }
}

/// Reads the secrets from where they are, and checks every value.
///
/// # Errors
/// There are none, others can read or replace the file, or there are values that cannot be used.
pub fn load(sources: &Sources, wanted: &Wanted) -> Result<Secrets, FileError> {
    let mut problems = Vec::new();
    let environment = environment(sources, wanted, &mut problems);
    let mut values = match guard::read(&sources.file) {
        Ok(text) => parse(&text, &sources.file, &mut problems),
        // A machine that builds may have no file at all.
        Err(FileError::Absent(_)) if sources.in_environment(wanted).next().is_some() => {
            BTreeMap::new()
        }
        Err(error) => return Err(error),
    };
    let given = wanted.given().map(GivenCertificate::read).transpose();
    let given = given.map_err(|what| problems.push(format!("  {what}"))).ok().flatten();
    if !problems.is_empty() {
        return Err(FileError::Content(problems));
    }
    values.extend(environment);
    if let Some(certificate) = given {
        let value = Secret(certificate.value());
        let (certificate, source) = (Some(certificate), Source::File);
        let checked = Checked { value, host_key: None, certificate, source };
        values.insert(ENDPOINTS_TLS.to_owned(), checked);
    }
    Ok(Secrets { path: sources.file.clone(), values, hashes: Arc::default() })
}

/// The values that variables hold. What is wrong goes to `problems`, with the variable and without the value.
pub(super) fn environment(
    sources: &Sources,
    wanted: &Wanted,
    problems: &mut Vec<String>,
) -> BTreeMap<String, Checked> {
    let mut values = BTreeMap::new();
    for (rest, value) in &sources.variables {
        let Some(name) = wanted.of_variable(rest) else { continue };
        let checked = match value.to_str() {
            Some(value) => check(&name, value, Source::Environment),
            None => Err(format!("no UTF-8 text; {}", way_out(Source::Environment))),
        };
        match checked {
            Ok(checked) => drop(values.insert(name, checked)),
            Err(problem) => problems.push(format!("  `{}`: {problem}", variable(&name))),
        }
    }
    values
}

/// The values of a file's text. What is wrong goes to `problems`, with its line and without the value.
pub(super) fn parse(
    text: &str,
    path: &Path,
    problems: &mut Vec<String>,
) -> BTreeMap<String, Checked> {
    let mut values = BTreeMap::new();
    // The parser's own message may quote the line it fails on, and that line holds a secret.
    let written: BTreeMap<String, Option<serde_yaml::Value>> =
        match serde_yaml::from_str::<Option<_>>(text) {
            Ok(written) => written.unwrap_or_default(),
            Err(error) => {
                let line =
                    error.location().map_or(String::new(), |at| format!(", line {}", at.line()));
                let file = path.display();
                problems
                    .push(format!("  `{file}`{line}: it is no YAML mapping of names to values"));
                return values;
            }
        };
    let entries = edit::entries(text);
    let mut problem = |name: &str, what: String| {
        let lines: Vec<_> =
            entries.iter().filter(|e| e.name == name).map(|e| e.line.to_string()).collect();
        let line = if lines.is_empty() {
            String::new()
        } else {
            format!(", line {}", lines.join(" and "))
        };
        problems.push(format!("  `{}`{line}: {name}: {what}", path.display()));
    };
    for (name, value) in written {
        if entries.iter().filter(|entry| entry.name == name).count() > 1 {
            problem(&name, "stands there more than once; keep one of the lines".into());
            continue;
        }
        let value = match value {
            Some(serde_yaml::Value::String(text)) => text,
            // `0x1f`, `+12` and `1e9` are other passwords once they have been numbers.
            Some(serde_yaml::Value::Number(_)) => {
                problem(&name, "reads as a number; put it in quotes".into());
                continue;
            }
            None => String::new(),
            Some(_) => {
                problem(&name, "not a single word; put it in quotes".into());
                continue;
            }
        };
        match check(&name, &value, Source::File) {
            Ok(checked) => drop(values.insert(name, checked)),
            Err(what) => problem(&name, what),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        parse(text, Path::new("s.yaml"), &mut problems);
        problems
    }

    #[test]
    fn a_value_of_ones_own_is_kept_and_checked_and_never_shown() {
        assert!(problems("A: ownvalue123\nB: \"48151623420815162342\"\n").is_empty());
        for number in ["0x1234567890", "+1234567890", "1234567890", "1e99"] {
            assert!(problems(&format!("A: {number}\n"))[0].contains("quotes"), "{number}");
        }
        let text = "A: ''\nB: Password\nC: short\nD: 'has space'\nE: pa$$word1\nRABBIT_PASS: rabbit_pass\nF: [x]\nG:\n";
        let told = problems(text);
        assert_eq!(told.len(), 8, "{told:?}");
        assert!(
            told[1].starts_with("  `s.yaml`, line 2: B: well known; delete the line"),
            "{told:?}"
        );
        let told = told.join("\n");
        for value in ["Password", "short ", "has space", "pa$$word1"] {
            assert!(!told.contains(value), "{told}");
        }
        let broken = problems("A: hunter22222\n  B: [").join("");
        assert!(broken.contains("no YAML") && !broken.contains("hunter"), "{broken:?}");
    }

    #[test]
    fn of_two_values_neither_is_taken_silently() {
        let told = problems("A: ownvalue123\nB: ownvalue123\nA: ownvalue456\n");
        assert_eq!(
            told,
            ["  `s.yaml`, line 1 and 3: A: stands there more than once; keep one of the lines"]
        );
    }

    #[test]
    fn the_environment_wins_and_is_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let wanted = Wanted::new(["A", "B"].map(|n| (n.to_owned(), String::new())), &[], Some(&[]));
        let sources = |variables: &[(&str, &str)]| Sources {
            file: folder.path().join("s.yaml"),
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect(),
        };
        assert!(matches!(
            load(&sources(&[("C", "ownvalue123")]), &wanted),
            Err(FileError::Absent(_))
        ));
        let both = sources(&[("A", "ownvalue123"), ("C", "x")]);
        let secrets = load(&both, &wanted).expect("no file is needed");
        assert_eq!(secrets.get("A").expect("there").reveal(), "ownvalue123");
        assert_eq!(secrets.source("A"), Some(Source::Environment));
        assert!(secrets.get("C").is_err(), "what nothing asks for is not used");
        assert_eq!(both.unknown_variables(&wanted).collect::<Vec<_>>(), ["TRAINYARD_SECRET_C"]);
        let told =
            load(&sources(&[("A", "welcome1"), ("B", "")]), &wanted).expect_err("weak").to_string();
        assert!(
            told.contains("`TRAINYARD_SECRET_A`: well known; set another")
                && told.contains("`TRAINYARD_SECRET_B`: empty"),
            "{told}"
        );
        assert!(!told.contains("welcome1"), "{told}");
    }
}
