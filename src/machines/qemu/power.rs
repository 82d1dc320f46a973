//! How a machine is: by its folder, and by what its QEMU says of itself.

use std::path::Path;

use serde_json::json;

use super::{QMP, WHOLE, process, qmp};
use crate::machines::Power;

/// How the machine in this folder is.
pub(super) fn power(folder: &Path) -> Power {
    if !folder.exists() {
        return Power::Missing;
    }
    let qmp = folder.join(QMP);
    if process::is_there(&qmp) {
        return match qmp::ask(&qmp, "query-status", &json!({})) {
            Ok(said) if said["status"] == "running" => Power::Running,
            Ok(said) if said["status"] == "io-error" => Power::IoError,
            Ok(_) => Power::Paused,
            // It has ended since; or it is busy, and somebody else may be asking it.
            Err(_) if process::is_held(&qmp) => Power::Running,
            Err(_) => Power::Off,
        };
    }
    if folder.join(WHOLE).exists() { Power::Off } else { Power::Partial }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::{Power, QMP, power};

    /// How a machine is whose QEMU says this of itself. (One that writes to a full disk cannot be had without a file system of its own.)
    fn of(status: &str) -> Power {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = File::create(folder.path().join("qmp.lock")).expect("a lock");
        lock.try_lock().expect("locked");
        let listener = UnixListener::bind(folder.path().join(QMP)).expect("a socket");
        let status = status.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = writeln!(&stream, r#"{{"QMP": {{}}}}"#);
                for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                    let is_asked = line.contains("query-status");
                    let status = if is_asked { status.as_str() } else { "" };
                    let _ = writeln!(&stream, r#"{{"return": {{"status": "{status}"}}}}"#);
                }
            }
        });
        power(folder.path())
    }

    #[test]
    fn what_stands_still_is_known_by_why() {
        assert_eq!(of("running"), Power::Running);
        assert_eq!(of("paused"), Power::Paused);
        assert_eq!(of("io-error"), Power::IoError);
    }
}
