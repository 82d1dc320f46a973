//! Mirrors that do everything wrong.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::ask;
use crate::host::Host;
use crate::repositories::{is_package, repositories};
use crate::served::Served;
use crate::server::Reply;
use crate::stack::{CHANGED, LARGE, UPDATED, UPDATES};
use crate::upstream::Upstream;

/// The same with one bit changed in the middle.
fn flipped(mut reply: Reply) -> Reply {
    if let Some(byte) = {
        let middle = reply.body.len() / 2;
        reply.body.get_mut(middle)
    } {
        *byte ^= 4;
    }
    reply
}

const EXTRAS_INDEX: &str = "centos/7.9.2009/extras/x86_64/repodata/repomd.xml";

/// The line breaks, and the client notices nothing; nothing is brought again.
#[test]
fn a_line_that_is_cut() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named(LARGE);
    let file = repositories().file(&path);
    let times = AtomicUsize::new(0);
    mirror.fault_at(&path, move |reply| match times.fetch_add(1, Ordering::Relaxed) {
        0 => reply.cut(1_000_000),
        1 => reply.cut(2_000_000),
        _ => reply,
    });
    cache.right(&path);
    assert_eq!(mirror.asked_for(&path), 3);
    assert_eq!(mirror.sent_of(&path), file.len() as u64, "what was there was sent again");
}

/// A mirror that breaks off and is gone: the next one goes on where it stopped.
#[test]
fn the_next_mirror_goes_on() {
    let (dying, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&dying, &well]);
    let path = repositories().named(LARGE);
    let file = repositories().file(&path);
    let times = AtomicUsize::new(0);
    dying.fault_at(&path, move |reply| match times.fetch_add(1, Ordering::Relaxed) {
        0 => reply.cut(3_000_000),
        _ => Reply::status(404),
    });
    cache.right(&path);
    assert_eq!(well.sent_of(&path), file.len() as u64 - 3_000_000);
}

/// What `vault.centos.org` does to who asks much: 403 for a while. The next mirror has it meanwhile.
#[test]
fn a_mirror_that_refuses_for_a_while_and_the_next_one_serves() {
    let (busy, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&busy, &well]);
    // The lab's own repository lies nowhere else.
    busy.fault(|path, _, reply| if path.starts_with("site/") { reply } else { Reply::status(403) });
    Host::new(&cache.of_nodes(&[&busy, &well])).installs(&["openstack-keystone"]);
    assert_eq!(well.asked_by_dnf(), 0, "{}", cache.said());
}

#[test]
fn all_mirrors_refuse_and_then_they_are_well_again() {
    let mirrors = [Upstream::new(), Upstream::new()];
    let cache = Served::of(&[&mirrors[0], &mirrors[1]]);
    let package = repositories().named("etcd");
    for mirror in &mirrors {
        mirror.fault(|_, _, _| Reply::status(403));
    }
    for path in [EXTRAS_INDEX, &package] {
        let answer = cache.get(path);
        assert_eq!(answer.status, 502, "{}", answer.text());
        let text = answer.text();
        assert!(text.contains("403"), "{text}");
        for mirror in &mirrors {
            assert!(text.contains(&mirror.mirror()), "which mirrors: {text}");
        }
    }
    // Its metadata are known, and the package is refused.
    for mirror in &mirrors {
        let refused = package.clone();
        mirror
            .fault(move |path, _, reply| if path == refused { Reply::status(403) } else { reply });
    }
    cache.becomes_right(EXTRAS_INDEX);
    let answer = cache.get(&package);
    assert_eq!(answer.status, 502, "{}", answer.text());
    for mirror in &mirrors {
        mirror.well();
    }
    cache.becomes_right(&package);
}

/// Of a small file nobody gets a byte before it is known to be right.
#[test]
fn a_flipped_byte_of_a_small_package() {
    let (bad, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&bad, &well]);
    let path = repositories().named("openstack-keystone");
    bad.fault_at(&path, flipped);
    cache.right(&path);
    assert_eq!((bad.asked_for(&path), well.asked_for(&path)), (1, 1));
}

