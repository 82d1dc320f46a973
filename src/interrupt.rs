//! Ctrl-C, SIGTERM and a closed terminal: a first one asks for a clean end, a second one ends at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::flag;

#[cfg(unix)]
const SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The person asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Begins to watch for the signals.
///
/// # Errors
/// The system refuses.
pub fn watch() -> std::io::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    // A limit of the person's own for files (`ulimit -f`) is an error of the write, as a full disk is, and no death.
    #[cfg(unix)]
    flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    for signal in SIGNALS {
        // In this order: the second signal finds the flag of the first.
        flag::register_conditional_default(signal, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}

/// Waits so long.
///
/// # Errors
/// The person asked to stop.
pub fn sleep(mut time: Duration) -> Result<(), Interrupted> {
    while !time.is_zero() {
        check()?;
        let part = time.min(Duration::from_millis(50));
        thread::sleep(part);
        time -= part;
    }
    check()
}

/// Whether to go on.
///
/// # Errors
/// The person asked to stop.
pub fn check() -> Result<(), Interrupted> {
    let asked = ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed));
    if asked { Err(Interrupted) } else { Ok(()) }
}
