//! `trainyard lab` with real QEMUs: machines are made, found again, and taken away, whenever it is interrupted. Their disks are empty, so
//! nothing starts on them.

mod bridge;
mod cloud;
#[path = "../common/mod.rs"]
mod common;
mod death;
mod disks;
mod installed;
mod remembered;
mod running;
mod told;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, Instant};

use common::judged;
use running::{Machines, VERIFIED, tells};

#[test]
fn machines_are_made_once_and_down_leaves_nothing() {
    let lab = Machines::new();
    let planned = lab.done(&["lab", "up", "--dry-run"]).stdout;
    for line in
        ["controller: make its media", "compute: start it", "lab: open the way out of management"]
    {
        assert!(planned.lines().any(|it| it == line), "{line}\n{planned}");
    }
    let planned = lab.run(&["lab", "up", "--dry-run", "--image", "none.iso"]);
    for word in ["--via cloud", "--provider qemu", "none.iso` is no file"] {
        assert!(planned.stderr.contains(word), "{word}: {planned:?}");
    }
    assert_eq!(lab.run(&["lab", "down", "nosuch"]).status, 2);
    assert!(!lab.path(".trainyard").exists(), "it was only shown");

    lab.done(&["lab", "up", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    assert_eq!(lab.done(&["lab", "up", "--dry-run"]).stdout, "nothing is to be done\n");
    for (file, mode) in [
        ("", 0o700),
        ("nodes/compute", 0o700),
        ("nodes/compute/cidata.iso", 0o600),
        ("nodes/compute/system.qcow2", 0o600),
    ] {
        let found = fs::metadata(lab.machine(file)).expect(file).permissions().mode() & 0o777;
        assert_eq!(found & 0o077, 0, "{file} {found:o}");
        assert_eq!(found, mode, "{file}");
    }

    // What the server keeps of each, with its secrets.
    let kept = || fs::read_dir(lab.path(".trainyard/files")).map_or(0, Iterator::count);
    let of_both = kept();
    assert!(of_both >= 2 && of_both % 2 == 0, "{of_both}");

    // It goes on as it was begun.
    let otherwise = lab.run(&["lab", "up", "--no-wait", "--via", "seed"]);
    assert_eq!(otherwise.status, 8, "{otherwise:?}");
    assert!(otherwise.stderr.contains("begun with `--via cloud`, not `seed`"), "{otherwise:?}");

    // One anew; the other runs on.
    let inode = |file: &str| fs::metadata(lab.machine(file)).expect(file).ino();
    let other = inode("nodes/controller/qmp");
    let mark = lab.machine("nodes/compute/mark");
    fs::write(&mark, "").expect("written");
    lab.done(&["lab", "rebuild", "compute", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    assert_eq!(inode("nodes/controller/qmp"), other);
    assert!(!mark.exists(), "its folder is another one");

    // One that was switched off is started as it is; one that was stopped goes on.
    let own = inode("nodes/compute/system.qcow2");
    lab.qmp("compute", "quit");
    lab.qmp("controller", "stop");
    lab.wait_for(&["controller paused", "compute off"]);
    lab.done(&["lab", "up", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    assert_eq!((inode("nodes/controller/qmp"), inode("nodes/compute/system.qcow2")), (other, own));

    // What is left of one whose folder was being removed is no machine.
    lab.qmp("compute", "quit");
    lab.wait_for(&["controller running", "compute off"]);
    for file in ["whole", "system.qcow2"] {
        fs::remove_file(lab.machine(&format!("nodes/compute/{file}"))).expect(file);
    }
    lab.wait_for(&["controller running", "compute partial"]);
    lab.done(&["lab", "up", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);

    let steps = lab.done(&["lab", "down", "--dry-run"]).stdout;
    let at = |step: &str| {
        steps.lines().position(|it| it == step).unwrap_or_else(|| panic!("{step}: {steps}"))
    };
    assert!(at("compute: note that it is going") < at("compute: remove it with its disks"));
    assert_eq!(
        at("lab: remove the lab's folder, where nothing else is in it") + 1,
        steps.lines().count(),
        "what is remembered goes last"
    );
    assert_eq!(lab.done(&["lab", "down", "compute"]).status, 0);
    assert_eq!(lab.powers(), ["controller running", "compute missing"]);
    assert_eq!(kept(), of_both / 2, "the controller's");
    let told = lab.done(&["lab", "status", "compute"]).stdout;
    assert!(told.ends_with("  compute  new  its machine is taken away\n"), "{told}");
    // One that was armed by another server is that one's.
    let other = lab.path(".trainyard/files/0123.ks");
    fs::write(&other, "").expect("written");
    lab.done(&["lab", "down"]);
    lab.nothing_is_left();
    assert_eq!(kept(), 1);
    fs::remove_file(&other).expect("it stays");
    assert_eq!(lab.done(&["lab", "down"]).stdout, "nothing is to be done\n");
}

/// Networks whose switch or way out has died are connected again, and machines that run are plugged into them.
#[test]
fn networks_that_died_come_back() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    for pid in
        lab.processes().into_iter().filter(|(_, line)| !line.contains("-cpu")).map(|(pid, _)| pid)
    {
        lab.kill(pid);
    }
    assert!(lab.processes().iter().all(|(_, line)| line.contains("-cpu")), "only machines");
    let steps = lab.done(&["lab", "up", "--no-wait"]).stderr;
    assert!(
        steps.contains("connect the network management") && !steps.contains("start it"),
        "{steps}"
    );
    let running = lab.processes();
    assert!(
        running.iter().any(|(_, line)| line.contains("lab switch"))
            && running.iter().any(|(_, line)| line.contains("way out"))
    );
}

#[test]
fn what_a_snapshot_kept_comes_back() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let off = || {
        for node in ["controller", "compute"] {
            lab.qmp(node, "quit");
        }
        lab.wait_for(&["controller off", "compute off"]);
    };
    // Nothing on these disks hears a button.
    off();
    assert_eq!(lab.done(&["lab", "snapshot"]).stdout, "controller  \ncompute  \n");
    let all = "controller  first\ncompute  first\n";
    assert_eq!(lab.done(&["lab", "snapshot", "first"]).stdout, all);
    assert_eq!(lab.powers(), ["controller off", "compute off"], "they were off before");
    assert_eq!(lab.done(&["lab", "snapshot", "first"]).stdout, all, "the newer one stays");
    lab.disk("compute", "write -P 171 0 4096");
    lab.disk("compute", "read -P 171 0 4096");
    let unknown = lab.run(&["lab", "restore", "second"]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("controller has no snapshot `second`"), "{unknown:?}");
    lab.done(&["lab", "restore", "first"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    off();
    lab.disk("compute", "read -P 0 0 4096");
    assert_eq!(lab.run(&["lab", "snapshot", "-x"]).status, 2, "an option is no name");
}

#[test]
fn nodes_that_have_changed_are_told_and_made_anew() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let none = "no node has changed since its machine was made\n";
    assert_eq!(lab.done(&["lab", "diff"]).stdout, none);
    lab.change("compute: {cpus: 2, memory: 4GiB", "compute: {cpus: 2, memory: 2GiB");
    let told = lab.done(&["lab", "diff"]).stdout;
    assert_eq!(told, "compute: hardware.memory_mib: 4096 -> 2048\n");
    let steps = lab.done(&["lab", "rebuild", "--changed", "--no-wait"]).stderr;
    assert!(steps.contains("compute: start it") && !steps.contains("controller: "), "{steps}");
    assert_eq!(lab.done(&["lab", "diff"]).stdout, none);
    assert!(lab.processes().iter().any(|(_, line)| line.contains(" -m 2048 ")));
}

#[test]
fn what_is_collected_holds_no_secret() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let secret = lab.secrets().into_iter().find(|it| it.len() < 60).expect("a password");
    // A console may say anything.
    let console = lab.machine("nodes/compute/console.log");
    fs::write(&console, format!("booting\nthe password is {secret}\nand $6$salt$Hash/. too\n"))
        .expect("written");
    // The lab's server has ended with `lab up`: what it has kept is there.
    let told = lab.path(".trainyard/logs/compute.0.log");
    fs::write(told, format!("anaconda asked for {secret}\n")).expect("written");
    // Nothing runs there that would answer: what ssh is asked is judged by itself, and answered by a script.
    let fetched = format!("==> /var/log/trainyard/time.log <==\nthe key is {secret}\n");
    let script = r#"#!/bin/sh
PATH=${PATH#*:} ssh -G "$@" >> asked || exit
case $* in
    *HostKeyAlias=compute*) cat fetched ;;
    *) echo 'kex: closed' >&2; exit 255 ;;
esac
"#;
    fs::write(lab.path("fetched"), &fetched).expect("written");
    let path = lab.path_with("ssh", script);
    let mut collect = lab.command(&["lab", "collect", "-i", "key"]);
    let said = judged({
        collect.env("PATH", path);
        collect
    });
    assert!(
        said.stderr.contains("controller: its own logs are left out: kex: closed\n"),
        "{said:?}"
    );
    assert!(!said.stderr.contains("compute: "), "{said:?}");
    let asked = fs::read_to_string(lab.path("asked")).expect("asked");
    for option in [
        "batchmode yes\n",
        "stricthostkeychecking true\n",
        "serveralivecountmax 8\n",
        &format!("userknownhostsfile {}\n", lab.machine("nodes/compute/host_keys").display()),
        "identityfile key\n",
    ] {
        assert!(asked.contains(option), "{option}\n{asked}");
    }
    let mut unpack = common::judge("tar");
    unpack.arg("-xzf").arg(lab.path("train-collected.tar.gz")).arg("-C").arg(lab.path("."));
    judged(unpack);
    let read = |file: &str| {
        fs::read_to_string(lab.path(&format!("train/{file}")))
            .unwrap_or_else(|e| panic!("{file}: {e}"))
    };
    assert_eq!(
        read("compute/console.log"),
        "booting\nthe password is (a secret)\nand (a hash) too\n"
    );
    assert!(read("versions.txt").contains("QEMU emulator version"));
    assert!(read("compute/plan.json").contains("\"name\":\"compute\""));
    assert!(read("status.json").contains("\"running\""));
    let json = |file: &str| serde_json::from_str::<serde_json::Value>(&read(file)).expect("JSON");
    assert_eq!(json("status.json")["machines"][0]["way"]["state"], "armed");
    let timeline = read("compute/timeline.log");
    for happened in [
        "  compute  armed  armed: what it is made by is ready for it",
        "  its machine is running\n",
    ] {
        assert!(timeline.contains(happened), "{timeline}");
    }
    assert!(!timeline.contains("controller"), "{timeline}");
    let events = json("events.json");
    let of: Vec<_> = events["events"].as_array().expect("events").iter().collect();
    assert!(of.iter().any(|it| it["node"] == "compute" && it["state"] == "armed"), "{events}");
    assert_eq!(read("compute/told.log"), "anaconda asked for (a secret)\n");
    assert_eq!(read("compute/stages.log"), fetched.replace(&secret, "(a secret)"));
    assert!(!lab.path("train/controller/stages.log").exists());
    assert!(
        fs::read(lab.path("train/controller/screen.png"))
            .expect("a picture")
            .starts_with(b"\x89PNG")
    );
    for file in ["status.json", "versions.txt", "compute/plan.json", "compute/console.log"] {
        let text = read(file);
        assert!(lab.secrets().iter().all(|secret| !text.contains(secret)), "{file}");
    }
    let again = lab.run(&["lab", "collect"]);
    assert_eq!(again.status, 8, "{again:?}");
}

#[test]
fn no_secret_is_in_a_command_line_or_in_the_plan() {
    let lab = Machines::new();
    let planned = lab.done(&["lab", "up", "--dry-run", "--format", "json"]).stdout;
    lab.done(&["lab", "up", "--no-wait"]);
    let lines: String = lab.processes().into_iter().map(|(_, line)| line).collect();
    assert!(lines.contains("nodes/compute/cidata.iso"), "{lines}");
    for secret in lab.secrets() {
        assert!(!planned.contains(&secret) && !lines.contains(&secret));
    }
}

#[test]
fn one_at_a_time_changes_a_lab() {
    let lab = Machines::new();
    let mut first = lab.begun(&["lab", "up", "compute"]);
    lab.wait_for(&["controller missing", "compute running"]);
    for words in [&["lab", "up", "--no-wait"][..], &["lab", "down"]] {
        let refused = lab.run(words);
        assert_eq!(refused.status, 8, "{refused:?}");
        assert!(refused.stderr.contains("another trainyard is at work"), "{refused:?}");
    }
    // What it would do may be asked; the ports that the other one has are the lab's own.
    let planned = lab.done(&["lab", "up", "--dry-run"]);
    assert!(planned.stdout.contains("controller: start it"), "{planned:?}");
    assert!(!planned.stderr.contains("another program"), "{planned:?}");
    first.kill().expect("killed");
    first.wait().expect("it ends");
    lab.done(&["lab", "down"]);
    lab.nothing_is_left();
}

/// What has a port of the lab's is told, and nothing is made.
#[test]
fn a_port_that_somebody_has_is_told_before_anything_is_made() {
    let lab = Machines::new();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", lab.port + 31)).expect("a port");
    let refused = lab.run(&["lab", "up", "--no-wait"]);
    assert_eq!(refused.status, 9, "{refused:?}");
    let port = format!("port 127.0.0.1:{}", lab.port + 31);
    assert!(
        refused.stderr.contains(&port) && refused.stderr.contains("--port-base"),
        "{refused:?}"
    );
    assert!(!lab.machine("").exists());
}

/// What machines are made from is looked at before anything is made, or taken away.
#[test]
fn without_its_image_nothing_is_made_and_nothing_is_lost() {
    let lab = Machines::new();
    let image = lab.path("empty.qcow2");
    fs::rename(&image, lab.path("elsewhere")).expect("moved");
    let refused = lab.run(&["lab", "up", "--no-wait"]);
    assert_eq!(refused.status, 9, "{refused:?}");
    assert!(!lab.machine("").exists(), "{refused:?}");
    fs::rename(lab.path("elsewhere"), &image).expect("moved");
    lab.done(&["lab", "up", "--no-wait"]);
    fs::rename(&image, lab.path("elsewhere")).expect("moved");
    let refused = lab.run(&["lab", "rebuild", "compute", "--no-wait"]);
    assert_eq!(refused.status, 9, "{refused:?}");
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
}

/// What a node says when it is done, `lab up` hears by its server, as the server tells it.
#[test]
fn a_lab_is_up_when_its_nodes_are_verified() {
    let lab = Machines::new();
    let up = lab.listened(&["lab", "up", "compute", "--patience", "30"]);
    lab.wait_for(&["controller missing", "compute running"]);
    let told_at = lab.armed("compute");
    let console = lab.machine("nodes/compute/console.log");
    let mut console =
        fs::File::options().append(true).create(true).open(console).expect("it is there");
    console.write_all(b"loading\r\n[    0.0] Linux version 3.10.0-1160.el7.x86_64 (x@y)\r\n\r\ncompute login: ").expect("written");
    std::thread::sleep(Duration::from_secs(2));
    let early = r#"{"ok": false, "at": "x", "passed": 1, "failed": ["a: b"], "again": true}"#;
    judged(tells(&told_at, early));
    std::thread::sleep(Duration::from_secs(2));
    judged(tells(&told_at, VERIFIED));
    let ended = up.wait_with_output().expect("it ends");
    let (out, said) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{said}");
    let early = "compute  1 of 1 stages done, not verified: 1 of 2 checks fail so far: a: b";
    assert!(said.contains(early) && said.contains("  all is up"), "{said}");
    let line = "compute  running  10.0.0.31  1 of 1 stages done, verified by 2 checks  trainyard lab ssh compute";
    assert!(out.lines().any(|it| it == line), "{out}");

    // All that became of it is in one list: its machine, what that said, and what it has told itself.
    let told = lab.done(&["lab", "status", "compute"]).stdout;
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some(line));
    let all: Vec<&str> = lines.filter_map(|it| it.splitn(4, "  ").nth(3)).collect();
    // When it was seen to run, before or after this test has armed it anew.
    let (runs, happened): (Vec<&str>, Vec<&str>) =
        all.iter().partition(|it| it.ends_with("  its machine is running"));
    assert_eq!(runs.len(), 1, "{told}");
    let armed = "armed  armed: what it is made by is ready for it";
    let wanted = [
        armed,
        armed,
        "armed  its console begins: loading",
        "armed  its kernel begins: Linux version 3.10.0-1160.el7.x86_64",
        "armed  its console asks for a login: compute login:",
        "installed  installed; not verified: 1 of 2 checks fail so far: a: b; a: done",
        "installed  verified by 2 checks",
    ];
    assert_eq!(happened, wanted, "{told}");
    let data = lab.done(&["lab", "status", "compute", "--format", "json"]).stdout;
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    let machines = data["machines"].as_array().expect("machines");
    assert_eq!(machines.len(), 1, "{data}");
    assert_eq!(machines[0]["timeline"].as_array().map(Vec::len), Some(all.len()), "{data}");
    assert_eq!(lab.run(&["lab", "status", "comput"]).status, 2);
}

/// A machine that starts nothing is told of, in its time.
#[test]
fn a_node_that_never_says_a_word_is_a_failure_that_shows_what_there_is_to_see() {
    let lab = Machines::new();
    let begun = Instant::now();
    let failed = lab.run(&["lab", "up", "compute", "--patience", "3"]);
    assert_eq!(failed.status, 5, "{failed:?}");
    assert!(begun.elapsed() >= Duration::from_secs(3));
    for words in [
        "nothing has changed for 3 s (`--patience`)",
        "its screen: ",
        "trainyard lab ssh compute",
        "trainyard lab rebuild compute",
    ] {
        assert!(failed.stderr.contains(words), "{words}: {failed:?}");
    }
    let picture = fs::read(lab.machine("nodes/compute/screen.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG"));
}
