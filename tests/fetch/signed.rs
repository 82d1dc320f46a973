//! Images whose digest only a signed list knows.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{self, Outcome};
use crate::server::{Reply, Server};
use crate::{Bench, sha256, table};

/// Keys, and signatures that `gpg` makes with them.
struct Keys(tempfile::TempDir);

impl Keys {
    /// Two keys: `ours` and `other`.
    fn new() -> Self {
        let keys = Self(tempfile::tempdir().expect("a folder"));
        for name in ["ours", "other"] {
            // Old enough for signatures that have expired.
            let then = ["--faked-system-time", "20150101T000000!"];
            keys.gpg(
                &[&then[..], &["--quick-generate-key", name, "rsa2048", "sign", "never"]].concat(),
            );
            keys.gpg(&["--armor", "--output", &format!("{name}.asc"), "--export", name]);
        }
        keys
    }

    fn gpg(&self, arguments: &[&str]) {
        let mut gpg = common::judge("gpg");
        gpg.args([
            "--batch",
            "--yes",
            "--quiet",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ]);
        gpg.arg("--homedir").arg(self.0.path()).args(arguments).current_dir(self.0.path());
        common::judged(gpg);
    }

    fn key(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.asc"))
    }

    /// A text, signed with these options.
    fn sign(&self, text: &str, options: &[&str]) -> String {
        let path = self.0.path().join("text");
        fs::write(&path, text).expect("written");
        let mut arguments = options.to_vec();
        arguments.extend(["--output", "text.asc", "--clear-sign", "text"]);
        self.gpg(&arguments);
        fs::read_to_string(self.0.path().join("text.asc")).expect("signed")
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut end = common::judge("gpgconf");
        end.arg("--homedir").arg(self.0.path()).args(["--kill", "gpg-agent"]);
        common::judged(end);
    }
}

const OURS: [&str; 4] = ["--local-user", "ours", "--digest-algo", "SHA256"];

/// Fetches from a mirror with this list beside the image.
fn fetch(bench: &Bench, list: &str, key: &Path) -> (Outcome, Server) {
    let (list, file) = (list.to_owned(), bench.file.clone());
    let server = Server::new(move |request| match request.path.as_str() {
        "/a/sha256sum.txt.asc" => Reply::whole(list.as_bytes()),
        "/a/big.iso" => Reply::file(request, &file),
        _ => Reply::status(404),
    });
    let key = key.display().to_string();
    let url = server.url("/a/big.iso");
    (common::outcome(bench.command(&["--url", &url, "--key", &key])), server)
}

fn lines(bench: &Bench) -> String {
    format!("{}  other.iso\n{}  big.iso\n", "0".repeat(64), sha256(&bench.file))
}

