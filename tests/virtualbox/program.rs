//! The whole program with the stand-in: death after each step, a script from nothing, snapshots on the way.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Lab, Outcome, ROOT, judge, judged, outcome};
use crate::death::is_long;
use crate::host::{Host, alone};

/// Until something is so that takes a moment.
const LONG: Duration = Duration::from_secs(60);

/// The reference lab, whose cloud image has nothing to start.
struct Made {
    lab: Lab,
    port: u16,
}

impl Made {
    fn new(change: impl Fn(String) -> String) -> Self {
        let text = fs::read_to_string(format!("{ROOT}/examples/reference.yaml")).expect("text");
        let lab = Lab::new(&format!("cloud_image: {{path: empty.qcow2}}\n{}", change(text)));
        let mut make = judge("qemu-img");
        make.args(["create", "-q", "-f", "qcow2"]).arg(lab.path("empty.qcow2")).arg("8M");
        judged(make);
        let free = |base: u16| {
            let all = [base, base + 11, base + 31, base + 5880, base + 3880];
            all.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        };
        let begin = 31_000 + u16::try_from(std::process::id() % 60).expect("small") * 50;
        let port = (begin..).step_by(50).find(|base| free(*base)).expect("ports");
        Self { lab, port }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.command(words);
        if words[..2] == ["lab", "up"] {
            command.args(["--provider", "virtualbox", "--via", "cloud"]);
            command.args(["--port-base", &self.port.to_string()]);
        }
        command
    }

    fn done(&self, words: &[&str]) -> Outcome {
        let done = outcome(self.command(words));
        assert_eq!(done.status, 0, "{words:?} {done:?}");
        done
    }

    fn dies_after(&self, words: &[&str], steps: usize) {
        let mut command = self.command(words);
        command.env("TRAINYARD_DIES_AFTER", steps.to_string());
        let died = outcome(command);
        assert_eq!(died.status, -1, "{words:?} {steps} {died:?}");
    }

    fn steps(&self, words: &[&str]) -> usize {
        let told = self.done(&[words, &["--dry-run", "--format", "json"]].concat()).stdout;
        let told: Value = serde_json::from_str(&told).expect("JSON");
        told["steps"].as_array().expect("steps").len()
    }

    fn is_gone(&self) -> bool {
        !self.lab.path(".trainyard/machines").exists()
    }
}

#[test]
fn death_after_any_step_of_the_program_is_healed_by_a_fake_vboxmanage() {
    alone(|host| {
        let lab = Made::new(|text| text);
        let (before, files) = (host.known(), host.elsewhere());
        // One node's steps are the others' as well.
        let nodes: &[&str] = if is_long() { &[] } else { &["compute"] };
        let shown = [&["lab", "up"], nodes].concat();
        let (up, down) = ([&shown[..], &["--no-wait"]].concat(), ["lab", "down"]);
        let made = lab.steps(&shown);
        assert!(made > 12, "{made}");
        lab.done(&up);
        let (whole, gone) = (host.known(), lab.steps(&down));
        assert!(gone > 6, "{gone}");
        lab.done(&down);
        for at in 0..made {
            lab.dies_after(&up, at);
            if at % 2 == 0 {
                lab.done(&up);
                assert_eq!(host.known(), whole, "{at}");
                let nothing = lab.done(&[&shown[..], &["--dry-run"]].concat()).stdout;
                assert_eq!(nothing, "nothing is to be done\n");
            }
            lab.done(&down);
            assert_eq!(host.known(), before, "{at}");
            assert!(lab.is_gone() && host.elsewhere() == files, "{at}");
        }
        // Death at the commands of this way is `death.rs`'s.
        for at in (0..gone).step_by(if is_long() { 1 } else { 3 }) {
            lab.done(&up);
            lab.dies_after(&down, at);
            if at % 2 == 0 {
                lab.done(&up);
                assert_eq!(host.known(), whole, "{at}");
            }
            lab.done(&down);
            assert_eq!(host.known(), before, "{at}");
            assert!(lab.is_gone() && host.elsewhere() == files, "{at}");
        }
    });
}

