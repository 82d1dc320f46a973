//! A lab whose machines run.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Lab, Outcome, judge, judged};

/// Until something is so that takes a moment.
const LONG: Duration = Duration::from_secs(60);

/// What a node says of its verification that is content.
pub const VERIFIED: &str = r#"{"ok": true, "at": "x", "passed": 2, "failed": [], "again": false}"#;

pub struct Machines {
    lab: Lab,
    /// The first of its ports.
    pub port: u16,
}

impl Machines {
    /// The reference lab, whose cloud image has nothing to start.
    pub fn new() -> Self {
        let text = fs::read_to_string(format!("{}/examples/reference.yaml", crate::common::ROOT))
            .expect("an example");
        let lab = Lab::new(&format!("cloud_image: {{path: empty.qcow2}}\n{text}"));
        let mut make = judge("qemu-img");
        make.args(["create", "-q", "-f", "qcow2"]).arg(lab.path("empty.qcow2")).arg("8M");
        judged(make);
        Self { lab, port: ports() }
    }

    /// The same, with the stand-in medium beside it: `medium.iso`.
    pub fn with_medium() -> Self {
        let lab = Self::new();
        let mut make = Command::new(format!("{}/scripts/dev/standin-iso.sh", crate::common::ROOT));
        make.arg("-o").arg(lab.path("medium.iso"));
        judged(make);
        lab
    }

    /// Another lab.
    pub fn of(text: &str) -> Self {
        Self { lab: Lab::new(text), port: ports() }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.lab.path(inside)
    }

    pub fn machine(&self, inside: &str) -> PathBuf {
        self.path(&format!(".trainyard/machines/{inside}"))
    }

