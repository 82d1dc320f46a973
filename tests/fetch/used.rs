//! The cache, as a person uses it.

use std::fs;
use std::time::SystemTime;

use serde_json::Value;

use crate::common::{self, Lab, Outcome};
use crate::server::Server;
use crate::{Bench, good, sha256};

fn image(bench: &Bench, arguments: &[&str]) -> Outcome {
    let mut command = std::process::Command::new(common::PROGRAM);
    command.arg("image").args(arguments).current_dir(bench.folder.path());
    command.env("HOME", bench.folder.path()).env("XDG_CACHE_HOME", bench.cache());
    common::outcome(command)
}

#[test]
fn what_is_proved_is_not_asked_for_again() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let url = server.url("/big.iso");
    assert!(bench.fetch(&url).stdout.contains("was brought"));
    let again = bench.fetch(&url).stdout;
    assert!(again.contains("was there") && again.ends_with(&format!("  from {url}\n")), "{again}");
    assert_eq!(server.requests().len(), 1);
    // Nobody has to be there for it.
    drop(server);
    assert_eq!(bench.fetch(&url).status, 0);
}

#[test]
fn what_was_touched_is_proved_again() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let url = server.url("/big.iso");
    assert_eq!(bench.fetch(&url).status, 0);
    let file = fs::File::options().append(true).open(bench.place()).expect("opened");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("touched");
    let outcome = bench.fetch(&url);
    assert!(outcome.stdout.contains("was there"), "{outcome:?}");
    assert_eq!(server.requests().len(), 1, "it is the right one");

    let mut wrong = bench.file.clone();
    wrong[7] ^= 1;
    fs::write(bench.place(), wrong).expect("written");
    let outcome = bench.fetch(&url);
    assert!(outcome.stderr.contains("was changed, and is brought anew"), "{outcome:?}");
    bench.is_right();
    assert_eq!(server.requests().len(), 2);
}

/// Damage that keeps size, time and inode is what `--verify` is for.
#[test]
fn verified_again() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
    assert_eq!(bench.fetch(&url).status, 0);
    let file = fs::File::options().write(true).open(bench.place()).expect("opened");
    let before = file.metadata().expect("known").modified().expect("a time");
    std::os::unix::fs::FileExt::write_at(&file, b"!", 7).expect("written");
    file.set_modified(before).expect("hidden");
    assert!(bench.fetch(&url).stdout.contains("was there"));
    let outcome = common::outcome(bench.command(&["--url", &url, "--sha256", &sum, "--verify"]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("was brought"), "{outcome:?}");
    bench.is_right();
}

/// The same bytes are not brought again because somebody calls them otherwise.
#[test]
fn the_same_under_another_name() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    assert_eq!(bench.fetch(&server.url("/big.iso")).status, 0);
    let outcome = bench.fetch(&server.url("/other.iso"));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let told = format!("`{}` has the same SHA-256, and gets this name", bench.place().display());
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    assert!(outcome.stdout.contains("was there"), "{outcome:?}");
    let inode = |name: &str| {
        let found = fs::metadata(bench.place().with_file_name(name)).expect("an image");
        std::os::unix::fs::MetadataExt::ino(&found)
    };
    assert_eq!(inode("big.iso"), inode("other.iso"));
    assert_eq!(server.requests().len(), 1);

    // Damage that keeps size and time is in neither, once it is looked for.
    let file = fs::File::options().write(true).open(bench.place()).expect("opened");
    let before = file.metadata().expect("known").modified().expect("a time");
    std::os::unix::fs::FileExt::write_at(&file, b"!", 7).expect("written");
    file.set_modified(before).expect("hidden");
    let url = server.url("/third.iso");
    let outcome = common::outcome(bench.command(&["--url", &url, "--sha256", &sum, "--verify"]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("was brought"), "{outcome:?}");
    assert!(fs::read(bench.place().with_file_name("third.iso")).expect("it") == bench.file);
    assert_eq!(server.requests().len(), 2);
}

