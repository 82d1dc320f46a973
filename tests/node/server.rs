//! A `trainyard serve` of the lab, outside, which hosts tell how far they are.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::Bench;
use crate::common::{Outcome, PROGRAM, ROOT, outcome};
use crate::host::Host;
use crate::network::OUTSIDE;

/// The mirrors have another one.
const PORT: u16 = 8081;

/// It ends with this value, or with the test.
pub struct Server {
    child: Child,
    said: PathBuf,
    /// What runs a program where it can be reached.
    inside: String,
    lab: PathBuf,
}

impl Server {
    /// Serves the lab of a bench, and waits until its nodes are armed.
    pub fn new(bench: &Bench) -> Self {
        let medium = format!("{ROOT}/target/standin/small.iso");
        assert!(
            fs::exists(&medium).is_ok_and(|is| is),
            "{medium} is missing: `make check` makes it"
        );
        let inside = format!("--net={}", bench.switches.path());
        let said = bench.area.path("server");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter", &inside, PROGRAM, "serve"]);
        command.args(["--listen", &format!("{OUTSIDE}:{PORT}"), "--image", &medium]);
        let lab = bench.lab.path("");
        command.current_dir(&lab).env("HOME", &lab).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(&said).expect("a file"));
        let server = Self { child: command.spawn().expect("a server"), said, inside, lab };
        for host in [&bench.controller, &bench.compute] {
            server.wait_for(host.name, "armed", |node| node["state"] == "armed");
        }
        server
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("nsenter");
        command.arg(&self.inside).arg(program).args(arguments);
        command.current_dir(&self.lab).env("HOME", &self.lab).stdin(Stdio::null());
        outcome(command)
    }

    fn get(&self, path: &str, more: &[&str]) -> Outcome {
        let url = format!("http://{OUTSIDE}:{PORT}{path}");
        self.run("curl", &[&["-s", "-f", "-L", "-m", "20", &url], more].concat())
    }

    /// What `trainyard node` says.
    pub fn node_command(&self, arguments: &[&str]) -> String {
        let outcome = self.run(PROGRAM, &[&["node"], arguments].concat());
        assert_eq!(outcome.status, 0, "{arguments:?}\n{outcome:?}\n{}", self.said());
        outcome.stdout
    }

    /// A node as the API shows it, when it is as it is to be.
    pub fn wait_for(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            let got = self.get(&format!("/api/v1/nodes/{name}"), &[]);
            let node: Value = serde_json::from_str(&got.stdout).unwrap_or_default();
            if is(&node) {
                return node;
            }
            assert!(Instant::now() < end, "{name} is not {what}: {node}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A machine fetches its kickstart, as an installer does, and what that says of where it reports to is written to its disk.
    /// Returns that address. All else it has from the same kickstart without a server.
    pub fn tells(&self, bench: &Bench, host: &Host) -> String {
        let plan = bench.lab.done(&["plan", "--format", "json"]).stdout;
        let plan: Value = serde_json::from_str(&plan).expect("a plan");
        let mut nodes = plan["nodes"].as_array().expect("nodes").iter();
        let node = nodes.find(|node| node["name"] == host.name).expect("the node");
        let mac = node["interfaces"][0]["mac"].as_str().expect("an address");
        let header = format!("X-RHN-Provisioning-MAC-0: enp0s3 {mac}");
        let kickstart = self.get("/ks", &["-H", &header]).stdout;
        let report = format!("http://{OUTSIDE}:{PORT}/r/");
        let at = kickstart.find(&report).unwrap_or_else(|| panic!("{}: {kickstart}", self.said()));
        let address = kickstart[at..].split_whitespace().next().expect("an address").to_owned();
        host.write("etc/trainyard/report", &format!("{address}\n"));
        address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
