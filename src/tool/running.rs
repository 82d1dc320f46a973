//! A program that runs beside this one until it is stopped, and never longer than this one.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ToolError;
use super::run::{LAST_LINES, Run, TICK, end};

/// How long it may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the program that its words name, and ends it when the other end of its standard input is closed: by us, or by the kernel when we
/// were killed. (Linux has a signal for that, which a program loses when it becomes another user.)
const GUARD: &str = r#"exec 3<&0 4>&2 </dev/null 2>/dev/null
"$@" 3<&- 2>&4 4>&- &
program=$!
{
    read -r _ <&3
    kill "$program" && sleep 4 && kill -9 "$program"
} 4>&- &
guard=$!
exec 4>&-
wait "$program"
status=$?
kill "$guard"
exit "$status""#;

/// Such a program.
#[derive(Debug)]
pub struct Running {
    guard: Child,
    command: String,
    last: Lines,
    reader: Option<JoinHandle<()>>,
}

/// Its last lines.
type Lines = Arc<Mutex<VecDeque<String>>>;

impl Run {
    /// Begins it, without an end to its time. Each line that it says on standard error is handed on.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(self, hear: impl Fn(&str) + Send + 'static) -> Result<Running, ToolError> {
        let words = ["-c", GUARD, "sh"].map(OsStr::new);
        let words = [&words[..], &[self.program()]].concat();
        let spawned = self
            .command(OsStr::new("/bin/sh"), &words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let command = self.command_line();
        let mut guard = match spawned {
            Ok(guard) => guard,
            Err(source) => return Err(ToolError::Io { command, source }),
        };
        let last = Lines::default();
        let kept = Arc::clone(&last);
        let reader = guard.stderr.take().map(|it| thread::spawn(move || read(it, &kept, hear)));
        Ok(Running { guard, command, last, reader })
    }
}

/// Reads it to its end.
fn read(stream: impl Read, last: &Lines, hear: impl Fn(&str)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        hear(&text);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        last.push_back(text);
        if last.len() > LAST_LINES {
            last.pop_front();
        }
        line.clear();
    }
}

impl Running {
    /// How it ended, where it did.
    pub fn ended(&mut self) -> Option<ToolError> {
        match self.guard.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => {
                // What it said last may still be on its way.
                if let Some(reader) = self.reader.take() {
                    let _ = reader.join();
                }
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let tail = last.iter().cloned().collect::<Vec<_>>().join("\n");
                Some(ToolError::Failed {
                    command: self.command.clone(),
                    status: told(status),
                    tail,
                })
            }
            Err(source) => Some(ToolError::Io { command: self.command.clone(), source }),
        }
    }
}

/// A shell has no other way to say that a program was killed.
fn told(status: ExitStatus) -> String {
    match status.code() {
        Some(code @ 129..) => format!("signal: {}", code - 128),
        _ => status.to_string(),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if !matches!(self.guard.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(TICK);
        }
        end(&mut self.guard);
        let _ = self.guard.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;
    use crate::tool::{Tool, Wanted};

    const SH: Wanted = Wanted { name: "sh", purpose: "for this test", hint: "it is everywhere" };
    const SOON: Duration = Duration::from_secs(20);

    /// A shell that says its own number and then does this.
    fn begun(does: &str) -> (Running, mpsc::Receiver<String>) {
        let sh = Tool::locate(SH).expect("there");
        let (say, heard) = mpsc::channel();
        let script = format!("echo $$ >&2; {does}");
        let running = sh.run(["-c", &script]).begin(move |line| drop(say.send(line.to_owned())));
        (running.expect("it runs"), heard)
    }

    fn waited(mut done: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !done() {
            assert!(begun.elapsed() < SOON);
            thread::sleep(TICK);
        }
    }

    #[test]
    fn it_runs_until_it_is_stopped() {
        let (mut running, heard) = begun("exec sleep 60");
        let number = heard.recv_timeout(SOON).expect("its number");
        assert!(running.ended().is_none());
        let there = || Path::new("/proc").join(&number).exists();
        assert!(there());
        drop(running);
        assert!(!there());
    }

    #[test]
    fn one_that_does_not_listen_is_killed() {
        let (running, heard) = begun("trap '' TERM; while :; do sleep 0.1; done");
        let number = heard.recv_timeout(SOON).expect("its number");
        drop(running);
        waited(|| !Path::new("/proc").join(&number).exists());
    }

    #[test]
    fn how_it_ended_is_told_with_its_last_words() {
        for (does, status) in [
            ("echo last >&2; exit 3", "exit status: 3"),
            ("echo last >&2; kill -9 $$", "signal: 9"),
        ] {
            let (mut running, _heard) = begun(does);
            let mut ended = None;
            waited(|| {
                ended = running.ended();
                ended.is_some()
            });
            let told = ended.expect("an end").to_string();
            assert!(told.contains(status) && told.ends_with("\nlast"), "{told}");
        }
    }

    /// What holds the other end of standard input is gone, as when we are killed.
    #[test]
    fn it_ends_with_who_began_it() {
        let (mut running, heard) = begun("exec sleep 60");
        let number = heard.recv_timeout(SOON).expect("its number");
        drop(running.guard.stdin.take());
        waited(|| !fs::exists(format!("/proc/{number}")).expect("told"));
    }
}
