//! `trainyard packages resolve --installed`: the lock of what nodes told that they have installed.

use std::fs;

use serde_json::Value;
use trainyard::digest::Digest;

use crate::common::{Lab, Outcome, make_private, outcome};
use crate::host::{self, Host};
use crate::repositories::repositories;
use crate::served::packages;
use crate::upstream::Upstream;

/// A lab whose packages are those of the tests, with two nodes of a role of their own.
fn lab(mirror: &Upstream) -> Lab {
    let roles = "roles: {bench: {stages: [], packages: [memcached, etcd]}}\n";
    let lab = host::lab(&[mirror], &format!("openstack: {{services: [keystone]}}\n{roles}"));
    let nodes =
        "  one: {role: bench, address: 10.0.0.12}\n  two: {role: bench, address: 10.0.0.13}\n";
    fs::write(lab.path("lab.yaml"), lab.read("lab.yaml") + nodes).expect("written");
    lab.know_nodes();
    lab
}

/// What a server of the lab has heard of a node.
fn told(lab: &Lab, node: &str, list: &str) {
    fs::create_dir_all(lab.path(".trainyard/packages")).expect("made");
    make_private(&lab.path(".trainyard"));
    fs::write(lab.path(&format!(".trainyard/packages/{node}")), list).expect("written");
}

/// What dnf's solver says that the nodes of a role will have.
fn locked(lab: &Lab, role: &str) -> Vec<Value> {
    let lock: Value = serde_json::from_str(&lab.read("packages.lock")).expect("JSON");
    let all = lock["packages"].as_array().expect("packages").iter();
    let has = |it: &&Value| it["roles"].as_array().is_some_and(|all| all.contains(&role.into()));
    all.filter(has).cloned().collect()
}

fn word<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().expect("a word")
}

/// The SHA-256 of the bytes that the mirror has of it.
fn sha256(package: &Value) -> String {
    let name = format!("/{}", word(package, "location").rsplit('/').next().expect("a name"));
    let tree = &repositories().tree;
    let mut files = tree.iter().filter(|(path, _)| path.ends_with(&name));
    Digest::of(files.next().expect("a file").1).to_string()
}

/// A line of `trainyard-node packages`.
fn line(package: &Value, sha256: &str) -> String {
    let [name, version, release, arch] =
        ["name", "version", "release", "arch"].map(|key| word(package, key));
    format!("{name} {} {version} {release} {arch} {sha256}\n", package["epoch"])
}

fn refused(lab: &Lab, status: i32) -> Outcome {
    let outcome = packages(lab, &["resolve", "--installed"]);
    assert_eq!(outcome.status, status, "{outcome:?}");
    assert!(!lab.path("packages.lock").exists());
    outcome
}

