//! The medium's files over HTTP, compared with what xorriso reads.

use crate::client::{Answer, ask};
use crate::common::{judge, judged};
use crate::running::{Serving, medium};

/// All files of the medium, read by xorriso into a folder.
fn extracted() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = judge("xorriso");
    command.args(["-osirrox", "on", "-indev", &medium(), "-extract", "/"]);
    command.arg(folder.path().join("tree"));
    judged(command);
    folder
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_file_is_as_xorriso_reads_it() {
    let serving = Serving::new();
    let folder = extracted();
    let root = folder.path().join("tree");
    let all = files(&root);
    assert!(all.len() > 100, "{}", all.len());
    for file in &all {
        let path = file.strip_prefix(&root).expect("inside").to_str().expect("text");
        // A `+` in a path is a plus.
        let answer = serving.get(&format!("/tree/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == std::fs::read(file).expect("read"), "{path}");
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()), "{path}");
    }
}

#[test]
fn files_have_the_types_that_they_are_of() {
    let serving = Serving::new();
    for (path, kind) in [
        ("images/pxeboot/vmlinuz", "application/octet-stream"),
        (".treeinfo", "text/plain; charset=utf-8"),
        ("repodata/repomd.xml", "text/xml"),
        ("Packages/acl-2.2.51-15.el7.x86_64.rpm", "application/x-rpm"),
    ] {
        let answer = serving.get(&format!("/tree/{path}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
    }
}

#[test]
fn parts_and_conditions() {
    let serving = Serving::new();
    let path = "/tree/LiveOS/squashfs.img";
    let whole = serving.get(path);
    let with = |header: &str| ask(serving.address, "GET", path, &[header.to_owned()], "");
    let size = whole.body.len();
    assert!(size > 1000, "{size}");
    let part = |answer: &Answer, from: usize, to: usize| {
        let said = format!("bytes {from}-{}/{size}", to - 1);
        assert_eq!((answer.status, answer.header("content-range")), (206, Some(said.as_str())));
        assert!(answer.body == whole.body[from..to]);
    };
    part(&with("Range: bytes=0-0"), 0, 1);
    part(&with("Range: bytes=100-299"), 100, 300);
    part(&with("Range: bytes=500-"), 500, size);
    part(&with("Range: bytes=-7"), size - 7, size);
    let beyond = with(&format!("Range: bytes={size}-"));
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some(format!("bytes */{size}").as_str()))
    );
    assert_eq!(with("Range: bytes=0-1,5-6").body.len(), size, "several parts are the whole");
    let tag = whole.header("etag").expect("one").to_owned();
    let date = whole.header("last-modified").expect("one").to_owned();
    for known in [format!("If-None-Match: {tag}"), format!("If-Modified-Since: {date}")] {
        let same = with(&known);
        assert_eq!((same.status, same.body.len()), (304, 0), "{known}");
    }
    let head = ask(serving.address, "HEAD", path, &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
    assert_eq!(ask(serving.address, "POST", path, &[], "x").status, 405);
}

#[test]
fn no_path_leaves_the_medium() {
    let serving = Serving::new();
    let ways = [
        "/tree/../lab.yaml",
        "/tree/..%2flab.yaml",
        "/tree/%2e%2e/lab.yaml",
        "/tree/%2e%2e%2flab.yaml",
        "/tree/..%5clab.yaml",
        "/tree/....//lab.yaml",
        "/tree/%252e%252e%252flab.yaml",
        "/tree//etc/passwd",
        "/tree/%2fetc%2fpasswd",
        "/tree/./lab.yaml",
        "/tree/images/../../lab.yaml",
        "/tree/%c0%ae%c0%ae/lab.yaml",
        "/tree/lab.yaml%00",
        "/tree/",
        "/tree",
        "/tree/images",
        "/tree/images/",
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/tree/..;/lab.yaml",
        "//etc/passwd",
        "/tree/file:///etc/passwd",
    ];
    for way in ways {
        let answer = serving.get(way);
        assert!((400..500).contains(&answer.status), "{way}: {}", answer.status);
        assert!(!answer.text().contains("root:") && !answer.text().contains("nodes:"), "{way}");
    }
}
