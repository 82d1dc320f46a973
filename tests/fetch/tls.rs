//! Mirrors that speak TLS, and names that nobody knows.

use std::fs;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::common;
use crate::server::{Reply, Server};
use crate::{Bench, good, sha256, table};

/// A mirror with a certificate for this name, which lies in `ca.pem`.
pub fn mirror(bench: &Bench, name: &str) -> Server {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    fs::write(bench.folder.path().join("ca.pem"), made.cert.pem()).expect("written");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    Server::tls(config, good(&bench.file))
}

#[test]
fn a_certificate_that_the_person_trusts() {
    let bench = Bench::new(300_000);
    let server = mirror(&bench, "127.0.0.1");
    let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
    let arguments = ["--url", &url, "--sha256", &sum, "--ca-file", "ca.pem"];
    let outcome = common::outcome(bench.command(&arguments));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
}

#[test]
fn certificates_that_prove_nothing() {
    table::head("whose the certificate is");
    for (what, name, ca) in
        [("another name", "mirror.example", Some("ca.pem")), ("nobody's", "127.0.0.1", None)]
    {
        let bench = Bench::new(1000);
        let server = mirror(&bench, name);
        let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
        let mut arguments = vec!["--url", &url, "--sha256", &sum];
        arguments.extend(ca.iter().flat_map(|file| ["--ca-file", file]));
        let outcome = common::outcome(bench.command(&arguments));
        table::row(what, &outcome, "cannot prove", &server.url(""));
        assert_eq!(outcome.status, 7, "{what}\n{}", outcome.stderr);
        assert!(outcome.stderr.contains("cannot prove who it is"), "{what}\n{}", outcome.stderr);
        assert_eq!(server.requests().len(), 0, "{what}: it was asked");
        assert!(!bench.place().exists());
    }
}

/// A system without certificates, as a bare Debian is: what needs none works.
#[test]
fn a_system_that_trusts_nobody() {
    let bench = Bench::new(1000);
    let sum = sha256(&bench.file);
    let (plain, tls) = (Server::new(good(&bench.file)), mirror(&bench, "127.0.0.1"));
    for (server, status, word) in [(&tls, 7, "cannot prove who it is"), (&plain, 0, "is proved")] {
        let mut command = bench.command(&["--url", &server.url("/big.iso"), "--sha256", &sum]);
        command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
        let outcome = common::outcome(command);
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
    bench.is_right();
}

#[test]
fn a_file_of_certificates_that_is_none() {
    let bench = Bench::new(1000);
    fs::write(bench.folder.path().join("ca.pem"), "no certificate\n").expect("written");
    let sum = sha256(&bench.file);
    let arguments =
        ["--url", "http://127.0.0.1:1/big.iso", "--sha256", &sum, "--ca-file", "ca.pem"];
    let outcome = common::outcome(bench.command(&arguments));
    assert_eq!(outcome.status, 9);
    assert!(outcome.stderr.contains("`ca.pem` holds no certificates in PEM form"), "{outcome:?}");
}

#[test]
fn a_name_that_nobody_knows() {
    let bench = Bench::new(1000);
    let sum = sha256(&bench.file);
    let fetch = bench.command(&["--url", "http://mirror.invalid/big.iso", "--sha256", &sum]);
    // In a network of its own, so that nobody is asked.
    let mut command = common::judge("unshare");
    command.args(["--map-root-user", "--net"]).arg(fetch.get_program()).args(fetch.get_args());
    command.current_dir(bench.folder.path()).env("HOME", bench.folder.path());
    let outcome = common::outcome(command);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("http://mirror.invalid/big.iso cannot be reached: failed to lookup address"),
        "{outcome:?}"
    );
}

#[test]
fn a_password_in_a_url_is_not_told() {
    let bench = Bench::new(1000);
    let server = Server::new(|_| Reply::status(404));
    let url = server.url("/big.iso?token=hidden").replace("http://", "http://me:hidden@");
    let outcome = bench.fetch(&url);
    assert_eq!(outcome.status, 7);
    assert!(!format!("{outcome:?}").contains("hidden"), "{outcome:?}");
    assert!(outcome.stderr.contains("/big.iso?…"), "{outcome:?}");
    // Nor is it left on the disk, where others may read it.
    let file = bench.file.clone();
    let dying = Server::new(move |request| match request.number {
        0 => Reply::file(request, &file).cut(500).with("ETag", "\"a\""),
        _ => Reply::status(404),
    });
    let url = dying.url("/big.iso?token=hidden").replace("http://", "http://me:hidden@");
    assert_eq!(bench.fetch(&url).status, 7);
    let notes = fs::read_to_string(bench.part().with_extension("json")).expect("notes");
    assert!(notes.contains("/big.iso?…") && !notes.contains("hidden"), "{notes}");
    let mirror = dying.url("").replace("http://", "http://me:hidden@");
    let mut doctor = std::process::Command::new(common::PROGRAM);
    doctor.args(["doctor", "--retry", "0", "--mirror", &mirror]).current_dir(bench.folder.path());
    let outcome = common::outcome(doctor);
    assert!(!format!("{outcome:?}").contains("hidden"), "{outcome:?}");
    for url in [
        mirror.as_str(),
        "ftp://me:hidden@127.0.0.1/x",
        "http://me:hid/hidden@127.0.0.1/x",
        "ftp://127.0.0.1/x?token=hidden",
        "http://127.0.0.1:99999/x?token=hidden",
    ] {
        let outcome = bench.fetch(url);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("hidden"), "{outcome:?}");
    }
}

/// Nor does a mirror tell it to the one that it redirects to.
#[test]
fn a_password_stays_with_its_mirror() {
    let bench = Bench::new(1000);
    let to = Server::new(good(&bench.file));
    let there = to.url("/there");
    let from = Server::new(move |_| Reply::status(302).with("Location", &there));
    // Another port is another host.
    let url = from.url("/big.iso?token=hidden").replace("http://", "http://me:hidden@");
    let outcome = bench.fetch(&url);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    assert!(from.requests()[0].headers.contains_key("authorization"));
    let told = &to.requests()[0].headers;
    assert!(!told.contains_key("authorization") && !told.contains_key("referer"), "{told:?}");
}
