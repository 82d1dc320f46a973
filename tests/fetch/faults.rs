//! The table of faults.

use std::time::Duration;

use crate::server::{Reply, Request, Server};
use crate::{Bench, flipped, good, table};

/// How it ends.
enum End {
    /// With the right bytes.
    Right,
    /// With nothing, and this exit code.
    Nothing(i32),
}
use End::{Nothing, Right};

type Answer = Box<dyn Fn(&Request, &[u8]) -> Reply + Send + Sync>;

/// A mirror that answers as it likes.
fn mirror(answer: impl Fn(&Request, &[u8]) -> Reply + Send + Sync + 'static) -> Answer {
    Box::new(answer)
}

/// One that answers so the first time, and well afterwards.
fn once(answer: impl Fn(&Request, &[u8]) -> Reply + Send + Sync + 'static) -> Answer {
    mirror(
        move |request, file| {
            if request.number == 0 { answer(request, file) } else { Reply::file(request, file) }
        },
    )
}

/// What a mirror does, how it ends, and the word that the person reads.
type Fault = (&'static str, Answer, End, &'static str);

fn faults() -> impl Iterator<Item = Fault> {
    refusals().into_iter().chain(ranges()).chain(bodies()).chain(elsewhere())
}

/// It refuses.
fn refusals() -> Vec<Fault> {
    vec![
        (
            "404",
            mirror(|_, _| Reply::status(404)),
            Nothing(7),
            "does not have the file (404 Not Found)",
        ),
        ("403", mirror(|_, _| Reply::status(403)), Nothing(7), "refuses (403 Forbidden)"),
        ("410", mirror(|_, _| Reply::status(410)), Nothing(7), "does not have the file (410 Gone)"),
        ("500 once", once(|_, _| Reply::status(500)), Right, "answers 500 Internal Server Error"),
        ("500 for ever", mirror(|_, _| Reply::status(500)), Nothing(7), "answers 500"),
        ("503 once", once(|_, _| Reply::status(503)), Right, "answers 503 Service Unavailable"),
        (
            "429 with Retry-After",
            once(|_, _| Reply::status(429).with("Retry-After", "1")),
            Right,
            "waiting for 1 s",
        ),
    ]
}

/// It does not send the part that it was asked for.
fn ranges() -> Vec<Fault> {
    vec![
        (
            "no ranges, broken once",
            once(|_, file| Reply::whole(file).cut(9000)),
            Right,
            "broke off",
        ),
        (
            "no ranges, broken at first",
            mirror(|request, file| {
                let whole = Reply::whole(file);
                if request.number < 3 { whole.cut(20_000 + 9000 * request.number) } else { whole }
            }),
            Right,
            "broke off",
        ),
        (
            "no ranges, always broken",
            mirror(|_, file| Reply::whole(file).cut(9000)),
            Nothing(7),
            "broke off",
        ),
        (
            "other ranges than asked for",
            mirror(|request, file| match request.from() {
                None => Reply::whole(file).cut(9000),
                Some(from) => Reply { status: 206, ..Reply::whole(&file[from - 10..]) }.with(
                    "Content-Range",
                    &format!("bytes {}-{}/{}", from - 10, file.len() - 1, file.len()),
                ),
            }),
            Nothing(7),
            "sends bytes from ",
        ),
        (
            "a range that is another one than it says",
            mirror(|request, file| match request.from() {
                None => Reply::whole(file).cut(9000),
                Some(from) => {
                    let mut reply = Reply::file(request, file);
                    reply.body = file[from - 10..file.len() - 10].to_vec();
                    reply
                }
            }),
            Nothing(7),
            "sent another file",
        ),
        (
            "another file under the same entity tag",
            mirror(|request, file| {
                let reply = if request.number == 0 {
                    Reply::file(request, &flipped(file)).cut(file.len() / 2 + 9000)
                } else {
                    Reply::file(request, file)
                };
                reply.with("ETag", "\"same\"")
            }),
            Right,
            "one of the mirrors sent something else",
        ),
        (
            "another file under another entity tag",
            mirror(|request, file| match request.number {
                0 => Reply::whole(&flipped(file)).cut(file.len() - 9).with("ETag", "\"a\""),
                // Whoever asks for the rest of the first one gets the second whole, which breaks off before it is where the first was.
                _ if request.headers.get("if-range").is_some_and(|tag| tag == "\"a\"") => {
                    Reply::whole(file).cut(9000).with("ETag", "\"b\"")
                }
                _ => Reply::file(request, file).with("ETag", "\"b\""),
            }),
            Right,
            "one of the mirrors sent something else",
        ),
    ]
}

