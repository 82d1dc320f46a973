//! How files of the lab are written: into folders of accounts, which put links and other things in root's way, and byte for byte.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::mode;
use super::node::{Node, PASSWORD};

/// A node whose stage writes this file, and in which `/home/x` is a folder that others than root may change.
fn writing(path: &str) -> Node {
    let node = Node::new();
    let manifest = format!("file 0640 root root {path}\n");
    node.stage("site", &manifest, &[(&format!("files{path}"), "ours\n")]);
    fs::create_dir_all(node.path("home/x")).expect("a folder");
    open_to_others(&node.path("home/x"));
    node.write("etc/shadow", "root's\n");
    node
}

fn open_to_others(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("set");
}

/// That nothing was left beside the files that are to be there.
fn assert_tidy(folder: &Path, wanted: &[&str]) {
    let names = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    assert_eq!(names, wanted);
}

#[test]
fn a_link_that_an_account_made_of_a_folder_is_refused() {
    for (link, path) in
        [("home/x/.ssh", "/home/x/.ssh/authorized_keys"), ("home/x/a", "/home/x/a/b/c/shadow")]
    {
        for target in ["/etc", "../../etc", "nowhere"] {
            let node = writing(path);
            // This machine's own must never be what a test aims at.
            let target = if target == "/etc" { node.path("etc") } else { target.into() };
            symlink(target, node.path(link)).expect("a link");
            let said = node.expect(1, &["place", "site"]);
            assert!(said.contains(&format!("/{link} is no folder, or a link")), "{said}");
            assert_eq!(node.read("etc/shadow"), "root's\n");
            assert_tidy(&node.path("home/x"), &[link.rsplit('/').next().expect("a name")]);
        }
    }
}

#[test]
fn a_link_in_the_place_of_the_file_is_replaced() {
    let node = writing("/home/x/file");
    // To a file, to a folder, to nothing; and a pipe, which nobody writes to.
    for target in ["/etc/shadow", "/etc", "/nowhere"] {
        let target = node.path(target);
        let _ = fs::remove_file(node.path("home/x/file"));
        symlink(&target, node.path("home/x/file")).expect("a link");
        node.expect(0, &["place", "site"]);
        let found = fs::symlink_metadata(node.path("home/x/file")).expect("there");
        assert!(found.is_file());
        assert_eq!(node.read("home/x/file"), "ours\n");
        assert_eq!(node.read("etc/shadow"), "root's\n");
        assert!(!node.path("etc/file").exists() && !node.path("nowhere").exists());
    }
    fs::remove_file(node.path("home/x/file")).expect("removed");
    let mut pipe = std::process::Command::new("mkfifo");
    assert!(pipe.arg(node.path("home/x/file")).status().expect("mkfifo").success());
    node.expect(0, &["place", "site"]);
    assert_eq!(node.read("home/x/file"), "ours\n");
    assert_tidy(&node.path("home/x"), &["file"]);
}

#[test]
fn what_is_compared_with_the_new_file_is_a_file_all_the_while() {
    let node = writing("/home/x/file");
    node.expect(0, &["place", "site"]);
    for theirs in ["mkfifo $ROOT/home/x/file", "ln -s $ROOT/etc/equal $ROOT/home/x/file"] {
        node.write("etc/equal", "ours\n");
        // Between the look and the reading.
        node.fake(
            "dd",
            &format!("rm $ROOT/home/x/file; {theirs}; timeout 5 /bin/dd \"$@\"; [ $? -ne 124 ] || : >$ROOT/hung"),
        );
        node.expect(0, &["place", "site"]);
        assert!(!node.path("hung").exists());
        assert!(fs::symlink_metadata(node.path("home/x/file")).expect("there").is_file());
        assert_eq!(node.read("home/x/file"), "ours\n");
    }
}

#[test]
fn another_name_of_a_file_of_root_is_no_way_to_it() {
    let node = writing("/home/x/file");
    fs::hard_link(node.path("etc/shadow"), node.path("home/x/file")).expect("a link");
    node.expect(0, &["place", "site"]);
    assert_eq!(
        (node.read("home/x/file"), node.read("etc/shadow")),
        ("ours\n".into(), "root's\n".into())
    );
    assert_ne!(mode(&node.path("etc/shadow")), 0o640);
}

#[test]
fn nobody_sees_or_changes_a_file_before_it_is_finished() {
    let node = writing("/home/x/file");
    // What the account finds in its folder while the file has its owner already, but not yet its mode; and a link in the way.
    node.fake(
        "chown",
        "stat -c '%a %F' $ROOT/home/x/.trainyard.?????? >>$ROOT/seen; ln -sfn ../../etc/shadow $ROOT/home/x/content",
    );
    node.expect(0, &["place", "site"]);
    assert_eq!(node.read("seen"), "700 directory\n");
    assert_eq!(node.read("home/x/file"), "ours\n");
    assert_eq!(node.read("etc/shadow"), "root's\n");

    // One that takes away the folder in which it is made, and puts a link, or a folder of its own, there.
    for (theirs, told) in [
        ("ln -s $ROOT/etc $made", "is no folder, or a link"),
        ("mkdir -m 0777 $made", "another folder was put in the place"),
    ] {
        let node = writing("/home/x/file");
        node.fake(
            "mktemp",
            &format!("made=$(/bin/mktemp \"$@\"); echo $made; rmdir $made; {theirs}"),
        );
        let said = node.expect(1, &["place", "site"]);
        assert!(said.contains(told), "{said}");
        assert_eq!(node.read("etc/shadow"), "root's\n");
        assert!(!node.path("etc/content").exists());
    }
}