/// What dnf installed, rpm says, and yum would have noted comes to the lock that dnf's solver came to before.
#[test]
fn what_is_installed_is_what_is_locked() {
    let mirror = Upstream::new();
    let lab = lab(&mirror);
    let resolved = packages(&lab, &["resolve"]);
    assert_eq!(resolved.status, 0, "{resolved:?}");
    let by_solver = lab.read("packages.lock");

    let host = Host::new(&lab);
    let of_controller = locked(&lab, "controller");
    host.installs(&of_controller.iter().map(|it| word(it, "name")).collect::<Vec<_>>());
    // Of some, nothing is noted, as where an image brought them.
    for (number, package) in of_controller.iter().enumerate().filter(|(number, _)| number % 3 > 0) {
        let [name, version, release, arch] =
            ["name", "version", "release", "arch"].map(|key| word(package, key));
        let folder = format!("{}/{number:040x}-{name}-{version}-{release}-{arch}", &name[..1]);
        host.write(&format!("var/lib/yum/yumdb/{folder}/checksum_type"), "sha256");
        host.write(&format!("var/lib/yum/yumdb/{folder}/checksum_data"), &sha256(package));
    }
    let list = host.told();
    let unknown = list.lines().filter(|it| it.ends_with(" -") && !it.starts_with("gpg-pubkey "));
    assert_eq!(unknown.count(), of_controller.len().div_ceil(3), "{list}");
    told(&lab, "controller", &list);
    // Neither of these two has all that its role has.
    let of_bench = locked(&lab, "bench");
    let lines: Vec<_> = of_bench.iter().map(|it| line(it, &sha256(it))).collect();
    assert!(lines.len() > 3, "{lines:?}");
    told(&lab, "one", &lines[1..].concat());
    told(&lab, "two", &lines[..2].concat());

    fs::remove_file(lab.path("packages.lock")).expect("removed");
    let installed = packages(&lab, &["resolve", "--installed"]);
    assert_eq!(installed.status, 0, "{installed:?}");
    // All but when it was made.
    let rest = |lock: &str| {
        lock.lines().filter(|line| !line.starts_with("  \"made\":")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(rest(&lab.read("packages.lock")), rest(&by_solver));
    assert_eq!(installed.stdout, resolved.stdout);
    assert!(installed.stderr.contains("`package_lock: packages.lock`"), "{installed:?}");
    // And the node has what is locked, as well.
    let text = format!(
        "package_cache: http://127.0.0.1:9\npackage_lock: packages.lock\n{}",
        lab.read("lab.yaml")
    );
    fs::write(lab.path("lab.yaml"), text).expect("written");
    fs::write(lab.path("list"), &list).expect("written");
    let diff = outcome(lab.command(&["packages", "diff", "controller", "list"]));
    assert_eq!((diff.status, diff.stdout.as_str()), (0, "controller has what is locked\n"));
    let again = packages(&lab, &["resolve", "--installed"]);
    assert_eq!(again.status, 8, "{again:?}");
}

#[test]
fn who_told_nothing_is_named() {
    let mirror = Upstream::new();
    let lab = lab(&mirror);
    fs::create_dir_all(lab.path(".trainyard")).expect("made");
    let none = refused(&lab, 9);
    for words in ["the role `bench`: one, two (all of its nodes)\n", "`trainyard-node run` there"] {
        assert!(none.stderr.contains(words), "{words}: {none:?}");
    }
    told(&lab, "one", "a 0 1 1 noarch -\n");
    let some = refused(&lab, 9);
    let lines =
        "\n  the role `bench`: two\n  the role `controller`: controller (all of its nodes)\n";
    assert!(some.stderr.contains(lines), "{some:?}");
    for node in ["two", "controller"] {
        told(&lab, node, "a 0 1 1 noarch -\nrubbish\n");
    }
    let damaged = refused(&lab, 9);
    assert!(
        damaged.stderr.contains("`controller`: line 2: `rubbish` is no package"),
        "{damaged:?}"
    );
    assert_eq!(mirror.asked(), 0);
    // A server that keeps its state elsewhere; and where nobody asks for it.
    fs::rename(lab.path(".trainyard"), lab.path("elsewhere")).expect("renamed");
    let nowhere = refused(&lab, 9).stderr;
    assert!(
        nowhere.contains(".trainyard` is not there") && nowhere.contains("`--state`"),
        "{nowhere}"
    );
    let other = packages(&lab, &["resolve", "--installed", "--state", "elsewhere"]);
    assert!(other.status == 9 && other.stderr.contains("`rubbish`"), "{other:?}");
    assert_eq!(packages(&lab, &["resolve", "--state", "elsewhere"]).status, 2);
}

/// All that is wrong is told at once, and of which nodes.
#[test]
fn what_no_repository_has() {
    let mirror = Upstream::new();
    let lab = lab(&mirror);
    let zero = "0".repeat(64);
    let fits = "chrony 0 3.4 1.el7 noarch -\nkernel 0 3.10.0 1160.el7 noarch -\n\
                gpg-pubkey 0 f4a80eb5 53a7ff4b (none) -\n";
    told(
        &lab,
        "controller",
        &format!("{fits}ghost 0 1 1 noarch {zero}\nhttpd 0 2.4.6 95.el7.centos noarch -\n"),
    );
    told(
        &lab,
        "one",
        &format!("{fits}ghost 0 1 1 noarch {zero}\nhttpd 0 2.4.6 95.el7.centos noarch -\n"),
    );
    told(
        &lab,
        "two",
        &format!(
            "{fits}etcd 0 3.3.11 2.el7.centos noarch {zero}\nhttpd 0 2.4.6 99.el7.centos.1 noarch -\n"
        ),
    );
    let said = refused(&lab, 9).stderr;
    let etcd = Digest::of(repositories().file(&repositories().named("etcd")));
    let wanted = format!(
        "\n  `etcd 0 3.3.11 2.el7.centos noarch` is another file than the repositories have: its SHA-256 is {zero}, and {etcd} in `extras` (on two)\
         \n  `ghost 0 1 1 noarch` is in no repository of the lab (on controller, one)\
         \n  nodes have `httpd noarch` more than once: 0 2.4.6 95.el7.centos of `base` on controller, one, 0 2.4.6 99.el7.centos.1 of `updates` on two\n"
    );
    assert!(said.contains(&wanted), "{said}");
    assert!(!said.contains("chrony") && !said.contains("gpg-pubkey"), "{said}");
    // Roles may not differ either: what is locked is there for all.
    told(&lab, "controller", &format!("{fits}httpd 0 2.4.6 95.el7.centos noarch -\n"));
    for node in ["one", "two"] {
        told(&lab, node, &format!("{fits}httpd 0 2.4.6 99.el7.centos.1 noarch -\n"));
    }
    let said = refused(&lab, 9).stderr;
    assert!(said.contains("95.el7.centos of `base` on controller, 0 2.4.6 99"), "{said}");
    // What is older than the newest is locked as well, where all have it.
    for node in ["controller", "one", "two"] {
        told(&lab, node, &format!("{fits}httpd 0 2.4.6 95.el7.centos noarch -\n"));
    }
    let right = packages(&lab, &["resolve", "--installed"]);
    assert_eq!(right.status, 0, "{right:?}");
    let httpd = |role| {
        let all = locked(&lab, role);
        let found = all.iter().find(|it| it["name"] == "httpd").expect("httpd");
        format!("{} {}", word(found, "release"), word(found, "repository"))
    };
    assert_eq!(httpd("controller"), "95.el7.centos base");
    assert_eq!(httpd("bench"), "95.el7.centos base");
}
