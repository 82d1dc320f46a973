//! Files and folders that lead nowhere, or for ever on.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::Lab;
use crate::{GOOD, LARGEST, run};

#[test]
fn files_that_are_none_and_files_without_end() {
    let lab = Lab::new(GOOD);
    let huge = fs::File::create(lab.path("huge.yaml")).expect("made");
    huge.set_len(50 << 20).expect("set");
    fs::write(lab.path("large.yaml"), "#".repeat(LARGEST + 1)).expect("written");
    let fifo = Command::new("mkfifo").arg(lab.path("fifo")).status().expect("it runs");
    assert!(fifo.success());
    symlink("lab.yaml", lab.path("link.yaml")).expect("made");
    symlink("circle", lab.path("circle")).expect("made");
    fs::create_dir(lab.path("folder")).expect("made");
    for (file, word) in [
        ("huge.yaml", "it holds 52428800 bytes, and a lab's files at most 4194304"),
        ("large.yaml", "it holds 4194305 bytes, and a lab's files at most 4194304"),
        ("/dev/zero", "it is no regular file"),
        ("fifo", "it is no regular file"),
        ("folder", "it is no regular file"),
        ("circle", "symbolic links"),
    ] {
        let outcome = run(&lab, &["check", file]);
        assert!(outcome.status == 9 && outcome.stderr.contains(word), "{file}: {outcome:?}");
        for (key, told) in
            [("include", "cannot be read"), ("access: {ssh_authorized_keys: [", "no public key")]
        {
            let close = if key.ends_with('[') { "]}" } else { "" };
            let colon = if close.is_empty() { ": " } else { "" };
            fs::write(lab.path("lab.yaml"), format!("{key}{colon}{file}{close}\n{GOOD}"))
                .expect("written");
            let outcome = run(&lab, &["check"]);
            let stdout = &outcome.stdout;
            assert!(
                outcome.status == 3 && stdout.contains(told) && stdout.contains(word),
                "{stdout}"
            );
        }
    }
    fs::write(lab.path("lab.yaml"), format!("include: link.yaml\n{GOOD}")).expect("written");
    let outcome = run(&lab, &["check"]);
    assert!(outcome.stdout.contains("`link.yaml` includes itself"), "{outcome:?}");
}

#[test]
fn includes_without_end() {
    let lab = Lab::new(&format!("include: 0.yaml\n{GOOD}"));
    for n in 0..1000 {
        fs::write(lab.path(&format!("{n}.yaml")), format!("include: {}.yaml\n", n + 1))
            .expect("written");
    }
    let outcome = run(&lab, &["check"]);
    assert_eq!(outcome.status, 3);
    assert!(outcome.stdout.contains("`255.yaml` would be one file too many"), "{}", outcome.stdout);
    // Each includes the next one twice: twenty of them would be a million.
    for n in 0..20 {
        let text = format!("include: [{0}.yaml, {0}.yaml]\n", n + 1);
        fs::write(lab.path(&format!("{n}.yaml")), text).expect("written");
    }
    fs::write(lab.path("20.yaml"), "").expect("written");
    let outcome = run(&lab, &["check"]);
    assert!(outcome.stdout.contains("would be one file too many"), "{}", outcome.stdout);
    // Each is within bounds, and all together are not.
    for (text, word) in [
        (
            format!("#{}\n", "#".repeat(LARGEST - 2)),
            "a lab is read from at most 4000 files and 64 MiB",
        ),
        (format!("mirror: [{}]\n", "a, ".repeat(20_000)), "too large or too deeply nested"),
    ] {
        let many: Vec<_> = (0..20).map(|n| format!("{n}.yaml")).collect();
        fs::write(lab.path("lab.yaml"), format!("include: [{}]\n{GOOD}", many.join(", ")))
            .expect("written");
        for name in many {
            fs::write(lab.path(&name), &text).expect("written");
        }
        let outcome = run(&lab, &["check"]);
        assert!(outcome.status == 3 && outcome.stdout.contains(word), "{}", outcome.stdout);
    }
}

#[test]
fn folders_without_end() {
    let lab = Lab::new(&format!("templates: own\n{GOOD}"));
    let told = |word: &str| {
        let outcome = run(&lab, &["check"]);
        assert!(outcome.status == 3 && outcome.stdout.contains(word), "{word}: {}", outcome.stdout);
    };
    let fresh = || {
        let _ = fs::remove_dir_all(lab.path("own"));
        fs::create_dir(lab.path("own")).expect("made");
    };
    fresh();
    fs::create_dir(lab.path("own/a")).expect("made");
    symlink("..", lab.path("own/a/up")).expect("made");
    told("the folder `own` cannot be read: `a/up` is a link back to a folder that it is in");
    // Two that lead to each other, many times over.
    fresh();
    for from in ["a", "b"] {
        fs::create_dir(lab.path(&format!("own/{from}"))).expect("made");
        for n in 0..20 {
            let to = if from == "a" { "../b" } else { "../a" };
            symlink(to, lab.path(&format!("own/{from}/{n}"))).expect("made");
        }
    }
    told("is more than 8 folders deep");
    fresh();
    for n in 0..1001 {
        fs::write(lab.path(&format!("own/{n}")), "").expect("written");
    }
    told("it holds more than 1000 files");
    fresh();
    for n in 0..5 {
        fs::write(lab.path(&format!("own/{n}")), "x".repeat(LARGEST)).expect("written");
    }
    told("it holds more than 16 MiB of text");
    fresh();
    fs::create_dir_all(lab.path("own/a/b/c/d/e/f/g/h/i")).expect("made");
    told("`a/b/c/d/e/f/g/h/i` is more than 8 folders deep");
    fresh();
    let fifo = Command::new("mkfifo").arg(lab.path("own/pipe")).status().expect("it runs");
    assert!(fifo.success());
    told("`pipe`: it is no regular file");
    // What another parser reads has the same bounds.
    fresh();
    let grows = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(90_000));
    fs::create_dir(lab.path("own/cloud-init")).expect("made");
    fs::write(lab.path("own/cloud-init/user-data.yaml"), &grows).expect("written");
    told("this file is too large or too deeply nested");
    fresh();
    fs::write(lab.path("lab.yaml"), format!("own_stages: own\n{GOOD}")).expect("written");
    fs::create_dir(lab.path("own/mine")).expect("made");
    fs::write(lab.path("own/mine/stage.yaml"), &grows).expect("written");
    told("this file is too large or too deeply nested");
}
