//! Does steps: what a step says, and no more.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Act, MachineError, Step, qemu};
use crate::appear::{AppearError, Growing};
use crate::interrupt;
use crate::tool::{Tool, ToolError, Wanted};

/// What VBoxManage says of a machine that somebody holds: the code of a lock that cannot be had (`VBOX_E_INVALID_OBJECT_STATE`, which
/// `startvm`, `modifyvm` and `storageattach` end with), and the sentences of `Machine::checkStateDependency` and `Machine::unregister`. A
/// word such as "lock" alone may stand in a path.
pub(super) const LOCKED: [&str; 3] =
    ["VBOX_E_INVALID_OBJECT_STATE", "is already locked", "while it is locked"];

/// How long is waited before a program is run again.
const PAUSE: Duration = Duration::from_millis(250);

/// Does one step. `media` does [`Act::Media`].
///
/// # Errors
/// It fails.
pub fn perform(
    step: &Step,
    media: &mut dyn FnMut(&Step) -> Result<(), MachineError>,
) -> Result<(), MachineError> {
    interrupt::check()?;
    match &step.act {
        Act::Run { program, arguments, may_fail } => match run(program, arguments) {
            Err(ToolError::Failed { .. }) if *may_fail => Ok(()),
            done => Ok(done?),
        },
        Act::Insist { program, arguments, seconds } => insist(program, arguments, *seconds),
        Act::Folder { path } => folder(path).map_err(MachineError::io(path)),
        Act::Write { path, text } => write(path, text),
        Act::Remove { path } => remove(path).map_err(MachineError::io(path)),
        Act::RemoveEmpty { path } => remove_empty(path).map_err(MachineError::io(path)),
        Act::Start { arguments, socket } => qemu::start(arguments, socket),
        Act::Tell { socket, command, ends } => qemu::tell(socket, command, *ends),
        Act::Begin { program, arguments, until, log } => {
            qemu::begin(program, arguments, until, log)
        }
        Act::Disconnect { socket } => qemu::disconnect(socket),
        Act::Media { .. } => media(step),
    }
}

fn run(program: &'static str, arguments: &[String]) -> Result<(), ToolError> {
    let wanted = Wanted {
        name: program,
        purpose: "to make the lab's machines",
        hint: "`trainyard doctor` says how",
    };
    Tool::locate(wanted)?.run(arguments).finish().map(drop)
}

/// Runs it until it does not say any more that something is locked, or the time is over.
fn insist(program: &'static str, arguments: &[String], seconds: u64) -> Result<(), MachineError> {
    let begun = Instant::now();
    loop {
        match run(program, arguments) {
            Err(ToolError::Failed { tail, .. })
                if LOCKED.iter().any(|said| tail.contains(said))
                    && begun.elapsed() < Duration::from_secs(seconds) =>
            {
                thread::sleep(PAUSE);
                interrupt::check()?;
            }
            done => return Ok(done?),
        }
    }
}

/// Makes it with those above it that are missing; what is made here nobody else may enter.
fn folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(path)
}

fn write(path: &Path, text: &str) -> Result<(), MachineError> {
    let failed = |error| match error {
        AppearError::Interrupted(asked) => asked.into(),
        AppearError::Io { path, source } => MachineError::Io { path, source },
        AppearError::Exists(_) => MachineError::Said(error.to_string()),
    };
    let growing = Growing::begin(path, true).map_err(failed)?;
    let opened = fs::OpenOptions::new().write(true).open(growing.path());
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(MachineError::io(path))?;
    growing.keep().map(drop).map_err(failed)
}

fn remove_empty(path: &Path) -> io::Result<()> {
    fs::remove_dir(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty => Ok(()),
        _ => Err(error),
    })
}

/// A link goes, and what it leads to stays.
fn remove(path: &Path) -> io::Result<()> {
    let gone = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    gone.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn done(act: Act) -> Result<(), MachineError> {
        perform(&Step::lab("test", act), &mut |_| panic!("done here"))
    }

    #[test]
    fn folders_are_private_and_texts_whole() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("a/b");
        done(Act::Folder { path: path.clone() }).expect("made");
        done(Act::Folder { path: path.clone() }).expect("there already");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o700);
        let file = path.join("text");
        for text in ["one\n", "two\n"] {
            done(Act::Write { path: file.clone(), text: text.into() }).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("there"), text);
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_what_a_link_leads_to_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let kept = home.path().join("kept");
        fs::create_dir(&kept).expect("made");
        let path = home.path().join("lab");
        done(Act::Remove { path: path.clone() }).expect("none is there");
        fs::create_dir(&path).expect("made");
        symlink(&kept, path.join("inside")).expect("linked");
        done(Act::Remove { path: path.clone() }).expect("removed");
        symlink(&kept, &path).expect("linked");
        done(Act::Remove { path: path.clone() }).expect("removed");
        assert!(path.symlink_metadata().is_err() && kept.is_dir());
    }

    #[test]
    fn a_folder_with_something_in_it_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("lab");
        let leave = || done(Act::RemoveEmpty { path: path.clone() }).expect("done");
        leave();
        fs::create_dir(&path).expect("made");
        fs::write(path.join("thesis"), "").expect("written");
        leave();
        assert!(path.join("thesis").exists());
        fs::remove_file(path.join("thesis")).expect("removed");
        leave();
        assert!(!path.exists());
    }

    fn sh(script: &str, may_fail: bool) -> Result<(), MachineError> {
        done(Act::Run { program: "sh", arguments: vec!["-c".into(), script.into()], may_fail })
    }

    #[test]
    fn a_failure_counts_unless_it_may_be() {
        sh("exit 0", false).expect("it works");
        sh("exit 3", true).expect("it may fail");
        assert!(sh("exit 3", false).is_err());
    }

    #[test]
    fn what_is_locked_is_tried_again_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder");
        let tries = home.path().join("tries");
        let insist = |script: &str, seconds| {
            let script = format!("echo >> '{}'; {script}", tries.display());
            let arguments = vec!["-c".to_owned(), script];
            done(Act::Insist { program: "sh", arguments, seconds })
        };
        let count = || fs::read_to_string(&tries).expect("tried").lines().count();
        let third = format!(
            "[ $(wc -l < '{}') = 3 ] || {{ echo it is already locked >&2; exit 1; }}",
            tries.display()
        );
        insist(&third, 60).expect("the third time");
        assert_eq!(count(), 3);
        assert!(insist("echo no /home/locksmith >&2; exit 1", 60).is_err());
        assert_eq!(count(), 4);
        assert!(insist("echo it is already locked >&2; exit 1", 0).is_err());
    }
}
