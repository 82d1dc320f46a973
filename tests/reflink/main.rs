//! Role ISOs on a file system that can share blocks: XFS in a file, on a loop device of the test's own.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

fn sha256(path: &Path) -> String {
    let mut command = judge("sha256sum");
    command.arg(path);
    judged(command).stdout.split(' ').next().expect("a digest").to_owned()
}

/// Builds both nodes' ISOs, and tells whether they share blocks.
fn build(lab: &Lab, output: &str, base: &Path) -> bool {
    let mut command = lab.command(&["build", "--format", "json", "-o", output, "--image"]);
    command.arg(base).env("SOURCE_DATE_EPOCH", "1700000000");
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
    let mut standin = Command::new(Path::new(ROOT).join("scripts/dev/standin-iso.sh"));
    standin.args(["--no-kernel", "--size-mib", "150", "-o"]).arg(&base);
    judged(standin);
    let sum = sha256(&base);
    let before = xfs.used(&lab);
    assert!(build(&lab, "xfs/isos", &base), "XFS shares blocks");
    let each = (xfs.used(&lab) - before) / 2;
    println!("newly allocated: {} KiB an ISO, of a base of 150 MiB", each >> 10);
    assert!(each <= 2 << 20, "{each} bytes an ISO");
    // The same bytes where nothing is shared: on another file system.
    assert!(!build(&lab, "whole", &base), "nothing is shared between file systems");
    for node in ["controller", "compute"] {
        let [shared, whole] =
            ["xfs/isos", "whole"].map(|folder| lab.path(&format!("{folder}/{node}.iso")));
        assert_eq!(sha256(&shared), sha256(&whole), "{node}");
        let mut check = judge("checkisomd5");
        check.arg(&shared);
        judged(check);
    }
    assert_eq!(sha256(&base), sum, "the base is as it was");
    // It can be had back, sharing blocks again.
    let before = xfs.used(&lab);
    lab.done(&["reset", "xfs/isos/controller.iso", "-o", "xfs/back.iso"]);
    assert_eq!(sha256(&lab.path("xfs/back.iso")), sum);
    assert!(xfs.used(&lab) - before <= 2 << 20);
    // A base on a file system that cannot be written to is as good as another.
    xfs.mount("remount,ro", Path::new("none"));
    assert!(!build(&lab, "elsewhere", &base));
    let refused = lab.run(&["build", "-o", "xfs/more", "--image", &base.display().to_string()]);
    assert_eq!(refused.status, 9, "{refused:?}");
    assert!(refused.stderr.contains("Read-only file system"), "{refused:?}");
}
