//! Proxies, by the usual variables.

use std::io::{BufRead as _, BufReader, Write as _, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common;
use crate::server::Server;
use crate::{Bench, good, sha256, tls};

/// A proxy that connects whoever asks with one server, whatever name is asked for; and what it was asked.
struct Tunnel {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let tunnel = Self { address, asked: Arc::clone(&asked) };
        // It ends with the tests.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                // Whoever goes away ends it.
                thread::spawn(move || connect(client, server, &asked).ok());
            }
        });
        tunnel
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("what was asked").clone()
    }
}

fn connect(
    mut client: TcpStream,
    server: SocketAddr,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    asked.lock().expect("what was asked").push(first);
    // Nothing but its greeting comes before it is answered.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let mut server = TcpStream::connect(server)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

#[test]
fn through_a_proxy() {
    let bench = Bench::new(300_000);
    let proxy = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    let mut command = bench.command(&["--url", "http://mirror.invalid/big.iso", "--sha256", &sum]);
    let outcome = common::outcome({
        command.env("http_proxy", proxy.url(""));
        command
    });
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    assert_eq!(proxy.requests()[0].path, "http://mirror.invalid/big.iso");
}

/// What is sent by HTTPS goes through it without its seeing it, and the certificate is still the mirror's.
#[test]
fn https_through_a_proxy() {
    for (name, status, word) in
        [("mirror.invalid", 0, "is proved"), ("other.invalid", 7, "cannot prove who it is")]
    {
        let bench = Bench::new(300_000);
        let server = tls::mirror(&bench, name);
        let proxy = Tunnel::to(server.address);
        let sum = sha256(&bench.file);
        let url = "https://mirror.invalid/big.iso";
        let arguments = ["--url", url, "--sha256", &sum, "--ca-file", "ca.pem"];
        let mut command = bench.command(&arguments);
        command.env("https_proxy", format!("http://{}", proxy.address));
        let outcome = common::outcome(command);
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        assert_eq!(proxy.asked()[0], "CONNECT mirror.invalid:443 HTTP/1.1");
        bench.is_right_or_nothing();
        assert_eq!(server.requests().len(), usize::from(status == 0));
    }
}

/// Who is named in `no_proxy` is asked without one.
#[test]
fn not_through_a_proxy() {
    for (no_proxy, through) in
        [("127.0.0.1", 0), ("mirror.example,127.0.0.0/8", 0), ("mirror.example", 1)]
    {
        let bench = Bench::new(1000);
        let (server, proxy) = (Server::new(good(&bench.file)), Server::new(good(&bench.file)));
        let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
        let mut command = bench.command(&["--url", &url, "--sha256", &sum]);
        command.env("http_proxy", proxy.url("")).env("no_proxy", no_proxy);
        let outcome = common::outcome(command);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        bench.is_right();
        let asked = (proxy.requests().len(), server.requests().len());
        assert_eq!(asked, (through, 1 - through), "{no_proxy}");
    }
}