/// A large one was on its way already: it never ends, and the next time it is right.
#[test]
fn a_flipped_byte_of_a_large_package() {
    let (bad, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&bad, &well]);
    let path = repositories().named(LARGE);
    let file = repositories().file(&path);
    // Slow enough that the wrong byte was sent long before anybody can know.
    bad.fault_at(&path, |reply| flipped(reply).pace(64 << 10, Duration::from_millis(10)));
    let came = cache.begin_to_read(&path, 0).end();
    assert!(came.len() < file.len() || came == file[..], "wrong bytes came whole");
    cache.becomes_right(&path);
    assert_eq!(well.asked_for(&path), 1);
    assert_eq!(bad.asked_for(&path), 1, "it was asked again for what it has wrong");
}

/// The same where nobody has the right ones; the words name the mirror.
#[test]
fn a_flipped_byte_everywhere() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let (small, large) = (repositories().named("openstack-keystone"), repositories().named(LARGE));
    mirror.fault(|path, _, reply| {
        if !is_package(path) {
            return reply;
        }
        flipped(reply).pace(64 << 10, Duration::from_millis(10))
    });
    let answer = cache.get(&small);
    assert_eq!(answer.status, 502, "{}", answer.head);
    assert!(answer.text().contains(&mirror.mirror()), "{}", answer.text());
    for _ in 0..3 {
        let came = cache.begin_to_read(&large, 0).end();
        assert!(came.len() < repositories().file(&large).len(), "wrong bytes came whole");
        assert!(!cache.right_or_nothing(&small));
    }
    assert_eq!(cache.kept(&small), None);
    assert_eq!(cache.kept(&large), None);
    mirror.well();
    cache.becomes_right(&large);
    cache.becomes_right(&small);
}

#[test]
fn flipped_metadata() {
    let (bad, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&bad, &well]);
    bad.fault(|path, _, reply| {
        if path.contains("-primary.") || path.contains("-filelists.") {
            flipped(reply)
        } else {
            reply
        }
    });
    let metadata = |it: &&String| it.starts_with("centos/7.9.2009/os/x86_64/repodata/");
    for path in repositories().tree.keys().filter(metadata) {
        cache.right(path);
    }
    Host::new(&cache.of_nodes(&[&bad, &well])).installs(&["httpd"]);
    assert_eq!(bad.asked_by_dnf() + well.asked_by_dnf(), 0);
}

/// A page that says "welcome to our network" is no index, and pins nothing.
#[test]
fn a_page_instead_of_an_index() {
    let (page, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&page, &well]);
    page.fault(|_, _, _| Reply::whole(b"<html><body>Welcome! Please log in.</body></html>\n"));
    cache.right(EXTRAS_INDEX);
    cache.right(&repositories().named("etcd"));
}

/// And where there is nothing else, it is said where that came from.
#[test]
fn a_page_and_nothing_else() {
    for body in ["<html><body>Welcome!</body></html>\n", "", "<repomd/>", "\u{0}\u{1}\u{2}"] {
        let mirror = Upstream::new();
        let cache = Served::of(&[&mirror]);
        mirror.fault(move |_, _, _| Reply::whole(body.as_bytes()));
        let answer = cache.get(EXTRAS_INDEX);
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert!(answer.text().contains(&mirror.mirror()), "{}", answer.text());
        mirror.well();
        cache.becomes_right(EXTRAS_INDEX);
    }
}

#[test]
fn a_mirror_that_falls_silent() {
    let (silent, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&silent, &well]);
    let path = repositories().named("etcd");
    cache.right(EXTRAS_INDEX);
    let times = AtomicUsize::new(0);
    silent.fault_at(&path, move |reply| match times.fetch_add(1, Ordering::Relaxed) {
        // It says how much there is, sends a little, and then nothing for as long as the test is patient.
        0 | 1 => reply.pace(10_000, Duration::from_secs(3600)),
        _ => Reply::status(503),
    });
    let begun = std::time::Instant::now();
    cache.becomes_right(&path);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(well.asked_for(&path), 1);
}

