//! What installers log, by the ways that `inst.syslog` and other programs have.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client::ask;
use crate::running::Serving;

/// A node that is being installed.
fn installing(name: &str) -> Serving {
    let serving = Serving::new();
    serving.wait_for(name, "armed");
    begin(&serving, name);
    serving
}

/// Fetches a node's kickstart, and returns where that tells of itself.
fn begin(serving: &Serving, name: &str) -> String {
    let path = serving.kickstart_path(name);
    let kickstart = serving.get_as(&serving.mac(name), &path);
    assert_eq!((kickstart.status, serving.state(name)), (200, "installing".to_owned()));
    Serving::report_path(&kickstart.text())
}

fn by_tcp(serving: &Serving, bytes: &[u8]) {
    let mut stream = TcpStream::connect(serving.address).expect("connected");
    stream.write_all(bytes).expect("sent");
}

/// Nothing tells that a line was thrown away.
fn taken() {
    sleep(Duration::from_millis(400));
}

fn log(serving: &Serving, name: &str) -> String {
    serving.get(&format!("/api/v1/nodes/{name}/log?after=0")).text()
}

/// Waits until the log has this.
fn wait_for(serving: &Serving, name: &str, text: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let log = log(serving, name);
        if log.contains(text) {
            return log;
        }
        assert!(Instant::now() < end, "no {text:?} in {log:?}");
        sleep(Duration::from_millis(20));
    }
}

/// Packages from a medium are no requests: for an hour, its log may be all that is heard of a node.
#[test]
fn one_whose_log_comes_is_not_silent() {
    let serving = Serving::of(crate::common::Lab::example("reference.yaml"), &["--silence", "3"]);
    serving.wait_for("compute", "armed");
    begin(&serving, "compute");
    let mut stream = TcpStream::connect(serving.address).expect("connected");
    for n in 0..14 {
        writeln!(stream, "<30>Nov 26 07:40:01 localhost anaconda[12]: {n}").expect("sent");
        sleep(Duration::from_millis(500));
    }
    assert_eq!(serving.state("compute"), "installing");
    serving.wait_for("compute", "failed");
}

#[test]
fn an_installers_log_is_kept_whatever_way_it_comes() {
    let serving = installing("compute");
    by_tcp(&serving, b"<30>Nov 26 07:40:01 localhost anaconda[12]: one\n<27>Nov 26 07:40:01 localhost program: two\n");
    wait_for(&serving, "compute", "two");
    by_tcp(&serving, b"36 <30>1 - localhost dracut - - - threeno");
    wait_for(&serving, "compute", "three");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(b"<28>kernel: four\x1b[31m", serving.address).expect("sent");
    let log = wait_for(&serving, "compute", "four");
    let lines: Vec<_> = log.lines().map(|line| line.split_once("Z ").expect("a time").1).collect();
    let wanted = [
        "info    anaconda: one",
        "err     program: two",
        "info    dracut: three",
        "warning kernel: four [31m",
    ];
    assert_eq!(lines[..3], wanted[..3]);
    assert!(lines.contains(&wanted[3]), "{lines:?}");
    // Its place is private.
    let folder = serving.lab.path(".trainyard/logs");
    for entry in std::fs::read_dir(folder).expect("there").flatten() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = entry.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }

    let said = serving.node_command(&["logs", "compute", "--tail", "2"]);
    assert_eq!((said.status, said.stdout.lines().count()), (0, 2), "{said:?}");
    assert_eq!(serving.node_command(&["logs", "compute"]).stdout, log);
    let said = serving.node_command(&["logs", "compute", "--format", "json"]);
    let first: serde_json::Value =
        serde_json::from_str(said.stdout.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["severity"], &first["text"]), (&"info".into(), &"anaconda: one".into()));
    let unknown = serving.node_command(&["logs", "nobody"]);
    assert!(unknown.status == 2 && unknown.stderr.contains("no node `nobody`"), "{unknown:?}");
    assert_eq!(serving.get("/api/v1/nodes/compute/log?tail=0").text(), "");
}

#[test]
fn nobody_is_listened_to_who_is_not_being_installed() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    by_tcp(&serving, b"<14>x: too early\n");
    taken();
    begin(&serving, "compute");
    by_tcp(&serving, b"<14>x: in time\n");
    wait_for(&serving, "compute", "in time");
    // Two behind one address cannot be told apart.
    serving.wait_for("controller", "armed");
    let report = begin(&serving, "controller");
    by_tcp(&serving, b"<14>x: of either\n");
    taken();
    assert_eq!(serving.tell(&report, "what=installed").status, 204);
    by_tcp(&serving, b"<14>x: one is left\n");
    let log = wait_for(&serving, "compute", "one is left");
    assert!(!log.contains("too early") && !log.contains("of either"), "{log}");
    assert_eq!(self::log(&serving, "controller"), "");
}

#[test]
fn no_secret_of_the_lab_is_written_down() {
    let serving = installing("compute");
    let secrets = serving.lab.read("secrets.yaml");
    let value = |name: &str| {
        let line = secrets.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_once(": ").expect("a value").1.trim_matches('"').to_owned()
    };
    let password = value("RABBIT_PASS");
    let line = format!("<14>x: password={password}, rootpw --iscrypted $6$a.b/c$Xyz/. end\n");
    by_tcp(&serving, format!("<14>{password}: it is a program's name\n").as_bytes());
    by_tcp(&serving, line.as_bytes());
    let log = wait_for(&serving, "compute", "password=");
    assert!(log.contains("password=(a secret), rootpw --iscrypted (a hash) end\n"), "{log}");
    let report = begin(&serving, "compute");
    let plain = "Content-Type: text/plain".to_owned();
    let stage = format!("{report}/log?stage=database");
    let told =
        ask(serving.address, "POST", &stage, &[plain], &format!("no\naccess with {password}\n"));
    assert_eq!(told.status, 204);
    let log = wait_for(&serving, "compute", "database: access");
    assert!(log.contains("err     database: no\n") && !log.contains(&password), "{log}");
    assert_eq!(ask(serving.address, "POST", "/r/x/log?stage=x", &[], "x").status, 404);
}

