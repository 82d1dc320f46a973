//! Every external program goes through here: found, asked for its version, run with a time limit, and its
//! failure told with the whole command, its status and the last lines that it said.

mod run;
mod running;

use std::ffi::OsStr;
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use run::{Output, Run};
pub use running::Running;

/// Variables of the environment whose names begin with this hold secrets. No program that is run gets them.
pub const SECRET_VARIABLES: &str = "TRAINYARD_SECRET_";

/// A program that is spoken to by hand, or that goes on by itself: without those variables as well.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    without_secrets(&mut command);
    command
}

/// Takes those variables from a program's environment.
fn without_secrets(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(SECRET_VARIABLES.as_bytes()) {
            command.env_remove(name);
        }
    }
}

/// Whether each command line is shown before it is run (`--verbose`).
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows each command line on standard error before it is run.
pub fn show_commands() {
    SHOWN.store(true, Ordering::Relaxed);
}

/// Why an external program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not installed.
    #[error("`{name}` is needed {purpose}, and is not on the PATH: install it ({hint})")]
    Missing {
        /// The program.
        name: &'static str,
        /// What for.
        purpose: &'static str,
        /// How to get it.
        hint: &'static str,
    },
    /// It is there, and this user may not run it.
    #[error("`{}` is needed {purpose}, and is there, but this user may not run it: {}", path.display(), ToolError::FORBIDDEN)]
    Forbidden {
        /// Where it is.
        path: PathBuf,
        /// What for.
        purpose: &'static str,
    },
    /// It is older than what is needed.
    #[error("`{}` is version {found}, and {needed} or newer is needed: install a newer one ({hint})", path.display())]
    TooOld {
        /// Where it is.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
        /// How to get it.
        hint: &'static str,
    },
    /// It said that it failed.
    #[error("{command}\nended with {status}{}", said(tail))]
    Failed {
        /// The whole command line.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines of what it said.
        tail: String,
    },
    /// It could not be started, or its output could not be read.
    #[error("{command}\ncould not be run: {source}")]
    Io {
        /// The whole command line.
        command: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It took too long and was ended.
    #[error("{command}\nwas ended after {}s{}", limit.as_secs(), said(tail))]
    TimedOut {
        /// The whole command line.
        command: String,
        /// The limit.
        limit: Duration,
        /// The last lines of what it said.
        tail: String,
    },
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] crate::interrupt::Interrupted),
}

impl ToolError {
    /// What to do about a program that may not be run.
    pub const FORBIDDEN: &'static str = "`ls -l` says who may; have its owner allow it (`chmod`, or the group that it is of), or install it anew";
}

fn said(tail: &str) -> String {
    if tail.is_empty() {
        "; it said nothing".to_owned()
    } else {
        format!("; its last lines:\n{tail}")
    }
}

/// What is needed of a program.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Its name on the PATH.
    pub name: &'static str,
    /// What it is needed for, after "is needed".
    pub purpose: &'static str,
    /// How to get it.
    pub hint: &'static str,
}

/// A program that is there.
#[derive(Clone, Debug)]
pub struct Tool {
    path: PathBuf,
    wanted: Wanted,
}

