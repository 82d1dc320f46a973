//! Disks that are too small, become full, or cannot be written.

use std::fs;

use crate::common::{self, Outcome};
use crate::server::{Reply, Server};
use crate::{Bench, good, sha256};

/// A command in a mount namespace of its own, with a small file system for the cache.
fn with_disk(bench: &Bench, options: &str, arguments: &[&str]) -> Outcome {
    fs::create_dir_all(bench.cache()).expect("made");
    let fetch = bench.command(arguments);
    let mut command = common::judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(r#"mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && "$@"; code=$?; exit $code"#);
    command
        .args(["sh", options])
        .arg(bench.cache())
        .arg(fetch.get_program())
        .args(fetch.get_args());
    command.current_dir(bench.folder.path()).env("HOME", bench.folder.path());
    common::outcome(command)
}

#[test]
fn the_disk_is_too_small() {
    let bench = Bench::new(3_000_000);
    let server = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    let arguments = ["--url", &server.url("/big.iso"), "--sha256", &sum, "--size", "3000000"];
    let outcome = with_disk(&bench, "size=1m", &arguments);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("MiB free, and 3 MiB are needed; free some"), "{outcome:?}");
}

#[test]
fn the_disk_becomes_full() {
    let bench = Bench::new(3_000_000);
    let file = bench.file.clone();
    // How much it will be, nobody says.
    let server = Server::new(move |_| Reply { length: None, ..Reply::whole(&file) });
    let sum = sha256(&bench.file);
    let arguments = ["--url", &server.url("/big.iso"), "--sha256", &sum];
    let outcome = with_disk(&bench, "size=1m", &arguments);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    assert!(outcome.stderr.contains("sends more than there is room for"), "{outcome:?}");
}

/// There was room, and somebody else took it: a part that cannot grow. What is there stays, and the next run goes on.
#[test]
fn the_disk_becomes_full_by_others() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    fs::create_dir_all(bench.part().parent().expect("a folder")).expect("made");
    std::os::unix::fs::symlink("/dev/full", bench.part()).expect("linked");
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 9, "{outcome:?}");
    let told = format!("the disk is full; what was brought stays in `{}`", bench.part().display());
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    bench.is_right_or_nothing();
    fs::remove_file(bench.part()).expect("removed");
    assert_eq!(bench.fetch(&server.url("/big.iso")).status, 0);
    bench.is_right();
}

#[test]
fn the_cache_cannot_be_written() {
    let bench = Bench::new(1000);
    let server = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    let arguments = ["--url", &server.url("/big.iso"), "--sha256", &sum];
    let outcome = with_disk(&bench, "ro", &arguments);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("Read-only file system"), "{outcome:?}");
    assert_eq!(server.sent(), 0);
}

/// Where a file can have no second name, as on a mount of its own, its bytes are copied, and proved.
#[test]
fn a_file_that_can_have_one_name_only() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    assert_eq!(bench.fetch(&server.url("/big.iso")).status, 0);
    let sum = sha256(&bench.file);
    let fetch = bench.command(&["--url", &server.url("/other.iso"), "--sha256", &sum]);
    let mut command = common::judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(r#"mount --bind "$1" "$1" && shift && exec "$@""#).arg("sh").arg(bench.place());
    command.arg(fetch.get_program()).args(fetch.get_args()).current_dir(bench.folder.path());
    let outcome = common::outcome(command);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("gets this name as well"), "{outcome:?}");
    let other = bench.place().with_file_name("other.iso");
    assert!(fs::read(&other).expect("the copy") == bench.file);
    let inode = |path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("a file"));
    assert_ne!(inode(bench.place()), inode(other));
    assert_eq!(server.requests().len(), 1);
    assert!(bench.leaves_no_part());
}
