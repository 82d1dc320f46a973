use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::super::bytes::hex;
use super::*;

const PRIMARY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="4">
<package type="rpm"><name>chrony</name><arch>x86_64</arch><version epoch="0" ver="3.4" rel="1.el7"/>
  <format><rpm:provides><rpm:entry name="ntp-client"/></rpm:provides></format></package>
<package type="rpm"><name>bash</name><arch>x86_64</arch></package>
<package type="rpm"><name>iwl7260-firmware</name><arch>noarch</arch></package>
<package type="rpm"><name>openssh-server</name><arch>x86_64</arch></package>
</metadata>
"#;

const COMPS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group><id>core</id><name>Core</name><default>false</default>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq type="default">chrony</packagereq>
      <packagereq type="optional">dracut-fips</packagereq>
      <packagereq requires="x" type="conditional">extra</packagereq>
      <packagereq>untyped</packagereq>
    </packagelist>
  </group>
  <environment><id>minimal</id><name>Minimal Install</name>
    <grouplist><groupid>core</groupid></grouplist>
    <optionlist><groupid>debugging</groupid></optionlist>
  </environment>
</comps>
"#;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn index(files: &[(&str, &str, &[u8])]) -> String {
    let mut text =
        "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>".to_owned();
    for (kind, path, content) in files {
        let sum = sha256(content);
        let entry = format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{sum}</checksum>\
             <open-checksum type=\"sha256\">{}</open-checksum><location href=\"{path}\"/></data>",
            "0".repeat(64)
        );
        text.push_str(&entry);
    }
    text + "</repomd>"
}

/// A medium whose root holds these files.
fn medium(folder: &Path, files: &[(&str, &[u8])]) -> Medium {
    let tree = folder.join("tree");
    for (path, content) in files {
        let file = tree.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let iso = folder.join("m.iso");
    let status = Command::new("xorriso")
        .args(["-report_about", "SORRY", "-as", "mkisofs", "-quiet", "-r", "-o"])
        .args([&iso, &tree])
        .status()
        .unwrap();
    assert!(status.success());
    Medium::open(iso).unwrap()
}

fn good(folder: &Path) -> Medium {
    let primary = gzip(PRIMARY);
    let index = index(&[
        ("primary", "repodata/primary.xml.gz", &primary),
        ("group", "repodata/comps.xml", COMPS.as_bytes()),
    ]);
    medium(
        folder,
        &[
            ("repodata/repomd.xml", index.as_bytes()),
            ("repodata/primary.xml.gz", &primary),
            ("repodata/comps.xml", COMPS.as_bytes()),
        ],
    )
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn more_names_than_any_medium_has() {
    let package = format!("<package><name>{}</name></package>", "x".repeat(60_000));
    let folder = tempfile::tempdir().unwrap();
    for (count, refused) in [(200, false), (300, true)] {
        let primary = gzip(&format!("<metadata>{}</metadata>", package.repeat(count)));
        let index = index(&[("primary", "repodata/primary.xml.gz", &primary)]);
        let files =
            [("repodata/repomd.xml", index.as_bytes()), ("repodata/primary.xml.gz", &primary)];
        let read = PackageData::read(&medium(folder.path(), &files), "");
        let found = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            found.contains("it names more packages than any medium has"),
            refused,
            "{found}"
        );
    }
}

#[test]
fn names_groups_and_environments() {
    let folder = tempfile::tempdir().unwrap();
    let data = PackageData::read(&good(folder.path()), "").unwrap();
    assert_eq!(data.names, set(&["bash", "chrony", "iwl7260-firmware", "openssh-server"]));
    assert!(data.names_with_arch.contains("iwl7260-firmware.noarch"));
    let core = &data.groups["core"];
    assert_eq!(core.mandatory, set(&["bash", "untyped"]));
    assert_eq!(core.default, set(&["chrony"]));
    assert_eq!(core.optional, set(&["dracut-fips"]));
    assert_eq!(core.conditional, set(&["extra"]));
    let minimal = &data.environments["minimal"];
    assert_eq!((&minimal.groups, &minimal.options), (&set(&["core"]), &set(&["debugging"])));
}

#[test]
fn groups_may_be_packed_and_the_tree_may_lie_below_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let (primary, comps) = (gzip(PRIMARY), gzip(COMPS));
    let index = index(&[
        ("primary", "repodata/p.xml.gz", &primary),
        ("group_gz", "repodata/c.xml.gz", &comps),
    ]);
    let medium = medium(
        folder.path(),
        &[
            ("os/repodata/repomd.xml", index.as_bytes()),
            ("os/repodata/p.xml.gz", &primary),
            ("os/repodata/c.xml.gz", &comps),
        ],
    );
    assert!(PackageData::read(&medium, "/os/").unwrap().groups.contains_key("core"));
    let error = PackageData::read(&medium, "").unwrap_err();
    assert!(matches!(error, PackagesError::NoRepository { .. }), "{error}");
}

#[test]
fn a_file_that_is_not_the_indexs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let primary = gzip(PRIMARY);
    let text = index(&[("primary", "repodata/p.xml.gz", b"something else")]);
    let medium = medium(
        folder.path(),
        &[("repodata/repomd.xml", text.as_bytes()), ("repodata/p.xml.gz", &primary)],
    );
    let error = PackageData::read(&medium, "").unwrap_err().to_string();
    assert!(
        error.contains("`repodata/p.xml.gz` on") && error.contains(&sha256(&primary)),
        "{error}"
    );
}

#[test]
fn broken_data_is_named_by_file() {
    let packed = gzip(PRIMARY);
    let cut = &packed[..packed.len() / 2];
    for (file, content, expected) in [
        ("repodata/p.xml.gz", &b"this is not packed with gzip"[..], "gzip"),
        ("repodata/p.xml.gz", cut, "cannot be used"),
        ("repodata/p.xml", b"<metadata><package>", "ends inside"),
        ("repodata/p.sqlite.bz2", b"x", "only .xml"),
        ("repodata/p.xml", b"<metadata>\xff</metadata>", "cannot be used"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let text = index(&[("primary", file, content)]);
        let medium =
            medium(folder.path(), &[("repodata/repomd.xml", text.as_bytes()), (file, content)]);
        let error = PackageData::read(&medium, "").unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{file}` on `")) && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn what_a_kickstart_may_not_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = PackageData::read(&good(folder.path()), "").unwrap();
    let lines = [
        "@core --nodefaults",
        "@^minimal",
        "chrony",
        "chrony.x86_64",
        "iwl*",
        "-anything",
        "-@everything",
        "# a comment",
        "",
        "bash # the shell",
    ];
    assert_eq!(data.missing(&lines), []);
    let found = data.missing(&[
        "@cores",
        "@^minimum",
        "chronyd",
        "chrony.i686",
        "zsh*",
        "python-openstackclient",
        "OpenSSH-Server",
    ]);
    let brief: Vec<_> = found
        .iter()
        .map(|missing| (missing.line.as_str(), missing.kind, missing.hint.as_deref()))
        .collect();
    let expected = [
        ("@cores", Wanted::Group, Some("@core")),
        ("@^minimum", Wanted::Environment, Some("@^minimal")),
        ("chronyd", Wanted::Package, Some("chrony")),
        ("chrony.i686", Wanted::Package, None),
        ("zsh*", Wanted::Package, None),
        ("python-openstackclient", Wanted::Package, None),
        ("OpenSSH-Server", Wanted::Package, Some("openssh-server")),
    ];
    assert_eq!(brief, expected);
}
