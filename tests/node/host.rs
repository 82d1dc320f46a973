//! A host: a layer over the tree, and while it is on, a container whose first process is systemd.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::area::{Area, CGROUPS, may, must, prefix, remove_group, text};
use crate::common::{Outcome, ROOT, outcome};
use crate::network::{Adapters, Switches};

/// A node's machine, on or off. Dropping it ends it.
pub struct Host {
    pub name: &'static str,
    folder: PathBuf,
    tree: PathBuf,
    boots: usize,
    on: Option<Running>,
    /// Adapters that the machine does not have.
    pub absent: Vec<&'static str>,
    /// MAC addresses of its adapters, where they matter: name and address.
    pub macs: Vec<(String, String)>,
    /// A folder with what is on the CD in its drive.
    pub medium: Option<PathBuf>,
    /// Whether its cables are plugged in.
    plugged: bool,
}

/// A host that is on.
struct Running {
    /// Its container, with everything that is in it.
    container: Child,
    /// Its first process.
    first: u32,
    adapters: Adapters,
}

/// How long a command inside a host may take, in seconds.
const LIMIT: &str = "180";

impl Host {
    /// A machine that is off, with nothing on its disk.
    pub fn new(area: &Area, name: &'static str) -> Self {
        let folder = area.path(name);
        for inside in ["layer", "work", "root"] {
            fs::create_dir_all(folder.join(inside)).expect("made");
        }
        let tree = area.tree().to_owned();
        Self {
            name,
            folder,
            tree,
            boots: 0,
            on: None,
            absent: Vec::new(),
            macs: Vec::new(),
            medium: None,
            plugged: true,
        }
    }

    /// What its disk has beyond the tree. While it is on, this is to be read only.
    pub fn layer(&self) -> PathBuf {
        self.place("layer")
    }

    fn place(&self, inside: &str) -> PathBuf {
        let folder = if self.has_own_disk() && inside != "root" { "disk" } else { "" };
        self.folder.join(folder).join(inside)
    }

    /// Gives it a disk of its own with this size, such as `24M`, or changes that; what else there is has room.
    pub fn disk(&self, size: &str) {
        let options = format!("size={size}");
        if self.has_own_disk() {
            must("mount", &["-o", &format!("remount,{options}"), text(&self.folder.join("disk"))]);
            return;
        }
        let disk = self.folder.join("disk");
        fs::create_dir_all(&disk).expect("made");
        must("mount", &["-t", "tmpfs", "-o", &options, "trainyard-hosts", text(&disk)]);
        for inside in ["layer", "work"] {
            must("cp", &["-a", text(&self.folder.join(inside)), text(&disk)]);
        }
    }

    fn has_own_disk(&self) -> bool {
        self.folder.join("disk/layer").exists()
    }

    /// Settings of the unit of the first boot that only a test has, such as shorter pauses. Not while it is on.
    pub fn unit_settings(&self, lines: &str) {
        let folder = "usr/lib/systemd/system/trainyard-first-boot.service.d";
        self.write(&format!("{folder}/test.conf"), lines);
    }

    /// Switches it on; it boots by itself from here.
    pub fn start(&mut self, switches: &Switches) {
        assert!(self.on.is_none(), "{} is on", self.name);
        self.boots += 1;
        let adapters = Adapters::new(switches, self.name, self.boots, &self.absent);
        for (adapter, mac) in &self.macs {
            adapters.address(adapter, mac);
        }
        adapters.carrier(switches, self.plugged);
        let console = fs::File::options().create(true).append(true).open(self.console());
        let console = console.expect("a console");
        let group = format!("{}{}", prefix(), self.name);
        // The container is in a namespace of processes that ends with this test, whatever ends it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter", &format!("--net={}", adapters.path())]);
        command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(format!("{ROOT}/tests/node/start.sh")).arg(group).arg(&self.tree);
        for inside in ["layer", "work", "root"] {
            command.arg(self.place(inside));
        }
        command.args(&self.medium);
        command.stdin(Stdio::null());
        command.stderr(console.try_clone().expect("a console")).stdout(console);
        let mut container = command.spawn().expect("a container");
        let first = first_process(&mut container)
            .unwrap_or_else(|| panic!("{} does not start: {}", self.name, self.console_text()));
        self.on = Some(Running { container, first, adapters });
    }

