//! A client that sends just what it is told.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// The answer to these bytes; nothing where the connection just ends.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    exchange(TcpStream::connect(address).expect("connected"), bytes)
}

fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Option<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    // The server may have had enough before all is sent.
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(read[..end].to_vec()).expect("text");
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: read[end + 4..].to_vec() })
}

/// The answer to a request with these headers, each a line.
pub fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Answer {
    let request = request(address, method, path, headers, body);
    raw(address, request.as_bytes()).unwrap_or_else(|| panic!("no answer to {method} {path}"))
}

/// The same of a server that may be gone; nothing where the answer did not come, or not whole.
#[allow(dead_code, reason = "the page's tests kill no server that is busy")]
pub fn try_ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Option<Answer> {
    let request = request(address, method, path, headers, body);
    let answer = exchange(TcpStream::connect(address).ok()?, request.as_bytes())?;
    let length = answer.header("content-length").and_then(|it| it.parse::<usize>().ok());
    length.is_none_or(|length| length == answer.body.len()).then_some(answer)
}

fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> String {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for header in headers {
        let _ = write!(request, "{header}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(request, "Content-Length: {}\r\n", body.len());
    }
    let _ = write!(request, "\r\n{body}");
    request
}

/// Whether the server's end of a connection stands, as the kernel lists them (state 01).
#[allow(dead_code, reason = "the page's tests are no slow clients")]
pub fn stands(server: SocketAddr, client: SocketAddr) -> bool {
    let ends = [server, client].map(|end| format!(":{:04X}", end.port()));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("a table");
    table.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = |words: &[&str]| words[1].ends_with(&ends[0]) && words[2].ends_with(&ends[1]);
        words.len() > 3 && is_it(&words) && words[3] == "01"
    })
}
