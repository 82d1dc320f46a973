//! The node's runner, as it is installed, in a folder that plays the machine: a small stage tree, and
//! recording fakes for every program that would touch a real one.

mod bundle;
mod custom;
mod cut_off;
mod endpoints;
mod first_start;
mod network;
mod network_up;
mod node;
mod order;
mod packages;
mod placing;
mod told;
mod verified;
mod verify;
mod verify_cases;
mod verify_stages;
mod volumes;
mod wrong_machine;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use node::{Node, PASSWORD};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn stages_run_in_their_order_and_only_when_something_changed() {
    let node = Node::new();
    node.stage("zebra", "", &[]);
    node.stage("apple", "parameter size 4096 MiB\n", &[]);
    node.write(
        "etc/trainyard/stages/apple/configure.sh",
        "echo \"apple $PARAMETER_size $TRAINYARD_ROLE\" >>$ROOT/calls\n",
    );
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["configure zebra", "apple 4096 MiB controller"]);
    let said = node.expect(0, &["run"]);
    assert!(said.contains("[2/2] apple: done before"), "{said}");
    assert!(node.calls().is_empty());

    node.write("etc/trainyard/stages/apple/manifest", "parameter size 8192\n");
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["apple 8192 controller"]);
    node.expect(0, &["run", "--force", "zebra"]);
    assert_eq!(node.calls(), ["configure zebra"]);
}

#[test]
fn a_secret_reaches_its_file_and_nothing_else() {
    let node = Node::new();
    let manifest = "secret RABBIT_PASS\nfile 0640 root root /etc/nova/nova.conf\ndatabase nova_api nova RABBIT_PASS\n";
    let content =
        "url = rabbit://openstack:@SECRET_RABBIT_PASS@@controller # @SECRET_RABBIT_PASS@\nlast";
    node.stage("nova", manifest, &[("files/etc/nova/nova.conf", content)]);
    let said = node.expect(0, &["run"]);
    let written = format!("url = rabbit://openstack:{PASSWORD}@controller # {PASSWORD}\nlast");
    assert_eq!(node.read("etc/nova/nova.conf"), written);
    assert_eq!(mode(&node.path("etc/nova/nova.conf")), 0o640);
    assert_eq!(mode(&node.path("etc/nova")), 0o755);
    assert_eq!(mode(&node.path("var/log/trainyard/nova.log")), 0o600);
    let sql = node.read("sql");
    assert!(sql.contains("CREATE DATABASE IF NOT EXISTS `nova_api`;"), "{sql}");
    for host in ["localhost", "%"] {
        let grant = format!("ON `nova_api`.* TO 'nova'@'{host}' IDENTIFIED BY '{PASSWORD}';");
        assert!(sql.contains(&grant), "{sql}");
    }
    for (what, text) in [
        ("output", said),
        ("log", node.read("var/log/trainyard/nova.log")),
        ("status", node.read("var/lib/trainyard/status.json")),
        ("mark", node.read("var/lib/trainyard/done/nova")),
        ("command lines", node.read("calls")),
    ] {
        assert!(!text.contains(PASSWORD), "the secret is in the {what}: {text}");
    }

    node.calls();
    node.write("etc/trainyard/secrets.env", "RABBIT_PASS=another1\n");
    node.expect(0, &["run"]);
    assert!(
        node.read("etc/nova/nova.conf").contains("another1"),
        "a changed secret is a changed input"
    );
    assert!(node.calls().contains(&"configure nova".to_owned()));
}

#[test]
fn a_failed_stage_is_named_and_the_next_run_continues_there() {
    let node = Node::new();
    node.stage("first", "", &[]);
    node.stage("broken", "", &[]);
    node.stage("last", "require broken\n", &[]);
    let folder = "etc/trainyard/stages/broken";
    node.write(
        &format!("{folder}/configure.sh"),
        "echo try >>$ROOT/calls; printf 'no \"route\" \\320\\n' >&2; false\n",
    );
    let said = node.expect(6, &["run"]);
    for part in [
        "`broken` failed while configuring: no \"route\"",
        "/var/log/trainyard/broken.log",
        "attempt 1 of 2",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    assert_eq!(node.calls(), ["configure first", "try", "try"]);
    let state = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(
        node.status(),
        [state("first", "done"), state("broken", "failed"), state("last", "blocked")]
    );

    node.write(&format!("{folder}/configure.sh"), "echo mended >>$ROOT/calls\n");
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["mended", "configure last"]);
    assert!(node.status().iter().all(|(_, state)| state == "done"));
    assert!(
        node.expect(0, &["status"])
            .lines()
            .nth(3)
            .is_some_and(|l| l.starts_with("broken") && l.contains(" done "))
    );
}

