//! `packages.lock`: `trainyard packages resolve`, `update` and `diff`, and a cache that gives what is locked.

use std::fs;

use serde_json::Value;

use crate::common::{Lab, judge, judged, outcome};
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
pub fn locked(mirrors: &[&Upstream], at: &str) -> Lab {
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
    // What an installer may bring beside that belongs to no role.
    let firewall = |package: &&Value| package["name"] == "firewalld";
    for package in lock_of(&lab).iter().filter(|it| !firewall(it)) {
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

/// A role is resolved with the repositories that its own nodes have.
#[test]
fn repositories_of_a_role() {
    let mirror = Upstream::new();
    let site = format!("site: {{baseurl: '{}', gpgkey: site.asc}}", mirror.site());
    let text = format!(
        "mirror: {}\n{KEYSTONE}roles:\n  plain: {{stages: [], packages: [site-tools]}}\n  \
         bench: {{stages: [], packages: [site-tools], repositories: {{{site}}}}}\nnodes:\n  \
         controller: {{role: controller, address: 10.0.0.11}}\n  one: {{role: bench, address: 10.0.0.12}}\n",
        mirror.mirror()
    );
    let lab = Lab::new(&text);
    fs::write(lab.path("site.asc"), &repositories().key).expect("written");
    let resolved = packages(&lab, &["resolve"]);
    assert_eq!(resolved.status, 0, "{resolved:?}");
    let tools = lock_of(&lab).into_iter().find(|it| it["name"] == "site-tools").expect("it");
    assert_eq!(tools["roles"], serde_json::json!(["bench"]));
    fs::remove_file(lab.path("packages.lock")).expect("removed");
    fs::write(lab.path("lab.yaml"), text + "  two: {role: plain, address: 10.0.0.13}\n")
        .expect("written");
    let outcome = packages(&lab, &["resolve"]);
    assert_eq!(outcome.status, 3, "{outcome:?}");
    assert!(outcome.stderr.contains("the role `plain`: "), "{outcome:?}");
    assert!(!outcome.stderr.contains("the role `bench`: "), "{outcome:?}");
}

/// What does not fit is told before anything of it is brought.
#[test]
fn a_lock_that_is_larger_than_may_be_kept() {
    let mirror = Upstream::new();
    let lab = lab(&[&mirror], KEYSTONE);
    let outcome = packages(&lab, &["resolve", "--package-budget", "2MiB"]);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("more than the 2 MiB that packages may take"), "{outcome:?}");
    assert_eq!(mirror.asked_for(&repositories().named("etcd")), 0);
}

/// Nothing else is given or installed, whatever the mirrors have by now; and nobody is asked.
#[test]
fn a_newer_version_is_not_taken() {
    let made = repositories();
    let mirror = Upstream::new();
    let mut cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let refused = cache.get(&made.named("nfs-ganesha"));
    assert_eq!(refused.status, 404, "{}", refused.text());
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
    let upgraded = host.dnf(&["upgrade"]);
    assert_eq!(upgraded.status, 0, "{upgraded:?}");
    assert!(host.installed().contains(&"httpd 2.4.6-99.el7.centos.1".to_owned()));
    assert_eq!(mirror.asked(), asked);
    cache.right(&made.path(&UPDATED));
}

/// A cache that begins elsewhere with the lock alone gives the same, whatever the mirrors' metadata say by now, as long as the files are there.
#[test]
fn a_cache_that_begins_elsewhere() {
    let made = repositories();
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    fs::remove_dir_all(lab.path("cache")).expect("removed");
    let index = format!("centos/{UPDATES}/repodata/repomd.xml");
    let before = mirror.asked_for(&index);
    let mut both = made.changed.clone();
    both.insert(made.path(&UPDATED), made.file(&made.path(&UPDATED)).clone());
    mirror.has(&both);
    let status = packages(&lab, &["status"]);
    assert!(
        status.stdout.contains("of which are not there: `trainyard packages serve`"),
        "{status:?}"
    );
    let verified = packages(&lab, &["verify", "--offline"]);
    assert_eq!(verified.status, 5, "{verified:?}");
    assert!(verified.stdout.contains("is locked, and not there"), "{verified:?}");
    let cache = Served::of_lab(lab, |command| command);
    assert_eq!(mirror.asked_for(&index), before);
    cache.right(&made.path(&UPDATED));
    assert_eq!(cache.get(&made.path(&CHANGED)).status, 404);
    assert_eq!(cache.packages(&["verify", "--offline"]).status, 0);
    let status = cache.packages(&["status"]);
    assert!(status.stdout.contains("are locked, all of which are there"), "{status:?}");
    // The mirror is another one than the lock was made of, and that is told.
    let verified = cache.packages(&["verify"]);
    assert_eq!(verified.status, 5, "{verified:?}");
    assert!(verified.stdout.contains("updates has changed: "), "{verified:?}");
}

/// One that no mirror has any more is told by its name, and nothing is begun.
#[test]
fn what_is_locked_and_gone() {
    let made = repositories();
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    fs::remove_dir_all(lab.path("cache")).expect("removed");
    mirror.has(&made.changed);
    let cache = lab.path("cache").display().to_string();
    for command in [&["packages", "serve"][..], &["serve", "--seeds"]] {
        let how = ["--listen", "127.0.0.1:0", "--cache", &cache];
        let outcome = outcome(lab.command(&[command, &how].concat()));
        assert_eq!(outcome.status, 7, "{outcome:?}");
        assert!(outcome.stderr.contains("httpd-2.4.6-99.el7.centos.1.noarch.rpm"), "{outcome:?}");
    }
}

/// A new lock is made on purpose, says what changes, and is given at once by a server that runs.
#[test]
fn an_update() {
    let made = repositories();
    let mirror = Upstream::new();
    let cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let (old, new) = (made.path(&UPDATED), made.path(&CHANGED));
    cache.right(&old);
    let pins = || fs::read_dir(cache.lab.path("cache/packages/pins")).expect("pins").count();
    let before = pins();
    mirror.has(&made.changed);
    let updated = cache.packages(&["update", "--format", "json"]);
    assert_eq!(updated.status, 0, "{updated:?}");
    let said: Value = serde_json::from_str(&updated.stdout).expect("one document");
    assert_eq!(said["lock"]["gone"], serde_json::json!(["httpd 0 2.4.6 99.el7.centos.1 noarch"]));
    assert_eq!(said["lock"]["new"], serde_json::json!(["httpd 0 2.4.6 100.el7.centos noarch"]));
    assert!(cache.get(&new).body[..] == made.changed[&new][..]);
    assert_eq!(cache.get(&old).status, 404);
    // What was made of the older one holds nothing any more.
    assert_eq!(pins(), before);
    let pruned = cache.packages(&["prune"]);
    assert!(pruned.stdout.contains("httpd-2.4.6-99"), "{pruned:?}");
}

/// Where no new lock can be made, nodes have what they had.
#[test]
fn an_update_that_fails() {
    let made = repositories();
    let mirror = Upstream::new();
    let cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let lock = cache.lab.read("packages.lock");
    // Its metadata are there, and the packages that are new are not.
    let mut half = made.changed.clone();
    half.remove(&made.path(&CHANGED));
    mirror.has(&half);
    let updated = cache.packages(&["update"]);
    assert_ne!(updated.status, 0, "{updated:?}");
    assert_eq!(cache.lab.read("packages.lock"), lock);
    cache.right(&made.path(&UPDATED));
    assert_eq!(cache.packages(&["verify", "--offline"]).status, 0);
}

/// A lock of another lab is refused before nodes find out.
#[test]
fn a_lock_of_another_lab() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    let text = lab.read("lab.yaml");
    fs::write(lab.path("lab.yaml"), text + "  one: {role: compute, address: 10.0.0.31}\n")
        .expect("written");
    for command in [&["status"][..], &["bundle", "-o", "out.iso"], &["serve"]] {
        let outcome = packages(&lab, command);
        assert_eq!(outcome.status, 3, "{outcome:?}");
        assert!(outcome.stderr.contains("packages of the role `compute`"), "{outcome:?}");
    }
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

/// What is locked stays, however long no node has asked for it, and whichever lab's lock it is.
#[test]
fn what_is_locked_is_not_pruned() {
    let mirror = Upstream::new();
    let cache = Served::of_lab(locked(&[&mirror], "127.0.0.1:9"), |command| command);
    let (path, asked) = (repositories().named("etcd"), mirror.asked());
    let index = |name: &str| cache.get(&format!("centos/{name}/repodata/repomd.xml")).text();
    let before = index(UPDATES);
    // Another lab without a lock has the same cache.
    let other = lab(&[&mirror], KEYSTONE);
    let shared = cache.lab.path("cache").display().to_string();
    // No node has asked for anything in three days, but its lab has used its lock an hour ago.
    let mut touch = judge("find");
    touch.arg(cache.lab.path("cache/packages/records")).args(["-type", "f", "-exec", "touch"]);
    touch.args(["-d", "3 days ago", "{}", "+"]);
    judged(touch);
    let prune = ["packages", "prune", "--unused", "1", "--cache", &shared];
    let pruned = outcome(other.command(&prune));
    assert_eq!(pruned.status, 0, "{pruned:?}");
    assert!(cache.kept(&path).is_some(), "{pruned:?}");
    cache.right(&path);
    assert_eq!((index(UPDATES), mirror.asked()), (before, asked));
    assert_eq!(cache.packages(&["verify", "--offline"]).status, 0);
    // All is removed on purpose, and what was made is made anew when somebody asks: no mirror has it.
    let list = || {
        let index = index(UPDATES);
        let path = index.split("href=\"").find(|it| it.contains("-primary.xml.gz"));
        let path = path.and_then(|it| it.split('"').next()).expect("a list");
        format!("centos/{UPDATES}/{path}")
    };
    let primary = list();
    let pruned = cache.packages(&["prune", "--all"]);
    assert_eq!(pruned.status, 0, "{pruned:?}");
    assert_eq!(cache.get(&primary).status, 502);
    assert_eq!(cache.get(&list()).status, 200);
    cache.right(&path);
}
