//! Networks of the tests' own: a namespace with a switch, and what is plugged into it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Where the server is.
pub const SERVER: &str = "10.0.0.5";
/// Where the network's own DHCP server is, if it has one.
pub const OTHER: &str = "10.0.0.1";
/// A machine's plug.
pub const TAP: &str = "tap0";

/// Time for anything: a machine needs half a minute until its firmware looks at its card.
const PATIENCE: Duration = Duration::from_secs(120);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A namespace, with everything that runs in it.
pub struct Network {
    name: String,
}

impl Network {
    pub fn new() -> Self {
        assert_eq!(must("id", &["-u"]).trim(), "0", "namespaces need root: run this as root");
        remove_leftovers();
        let network = Self::empty();
        network.ip(&["link", "add", "lab", "type", "bridge"]);
        network.ip(&["address", "add", &format!("{SERVER}/24"), "dev", "lab"]);
        network.ip(&["link", "set", "lab", "up"]);
        network.ip(&["tuntap", "add", TAP, "mode", "tap"]);
        network.ip(&["link", "set", TAP, "master", "lab", "up"]);
        network
    }

    fn empty() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Self { name: format!("trainyard-{}-{number}", std::process::id()) };
        must("ip", &["netns", "add", &network.name]);
        network.ip(&["link", "set", "lo", "up"]);
        network
    }

    /// Another machine of it, with a card `eth0`.
    pub fn machine(&self) -> Self {
        let machine = Self::empty();
        let peer = ["peer", "name", "eth0", "netns", &machine.name];
        self.ip(&[&["link", "add", "other", "type", "veth"], &peer[..]].concat());
        self.ip(&["link", "set", "other", "master", "lab", "up"]);
        machine.ip(&["link", "set", "eth0", "up"]);
        machine
    }

    pub fn ip(&self, arguments: &[&str]) {
        must("ip", &[&["-n", &self.name], arguments].concat());
    }

    /// The same command, inside. It does not outlive the test.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("setpriv");
        inside.args(["--pdeathsig", "KILL", "ip", "netns", "exec", &self.name]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null());
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// What runs there under this name, by its number.
    pub fn running(&self, program: &str) -> Vec<String> {
        let all = must("ip", &["netns", "pids", &self.name]);
        let name = |id: &str| std::fs::read_to_string(format!("/proc/{id}/comm"));
        let named = all.lines().filter(|id| name(id).is_ok_and(|name| name.trim() == program));
        named.map(str::to_owned).collect()
    }

    /// Waits until something is so.
    pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // All of it is ours.
        let all = Command::new("ip").args(["netns", "pids", &self.name]).output();
        let all = all.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        for id in all.unwrap_or_default().lines() {
            let _ = Command::new("kill").args(["-9", id]).output();
        }
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

/// Those of tests that were killed.
fn remove_leftovers() {
    for line in must("ip", &["netns", "list"]).lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let parts = name.strip_prefix("trainyard-").and_then(|parts| parts.split_once('-'));
        if parts.is_some_and(|(test, _)| !Path::new("/proc").join(test).exists()) {
            drop(Network { name: name.to_owned() });
        }
    }
}

/// Another machine of a network, which gives addresses and says nothing of booting.
pub struct Other {
    _machine: Network,
    _dnsmasq: Dnsmasq,
}

impl Other {
    pub fn new(network: &Network) -> Self {
        let machine = network.machine();
        machine.ip(&["address", "add", &format!("{OTHER}/24"), "dev", "eth0"]);
        let listen = format!("--listen-address={OTHER}");
        let dnsmasq = Dnsmasq::begin(
            &machine,
            &[
                "--conf-file=/dev/null",
                "--port=0",
                "--bind-interfaces",
                &listen,
                "--dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0",
                "--leasefile-ro",
            ],
            None,
        );
        Self { _machine: machine, _dnsmasq: dnsmasq }
    }
}

/// A dnsmasq that a person would run.
pub struct Dnsmasq(Child);

impl Dnsmasq {
    /// What it says goes into a file, if there is one.
    pub fn begin(network: &Network, arguments: &[&str], log: Option<&Path>) -> Self {
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--log-facility=-", "--pid-file"]).args(arguments);
        let mut command = network.inside(&command);
        let log = log.map(|log| Stdio::from(File::create(log).expect("created")));
        let child = command.stderr(log.unwrap_or_else(Stdio::null)).spawn().expect("dnsmasq");
        Network::wait("dnsmasq runs", || !network.running("dnsmasq").is_empty());
        Self(child)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of the machine that must do what it is told.
pub fn must(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}: run scripts/dev/setup.sh"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}
