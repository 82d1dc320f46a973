//! `packages.lock`: `trainyard packages resolve`, `update` and `diff`, and a cache that gives what is locked.

use std::fs;

use serde_json::Value;

use crate::common::{Lab, outcome};
use crate::host::{Host, lab};
use crate::repositories::repositories;
use crate::served::{Served, packages};
use crate::stack::{CHANGED, UPDATED, UPDATES};
use crate::upstream::Upstream;

/// A lab whose packages are those of the tests.
const KEYSTONE: &str = "openstack: {services: [keystone]}\n";
/// What its controller asks for, beside the kernel.
const ASKED: [&str; 16] = [
    "@minimal",
    "centos-release-openstack-train",
    "chrony",
    "etcd",
    "firewalld",
    "httpd",
    "mariadb",
    "mariadb-server",
    "memcached",
    "mod_wsgi",
    "openstack-keystone",
    "openstack-selinux",
    "python-memcached",
    "python-openstackclient",
    "python2-PyMySQL",
    "rabbitmq-server",
];

/// One whose packages are locked to what the mirrors have, with the cache at this address.
fn locked(mirrors: &[&Upstream], at: &str) -> Lab {
    let more = format!("{KEYSTONE}package_cache: http://{at}\npackage_lock: packages.lock\n");
    let lab = lab(mirrors, &more);
    let resolved = packages(&lab, &["resolve"]);
    assert_eq!(resolved.status, 0, "{resolved:?}");
    lab
}

fn lock_of(lab: &Lab) -> Vec<Value> {
    let lock: Value = serde_json::from_str(&lab.read("packages.lock")).expect("JSON");
    lock["packages"].as_array().expect("packages").clone()
}

fn words(package: &Value) -> String {
    let word = |key: &str| package[key].as_str().expect("a word").to_owned();
    format!("{} {}-{}", word("name"), word("version"), word("release"))
}

/// dnf itself installs exactly what was resolved, all of which was brought.
#[test]
fn what_dnf_installs_is_what_is_resolved() {
    let mirror = Upstream::new();
    let lab = lab(&[&mirror], KEYSTONE);
    let resolved = packages(&lab, &["resolve"]);
    assert_eq!(resolved.status, 0, "{resolved:?}");
    assert!(resolved.stderr.contains("`package_lock: packages.lock`"), "{resolved:?}");
    let mut found: Vec<_> = lock_of(&lab).iter().map(words).collect();
    found.sort();
    let host = Host::new(&lab);
    let installed = host.dnf(&[&["install", "kernel"], &ASKED[..]].concat());
    assert_eq!(installed.status, 0, "{installed:?}");
    assert_eq!(host.installed(), found);
    assert!(found.len() > 25 && found.contains(&"httpd 2.4.6-99.el7.centos.1".to_owned()));
    for package in lock_of(&lab) {
        assert_eq!(package["roles"], serde_json::json!(["controller"]), "{package}");
    }
    // All is there already: the cache alone gives it.
    let path = repositories().named("etcd");
    let (asked, cache) = (mirror.asked_for(&path), Served::of_lab(lab, |command| command));
    cache.right(&path);
    assert_eq!(mirror.asked_for(&path), asked);
    // Twice is once too often.
    let again = packages(&cache.lab, &["resolve"]);
    assert_eq!(again.status, 8, "{again:?}");
    assert!(again.stderr.contains("`trainyard packages update`"), "{again:?}");
}

/// What roles ask for and nobody has is told of each.
#[test]
fn what_cannot_be_resolved() {
    let mirror = Upstream::new();
    let lab = lab(&[&mirror], "roles: {bench: {stages: [], packages: [no-such-thing]}}\n");
    let text = lab.read("lab.yaml");
    fs::write(lab.path("lab.yaml"), text + "  one: {role: bench, address: 10.0.0.12}\n")
        .expect("written");
    let outcome = packages(&lab, &["resolve"]);
    assert_eq!(outcome.status, 3, "{outcome:?}");
    for words in
        ["the role `bench`: ", "no-such-thing", "the role `controller`: ", "openstack-dashboard"]
    {
        assert!(outcome.stderr.contains(words), "{words}: {outcome:?}");
    }
    assert!(!lab.path("packages.lock").exists());
}

