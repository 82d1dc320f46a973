//! `doctor` where the lab says from which cloud image its disks are made: the program, the image, and who has it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::common::{self, Lab, Outcome, judge, judged};
use crate::doctor::{LAB, doctor, mirror};
use crate::server::{Reply, Server};
use crate::sha256;

/// A known image's name.
const IMAGE: &str = "CentOS-7-x86_64-GenericCloud-2211.qcow2";

fn lab(cloud_image: &str) -> Lab {
    Lab::new(&format!("cloud_image: {cloud_image}\n{LAB}"))
}

/// An image with something on it; its bytes.
fn image(lab: &Lab, name: &str) -> Vec<u8> {
    let path = lab.path(name);
    let mut create = judge("qemu-img");
    create.args(["create", "-q", "-f", "qcow2"]).arg(&path).arg("64M");
    judged(create);
    let mut write = judge("qemu-io");
    write.args(["-f", "qcow2", "-c", "write -P 1 0 3M"]).arg(&path);
    judged(write);
    fs::read(path).expect("read")
}

/// The line that begins so, and what to do.
fn told<'o>(outcome: &'o Outcome, what: &str) -> (&'o str, &'o str) {
    let mut lines = outcome.stdout.lines();
    let line = lines.by_ref().find(|line| line.get(5..).is_some_and(|rest| rest.starts_with(what)));
    let line = line.unwrap_or_else(|| panic!("{what}: {outcome:?}"));
    (line, lines.next().unwrap_or_default())
}

#[test]
fn the_program_is_needed_where_the_lab_names_an_image() {
    let lab = lab("centos-7.9-genericcloud");
    let fakes = lab.path("fakes");
    fs::create_dir(&fakes).expect("made");
    let doctor = |version: &str| {
        let fake = fakes.join("qemu-img");
        fs::write(&fake, format!("#!/bin/sh\necho 'qemu-img version {version}'\n"))
            .expect("written");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("set");
        let mut command = lab.command(&["doctor", "--offline"]);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", fakes.display()));
        common::outcome(command)
    };
    let outcome = doctor("5.2.0 (Debian 1:5.2)");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(
        told(&outcome, "qemu-img: ").0,
        "ok   qemu-img: qemu-img version 5.2.0 (Debian 1:5.2)"
    );
    let outcome = doctor("2.5.0");
    assert_eq!(outcome.status, 4, "{outcome:?}");
    assert!(outcome.stderr.contains("not as it should be: qemu-img\n"), "{outcome:?}");
    let (line, fix) = told(&outcome, "qemu-img: ");
    assert_eq!(line, "BAD  qemu-img: version 2.5.0, and 2.10.0 or newer is needed");
    assert!(fix.contains("Debian: the package `qemu-utils`"), "{fix}");
    // Where the lab says nothing, one that is too old is told as well, and stops nobody.
    fs::write(lab.path("lab.yaml"), LAB).expect("written");
    let outcome = doctor("2.5.0");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(told(&outcome, "qemu-img: ").0.starts_with("-    qemu-img: version 2.5.0"));
    assert!(!outcome.stdout.contains("cloud image"), "{outcome:?}");
}

#[test]
fn a_file_is_looked_at() {
    let lab = lab("{path: a.qcow2}");
    let bad = |seen: &str| {
        let outcome = lab.run(&["doctor", "--offline"]);
        assert_eq!(outcome.status, 9, "{outcome:?}");
        let (line, fix) = told(&outcome, "the lab's cloud image: ");
        assert!(line.starts_with("BAD  ") && line.contains(seen), "{seen}: {line}");
        assert!(fix.contains("or correct `cloud_image` in the lab file"), "{fix}");
    };
    bad("No such file");
    fs::write(lab.path("a.qcow2"), "no image").expect("written");
    bad("no disk can be made from `a.qcow2`: it is no qcow2 image");
    let bytes = image(&lab, "a.qcow2");
    fs::write(lab.path("a.qcow2"), &bytes[..bytes.len() / 2]).expect("written");
    bad("it is damaged, or not all of it is there: ");
    fs::write(lab.path("a.qcow2"), &bytes).expect("written");
    let say = |more: &str| {
        let text = format!("cloud_image: {{path: a.qcow2{more}}}\n{LAB}");
        fs::write(lab.path("lab.yaml"), text).expect("written");
    };
    say(", size: 5");
    bad(&format!("a.qcow2 has {} bytes, not 5", bytes.len()));
    let sum = sha256(&bytes);
    say(&format!(", sha256: {}", "0".repeat(64)));
    bad(&format!("a.qcow2 has the SHA-256 {sum}, not 0000"));
    for (more, proved) in
        [(String::new(), ""), (format!(", sha256: {sum}"), ", and the SHA-256 that the lab says")]
    {
        say(&more);
        let outcome = lab.done(&["doctor", "--offline"]);
        let wanted = format!(
            "ok   the lab's cloud image: a.qcow2 has 3 MiB{proved}; it is a disk of 64 MiB"
        );
        assert_eq!(told(&outcome, "the lab's cloud image: ").0, wanted);
        assert_eq!(outcome.stderr.contains("reading a.qcow2"), !more.is_empty(), "{outcome:?}");
    }
}

