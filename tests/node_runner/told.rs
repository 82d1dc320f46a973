//! A node that a server installed tells it how far its stages have come.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::node::Node;
use crate::packages::noted;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server that takes everything, slowly, and keeps it.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/r/{TOKEN}", listener.local_addr().expect("an address"));
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&kept);
    thread::spawn(move || {
        for stream in listener.incoming() {
            take(stream.expect("connected"), &told).expect("taken");
        }
    });
    (address, kept)
}

/// Takes a request.
fn take(mut stream: impl Read + Write, told: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&request) {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&part[..count]);
    }
    thread::sleep(Duration::from_millis(200));
    told.lock().expect("whole").push(String::from_utf8(request).expect("text"));
    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    stream.flush()
}

/// The same by TLS, with what proves it.
fn server_by_tls() -> (String, Arc<Mutex<Vec<String>>>, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("https://{}/r/{TOKEN}", listener.local_addr().expect("an address"));
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&kept);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            // Who does not trust it tells it nothing.
            let _ = take(StreamOwned::new(connection, stream.expect("connected")), &told);
        }
    });
    (address, kept, made.cert.pem())
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_some_and(|length| body.len() >= length.parse::<usize>().expect("a number"))
}

/// What was told last.
fn said(kept: &Mutex<Vec<String>>) -> serde_json::Value {
    let kept = kept.lock().expect("whole");
    let last = kept.iter().rfind(|request| request.contains("/stages HTTP"));
    let (_, body) = last.expect("something").split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}

/// Of that, stages and states.
fn last(kept: &Mutex<Vec<String>>) -> Vec<(String, String)> {
    let said = said(kept);
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let stages = said["stages"].as_array().expect("stages").iter();
    stages.map(|stage| (text(&stage["name"]), text(&stage["state"]))).collect()
}

#[test]
fn the_end_of_a_run_is_told_before_it_ends() {
    let node = Node::new();
    let (address, kept) = server();
    node.write("etc/trainyard/report", &format!("{address}\n"));
    for name in ["one", "two", "three"] {
        node.stage(name, "", &[]);
    }
    node.expect(0, &["run"]);
    let done = |name: &str| (name.to_owned(), "done".to_owned());
    assert_eq!(last(&kept), ["one", "two", "three"].map(done));
    let kept = kept.lock().expect("whole");
    assert!(kept[0].starts_with(&format!("POST /r/{TOKEN}/stages HTTP/1.1\r\n")), "{}", kept[0]);
    assert!(kept.len() < 12, "what came meanwhile is told at once: {}", kept.len());
}

#[test]
fn what_failed_is_told_as_well() {
    let node = Node::new();
    let (address, kept) = server();
    node.write("etc/trainyard/report", &address);
    node.stage("one", "", &[("configure.sh", "echo it is broken; exit 1\n")]);
    node.expect(6, &["run"]);
    assert_eq!(last(&kept), [("one".to_owned(), "failed".to_owned())]);
    // And why, once.
    let logs: Vec<String> = kept.lock().expect("whole").clone();
    let logs: Vec<_> = logs.iter().filter(|it| it.contains("/log?stage=one HTTP")).collect();
    assert!(logs.len() == 1 && logs[0].contains("\nit is broken\n"), "{logs:?}");
    assert!(!node.path("run/trainyard/untold-logs").exists());
    // The installer tells for itself: what runs in it is not the node's own first boot.
    let before = kept.lock().expect("whole").len();
    let mut early = node.command(&["run", "one"]);
    let status = early.env("TRAINYARD_REBOOT", "no").output().expect("it runs").status;
    assert_eq!(status.code(), Some(6));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(kept.lock().expect("whole").len(), before);
}

#[test]
fn by_tls_it_is_told_to_the_server_that_the_node_knows_and_to_no_other() {
    let (address, kept, proof) = server_by_tls();
    let node = Node::new();
    node.write("etc/trainyard/report", &format!("{address}\n"));
    node.write("etc/trainyard/report.pem", &proof);
    node.stage("one", "", &[]);
    node.expect(0, &["run"]);
    assert_eq!(last(&kept), [("one".to_owned(), "done".to_owned())]);
    let known = kept.lock().expect("whole").len();
    // Another one's certificate proves nothing, and neither does none.
    let (_, _, other) = server_by_tls();
    for proof in [Some(other), None] {
        let node = Node::new();
        node.write("etc/trainyard/report", &format!("{address}\n"));
        if let Some(proof) = proof {
            node.write("etc/trainyard/report.pem", &proof);
        }
        node.stage("one", "", &[]);
        node.expect(0, &["run"]);
        assert_eq!(kept.lock().expect("whole").len(), known);
    }
}

