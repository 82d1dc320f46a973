//! The cache is killed.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::locked;
use crate::repositories::repositories;
use crate::served::{Served, command};
use crate::stack::{CHANGED, LARGE, UPDATED};
use crate::upstream::Upstream;

/// A number below this that depends on the other one and nothing else.
fn chance(number: u64, below: u64) -> u64 {
    let mut mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 32) % below
}

/// In the middle of fetches, twenty times: what it kept is right, and hardly a byte comes twice.
#[test]
fn at_twenty_moments() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let wanted: Vec<String> = [LARGE, "etcd", "mariadb-server", "qemu-kvm-ev", "rabbitmq-server"]
        .map(|name| repositories().named(name))
        .into();
    let all: u64 = wanted.iter().map(|path| repositories().file(path).len() as u64).sum();
    let packages = wanted.clone();
    mirror.fault(move |path, _, reply| {
        let is_wanted = packages.iter().any(|it| it == path);
        if is_wanted { reply.pace(8 << 10, Duration::from_millis(2)) } else { reply }
    });
    let of_packages = || wanted.iter().map(|path| mirror.sent_of(path)).sum::<u64>();
    let mut killed_on_the_way = 0;
    for number in 0..20 {
        // Counted in what it was sent: a busy machine starts slowly, and goes as far.
        let (before, bytes) = (of_packages(), chance(number, all / 12));
        thread::scope(|scope| {
            let clients: Vec<_> = wanted
                .iter()
                .map(|path| {
                    let cache = &cache;
                    scope.spawn(move || cache.right_or_nothing(path))
                })
                .collect();
            let begun = Instant::now();
            while of_packages() - before < bytes && begun.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(1));
            }
            cache.kill_now();
            let came = clients.into_iter().map(|it| it.join().expect("right or nothing"));
            killed_on_the_way += u32::from(came.filter(|came| !came).count() > 0);
        });
        cache.kill();
        let verified = cache.packages(&["verify", "--offline"]);
        assert_eq!(verified.status, 0, "after moment {number}: {verified:?}");
        cache.again();
    }
    assert!(killed_on_the_way >= 15, "only {killed_on_the_way} of 20 were on the way");
    for path in &wanted {
        cache.right(path);
    }
    let again = of_packages() - all;
    println!("  {killed_on_the_way} of 20 were on the way; {again} bytes of {all} were sent again");
    // What was on the way when a process died.
    assert!(again < 20 * 5 * (256 << 10), "{again} bytes of {all} were sent again");
    assert_eq!(cache.packages(&["verify", "--offline"]).status, 0);
}

/// While it pins repositories and reads their lists.
#[test]
fn while_repositories_are_pinned() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let metadata = repositories().tree.keys().filter(|it| it.contains("/repodata/"));
    let all: u64 = metadata.map(|path| repositories().file(path).len() as u64).sum();
    mirror.fault(|_, _, reply| reply.pace(64, Duration::from_millis(1)));
    let packages = ["etcd", "chrony", "novnc", "librbd1", "nfs-ganesha", "site-tools"];
    let packages = packages.map(|name| repositories().named(name));
    for number in 0..20 {
        let (before, bytes) = (mirror.sent(), chance(number + 100, all / 3));
        thread::scope(|scope| {
            for path in &packages {
                let cache = &cache;
                scope.spawn(move || cache.right_or_nothing(path));
            }
            let begun = Instant::now();
            while mirror.sent() - before < bytes && begun.elapsed() < Duration::from_secs(5) {
                thread::sleep(Duration::from_millis(1));
            }
            cache.kill_now();
        });
        cache.kill();
        cache.again();
    }
    mirror.well();
    for path in &packages {
        cache.right(path);
    }
}

/// While a new lock is made, twelve times: the server that runs gives the older one or the new one, and each of them whole.
#[test]
fn while_a_lock_is_made() {
    let made = repositories();
    let mirror = Upstream::new();
    let cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let (old, new) = (made.path(&UPDATED), made.path(&CHANGED));
    let update = |for_so_long: Duration| {
        let mut child = command(&cache.lab, &["update"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("begun");
        let begun = Instant::now();
        while begun.elapsed() < for_so_long && child.try_wait().expect("asked").is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().expect("ended").success()
    };
    let begun = Instant::now();
    assert!(update(Duration::from_secs(120)));
    let whole = begun.elapsed();
    let mut killed = 0;
    for number in 0..12 {
        let is_new = number % 2 == 0;
        mirror.has(if is_new { &made.changed } else { &made.tree });
        killed += u32::from(!update(whole / 12 * number));
        let locked = cache.lab.read("packages.lock");
        let (there, gone) =
            if locked.contains(&old[old.len() - 30..]) { (&old, &new) } else { (&new, &old) };
        let answer = cache.get(there);
        assert_eq!(answer.status, 200, "after moment {number}: {}", answer.text());
        let right = made.tree.get(there).or_else(|| made.changed.get(there)).expect("a file");
        assert!(answer.body[..] == right[..], "other bytes");
        assert_eq!(cache.get(gone).status, 404, "after moment {number}");
        let verified = cache.packages(&["verify", "--offline"]);
        assert_eq!(verified.status, 0, "after moment {number}: {verified:?}");
    }
    assert!(killed >= 6, "only {killed} of 12 were at it");
}
