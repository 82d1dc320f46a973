//! Where hosts live, and what a run that was killed left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::common::ROOT;

/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Waits for the right to be the one test that runs.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program of the machine that must do what it is told.
pub fn must(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}: run scripts/dev/setup.sh"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}

/// The same, where it does not matter whether it could.
pub fn may(program: &str, arguments: &[&str]) {
    let _ = Command::new(program).args(arguments).output();
}

/// A folder in memory for the layers of a test's hosts, and the right to be the one test that runs.
pub struct Area {
    folder: PathBuf,
    tree: PathBuf,
    begun: Instant,
    _turn: MutexGuard<'static, ()>,
}

impl Area {
    /// Waits for its turn.
    pub fn new(with_openstack: bool) -> Self {
        let turn = turn();
        assert_eq!(must("id", &["-u"]).trim(), "0", "test hosts need root: run this as root");
        for program in ["systemd-nspawn", "ip", "unshare", "nsenter", "setpriv"] {
            must("which", &[program]);
        }
        remove_leftovers();
        let options: &[&str] =
            if with_openstack { &["--there", "--openstack"] } else { &["--there"] };
        let tree = must(&format!("{ROOT}/scripts/dev/node-root.sh"), options);
        let folder = PathBuf::from(format!("{ROOT}/target/node-hosts/{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        must("mount", &["-t", "tmpfs", "-o", "size=12G", "trainyard-hosts", text(&folder)]);
        Self { folder, tree: tree.trim().into(), begun: Instant::now(), _turn: turn }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside)
    }

    /// The root file system under all layers.
    pub fn tree(&self) -> &Path {
        &self.tree
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        may("umount", &["--lazy", text(&self.folder)]);
        let _ = fs::remove_dir(&self.folder);
        let test = std::thread::current();
        println!("{}: {:.1?}", test.name().unwrap_or_default(), self.begun.elapsed());
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

/// How namespaces and groups of this process are called.
pub fn prefix() -> String {
    format!("ty{}-", std::process::id())
}

/// What belongs to a process that is no more. Its hosts ended with it.
fn remove_leftovers() {
    let is_gone =
        |number: &str| number.parse::<u32>().is_ok() && !Path::new("/proc").join(number).exists();
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    };
    let ours = |name: &str| {
        name.strip_prefix("ty").and_then(|n| n.split_once('-')).is_some_and(|(n, _)| is_gone(n))
    };
    for name in names("/run/netns") {
        if ours(&name) {
            may("ip", &["netns", "delete", &name]);
        }
    }
    for base in CGROUPS {
        for name in names(base) {
            if ours(&name) {
                remove_group(&Path::new(base).join(name));
            }
        }
    }
    let hosts = format!("{ROOT}/target/node-hosts");
    for name in names(&hosts) {
        if is_gone(&name) {
            let folder = format!("{hosts}/{name}");
            may("umount", &["--lazy", &folder]);
            let _ = fs::remove_dir(&folder);
        }
    }
}

/// Where systemd keeps groups of processes, with cgroups of either version or both.
pub const CGROUPS: [&str; 3] =
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];

/// Removes a group that has no processes any more, from its leaves on.
pub fn remove_group(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_group(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