/// It sends other bytes, fewer, or none for a while.
fn bodies() -> Vec<Fault> {
    vec![
        (
            "a shorter body than promised",
            once(|_, file| Reply {
                length: Some(file.len() as u64),
                ..Reply::whole(&file[..70_000])
            }),
            Right,
            "broke off",
        ),
        (
            "a Content-Length that is too small",
            mirror(|_, file| Reply { length: Some(70_000), ..Reply::whole(file) }),
            Nothing(7),
            "sent another file",
        ),
        (
            "a Content-Length that is too large",
            mirror(|_, file| Reply { length: Some(file.len() as u64 + 1), ..Reply::whole(file) }),
            Right,
            "is proved",
        ),
        (
            "no Content-Length, whole",
            mirror(|_, file| Reply { length: None, ..Reply::whole(file) }),
            Right,
            "is proved",
        ),
        (
            "no Content-Length, cut",
            mirror(|_, file| Reply { length: None, ..Reply::whole(&file[..70_000]) }),
            Nothing(7),
            "sent another file",
        ),
        (
            "encoded",
            mirror(|_, file| Reply::whole(file).with("Content-Encoding", "gzip")),
            Nothing(7),
            "sends the file encoded (`gzip`)",
        ),
        (
            "next to nothing, for ever",
            mirror(|_, file| Reply::whole(file).pace(1, Duration::from_millis(100))),
            Nothing(7),
            "sent next to nothing for 1s",
        ),
        (
            "next to nothing, once",
            once(|_, file| Reply::whole(file).pace(1, Duration::from_millis(100))),
            Right,
            "sent next to nothing for 1s",
        ),
        (
            "one flipped bit",
            mirror(|request, file| Reply::file(request, &flipped(file))),
            Nothing(7),
            "sent another file: its SHA-256 is ",
        ),
        (
            "cut at the last byte",
            mirror(|request, file| {
                let reply = Reply::file(request, file);
                if request.number == 0 { reply.cut(file.len() - 1) } else { reply }
            }),
            Right,
            "from byte 299999 on",
        ),
        (
            "a size that no disk has",
            mirror(|_, file| Reply { length: Some(1 << 60), ..Reply::whole(file) }),
            Nothing(7),
            "says that the file has ",
        ),
        (
            "an empty file",
            mirror(|_, _| Reply::whole(b"")),
            Nothing(7),
            "sent another file: its SHA-256 is e3b0c44298fc1c14",
        ),
    ]
}

/// It sends the client elsewhere.
fn elsewhere() -> Vec<Fault> {
    let portal = || Reply::whole(b"<html>log in</html>").with("Content-Type", "text/html");
    vec![
        (
            "a redirect",
            mirror(|request, file| match request.path.as_str() {
                "/there" => Reply::file(request, file),
                _ => Reply::status(302).with("Location", "/there"),
            }),
            Right,
            "is proved",
        ),
        (
            "a redirect to FTP",
            mirror(|_, _| Reply::status(302).with("Location", "ftp://127.0.0.1/x")),
            Nothing(7),
            "/a/big.iso leads elsewhere: ",
        ),
        (
            "a redirect to nowhere",
            mirror(|_, _| Reply::status(302).with("Location", "http://me:hidden@127.0.0.1:99999/")),
            Nothing(7),
            "where nobody follows",
        ),
        (
            "a redirect loop",
            mirror(|_, _| Reply::status(302).with("Location", "/again")),
            Nothing(7),
            "more than 5 redirects",
        ),
        (
            "a redirect to a file",
            mirror(|_, _| Reply::status(302).with("Location", "file:///etc/passwd")),
            Nothing(7),
            "redirects to `file:///etc/passwd`, where nobody follows",
        ),
        (
            "a login page instead",
            mirror(move |_, _| portal()),
            Nothing(7),
            "sends a web page, not the file",
        ),
        (
            "a redirect to a login page",
            mirror(|request, _| match request.path.as_str() {
                "/login" => Reply::whole(b"<html>").with("Content-Type", "text/html; charset=x"),
                _ => Reply::status(302).with("Location", "/login"),
            }),
            Nothing(7),
            "a login page of this network",
        ),
    ]
}

#[test]
fn a_mirror_that_does_it_wrong() {
    table::head("what the mirror does");
    for (what, answer, end, word) in faults() {
        let bench = Bench::new(300_000);
        let file = bench.file.clone();
        let server = Server::new(move |request| answer(request, &file));
        let outcome = bench.fetch(&server.url("/a/big.iso"));
        table::row(what, &outcome, word, &server.url(""));
        assert!(outcome.stderr.contains(word), "{what}: no `{word}`\n{}", outcome.stderr);
        bench.is_right_or_nothing();
        match end {
            Right => {
                assert_eq!(outcome.status, 0, "{what}");
                bench.is_right();
            }
            Nothing(status) => {
                assert_eq!(outcome.status, status, "{what}");
                assert!(!bench.place().exists(), "{what}");
                let part = std::fs::metadata(bench.part());
                assert!(part.is_ok_and(|part| part.len() > 0) || bench.leaves_no_part(), "{what}");
                assert!(outcome.stderr.contains(&server.url("/a/big.iso")), "{what}: where?");
            }
        }
    }
}

/// Every fault costs time, and no more, where another mirror is well.
#[test]
fn a_good_mirror_beside_it() {
    for (what, answer, ..) in faults() {
        let bench = Bench::new(300_000);
        let file = bench.file.clone();
        let bad = Server::new(move |request| answer(request, &file));
        let well = Server::new(good(&bench.file));
        for size in [None, Some("300000")] {
            let more: Vec<&str> = size.iter().flat_map(|size| ["--size", size]).collect();
            let outcome = bench.fetch_from(&[&bad, &well], &more);
            assert_eq!(outcome.status, 0, "{what}, size {size:?}\n{}", outcome.stderr);
            assert!(std::fs::read(bench.place_from()).expect("the image") == bench.file, "{what}");
            std::fs::remove_dir_all(bench.cache()).expect("removed");
        }
    }
}
