//! Clients that no installer is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{raw, stands};
use crate::running::Serving;

/// The server still answers, and soon.
fn is_well(serving: &Serving) {
    let begun = Instant::now();
    assert_eq!(serving.get("/boot.ipxe").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// What is no request, or could be read as two, is answered by one word, whatever follows it; and that is no second request.
#[test]
fn what_is_no_request_ends_there_and_nothing_is_smuggled_behind_it() {
    let serving = Serving::new();
    let long = "x".repeat(100_000);
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let hidden = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let post = |head: &str, body: &str| {
        format!("POST /r/x HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n{body}")
    };
    let get = |head: &str| format!("GET /boot.ipxe HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n");
    let chunks = "0\r\n\r\n";
    let longer = format!("Content-Length: {}", hidden.len() + chunks.len());
    for (what, text, status) in [
        ("garbage", "\x16\x03\x01\x02nonsense\r\n\r\n".to_owned(), Some(400)),
        ("another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), None),
        ("a long line", format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), Some(431)),
        ("a long header", get(&format!("X: {long}")), Some(431)),
        ("many headers", get(&many), Some(431)),
        ("a header without a name", get(": x"), Some(400)),
        ("a folded header", get("X: y\r\n z"), Some(400)),
        ("half a line's end in a header", get("X: y\rTransfer-Encoding: chunked"), Some(400)),
        (
            "a zero byte",
            "GET /boot\0.ipxe HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            Some(400),
        ),
        ("a blank before the colon", post("Content-Length : 5", "what="), Some(400)),
        ("two lengths", post("Content-Length: 5\r\nContent-Length: 6", "what=x"), Some(400)),
        ("nothing, and a length", post("Content-Length: 0\r\nContent-Length: 60", ""), Some(400)),
        ("lengths in a list", post("Content-Length: 0, 60", ""), Some(400)),
        ("one length in a list twice", post("Content-Length: 5, 5", "what="), Some(400)),
        ("a length with a sign", post("Content-Length: +5", "what="), Some(400)),
        ("a length below nothing", post("Content-Length: -5", "what="), Some(400)),
        ("a length in another base", post("Content-Length: 0x5", "what="), Some(400)),
        (
            "a length beyond numbers",
            post("Content-Length: 99999999999999999999999", "what="),
            Some(400),
        ),
        (
            "a length and chunks",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked", chunks),
            Some(411),
        ),
        (
            "chunks, and all of it",
            post(&format!("{longer}\r\nTransfer-Encoding: chunked"), chunks),
            Some(411),
        ),
        ("chunks", post("Transfer-Encoding: chunked", chunks), Some(411)),
        ("chunks that are none", post("Transfer-Encoding: xchunked", chunks), Some(400)),
        ("hidden chunks", post("Transfer-Encoding : chunked", chunks), Some(400)),
        ("chunks behind a tabulator", post("Transfer-Encoding:\x0bchunked", chunks), Some(400)),
        (
            "chunks and none",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", ""),
            Some(400),
        ),
        ("no chunks", post("Transfer-Encoding: identity", ""), Some(400)),
        (
            "chunks before there were any",
            "POST /r/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            Some(400),
        ),
        ("a question in chunks", get("Content-Length: 0\r\nTransfer-Encoding: chunked"), Some(411)),
    ] {
        let answer = raw(serving.address, format!("{text}{hidden}").as_bytes());
        assert_eq!(answer.as_ref().map(|it| it.status), status, "{what}: {answer:?}");
        // An answer without a word, and no second one behind it.
        assert_eq!(answer.map(|it| it.text()).unwrap_or_default(), "", "{what}");
        is_well(&serving);
    }
    // What belongs to an honest request is no request either.
    let body = format!("Content-Length: {}\r\nConnection: close", hidden.len());
    let answer = raw(serving.address, format!("{}{hidden}", get(&body)).as_bytes()).expect("one");
    assert!(answer.status == 200 && !answer.text().contains("HTTP/1.1 "), "{answer:?}");
    // The judge can tell: two honest ones are two.
    let two = raw(serving.address, format!("{}{hidden}", get("X: y")).as_bytes()).expect("one");
    assert_eq!(two.text().matches("HTTP/1.1 200 OK").count(), 2, "{two:?}");
}

#[test]
fn a_thousand_that_never_finish_are_in_nobodys_way() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let slow: Vec<TcpStream> = (0..1000)
        .map(|n| {
            let mut stream = TcpStream::connect(serving.address).expect("connected");
            // Some say nothing, some half a request; some ask for something large, and do not read it.
            let said: &[u8] = match n % 3 {
                0 => b"",
                1 => b"GET /tree/LiveOS/squashfs.img HTTP/1.1\r\nHost:",
                _ => b"GET /tree/LiveOS/squashfs.img HTTP/1.1\r\nHost: localhost\r\n\r\n",
            };
            // More than any buffer on the way takes.
            let times = if n == 2 { 600 } else { 1 };
            stream.write_all(&said.repeat(times)).expect("sent");
            stream
        })
        .collect();
    is_well(&serving);
    for stream in &slow[..3] {
        assert!(stands(serving.address, stream.local_addr().expect("ours")));
    }
    let path = serving.kickstart_path("compute");
    assert_eq!(serving.get_as(&serving.mac("compute"), &path).status, 200);
    // Who says nothing, or half of it, is not waited for; nor is who does not read.
    let begun = Instant::now();
    for (stream, what) in slow.iter().zip(["nothing", "half a request", "no reader"]) {
        let client = stream.local_addr().expect("ours");
        while stands(serving.address, client) {
            assert!(begun.elapsed() < Duration::from_secs(45), "{what} is held for ever");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    is_well(&serving);
}

/// A body that comes byte by byte ends with a word.
#[test]
fn a_body_that_never_ends_is_not_waited_for() {
    let serving = Serving::new();
    let mut stream = TcpStream::connect(serving.address).expect("connected");
    stream.write_all(b"POST /r/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\n").expect("sent");
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