/// A frozen repository that changes: what is kept goes on, and what is gone is told as that.
#[test]
fn a_repository_that_changed() {
    let made = repositories();
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let nodes = cache.of_nodes(&[&mirror]);
    let index = format!("centos/{UPDATES}/repodata/repomd.xml");
    let (old, new) = (made.path(&UPDATED), made.path(&CHANGED));
    // All metadata are kept, and not the package.
    let metadata: Vec<&String> = made.tree.keys().filter(|it| it.contains("/repodata/")).collect();
    for path in &metadata {
        cache.right(path);
    }
    mirror.has(&made.changed);
    for _ in 0..2 {
        for path in &metadata {
            cache.right(path);
        }
        let gone = cache.get(&old);
        assert_eq!(gone.status, 502, "{}", gone.text());
        assert!(
            gone.text().contains("changed") && gone.text().contains("`updates`"),
            "{}",
            gone.text()
        );
        assert!(gone.text().contains("trainyard packages update updates"), "{}", gone.text());
        let unknown = cache.get(&new);
        assert_eq!(unknown.status, 404, "{}", unknown.text());
        // What did not change is not said to have.
        let other = made.named("etcd");
        cache.right(&other);
        cache.kill();
        cache.again();
    }
    let verified = cache.packages(&["verify"]);
    assert_eq!(verified.status, 5, "{verified:?}");
    assert!((verified.stdout.clone() + &verified.stderr).contains("updates"), "{verified:?}");

    // On purpose, it is taken as it is now.
    let updated = cache.packages(&["update", "updates"]);
    assert_eq!(updated.status, 0, "{updated:?}");
    cache.kill();
    cache.again();
    assert!(cache.get(&index).body[..] == made.changed[&index][..], "the older index");
    assert!(cache.get(&new).body[..] == made.changed[&new][..], "other bytes");
    assert_eq!(cache.get(&old).status, 404);
    let host = Host::new(&nodes);
    host.installs(&["httpd"]);
    assert!(host.installed().contains(&"httpd 2.4.6-100.el7.centos".to_owned()));
    assert_eq!(mirror.asked_by_dnf(), 0);
    assert_eq!(cache.packages(&["verify"]).status, 0);
}

/// One mirror of two has changed: the other one still has what was pinned.
#[test]
fn a_mirror_that_changed_beside_one_that_did_not() {
    let (changed, well) = (Upstream::new(), Upstream::new());
    let cache = Served::of(&[&changed, &well]);
    cache.right(&format!("centos/{UPDATES}/repodata/repomd.xml"));
    changed.has(&repositories().changed);
    let host = Host::new(&cache.of_nodes(&[&changed, &well]));
    host.installs(&["httpd"]);
    assert!(host.installed().contains(&"httpd 2.4.6-99.el7.centos.1".to_owned()));
    assert_eq!(changed.asked_by_dnf() + well.asked_by_dnf(), 0);
}

/// Who asks is told in time, before yum gives up, and the next one finds what came.
#[test]
fn a_mirror_that_takes_its_time() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named(LARGE);
    let part = repositories().file(&path).len() / 28;
    mirror.fault_at(&path, move |reply| reply.pace(part, Duration::from_secs(1)));
    // A part of it is given when all of it is right.
    let answer = cache.ask("GET", &path, &["Range: bytes=10-19"]);
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(answer.text().contains("ask again"), "{}", answer.text());
    cache.becomes_right(&path);
    assert_eq!(mirror.asked_for(&path), 1);
}

/// What somebody asks for is not printed as if the server had said it.
#[test]
fn a_path_that_is_a_line() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    mirror.fault(|_, _, _| Reply::status(403));
    let path = "/packages/extras/x%0aforged%1b%5b2J";
    let answer = ask(cache.address, "GET", path, &[], "");
    assert_eq!(answer.status, 502, "{}", answer.text());
    cache.says("/packages/extras/");
    let said = cache.said();
    assert!(!said.contains("\nforged") && !said.contains('\u{1b}'), "{said}");
}

/// A repository is pinned anew while a mirror fails with a file of it: the server goes on.
#[test]
fn pinned_anew_in_the_middle_of_a_failure() {
    let made = repositories();
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let (old, new) = (made.path(&UPDATED), made.path(&CHANGED));
    // The list of packages.
    assert_eq!(cache.get("centos/7.9.2009/updates/x86_64/Packages/none.rpm").status, 404);
    let part = made.file(&old).len() / 8;
    mirror.fault_at(&old, move |reply| flipped(reply).pace(part, Duration::from_millis(250)));
    let asked = cache.send(&old);
    let end = Instant::now() + Duration::from_secs(10);
    while mirror.sent_of(&old) == 0 {
        assert!(Instant::now() < end, "{}", cache.said());
        thread::sleep(Duration::from_millis(10));
    }
    mirror.has(&made.changed);
    assert_eq!(cache.packages(&["update", "updates"]).status, 0);
    let mut answer = String::new();
    BufReader::new(asked).read_line(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(cache.get(&new).body[..] == made.changed[&new][..]);
}
