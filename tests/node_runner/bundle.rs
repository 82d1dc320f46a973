//! The bundle of a locked lab: which disc is taken for it, what is asked where there is none, and what becomes of one that goes.

use std::fs;

use trainyard::digest::Digest;

use crate::node::Node;

const LOCK: &str = "{\"schema\": 1}\n";
const CACHE: &str = "http://10.0.0.1:8080";
const BUNDLED: &str = "file:///run/trainyard/packages/base/";
const CACHED: &str = "http://10.0.0.1:8080/packages/base/";

/// Discs are folders here: `discs/sr0` is what is in the drive `/dev/sr0`. `labels` says what is on them, as blkid does.
const FAKES: [(&str, &str); 4] = [
    (
        "blkid",
        "for tag; do :; done; awk -v tag=$tag 'tag == \"TYPE=iso9660\" || tag == \"LABEL=\" $2 { print $1 }' $ROOT/labels",
    ),
    (
        "mount",
        "shift $(($# - 2)); grep -q \"$2 \" $ROOT/proc/self/mounts && echo busy && exit 32\n\
         [ -d $ROOT/discs/${1##*/} ] || { echo no medium found >&2; exit 32; }\n\
         [ ! -e $ROOT/slow ] || sleep 1\n\
         cp -r $ROOT/discs/${1##*/}/. $2; echo \"$1 $2 iso9660 ro 0 0\" >>$ROOT/proc/self/mounts",
    ),
    (
        "umount",
        "[ $1 = -l ] && shift || [ ! -e $ROOT/busy ] || exit 32\n\
         find $1 -mindepth 1 -delete; sed -i \"\\\\: $1 :d\" $ROOT/proc/self/mounts",
    ),
    (
        "dd",
        "case $* in *iflag=direct*) device=${1#if=}; [ -d $ROOT/discs/${device##*/} ];; *) exec /bin/dd \"$@\";; esac",
    ),
];

/// A drive, the label of the disc in it, and which folder there holds the bundle of which lock.
type Disc = (&'static str, &'static str, Option<(&'static str, &'static str)>);

fn pinned(cache: bool) -> String {
    let lock = Digest::of(LOCK.as_bytes());
    let (mark, url) = if cache {
        (format!("#cache={CACHE}\n"), format!("        {CACHED}\n"))
    } else {
        Default::default()
    };
    format!(
        "# ours\n#medium=/run/trainyard/packages\n#lock={lock}\n{mark}\n\
         [base]\nbaseurl={BUNDLED}\n{url}enabled=1\ngpgcheck=1\ngpgkey=file:///etc/pki/7\n"
    )
}

/// A node of a locked lab with these discs in its drives. Its yum notes where it asks, and then does what `yum` says.
fn node(cache: bool, discs: &[Disc], yum: &str) -> Node {
    let node = Node::new();
    node.stage(
        "repositories",
        "package release\nfile 0644 root root /etc/trainyard/pinned.repo\n",
        &[("files/etc/trainyard/pinned.repo", &pinned(cache))],
    );
    node.stage("tools", "package etcd\n", &[]);
    node.write("etc/pki/7", "key");
    node.write("proc/self/mounts", "proc /proc proc rw 0 0\n");
    node.write("labels", "");
    for (drive, label, holds) in discs {
        insert(&node, drive, label, *holds);
    }
    for (name, body) in FAKES {
        node.fake(name, body);
    }
    node.fake("curl", "");
    let places =
        "sed -n 's/^\\(baseurl=\\|  *\\)//p' $ROOT/etc/yum.repos.d/trainyard.repo | tr '\\n' ' '";
    let install = "shift 3; for p; do : >$ROOT/installed/$p; done";
    let cleans = "case $* in *' clean metadata') exit;; esac";
    node.fake("yum", &format!("{cleans}\necho $({places}) >>$ROOT/places\n{yum}\n{install}"));
    node
}