impl Tool {
    /// Finds a program on the PATH.
    ///
    /// # Errors
    /// It is not there, or may not be run.
    pub fn locate(wanted: Wanted) -> Result<Self, ToolError> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        Self::among(std::env::split_paths(&folders), wanted)
    }

    fn among(folders: impl Iterator<Item = PathBuf>, wanted: Wanted) -> Result<Self, ToolError> {
        let Wanted { name, purpose, hint } = wanted;
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let mut forbidden = None;
        for path in folders.map(|folder| folder.join(&file)) {
            if is_program(&path) {
                return Ok(Self { path, wanted });
            }
            // As a shell does, one that may be run is looked for behind it.
            if path.is_file() {
                forbidden.get_or_insert(path);
            }
        }
        Err(match forbidden {
            Some(path) => ToolError::Forbidden { path, purpose },
            None => ToolError::Missing { name, purpose, hint },
        })
    }

    /// Asks for its version and refuses one that is too old.
    ///
    /// # Errors
    /// It is too old, or does not tell.
    pub fn at_least(
        self,
        needed: &'static str,
        arguments: &[&str],
        marker: &str,
    ) -> Result<Self, ToolError> {
        let output = self.run(arguments).finish()?;
        let said = format!("{}\n{}", output.stdout, output.stderr);
        let found = said.lines().find_map(|line| {
            Some(line.trim().strip_prefix(marker)?.trim_matches([' ', ':', '\t']))
        });
        let found = found.unwrap_or("unknown").to_owned();
        if version(&found) >= version(needed) {
            return Ok(self);
        }
        Err(ToolError::TooOld { path: self.path, found, needed, hint: self.wanted.hint })
    }

    /// What runs it, where it is a script: the program behind its `#!`, on the PATH where `env` looks for it.
    #[must_use]
    pub fn interpreter(&self) -> Option<Self> {
        let mut first = String::new();
        let file = std::fs::File::open(&self.path).ok()?;
        std::io::BufReader::new(file.take(1024)).read_line(&mut first).ok()?;
        let mut words = first.strip_prefix("#!")?.split_whitespace();
        let path = PathBuf::from(words.next()?);
        let path = if path.ends_with("env") {
            let name = words.find(|word| !word.starts_with('-'))?;
            let folders = std::env::var_os("PATH")?;
            std::env::split_paths(&folders).map(|it| it.join(name)).find(|it| is_program(it))?
        } else {
            path
        };
        (path.is_absolute() && is_program(&path)).then_some(Self { path, wanted: self.wanted })
    }

    /// A run of it with these arguments. No secret may be among them: others see them in the process list.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        Run::new(&self.path, arguments)
    }
}

/// The numbers of a version, such as 1.5.4.
fn version(text: &str) -> Vec<u32> {
    let digits = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or("");
    digits.split('.').map_while(|part| part.parse().ok()).collect()
}

/// Whether this is a file that this user may run.
#[cfg(unix)]
#[must_use]
pub fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this is a file that may be run.
#[cfg(not(unix))]
#[must_use]
pub fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SH: Wanted = Wanted { name: "sh", purpose: "for this test", hint: "it is everywhere" };

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(version("1.5.10") > version("1.5.4"));
        assert!(version("1.5.4-2") >= version("1.5.4"));
        assert!(version("unknown") < version("0.1"));
    }

    #[test]
    fn a_failure_carries_command_status_and_last_words() {
        let sh = Tool::locate(SH).expect("there");
        let error =
            sh.run(["-c", "echo 'what went wrong' >&2; exit 3"]).finish().expect_err("it failed");
        let told = error.to_string();
        for part in ["/sh -c 'echo '", "exit status: 3", "what went wrong"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let sh = Tool::locate(SH).expect("there");
        let run = sh.run(["-c", "echo early; sleep 60"]).limit(Duration::from_millis(200));
        assert!(matches!(run.finish(), Err(ToolError::TimedOut { tail, .. }) if tail == "early"));
    }

    #[cfg(unix)]
    #[test]
    fn what_may_not_be_run_is_told_as_that_where_no_other_may() {
        use std::os::unix::fs::PermissionsExt as _;
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let [first, second] = folders.each_ref().map(|folder| folder.path().join("sh"));
        let make = |path: &Path, mode: u32| {
            std::fs::write(path, "").expect("written");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        let locate = || Tool::among(folders.iter().map(|it| it.path().to_owned()), SH);
        assert!(matches!(locate(), Err(ToolError::Missing { .. })));
        make(&first, 0o644);
        let told = locate().expect_err("it may not be run").to_string();
        assert!(told.contains(&format!("`{}`", first.display())), "{told}");
        assert!(told.contains("may not run it: `ls -l`") && !told.contains("PATH"), "{told}");
        make(&second, 0o755);
        assert_eq!(locate().expect("the other").path, second);
    }

    #[test]
    fn what_is_missing_or_old_is_told_with_the_way_out() {
        let wanted = Wanted { name: "no-such-program", ..SH };
        assert!(Tool::locate(wanted).is_err_and(|e| e.to_string().contains("it is everywhere")));
        let sh = Tool::locate(SH).expect("there");
        let old = sh.clone().at_least("2.0", &["-c", "echo version : 1.9.9"], "version");
        assert!(old.is_err_and(|e| e.to_string().contains("version 1.9.9, and 2.0 or newer")));
        assert!(sh.at_least("2.0", &["-c", "echo version : 2.0.1"], "version").is_ok());
    }
}
