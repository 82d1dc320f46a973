//! Mirrors that say whether they still have the same file, and change their mind.

use std::time::Duration;

use crate::server::{Reply, Request, Server};
use crate::{Bench, flipped};

/// A file under this entity tag, from a server that minds `If-Range`.
fn tagged(request: &Request, file: &[u8], tag: &str) -> Reply {
    let is_other = request.headers.get("if-range").is_some_and(|asked| asked != tag);
    let reply = if is_other { Reply::whole(file) } else { Reply::file(request, file) };
    reply.with("ETag", tag)
}

#[test]
fn the_same_mirror_is_asked_whether_it_is_the_same_file() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        let reply = Reply::file(request, &file).with("ETag", "\"one\"");
        if request.number == 0 { reply.cut(200_000) } else { reply }
    });
    assert_eq!(bench.fetch(&server.url("/big.iso")).status, 0);
    bench.is_right();
    assert_eq!(server.requests()[1].headers["if-range"], "\"one\"");
    assert_eq!(server.requests()[1].headers["range"], "bytes=200000-");
}

/// Behind one name stand many, each with an entity tag of its own for the same file.
#[test]
fn a_redirector_with_other_entity_tags() {
    let bench = Bench::new(20 << 20);
    let file = bench.file.clone();
    let cut = file.len() / 10 * 9;
    let server = Server::new(move |request| {
        let reply = tagged(request, &file, &format!("\"{}\"", request.number));
        // A line: on loopback, megabytes are under way before an answer can be refused.
        let line = |reply: Reply| reply.pace(16_384, Duration::from_millis(5));
        if request.number == 0 { reply.cut(cut) } else { line(reply) }
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    let asked = server.requests();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(asked[1].headers["if-range"], "\"0\"");
    assert!(!asked[2].headers.contains_key("if-range"), "{asked:?}");
    let again = server.sent() - cut as u64;
    assert!(again <= (bench.file.len() / 10 + (1 << 20)) as u64, "{again} bytes after the break");
}

/// It really has another file: what is put together is wrong, and it sends all of the new one.
#[test]
fn a_mirror_that_has_changed_its_file() {
    for breaks in [1, 3] {
        let bench = Bench::new(300_000);
        let (file, old) = (bench.file.clone(), flipped(&bench.file));
        let server = Server::new(move |request| match request.number {
            0 => tagged(request, &old, "\"old\"").cut(200_000),
            // The new one breaks off as well, and what is there of it counts: this mirror sends all of it alone.
            n => {
                let reply = tagged(request, &file, "\"new\"");
                if n > 2 && n < 2 + breaks { reply.cut(70_000) } else { reply }
            }
        });
        let outcome = bench.fetch(&server.url("/big.iso"));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("one of the mirrors sent something else"), "{outcome:?}");
        bench.is_right();
    }
}

/// Once it has to send all of it alone, what it has sent of another file counts for nothing.
#[test]
fn a_mirror_that_changes_its_file_again() {
    let bench = Bench::new(300_000);
    let (file, old) = (bench.file.clone(), flipped(&bench.file));
    let server = Server::new(move |request| match request.number {
        0 | 3 => tagged(request, &old, &format!("\"{}\"", request.number)).cut(200_000),
        _ => tagged(request, &file, "\"new\""),
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    assert_eq!(server.requests().len(), 5);
}

/// One that lies about all of it is found out, and left.
#[test]
fn a_mirror_that_always_has_another_file() {
    let bench = Bench::new(300_000);
    let wrong = flipped(&bench.file);
    let server = Server::new(move |request| {
        let reply = tagged(request, &wrong, &format!("\"{}\"", request.number));
        if request.number % 3 == 0 { reply.cut(100_000) } else { reply }
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 7, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("sent another file: its SHA-256 is "), "{outcome:?}");
    bench.is_right_or_nothing();
    assert!(server.sent() < 3_000_000, "{} bytes of lies", server.sent());
}

/// It offers the whole file, and refuses what is left of it: then the whole is taken.
#[test]
fn a_mirror_that_sends_all_or_nothing() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let server =
        Server::new(move |request| match (request.number, request.headers.get("if-range")) {
            (0, _) => tagged(request, &file, "\"a\"").cut(200_000),
            (_, None) if request.from().is_some() => Reply::status(404),
            _ => tagged(request, &file, "\"b\""),
        });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
}
