//! Parts of files, files that a client has already, and what is no file.

use std::time::Duration;

use crate::client::{Answer, ask};
use crate::repositories::repositories;
use crate::served::Served;
use crate::stack::LARGE;
use crate::upstream::Upstream;

/// An answer with a part, from a byte on and so many of them.
fn is_part(answer: &Answer, file: &[u8], first: usize, length: usize) {
    assert_eq!(answer.status, 206, "{}", answer.head);
    let range = format!("bytes {first}-{}/{}", first + length - 1, file.len());
    assert_eq!(answer.header("content-range"), Some(&range[..]), "{}", answer.head);
    assert_eq!(answer.header("content-length"), Some(&length.to_string()[..]), "{}", answer.head);
    assert!(answer.body[..] == file[first..first + length], "other bytes");
}

#[test]
fn parts_of_what_is_kept() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named("etcd");
    let file = repositories().file(&path);
    cache.right(&path);
    let size = file.len();
    for (range, first, length) in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 1000),
        ("bytes=5000-", 5000, size - 5000),
        ("bytes=-100", size - 100, 100),
        ("bytes=100-99999999", 100, size - 100),
    ] {
        is_part(&cache.ask("GET", &path, &[&format!("Range: {range}")]), file, first, length);
    }
    let beyond = cache.ask("GET", &path, &[&format!("Range: bytes={size}-")]);
    assert_eq!(beyond.status, 416, "{}", beyond.head);
    assert_eq!(beyond.header("content-range"), Some(&format!("bytes */{size}")[..]));
    assert_eq!(mirror.asked_for(&path), 1);
}

/// What is on its way is not asked for again.
#[test]
fn parts_of_what_is_on_its_way() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named(LARGE);
    let file = repositories().file(&path);
    mirror.fault_at(&path, |reply| reply.pace(64 << 10, Duration::from_millis(30)));
    let whole = cache.begin_to_read(&path, 300_000);
    let part = cache.ask("GET", &path, &["Range: bytes=1000-200999"]);
    is_part(&part, file, 1000, 200_000);
    // What a client lacks whose connection broke.
    let rest = cache.ask("GET", &path, &["Range: bytes=2000000-"]);
    is_part(&rest, file, 2_000_000, file.len() - 2_000_000);
    assert!(whole.end() == file[..], "other bytes");
    assert_eq!(mirror.asked_for(&path), 1);
}

/// The first client asks for a part: the whole is brought, for the digest is of the whole.
#[test]
fn a_part_of_what_nobody_has_asked_for() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named("etcd");
    let file = repositories().file(&path);
    is_part(&cache.ask("GET", &path, &["Range: bytes=-1000"]), file, file.len() - 1000, 1000);
    cache.right(&path);
    assert_eq!(mirror.sent_of(&path), file.len() as u64);
}

#[test]
fn heads() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named("etcd");
    let size = repositories().file(&path).len().to_string();
    // Before it is kept, and after.
    for _ in 0..2 {
        let head = cache.ask("HEAD", &path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{}", head.head);
        assert_eq!(head.header("content-length"), Some(&size[..]), "{}", head.head);
        assert_eq!(head.header("accept-ranges"), Some("bytes"), "{}", head.head);
        cache.right(&path);
    }
    let index = "centos/7.9.2009/os/x86_64/repodata/repomd.xml";
    let head = cache.ask("HEAD", index, &[]);
    let size = repositories().file(index).len().to_string();
    assert_eq!((head.status, head.header("content-length")), (200, Some(&size[..])));
}

#[test]
fn what_a_client_has_already_is_not_sent() {
    let mirror = Upstream::new();
    let mut cache = Served::of(&[&mirror]);
    let package = repositories().named("etcd");
    for path in ["centos/7.9.2009/extras/x86_64/repodata/repomd.xml", &package] {
        let tag = cache.get(path).header("etag").map(str::to_owned).expect("an entity tag");
        let if_none = format!("If-None-Match: {tag}");
        let known = cache.ask("GET", path, &[&if_none]);
        assert_eq!((known.status, known.body.len()), (304, 0), "{}", known.head);
        let other = cache.ask("GET", path, &["If-None-Match: \"other\""]);
        assert_eq!(other.status, 200, "{}", other.head);
        let range = "Range: bytes=10-";
        assert_eq!(cache.ask("GET", path, &[range, &format!("If-Range: {tag}")]).status, 206);
        assert_eq!(cache.ask("GET", path, &[range, "If-Range: \"other\""]).status, 200);
        // It is the file's, not the process's.
        cache.kill();
        cache.again();
        assert_eq!(cache.ask("GET", path, &[&if_none]).status, 304, "after a new start");
    }
}

/// A file that no metadata name cannot be proved: it is not there, although the mirror has it.
#[test]
fn what_is_not_listed() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let mut tree = repositories().tree.clone();
    let rogue = "centos/7.9.2009/extras/x86_64/Packages/rogue-1-1.noarch.rpm";
    tree.insert(rogue.to_owned(), vec![1; 1000].into());
    tree.insert("secret".to_owned(), vec![2; 1000].into());
    mirror.has(&tree);
    let answer = cache.get(rogue);
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(answer.text().contains("Packages/rogue-1-1.noarch.rpm"), "{}", answer.text());
    assert_eq!(mirror.asked_for(rogue), 0);
    let asked = mirror.asked();
    for path in [
        "/packages",
        "/packages/extras",
        "/packages/extras/",
        "/packages/extras/Packages/",
        "/packages/extras/repodata/",
        "/packages/extras/../../../../secret",
        "/packages/extras/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret",
        "/packages/extras//etc/passwd",
        "/packages/extras/repodata/..%2f..%2f..%2fsecret",
        "/packages/extras/repodata/repomd.xml.asc",
        "/packages/extras/repodata/repomd.xml/",
        "/packages/extras/Packages/%ff",
        "/packages/other/repodata/repomd.xml",
        "/packages/Extras/repodata/repomd.xml",
        "/packages/%2e%2e/repodata/repomd.xml",
    ] {
        let answer = ask(cache.address, "GET", path, &[], "");
        assert!([400, 404].contains(&answer.status), "{path}: {}\n{}", answer.head, answer.text());
    }
    let other = ask(cache.address, "GET", "/packages/other/repodata/repomd.xml", &[], "");
    assert!(other.text().contains("centos-openstack-train"), "which there are: {}", other.text());
    for method in ["POST", "PUT", "DELETE"] {
        let answer = cache.ask(method, &repositories().named("etcd"), &[]);
        assert_eq!(answer.status, 405, "{method}: {}", answer.head);
    }
    assert_eq!(mirror.asked(), asked, "the mirror was asked");
}

/// Names are spelled in more than one way in URLs, and all are the same file.
#[test]
fn a_name_with_an_escape() {
    let mirror = Upstream::new();
    let cache = Served::of(&[&mirror]);
    let path = repositories().named("libstdc++");
    cache.right(&path);
    let escaped = format!("/packages/{}", crate::repositories::cached_path(&path));
    for plus in ["%2b", "%2B"] {
        let answer = ask(cache.address, "GET", &escaped.replace('+', plus), &[], "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.body[..] == repositories().file(&path)[..], "other bytes");
    }
    assert_eq!(mirror.asked_for(&path), 1);
}
