//! yum: from the next mirror after a failure, and what one that was cut off leaves behind.

use crate::node::Node;

const PINNED: &str = "# ours\n\n[base]\nbaseurl=http://a/\n        http://b/\n        http://c/\nenabled=1\ngpgkey=file:///etc/pki/7\n\n[one]\nbaseurl=http://d/\ngpgcheck=0\n";

/// A node with three mirrors, whose yum notes the first one and then does what `body` says.
fn node(body: &str) -> Node {
    let node = Node::new();
    node.stage(
        "repositories",
        "package release\nfile 0644 root root /etc/trainyard/pinned.repo\n",
        &[("files/etc/trainyard/pinned.repo", PINNED)],
    );
    node.write("etc/pki/7", "key");
    let first =
        "sed -n 's/^baseurl=//p' $ROOT/etc/yum.repos.d/trainyard.repo | tr '\\n' ' ' >>$ROOT/asked";
    let install = "shift 3; for p; do : >$ROOT/installed/$p; done";
    node.fake("yum", &format!("{first}\n{body}\n{install}"));
    node
}

#[test]
fn each_attempt_begins_with_the_next_mirror_and_the_file_ends_as_the_lab_has_it() {
    let node = node("grep -q =http://b/ $ROOT/etc/yum.repos.d/trainyard.repo || exit 1");
    node.stage("tools", "package etcd\n", &[]);
    let said = node.expect(0, &["run"]);
    assert!(!said.contains("attempt 1 of 2 failed while"), "it is no failure of the stage: {said}");
    // The second stage goes on where the first one found an answer.
    assert_eq!(node.read("asked"), "http://a/ http://d/ http://b/ http://d/ http://b/ http://d/ ");
    let log = node.expect(0, &["logs", "repositories"]);
    assert!(log.contains("failed; the next one, from the next mirror"), "{log}");
    let left = node.read("etc/yum.repos.d/trainyard.repo");
    assert!(
        left.contains(
            "[base]\nbaseurl=http://a/\n        http://b/\n        http://c/\nenabled=1\n"
        ),
        "{left}"
    );
    assert!(left.contains("[one]\nbaseurl=http://d/\ngpgcheck=0\n"), "{left}");
}

const CACHE: &str = "http://10.0.0.1:8080";
const CACHED: &str = "http://10.0.0.1:8080/packages/base/";

/// A node with a cache before its mirrors, whose yum notes where it asks, in order.
fn node_with_cache(yum: &str, curl: &str) -> Node {
    let places = "sed -n '/^\\[base/,/^enabled/s/^\\(baseurl=\\|  *\\)//p' $ROOT/etc/yum.repos.d/trainyard.repo | tr '\\n' ' '";
    let node = node(&format!("echo $({places}) >>$ROOT/places\n{yum}"));
    let pinned = PINNED.replace("=http://a/\n", &format!("={CACHED}\n        http://a/\n"));
    let pinned = pinned.replace("# ours\n", &format!("# ours\n#cache={CACHE}\n"));
    node.write("etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo", &pinned);
    node.fake("curl", curl);
    node
}

/// Whatever a cache answers, it is asked once in a stage, and stands on the disk as the lab has it.
#[test]
fn a_cache_is_asked_first_as_long_as_it_answers() {
    for answers in [true, false] {
        let node = node_with_cache("", if answers { "" } else { "exit 7" });
        let configure = "set -eu\n. \"$TRAINYARD_LIB\"\npin_repositories\nyum_run makecache\n";
        node.write("etc/trainyard/stages/repositories/configure.sh", configure);
        node.expect(0, &["run"]);
        let calls = node.calls();
        let asked = calls.iter().filter(|it| it.ends_with(&format!(" {CACHE}/packages/"))).count();
        assert_eq!(asked, 1, "{calls:?}");
        let mirrors = "http://a/ http://b/ http://c/\n";
        let places = if answers { format!("{CACHED} {mirrors}") } else { mirrors.into() };
        assert_eq!(node.read("places"), places.repeat(2), "of both, install and makecache");
        let left = node.read("etc/yum.repos.d/trainyard.repo");
        assert!(left.contains(&format!("baseurl={CACHED}\n        http://a/\n")), "{left}");
        assert!(left.contains("[one]\nbaseurl=http://d/\n"), "{left}");
    }
}