#[test]
fn a_script_from_nothing_makes_what_up_makes_by_a_fake_vboxmanage() {
    alone(|host| {
        let lab = Made::new(|text| text);
        let port = lab.port.to_string();
        let words = ["lab", "script", "--via", "cloud", "--port-base", &port, "--assume-empty"];
        let refused = outcome(lab.command(&words));
        assert_eq!(refused.status, 9, "{refused:?}");
        assert!(
            refused.stderr.contains("say `networks.provider.virtualbox.host_interface`"),
            "{refused:?}"
        );
        let lab = Made::new(|text| {
            text.replace("attach: bridged}", "attach: bridged, host_interface: eth0}")
        });
        let script = lab.done(&words).stdout;
        // The same by itself where there is no VBoxManage.
        let mut without = lab.command(&words[..6]);
        let path = std::env::var("PATH").expect("a path");
        without.env("PATH", path.split_once(':').expect("the stand-in's first").1);
        assert_eq!(outcome(without).stdout, script);
        let wrong = outcome(lab.command(&["lab", "script", "--folder", "else"]));
        assert_eq!(wrong.status, 2, "{wrong:?}");
        let there =
            lab.done(&["lab", "script", "--folder", "/else/where", "--shell", "powershell"]);
        assert!(there.stdout.contains("'/else/where/nodes/controller'"), "{there:?}");
        // Of Windows every path is Windows' own, also among what VBoxManage is told.
        let folder = r"C:\Users\Ann O'Neil\labs\";
        let there = lab.done(&["lab", "script", "--folder", folder, "--shell", "powershell"]);
        let quoted = r"'C:\Users\Ann O''Neil\labs\nodes\";
        for word in [
            format!("'--basefolder' {quoted}controller'"),
            format!("'--medium' {quoted}controller\\install.iso'"),
            format!("'file' {quoted}compute\\console.log'"),
            format!("Assert-Medium {quoted}controller\\install.iso'"),
        ] {
            assert!(there.stdout.contains(&word), "{word}\n{}", there.stdout);
        }
        let paths = there.stdout.match_indices(r"C:\").map(|(at, _)| &there.stdout[at..]);
        let paths: Vec<&str> = paths.filter_map(|rest| rest.lines().next()).collect();
        assert!(paths.len() > 12, "{paths:?}");
        assert!(paths.iter().all(|path| !path.contains('/')), "{paths:?}");
        let by_network = outcome(lab.command(&["lab", "script", "--via", "pxe"]));
        assert_eq!(by_network.status, 8, "{by_network:?}");
        assert!(by_network.stderr.contains("`--via pxe` is QEMU's"), "{by_network:?}");

        let path = lab.lab.path("up.sh");
        fs::write(&path, &script).expect("written");
        for (node, file) in [
            ("controller", "system.vdi"),
            ("controller", "cidata.iso"),
            ("compute", "system.vdi"),
            ("compute", "cidata.iso"),
        ] {
            let folder = lab.lab.path(".trainyard/machines/nodes").join(node);
            fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder).expect("made");
            fs::write(folder.join(file), "media").expect("written");
        }
        let before = host.known();
        let mut shellcheck = judge("shellcheck");
        shellcheck.arg("--exclude=SC2016").arg(&path);
        judged(shellcheck);
        let mut bash = Command::new("bash");
        bash.arg(&path);
        judged(bash);
        for name in ["train-controller", "train-compute"] {
            let vm = host.vm(name);
            assert_eq!(vm["state"], "running", "{name}");
            assert_eq!(vm["settings"]["bridgeadapter3"], "eth0");
        }
        assert_ne!(host.known(), before);
        // What it made is the lab's: `up` finds it whole, and so does a script, as the lab was begun.
        let rest = lab.done(&["lab", "up", "--dry-run"]).stdout;
        assert_eq!(rest, "nothing is to be done\n");
        let rest = lab.done(&["lab", "script"]).stdout;
        assert!(!rest.contains("createvm") && !rest.contains("natnetwork"), "{rest}");
        let otherwise = outcome(lab.command(&["lab", "script", "--firmware", "efi"]));
        assert_eq!(otherwise.status, 8, "{otherwise:?}");
        let there = ["lab", "script", "--folder", "/else/where", "--firmware", "efi"];
        let there = lab.done(&there).stdout;
        let forwarded = format!("controller-ssh:tcp:[127.0.0.1]:{}:", lab.port + 11);
        assert!(there.contains("efi") && there.contains(&forwarded), "{there}");
        // Without what is remembered nobody takes it away, and nobody says that nothing is there.
        let memory = lab.lab.path(".trainyard/machines/lab.json");
        let kept = fs::read(&memory).expect("it is remembered");
        fs::remove_file(&memory).expect("lost");
        let refused = outcome(lab.command(&["lab", "down"]));
        assert_eq!(refused.status, 8, "{refused:?}");
        assert!(refused.stderr.contains("trainyard lab script"), "{refused:?}");
        fs::write(&memory, kept).expect("found");
        lab.done(&["lab", "down"]);
        assert!(lab.is_gone());
    });
}

