//! What is there already, and where there is no room.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Lab, Outcome, outcome};
use crate::{are_equal, judge, lab, left, refused, with_fake};

#[test]
fn what_is_there_stays_unless_it_is_to_go() {
    let lab = lab();
    fs::write(lab.path("compute.qcow2"), "mine").expect("written");
    refused(
        &lab,
        &["disk", "compute"],
        8,
        "`compute.qcow2` is there already: `--force` replaces it",
    );
    assert_eq!(lab.read("compute.qcow2"), "mine");
    lab.done(&["disk", "compute", "--force"]);
    are_equal(&lab, ("base.qcow2", "qcow2"), ("compute.qcow2", "qcow2"));

    let before = fs::read(lab.path("base.qcow2")).expect("the image");
    let onto = ["disk", "compute", "--force", "-o", "./base.qcow2"];
    refused(&lab, &onto, 8, "is the image that the disk is made from; write somewhere else");
    assert!(fs::read(lab.path("base.qcow2")).expect("the image") == before);

    fs::create_dir(lab.path("folder")).expect("made");
    for place in ["folder", "/dev/null"] {
        let onto = ["disk", "compute", "--force", "--kind", "raw", "-o", place];
        refused(&lab, &onto, 9, "is no file that could be replaced");
    }
    assert_eq!(lab.names("folder"), Vec::<String>::new());
    refused(&lab, &["disk", "nobody"], 2, "the lab has no node `nobody`");
}

/// A program that has a disk open for writing, as QEMU has that of a machine that runs.
fn user_of(lab: &Lab, name: &str, format: &str) -> Child {
    let mut user = judge("qemu-io");
    user.args(["-f", format, "-c", "sleep 60000"]).arg(lab.path(name));
    let user = user.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("started");
    let inode = fs::metadata(lab.path(name)).expect("there").ino();
    let begun = Instant::now();
    while !fs::read_to_string("/proc/locks").expect("locks").contains(&format!(":{inode} ")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it locks {name}");
        thread::sleep(Duration::from_millis(20));
    }
    user
}

fn end(mut user: Child) {
    user.kill().expect("ended");
    user.wait().expect("ended");
}

/// A machine that runs would go on writing to a disk that has no name any more.
#[test]
fn a_disk_that_is_in_use_is_not_replaced() {
    let lab = lab();
    for (kind, name) in [("qcow2", "compute.qcow2"), ("raw", "compute.raw")] {
        lab.done(&["disk", "compute", "--kind", kind]);
        let user = user_of(&lab, name, kind);
        let told = format!(
            "`{name}` is in use: another program, such as a running machine, has locked it"
        );
        refused(&lab, &["disk", "compute", "--kind", kind, "--force"], 8, &told);
        end(user);
        lab.done(&["disk", "compute", "--kind", kind, "--force"]);
    }
}

/// The image itself is a machine's disk.
#[test]
fn an_image_that_is_in_use_is_told() {
    let lab = lab();
    let user = user_of(&lab, "base.qcow2", "qcow2");
    refused(&lab, &["disk", "compute"], 8, "base.qcow2` is in use: another program");
    end(user);
    lab.done(&["disk", "compute"]);
}

/// A command with a small file system for the disks, and what is left there.
fn with_room(lab: &Lab, options: &str, mut command: std::process::Command) -> (Outcome, String) {
    fs::create_dir_all(lab.path("disks")).expect("made");
    command.stdin(Stdio::null());
    let mut all = judge("unshare");
    all.args(["--map-root-user", "--mount", "sh", "-c"]);
    all.arg(r#"mount -t tmpfs -o "$1" tmpfs disks && shift && "$@"; code=$?; ls -A disks >left; exit $code"#);
    all.args(["sh", options]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            all.env(name, value);
        }
    }
    all.current_dir(lab.path("."));
    let outcome = outcome(all);
    (outcome, lab.read("left"))
}

#[test]
fn where_there_is_no_room_nothing_is_begun() {
    let lab = lab();
    // The image has 3 MiB and two clusters; the tables of a disk of 12 GiB take some.
    for (kind, size, needed) in
        [("qcow2", "1m", 4), ("vdi", "6m", 10), ("vmdk", "7m", 9), ("raw", "7m", 8)]
    {
        let name = format!("disks/one.{kind}");
        let command = lab.command(&["disk", "compute", "-v", "--kind", kind, "-o", &name]);
        let (outcome, left) = with_room(&lab, &format!("size={size}"), command);
        assert_eq!(outcome.status, 9, "{kind}: {outcome:?}");
        let told = format!(
            "`disks` has {} MiB free, and {needed} MiB are needed; free some",
            size.trim_end_matches('m')
        );
        assert!(outcome.stderr.contains(&told), "{told}: {outcome:?}");
        assert!(!outcome.stderr.contains("qemu-img create"), "{outcome:?}");
        assert_eq!(left, "");
    }
    // And that much is enough.
    for (kind, size) in
        [("qcow2", "size=4m"), ("vdi", "size=10m"), ("vmdk", "size=9m"), ("raw", "size=8m")]
    {
        let name = format!("disks/one.{kind}");
        let (outcome, left) =
            with_room(&lab, size, lab.command(&["disk", "compute", "--kind", kind, "-o", &name]));
        assert_eq!((outcome.status, left.trim()), (0, &name[6..]), "{kind}: {outcome:?}");
        assert!(
            outcome
                .stderr
                .contains("note: it grows to 12288 MiB as the node writes, and `disks` has "),
            "{outcome:?}"
        );
    }
}

/// There was room when it was measured.
#[test]
fn where_the_room_is_gone_nothing_is_left() {
    let lab = lab();
    let script = r#"if [ "$1" = map ]; then echo '[]'; exit; fi; if [ "$1" = measure ]; then echo '{"required": 1}'; exit; fi"#;
    for kind in ["vdi", "vmdk", "raw"] {
        let name = format!("disks/one.{kind}");
        let command = with_fake(&lab, script, &["disk", "compute", "--kind", kind, "-o", &name]);
        let (outcome, left) = with_room(&lab, "size=3m", command);
        assert_eq!(outcome.status, 9, "{kind}: {outcome:?}");
        assert!(outcome.stderr.contains("`disks` has "), "{kind}: {outcome:?}");
        assert!(outcome.stderr.contains(" MiB are needed"), "{kind}: {outcome:?}");
        assert_eq!(left, "", "{kind}");
    }
}

#[test]
fn what_is_interrupted_leaves_nothing() {
    let lab = lab();
    for (step, kind) in [("create", "qcow2"), ("convert", "vdi"), ("compare", "raw")] {
        let script = format!("if [ \"$1\" = {step} ]; then : >fakes/begun; sleep 60; fi");
        let mut running = with_fake(&lab, &script, &["disk", "compute", "--kind", kind])
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let begun = Instant::now();
        while !lab.path("fakes/begun").exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{step}");
            thread::sleep(Duration::from_millis(20));
        }
        assert_ne!(left(&lab), Vec::<String>::new(), "{step}: it has begun");
        judge("kill").args(["-INT", &running.id().to_string()]).status().expect("sent");
        assert_eq!(running.wait().expect("ended").code(), Some(130), "{step}");
        assert!(begun.elapsed() < Duration::from_secs(40), "{step}: it is not waited for");
        assert_eq!(left(&lab), Vec::<String>::new(), "{step}");
        fs::remove_file(lab.path("fakes/begun")).expect("removed");
    }
}
