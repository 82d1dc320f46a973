//! Clients that no installer is, by TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{raw, stands};
use crate::running::Serving;
use crate::tls::{MADE, curl, serving, wait_for};

fn is_well(serving: &Serving) {
    let begun = Instant::now();
    assert_eq!(curl(serving, MADE, "/metrics", &[]).status, 0);
    assert_eq!(serving.get("/boot.ipxe").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// A connection by TLS that sends just what it is told.
fn connected(serving: &Serving) -> StreamOwned<ClientConnection, TcpStream> {
    let pem = serving.lab.read(MADE);
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).map(|one| one.expect("one"));
    roots.add_parsable_certificates(found);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(serving.address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    StreamOwned::new(client, stream)
}

/// What comes back of these bytes, and how long that took.
fn sent(serving: &Serving, bytes: &[u8]) -> (String, Duration) {
    let (mut stream, begun) = (connected(serving), Instant::now());
    // The server may have had enough before all is sent.
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    (String::from_utf8_lossy(&said).into_owned(), begun.elapsed())
}

#[test]
fn what_is_no_handshake_ends_there() {
    let serving = serving();
    let long = "\u{16}".repeat(70_000);
    for garbage in [
        &b"\x16"[..],
        b"\x16\x03\x01\x02nonsense\r\n\r\n",
        b"\x16\x03\x01\xff\xff",
        b"\x16GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        long.as_bytes(),
    ] {
        let begun = Instant::now();
        let answer = raw(serving.address, garbage);
        assert!(answer.is_none(), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        is_well(&serving);
    }
    // Without TLS it is no request.
    let plain = Serving::new();
    let answer = raw(plain.address, b"\x16\x03\x01\x02nonsense\r\n\r\n");
    assert!(answer.is_none_or(|answer| answer.status == 400));
}

#[test]
fn handshakes_that_never_end_are_in_nobodys_way() {
    let serving = serving();
    wait_for(&serving, "compute", "armed");
    let hello = {
        let (client, _) = connected(&serving).into_parts();
        let (mut client, mut bytes) = (client, Vec::new());
        client.write_tls(&mut bytes).expect("a greeting");
        bytes
    };
    let mut slow: Vec<TcpStream> = (0..600)
        .map(|n| {
            let mut stream = TcpStream::connect(serving.address).expect("connected");
            // The first byte, half a greeting, or a whole one and nothing after it.
            let said = match n % 3 {
                0 => &hello[..1],
                1 => &hello[..hello.len() / 2],
                _ => &hello[..],
            };
            stream.write_all(said).expect("sent");
            stream
        })
        .collect();
    is_well(&serving);
    let begun = Instant::now();
    for stream in &mut slow[..3] {
        stream.set_read_timeout(Some(Duration::from_secs(45))).expect("set");
        let _ = stream.read_to_end(&mut Vec::new()).expect("it is closed, and not by us");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    is_well(&serving);
}

#[test]
fn the_limits_of_requests_hold_as_without() {
    let serving = serving();
    // Not so long that the server closes while it is being sent: what it said is lost then.
    let long = "x".repeat(17_000);
    for (what, text, wanted) in [
        (
            "a long header",
            format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
            "431",
        ),
        (
            "chunks",
            "POST /r/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            "411",
        ),
        ("nonsense", "nonsense\r\n\r\n".into(), "400"),
    ] {
        let (said, took) = sent(&serving, text.as_bytes());
        assert!(said.starts_with(&format!("HTTP/1.1 {wanted} ")), "{what}: {said}");
        assert!(took < Duration::from_secs(8), "{what}: {took:?}");
    }
    // Who never ends its request is not waited for.
    let (said, took) = sent(&serving, b"GET /metrics HTTP/1.1\r\nHost:");
    assert!(!said.contains("200 OK") && took < Duration::from_secs(20), "{took:?}: {said}");
    let body = b"POST /r/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nwhat=";
    let (said, took) = sent(&serving, body);
    assert!(!said.contains("204") && took < Duration::from_secs(45), "{took:?}: {said}");
    is_well(&serving);
}

/// Who asks for much and reads nothing of it, not even the goodbye, is left.
#[test]
fn who_reads_nothing_is_left() {
    let serving = serving();
    let mut stream = connected(&serving);
    let asks = b"GET /tree/LiveOS/squashfs.img HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // More than any buffer on the way takes.
    stream.write_all(&asks.repeat(600)).expect("sent");
    let tcp = stream.sock.try_clone().expect("the same");
    let begun = Instant::now();
    let client = tcp.local_addr().expect("ours");
    let stands = || stands(serving.address, client);
    assert!(stands(), "it is there at first");
    while stands() {
        assert!(begun.elapsed() < Duration::from_secs(75), "it is held for ever");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(begun.elapsed() > Duration::from_secs(20), "it was no matter of reading");
    is_well(&serving);
}