/// What fails is more often a mirror. A cache that lists what is gone everywhere lets every attempt fail that begins with it: the last
/// one does not.
#[test]
fn a_cache_stays_first_until_the_last_attempt() {
    let second = "[ -e $ROOT/tried ] || { : >$ROOT/tried; exit 1; }";
    let mirrors_first = "grep -q '=http://[abc]/' $ROOT/etc/yum.repos.d/trainyard.repo || exit 1";
    let (ab, bc, ca) = (
        "http://a/ http://b/ http://c/",
        "http://b/ http://c/ http://a/",
        "http://c/ http://a/ http://b/",
    );
    let first = |mirrors: &str| format!("{CACHED} {mirrors}\n");
    let last = format!("{ca} {CACHED}\n");
    for (yum, wanted) in [
        (second, vec![first(ab), first(bc), first(bc)]),
        (
            mirrors_first,
            vec![first(ab), first(bc), last, first(ca), first(ab), format!("{bc} {CACHED}\n")],
        ),
    ] {
        let node = node_with_cache(yum, "");
        node.write("etc/trainyard/node.env", "TRAINYARD_NODE=controller\nTRAINYARD_ATTEMPTS=3\n");
        node.stage("tools", "package etcd\n", &[]);
        node.expect(0, &["run"]);
        assert_eq!(node.read("places"), wanted.concat(), "{yum}");
    }
}

#[test]
fn a_mirror_that_stalls_costs_the_limit_and_not_the_node() {
    let node = node("grep -q =http://b/ $ROOT/etc/yum.repos.d/trainyard.repo || sleep 60");
    node.write("etc/trainyard/node.env", "TRAINYARD_NODE=controller\nTRAINYARD_YUM_LIMIT=1\n");
    node.expect(0, &["run"]);
    assert_eq!(node.read("asked"), "http://a/ http://d/ http://b/ http://d/ ");
}

/// A library in two versions, a kernel in two by right, and keys.
const RPM: &str = "case $1 in -qa) printf '%s\\n' '1002 kernel.x86_64 kernel-3-2.x86_64' '1000 glibc.x86_64 glibc-2-1.x86_64' \
    '900 kernel.x86_64 kernel-3-1.x86_64' '900 glibc.x86_64 glibc-1-1.x86_64' '999 old.x86_64 old-1-1.x86_64' \
    '1001 etcd.x86_64 etcd-3-1.x86_64' '1003 gpg-pubkey.(none) gpg-pubkey-1-1.(none)';;\n\
    -e) echo \"$*\" >>$ROOT/erased;; ";
const REINSTALL: &str = "yum -y --disableplugin=fastestmirror reinstall glibc-2-1.x86_64 etcd-3-1.x86_64 kernel-3-2.x86_64";

/// The calls, without the line ends of rpm's formats.
fn calls(node: &Node) -> Vec<String> {
    node.calls().into_iter().filter(|call| !call.is_empty()).collect()
}

#[test]
fn what_a_yum_that_was_cut_off_installed_is_installed_again() {
    let node = node("");
    node.write("var/lib/trainyard/yum-runs", "1000\n");
    node.write("var/lib/rpm/__db.001", "");
    node.fake("rpm", &format!("{RPM}*) [ -e \"$ROOT/installed/$3\" ];; esac"));
    let said = node.expect(0, &["run"]);
    let calls = calls(&node);
    assert_eq!(node.read("erased"), "-e --nodeps --noscripts glibc-1-1.x86_64\n", "{said}");
    assert_eq!(calls[0], REINSTALL, "{calls:?}");
    assert_eq!(calls[1], "yum -y --disableplugin=fastestmirror install release");
    assert!(!node.path("var/lib/rpm/__db.001").exists());
    assert!(!node.path("var/lib/trainyard/yum-runs").exists());
    let log = node.expect(0, &["logs", "repositories"]);
    assert!(log.contains("yum was cut off at 1970-01-01T00:16:40Z"), "{log}");
}

/// Until all of it is good, it stays known since when it is not.
#[test]
fn a_healing_that_is_cut_off_begins_again_at_the_same_place() {
    for (yum, healed) in [("exit 1", false), ("kill -KILL $$", false), ("", true)] {
        let node = node(&format!("case $* in *reinstall*) {yum};; esac"));
        let installed = format!("{RPM}*) [ -e \"$ROOT/installed/$3\" ];; esac");
        node.fake("rpm", &installed);
        node.write("var/lib/trainyard/yum-runs", "1000\n");
        node.expect(if healed { 0 } else { 6 }, &["run"]);
        assert_eq!(
            node.read("var/lib/trainyard/yum-runs"),
            if healed { "" } else { "1000\n" },
            "{yum}"
        );
        assert_eq!(node.path("var/lib/trainyard/yum-runs").exists(), !healed);
        let log = node.expect(0, &["logs", "repositories"]);
        let told = "what yum did not finish is not installed again yet: glibc-2-1.x86_64 etcd-3-1.x86_64 kernel-3-2.x86_64";
        assert_eq!(log.contains(told), !healed, "{log}");
    }
    // One of which nothing is known but when it was written.
    let node = node("");
    node.fake("rpm", &format!("{RPM}*) [ -e \"$ROOT/installed/$3\" ];; esac"));
    node.write("var/lib/trainyard/yum-runs", "");
    node.shell("touch -d @1001 $ROOT/var/lib/trainyard/yum-runs");
    node.expect(0, &["run"]);
    assert_eq!(calls(&node)[0], REINSTALL.replace("glibc-2-1.x86_64 ", ""));
}

