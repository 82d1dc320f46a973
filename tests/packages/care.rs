//! `trainyard packages status`, `verify`, `prune` and `update`.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::host::lab;
use crate::repositories::repositories;
use crate::served::{Served, packages};
use crate::stack::{CHANGED, LARGE, UPDATED, UPDATES};
use crate::upstream::Upstream;

/// A cache that has a few packages of several repositories.
fn filled(mirror: &Upstream) -> Served {
    let cache = Served::of(&[mirror]);
    for name in ["etcd", "libstdc++", "openstack-keystone", "site-tools"] {
        cache.right(&repositories().named(name));
    }
    cache
}

#[test]
fn what_is_kept() {
    let mirror = Upstream::new();
    let cache = filled(&mirror);
    let asked = mirror.asked();
    let status = cache.packages_json(&["status"])["status"].clone();
    let of = |id: &str| {
        let all = status["repositories"].as_array().expect("repositories");
        all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}: {status}")).clone()
    };
    // The list of packages, and one of them.
    assert_eq!(of("extras")["kept"]["files"], 2, "{status}");
    assert_eq!(of("centos-qemu-ev")["kept"]["files"], 0, "{status}");
    assert!(of("centos-qemu-ev")["pinned"].is_null(), "{status}");
    let index = "centos/7.9.2009/extras/x86_64/repodata/repomd.xml";
    let digest = sha256(repositories().file(index));
    assert_eq!(of("extras")["pinned"]["sha256"], digest[..], "{status}");
    assert!(of("extras")["pinned"]["from"].as_str().expect("a URL").contains(&mirror.mirror()));
    let told = cache.packages(&["status"]);
    assert_eq!(told.status, 0, "{told:?}");
    for id in ["base", "extras", "centos-openstack-train", "site"] {
        assert!(told.stdout.contains(id), "{told:?}");
    }
    assert_eq!(mirror.asked(), asked, "nobody is asked");
}

#[test]
fn nothing_is_kept_yet() {
    let mirror = Upstream::new();
    let lab = lab(&[&mirror], "");
    for command in ["status", "verify", "prune"] {
        let outcome = packages(&lab, &[command]);
        assert_eq!(outcome.status, 0, "{command}: {outcome:?}");
    }
    assert_eq!(mirror.asked(), 0);
}

/// Bytes that have changed on the disk are found, and brought anew.
#[test]
fn what_rots_is_found() {
    let mirror = Upstream::new();
    let cache = filled(&mirror);
    assert_eq!(cache.packages(&["verify"]).status, 0);
    let path = repositories().named("etcd");
    let kept = cache.kept(&path).expect("it is kept");
    let mut bytes = fs::read(&kept).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    make_writable(&kept);
    fs::write(&kept, bytes).expect("written");
    let verified = cache.packages(&["verify"]);
    assert_eq!(verified.status, 5, "{verified:?}");
    let said = verified.stdout + &verified.stderr;
    assert!(said.contains(kept.file_name().and_then(|it| it.to_str()).expect("a name")), "{said}");
    cache.right(&path);
    assert_eq!(mirror.asked_for(&path), 2);
    assert_eq!(cache.packages(&["verify"]).status, 0);
}