#[test]
fn a_stage_that_hangs_is_ended_and_a_need_that_is_not_met_is_named() {
    let node = Node::new();
    node.stage("slow", "limit 1\n", &[]);
    node.write("etc/trainyard/stages/slow/prepare.sh", "sleep 60\n");
    let said = node.expect(6, &["run"]);
    assert!(said.contains("`slow` failed while preparing: more than 1 s"), "{said}");

    let node = Node::new();
    node.stage("needy", "need 127.0.0.1 1\n", &[]);
    node.write("etc/trainyard/node.env", "TRAINYARD_NODE=controller\nTRAINYARD_NEED_LIMIT=0\n");
    let said = node.expect(6, &["run"]);
    assert!(said.contains("127.0.0.1:1 did not answer"), "{said}");
}

#[test]
fn status_100_means_done_then_reboot_then_continue() {
    let node = Node::new();
    node.stage("upgrade", "", &[("prepare.sh", "exit 0\n")]);
    node.stage("after", "", &[]);
    node.write("etc/trainyard/stages/upgrade/configure.sh", "exit 100\n");
    node.expect(3, &["run"]);
    assert_eq!(node.calls(), ["systemctl reboot"]);
    assert_eq!(node.status()[0].1, "done");
    node.boot();
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["configure after"]);

    // Only configure.sh may ask for it: elsewhere 100 is some program's failure.
    node.write("etc/trainyard/stages/after/prepare.sh", "exit 100\n");
    node.expect(6, &["run"]);
    assert!(node.calls().is_empty());
}

#[test]
fn a_stage_knows_the_disk_that_the_installer_left_to_it() {
    let node = Node::new();
    node.stage("volumes", "", &[]);
    let script = "echo \"disk ${TRAINYARD_DATA_DISK:-none}\" >>$ROOT/calls\n";
    node.write("etc/trainyard/stages/volumes/configure.sh", script);
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), ["disk none"]);
    node.write("etc/trainyard/data-disk", "/dev/disk/by-id/ata-X_1\n");
    node.expect(0, &["run", "--force"]);
    assert_eq!(node.calls(), ["disk /dev/disk/by-id/ata-X_1"]);
}

#[test]
fn nothing_reboots_the_installer() {
    let node = Node::new();
    node.stage("hook-mine", "", &[]);
    node.write("etc/trainyard/stages/hook-mine/configure.sh", "exit 100\n");
    node.write(
        "etc/trainyard/node.env",
        "TRAINYARD_NODE=controller\nTRAINYARD_REBOOT=no\nTRAINYARD_ATTEMPTS=1\n",
    );
    let said = node.expect(6, &["run"]);
    let told = "`hook-mine` failed while configuring: it asks for a reboot, and there is none here (exit status 100)";
    assert!(said.contains(told) && !said.contains("attempt"), "{said}");
    assert!(node.calls().is_empty());
    assert_eq!(node.status()[0].1, "failed");
}

#[test]
fn a_folder_is_not_taken_for_a_file_and_no_other_file_is_lost() {
    let node = Node::new();
    let manifest = "file 0644 root root /etc/x.new\nfile 0644 root root /etc/x\n";
    node.stage("site", manifest, &[("files/etc/x.new", "new\n"), ("files/etc/x", "x\n")]);
    node.expect(0, &["run"]);
    assert_eq!((node.read("etc/x.new"), node.read("etc/x")), ("new\n".into(), "x\n".into()));
    fs::remove_file(node.path("etc/x")).expect("removed");
    fs::create_dir(node.path("etc/x")).expect("a folder");
    let said = node.expect(6, &["run", "--force"]);
    assert!(said.contains("/etc/x is a folder, and is to be a file"), "{said}");
    assert_eq!(fs::read_dir(node.path("etc/x")).expect("a folder").count(), 0);
}

