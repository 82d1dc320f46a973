//! Many clients of one file.

use std::thread;
use std::time::{Duration, Instant};

use crate::repositories::{is_package, repositories};
use crate::served::Served;
use crate::stack::{LARGE, TRAIN};
use crate::upstream::Upstream;

#[test]
fn fifty_clients_cost_one_request() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let large = repositories().named(LARGE);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| cache.right(&large));
        }
    });
    assert_eq!(mirror.asked_for(&large), 1);
    assert_eq!(mirror.sent_of(&large), repositories().file(&large).len() as u64);
    // The index and the list of packages of that repository, and nothing else of it.
    assert_eq!(mirror.asked(), 3);
}

/// All of them read what has come so far, long before it is whole.
#[test]
fn fifty_clients_of_a_slow_mirror_read_while_it_comes() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let large = repositories().named(LARGE);
    let file = repositories().file(&large);
    // Some three seconds.
    mirror.fault_at(&large, |reply| reply.pace(64 << 10, Duration::from_millis(45)));
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let reading = cache.begin_to_read(&large, 256 << 10);
                let came = mirror.sent_of(&large);
                assert!(came < file.len() as u64 / 2, "the first bytes came after {came}");
                assert!(reading.end() == file[..], "other bytes");
            });
        }
    });
    assert_eq!(mirror.asked_for(&large), 1);
}

/// Who gives up leaves the others and the file alone.
#[test]
fn clients_that_give_up() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let large = repositories().named(LARGE);
    mirror.fault_at(&large, |reply| reply.pace(64 << 10, Duration::from_millis(15)));
    // The one that began it among them.
    drop(cache.begin_to_read(&large, 1000));
    let reading = cache.begin_to_read(&large, 1000);
    for _ in 0..20 {
        drop(cache.begin_to_read(&large, 1000));
    }
    assert!(reading.end() == repositories().file(&large)[..], "other bytes");
    assert_eq!(mirror.asked_for(&large), 1);
}

/// A client that reads nothing holds up neither the file nor the others.
#[test]
fn a_client_that_does_not_read() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let large = repositories().named(LARGE);
    let _silent = cache.begin_to_read(&large, 1);
    let begun = Instant::now();
    cache.right(&large);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A mirror that is slow for one repository is nobody else's matter, however many wait for it.
#[test]
fn who_waits_for_one_repository_holds_up_no_other() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let kept = repositories().named("etcd");
    cache.right(&kept);
    let index = "centos/7.9.2009/os/x86_64/repodata/repomd.xml";
    mirror.fault_at(index, |reply| reply.pace(1, Duration::from_millis(3)));
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| cache.right(index));
        }
        while mirror.asked_for(index) == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        // All of them are there now.
        thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        cache.right(&kept);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        let sent = mirror.sent_of(index);
        assert!(sent < repositories().file(index).len() as u64, "they did not wait any more");
    });
    assert_eq!(mirror.asked_for(index), 1);
}

/// What nobody waits for any more is not brought before what somebody does.
#[test]
fn clients_that_ask_for_much_and_go() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let all = repositories().tree.keys().filter(|path| path.contains(TRAIN) && is_package(path));
    let (first, others): (Vec<_>, Vec<_>) = all.partition(|path| path.contains("/python2-glance-"));
    assert!(others.len() > 36, "{}", others.len());
    // The list of packages.
    cache.right(first[0]);
    mirror.fault(|path, _, reply| {
        if is_package(path) { reply.pace(1 << 10, Duration::from_millis(300)) } else { reply }
    });
    let asked: Vec<_> = others.iter().map(|path| cache.send(path)).collect();
    // Sixteen are on their way, and the others wait for a turn.
    let begun = || others.iter().filter(|path| mirror.asked_for(path) > 0).count();
    let end = Instant::now() + Duration::from_secs(20);
    while begun() < 16 {
        assert!(Instant::now() < end, "{}", cache.said());
        thread::sleep(Duration::from_millis(20));
    }
    drop(asked);
    mirror.well();
    cache.right(&repositories().named("etcd"));
    assert!(begun() < 30, "{} of {} were brought for nobody", begun(), others.len());
}