#[test]
fn links_of_root_are_followed_to_where_they_lead() {
    let node = writing("/var/run/a/file");
    fs::create_dir_all(node.path("run")).expect("a folder");
    fs::create_dir_all(node.path("var")).expect("a folder");
    symlink("../run", node.path("var/run")).expect("a link");
    // The second as it is on a node: it stands for a path of the machine that the folder plays.
    symlink("/srv/./there", node.path("run/a")).expect("a link");
    node.expect(0, &["place", "site"]);
    assert_eq!(node.read("srv/there/file"), "ours\n");
    assert_eq!(mode(&node.path("srv/there")), 0o755);
    assert!(fs::symlink_metadata(node.path("var/run")).expect("there").is_symlink());

    // Not where they lead into a folder in which an account has made one.
    fs::remove_file(node.path("run/a")).expect("removed");
    symlink("/home/x/there", node.path("run/a")).expect("a link");
    symlink(node.path("etc"), node.path("home/x/there")).expect("a link");
    let said = node.expect(1, &["place", "site"]);
    assert!(said.contains("/home/x/there is no folder, or a link"), "{said}");
    assert!(!node.path("etc/file").exists());

    // And not for ever.
    fs::remove_file(node.path("run/a")).expect("removed");
    symlink("a", node.path("run/a")).expect("a link");
    let said = node.expect(1, &["place", "site"]);
    assert!(said.contains("/var/run/a: too many links"), "{said}");
}

#[test]
fn a_folder_that_is_made_for_an_account_is_its_own() {
    let node = writing("/home/x/a/b/file");
    node.expect(0, &["place", "site"]);
    let home = fs::metadata(node.path("home/x")).expect("there");
    let owner = format!("chown {}:{} .", home.uid(), home.gid());
    let calls = node.read("calls");
    // The second folder is in one that is root's as long as the fake gives it to nobody.
    assert!(calls.lines().any(|call| call == owner), "{calls}");
    assert_eq!(mode(&node.path("home/x/a/b")), 0o755);
}

#[test]
fn keys_of_an_account_go_into_a_folder_of_its_own() {
    let node = Node::new();
    node.stage("accounts", "account alice - /bin/bash - -\n", &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/accounts/configure.sh");
    let script = fs::read_to_string(script).expect("a script");
    node.write("etc/trainyard/stages/accounts/configure.sh", &script);
    for name in ["getent", "usermod", "visudo"] {
        node.fake(name, "");
    }
    node.write("etc/trainyard/accounts/alice.keys", "ssh-ed25519 AAAA\n");
    fs::create_dir_all(node.path("home/alice")).expect("a folder");
    open_to_others(&node.path("home/alice"));
    node.expect(0, &["run"]);
    assert_eq!(node.read("home/alice/.ssh/authorized_keys"), "ssh-ed25519 AAAA\n");
    assert_eq!(mode(&node.path("home/alice/.ssh")), 0o700);
    assert_eq!(mode(&node.path("home/alice/.ssh/authorized_keys")), 0o600);
    let calls = node.read("calls");
    assert!(
        calls.contains("chown alice:alice .\n") && calls.contains("chown alice:alice content\n"),
        "{calls}"
    );

    fs::remove_dir_all(node.path("home/alice/.ssh")).expect("removed");
    symlink(node.path("etc"), node.path("home/alice/.ssh")).expect("a link");
    let said = node.expect(6, &["run", "--force"]);
    assert!(said.contains("/home/alice/.ssh is no folder, or a link"), "{said}");
    assert!(!node.path("etc/authorized_keys").exists());
}

#[test]
fn a_file_with_a_secret_keeps_its_other_bytes() {
    for (text, wanted) in [
        ("a=@SECRET_RABBIT_PASS@", "a=P"),
        ("a=@SECRET_RABBIT_PASS@\n", "a=P\n"),
        ("\n\na=@SECRET_RABBIT_PASS@@SECRET_RABBIT_PASS@ \\n % &\n\n\n", "\n\na=PP \\n % &\n\n\n"),
        ("\r\n\t@SECRET_RABBIT_PASS@\r\n \n", "\r\n\tP\r\n \n"),
        ("@SECRET_RABBIT_PASS@ 한글 \u{7f}\u{1}\n@SECRET_", "P 한글 \u{7f}\u{1}\n@SECRET_"),
    ] {
        let node = Node::new();
        node.stage("site", "file 0600 root root /etc/x\n", &[("files/etc/x", text)]);
        node.expect(0, &["place", "site"]);
        assert_eq!(node.read("etc/x"), wanted.replace('P', PASSWORD), "{text:?}");
    }
}