#[test]
fn a_yum_that_is_killed_is_known_to_the_next_one_and_one_that_fails_is_not() {
    let node = node("exit 1");
    node.expect(6, &["run"]);
    assert!(!node.path("var/lib/trainyard/yum-runs").exists());
    let node = self::node("kill -KILL $$");
    node.expect(6, &["run"]);
    assert!(node.path("var/lib/trainyard/yum-runs").exists());
}

/// What yum noted of a package when it installed it: files without an end of their line.
pub fn noted(node: &Node, folder: &str, kind: &str, checksum: &str) {
    let folder =
        format!("var/lib/yum/yumdb/{}/{folder}", folder.split('-').nth(1).expect("a name"));
    for (name, value) in
        [("checksum_type", kind), ("checksum_data", checksum), ("from_repo", "anaconda")]
    {
        node.write(&format!("{folder}/{name}"), value);
    }
}

#[test]
fn what_is_installed_is_told_a_line_a_package() {
    let node = Node::new();
    let rpm = |packages: &[&str]| {
        let lines: String = packages.iter().map(|it| format!("{it}\\n")).collect();
        node.fake("rpm", &format!("[ \"$1\" = -qa ] && printf '{lines}'"));
    };
    rpm(&["b-lib++ 0 2~rc1 1.el7 noarch", "a 1 1 1.el7 x86_64"]);
    let unknown = "a 1 1 1.el7 x86_64 -\nb-lib++ 0 2~rc1 1.el7 noarch -\n";
    assert_eq!(node.expect(0, &["packages"]), unknown);
    let calls = node.read("calls");
    assert!(
        calls.contains("--queryformat %{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH}"),
        "{calls}"
    );

    let (one, two) = ("1a".repeat(32), "2b".repeat(32));
    noted(&node, "0123abcd-a-1-1.el7-x86_64", "sha256", &one);
    noted(&node, "89efcdab-b-lib++-2~rc1-1.el7-noarch", "sha256", &two);
    // Of other packages, and of another version.
    noted(&node, "0f0f0f0f-a-1-2.el7-x86_64", "sha256", &two);
    noted(&node, "0f0f0f0f-lib++-2~rc1-1.el7-noarch", "sha256", &one);
    let known = format!("a 1 1 1.el7 x86_64 {one}\nb-lib++ 0 2~rc1 1.el7 noarch {two}\n");
    assert_eq!(node.expect(0, &["packages"]), known);
    // One that rpm removed and yum put back from elsewhere has two, and nobody knows which is right.
    noted(&node, "44444444-a-1-1.el7-x86_64", "sha256", &two);
    assert_eq!(node.expect(0, &["packages"]), known.replace(&one, "-"));

    let node_of = |kind: &str, checksum: &str| {
        let other = Node::new();
        other.fake("rpm", "[ \"$1\" = -qa ] && echo a 1 1 1.el7 x86_64");
        noted(&other, "0123abcd-a-1-1.el7-x86_64", kind, checksum);
        other.expect(0, &["packages"])
    };
    for (kind, checksum) in
        [("sha", &"1a".repeat(20)), ("sha512", &"1a".repeat(64)), ("sha256", &"zz".repeat(32))]
    {
        assert_eq!(node_of(kind, checksum), "a 1 1 1.el7 x86_64 -\n", "{kind}");
    }
    assert!(node_of("sha256", &one).ends_with(&format!("{one}\n")));

    // What rpm does not say is not said to be all.
    node.fake("rpm", "echo a 1 1 1.el7 x86_64; echo rpmdb: damaged >&2; exit 1");
    node.expect(1, &["packages"]);
}

#[test]
fn whoever_logs_in_may_ask_what_is_installed_and_nothing_else() {
    let node = Node::new();
    node.fake("id", "echo 1000");
    node.fake("rpm", "[ \"$1\" = -qa ] && echo 'a 0 1 1.el7 x86_64'");
    let ask = |arguments: &[&str]| {
        let mut command = node.command(arguments);
        command.env("TRAINYARD_ROOT", "");
        command.env("TRAINYARD_LIB", node.path("usr/local/libexec/trainyard/stage-lib.sh"));
        let output = command.output().expect("bash");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    assert_eq!(ask(&["packages"]), (Some(0), "a 0 1 1.el7 x86_64 -\n".to_owned()));
    let (status, said) = ask(&["packages", "etcd"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.starts_with("trainyard-node: packages takes no argument\n"), "{said}");
    assert_eq!(ask(&["status"]), (Some(1), "error: `status` needs root\n".to_owned()));
}
