//! Mirrors that are not there, say nothing, or have another size.

use std::io::Write as _;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::{Bench, bounded, good};

#[test]
fn a_mirror_that_is_not_there() {
    let bench = Bench::new(1000);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/big.iso", gone.local_addr().expect("an address"));
    drop(gone);
    let outcome = bench.fetch(&url);
    assert_eq!(outcome.status, 7);
    assert!(outcome.stderr.contains("cannot be reached: Connection refused"), "{}", outcome.stderr);
}

/// One that takes the question and says nothing, and one that says it byte by byte: neither is waited for.
#[test]
fn a_mirror_that_never_answers() {
    for drips in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/big.iso", listener.local_addr().expect("an address"));
        thread::spawn(move || {
            let mut silent = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if !drips {
                    silent.push(stream);
                    continue;
                }
                thread::spawn(move || {
                    let head =
                        b"HTTP/1.1 200 OK\r\nX-Long: ".iter().chain(std::iter::repeat(&b'a'));
                    for byte in head {
                        if stream.write_all(&[*byte]).is_err() {
                            return;
                        }
                        thread::sleep(Duration::from_millis(50));
                    }
                });
            }
        });
        let bench = Bench::new(1000);
        let begun = Instant::now();
        let outcome = bench.fetch(&url);
        assert_eq!(outcome.status, 7, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("did not answer for 1s"), "{}", outcome.stderr);
        assert!(begun.elapsed() < Duration::from_secs(20), "it was waited for");
        // Nor for a list.
        let outcome = bounded(bench.command(&["--url", &url]));
        assert_eq!(outcome.status, 7, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("sha256sum.txt.asc cannot be reached"), "{outcome:?}");
    }
}

#[test]
fn what_lies_in_no_mirrors_size() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let outcome = bench.fetch_from(&[&server], &["--size", "300001"]);
    assert_eq!(outcome.status, 7);
    assert!(
        outcome.stderr.contains("another file: 300000 bytes, not 300001"),
        "{}",
        outcome.stderr
    );
}