#[test]
fn what_a_verification_found_is_told_before_it_ends() {
    let node = Node::new();
    let (address, kept) = server();
    node.write("etc/trainyard/report", &address);
    let script = "#!/bin/bash\nset -euo pipefail\n. \"$TRAINYARD_LIB\"\n\
                  check 'it is whole' test ! -e $ROOT/broken\nverdict\n";
    node.stage("one", "", &[("verify.sh", script)]);
    node.stage("two", "", &[]);
    node.expect(0, &["run"]);
    assert_eq!(said(&kept)["verified"], serde_json::Value::Null);
    node.write("broken", "");
    let mut patient = node.command(&["verify", "--retry"]);
    patient.env("TRAINYARD_RETRY_PAUSE", "1").env("TRAINYARD_RETRY_LIMIT", "3");
    assert_eq!(patient.output().expect("bash").status.code(), Some(5));
    let found = said(&kept)["verified"].clone();
    assert_eq!((&found["ok"], &found["again"]), (&false.into(), &false.into()), "{found}");
    assert_eq!(found["failed"], serde_json::json!(["one: it is whole"]));
    // And why: once, and nothing of what is content.
    let logs: Vec<String> = kept.lock().expect("whole").clone();
    let logs: Vec<_> = logs.iter().filter(|it| it.contains("/log?stage=verify HTTP")).collect();
    assert!(logs.len() == 1 && logs[0].contains("FAILED it is whole: "), "{logs:?}");
    assert!(!logs[0].contains("two"), "{logs:?}");

    // By hand it is told beside.
    node.shell("rm $ROOT/broken");
    node.expect(0, &["verify"]);
    let end = Instant::now() + Duration::from_secs(20);
    while said(&kept)["verified"]["ok"] != true {
        assert!(Instant::now() < end, "{}", said(&kept));
        thread::sleep(Duration::from_millis(50));
    }
}

/// What was told of packages so far.
fn lists(kept: &Mutex<Vec<String>>) -> Vec<String> {
    let kept = kept.lock().expect("whole");
    let lists = kept.iter().filter(|it| it.starts_with(&format!("POST /r/{TOKEN}/packages HTTP")));
    lists.map(|it| it.split_once("\r\n\r\n").expect("a body").1.to_owned()).collect()
}

/// How rpm says that `a` is installed.
const RPM: &str = "[ \"$1\" = -qa ] && echo a 0 1 1.el7 x86_64";

#[test]
fn what_is_installed_is_told_once_when_all_stages_are_done() {
    let node = Node::new();
    let (address, kept) = server();
    node.write("etc/trainyard/report", &address);
    node.fake("rpm", RPM);
    let digest = "1a".repeat(32);
    noted(&node, "0123abcd-a-1-1.el7-x86_64", "sha256", &digest);
    for name in ["one", "two"] {
        node.stage(name, "", &[]);
    }
    node.write("etc/trainyard/stages/two/configure.sh", "[ -e $ROOT/mended ]\n");
    node.expect(6, &["run"]);
    node.expect(0, &["run", "--force", "one"]);
    assert_eq!(lists(&kept), [""; 0], "not all is done");
    node.write("mended", "");
    node.expect(0, &["run"]);
    assert_eq!(lists(&kept), [format!("a 0 1 1.el7 x86_64 {digest}\n")]);
    // The stages were told first.
    assert_eq!(last(&kept), ["one", "two"].map(|name| (name.to_owned(), "done".to_owned())));
    // What is told once is told, until the next boot.
    node.expect(0, &["verify"]);
    assert_eq!(lists(&kept).len(), 1);
    node.fake("rpm", &RPM.replace("a 0 1", "a 0 2"));
    node.boot();
    node.expect(0, &["run"]);
    assert_eq!(lists(&kept)[1..], ["a 0 2 1.el7 x86_64 -\n"]);
    // Half a list is none.
    node.fake("rpm", "echo a 0 1 1.el7 x86_64; exit 1");
    let said = node.expect(0, &["run"]);
    assert!(said.contains("what is installed cannot be told to the server"), "{said}");
    assert_eq!(lists(&kept).len(), 2);
    // Nobody is asked where nobody is told.
    node.shell("rm $ROOT/etc/trainyard/report; : >$ROOT/calls");
    node.expect(0, &["run"]);
    assert!(!node.read("calls").contains("rpm -qa"), "{}", node.read("calls"));
}

/// Whoever has the turn takes the mark away before it tells, and is ended with the run that does not wait for it.
#[test]
fn the_last_word_waits_for_whoever_is_telling_it() {
    let node = Node::new();
    node.write("run/trainyard/telling", "");
    node.shell(
        "set -euET; cd \"$ROOT\"; export TRAINYARD_ROOT=$ROOT TELLS
         exec 6>run/trainyard/telling; flock 6; (sleep 1; : >told; flock -u 6) &
         . usr/local/libexec/trainyard/progress.sh
         trap 'rm -f \"$UNTOLD\"' DEBUG
         TELLS=yes; server_told; [ -e told ]",
    );
}

#[test]
fn no_command_line_shows_the_address() {
    let node = Node::new();
    let (address, _kept) = server();
    node.write("etc/trainyard/report", &address);
    node.fake("curl", "cat >/dev/null");
    node.stage("one", "", &[]);
    node.expect(0, &["run"]);
    let calls = node.calls();
    assert!(calls.iter().any(|call| call.starts_with("curl ")), "{calls:?}");
    assert!(calls.iter().all(|call| !call.contains(TOKEN)), "{calls:?}");
}

#[test]
fn a_server_that_is_gone_costs_no_stage() {
    let node = Node::new();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    node.write("etc/trainyard/report", &format!("http://{nobody}/r/{TOKEN}"));
    node.fake("rpm", RPM);
    node.stage("one", "", &[]);
    let begun = Instant::now();
    node.expect(0, &["run"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(node.status(), [("one".to_owned(), "done".to_owned())]);
    // What it has not heard goes with the next word that arrives.
    let (address, kept) = server();
    node.write("etc/trainyard/report", &address);
    node.expect(0, &["verify"]);
    let end = Instant::now() + Duration::from_secs(20);
    while lists(&kept).is_empty() {
        assert!(Instant::now() < end, "{kept:?}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(lists(&kept), ["a 0 1 1.el7 x86_64 -\n"]);
}
