//! Machines in QEMU boot from their network cards: firmware, iPXE, the server's scripts, the stand-in's kernel out of the medium. It fetches its
//! kickstart as the installer does, and tells the server by the kickstart's own scripts; after that the same machine is led to its disk.

mod common;

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, Outcome, ROOT, judged, outcome};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// One is known by a hardware address, the other by a serial number that no address of the web can hold as it is.
const LAB: &str = r"
nodes:
  controller:
    role: controller
    interfaces:
      enp0s3: {network: management, address: 10.0.0.11, mac: 52:54:00:aa:00:11}
  compute:
    role: compute
    address: 10.0.0.31
    machine: {serial: 'SN 1+2&3%:4'}
";

const CONTROLLER: &[&str] = &["bios", "--mac", "52:54:00:aa:00:11"];
const COMPUTE: &[&str] = &["uefi", "--mac", "52:54:00:aa:ff:31", "--number", "SN 1+2&3%:4"];
const UNKNOWN: &[&str] = &["bios", "--mac", "52:54:00:aa:ff:99"];

const WAY: [&str; 6] = [
    "armed: it is installed when it next boots from the network",
    "asked what to boot",
    "loading its kernel",
    "fetched its kickstart, from 127.0.0.1",
    "loading the installer",
    "installed",
];

/// The real program, serving.
struct Server {
    program: Child,
    lab: Lab,
    url: String,
}

impl Server {
    fn begin() -> Self {
        let lab = Lab::new(LAB);
        made("standin-iso.sh", &["-o"], &lab.path("medium.iso"));
        made("standin/installed-disk.sh", &[], &lab.path("disk.img"));
        // The nodes know it by an address that QEMU makes up, so the port must be known before.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        let url = format!("http://10.0.2.2:{}", free.port());
        let listen = free.to_string();
        let mut command = lab.command(&["serve", "--image", "medium.iso", "--listen", &listen]);
        let log = fs::File::create(lab.path("serve.log")).expect("created");
        command.args(["--url", &url]).stderr(log);
        let program = command.spawn().expect("the program runs");
        let server = Self { program, lab, url };
        let begun = Instant::now();
        while ["controller", "compute"].iter().any(|node| server.events(node) != WAY[..1]) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.lab.read("serve.log"));
            thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// What happened to a node.
    fn events(&self, node: &str) -> Vec<String> {
        let told = self.lab.run(&["node", "events", node, "--format", "json"]).stdout;
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        let events = told["events"].as_array().into_iter().flatten();
        events.map(|event| event["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// The digests of the kickstarts that it has, by node.
    fn kickstarts(&self) -> HashMap<String, String> {
        let files = self.lab.names(".trainyard/files");
        let digest = |file: String| {
            let text = self.lab.read(&format!(".trainyard/files/{file}"));
            let first = text.lines().next().expect("a line");
            let name = first.split(' ').nth(5).expect("its name");
            (name.to_owned(), sha256(text.as_bytes()))
        };
        files.into_iter().map(digest).collect()
    }

    /// Boots a machine with a disk that can be started, from its network card first.
    fn boot(&self, name: &str, machine: &[&str]) -> Boot {
        let log = self.lab.path(&format!("{name}.log"));
        let mut command = script("boot-net.sh");
        command.arg(machine[0]).arg(format!("{}/boot.ipxe", self.url)).args(&machine[1..]);
        command.arg("--disk").arg(self.lab.path("disk.img")).arg("--log").arg(&log);
        let told = outcome(command);
        let console = fs::read(log).expect("a log");
        Boot { told, console: String::from_utf8_lossy(&console).into_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What came of it.
struct Boot {
    told: Outcome,
    /// All that came over the serial line.
    console: String,
}

impl Boot {
    /// What the stand-in said after `standin: WHAT: `.
    fn said(&self, what: &str) -> &str {
        let begin = format!("standin: {what}: ");
        let line = self.told.stdout.lines().find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_else(|| panic!("no {what}: {:?}\n{}", self.told, self.console))
    }

    /// It was the server that led it to its disk, not an error on the way.
    fn was_led_to_its_disk(&self, by: &str) {
        let shown = || format!("{:?}\n{}", self.told, self.console);
        assert_eq!(self.told.stdout, format!("standin: disk by {by}\n"), "{}", shown());
        assert!(self.console.contains("ipxe... ok"), "{}", shown());
        // BIOS is told to start the disk; UEFI goes on when iPXE has ended.
        let started = if by == "BIOS" { "Booting from SAN device" } else { "failed to start" };
        assert!(self.console.contains(started), "{}", shown());
    }
}

fn script(name: &str) -> Command {
    Command::new(Path::new(ROOT).join("scripts/dev").join(name))
}

fn made(by: &str, words: &[&str], file: &Path) {
    let mut command = script(by);
    command.args(words).arg(file);
    judged(command);
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The second stage of the medium, as another program reads it.
fn second_stage(lab: &Lab) -> String {
    let mut command = common::judge("xorriso");
    command.args(["-osirrox", "on", "-indev"]).arg(lab.path("medium.iso"));
    command.args(["-extract", "/LiveOS/squashfs.img"]).arg(lab.path("squashfs.img"));
    judged(command);
    sha256(&fs::read(lab.path("squashfs.img")).expect("read"))
}

/// The words of a kernel's command line that begin like this.
fn argument<'b>(boot: &'b Boot, name: &str) -> &'b str {
    let found = boot.said("cmdline").split(' ').find_map(|word| word.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name}: {}", boot.said("cmdline")))
}

fn was_installed(server: &Server, node: &str, boot: &Boot, kickstart: &str, second_stage: &str) {
    assert_eq!(boot.told.status, 0, "{:?}\n{}", boot.told, boot.console);
    let ks = argument(boot, "inst.ks=");
    assert_eq!(boot.said("kickstart"), format!("{ks} sha256 {kickstart}"));
    let tree = argument(boot, "inst.stage2=");
    let image = format!("{tree}/LiveOS/squashfs.img sha256 {second_stage}");
    assert_eq!(boot.said("stage2"), image);
    assert_eq!(server.events(node), WAY, "{:?}", boot.told);
    let log = server.lab.done(&["node", "logs", node]).stdout;
    assert!(log.ends_with(" info    standin: this is its log\n"), "{log:?}");
}

#[test]
fn a_machine_is_installed_by_network_once_and_then_starts_its_disk() {
    let server = Server::begin();
    let kickstarts = server.kickstarts();
    let stage = second_stage(&server.lab);
    thread::scope(|both| {
        let _bios = both.spawn(|| {
            let first = server.boot("controller", CONTROLLER);
            was_installed(&server, "controller", &first, &kickstarts["controller"], &stage);
            server.boot("controller-again", CONTROLLER).was_led_to_its_disk("BIOS");
            server.boot("unknown", UNKNOWN).was_led_to_its_disk("BIOS");
        });
        let _uefi = both.spawn(|| {
            let first = server.boot("compute", COMPUTE);
            was_installed(&server, "compute", &first, &kickstarts["compute"], &stage);
            server.boot("compute-again", COMPUTE).was_led_to_its_disk("UEFI");
        });
    });
    // What booted from its disk has changed nothing.
    assert_eq!(server.events("controller"), WAY);
    assert_eq!(server.events("compute"), WAY);
}