/// Puts a disc into a drive.
fn insert(node: &Node, drive: &str, label: &str, holds: Option<(&str, &str)>) {
    node.write(&format!("discs/{drive}/README"), "a disc\n");
    if let Some((folder, lock)) = holds {
        node.write(&format!("discs/{drive}{folder}/packages.lock"), lock);
    }
    let labels = node.read("labels");
    node.write("labels", &format!("{labels}/dev/{drive} {label}\n"));
}

/// Takes it out; what is mounted stays, and the kernel still has some of it.
fn take_out(node: &Node, drive: &str) {
    fs::remove_dir_all(node.path(&format!("discs/{drive}"))).expect("removed");
    let labels = node.read("labels");
    let left = labels.lines().filter(|line| !line.starts_with(&format!("/dev/{drive} ")));
    node.write("labels", &left.map(|line| format!("{line}\n")).collect::<String>());
}

/// What was mounted, and what is no more, since the last look.
fn mounts(node: &Node) -> Vec<String> {
    let calls = node.calls();
    calls.into_iter().filter(|it| it.starts_with("mount") || it.starts_with("umount")).collect()
}

const MOUNT: &str = "mount -t iso9660 -o ro,nodev,nosuid,noexec";
const OURS: Disc = ("sr1", "TRAINYARD_PACKAGES", Some(("", LOCK)));
const OTHERS: Disc = ("sr0", "TRAINYARD_PACKAGES", Some(("", "{\"schema\": 1, \"other\": 1}\n")));
const INSTALLER: Disc = ("sr0", "CentOS", Some(("/trainyard-packages", LOCK)));

#[test]
fn the_disc_with_the_label_is_mounted_once_and_stands_first() {
    let node = node(true, &[INSTALLER, OURS], "");
    node.expect(0, &["run"]);
    assert_eq!(mounts(&node), [format!("{MOUNT} /dev/sr1 /run/trainyard/medium")]);
    assert_eq!(node.read("places"), format!("{BUNDLED} {CACHED}\n").repeat(2));
    assert_eq!(node.read("run/trainyard/packages/packages.lock"), LOCK);
    let log = node.expect(0, &["logs", "repositories"]);
    assert!(log.contains("packages come from the lab's bundle on /dev/sr1\n"), "{log}");
    let left = node.read("etc/yum.repos.d/trainyard.repo");
    let urls = format!("[base]\nbaseurl={BUNDLED}\n        {CACHED}\nenabled=1\n");
    assert!(left.contains(&urls), "{left}");
}

/// The installer's own medium is none, and the next one is.
#[test]
fn a_bundle_on_an_install_iso_is_found() {
    let stick = ("sdb", "CentOS", INSTALLER.2);
    let node = node(false, &[("sr0", "CentOS", None), stick], "");
    let said = node.expect(0, &["run"]);
    assert!(!said.contains("warning"), "{said}");
    let last = mounts(&node).pop().expect("a mount");
    assert_eq!(last, format!("{MOUNT} /dev/sdb /run/trainyard/medium"));
    assert_eq!(node.read("places"), format!("{BUNDLED}\n").repeat(2));
    assert_eq!(node.read("run/trainyard/packages/packages.lock"), LOCK);
}

#[test]
fn a_bundle_of_another_lock_is_told_and_passed_over() {
    for (discs, place) in
        [(&[OTHERS, OURS][..], format!("{BUNDLED} {CACHED}\n")), (&[OTHERS], format!("{CACHED}\n"))]
    {
        let node = node(true, discs, "");
        node.expect(0, &["run"]);
        assert_eq!(node.read("places"), place.repeat(2));
        let log = node.expect(0, &["logs", "repositories"]);
        assert!(
            log.contains("/dev/sr0 is passed over, for its bundle is of another packages.lock"),
            "{log}"
        );
        assert_eq!(mounts(&node)[1], "umount /run/trainyard/medium");
        let is_left = node.read("proc/self/mounts").contains("/dev/sr0");
        assert!(!is_left, "it is mounted still");
    }
}

