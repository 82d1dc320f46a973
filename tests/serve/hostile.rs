//! Clients that no installer is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::raw;
use crate::running::Serving;

/// The server still answers, and soon.
fn is_well(serving: &Serving) {
    let begun = Instant::now();
    assert_eq!(serving.get("/boot.ipxe").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn what_is_no_request_ends_there() {
    let serving = Serving::new();
    let send = |text: &str| raw(serving.address, text.as_bytes()).map(|answer| answer.status);
    let long = "x".repeat(100_000);
    let headers: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    for (what, text) in [
        ("garbage", "\x16\x03\x01\x02nonsense\r\n\r\n".to_owned()),
        ("another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("a long line", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long header", format!("GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n")),
        ("many headers", format!("GET /boot.ipxe HTTP/1.1\r\nHost: x\r\n{headers}\r\n")),
        ("a header without a name", "GET /boot.ipxe HTTP/1.1\r\n: x\r\n\r\n".to_owned()),
        ("a folded header", "GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n".to_owned()),
        ("a blank before the colon", "POST /r/x HTTP/1.1\r\nContent-Length : 5\r\n\r\nwhat=".to_owned()),
        ("two lengths", "POST /r/x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwhat=x".to_owned()),
        ("a length that is none", "POST /r/x HTTP/1.1\r\nContent-Length: +5\r\n\r\nwhat=".to_owned()),
        ("a length in chunks", "POST /r/x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("chunks", "POST /r/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("hidden chunks", "POST /r/x HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("a zero byte", "GET /boot\0.ipxe HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
    ] {
        let status = send(&text);
        assert!(status.is_none_or(|status| (400..600).contains(&status)), "{what}: {status:?}");
        is_well(&serving);
    }
}

/// What follows such a request is no second one.
#[test]
fn nothing_is_smuggled_behind_a_request() {
    let serving = Serving::new();
    let hidden = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for head in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            hidden.len() + 5
        ),
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n".to_owned(),
        "Content-Length: 0\r\nContent-Length: 60\r\n\r\n".to_owned(),
        "Content-Length: 0, 60\r\n\r\n".to_owned(),
    ] {
        let text = format!("POST /r/x HTTP/1.1\r\nHost: x\r\n{head}{hidden}");
        let said = raw(serving.address, text.as_bytes());
        let said =
            said.map(|answer| format!("{}{}", answer.head, answer.text())).unwrap_or_default();
        assert!(!said.contains("trainyard_nodes"), "{head}: {said}");
    }
}

#[test]
fn a_thousand_that_never_finish_are_in_nobodys_way() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let mut slow: Vec<TcpStream> = (0..1000)
        .map(|n| {
            let mut stream = TcpStream::connect(serving.address).expect("connected");
            // Some say nothing, some half a request; some ask for something large, and do not read it.
            let said: &[u8] = match n % 3 {
                0 => b"",
                1 => b"GET /tree/LiveOS/squashfs.img HTTP/1.1\r\nHost:",
                _ => b"GET /tree/LiveOS/squashfs.img HTTP/1.1\r\nHost: x\r\n\r\n",
            };
            stream.write_all(said).expect("sent");
            stream
        })
        .collect();
    is_well(&serving);
    let path = serving.kickstart_path("compute");
    assert_eq!(serving.get_as(&serving.mac("compute"), &path).status, 200);
    // Who says nothing is not waited for.
    let first = &mut slow[0];
    first.set_read_timeout(Some(Duration::from_secs(45))).expect("set");
    let begun = Instant::now();
    let mut read = Vec::new();
    let _ = first.read_to_end(&mut read);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    is_well(&serving);
}

/// A body that comes byte by byte ends with a word.
#[test]
fn a_body_that_never_ends_is_not_waited_for() {
    let serving = Serving::new();
    let mut stream = TcpStream::connect(serving.address).expect("connected");
    stream.write_all(b"POST /r/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\n").expect("sent");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("set");
    let begun = Instant::now();
    let mut said = [0; 200];
    let count = loop {
        let _ = stream.write_all(b"x");
        match stream.read(&mut said) {
            Ok(count) => break count,
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(45), "it waits for ever"),
        }
    };
    let said = String::from_utf8_lossy(&said[..count]).into_owned();
    assert!(said.starts_with("HTTP/1.1 408 ") || said.is_empty(), "{said}");
    is_well(&serving);
}