/// A size that contradicts what is proved is a slip of the pen.
#[test]
fn a_size_that_cannot_be() {
    let bench = Bench::new(1000);
    let server = Server::new(good(&bench.file));
    let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
    assert_eq!(bench.fetch(&url).status, 0);
    let outcome =
        common::outcome(bench.command(&["--url", &url, "--sha256", &sum, "--size", "1001"]));
    assert_eq!(outcome.status, 2, "{outcome:?}");
    let told = "has 1000 bytes, not 1001, and its SHA-256 is the right one: correct the size (`--size 1000`, or `size` in the lab file), or the SHA-256";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

/// No name of a file is the name of something of the cache's own.
#[test]
fn files_of_any_name() {
    let bench = Bench::new(1000);
    let server = Server::new(good(&bench.file));
    for name in ["a", "a.lock", "a.json", "a.part", "a.part.json"] {
        assert_eq!(bench.fetch(&server.url(&format!("/{name}"))).status, 0, "{name}");
    }
    for name in ["a", "a.lock", "a.json", "a.part", "a.part.json"] {
        let found = fs::read(bench.place().with_file_name(name)).expect("the image");
        assert!(found == bench.file, "{name}");
        assert!(
            bench.fetch(&server.url(&format!("/{name}"))).stdout.contains("was there"),
            "{name}"
        );
    }
    let cache = bench.cache().display().to_string();
    let pruned = image(&bench, &["prune", "--all", "--cache", &cache]).stdout;
    assert_eq!(pruned.matches("removed ").count(), 5, "{pruned}");
}

#[test]
fn listed_found_and_removed() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    let cache = bench.cache().display().to_string();
    assert_eq!(bench.fetch_from(&[&server], &[]).status, 0);
    let listed = image(&bench, &["list", "--cache", &cache, "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed["known"][0]["name"], "centos-7.9-minimal");
    assert_eq!(listed["known"][0]["size"], 1_020_264_448_u64);
    assert_eq!(listed["cache"][0]["proof"]["sha256"], sum.as_str());
    let text = image(&bench, &["list", "--cache", &cache]).stdout;
    assert!(text.contains("centos-7.9-genericcloud"), "{text}");
    assert!(text.contains("0 MiB, proved by the SHA-256 that was given"), "{text}");

    let netinstall = ["path", "centos-7.9-netinstall", "--sha256", &sum, "--cache", &cache];
    let path = image(&bench, &netinstall);
    assert_eq!(path.stdout.trim_end(), bench.place_from().display().to_string());
    let missing = image(&bench, &["path", "centos-7.9-dvd", "--cache", &cache]);
    assert_eq!(missing.status, 9);
    assert!(missing.stderr.contains("`trainyard fetch` brings it"), "{missing:?}");

    assert_eq!(image(&bench, &["prune", "--cache", &cache]).status, 0);
    bench.is_right_or_nothing();
    assert!(bench.place_from().exists(), "only what is not finished is removed");
    assert_eq!(image(&bench, &["prune", "--all", "--cache", &cache]).status, 0);
    assert!(!bench.place_from().exists());
}

/// What stands for something that is gone is removed, and nothing else; a file with two names is freed once.
#[test]
fn records_of_what_is_gone() {
    let bench = Bench::new(3 << 20);
    let server = Server::new(good(&bench.file));
    let cache = bench.cache().display().to_string();
    for name in ["/big.iso", "/other.iso"] {
        assert_eq!(bench.fetch(&server.url(name)).status, 0);
    }
    let prune = |more: &[&str]| image(&bench, &[&["prune", "--cache", &cache], more].concat());
    assert_eq!(prune(&[]).stdout, "0 MiB are free again\n");
    fs::remove_file(bench.place()).expect("removed");
    let notes = bench.part().with_extension("json");
    fs::write(&notes, "{}").expect("written");
    let record =
        bench.cache().join("records").join(&sha256(&bench.file)[..16]).join("big.iso.json");
    let pruned = prune(&[]).stdout;
    let told = format!("removed {}\nremoved {}\n0 MiB", record.display(), notes.display());
    assert!(pruned.starts_with(&told), "{pruned}");
    assert!(!record.exists() && !notes.exists());
    let other = server.url("/other.iso");
    assert!(bench.fetch(&other).stdout.contains("was there"), "its record stays");
    assert_eq!(bench.fetch(&server.url("/big.iso")).status, 0);
    let pruned = prune(&["--all"]).stdout;
    assert!(pruned.ends_with("other.iso\n3 MiB are free again\n"), "{pruned}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_file_is_verified() {
    let bench = Bench::new(1000);
    let path = bench.folder.path().join("a.iso");
    fs::write(&path, &bench.file).expect("written");
    let (path, sum) = (path.display().to_string(), sha256(&bench.file));
    assert_eq!(image(&bench, &["verify", &path, "--sha256", &sum]).status, 0);
    let unknown = image(&bench, &["verify", &path]);
    assert_eq!(unknown.status, 5);
    assert!(unknown.stderr.contains("is no image that trainyard knows"), "{unknown:?}");
    let wrong = image(&bench, &["verify", &path, "--sha256", &"0".repeat(64)]);
    assert_eq!(wrong.status, 5);
    assert!(wrong.stderr.contains(&format!("its SHA-256 is {sum}, not 0000")), "{wrong:?}");
    for (path, why) in [("none.iso", "No such file"), (".", "Is a directory")] {
        let none = image(&bench, &["verify", path]);
        assert_eq!(none.status, 9, "{none:?}");
        assert!(none.stderr.contains(&format!("reading `{path}`\n  because: {why}")), "{none:?}");
    }
}

/// Ctrl-C ends it as it ends everything else.
#[test]
fn a_file_that_takes_too_long() {
    let bench = Bench::new(0);
    let path = bench.folder.path().join("large.iso");
    let sparse = fs::File::create(&path).and_then(|file| file.set_len(1 << 40));
    sparse.expect("a file without end");
    let mut command = common::judge("timeout");
    command.args(["--preserve-status", "--signal", "INT", "1", common::PROGRAM]);
    command.args(["image", "verify"]).arg(&path);
    let outcome = common::outcome(command);
    assert_eq!(outcome.status, 130, "{outcome:?}");
}

#[test]
fn what_cannot_be_meant() {
    let bench = Bench::new(1000);
    for (arguments, status, word) in [
        (&["centos-7.9-minimul"][..], 2, "did you mean `centos-7.9-minimal`?"),
        (
            &["http://127.0.0.1/a.iso?b=c"],
            2,
            "unknown image `http://127.0.0.1/a.iso?…`; a URL is brought by `--url URL`",
        ),
        (&["--url", "ftp://127.0.0.1/big.iso"], 2, "neither `http://` nor `https://`"),
        (&["--url", "http://127.0.0.1/"], 2, "names no file that can be kept"),
        (&["--url", "http://127.0.0.1/..%2Fx", "--sha256", "0"], 2, "is no SHA-256"),
        (&["--url", "http://127.0.0.1/a%2Fx"], 2, "without control characters and `/\\:*?\"<>|`"),
        (&["--url", "http://127.0.0.1/..%5Cx.iso"], 2, "names no file that can be kept"),
        (&["--url", "http://127.0.0.1/a%5Cx.iso"], 2, "names no file that can be kept"),
        (&["--url", "http://127.0.0.1/c:x.iso"], 2, "names no file that can be kept"),
        (&["--url", "http://127.0.0.1/x.iso%3As"], 2, "names no file that can be kept"),
        (&["--url", "http://127.0.0.1/x%07.iso"], 2, "names no file that can be kept"),
        (&["centos-7.9-dvd", "--mirror", "here"], 2, "`here` is no URL of a mirror"),
        (
            &["--url", "http://127.0.0.1/a.iso", "--key", "/dev/null"],
            9,
            "is not one armored OpenPGP public key",
        ),
    ] {
        let outcome = common::outcome(bench.command(arguments));
        assert_eq!(outcome.status, status, "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(word), "{arguments:?}: {outcome:?}");
    }
}

/// A lab names its medium by URL, and `build` brings it.
#[test]
fn build_brings_what_the_lab_names() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    let sum = sha256(&bench.file);
    let url = server.url("/big.iso");
    let lab = Lab::new(&format!(
        "image: {{url: '{url}', sha256: {sum}}}\nnodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n"
    ));
    let outcome = lab.run(&["build", "-o", "isos"]);
    // It is no medium, which is looked at once it is proved.
    assert_eq!(outcome.status, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("is proved"), "{outcome:?}");
    assert_eq!(server.requests().len(), 1);
    let cached = lab.path(".cache/trainyard/images").join(&sum[..16]).join("big.iso");
    assert!(fs::read(cached).expect("the image") == bench.file);
}
