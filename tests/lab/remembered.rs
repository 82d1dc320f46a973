//! What is known of a lab when its files say nothing, and what becomes of nodes that it has lost.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::common::{self, judged};
use crate::running::Machines;

/// Nobody can be locked out of machines by a slip of the pen.
#[test]
fn with_a_faulty_lab_file_and_without_secrets_machines_are_seen_reached_and_taken_away() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let before = lab.done(&["lab", "status"]).stdout;
    fs::write(lab.path("lab.yaml"), "networks: [\n").expect("written");
    fs::remove_file(lab.path("secrets.yaml")).expect("removed");
    assert_eq!(lab.run(&["lab", "up"]).status, 3);
    assert_eq!(lab.done(&["lab", "status"]).stdout, before);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    fs::write(lab.machine("nodes/compute/console.log"), "one\ntwo\n").expect("written");
    assert_eq!(lab.done(&["lab", "console", "compute", "--tail", "1"]).stdout, "two\n");
    // Nothing listens at its port; what matters is whom ssh asks for.
    let refused = lab.run(&["lab", "ssh", "compute", "true"]);
    assert_eq!(refused.status, 7, "{refused:?}");
    let unknown = lab.run(&["lab", "ssh", "comput"]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean `compute`"), "{unknown:?}");
    assert!(lab.done(&["lab", "snapshot"]).stdout.contains("compute"));
    lab.done(&["lab", "down"]);
    lab.nothing_is_left();
}

#[test]
fn a_machine_whose_node_has_left_the_lab_is_shown_and_goes_when_asked() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    // As a node of another name was.
    lab.qmp("compute", "quit");
    lab.wait_for(&["controller running", "compute off"]);
    fs::rename(lab.machine("nodes/compute"), lab.machine("nodes/older")).expect("renamed");
    let said = lab.done(&["lab", "up", "--no-wait"]).stderr;
    assert!(said.contains("older: ") && said.contains("`trainyard lab down older`"), "{said}");
    let status = lab.done(&["lab", "status"]).stdout;
    assert!(status.lines().any(|line| line.starts_with("older  off  ")), "{status}");
    lab.done(&["lab", "down", "older"]);
    assert!(!lab.machine("nodes/older").exists());
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
}

/// What lies where the machines are to be, and was there before them, is a person's.
#[test]
fn what_was_in_the_folder_of_the_machines_is_a_persons_and_stays() {
    let lab = Machines::new();
    assert_eq!(lab.done(&["lab", "down"]).stdout, "nothing is to be done\n");
    assert!(!lab.path(".trainyard").exists(), "nothing was begun");
    for file in ["nodes/thesis/chapter-1", "networks/plan", "notes"] {
        let own = lab.machine(file);
        fs::create_dir_all(own.parent().expect("a folder")).expect("made");
        fs::write(&own, "mine\n").expect("written");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(lab.path(".trainyard"), private).expect("set");
        let mut asked = vec![&["lab", "up", "--no-wait"][..], &["lab", "rebuild", "compute"]];
        if file != "notes" {
            asked.push(&["lab", "down"]);
        }
        for words in asked {
            let refused = lab.run(words);
            assert_eq!(refused.status, 8, "{words:?} {refused:?}");
            let words = ["`lab.json`", "--state", file.split('/').next().expect("a name")];
            assert!(words.iter().all(|word| refused.stderr.contains(word)), "{refused:?}");
        }
        assert_eq!(fs::read_to_string(&own).expect("it stays"), "mine\n");
        fs::remove_dir_all(lab.machine("")).expect("moved away");
    }
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    fs::write(lab.machine("notes"), "mine\n").expect("written");
    let said = lab.done(&["lab", "down"]).stderr;
    assert!(said.contains("notes` is not the lab's, and stays"), "{said}");
    let left: Vec<_> = fs::read_dir(lab.machine("")).expect("it stays").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(lab.done(&["lab", "down"]).stdout, "nothing is to be done\n");
    assert_eq!(lab.run(&["lab", "up", "--no-wait"]).status, 8);
}

