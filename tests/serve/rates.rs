//! An address that asks too much keeps no other out.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::client::Answer;
use crate::common::{Lab, Outcome, judge, judged};
use crate::running::{Serving, begin, free, serve};

/// What another address than ours is answered, and in which time.
fn asked_by_another(serving: &Serving) -> (String, Duration) {
    let begun = Instant::now();
    let mut curl = judge("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--interface", "127.0.0.2"]);
    curl.arg(format!("http://{}/boot.ipxe", serving.address));
    (judged(curl).stdout, begun.elapsed())
}

/// What the server counts; from an address that has asked nothing yet.
fn counted(serving: &Serving, name: &str) -> u64 {
    let mut curl = judge("curl");
    curl.args(["-s", "-f", "--interface", "127.0.0.3"]);
    let said = judged({
        curl.arg(format!("http://{}/metrics", serving.address));
        curl
    });
    let line = said.stdout.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("{}", said.stdout))
}

#[test]
fn who_asks_too_fast_is_made_to_wait_or_refused_and_nobody_else_is() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--no-arm", "--rate", "5"]);
    let begun = Instant::now();
    let ask = || serving.get("/boot.ipxe");
    assert!((0..20).all(|_| ask().status == 200));
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    // One after the other: each waits for its turn, and is answered.
    let begun = Instant::now();
    assert!((0..5).all(|_| ask().status == 200));
    assert!(begun.elapsed() > Duration::from_millis(700), "{:?}", begun.elapsed());
    // All at once: what would wait for more than a second is refused, whatever it asks for.
    let answers = std::thread::scope(|scope| {
        let serving = &serving;
        let path = |n: usize| ["/tree/LiveOS/squashfs.img", "/nothing", "/api/v1/nodes"][n % 3];
        let asking: Vec<_> = (0..20).map(|n| scope.spawn(move || serving.get(path(n)))).collect();
        std::thread::sleep(Duration::from_millis(100));
        let (status, time) = asked_by_another(serving);
        assert!(status == "200" && time < Duration::from_millis(500), "{status} {time:?}");
        asking.into_iter().map(|one| one.join().expect("an answer")).collect::<Vec<_>>()
    });
    let (refused, answered): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 429);
    assert!((3..=8).contains(&answered.len()), "{answers:?}");
    assert!(answered.iter().all(|answer| matches!(answer.status, 200 | 404)), "{answers:?}");
    for answer in &refused {
        let seconds: u64 = answer.header("retry-after").expect("one").parse().expect("seconds");
        assert!((1..=3).contains(&seconds), "{answer:?}");
        let why = "this address asks more than it may (`--rate`)";
        let is_api = answer.header("content-type") == Some("application/json");
        assert!(is_api || answer.text() == format!("{why}\n"), "{answer:?}");
        assert!(!is_api || answer.json()["error"] == why, "{answer:?}");
    }
    let to_programs = |answer: &&&Answer| answer.header("content-type") == Some("application/json");
    assert!(refused.iter().filter(to_programs).count() > 0, "{refused:?}");
    assert_eq!(counted(&serving, "trainyard_requests_refused_total"), refused.len() as u64);
    assert!(counted(&serving, "trainyard_requests_delayed_total") > 5);
    // It has rested.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ask().status, 200);
}

#[test]
fn a_thousand_still_connections_keep_no_other_address_out() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--no-arm"]);
    let connect = || {
        let stream = TcpStream::connect(serving.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set");
        stream
    };
    let still: Vec<TcpStream> = (0..1024).map(|_| connect()).collect();
    // It has its quarter of all connections, and more are closed at once.
    let is_closed = |mut stream: &TcpStream| {
        let read = stream.read(&mut [0]);
        !read.is_err_and(|it| matches!(it.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    };
    let more: Vec<TcpStream> = (0..40).map(|_| connect()).collect();
    assert!(more.iter().all(is_closed));
    assert!(still.iter().rev().take(3).all(|stream| !is_closed(stream)));
    let (status, time) = asked_by_another(&serving);
    assert!(status == "200" && time < Duration::from_secs(2), "{status} {time:?}");
    assert_eq!(counted(&serving, "trainyard_connections_refused_total"), 40);
    drop(still);
    let end = Instant::now() + Duration::from_secs(10);
    while is_closed(&connect()) {
        assert!(Instant::now() < end, "what has ended still counts");
    }
    assert_eq!(serving.get("/boot.ipxe").status, 200);
}

/// The usual 1,024 open files are fewer than connections: the server asks for more.
#[test]
fn it_takes_the_open_files_that_it_may_have() {
    let lab = Lab::example("reference.yaml");
    let inner = serve(&lab, free(), &["--no-arm"]);
    let mut command = judge("sh");
    command.args(["-c", r#"ulimit -S -n 1024 && exec "$@""#, "sh"]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.path(""));
    let (mut child, _) = begin(command);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id()));
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let limits = limits.expect("Linux tells them");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let soft: u64 = line.split_whitespace().nth(3).and_then(|it| it.parse().ok()).expect("one");
    let hard: u64 = line.split_whitespace().nth(4).and_then(|it| it.parse().ok()).expect("one");
    assert_eq!(soft, hard.min(8192), "{line}");
}

/// What `node status` says to a server that refuses so often, and wants so many seconds; and how often it asked.
fn asked_of_a_busy_one(refusals: usize, seconds: u64) -> (Outcome, usize) {
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", busy.local_addr().expect("one"));
    let asked = std::thread::spawn(move || {
        for count in 1.. {
            let (mut stream, _) = busy.accept().expect("asked");
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            if head[0].starts_with("GET /end ") {
                return count - 1;
            }
            let (status, body) = if count <= refusals {
                ("429 Too Many Requests", r#"{"schema": 1, "error": "this address asks too much"}"#)
            } else {
                ("200 OK", r#"{"schema": 1, "now": 1, "last_event": 0, "nodes": []}"#)
            };
            let head = format!("Retry-After: {seconds}\r\nContent-Length: {}", body.len());
            let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).expect("answered");
        }
        unreachable!("it is ended")
    });
    let said = Lab::example("reference.yaml").run(&["node", "--server", &url, "status"]);
    let address = url.strip_prefix("http://").expect("one");
    TcpStream::connect(address)
        .and_then(|mut it| it.write_all(b"GET /end \r\n\r\n"))
        .expect("sent");
    (said, asked.join().expect("it counts"))
}

#[test]
fn our_own_command_waits_for_a_server_that_has_too_much_of_it_but_not_for_ever() {
    let (said, asked) = asked_of_a_busy_one(2, 1);
    assert_eq!((said.status, asked), (0, 3), "{said:?}");
    let (said, asked) = asked_of_a_busy_one(9, 1);
    assert_eq!((said.status, asked), (7, 3), "{said:?}");
    assert_eq!(said.stderr, "error: this address asks too much; ask again in 1 s\n");
    // Nobody sits there for an hour.
    let (said, asked) = asked_of_a_busy_one(9, 3600);
    assert_eq!((said.status, asked), (7, 1), "{said:?}");
    assert_eq!(said.stderr, "error: this address asks too much; ask again in 3600 s\n");
}
