//! `doctor`: what this machine lacks, and what mirrors still carry.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::common::{self, Lab, Outcome};
use crate::server::{Reply, Server};

pub const LAB: &str = "# my lab\nnodes:\n  controller: {role: controller, address: 10.0.0.11}\n";

/// A mirror that carries all repositories but these.
pub fn mirror(lacks: &'static [&'static str]) -> Server {
    Server::new(move |request| {
        if lacks.iter().any(|path| request.path.contains(path)) {
            return Reply::status(404);
        }
        if request.path.contains("/isos/") {
            return Reply { length: Some(1_020_264_448), ..Reply::whole(b"") };
        }
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        Reply::whole(b"<?xml version=\"1.0\"?>\n<repomd>\n").with("Date", &now)
    })
}

pub fn doctor(lab: &Lab, mirrors: &[&Server], more: &[&str]) -> Outcome {
    let urls: Vec<String> = mirrors.iter().map(|mirror| mirror.url("")).collect();
    let mut arguments = vec!["doctor", "--stall-time", "5"];
    arguments.extend(urls.iter().flat_map(|url| ["--mirror", url]));
    arguments.extend(more);
    let mut command = lab.command(&arguments);
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env_remove(name);
    }
    common::outcome(command)
}

#[test]
fn the_first_mirror_that_carries_all_is_written() {
    let lab = Lab::new(LAB);
    let (poor, dead) = (mirror(&["/kvm-common/"]), Server::new(|_| Reply::status(403)));
    let (well, other) = (mirror(&[]), mirror(&[]));
    let outcome = doctor(&lab, &[&poor, &dead, &well, &other], &["--write"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let told = &outcome.stdout;
    let first = format!("2 of 4 carry all 7 repositories, first {}", well.url(""));
    assert!(told.contains(&first), "{told}");
    assert!(told.contains("\n  centos-qemu-ev: answers 404 Not Found\n"), "{told}");
    assert!(told.contains("carries nothing\n"), "{told}");
    assert!(told.contains("this machine's clock agrees with the mirrors'"), "{told}");
    assert_eq!(lab.read("lab.yaml"), format!("{LAB}mirror: {}\n", well.url("")));
    lab.done(&["check"]);
}

/// A lab file that would not mean the same, or nothing at all, is left as it is.
#[test]
fn what_cannot_be_written_is_said() {
    let well = mirror(&[]);
    for text in [
        format!("{LAB}...\n"),
        "{nodes: {controller: {role: controller, address: 10.0.0.11}}}\n".into(),
    ] {
        let lab = Lab::new(&text);
        let outcome = doctor(&lab, &[&well], &["--write"]);
        assert_eq!(outcome.status, 3, "{outcome:?}");
        assert!(
            outcome.stderr.contains("is not changed: write `mirror: http://127"),
            "{outcome:?}"
        );
        assert_eq!(lab.read("lab.yaml"), text);
    }
    // Without a lab nobody is asked.
    let (lab, asked) = (Lab::new(LAB), well.requests().len());
    fs::remove_file(lab.path("lab.yaml")).expect("removed");
    let outcome = doctor(&lab, &[&well], &["--write"]);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("make a lab with `trainyard init`"), "{outcome:?}");
    assert_eq!(well.requests().len(), asked);
    // With the line ends that it has.
    let lab = Lab::new(&LAB.replace('\n', "\r\n"));
    assert_eq!(doctor(&lab, &[&well], &["--write"]).status, 0);
    let wanted = format!("{LAB}mirror: {}\n", well.url("")).replace('\n', "\r\n");
    assert_eq!(lab.read("lab.yaml"), wanted);
    // Through a link, to the file itself.
    let lab = Lab::new(LAB);
    fs::rename(lab.path("lab.yaml"), lab.path("real.yaml")).expect("moved");
    symlink("real.yaml", lab.path("lab.yaml")).expect("linked");
    assert_eq!(doctor(&lab, &[&well], &["--write"]).status, 0);
    assert!(lab.read("real.yaml").ends_with(&format!("mirror: {}\n", well.url(""))));
}

/// No password is written, nor told; and what is told can be written.
#[test]
fn a_mirror_that_needs_a_password_is_not_written() {
    let lab = Lab::new(LAB);
    let (closed, open) = (mirror(&[]), mirror(&[]));
    let secret = closed.url("").replace("http://", "http://me:hidden@");
    let outcome = doctor(&lab, &[], &["--write", "--mirror", &secret]);
    assert_eq!(outcome.status, 3, "{outcome:?}");
    let told = format!("write `mirror: {}` into it", closed.url(""));
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("a name and a password carries all repositories. They are left out here")
    );
    assert!(!format!("{outcome:?}").contains("hidden"), "{outcome:?}");
    assert_eq!(lab.read("lab.yaml"), LAB);
    // One that needs none is written.
    let outcome = doctor(&lab, &[], &["--write", "--mirror", &secret, "--mirror", &open.url("")]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(lab.read("lab.yaml"), format!("{LAB}mirror: {}\n", open.url("")));
}

#[test]
fn no_mirror_carries_all() {
    let lab = Lab::new(LAB);
    let poor = mirror(&["/openstack-train/"]);
    let outcome = doctor(&lab, &[&poor], &[]);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    assert!(
        outcome.stdout.contains("BAD  mirrors of packages: none of 1 carries all 7"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("name one that does (`mirror` in the lab file)"),
        "{outcome:?}"
    );
    let outcome = doctor(&lab, &[&poor], &["--write"]);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    assert!(outcome.stdout.contains("BAD  mirrors of packages"), "{outcome:?}");
    assert!(outcome.stderr.contains("no mirror carries all repositories"), "{outcome:?}");
    assert_eq!(lab.read("lab.yaml"), LAB);
}

#[test]
fn what_answers_is_looked_at() {
    let lab = Lab::new(LAB);
    let portal = Server::new(|_| Reply::whole(b"<html>").with("Content-Type", "text/html"));
    let other = Server::new(|_| Reply::whole(b"hello"));
    let outcome = doctor(&lab, &[&portal, &other], &["--format", "json"]);
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["mirrors"][0]["lacks"]["base"], "sends a web page instead");
    assert_eq!(told["mirrors"][1]["lacks"]["base"], "sends something else: no `<repomd` in it");
    let image = &told["mirrors"][1]["lacks"]["CentOS-7-x86_64-Minimal-2009.iso"];
    assert_eq!(image, "carries another file: 5 bytes, not 1020264448");
    assert!(outcome.stderr.contains("mirrors of packages, mirrors of the image"), "{outcome:?}");
    assert!(portal.requests().iter().any(|r| r.path == "/7.9.2009/os/x86_64/repodata/repomd.xml"));
}

/// What cannot be reached is asked once, not eight times; what answers is asked for everything, whatever it says of the first.
#[test]
fn a_mirror_that_is_not_there_is_asked_once() {
    let lab = Lab::new(LAB);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let count = thread::spawn(move || {
        let asked = silent.incoming().flatten().map(drop);
        // The last one is the test's own.
        asked.take_while(|()| !is_over.load(Ordering::Relaxed)).count()
    });
    let (poor, well) = (mirror(&["/os/"]), mirror(&[]));
    let outcome = doctor(&lab, &[&poor, &well], &["--mirror", &url]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.starts_with("asking 3 mirrors\n"), "{outcome:?}");
    over.store(true, Ordering::Relaxed);
    TcpStream::connect(&url["http://".len()..]).expect("the end");
    assert_eq!(count.join().expect("a number"), 1);
    assert_eq!((poor.requests().len(), well.requests().len()), (8, 8));
    let all =
        "CentOS-7-x86_64-Minimal-2009.iso, base, centos-ceph-nautilus, centos-nfs-ganesha28, ";
    let told = format!("{url}\n  carries nothing\n  {all}");
    assert!(outcome.stdout.contains(&told), "{outcome:?}");

    let outcome = doctor(&lab, &[&well], &[]);
    assert!(outcome.stderr.starts_with("asking 1 mirror\n"), "{outcome:?}");
}

/// On a terminal it is seen who is asked, and for what.
#[test]
fn a_terminal_shows_who_is_asked() {
    let lab = Lab::new(LAB);
    let well = mirror(&[]);
    let doctor = format!("{} doctor --mirror {}", common::PROGRAM, well.url(""));
    let mut script = common::judge("script");
    script.args(["-qec", &doctor, "/dev/null"]).current_dir(lab.path(""));
    script.env("HOME", lab.path("")).env("TERM", "xterm").stdin(std::process::Stdio::null());
    script.env_remove("http_proxy").env_remove("HTTP_PROXY");
    let outcome = common::outcome(script);
    let told = format!("asking {} for ", well.url(""));
    assert!(outcome.stdout.contains(&told), "{outcome:?}");
    assert!(outcome.stdout.contains(" of 8  "), "{outcome:?}");
}

#[test]
fn a_clock_that_is_wrong() {
    let lab = Lab::new(LAB);
    let future =
        Server::new(|_| Reply::whole(b"<repomd>").with("Date", "Fri, 01 Jan 2100 00:00:00 GMT"));
    let outcome = doctor(&lab, &[&future], &[]);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stdout.contains(" s behind the mirrors'\n       set it"), "{outcome:?}");
    // One among others is wrong itself.
    let outcome = doctor(&lab, &[&mirror(&[]), &future, &mirror(&[])], &[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    // What a cache kept for a day says what time it was a day ago.
    let kept = Server::new(|_| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
        let reply = Reply::whole(b"<repomd>").with("Date", &httpdate::fmt_http_date(then));
        reply.with("Age", "86400")
    });
    let outcome = doctor(&lab, &[&kept], &[]);
    assert!(outcome.stdout.contains("ok   time: "), "{outcome:?}");
}

#[test]
fn a_program_that_is_missing() {
    let lab = Lab::new(LAB);
    let bin = lab.path("bin");
    fs::create_dir(&bin).expect("made");
    let bash = common::judge("bash").get_program().to_owned();
    symlink(if bash.len() > 4 { bash } else { "/bin/bash".into() }, bin.join("bash"))
        .expect("linked");
    let mut command = lab.command(&["doctor", "--offline"]);
    command.env("PATH", &bin);
    let outcome = common::outcome(command);
    assert_eq!(outcome.status, 4, "{outcome:?}");
    let told = &outcome.stdout;
    assert!(
        told.contains("BAD  xorriso: not installed; it is needed to write ISO images\n"),
        "{told}"
    );
    assert!(told.contains("       install it: Debian, Fedora: the package `xorriso`"), "{told}");
    assert!(told.contains("-    ssh-keygen: not installed; it is needed to make the"), "{told}");
    assert!(told.contains("-    VBoxManage: not installed; it is needed to run the lab"), "{told}");
    let dhcp = "-    dnsmasq: not installed; it is needed for `--dhcp`\n       install it: Debian: the package `dnsmasq-base`";
    assert!(told.contains(dhcp), "{told}");
}

/// The cache needs room for what will be brought.
#[test]
fn a_file_takes_no_room_in_the_cache() {
    for (image, needed) in [("", 1024), ("image: {path: a.iso}\n", 0)] {
        let lab = Lab::new(&format!("{image}{LAB}"));
        fs::write(lab.path("a.iso"), "").expect("written");
        let outcome = lab.done(&["doctor", "--offline"]);
        let line = outcome.stdout.lines().find(|line| line.contains("disk for the cache"));
        let line = line.expect("it is looked at");
        assert!(line.ends_with(&format!(" {needed} MiB are needed")), "{line}");
    }
}

#[test]
fn a_file_that_the_lab_names_is_looked_for() {
    let lab = Lab::new(&format!("image: {{path: a.iso}}\n{LAB}"));
    let outcome = lab.run(&["doctor", "--offline"]);
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stdout.contains("BAD  the lab's image: a.iso: No such file"), "{outcome:?}");
    assert!(outcome.stdout.contains("       bring it there, or correct `image: {path: FILE}`"));
    fs::write(lab.path("a.iso"), vec![0; 3 << 20]).expect("written");
    let outcome = lab.done(&["doctor", "--offline"]);
    assert!(outcome.stdout.contains("ok   the lab's image: a.iso has 3 MiB\n"), "{outcome:?}");
}

#[test]
fn nobody_is_asked_offline() {
    let lab = Lab::new(LAB);
    let outcome = lab.done(&["doctor", "--offline", "--format", "json"]);
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["mirrors"], Value::Array(vec![]));
    let disk = told["checks"].as_array().expect("checks").iter();
    assert!(disk.map(|c| c["what"].as_str()).any(|what| what == Some("disk for the cache")));
}