/// What somebody has put beside what the lab has made, and what links there lead to.
#[test]
fn what_lies_among_the_labs_own_and_is_not_stays() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    let elsewhere = lab.path("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    fs::write(elsewhere.join("whole"), "mine\n").expect("written");
    let all = ["nodes/thesis/chapter-1", "nodes/notes", "networks/plan/b", "networks/plan.log"];
    for file in all {
        let own = lab.machine(file);
        fs::create_dir_all(own.parent().expect("a folder")).expect("made");
        fs::write(&own, "mine\n").expect("written");
    }
    let links = ["nodes/link", "networks/link"];
    for link in links {
        std::os::unix::fs::symlink(&elsewhere, lab.machine(link)).expect("linked");
    }
    assert_eq!(lab.run(&["lab", "down", "link"]).status, 2);
    assert_eq!(lab.run(&["lab", "down", "thesis"]).status, 2);
    assert!(!lab.done(&["lab", "status"]).stdout.contains("thesis"));
    // A node that gets the name of something, and one whose folder is a link.
    let thesis = "  thesis: {role: compute, address: 10.0.0.41}\n";
    lab.change("nodes:\n", &format!("nodes:\n{thesis}"));
    let refused = lab.run(&["lab", "up", "thesis", "--no-wait"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert!(refused.stderr.contains("nodes/thesis` has something in it"), "{refused:?}");
    lab.change(thesis, "");
    std::os::unix::fs::symlink(&elsewhere, lab.machine("nodes/controller")).expect("linked");
    let refused = lab.run(&["lab", "up", "--no-wait"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert!(refused.stderr.contains("nodes/controller` is no folder"), "{refused:?}");

    let said = lab.done(&["lab", "down"]).stderr;
    assert_eq!(fs::read_to_string(elsewhere.join("whole")).expect("it stays"), "mine\n");
    for file in all {
        assert_eq!(fs::read_to_string(lab.machine(file)).expect(file), "mine\n");
    }
    for link in [links[0], links[1], "nodes/controller", "nodes/thesis", "networks/plan"] {
        assert!(lab.machine(link).exists(), "{link}");
        assert!(said.contains(&format!("{link}` is not the lab's, and stays\n")), "{said}");
    }
    assert!(!lab.machine("nodes/compute").exists() && !lab.machine("networks/management").exists());
    assert_eq!(lab.processes(), []);
}

/// A node that runs has the address that it was made with, whatever the lab file says now.
#[test]
fn a_changed_lab_file_cuts_off_no_node_that_runs() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let way_out = || {
        let all = lab.processes().into_iter();
        let ways: Vec<_> = all.filter(|(_, line)| line.contains("way out")).collect();
        assert_eq!(ways.len(), 1, "{ways:?}");
        ways
    };
    let before = (way_out(), fs::read(lab.machine("lab.json")).expect("it is remembered"));
    lab.change("10.0.0.31", "10.0.0.41");
    let told = lab.done(&["lab", "up", "--no-wait"]);
    let line = "compute: its machine stays as it was made, though the lab file says otherwise now (address, forwards): `trainyard lab rebuild compute` makes it anew";
    assert!(told.stderr.lines().any(|it| it == line), "{told:?}");
    assert!(!told.stderr.contains("controller: "), "{told:?}");
    assert_eq!(before, (way_out(), fs::read(lab.machine("lab.json")).expect("it stays")));
    assert!(lab.done(&["lab", "status"]).stdout.contains("compute  running  10.0.0.31"));
    lab.done(&["lab", "rebuild", "compute", "--no-wait"]);
    assert!(lab.done(&["lab", "status"]).stdout.contains("compute  running  10.0.0.41"));
    assert_ne!(before.0, way_out());
    assert!(!lab.done(&["lab", "up", "--no-wait"]).stderr.contains("otherwise"));
}

/// The dashboard and the console are led to where something opens them, and nothing is taken from the host for what is not there.
#[test]
fn only_ports_that_a_stage_opens_are_led_to() {
    let lab = Machines::new();
    // Without the services that have these ports.
    let original = fs::read_to_string(lab.path("lab.yaml")).expect("a lab file");
    let text = original.replacen(
        "  networking: self-service",
        "  networking: self-service\n  services: []",
        1,
    );
    fs::write(lab.path("lab.yaml"), &text).expect("written");
    let dashboard = lab.port + (8080 - 2200);
    let leads = |told: &str| {
        [dashboard, lab.port + (6080 - 2200)]
            .map(|port| told.contains(&format!(":{port}-10.0.0.11:")))
    };
    let planned = ["lab", "up", "--dry-run", "--format", "json"];
    {
        let _taken = TcpListener::bind(("127.0.0.1", dashboard)).expect("a port");
        assert_eq!(leads(&lab.done(&planned).stdout), [false, false]);
        lab.done(&["lab", "up", "--no-wait"]);
    }
    assert!(!lab.done(&["lab", "status"]).stdout.contains("dashboard"));
    lab.done(&["lab", "down"]);
    let opened = "firewall: {open: [{port: 80, protocol: tcp, from: any}, {port: 6000-6100, protocol: tcp, from: any}]}\n";
    let text_opened = text + opened;
    fs::write(lab.path("lab.yaml"), &text_opened).expect("written");
    assert_eq!(leads(&lab.done(&planned).stdout), [true, true]);
    // By TLS, where the lab has it.
    fs::write(
        lab.path("lab.yaml"),
        original.replacen("  networking:", "  tls: yes\n  networking:", 1),
    )
    .expect("written");
    let told = lab.done(&planned).stdout;
    assert!(leads(&told) == [true, true] && told.contains("-10.0.0.11:443"), "{told}");
    assert!(told.contains("-10.0.0.11:13080"), "{told}");
    fs::write(lab.path("lab.yaml"), text_opened).expect("written");
    lab.done(&["lab", "up", "controller", "--no-wait"]);
    let line = format!("dashboard: http://127.0.0.1:{dashboard}/dashboard");
    assert!(lab.done(&["lab", "status"]).stdout.lines().any(|it| it == line));
}

/// What is shown is what is done, with what goes.
#[test]
fn a_rebuild_is_shown_as_it_is_done_and_takes_the_old_host_key_with_it() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    // What a node was given is known before it is there, and nothing else is taken for it.
    let given = lab.machine("nodes/compute/host_keys");
    let mut find = common::judge("ssh-keygen");
    find.args(["-F", "compute", "-f"]).arg(&given);
    let found = judged(find).stdout;
    for kind in ["ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"] {
        assert!(found.contains(&format!("compute {kind} ")), "{found}");
    }
    let shown = lab.done(&["lab", "rebuild", "compute", "--dry-run"]).stdout;
    let known = lab.machine("nodes/compute/known_hosts");
    fs::write(&known, "compute ssh-ed25519 AAAA\n").expect("written");
    let other = lab.machine("nodes/controller/known_hosts");
    fs::write(&other, "controller ssh-ed25519 AAAA\n").expect("written");
    let done = lab.done(&["lab", "rebuild", "compute", "--no-wait"]).stderr;
    for line in
        ["compute: remove it with its disks", "compute: make its media", "compute: start it"]
    {
        assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
    }
    let steps: Vec<&str> = done.lines().filter(|line| line.starts_with("compute: ")).collect();
    assert_eq!(steps, shown.lines().collect::<Vec<_>>());
    assert!(!known.exists() && other.exists());
    let data = lab.done(&["lab", "rebuild", "compute", "--dry-run", "--format", "json"]).stdout;
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(data["steps"].as_array().map(Vec::len), Some(steps.len()), "{data}");
}

/// The port at which nodes tell how far they are is looked at as the others are.
#[test]
fn the_first_port_that_somebody_has_is_told_with_its_option() {
    let lab = Machines::new();
    let _taken = TcpListener::bind(("127.0.0.1", lab.port)).expect("a port");
    let refused = lab.run(&["lab", "up", "--no-wait"]);
    assert_eq!(refused.status, 9, "{refused:?}");
    let port = format!("port 127.0.0.1:{}", lab.port);
    assert!(refused.stderr.contains(&port), "{refused:?}");
    assert!(refused.stderr.contains("--port-base") && !refused.stderr.contains("--listen"));
    assert!(!lab.machine("").exists());
}

#[test]
fn what_takes_longer_to_a_point_than_it_may_is_told() {
    let lab = Machines::new();
    let wrong = lab.run(&["lab", "up", "--limit", "installed=0m"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("`installed=90m`"), "{wrong:?}");
    let late =
        lab.run(&["lab", "up", "compute", "--limit", "verified=1h", "--limit", "installed=2s"]);
    assert_eq!(late.status, 5, "{late:?}");
    assert!(late.stderr.contains("it is not installed after 2 s (`--limit`)"), "{late:?}");
    // Nodes that nobody asked for are no matter of this run.
    assert!(!late.stderr.contains("not installed before"), "{late:?}");
}

/// Tells the lab's server something of a node, as its installer does.
fn tell(lab: &Machines, node: &str, what: &str) {
    let armed = lab.done(&["node", "arm", node, "--format", "json"]).stdout;
    let armed: serde_json::Value = serde_json::from_str(&armed).expect("JSON");
    let report = armed["nodes"][0]["report"].as_str().expect("an address");
    let token = report.rsplit('/').find(|part| !part.is_empty()).expect("a token");
    let mut curl = common::judge("curl");
    curl.args(["-sSf", "-d", what, &format!("http://127.0.0.1:{}/r/{token}", lab.port)]);
    judged(curl);
}

/// The power fails in the middle of an installation, as far as anybody has heard. It may have ended since, and somebody may have worked
/// there.
#[test]
fn an_installation_that_was_not_heard_to_end_is_told_and_nothing_is_removed() {
    let lab = Machines::with_medium();
    let port = lab.port.to_string();
    let words =
        ["lab", "up", "compute", "--provider", "qemu", "--via", "seed", "--image", "medium.iso"];
    let words = [&words[..], &["--port-base", &port]].concat();
    let begun = lab.other_begun(&words);
    lab.wait_for(&["controller missing", "compute running"]);
    tell(&lab, "compute", "what=step&more=formatting");
    lab.qmp("compute", "quit");
    let ended = begun.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    lab.wait_for(&["controller missing", "compute off"]);
    // VirtualBox begins this anew at each start: nothing is found there of a login that it once asked for.
    fs::remove_file(lab.machine("nodes/compute/console.log")).expect("removed");

    let planned = lab.other(&[&words[..], &["--dry-run"]].concat());
    for word in ["compute: it is off, and its installation", "`trainyard lab rebuild compute`"] {
        assert!(planned.stderr.contains(word), "{planned:?}");
    }
    assert_eq!(planned.stdout, "compute: start it\n");
    let mark = lab.machine("nodes/compute/mark");
    fs::write(&mark, "").expect("written");
    let done = lab.other(&[&words[..], &["--no-wait"]].concat());
    assert_eq!(done.status, 0, "{done:?}");
    assert!(mark.exists(), "it is the same disk");
    assert_eq!(lab.powers(), ["controller missing", "compute running"]);
}

/// What a lab was made from is taken again, and how it was begun is told where something else is asked for.
#[test]
fn an_image_that_was_named_is_remembered() {
    let lab = Machines::new();
    fs::rename(lab.path("empty.qcow2"), lab.path("other.qcow2")).expect("moved");
    lab.done(&["lab", "up", "compute", "--no-wait", "--image", "other.qcow2"]);
    lab.done(&["lab", "rebuild", "compute", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller missing", "compute running"]);
    let otherwise = lab.run(&["lab", "up", "--via", "iso", "--firmware", "efi"]);
    assert_eq!(otherwise.status, 8, "{otherwise:?}");
    for word in ["begun with `--via cloud`, not `iso`", "with `--firmware bios`, not `efi`"] {
        assert!(otherwise.stderr.contains(word), "{word}: {otherwise:?}");
    }
    assert!(!otherwise.stderr.contains("--provider"), "{otherwise:?}");
}

/// What does not run is told as that, at once, and what is not there keeps nothing of the others back.
#[test]
fn machines_that_cannot_be_reached_or_kept_are_told_with_how_they_are() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    for words in [&["lab", "snapshot", "first"][..], &["lab", "restore", "first"]] {
        let refused = lab.run(words);
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("controller is not there"), "{refused:?}");
        assert!(!refused.stderr.contains("switch it off"), "{refused:?}");
    }
    assert_eq!(lab.done(&["lab", "snapshot"]).stdout, "controller  \ncompute  \n");
    assert_eq!(lab.powers(), ["controller missing", "compute running"]);
    lab.qmp("compute", "quit");
    lab.wait_for(&["controller missing", "compute off"]);
    let begun = std::time::Instant::now();
    for (words, told) in [
        (&["lab", "ssh", "compute"][..], "compute is off: `trainyard lab up compute` makes"),
        (&["lab", "verify"], "controller is missing, compute is off: `trainyard lab up controller"),
        (&["lab", "verify", "--cold", "compute"], "compute is off: "),
    ] {
        let refused = lab.run(words);
        assert_eq!(refused.status, 7, "{refused:?}");
        assert!(refused.stderr.contains(told), "{told}: {refused:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
}

/// Who may log in is asked, and does by sudo what root does.
#[test]
fn where_root_may_not_log_in_the_administrator_does() {
    let lab = Machines::new();
    let key = "ssh_authorized_keys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkf8kHx1RpBvCkOtUXm9dnQvyV5L5mJyq7aZn0rW0dB me\"]";
    lab.change("ssh_authorized_keys: []", key);
    lab.change("root_login: password ", "root_login: locked ");
    lab.change("# user: ops ", "user: ops ");
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    let path = lab.path_with("ssh", "#!/bin/sh\necho \"$*\" >> asked\nexit 255\n");
    let with = |words: &[&str]| {
        let mut command = lab.command(words);
        command.env("PATH", &path);
        common::outcome(command)
    };
    assert_eq!(with(&["lab", "ssh", "compute", "id"]).status, 7);
    let silent = with(&["lab", "verify", "compute"]);
    assert_eq!(silent.status, 7, "that it does not answer says nothing of it: {silent:?}");
    assert!(silent.stderr.contains("no answer by SSH: compute"), "{silent:?}");
    assert_eq!(with(&["lab", "collect"]).status, 0);
    let asked = fs::read_to_string(lab.path("asked")).expect("asked");
    for ends in [
        " ops@127.0.0.1 id",
        " ops@127.0.0.1 sudo -n timeout 900 /usr/local/sbin/trainyard-node verify",
        "sudo -n sh -c 'timeout 45 tail",
    ] {
        assert!(asked.contains(ends), "{ends}: {asked}");
    }
    assert!(!asked.contains("root@"), "{asked}");
}

/// By UEFI: its code and what it remembers are there, and it starts what is on the disk.
#[test]
fn a_machine_starts_by_uefi_when_it_is_told_to() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "compute", "--no-wait", "--firmware", "efi"]);
    let lines: String = lab.processes().into_iter().map(|(_, line)| line).collect();
    assert!(lines.contains("OVMF_CODE") || lines.contains("edk2"), "{lines}");
    assert!(lab.machine("nodes/compute/efi-variables.fd").exists());
    // It says on the serial port what it tries.
    let console = lab.machine("nodes/compute/console.log");
    let begun = std::time::Instant::now();
    loop {
        let mut said = Vec::new();
        let _ = fs::File::open(&console).and_then(|mut file| file.read_to_end(&mut said));
        if String::from_utf8_lossy(&said).contains("BdsDxe") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{}", String::from_utf8_lossy(&said));
        std::thread::sleep(Duration::from_millis(200));
    }
    let otherwise = lab.run(&["lab", "up", "--firmware", "bios"]);
    assert_eq!(otherwise.status, 8, "{otherwise:?}");
}

/// Ctrl-C while machines are on their way to being off: they are told of, and the next `up` starts them.
#[test]
fn an_interrupted_snapshot_says_what_to_do() {
    let lab = Machines::new();
    lab.done(&["lab", "up", "--no-wait"]);
    let snapshot = lab.listened(&["lab", "snapshot", "first"]);
    std::thread::sleep(Duration::from_secs(2));
    let mut kill = Command::new("kill");
    kill.args(["-INT", &snapshot.id().to_string()]);
    judged(kill);
    let ended = snapshot.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("`trainyard lab up` starts them again"), "{said}");
    lab.done(&["lab", "up", "--no-wait"]);
    assert_eq!(lab.powers(), ["controller running", "compute running"]);
    assert_eq!(lab.done(&["lab", "snapshot"]).stdout, "controller  \ncompute  \n");
}

/// What is looked at is what is to be made.
#[test]
fn memory_and_disk_are_looked_at_for_the_machines_that_are_asked_for() {
    let lab = Machines::new();
    let seen = |words: &[&str], what: &str| {
        let words = [&["lab", "up"], words, &["--dry-run", "--format", "json"]].concat();
        let told: serde_json::Value = serde_json::from_str(&lab.done(&words).stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["what"] == what).expect(what);
        check["seen"].as_str().expect("text").to_owned()
    };
    assert!(seen(&[], "memory").ends_with("take 8192 MiB"));
    assert!(seen(&["compute"], "memory").ends_with("take 4096 MiB"));
    assert!(seen(&[], "disk for the machines").ends_with("may grow to 30720 MiB"));
    assert!(seen(&["compute"], "disk for the machines").ends_with("may grow to 20480 MiB"));
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    assert!(seen(&["compute"], "memory").ends_with("take 0 MiB"));
    assert!(seen(&[], "disk for the machines").ends_with("may grow to 10240 MiB"));
}

/// A laptop that wakes up has more to do first.
#[test]
fn a_machine_that_is_paused_for_a_while_is_waited_for() {
    let lab = Machines::new();
    let mut up = lab.begun(&["lab", "up", "compute"]);
    lab.wait_until_told("compute", "its machine is running");
    lab.qmp("compute", "stop");
    lab.wait_until_told("compute", "its machine is paused");
    std::thread::sleep(Duration::from_secs(8));
    assert!(up.try_wait().expect("told").is_none(), "it waits");
    lab.qmp("compute", "quit");
    assert_eq!(up.wait().expect("it ends").code(), Some(5), "one that is off is not waited for");
    let told = lab.done(&["lab", "status", "compute"]).stdout;
    for happened in ["running", "paused", "off"] {
        assert!(told.contains(&format!("  its machine is {happened}\n")), "{told}");
    }
    assert!(told.contains("  not up: its machine does not run any more\n"), "{told}");
}