#[test]
fn a_list_that_is_believed() {
    let (keys, bench) = (Keys::new(), Bench::new(300_000));
    let (outcome, server) = fetch(&bench, &keys.sign(&lines(&bench), &OURS), &keys.key("ours"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    let by = format!("by {}, signed by ", server.url("/a/sha256sum.txt.asc"));
    assert!(outcome.stdout.contains(&by), "{}", outcome.stdout);
    // And is not asked for again.
    let (url, key) = (server.url("/a/big.iso"), keys.key("ours").display().to_string());
    let asked = server.requests().len();
    let again = common::outcome(bench.command(&["--url", &url, "--key", &key]));
    assert!(again.stdout.contains("was there"), "{again:?}");
    assert_eq!(server.requests().len(), asked);
    let other = keys.key("other").display().to_string();
    let other = common::outcome(bench.command(&["--url", &url, "--key", &other]));
    assert_eq!(other.status, 5, "another key proves nothing: {other:?}");
}

#[test]
fn lists_that_are_not_believed() {
    let (keys, bench) = (Keys::new(), Bench::new(1000));
    let text = lines(&bench);
    let signed = keys.sign(&text, &OURS);
    let sum = sha256(&bench.file);
    let digit = if sum.starts_with('1') { "2" } else { "1" };
    let changed = signed.replace(&sum, &format!("{digit}{}", &sum[1..]));
    assert_ne!(changed, signed);
    let (_, signature) = signed.split_once("-----BEGIN PGP SIGNATURE").expect("a signature");
    let other = ["--local-user", "other", "--digest-algo", "SHA256"];
    let both = [&OURS[..], &other[..2]].concat();
    let old = ["--faked-system-time", "20200101T000000!", "--default-sig-expire", "1d"];
    let future = ["--faked-system-time", "20990101T000000!"];
    let weak = ["--local-user", "ours", "--digest-algo", "SHA1"];
    table::head("what the signed list is");
    for (what, list, word) in [
        ("a changed digit", changed, "its signature by "),
        ("another key", keys.sign(&text, &other), "it is signed by the key "),
        (
            "an expired signature",
            keys.sign(&text, &[&OURS[..], &old].concat()),
            "its signature has expired",
        ),
        (
            "a signature of the future",
            keys.sign(&text, &[&OURS[..], &future].concat()),
            "its signature was made in the future",
        ),
        ("a weak digest", keys.sign(&text, &weak), "over Sha1, which proves nothing"),
        ("no signature", text.clone(), "it is no clear-signed text"),
        (
            "a signature that was cut off",
            signed.replace(&format!("-----BEGIN PGP SIGNATURE{signature}"), ""),
            "it is no clear-signed text",
        ),
        ("text before it", format!("{text}{signed}"), "it is no clear-signed text"),
        ("text behind it", format!("{signed}{text}"), "it is no clear-signed text"),
        (
            "another signed text behind it",
            format!("{signed}{signed}"),
            "it is no clear-signed text",
        ),
        ("two signatures", keys.sign(&text, &both), "it carries 2 signatures"),
        ("a web page", "<html>log in</html>".to_owned(), "it is no clear-signed text"),
        (
            "a list of other files",
            keys.sign(&text.replace("big", "small"), &OURS),
            "it does not list `big.iso`",
        ),
        (
            "a list that says two things",
            keys.sign(&format!("{text}{}  big.iso\n", "1".repeat(64)), &OURS),
            "it lists `big.iso` with different digests",
        ),
    ] {
        let (outcome, server) = fetch(&bench, &list, &keys.key("ours"));
        table::row(what, &outcome, word, &server.url(""));
        assert_eq!(outcome.status, 5, "{what}\n{}", outcome.stderr);
        assert!(outcome.stderr.contains(word), "{what}: no `{word}`\n{}", outcome.stderr);
        assert!(outcome.stderr.contains("so it is not downloaded"), "{what}\n{}", outcome.stderr);
        assert!(
            server.requests().iter().all(|r| r.path != "/a/big.iso"),
            "{what}: it was downloaded"
        );
        bench.is_right_or_nothing();
        assert!(!bench.place().exists());
    }
}

/// The key of CentOS 7 is what proves where nobody names another.
#[test]
fn without_a_key_it_is_centos() {
    let (keys, bench) = (Keys::new(), Bench::new(1000));
    let list = keys.sign(&lines(&bench), &OURS);
    let server = Server::new(move |_| Reply::whole(list.as_bytes()));
    let outcome = common::outcome(bench.command(&["--url", &server.url("/a/big.iso")]));
    assert_eq!(outcome.status, 5);
    let word = "not by 6341AB2753D78A78A7C27BB124C6A8A7F4A80EB5";
    assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
}

/// A list that cannot be had is asked for again where that may help, after a pause, and not otherwise.
#[test]
fn a_list_that_comes_late() {
    let (keys, bench) = (Keys::new(), Bench::new(1000));
    let (list, file) = (keys.sign(&lines(&bench), &OURS), bench.file.clone());
    let server = Server::new(move |request| match (request.path.as_str(), request.number) {
        ("/a/big.iso", _) => Reply::file(request, &file),
        (_, 0) => Reply::status(503).with("Retry-After", "1"),
        _ => Reply::whole(list.as_bytes()),
    });
    let (url, key) = (server.url("/a/big.iso"), keys.key("ours").display().to_string());
    let outcome = common::outcome(bench.command(&["--url", &url, "--key", &key]));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let told = format!("{}/a/sha256sum.txt.asc answers 503 Service Unavailable\n", server.url(""));
    assert!(outcome.stderr.contains(&(told + "waiting for 1 s\n")), "{}", outcome.stderr);
    bench.is_right();

    let (unsigned, none) =
        (Server::new(|_| Reply::whole(b"")), Server::new(|_| Reply::status(404)));
    for server in [unsigned, none] {
        let url = server.url("/a/big.iso");
        let outcome = common::outcome(bench.command(&["--url", &url]));
        assert_eq!(outcome.status, 5, "{}", outcome.stderr);
        assert_eq!(server.requests().len(), 1, "{}", outcome.stderr);
    }
}

/// That a list cannot be had now is the network's doing; that one came and proves nothing is not, whatever others do.
#[test]
fn a_list_that_the_network_keeps() {
    let bench = Bench::new(1000);
    for (answers, status, asked) in [(&[503][..], 7, 3), (&[404], 5, 1), (&[503, 200], 5, 2)] {
        let server = Server::new(move |request| {
            let status = answers.get(request.number).or(answers.last()).expect("an answer");
            Reply::status(*status)
        });
        let outcome = common::outcome(bench.command(&["--url", &server.url("/a/big.iso")]));
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("nothing proves `big.iso`"), "{}", outcome.stderr);
        assert_eq!(server.requests().len(), asked, "{}", outcome.stderr);
    }
}

/// What CentOS signed is believed by the key that is built in: the list of 7.7, as its mirrors carried it, with a signature of
/// version 3 (RFC 4880, section 5.2.2).
#[test]
fn a_list_of_centos() {
    let list = include_str!("../fixtures/centos-7.7-sha256sum.txt.asc");
    let sum = "9a2c47d97b9975452f7d582264e9fc16d108ed8252ac6816239a3b58cef5c53d";
    let changed = list.replace(sum, &sum.replace('9', "8"));
    for (list, status, word) in [
        (list, 7, "sent another file: its SHA-256 is "),
        (&changed, 5, "its signature by 6341AB2753D78A78A7C27BB124C6A8A7F4A80EB5 does not hold"),
    ] {
        let (bench, list) = (Bench::new(1000), list.to_owned());
        let file = bench.file.clone();
        let server = Server::new(move |request| match request.path.as_str() {
            "/sha256sum.txt.asc" => Reply::whole(list.as_bytes()),
            _ => Reply::file(request, &file),
        });
        let url = server.url("/CentOS-7-x86_64-Minimal-1908.iso");
        let outcome = common::outcome(bench.command(&["--url", &url]));
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}