#[test]
fn place_installs_files_alone_without_secrets_and_without_systemd() {
    let node = Node::new();
    let manifest = "package chrony\nservice x.service\nfile 0600 root root /etc/hosts\n";
    node.stage("host-network", manifest, &[("files/etc/hosts", "10.0.0.11 controller\n")]);
    node.stage(
        "needs-secret",
        "file 0644 root root /etc/x\n",
        &[("files/etc/x", "@SECRET_RABBIT_PASS@\n")],
    );
    fs::remove_file(node.path("etc/trainyard/secrets.env")).expect("removed");
    node.write("etc/hosts", "old\n");
    node.expect(0, &["place", "host-network"]);
    assert_eq!(node.read("etc/hosts"), "10.0.0.11 controller\n");
    assert_eq!(mode(&node.path("etc/hosts")), 0o600);
    assert!(node.read("calls").contains("restorecon -RF"), "labels");
    assert!(node.calls().is_empty());
    let said = node.expect(1, &["place", "needs-secret"]);
    assert!(said.contains("RABBIT_PASS"), "{said}");
    assert!(!node.path("etc/x").exists());
}

#[test]
fn copies_of_the_kickstart_are_removed_before_any_stage() {
    let node = Node::new();
    let copies = [
        "root/anaconda-ks.cfg",
        "root/original-ks.cfg",
        "tmp/ks-script-a1b2",
        "tmp/ks-script-c3d4",
    ];
    for path in copies {
        node.write(path, PASSWORD);
    }
    node.stage("first", "", &[]);
    node.write(
        "etc/trainyard/stages/first/configure.sh",
        "ls $ROOT/root $ROOT/tmp >>$ROOT/calls; false\n",
    );
    node.expect(6, &["run"]);
    assert!(copies.iter().all(|path| !node.path(path).exists()));
    assert!(!node.read("calls").contains("ks-script"), "removed before the first stage");
}

#[test]
fn services_start_and_restart_when_a_file_changed() {
    let node = Node::new();
    let manifest = "service chronyd.service\nfile 0644 root root /etc/chrony.conf\n";
    node.stage("time", manifest, &[("files/etc/chrony.conf", "server a iburst\n")]);
    node.expect(0, &["run"]);
    let calls = |action: &str| {
        [
            "systemctl daemon-reload",
            "systemctl enable chronyd.service",
            &format!("systemctl {action} chronyd.service"),
            "configure time",
        ]
        .map(str::to_owned)
    };
    assert_eq!(node.calls(), calls("restart"));
    node.expect(0, &["run", "--force"]);
    assert_eq!(node.calls(), calls("start"));

    // A change that met a failure is not forgotten by the attempt that succeeds.
    node.write("etc/trainyard/stages/time/files/etc/chrony.conf", "server b iburst\n");
    node.write(
        "etc/trainyard/stages/time/prepare.sh",
        "[ -e $ROOT/tried ] || { : >$ROOT/tried; false; }\n",
    );
    node.expect(0, &["run"]);
    assert_eq!(node.calls(), calls("restart"));
}

/// A file that only a script can make counts like those of the stage.
#[test]
fn services_restart_when_a_script_changed_a_file() {
    let node = Node::new();
    node.stage("time", "service chronyd.service\n", &[]);
    let prepare = |server: &str| {
        node.write(
            "etc/trainyard/stages/time/prepare.sh",
            &format!(
                "set -e; . $TRAINYARD_LIB; put_file 0644 root root /etc/own.conf <(echo {server}) \"$TRAINYARD_CHANGED\"\n"
            ),
        );
    };
    let restarts =
        || node.calls().iter().filter(|call| *call == "systemctl restart chronyd.service").count();
    prepare("a");
    node.expect(0, &["run"]);
    assert_eq!((restarts(), node.read("etc/own.conf").as_str()), (1, "a\n"));
    node.expect(0, &["run", "--force"]);
    assert_eq!(restarts(), 0);
    prepare("b");
    node.expect(0, &["run"]);
    assert_eq!((restarts(), node.read("etc/own.conf").as_str()), (1, "b\n"));
}

#[test]
fn packages_are_installed_once_and_a_missing_one_is_told() {
    let node = Node::new();
    node.write("installed/etcd", "");
    node.stage("tools", "package etcd\npackage mariadb\npackage python2-PyMySQL\n", &[]);
    node.expect(0, &["run"]);
    assert_eq!(
        node.calls()[0],
        "yum -y --disableplugin=fastestmirror install mariadb python2-PyMySQL"
    );
    node.stage("ghosts", "package ghost\n", &[]);
    let said = node.expect(6, &["run"]);
    assert!(said.contains("did not install ghost"), "{said}");
}