/// Ctrl-C at any moment is told as that, and the next run goes on from there.
#[test]
fn ctrl_c_is_no_fault_of_the_host_by_a_fake_vboxmanage() {
    alone(|host| {
        let lab = Made::new(|text| text);
        let before = host.known();
        let (up, down) = (["lab", "up", "compute", "--no-wait"], ["lab", "down"]);
        let interrupted = |words: &[&str], after: u64| {
            let mut command = lab.command(words);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().expect("it runs");
            std::thread::sleep(Duration::from_millis(after));
            let mut kill = Command::new("kill");
            kill.args(["-INT", &child.id().to_string()]).stderr(Stdio::null());
            let _ = kill.status();
            let ended = child.wait_with_output().expect("it ends");
            let said = String::from_utf8_lossy(&ended.stderr);
            let code = ended.status.code();
            // Before it watches for the signal it dies of it.
            assert!(
                matches!(code, None | Some(0 | 130)),
                "{words:?} after {after} ms: {code:?} {said}"
            );
            assert!(!said.contains("cannot be made here"), "{said}");
            code != Some(0)
        };
        let mut stopped = 0;
        for after in (60..).step_by(if is_long() { 20 } else { 140 }) {
            if !interrupted(&up, after) {
                break;
            }
            stopped += 1;
        }
        lab.done(&up);
        for after in (60..).step_by(if is_long() { 20 } else { 140 }) {
            if !interrupted(&down, after) {
                break;
            }
            stopped += 1;
        }
        assert!(stopped > 6, "{stopped}");
        lab.done(&down);
        assert_eq!(host.known(), before);
        assert!(lab.is_gone());
    });
}

/// Tells the lab's server what the node says of its stages.
fn tell(lab: &Made, token: &str, state: &str, verified: &str) {
    let said = format!(
        r#"{{"schema": 1, "stages": [{{"name": "a", "state": "{state}"}}], "verified": {verified}}}"#
    );
    let mut curl = judge("curl");
    curl.args(["-sSf", "-H", "Content-Type: application/json", "-d", &said]);
    curl.arg(format!("http://127.0.0.1:{}/r/{token}/stages", lab.port));
    judged(curl);
}

fn snapshots(host: &Host) -> Vec<String> {
    let vm = host.vm("train-compute");
    let all = vm["snapshots"].as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|one| one[1].as_str().map(str::to_owned)).collect()
}

