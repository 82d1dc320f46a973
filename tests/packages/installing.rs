//! Hosts that install through the cache.

use std::time::{Duration, Instant};

use crate::host::Host;
use crate::repositories::{is_package, repositories};
use crate::served::Served;
use crate::stack::{CONTROLLER, FOREIGN, LARGE, REPOSITORIES, UNSIGNED};
use crate::upstream::Upstream;

#[test]
fn the_second_host_costs_no_upstream_byte_and_the_third_no_upstream() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let nodes = cache.of_nodes(&[&mirror]);
    let wanted: Vec<&str> = CONTROLLER.into_iter().chain(["site-tools"]).collect();
    let first = Host::new(&nodes);
    first.installs(&wanted);
    assert_eq!(mirror.asked_by_dnf(), 0, "{}", cache.said());
    for path in repositories().tree.keys().filter(|path| is_package(path)) {
        assert!(mirror.asked_for(path) <= 1, "{path} was brought again");
    }
    let large = repositories().named(LARGE);
    assert_eq!(mirror.sent_of(&large), repositories().file(&large).len() as u64);

    let (sent, asked) = (mirror.sent(), mirror.asked());
    let second = Host::new(&nodes);
    second.installs(&wanted);
    assert_eq!((mirror.sent(), mirror.asked()), (sent, asked));
    assert_eq!(second.installed(), first.installed());

    drop(mirror);
    let third = Host::new(&nodes);
    third.installs(&wanted);
    assert_eq!(third.installed(), first.installed());
}

/// The same after the machine of the cache was off.
#[test]
fn what_is_kept_needs_no_upstream_after_a_new_start() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let nodes = cache.of_nodes(&[&mirror]);
    Host::new(&nodes).installs(&["openstack-keystone"]);
    cache.kill();
    drop(mirror);
    cache.again();
    Host::new(&nodes).installs(&["openstack-keystone"]);
}

/// Each repository of a node begins with the cache, as long as that answers, and has all its mirrors after it.
#[test]
fn the_mirrors_stand_after_the_cache() {
    let mirrors = [Upstream::new(), Upstream::new()];
    let mirrors: Vec<&Upstream> = mirrors.iter().collect();
    let mut cache = Served::of(&mirrors);
    let nodes = cache.of_nodes(&mirrors);
    let with = Host::new(&nodes);
    cache.kill();
    let without = Host::new(&nodes);
    for (id, at, _) in REPOSITORIES {
        let mut urls = with.urls(id);
        assert_eq!(urls.remove(0), format!("http://{}/packages/{id}/", cache.address));
        let at = at.replace("x86_64", "$basearch");
        let archive = |it: &&Upstream| format!("{}/{at}/", it.mirror());
        let wanted = if id == "site" {
            vec![mirrors[0].site()]
        } else {
            mirrors.iter().map(archive).collect()
        };
        assert_eq!(urls, wanted, "{id}");
        assert_eq!(without.urls(id), wanted, "{id}, without the cache");
    }
}

#[test]
fn without_the_cache_a_host_installs_from_the_mirrors() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let nodes = cache.of_nodes(&[&mirror]);
    // One knows it and one finds it gone.
    let before = Host::new(&nodes);
    cache.kill();
    for host in [before, Host::new(&nodes)] {
        let asked = mirror.asked_by_dnf();
        host.installs(&["openstack-glance", "site-tools"]);
        assert!(mirror.asked_by_dnf() > asked);
    }
}

/// It dies in the middle of a transaction's downloads: dnf goes on with the mirrors.
#[test]
fn a_cache_that_dies_while_a_host_installs() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let host = Host::new(&cache.of_nodes(&[&mirror]));
    let large = repositories().named(LARGE);
    mirror.fault_at(&large, |reply| reply.pace(64 << 10, Duration::from_millis(20)));
    std::thread::scope(|scope| {
        let installing = scope.spawn(|| host.installs(&["rabbitmq-server"]));
        let begun = Instant::now();
        while mirror.sent_of(&large) < 1 << 20 && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        cache.kill_now();
        installing.join().expect("it is installed");
    });
    cache.kill();
    assert!(mirror.asked_by_dnf() > 0);
}

/// A cache that has nothing and reaches nobody is no worse than none.
#[test]
fn behind_a_cache_that_reaches_nobody_a_host_installs_from_the_mirrors() {
    let gone = Upstream::new();
    let cache = Served::of(&[&gone]);
    drop(gone);
    let mirror = Upstream::new();
    Host::new(&cache.of_nodes(&[&mirror])).installs(&["openstack-glance", "site-tools"]);
    assert!(mirror.asked_by_dnf() > 0);
}

/// Signatures are the node's to check: the cache delivers what the metadata name.
#[test]
fn what_is_not_signed_is_refused_by_the_node() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let host = Host::new(&cache.of_nodes(&[&mirror]));
    for (name, said) in [(UNSIGNED, "is not signed"), (FOREIGN, "Public key for")] {
        let outcome = host.dnf(&["install", name]);
        assert_ne!(outcome.status, 0, "{outcome:?}");
        assert!((outcome.stdout + &outcome.stderr).contains(said), "{name}");
        cache.right(&repositories().named(name));
    }
    assert_eq!(host.installed(), [""; 0]);
    assert_eq!(mirror.asked_by_dnf(), 0);
    host.installs(&["site-tools"]);
}

/// Two hosts at once install the same, which comes once.
#[test]
fn two_hosts_at_the_same_time() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let nodes = cache.of_nodes(&[&mirror]);
    let hosts = [Host::new(&nodes), Host::new(&nodes)];
    std::thread::scope(|scope| {
        for host in &hosts {
            scope.spawn(|| host.installs(&CONTROLLER));
        }
    });
    assert_eq!(hosts[0].installed(), hosts[1].installed());
    assert_eq!(mirror.asked_by_dnf(), 0);
    for path in repositories().tree.keys() {
        assert!(mirror.asked_for(path) <= 1, "{path} was brought again");
    }
}