#[test]
fn a_flood_is_held_back_and_told() {
    let serving = installing("compute");
    let line = format!("<14>flood: {}\n", "x".repeat(990));
    let mut stream = TcpStream::connect(serving.address).expect("connected");
    for _ in 0..20_000 {
        stream.write_all(line.as_bytes()).expect("sent");
    }
    drop(stream);
    assert_eq!(serving.get("/boot.ipxe").status, 200);
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        sleep(Duration::from_millis(200));
        by_tcp(&serving, b"<14>x: after the flood\n");
        let log = serving.node_command(&["logs", "compute", "--tail", "100"]).stdout;
        if log.contains("after the flood") {
            assert!(log.contains("lines are left out: they came too fast"), "{log}");
            break;
        }
        assert!(Instant::now() < end, "nothing after the flood");
    }
    let sizes: Vec<u64> = std::fs::read_dir(serving.lab.path(".trainyard/logs"))
        .expect("there")
        .map(|entry| entry.expect("there").metadata().expect("there").len())
        .collect();
    assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= 2 << 20), "{sizes:?}");
    // What is gone is passed over, and what is asked for in parts comes whole.
    let all = serving.node_command(&["logs", "compute"]).stdout;
    assert!(all.len() as u64 >= sizes.iter().sum::<u64>(), "{}", all.len());
    assert!(all.lines().all(|line| line.starts_with("20")), "no line is cut");
}

#[test]
fn those_who_connect_and_say_nothing_keep_nobody_out() {
    let serving = installing("compute");
    let held: Vec<_> = (0..1000)
        .map(|n| {
            let mut stream = TcpStream::connect(serving.address).expect("connected");
            if n % 2 == 0 {
                stream.write_all(b"<14>half a line").expect("sent");
            }
            stream
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(serving.get("/boot.ipxe").status, 200);
    by_tcp(&serving, b"\xff\xfe\n<999999>\n99999999 \n<14>x: still heard\n");
    // What begins with no such letter is no log, and no request.
    by_tcp(&serving, b"<14>x: still heard\n");
    wait_for(&serving, "compute", "still heard");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(held);
}

#[test]
fn a_log_outlives_the_server() {
    let mut serving = installing("compute");
    by_tcp(&serving, b"<14>x: before\n");
    wait_for(&serving, "compute", "before");
    serving.kill();
    serving.again(&[]);
    // Its address is none of the lab's: only that it fetched its kickstart from there tells whose log it is.
    by_tcp(&serving, b"<14>x: after\n");
    let log = wait_for(&serving, "compute", "after");
    assert!(log.lines().count() == 2 && log.contains("before"), "{log}");
}

/// An installer tells its kernel's command line, and what its repository is: addresses that open its kickstart.
#[test]
fn an_address_that_opens_something_is_not_in_a_log() {
    let serving = installing("compute");
    let path = serving.kickstart_path("compute");
    let line = format!(
        "<30>Nov 26 07:40:01 localhost kernel: inst.ks=http://{}{path} inst.x\n",
        serving.address
    );
    by_tcp(&serving, line.as_bytes());
    let log = wait_for(&serving, "compute", "inst.x");
    assert!(log.contains("/n/(a token)/ks inst.x"), "{log}");
}

/// What was told before the lab's secrets were rotated is still blotted out: nodes that are being installed have it.
#[test]
fn secrets_that_were_rotated_are_blotted_out_as_well() {
    let serving = installing("compute");
    let secrets = serving.lab.read("secrets.yaml");
    let old = secrets.lines().find_map(|line| line.strip_prefix("RABBIT_PASS: "));
    let old = old.expect("one").trim_matches('"');
    serving.lab.done(&["secrets", "rotate", "RABBIT_PASS"]);
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    by_tcp(
        &serving,
        format!("<30>Nov 26 07:40:01 localhost program: it is {old} here\n").as_bytes(),
    );
    wait_for(&serving, "compute", "it is (a secret) here");
}

/// What is kept of all nodes has one bound; a node that tells without an end pushes out nothing of another's.
#[test]
fn a_node_that_tells_too_much_is_kept_short() {
    let serving = Serving::of(crate::common::Lab::example("reference.yaml"), &["--rate", "0"]);
    serving.wait_for("compute", "armed");
    let report = begin(&serving, "compute");
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (serving, report) = (&serving, &report);
            scope.spawn(move || {
                for n in 0..300 {
                    let told = serving.tell(report, &format!("what=step&more=flood+{part}+{n}"));
                    assert_eq!(told.status, 204);
                }
            });
        }
    });
    assert!(serving.node("compute")["step"].as_str().is_some_and(|it| it.starts_with("flood ")));
    assert_eq!(serving.tell(&report, "what=failed&more=no+disk").status, 204);
    let said = serving.node_command(&["events", "compute"]).stdout;
    assert_eq!(said.matches("  flood ").count(), 997, "and three before it");
    let last = said.lines().last().expect("one");
    let wanted = "failed  no disk (203 events before it are left out: they came too fast)";
    assert!(last.ends_with(wanted), "{last}");
    assert_eq!(serving.node("compute")["reason"], "no disk");
}