/// A pin that was tampered with, or damaged, is told; nothing is served by it.
#[test]
fn a_pin_that_rots() {
    let mirror = Upstream::new();
    let mut cache = filled(&mirror);
    let pin = fs::read_dir(cache.lab.path("cache/packages/pins")).expect("pins");
    let mut pins = pin.map(|it| it.expect("an entry").path());
    let pin = pins.find(|it| it.ends_with("extras.json")).expect("a pin");
    let text = fs::read_to_string(&pin).expect("text");
    let path = repositories().named("etcd");
    let other = text.replacen(r#"<checksum type=\"sha256\">"#, r#"<checksum type=\"sha256\">0"#, 1);
    for damaged in [&other, &text[..100], ""] {
        assert_ne!(damaged, text);
        cache.kill();
        fs::write(&pin, damaged).expect("written");
        cache.again();
        let answer = cache.get(&path);
        assert!(answer.status >= 500, "{}", answer.text());
        cache.says("`trainyard packages update extras`");
    }
    let updated = cache.packages(&["update", "extras"]);
    assert_eq!(updated.status, 0, "{updated:?}");
    cache.kill();
    cache.again();
    cache.right(&path);
}

/// What no pinned repository has any more goes; what they have stays.
#[test]
fn pruned() {
    let made = repositories();
    let mirror = Upstream::new();
    let mut cache = filled(&mirror);
    let (old, new) = (made.path(&UPDATED), made.path(&CHANGED));
    cache.right(&old);
    mirror.has(&made.changed);
    assert_eq!(cache.packages(&["update", "updates"]).status, 0);
    // While nobody knows which packages it has now, none is taken for one that it has not.
    let early = cache.packages(&["prune"]);
    assert!(cache.kept(&old).is_some(), "{early:?}");
    // The server that runs gives what was pinned meanwhile.
    assert!(cache.get(&new).body[..] == made.changed[&new][..], "other bytes");
    cache.kill();
    let dry = cache.packages(&["prune", "--dry-run"]);
    assert!(cache.kept(&old).is_some(), "{dry:?}");
    let pruned = cache.packages(&["prune"]);
    assert_eq!(pruned.status, 0, "{pruned:?}");
    let name = old.rsplit('/').next().expect("a name");
    assert!((pruned.stdout.clone() + &pruned.stderr).contains(name), "{pruned:?}");
    assert!(cache.kept(&old).is_none(), "{pruned:?}");
    cache.again();
    let sent = mirror.sent();
    for name in ["etcd", "libstdc++", "openstack-keystone", "site-tools"] {
        cache.right(&made.named(name));
    }
    let index = format!("centos/{UPDATES}/repodata/repomd.xml");
    assert!(cache.get(&index).body[..] == made.changed[&index][..]);
    assert_eq!(mirror.sent(), sent, "what is in use was removed");
}

/// What a killed run was making goes, as soon as it cannot be one that is at it.
#[test]
fn what_a_killed_run_was_making() {
    let mirror = Upstream::new();
    let cache = filled(&mirror);
    let left = cache.lab.path("cache/packages/making-abc123");
    let day = Duration::from_secs(25 * 60 * 60);
    for (ago, is_there) in [(Duration::ZERO, true), (day, false)] {
        fs::create_dir_all(left.join("Packages")).expect("made");
        let folder = fs::File::open(&left).expect("opened");
        folder.set_modified(SystemTime::now() - ago).expect("set");
        assert_eq!(cache.packages(&["prune"]).status, 0);
        assert_eq!(left.exists(), is_there, "{ago:?}");
    }
}

/// All or none: with a repository that cannot be had, none is pinned anew.
#[test]
fn an_update_without_a_mirror() {
    let mirror = Upstream::new();
    let mut cache = filled(&mirror);
    mirror.has(&repositories().changed);
    mirror.fault(|path, _, reply| {
        if path.contains("/nfs-ganesha-28/") { crate::server::Reply::status(403) } else { reply }
    });
    let outcome = cache.packages(&["update"]);
    assert_ne!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("centos-nfs-ganesha28"), "{outcome:?}");
    mirror.has(&repositories().tree);
    mirror.well();
    cache.kill();
    cache.again();
    cache.right(&format!("centos/{UPDATES}/repodata/repomd.xml"));
    cache.right(&repositories().path(&UPDATED));
    let unknown = cache.packages(&["update", "extra"]);
    assert_ne!(unknown.status, 0);
    assert!(
        unknown.stderr.contains("`extra`") && unknown.stderr.contains("`extras`"),
        "{unknown:?}"
    );
}

/// What was not used for longest gives room, and nothing that was just used does.
#[test]
fn more_than_may_be_kept() {
    let mirror = Upstream::new();
    let cache = Served::with(&[&mirror], |mut command| {
        command.args(["--package-budget", "1MiB"]);
        command
    });
    let (older, newer) = (repositories().named("etcd"), repositories().named("mariadb-server"));
    let third = repositories().named("qemu-kvm-ev");
    cache.right(&older);
    cache.right(&newer);
    let refused = cache.get(&third);
    assert_eq!(refused.status, 507, "{}", refused.text());
    cache.says("--package-budget");
    // They are served as before.
    cache.right(&older);
    cache.right(&newer);
    let large = repositories().named(LARGE);
    assert!(repositories().file(&large).len() > 1 << 20);
    let hours = |path: &str, hours: u64| {
        let record = cache.kept(&format!("{path}.json")).expect("its record");
        let then = SystemTime::now() - Duration::from_secs(3600 * hours);
        let file = fs::File::options().write(true).open(record).expect("a file");
        file.set_modified(then).expect("set");
    };
    hours(&older, 3);
    hours(&newer, 2);
    // Nothing goes for what would not fit anyway.
    assert_eq!(cache.get(&large).status, 507);
    assert!(cache.kept(&older).is_some() && cache.kept(&newer).is_some(), "it went for nothing");
    cache.right(&third);
    assert!(cache.kept(&older).is_none(), "it stayed");
    assert!(cache.kept(&newer).is_some(), "more went than had to");
    // It is brought again where it is wanted again, and the next one goes for it.
    cache.right(&older);
    assert!(cache.kept(&newer).is_none(), "it stayed");
    assert_eq!(cache.packages(&["verify"]).status, 0);
}

fn make_writable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("set");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What another lab has pinned is that one's, in a cache of both.
#[test]
fn another_labs_packages() {
    let (mirror, others) = (Upstream::new(), Upstream::new());
    let cache = filled(&mirror);
    let tools = repositories().named("site-tools");
    assert!(cache.kept(&tools).is_some());
    // The same cache, and another repository by the name of the first one's.
    let other = lab(&[&others], "");
    let mut prune = other.command(&["packages", "prune", "--cache"]);
    prune.arg(cache.lab.path("cache"));
    let pruned = crate::common::outcome(prune);
    assert_eq!(pruned.status, 0, "{pruned:?}");
    assert!(cache.kept(&tools).is_some(), "{pruned:?}");
}