#[test]
fn an_image_is_looked_for_in_the_cache_and_at_its_place() {
    let lab = lab("{path: a.qcow2}");
    let bytes = image(&lab, "a.qcow2");
    let (file, packages) = (bytes.clone(), mirror(&[]));
    let server = Server::new(move |request| match request.path.as_str() {
        "/a.qcow2" => Reply::whole(&file),
        _ => Reply::status(404),
    });
    let say = |name: &str| {
        let (url, sum) = (server.url(name), sha256(&bytes));
        let text = format!("cloud_image: {{url: '{url}', sha256: {sum}}}\n{LAB}");
        fs::write(lab.path("my lab.yaml"), text).expect("written");
    };
    let run = || doctor(&lab, &[&packages], &["--lab", "my lab.yaml", "--cache", "c"]);
    say("/a.qcow2");
    let outcome = run();
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let (line, fix) = told(&outcome, "the lab's cloud image: ");
    assert_eq!(line, "-    the lab's cloud image: `a.qcow2` is not in the cache");
    let fetch = "trainyard fetch --cloud --lab 'my lab.yaml' --cache c";
    assert_eq!(fix.trim(), format!("`{fetch}` brings it, and `disk` needs it"));
    assert!(outcome.stdout.contains(" 2048 MiB are needed\n"), "medium and image: {outcome:?}");
    let seen = format!(
        "ok   mirrors of the cloud image: 1 of 1 carry `a.qcow2`, first {}",
        server.url("/a.qcow2")
    );
    assert_eq!(told(&outcome, "mirrors of the cloud image: ").0, seen);

    lab.done(&["fetch", "--cloud", "--lab", "my lab.yaml", "--cache", "c"]);
    let outcome = run();
    let (line, _) = told(&outcome, "the lab's cloud image: ");
    assert!(line.starts_with("ok   ") && line.contains("c/images/"), "{line}");
    assert!(line.ends_with(" by the SHA-256 that was given"), "{line}");

    say("/b.qcow2");
    let outcome = run();
    assert_eq!(outcome.status, 7, "{outcome:?}");
    let (line, fix) = told(&outcome, "mirrors of the cloud image: ");
    assert_eq!(line, "BAD  mirrors of the cloud image: none of 1 carries `b.qcow2`");
    assert!(fix.contains("`cloud_image: {mirrors: [URL]}`"), "{fix}");
    assert!(outcome.stdout.contains("  b.qcow2: answers 404 Not Found\n"), "{outcome:?}");
}

#[test]
fn mirrors_are_asked_for_a_known_image_where_the_lab_names_it() {
    let packages = mirror(&[]);
    let without = Server::new(|_| Reply::status(404));
    let with = Server::new(|_| Reply { length: Some(902_889_472), ..Reply::whole(b"") });
    let mirrors = [without.url("/images"), with.url("/images")];
    let more = ["--cloud-mirror", &mirrors[0], "--cloud-mirror", &mirrors[1]];
    let outcome = doctor(&Lab::new(LAB), &[&packages], &more);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!((without.requests().len(), with.requests().len()), (0, 0));

    let outcome = doctor(&lab("centos-7.9-genericcloud"), &[&packages], &more);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let seen = format!("1 of 2 carry `{IMAGE}`, first {}/{IMAGE}", mirrors[1]);
    assert!(told(&outcome, "mirrors of the cloud image: ").0.ends_with(&seen), "{outcome:?}");
    for server in [&without, &with] {
        let asked: Vec<_> = server.requests().iter().map(|r| r.path.clone()).collect();
        assert_eq!(asked, [format!("/images/{IMAGE}")]);
    }
    // A file of the lab's own is asked of nobody.
    let outcome = doctor(&lab("{path: a.qcow2}"), &[&packages], &more);
    assert!(!outcome.stdout.contains("mirrors of the cloud image"), "{outcome:?}");
}