#[test]
fn without_a_disc_and_a_cache_it_is_told_what_to_do() {
    for discs in [&[][..], &[("sr0", "CentOS", None)], &[OTHERS]] {
        let node = node(false, discs, "");
        node.expect(6, &["run"]);
        assert_eq!(node.read("places"), "", "yum is not asked");
        let log = node.expect(0, &["logs", "repositories"]);
        let lock = Digest::of(LOCK.as_bytes()).to_string();
        for words in ["no disc here has them (label TRAINYARD_PACKAGES", &lock, "no package_cache"]
        {
            assert!(log.contains(words), "{words}: {log}");
        }
    }
}

#[test]
fn a_cache_is_asked_where_there_is_no_disc_and_stays_where_there_is_nothing_else() {
    for (discs, answers, place) in [
        (&[][..], true, CACHED.to_owned()),
        (&[], false, CACHED.to_owned()),
        (&[OURS], false, BUNDLED.to_owned()),
        (&[OURS], true, format!("{BUNDLED} {CACHED}")),
    ] {
        let node = node(true, discs, "");
        node.fake("curl", if answers { "" } else { "exit 7" });
        node.expect(0, &["run"]);
        assert_eq!(node.read("places"), format!("{place}\n").repeat(2), "{discs:?} {answers}");
    }
}

#[test]
fn what_cannot_be_mounted_is_told_and_passed_over() {
    let node = node(true, &[], "");
    node.write("labels", "/dev/sr0 TRAINYARD_PACKAGES\n");
    node.expect(0, &["run"]);
    let log = node.expect(0, &["logs", "repositories"]);
    let told = "/dev/sr0 is passed over, for it cannot be mounted: no medium found";
    assert_eq!(log.matches(told).count(), 1, "{log}");
    assert_eq!(node.read("places"), format!("{CACHED}\n").repeat(2));
}

/// The kernel has all of it in memory, which says nothing of the rest.
#[test]
fn a_disc_that_was_taken_out_is_looked_for_again() {
    for (elsewhere, place) in [(false, CACHED.to_owned()), (true, format!("{BUNDLED} {CACHED}"))] {
        let node = node(true, &[OURS], "");
        node.expect(0, &["run", "repositories"]);
        mounts(&node);
        take_out(&node, "sr1");
        if elsewhere {
            insert(&node, "sdb", OURS.1, OURS.2);
        }
        node.write("places", "");
        node.expect(0, &["run"]);
        assert_eq!(node.read("places"), format!("{place}\n"));
        let calls = mounts(&node);
        assert_eq!(calls[0], "umount -l /run/trainyard/medium");
        let again = calls.get(1) == Some(&format!("{MOUNT} /dev/sdb /run/trainyard/medium"));
        assert_eq!(again, elsewhere, "{calls:?}");
    }
}

/// In the middle of a yum: the next attempt does not begin with it.
#[test]
fn a_disc_that_is_taken_out_while_yum_runs_fails_that_attempt_alone() {
    let yum = "[ ! -d $ROOT/discs/sr1 ] || { rm -r $ROOT/discs/sr1; : >$ROOT/labels; exit 1; }";
    for (cache, status, places) in [
        (true, 0, format!("{BUNDLED} {CACHED}\n{CACHED}\n{CACHED}\n")),
        (false, 6, format!("{BUNDLED}\n")),
    ] {
        let node = node(cache, &[OURS], yum);
        node.expect(status, &["run"]);
        assert_eq!(node.read("places"), places);
        let log = node.expect(0, &["logs", "repositories"]);
        assert_eq!(log.contains("no disc here has them"), !cache, "{log}");
    }
}

/// It was mounted, and what was to lead there was not made; or there is another disc in the drive; or the lab has another lock now.
#[test]
fn what_is_mounted_and_is_not_the_bundle_is_taken_away() {
    for line in [
        "rm $ROOT/run/trainyard/packages",
        "echo other >$ROOT/run/trainyard/medium/packages.lock",
        "rm $ROOT/run/trainyard/medium/packages.lock",
    ] {
        let node = node(false, &[OURS], "");
        node.expect(0, &["run", "repositories"]);
        node.shell(line);
        node.shell(": >$ROOT/busy");
        mounts(&node);
        node.expect(0, &["run"]);
        assert_eq!(
            mounts(&node),
            ["umount -l /run/trainyard/medium", &format!("{MOUNT} /dev/sr1 /run/trainyard/medium")],
            "{line}"
        );
        assert_eq!(node.read("run/trainyard/packages/packages.lock"), LOCK, "{line}");
    }
}

