//! One run of an external program.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ToolError;
use crate::interrupt;
use crate::template::quote;

/// How many of its last lines an error shows.
pub(super) const LAST_LINES: usize = 12;

/// How often a running program, the clock and the person are looked at.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// How often a program is looked at that has nothing more to say: it is about to end.
const SHORT_TICK: Duration = Duration::from_millis(1);

/// What a program said.
#[derive(Clone, Debug)]
pub struct Output {
    /// On its standard output.
    pub stdout: String,
    /// On its standard error.
    pub stderr: String,
}

/// A run that is being prepared.
pub struct Run {
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
    environment: Vec<(&'static str, String)>,
    on_tick: Option<Box<dyn FnMut()>>,
}

impl Run {
    pub(super) fn new<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        Self {
            program: program.to_owned(),
            arguments,
            limit: Duration::from_secs(3600),
            environment: Vec::new(),
            on_tick: None,
        }
    }

    /// Ends it after this time; an hour where nothing is said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A program that a person names by its path, without arguments.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        Self::new(program, [""; 0])
    }

    /// Tells it this by its environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Calls this again and again while it runs, to show how far it is.
    #[must_use]
    pub fn on_tick(mut self, on_tick: impl FnMut() + 'static) -> Self {
        self.on_tick = Some(Box::new(on_tick));
        self
    }

    /// The command line as a person would type it.
    #[must_use]
    pub fn command_line(&self) -> String {
        let words = std::iter::once(self.program.as_os_str())
            .chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| quote::shell(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// How the system is told: the program that has it begun, that one's own words, and what is run.
    pub(super) fn command(&self, by: &OsStr, words: &[&OsStr]) -> Command {
        if super::SHOWN.load(std::sync::atomic::Ordering::Relaxed) {
            anstream::eprintln!("$ {}", self.command_line());
        }
        let mut command = Command::new(by);
        command.args(words).args(&self.arguments);
        super::without_secrets(&mut command);
        #[cfg(unix)]
        {
            // Its own group, so that what it starts in turn is ended with it.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        // Messages are matched and shown: one language on every machine.
        command.env("LC_ALL", "C");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program.
    pub(super) fn program(&self) -> &OsStr {
        self.program.as_os_str()
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It fails, takes too long, or the person asks to stop; it does not run any more then.
    pub fn finish(mut self) -> Result<Output, ToolError> {
        let io_error = |source| ToolError::Io { command: self.command_line(), source };
        let mut child = self
            .command(self.program.as_os_str(), &[])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io_error)?;
        let (saying, silent) = mpsc::channel();
        let stdout = collect(child.stdout.take(), saying.clone());
        let stderr = collect(child.stderr.take(), saying);
        let ended = self.wait(&mut child, &silent);
        let output = Output { stdout: joined(stdout), stderr: joined(stderr) };
        match ended? {
            Some(status) if status.success() => Ok(output),
            Some(status) => Err(ToolError::Failed {
                command: self.command_line(),
                status: status.to_string(),
                tail: tail(&output),
            }),
            None => Err(ToolError::TimedOut {
                command: self.command_line(),
                limit: self.limit,
                tail: tail(&output),
            }),
        }
    }

    /// How it ended by itself, or nothing where its time ran out. Its streams are read as long as the channel has senders.
    fn wait(
        &mut self,
        child: &mut Child,
        silent: &Receiver<()>,
    ) -> Result<Option<ExitStatus>, ToolError> {
        let begun = Instant::now();
        let error = loop {
            match child.try_wait() {
                Ok(Some(status)) if interrupt::check().is_ok() => return Ok(Some(status)),
                Ok(Some(_)) => return Err(interrupt::Interrupted.into()),
                Ok(None) if interrupt::check().is_err() => {
                    break Some(interrupt::Interrupted.into());
                }
                Ok(None) if begun.elapsed() > self.limit => break None,
                Ok(None) => {
                    if silent.recv_timeout(TICK) == Err(RecvTimeoutError::Disconnected) {
                        thread::sleep(SHORT_TICK);
                    }
                }
                Err(source) => break Some(ToolError::Io { command: self.command_line(), source }),
            }
            if let Some(on_tick) = &mut self.on_tick {
                on_tick();
            }
        };
        // It may have ended by itself meanwhile; either way it is waited for.
        end(child);
        let _ = child.wait();
        error.map_or(Ok(None), Err)
    }
}

#[cfg(unix)]
pub(super) fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if group.is_none_or(|group| kill_process_group(group, Signal::KILL).is_err()) {
        let _ = child.kill();
    }
}

#[cfg(not(unix))]
pub(super) fn end(child: &mut Child) {
    let _ = child.kill();
}

/// Reads it to its end, and lets go of the sender then.
fn collect(
    stream: Option<impl Read + Send + 'static>,
    saying: Sender<()>,
) -> Option<JoinHandle<Vec<u8>>> {
    stream.map(|mut stream| {
        thread::spawn(move || {
            let _saying = saying;
            let mut bytes = Vec::new();
            // What was read before an error is still worth showing.
            let _ = stream.read_to_end(&mut bytes);
            bytes
        })
    })
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of standard error, or of standard output where it said nothing there.
fn tail(output: &Output) -> String {
    let text = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