#[test]
fn only_pinned_repositories_whose_key_is_there_are_in_use() {
    let node = Node::new();
    let pinned = "# ours\n\n[base]\nbaseurl=http://a/\n        http://b/\ngpgkey=file:///etc/pki/7\n\n[train]\nbaseurl=http://c/\ngpgkey=file:///etc/pki/cloud\n";
    node.stage("early", "package tool\n", &[]);
    node.stage(
        "repositories",
        "package release\nfile 0644 root root /etc/trainyard/pinned.repo\n",
        &[("files/etc/trainyard/pinned.repo", pinned)],
    );
    node.write("etc/pki/7", "key");
    node.write("etc/yum.repos.d/CentOS-Base.repo", "[base]\nmirrorlist=http://dead/\n");
    // What a centos-release package brings, and what yum had to go by when it ran.
    let fake = "#!/bin/sh\ncat $ROOT/etc/yum.repos.d/*.repo >>$ROOT/seen\n\
                for p; do : >$ROOT/installed/$p; done\n\
                case $* in *release*) : >$ROOT/etc/pki/cloud; echo [train] >$ROOT/etc/yum.repos.d/CentOS-Train.repo;; esac\n";
    node.write("fakes/yum", fake);
    node.expect(0, &["run"]);
    let seen = node.read("seen");
    assert!(seen.contains("#mirrorlist=") && !seen.contains("\nmirrorlist="), "{seen}");
    assert!(
        seen.contains("\n[base]\nbaseurl=http://a/\n        http://b/\ngpgkey")
            && !seen.contains("train"),
        "{seen}"
    );
    assert!(node.read("etc/yum.repos.d/trainyard.repo").contains("\n[train]\nbaseurl=http://c/\n"));
    assert_eq!(node.read("etc/yum.repos.d/CentOS-Train.repo"), "#[train]\n");
}

#[test]
fn ports_open_permanently_and_now_and_the_firewall_is_never_reloaded() {
    let node = Node::new();
    node.stage("database", "firewall 3306 tcp 10.0.0.0/24\nfirewall 80 tcp any\n", &[]);
    node.write("firewalld", "");
    node.expect(0, &["run"]);
    let calls = node.calls();
    let limited = "rule family=\"ipv4\" source address=\"10.0.0.0/24\" port port=\"3306\" protocol=\"tcp\" accept";
    let open = "rule port port=\"80\" protocol=\"tcp\" accept";
    for rule in [limited, open] {
        for call in [
            format!("firewall-cmd --permanent --add-rich-rule={rule}"),
            format!("firewall-cmd --add-rich-rule={rule}"),
        ] {
            assert!(calls.contains(&call), "`{call}` is missing: {calls:?}");
        }
    }
    assert!(!calls.iter().any(|call| call.contains("--reload")));

    fs::remove_file(node.path("firewalld")).expect("stopped");
    node.expect(0, &["run", "--force"]);
    assert!(node.calls().contains(&format!("firewall-offline-cmd --add-rich-rule={limited}")));
}

#[test]
fn misuse_is_told() {
    let node = Node::new();
    node.stage("good", "", &[]);
    assert!(node.expect(0, &["--help"]).contains("trainyard-node run"));
    assert!(node.expect(2, &["run", "nope"]).contains("no stage `nope`"));
    assert!(node.expect(2, &["fly"]).contains("no command `fly`"));
    node.expect(2, &["run", "--nope"]);
    node.expect(2, &["place"]);
    node.expect(2, &["status", "--format", "xml"]);
}

/// Every file that a node runs: the runner, the unit, the stages' scripts and unit drop-ins.
fn node_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let stages = list(&root.join("stack")).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = stages.flat_map(|stage| list(&stage)).collect();
    files.retain(|path| {
        let text = fs::read_to_string(path).expect("UTF-8");
        text.starts_with("#!") || text.contains("[Service]\n") || text.contains("[Unit]\n")
    });
    files.extend(list(&root.join("scripts/node")));
    files
}

#[test]
fn what_runs_on_nodes_uses_only_what_centos_7_has() {
    let lint = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev/lint-el7.sh");
    let files = node_files();
    assert!(files.len() > 20, "{files:?}");
    for file in &files {
        // They travel in a kickstart, which the installer reads with Python 2.
        assert!(fs::read(file).expect("a file").is_ascii(), "{} is not ASCII", file.display());
    }
    for arguments in [vec![PathBuf::from("--self-test")], files] {
        let output = Command::new("/bin/bash").arg(&lint).args(arguments).output().expect("bash");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
