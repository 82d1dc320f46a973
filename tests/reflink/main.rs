//! Role ISOs of a medium on other file systems, which only root mounts: one that can share blocks (XFS in a file, on a loop device of the
//! test's own), and one that a program is.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{Lab, ROOT, judge, judged, outcome};

/// A file system in a file, mounted as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn xfs(lab: &Lab) -> Self {
        let (file, folder) = (lab.path("xfs.img"), lab.path("xfs"));
        fs::File::create(&file).and_then(|f| f.set_len(512 << 20)).expect("a file");
        fs::create_dir(&folder).expect("a folder");
        let mut mkfs = judge("mkfs.xfs");
        mkfs.args(["-q", "-m", "reflink=1"]).arg(&file);
        judged(mkfs);
        let mounted = Self(folder);
        mounted.mount("loop", &file);
        mounted
    }

    fn mount(&self, options: &str, what: &Path) {
        let mut mount = judge("mount");
        mount.args(["-o", options]).arg(what).arg(&self.0);
        judged(mount);
    }

    /// Bytes of it that are in use; not what XFS has set aside for what might be written next, which it gives back.
    fn used(&self, lab: &Lab) -> u64 {
        let mut umount = judge("umount");
        umount.arg(&self.0);
        judged(umount);
        self.mount("loop", &lab.path("xfs.img"));
        let mut df = judge("df");
        df.args(["--output=used", "-B1"]).arg(&self.0);
        judged(df).stdout.lines().last().and_then(|n| n.trim().parse().ok()).expect("a number")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A file that a program hands out, as long as this lives.
struct Handed(Child, PathBuf);

impl Handed {
    fn out(file: &Path, path: PathBuf) -> Self {
        fs::write(&path, "").expect("a place for it");
        let node = format!("driver=file,node-name=medium,read-only=on,filename={}", file.display());
        let export =
            format!("type=fuse,id=it,node-name=medium,writable=off,mountpoint={}", path.display());
        let mut program = judge("qemu-storage-daemon");
        program.args(["--blockdev", &node, "--export", &export]);
        let handed = Self(program.spawn().expect("started"), path);
        let begun = Instant::now();
        while fs::metadata(&handed.1).expect("there").len() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not appear");
            std::thread::sleep(Duration::from_millis(20));
        }
        handed
    }

    /// It is there, and nobody hands it out any more.
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.end();
        let _ = Command::new("umount").arg(&self.1).status();
    }
}

fn standin(path: &Path, size_mib: &str) {
    let mut standin = Command::new(Path::new(ROOT).join("scripts/dev/standin-iso.sh"));
    standin.args(["--no-kernel", "--size-mib", size_mib, "-o"]).arg(path);
    judged(standin);
}

fn sha256(path: &Path) -> String {
    let mut command = judge("sha256sum");
    command.arg(path);
    judged(command).stdout.split(' ').next().expect("a digest").to_owned()
}

/// Builds both nodes' ISOs, and tells whether they share blocks.
fn build(lab: &Lab, output: &str, base: &Path, more: &[&str]) -> bool {
    let mut command = lab.command(&["build", "--format", "json", "-o", output, "--image"]);
    command.arg(base).args(more).env("SOURCE_DATE_EPOCH", "1700000000");
    let built = outcome(command);
    assert_eq!(built.status, 0, "{built:?}");
    let data: serde_json::Value = serde_json::from_str(&built.stdout).expect("JSON");
    let shared: Vec<_> =
        data["isos"].as_array().expect("ISOs").iter().map(|iso| &iso["shared"]).collect();
    assert_eq!(shared.len(), 2, "{data}");
    assert_eq!(shared[0], shared[1]);
    shared[0].as_bool().expect("yes or no")
}

#[test]
fn an_iso_costs_what_differs_and_is_the_same_as_elsewhere() {
    let lab = Lab::example("smallest.yaml");
    let xfs = Mounted::xfs(&lab);
    let base = xfs.0.join("base.iso");
    standin(&base, "150");
    let sum = sha256(&base);
    let before = xfs.used(&lab);
    assert!(build(&lab, "xfs/isos", &base, &[]), "XFS shares blocks");
    let each = (xfs.used(&lab) - before) / 2;
    println!("newly allocated: {} KiB an ISO, of a base of 150 MiB", each >> 10);
    assert!(each <= 2 << 20, "{each} bytes an ISO");
    // The same bytes where nothing is shared: on another file system.
    assert!(!build(&lab, "whole", &base, &[]), "nothing is shared between file systems");
    for node in ["controller", "compute"] {
        let [shared, whole] =
            ["xfs/isos", "whole"].map(|folder| lab.path(&format!("{folder}/{node}.iso")));
        assert_eq!(sha256(&shared), sha256(&whole), "{node}");
        let mut check = judge("checkisomd5");
        check.arg(&shared);
        judged(check);
    }
    // Nor does it matter in which order they are written, as without a checksum.
    let unchecked = |folder| build(&lab, folder, &base, &["--no-media-check"]);
    assert!(unchecked("xfs/unchecked") && !unchecked("unchecked"));
    for node in ["controller", "compute"] {
        let isos = ["xfs/unchecked", "unchecked"].map(|f| lab.path(&format!("{f}/{node}.iso")));
        assert_eq!(sha256(&isos[0]), sha256(&isos[1]), "{node}");
    }
    assert_eq!(sha256(&base), sum, "the base is as it was");
    // It can be had back, sharing blocks again.
    let before = xfs.used(&lab);
    lab.done(&["reset", "xfs/isos/controller.iso", "-o", "xfs/back.iso"]);
    assert_eq!(sha256(&lab.path("xfs/back.iso")), sum);
    assert!(xfs.used(&lab) - before <= 2 << 20);
    // A base on a file system that cannot be written to is as good as another.
    xfs.mount("remount,ro", Path::new("none"));
    assert!(!build(&lab, "elsewhere", &base, &[]));
    let refused = lab.run(&["build", "-o", "xfs/more", "--image", &base.display().to_string()]);
    assert_eq!(refused.status, 9, "{refused:?}");
    assert!(refused.stderr.contains("Read-only file system"), "{refused:?}");
}

/// As on a network file system, of which this machine has none: what reads it is a program, no blocks are shared, and it may go away.
#[test]
fn a_base_on_a_file_system_that_a_program_is() {
    let lab = Lab::example("smallest.yaml");
    let base = lab.path("base.iso");
    standin(&base, "8");
    let mut handed = Handed::out(&base, lab.path("handed.iso"));
    let there = handed.1.clone();
    assert!(!build(&lab, "handed", &there, &[]));
    build(&lab, "own", &base, &[]);
    for node in ["controller", "compute"] {
        let isos = ["handed", "own"].map(|folder| lab.path(&format!("{folder}/{node}.iso")));
        assert_eq!(sha256(&isos[0]), sha256(&isos[1]), "{node}");
    }
    handed.end();
    let gone = lab.run(&["build", "-o", "gone", "--image", &there.display().to_string()]);
    assert_eq!(gone.status, 9, "{gone:?}");
    assert!(
        gone.stderr.contains("handed.iso") && gone.stderr.contains("not connected"),
        "{gone:?}"
    );
    assert!(!lab.path("gone/controller.iso").exists());
}