    fn console(&self) -> PathBuf {
        self.folder.join("console")
    }

    /// Everything that it wrote to its console, in all its boots.
    pub fn console_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.console()).unwrap_or_default()).into_owned()
    }

    pub fn is_on(&mut self) -> bool {
        self.ended();
        self.on.is_some()
    }

    /// Switches it on again if it has begun to boot anew; systemd-nspawn leaves that to who started it.
    pub fn tend(&mut self, switches: &Switches) {
        const WANTS_TO_BOOT: i32 = 133;
        if self.ended() == Some(WANTS_TO_BOOT) {
            self.start(switches);
        }
    }

    /// The exit status of a container that has just ended.
    fn ended(&mut self) -> Option<i32> {
        let status = self.on.as_mut()?.container.try_wait().expect("a child")?;
        self.forget();
        status.code()
    }

    /// A power cut: its first process is killed, and all others with it.
    pub fn power_cut(&mut self) {
        let running = self.on.as_mut().expect("it is on");
        must("kill", &["-KILL", &running.first.to_string()]);
        running.container.wait().expect("a child");
        self.forget();
    }

    /// Shuts it down as its power button does.
    pub fn power_off(&mut self) {
        let running = self.on.as_mut().expect("it is on");
        must("kill", &["-s", "RTMIN+4", &running.first.to_string()]);
        let end = Instant::now() + Duration::from_secs(120);
        while self.is_on() {
            assert!(Instant::now() < end, "{} does not switch itself off", self.name);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What is left of a host that is off: nothing but its disk.
    fn forget(&mut self) {
        self.on = None;
        for base in CGROUPS {
            let group = Path::new(base).join(format!("{}{}", prefix(), self.name));
            // Its last processes may still be ending.
            for _ in 0..50 {
                remove_group(&group);
                if !group.exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(40));
            }
        }
        // An overlay does not take a folder that another one has worked in.
        must("rm", &["-rf", text(&self.place("work"))]);
        fs::create_dir(self.place("work")).expect("made");
    }

    /// Pulls its cables, or plugs them in again.
    pub fn carrier(&mut self, switches: &Switches, there: bool) {
        self.plugged = there;
        if let Some(running) = &self.on {
            running.adapters.carrier(switches, there);
        }
    }

    fn inside(&self) -> Command {
        let first = self.on.as_ref().expect("it is on").first.to_string();
        let mut command = Command::new("timeout");
        command.args(["-k", "5", LIMIT, "nsenter", "--target", &first, "--all", "env", "-i"]);
        command.args(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root"]);
        command.args(["LC_ALL=C", "bash"]);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a script in it.
    pub fn run(&self, script: &str) -> Outcome {
        let mut command = self.inside();
        command.args(["-c", script]);
        outcome(command)
    }

    /// Runs a file of this machine in it, as `ssh HOST bash <FILE` does.
    pub fn bash(&self, file: &Path) -> Outcome {
        let mut command = self.inside();
        command.stdin(fs::File::open(file).expect("a script"));
        outcome(command)
    }

    /// Runs a script in it that must work, and returns what it said.
    pub fn done(&self, script: &str) -> String {
        let outcome = self.run(script);
        assert_eq!(outcome.status, 0, "{}: {script}\n{outcome:?}", self.name);
        outcome.stdout
    }

    /// Keeps every process list from now on.
    pub fn watch_processes(&self) {
        self.done(
            "(while [ ! -e /run/enough ]; do cat /proc/[0-9]*/cmdline | tr '\\0' ' '; sleep 0.02; done) \
                 </dev/null >/run/processes 2>/dev/null &",
        );
    }

    /// All process lists since they were watched, all logs, the journal, and what everyone may read of the stages.
    pub fn told(&self) -> String {
        self.done(
            "touch /run/enough; cat /run/processes /var/log/trainyard/*.log /var/lib/trainyard/status.json /run/trainyard.banner
             journalctl --no-pager -o cat",
        )
    }

    /// The secrets that it has.
    pub fn secrets(&self) -> Vec<String> {
        let values = self.done("cut -d = -f 2- /etc/trainyard/secrets.env");
        values.lines().map(str::to_owned).collect()
    }

    /// Runs a file of tests/node in it.
    pub fn run_file(&self, name: &str) -> String {
        self.done(&fs::read_to_string(format!("{ROOT}/tests/node/{name}")).expect(name))
    }

    /// Waits until a script in it succeeds.
    pub fn wait_until(&self, seconds: u64, script: &str) {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            let outcome = self.run(script);
            if outcome.status == 0 {
                return;
            }
            assert!(
                Instant::now() < end,
                "{}: not in {seconds} s: {script}\n{outcome:?}\n{}",
                self.name,
                self.progress()
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Puts a file on its disk. Not while it is on.
    pub fn write(&self, path: &str, content: &str) {
        assert!(self.on.is_none(), "{} is on", self.name);
        let path = self.layer().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// A file of its disk; empty where there is none.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.layer().join(path.trim_start_matches('/'))).unwrap_or_default()
    }

    /// The state of each stage, as `status.json` has it.
    pub fn stages(&self) -> Vec<(String, String)> {
        let status = self.read("var/lib/trainyard/status.json");
        let status: serde_json::Value = serde_json::from_str(&status).unwrap_or_default();
        let text =
            |stage: &serde_json::Value, key: &str| stage[key].as_str().unwrap_or("").to_owned();
        let stages = status["stages"].as_array().into_iter().flatten();
        stages.map(|stage| (text(stage, "name"), text(stage, "state"))).collect()
    }

    /// The names of its stages, in their order.
    pub fn stages_of_its_own(&self) -> Vec<String> {
        self.read("etc/trainyard/stages/order").lines().map(str::to_owned).collect()
    }

    /// For a failed test: how far it came, and what it said.
    pub fn progress(&self) -> String {
        let mut text = format!("{}\n{:?}\n", self.name, self.stages());
        let console = self.console_text();
        let lines: Vec<_> = console.lines().collect();
        text += &lines[lines.len().saturating_sub(40)..].join("\n");
        for (stage, state) in self.stages() {
            if state != "done" {
                let log = self.read(&format!("var/log/trainyard/{stage}.log"));
                let lines: Vec<_> = log.lines().collect();
                let _ = write!(text, "\n{stage}: {state}\n");
                text += &lines[lines.len().saturating_sub(15)..].join("\n");
            }
        }
        text
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(running) = &mut self.on {
            may("kill", &["-KILL", &running.first.to_string()]);
            let _ = running.container.kill();
            let _ = running.container.wait();
        }
        if self.on.is_some() {
            self.forget();
        }
        if self.has_own_disk() {
            may("umount", &["--lazy", text(&self.folder.join("disk"))]);
        }
    }
}

/// The first process inside a container: the child of systemd-nspawn, which is the child of the one that made the namespace.
fn first_process(container: &mut Child) -> Option<u32> {
    let child = |of: u32| -> Option<u32> {
        let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    };
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end && container.try_wait().ok()?.is_none() {
        let first = child(container.id()).and_then(child);
        let is_systemd = |&process: &u32| {
            let name = fs::read_to_string(format!("/proc/{process}/comm"));
            name.is_ok_and(|name| name.trim() == "systemd")
        };
        if let Some(first) = first.filter(is_systemd) {
            return Some(first);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}
