//! QEMUs that run: begun, found again and ended. Each has a lock from the moment on in which somebody begins it and until it has ended, whatever
//! becomes of who began it: the lock is a file's that it inherits. What has the lock and does not answer yet is about to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::MachineError;
use super::{QEMU, qmp, switch};
use crate::interrupt;
use crate::tool::{self, Tool};

/// How long one may take to begin, or to end.
const LIMIT: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(20);

/// What is locked while somebody has a socket.
pub(super) fn lock_of(socket: &Path) -> PathBuf {
    socket.with_extension("lock")
}

/// Whether somebody has the lock.
pub(super) fn is_held(socket: &Path) -> bool {
    let file = File::open(lock_of(socket));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether one is there. One that is about to be is waited for.
pub(super) fn is_there(socket: &Path) -> bool {
    let begun = Instant::now();
    while is_held(socket) {
        if qmp::answers(socket) {
            return true;
        }
        if begun.elapsed() > LIMIT || interrupt::check().is_err() {
            return true;
        }
        thread::sleep(TICK);
    }
    false
}

/// Starts one that daemonizes, where none is there.
///
/// # Errors
/// It does not start.
pub fn start(arguments: &[String], socket: &Path) -> Result<(), MachineError> {
    let path = lock_of(socket);
    let begun = Instant::now();
    loop {
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(MachineError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {
                inherited(&lock).map_err(MachineError::io(&path))?;
                Tool::locate(QEMU)?.run(arguments).finish()?;
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(MachineError::io(&path)(error)),
            // It runs; or somebody looks whether it does.
            Err(TryLockError::WouldBlock) if qmp::answers(socket) => return Ok(()),
            Err(TryLockError::WouldBlock) => wait(begun, socket, "begin")?,
        }
    }
}

/// Whoever is started from now on has it as well, and QEMU is.
#[cfg(unix)]
fn inherited(lock: &File) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(lock, rustix::io::FdFlags::empty())?)
}

#[cfg(not(unix))]
fn inherited(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ends one, and waits until it has ended. One that does not run has.
///
/// # Errors
/// It goes on; or the person asked to stop.
pub(super) fn end(socket: &Path) -> Result<(), MachineError> {
    let begun = Instant::now();
    while is_held(socket) {
        // It may close the connection before it has answered.
        let _ = qmp::ask(socket, "quit", &json!({}));
        wait(begun, socket, "end")?;
    }
    Ok(())
}

/// Ends a network's switch, and waits until it has ended.
///
/// # Errors
/// It goes on; or the person asked to stop.
pub fn disconnect(socket: &Path) -> Result<(), MachineError> {
    let begun = Instant::now();
    switch::take_away(socket).map_err(MachineError::io(socket))?;
    let runs = |lock: &File| matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    while File::open(lock_of(socket)).is_ok_and(|lock| runs(&lock)) {
        if begun.elapsed() > LIMIT {
            let message = format!("the switch of `{}` does not end", socket.display());
            return Err(MachineError::Said(message));
        }
        interrupt::check()?;
        thread::sleep(TICK);
    }
    Ok(())
}

fn wait(begun: Instant, socket: &Path, what: &str) -> Result<(), MachineError> {
    if begun.elapsed() > LIMIT {
        let message = format!(
            "the QEMU of `{}` does not {what} (its lock is held, and it does not answer)",
            socket.display()
        );
        return Err(MachineError::Said(message));
    }
    interrupt::check()?;
    thread::sleep(TICK);
    Ok(())
}

/// Begins a program that goes on by itself, and waits until it listens.
///
/// # Errors
/// It does not begin.
pub fn begin(
    program: &Path,
    arguments: &[String],
    until: &Path,
    log: &Path,
) -> Result<(), MachineError> {
    let said = File::create(log).map_err(MachineError::io(log))?;
    let mut command = tool::command(program);
    // Not the folder of whoever began it, which it would hold. (It leaves the terminal by itself.)
    command
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said);
    let mut child = command.spawn().map_err(MachineError::io(program))?;
    let begun = Instant::now();
    while !switch::answers(until) {
        let ended = child.try_wait().map_err(MachineError::io(program))?;
        let asked = interrupt::check();
        if ended.is_some() || asked.is_err() || begun.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            asked?;
            let told = fs::read_to_string(log).unwrap_or_default();
            let how = ended.map_or_else(
                || "takes too long to begin".to_owned(),
                |status| format!("ended: {status}"),
            );
            let message =
                format!("`{} {}` {how}: {}", program.display(), arguments.join(" "), told.trim());
            return Err(MachineError::Said(message));
        }
        thread::sleep(TICK);
    }
    Ok(())
}