fn wait(mut what: impl FnMut() -> bool, up: &mut Child) {
    let begun = Instant::now();
    while !what() {
        assert!(up.try_wait().expect("told").is_none(), "it has ended");
        assert!(begun.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_snapshot_is_kept_at_each_point_of_the_way_by_a_fake_vboxmanage() {
    alone(|host| {
        let lab = Made::new(|text| text);
        let mut up =
            lab.command(&["lab", "up", "compute", "--snapshots", "--limit", "verified=1h"]);
        let mut up = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        wait(|| host.vm("train-compute")["state"] == "running", &mut up);
        let armed = lab.done(&["node", "arm", "compute", "--format", "json"]).stdout;
        let armed: Value = serde_json::from_str(&armed).expect("JSON");
        let report = armed["nodes"][0]["report"].as_str().expect("an address");
        let token = report.rsplit('/').find(|part| !part.is_empty()).expect("a token").to_owned();
        assert_eq!(snapshots(host), [""; 0]);
        let mut all = Vec::new();
        for (name, state, verified) in [
            ("installed", "running", "null"),
            ("configured", "done", "null"),
            (
                "verified",
                "done",
                r#"{"ok": true, "at": "x", "passed": 1, "failed": [], "again": false}"#,
            ),
        ] {
            tell(&lab, &token, state, verified);
            all.push(name);
            wait(|| snapshots(host) == all, &mut up);
            wait(|| host.vm("train-compute")["state"] == "running", &mut up);
        }
        // It was started again, and is waited for until it tells so.
        std::thread::sleep(Duration::from_secs(2));
        assert!(up.try_wait().expect("told").is_none(), "it has ended");
        let verified = r#"{"ok": true, "at": "x", "passed": 1, "failed": [], "again": false}"#;
        tell(&lab, &token, "done", verified);
        let ended = up.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(snapshots(host), all);
        assert_eq!(host.vm("train-compute")["state"], "running");
        lab.done(&["lab", "down"]);
    });
}

#[test]
fn paused_and_saved_machines_are_kept_and_brought_back_by_a_fake_vboxmanage() {
    alone(|host| {
        let lab = Made::new(|text| text);
        lab.done(&["lab", "up", "--no-wait"]);
        let set = |name: &str, state: &str, held: &str| {
            host.change_vm(name, |vm| {
                vm["state"] = state.into();
                vm["session"] = held.into();
            });
        };
        let state = |name: &str| host.vm(name)["state"].as_str().expect("a state").to_owned();
        set("train-controller", "saved", "");
        set("train-compute", "paused", "headless");
        let kept = lab.done(&["lab", "snapshot", "asleep"]).stdout;
        assert_eq!(kept, "controller  asleep\ncompute  asleep\n");
        // What had a process has one again, and what was saved is as it was.
        assert_eq!(state("train-controller"), "saved");
        assert_eq!(state("train-compute"), "running");
        set("train-compute", "paused", "headless");
        lab.done(&["lab", "restore", "asleep"]);
        for name in ["train-controller", "train-compute"] {
            assert_eq!(
                (state(name).as_str(), &host.vm(name)["restored"]),
                ("running", &"asleep".into())
            );
        }
        // A laptop that was shut and whose host has died.
        set("train-controller", "aborted", "");
        set("train-compute", "paused", "headless");
        lab.done(&["lab", "up", "--no-wait"]);
        assert_eq!([state("train-controller"), state("train-compute")], ["running", "running"]);
        lab.done(&["lab", "down"]);
    });
}

/// What is there and may not be run is not taken for missing, and nothing else is taken in its place.
#[test]
fn a_vboxmanage_that_may_not_be_run_is_told_as_that() {
    let lab = Made::new(|text| text);
    let bin = lab.lab.path("bin");
    fs::create_dir(&bin).expect("made");
    fs::write(bin.join("VBoxManage"), "").expect("written");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
    let told = format!("`{}` is needed", bin.join("VBoxManage").display());
    for words in [&["lab", "up", "--dry-run"][..], &["lab", "script"]] {
        let mut command = lab.lab.command(words);
        let refused = outcome({
            command.env("PATH", &path);
            command
        });
        assert_eq!(refused.status, 4, "{words:?} {refused:?}");
        assert!(refused.stderr.contains(&told), "{refused:?}");
        assert!(refused.stderr.contains("this user may not run it: `ls -l`"), "{refused:?}");
    }
}
