//! Disks that are too small, or cannot be written.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::common::{judge, outcome};
use crate::host::Host;
use crate::lock::locked;
use crate::repositories::{is_package, repositories};
use crate::served::{Served, command};
use crate::server::Reply;
use crate::stack::LARGE;
use crate::upstream::Upstream;

/// The same command in a mount namespace of its own, with a small file system for the cache.
fn with_disk(options: &str, inner: Command) -> Command {
    with_disk_at("cache", options, inner)
}

/// The same for another folder of the lab's.
fn with_disk_at(name: &str, options: &str, inner: Command) -> Command {
    let folder = inner.get_current_dir().expect("the lab's").join(name);
    fs::create_dir_all(&folder).expect("made");
    let mut command = judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(r#"mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@""#);
    command.args(["sh", options]).arg(folder).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(inner.get_current_dir().expect("the lab's"));
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// What has no room is refused, the person is told, and a host takes it from a mirror; what has room is kept as ever.
#[test]
fn the_disk_is_full() {
    let mirror = Upstream::new();
    let cache = Served::with(&[&mirror], |command| with_disk("size=2m", command));
    let (small, large) = (repositories().named("etcd"), repositories().named(LARGE));
    cache.right(&small);
    for _ in 0..3 {
        let answer = cache.get(&large);
        assert_eq!(answer.status, 507, "{}", answer.text());
    }
    cache.says("free");
    Host::new(&cache.of_nodes(&[&mirror])).installs(&["rabbitmq-server"]);
    assert!(mirror.asked_by_dnf() > 0);
    cache.right(&repositories().named("chrony"));
    let sent = mirror.sent();
    cache.right(&small);
    assert_eq!(mirror.sent(), sent, "what was kept is still there");
}

/// It becomes full while files are on their way, whose sizes together nobody has checked.
#[test]
fn the_disk_becomes_full_on_the_way() {
    let mirror = Upstream::new();
    let cache = Served::with(&[&mirror], |command| with_disk("size=6m", command));
    let paths: Vec<_> = repositories().tree.keys().filter(|it| is_package(it)).collect();
    for path in paths.iter().filter(|it| !it.contains("erlang")) {
        cache.right(path);
    }
    let slow = |reply: Reply| reply.pace(16 << 10, Duration::from_millis(5));
    mirror.fault(move |_, _, reply| slow(reply));
    thread::scope(|scope| {
        for path in &paths {
            scope.spawn(|| cache.right_or_nothing(path));
        }
    });
    let verified = paths.iter().filter(|path| cache.right_or_nothing(path)).count();
    assert!(verified >= paths.len() - 3, "{verified} of {}", paths.len());
}

#[test]
fn the_cache_cannot_be_written() {
    let mirror = Upstream::new();
    let cache = Served::with(&[&mirror], |command| with_disk("ro", command));
    let answer = cache.get(&repositories().named("etcd"));
    assert_eq!(answer.status, 507, "{}", answer.text());
    assert!(!answer.text().contains("cache"), "where it lies is nobody's business");
    cache.says("Read-only file system");
    Host::new(&cache.of_nodes(&[&mirror])).installs(&["etcd"]);
}

/// A bundle that has no room is not begun; one that goes to another file system than the cache's is copied.
#[test]
fn a_bundle_elsewhere() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    for output in ["other/bundle", "other/packages.iso"] {
        let bundle = |options: &str| {
            let inner = command(&lab, &["bundle", "-o", output]);
            outcome(with_disk_at("other", options, inner))
        };
        let full = bundle("size=4m");
        assert_eq!(full.status, 9, "{full:?}");
        assert!(full.stderr.contains("MiB free") && !full.stderr.contains("xorriso"), "{full:?}");
        let written = bundle("size=60m");
        assert_eq!(written.status, 0, "{written:?}");
    }
}
