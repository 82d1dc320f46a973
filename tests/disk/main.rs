//! Disks of nodes, from a stand-in image of a few MiB; judged by qemu-img, which the program itself has run, and by bytes.

#[path = "../common/mod.rs"]
mod common;

mod base;
mod cached;
mod data;
mod kinds;
mod output;
mod wrong;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use common::{Lab, Outcome, judge, judged, outcome};

/// MiB of the stand-in's disk.
const BASE_MIB: u64 = 64;

/// A lab whose cloud image is `base.qcow2` beside it, and whose nodes have disks of 10 and 12 GiB.
fn lab() -> Lab {
    lab_with("")
}

/// The same, with more keys of the compute's.
fn lab_with(more: &str) -> Lab {
    let lab = Lab::new("nodes: {controller: {role: controller, address: 10.0.0.11}}\n");
    image(&lab, "base.qcow2");
    let text = format!(
        "cloud_image: {{path: base.qcow2, sha256: {}}}\nnodes:\n  controller: {{role: controller, address: 10.0.0.11, disk: 10GiB}}\n  compute: {{role: compute, address: 10.0.0.31, disk: 12GiB{more}}}\n",
        sha256(&lab.path("base.qcow2"))
    );
    fs::write(lab.path("lab.yaml"), text).expect("written");
    lab
}

/// Makes an image with something at its beginning, in its middle and at its end.
fn image(lab: &Lab, name: &str) {
    let path = lab.path(name);
    let mut create = judge("qemu-img");
    create.args(["create", "-q", "-f", "qcow2"]).arg(&path).arg(format!("{BASE_MIB}M"));
    judged(create);
    let mut write = judge("qemu-io");
    write.args(["-f", "qcow2"]);
    for part in ["-P 1 0 64k", "-P 2 20M 3M", "-P 3 67043328 64k"] {
        write.args(["-c", &format!("write {part}")]);
    }
    write.arg(&path);
    judged(write);
}

/// A file's digest.
fn sha256(path: &Path) -> String {
    let mut command = judge("sha256sum");
    command.arg(path);
    judged(command).stdout.split(' ').next().expect("a digest").to_owned()
}

/// What qemu-img tells of a disk.
fn info(path: &Path, format: &str) -> serde_json::Value {
    let mut command = judge("qemu-img");
    command.args(["info", "--output=json", "-f", format]).arg(path);
    serde_json::from_str(&judged(command).stdout).expect("JSON")
}

/// Whether all that is on two disks is the same, but for zeros at the end of the larger one.
fn are_equal(lab: &Lab, one: (&str, &str), other: (&str, &str)) {
    let mut command = judge("qemu-img");
    command
        .args(["compare", "-f", one.1, "-F", other.1])
        .arg(lab.path(one.0))
        .arg(lab.path(other.0));
    judged(command);
}

/// What is in the lab's folder beside what was there.
fn left(lab: &Lab) -> Vec<String> {
    let ours = ["base.qcow2", "fakes", "lab.yaml", "secrets.yaml"];
    lab.names(".").into_iter().filter(|name| !ours.contains(&name.as_str())).collect()
}

/// A command that finds another qemu-img first: a script, in which `$real` is the real one.
fn with_fake(lab: &Lab, script: &str, arguments: &[&str]) -> Command {
    let real = judge("which").arg("qemu-img").output().expect("which").stdout;
    let real = String::from_utf8(real).expect("a path");
    fs::create_dir_all(lab.path("fakes")).expect("made");
    let fake = lab.path("fakes/qemu-img");
    let script = format!("#!/bin/sh\nreal={}\n{script}\nexec $real \"$@\"\n", real.trim());
    fs::write(&fake, script).expect("written");
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("set");
    let mut command = lab.command(arguments);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", lab.path("fakes").display()));
    command
}

/// What must be refused with this status and these words, and leaves nothing.
fn refused(lab: &Lab, arguments: &[&str], status: i32, told: &str) -> Outcome {
    let before = lab.names(".");
    let refused = lab.run(arguments);
    assert_eq!(refused.status, status, "{arguments:?}: {refused:?}");
    assert!(refused.stderr.contains(told), "{told}: {refused:?}");
    assert_eq!(lab.names("."), before, "{arguments:?}");
    refused
}

/// The same with another qemu-img.
fn refused_with(lab: &Lab, script: &str, arguments: &[&str], status: i32, told: &str) {
    let refused = outcome(with_fake(lab, script, arguments));
    assert_eq!(refused.status, status, "{script}: {refused:?}");
    assert!(refused.stderr.contains(told), "{told}: {refused:?}");
    assert_eq!(left(lab), Vec::<String>::new(), "{script}");
}