/// A verification and a run, say.
#[test]
fn two_at_once_mount_it_once() {
    let node = node(false, &[OURS], "");
    node.write("slow", "");
    node.shell("mkdir -p $ROOT/run/trainyard");
    let find = "export PATH=$ROOT/fakes:$PATH TRAINYARD_ROOT=$ROOT; . $ROOT/usr/local/libexec/trainyard/stage-lib.sh\n\
        find_bundle $STAGES/repositories/files/etc/trainyard/pinned.repo >/dev/null & one=$!\n\
        find_bundle $STAGES/repositories/files/etc/trainyard/pinned.repo >/dev/null && wait $one";
    node.shell(find);
    assert_eq!(mounts(&node), [format!("{MOUNT} /dev/sr1 /run/trainyard/medium")]);
}

/// After a boot nothing is mounted.
#[test]
fn a_verification_mounts_it_and_asks_it() {
    let answer = "the repositories answer";
    for (discs, cache, told) in [
        (&[OURS][..], true, Ok("base: file:///run/trainyard/packages/base/")),
        (&[], true, Ok("base: http://10.0.0.1:8080/packages/base/")),
        (
            &[OTHERS],
            false,
            Err("base: neither a disc with the lab's bundle nor a package cache answers"),
        ),
    ] {
        let node = node(true, discs, "");
        node.fake("yum", "echo repo id; echo base/x 1");
        node.fake("rpm", "");
        let url = "sed -e 's/^url = \"//' -e 's/\"$//'";
        node.fake(
            "curl",
            &format!(
                "url=$({url}); case $url in file://*) [ -e $ROOT/run/trainyard/packages/packages.lock ];; *) {cache};; esac && echo '<repomd>'"
            ),
        );
        let verify = fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/repositories/verify.sh"),
        );
        node.write("etc/trainyard/stages/repositories/verify.sh", &verify.expect("a script"));
        node.write("etc/trainyard/pinned.repo", &pinned(true));
        node.write("etc/yum.repos.d/trainyard.repo", &pinned(true));
        let checks = node.checks("repositories");
        let (_, ok, detail) = checks.iter().find(|check| check.0 == answer).expect("the check");
        assert_eq!((*ok, detail.as_str()), told.map_or_else(|e| (false, e), |d| (true, d)));
        let mounted = node.read("proc/self/mounts").contains("/dev/sr1");
        assert_eq!(mounted, discs == [OURS], "{checks:?}");
    }
}

/// yum takes no metadata that are older than what it has kept, and says nothing of it by how it ends: what is of another lock goes first.
#[test]
fn what_yum_has_kept_of_another_lock_is_forgotten() {
    let node = node(true, &[OURS], "");
    let cleans = |node: &Node| -> Vec<bool> {
        let _ = fs::remove_file(node.path("installed/etcd"));
        node.expect(0, &["run", "--force"]);
        let calls = node.calls().into_iter().filter(|it| it.starts_with("yum"));
        calls.map(|it| it.ends_with(" clean metadata")).collect()
    };
    let first = cleans(&node);
    assert!(first[0] && !first[1..].contains(&true), "{first:?}");
    let same = cleans(&node);
    assert!(!same.is_empty() && !same.contains(&true), "{same:?}");
    // The lab is locked no more, and then by the same lock again.
    for text in [pinned(true).replace("#lock=", "#no="), pinned(true)] {
        node.stage(
            "repositories",
            "package release\nfile 0644 root root /etc/trainyard/pinned.repo\n",
            &[("files/etc/trainyard/pinned.repo", &text)],
        );
        let changed = cleans(&node);
        assert_eq!(changed.iter().filter(|it| **it).count(), 1, "{changed:?}");
    }
}