    /// What makes machines is told how, by a cloud image where the words do not say.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.command(words);
        if matches!(words, ["lab", "up" | "rebuild", ..]) {
            command.args(["--provider", "qemu", "--port-base", &self.port.to_string()]);
            if !words.contains(&"--via") {
                command.args(["--via", "cloud"]);
            }
        }
        command
    }

    pub fn run(&self, words: &[&str]) -> Outcome {
        crate::common::outcome(self.command(words))
    }

    /// With these words and no others.
    pub fn other(&self, words: &[&str]) -> Outcome {
        self.lab.run(words)
    }

    pub fn done(&self, words: &[&str]) -> Outcome {
        let outcome = self.run(words);
        assert_eq!(outcome.status, 0, "{words:?}\n{outcome:?}");
        outcome
    }

    /// One that goes on.
    pub fn begun(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
    }

    /// One that goes on, with these words and no others; what it says is kept.
    pub fn other_begun(&self, words: &[&str]) -> Child {
        let mut command = self.lab.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    }

    /// The same, whose words are kept.
    pub fn listened(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    }

    /// Has it die when it has done so many of its steps.
    pub fn dies_after(&self, words: &[&str], steps: usize) {
        let mut command = self.command(words);
        command.env("TRAINYARD_DIES_AFTER", steps.to_string());
        let died = crate::common::outcome(command);
        // By a signal, and so without a code.
        assert_eq!(died.status, -1, "{words:?} {steps} {died:?}");
    }

    /// Kills it after this time, where it still runs.
    pub fn killed_after(&self, words: &[&str], after: Duration) {
        let mut child = self.begun(words);
        thread::sleep(after);
        let _ = child.kill();
        child.wait().expect("it ends");
    }

    /// Each node and how its machine is.
    pub fn powers(&self) -> Vec<String> {
        let said = self.run(&["lab", "status", "--format", "json"]);
        if said.status == 2 {
            return Vec::new(); // nothing was begun yet
        }
        let said = said.stdout;
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let machines = said["machines"].as_array().expect("machines").iter();
        let text = |it: &serde_json::Value, key: &str| it[key].as_str().expect("text").to_owned();
        machines.map(|it| format!("{} {}", text(it, "node"), text(it, "power"))).collect()
    }

    pub fn wait_for(&self, powers: &[&str]) {
        let begun = Instant::now();
        while self.powers() != powers {
            assert!(begun.elapsed() < LONG, "{:?}", self.powers());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the lab has noted this of a node: `lab up` looks at its machines now and then.
    pub fn wait_until_told(&self, node: &str, happened: &str) {
        let begun = Instant::now();
        loop {
            // Before there is a machine, that is an error.
            let told = self.run(&["lab", "status", node]).stdout;
            if told.contains(&format!("  {happened}\n")) {
                return;
            }
            assert!(begun.elapsed() < LONG, "{told}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Tells a node's QEMU something, as a person does by hand.
    pub fn qmp(&self, node: &str, command: &str) {
        let socket =
            UnixStream::connect(self.machine(&format!("nodes/{node}/qmp"))).expect("it runs");
        let mut said = BufReader::new(&socket).lines();
        for command in ["qmp_capabilities", command] {
            let _ = said.next();
            writeln!(&socket, "{{\"execute\": \"{command}\"}}").expect("told");
        }
        let _ = said.next();
    }

    /// Arms a node, while `lab up` runs, and returns where it is to tell what it does.
    pub fn armed(&self, node: &str) -> String {
        let armed = self.done(&["node", "arm", node, "--format", "json"]).stdout;
        let armed: serde_json::Value = serde_json::from_str(&armed).expect("JSON");
        let report = armed["nodes"][0]["report"].as_str().expect("an address").to_owned();
        let by_the_way_out = format!("http://10.0.0.1:{}/r/", self.port);
        let token = report.strip_prefix(&by_the_way_out).unwrap_or_else(|| panic!("{report}"));
        format!("http://127.0.0.1:{}/r/{token}/stages", self.port)
    }

    /// A `PATH` on which a program of this lab's comes first.
    pub fn path_with(&self, name: &str, script: &str) -> String {
        fs::create_dir_all(self.path("bin")).expect("made");
        let program = self.path(&format!("bin/{name}"));
        fs::write(&program, script).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").expect("a path"))
    }

    /// Does something to the disk of a node that is off (qemu-io(1)), which must work.
    pub fn disk(&self, node: &str, command: &str) {
        let mut qemu_io = judge("qemu-io");
        qemu_io.args(["-c", command]).arg(self.machine(&format!("nodes/{node}/system.qcow2")));
        let said = judged(qemu_io);
        assert!(!said.stdout.contains("failed"), "{command}: {said:?}");
    }

    /// Writes something else into the lab file.
    pub fn change(&self, was: &str, is: &str) {
        let text = self.lab.read("lab.yaml");
        assert_eq!(text.matches(was).count(), 1, "{was}");
        fs::write(self.path("lab.yaml"), text.replace(was, is)).expect("written");
    }

    /// The processes that this lab began: number and command line.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let own = self.machine("").display().to_string();
        let line = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).ok();
        let all = fs::read_dir("/proc").expect("processes").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| {
            let line = String::from_utf8_lossy(&line(pid)?).replace('\0', " ");
            line.contains(&own).then_some((pid, line))
        })
        .collect()
    }

    /// Kills one that this lab began.
    pub fn kill(&self, pid: u32) {
        assert!(self.processes().iter().any(|(own, _)| *own == pid));
        let mut kill = Command::new("kill");
        kill.args(["-KILL", &pid.to_string()]);
        judged(kill);
        let begun = Instant::now();
        while self.processes().iter().any(|(own, _)| *own == pid) {
            assert!(begun.elapsed() < LONG, "{pid} does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn nothing_is_left(&self) {
        assert!(!self.machine("").exists());
        assert_eq!(self.processes(), [], "`lab down` has waited for them");
    }

    /// The values of its secrets.
    pub fn secrets(&self) -> Vec<String> {
        let text = self.lab.read("secrets.yaml");
        let pairs = text.lines().filter(|line| !line.starts_with('#'));
        let values = pairs.filter_map(|line| line.split_once(": "));
        let values = values.map(|(_, value)| value.trim_matches('"').to_owned());
        values.filter(|value| value.len() > 7).collect()
    }
}

/// What tells there that a node's one stage is done, and what its verification found.
pub fn tells(at: &str, verified: &str) -> Command {
    let said = format!(
        r#"{{"schema": 1, "stages": [{{"name": "a", "state": "done"}}], "verified": {verified}}}"#
    );
    let mut curl = judge("curl");
    curl.args(["-sSf", "-H", "Content-Type: application/json", "-d", &said, at]);
    curl
}

impl Drop for Machines {
    /// Whatever became of the test.
    fn drop(&mut self) {
        let _ = self.run(&["lab", "down"]);
        for (pid, _) in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}

/// Ports that nobody has, for one lab.
fn ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 10_000 + u16::try_from(std::process::id() % 50).expect("small") * 400;
    loop {
        let base = begin + NEXT.fetch_add(50, Ordering::Relaxed) % 20_000;
        let wanted = [base, base + 11, base + 31, base - 2200 + 8080, base - 2200 + 6080];
        if wanted.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return base;
        }
    }
}