/// Nothing else is given or installed, whatever the mirrors have by now; and nobody is asked.
#[test]
fn a_newer_version_is_not_taken() {
    let made = repositories();
    let mirror = Upstream::new();
    let mut cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let refused = cache.get(&made.named("nfs-ganesha"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("`packages.lock` has no"), "{}", refused.text());
    mirror.has(&made.changed);
    cache.kill();
    let at = format!("http://{}", cache.address);
    let text = cache.lab.read("lab.yaml").replace("http://127.0.0.1:9", &at);
    fs::write(cache.lab.path("lab.yaml"), text).expect("written");
    cache.again();
    let asked = mirror.asked();
    let host = Host::new(&cache.lab);
    assert_eq!(host.urls("base"), [format!("{at}/packages/base/")]);
    host.installs(&["httpd", "openstack-keystone"]);
    assert!(host.installed().contains(&"httpd 2.4.6-99.el7.centos.1".to_owned()));
    let other = host.dnf(&["install", "nfs-ganesha"]);
    assert_ne!(other.status, 0, "{other:?}");
    assert_eq!(mirror.asked(), asked);
    cache.right(&made.path(&UPDATED));
}

/// A cache that begins elsewhere takes no other repository than the one that the lock was made of.
#[test]
fn another_repository_than_the_locks() {
    let made = repositories();
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    fs::remove_dir_all(lab.path("cache")).expect("removed");
    mirror.has(&made.changed);
    let cache = Served::of_lab(lab, |command| command);
    // What has not changed is as good as ever.
    cache.right(&made.named("etcd"));
    let index = format!("centos/{UPDATES}/repodata/repomd.xml");
    let refused = cache.get(&index);
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(refused.text().contains("which `packages.lock` was not made of"), "{}", refused.text());
}

/// A new lock is made on purpose, and says what changes.
#[test]
fn an_update() {
    let made = repositories();
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    mirror.has(&made.changed);
    let updated = packages(&lab, &["update"]);
    assert_eq!(updated.status, 0, "{updated:?}");
    for line in
        ["- httpd 0 2.4.6 99.el7.centos.1 noarch\n", "+ httpd 0 2.4.6 100.el7.centos noarch\n"]
    {
        assert!(updated.stdout.contains(line), "{line}: {updated:?}");
    }
    let cache = Served::of_lab(lab, |command| command);
    let new = made.path(&CHANGED);
    assert!(cache.get(&new).body[..] == made.changed[&new][..]);
}

/// What a node has otherwise.
#[test]
fn a_difference() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    let line = |package: &Value| {
        let of = |key: &str| package[key].to_string().trim_matches('"').to_owned();
        ["name", "epoch", "version", "release", "arch"].map(of).join(" ")
    };
    let installed: Vec<_> = lock_of(&lab).iter().map(line).collect();
    let diff = |lines: &[String]| {
        fs::write(lab.path("node"), lines.join("\n")).expect("written");
        outcome(lab.command(&["packages", "diff", "controller", "node"]))
    };
    let same = diff(&installed);
    assert_eq!(same.status, 0, "{same:?}");
    assert_eq!(same.stdout, "controller has what is locked\n");
    let mut other = installed.clone();
    let etcd = other.iter_mut().find(|it| it.starts_with("etcd ")).expect("it is locked");
    etcd.push_str("_64");
    other.push("tcpdump 14 4.9.2 4.el7_7.1 x86_64".into());
    let found = diff(&other);
    assert_eq!(found.status, 5, "{found:?}");
    let etcd = "etcd 0 3.3.11 2.el7.centos noarch";
    let wanted = format!("- {etcd}\n+ {etcd}_64\n+ tcpdump 14 4.9.2 4.el7_7.1 x86_64\n");
    assert_eq!(found.stdout, wanted);
    let wrong = diff(&["etcd-3.3.11-2.el7.centos.noarch".to_owned()]);
    assert_eq!(wrong.status, 9, "{wrong:?}");
    assert!(wrong.stderr.contains("line 1: `etcd-3.3.11"), "{wrong:?}");
}

/// A lab that names a lock has one.
#[test]
fn a_lock_that_is_not_there() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    fs::remove_file(lab.path("packages.lock")).expect("removed");
    for command in [&["status"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let outcome = packages(&lab, command);
        assert_eq!(outcome.status, 9, "{outcome:?}");
        assert!(outcome.stderr.contains("`trainyard packages resolve` writes it"), "{outcome:?}");
    }
}

/// What is locked stays, however long no node has asked for it.
#[test]
fn what_is_locked_is_not_pruned() {
    let mirror = Upstream::new();
    let cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let (path, asked) = (repositories().named("etcd"), mirror.asked());
    // What yum would fetch, and dnf has not.
    let all = repositories().tree.keys();
    let mut databases =
        all.filter(|path| path.contains("/extras/") && path.contains("-filelists.sqlite"));
    let database = databases.next().expect("a database");
    cache.right(database);
    let pruned = cache.packages(&["prune", "--unused", "0"]);
    assert_eq!(pruned.status, 0, "{pruned:?}");
    assert!(cache.kept(database).is_none() && cache.kept(&path).is_some(), "{pruned:?}");
    cache.right(&path);
    assert_eq!(mirror.asked(), asked + 1);
    assert_eq!(cache.packages(&["verify", "--offline"]).status, 0);
}
