//! Once with nothing in between: machines in QEMU whose firmware boots the disk that `trainyard disk` made, and a cloud-init that finds the seed
//! that `trainyard seed` made on a CD by its label, or `trainyard serve` has, by what the machine is told. QEMU gets the words that they print.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::area::turn;
use crate::common::installed::files_of;
use crate::common::{Lab, PROGRAM, ROOT, judged, outcome, seeded_by_web};

const SCRIPT: &str = "scripts/dev/cloud-boot.sh";

/// What its log may warn of.
const HARMLESS: &str = "['systemctl', 'restart', 'systemd-networkd', 'systemd-resolved'] failed"; // 22.4's way to bring up adapters

/// A lab whose cloud image is the stand-in.
fn lab(text: &str) -> Lab {
    let mut command = Command::new(format!("{ROOT}/{SCRIPT}"));
    command.arg("--image");
    let image = judged(command).stdout;
    let lab = Lab::new(&format!("cloud_image: {{path: {}}}\n{text}", image.trim_end()));
    lab.done(&["render", "controller", "-o", "out"]);
    lab
}

/// What a command says behind a word, ready to paste.
fn to_paste<'a>(said: &'a str, word: &str) -> &'a str {
    let mut lines = said.lines().filter_map(|line| line.strip_prefix("  ")?.strip_prefix(word));
    lines.next().expect(word).trim_start()
}

/// Makes the controller's disk. The words for QEMU with the seed in its drive, and without.
fn disk(lab: &Lab) -> (String, String) {
    let said = lab.done(&["disk", "controller", "--force"]).stderr;
    let words = to_paste(&said, "QEMU").to_owned();
    let without = words.replace(" -cdrom controller-cidata.iso", "");
    assert_ne!(words, without);
    (words, without)
}

/// What became of a machine with these words for QEMU, as a shell takes them.
struct Boot(Vec<String>);

impl Boot {
    fn new(lab: &Lab, options: &[&str], words: &str) -> Self {
        let boot = Self::seen(lab, options, words);
        assert_eq!(boot.told("status: "), ["done"]);
        assert_eq!(boot.warnings(), [""; 0]);
        assert_eq!(boot.told("kept: "), [""; 0], "files with secrets");
        boot
    }

    /// Whatever cloud-init says of it.
    fn seen(lab: &Lab, options: &[&str], words: &str) -> Self {
        let mut command = Command::new("bash");
        command.current_dir(lab.path(".")).arg("-c");
        command.arg(format!("exec {ROOT}/{SCRIPT} \"$@\" -- {words}")).arg("bash").args(options);
        let outcome = outcome(command);
        assert_eq!(outcome.status, 0, "{words}\n{outcome:?}");
        let said = outcome.stdout.lines().filter_map(|line| line.strip_prefix("seed: "));
        Self(said.map(str::to_owned).collect())
    }

    fn told(&self, kind: &str) -> Vec<&str> {
        self.0.iter().filter_map(|line| line.strip_prefix(kind)).collect()
    }

    fn warnings(&self) -> Vec<&str> {
        let mut was_harmless = false;
        let mut left = self.told("warning: ");
        left.retain(|line| {
            // What is told of a warning comes after it.
            let is_harmless = line.contains(HARMLESS) || was_harmless && line.contains("Traceback");
            was_harmless = is_harmless;
            !is_harmless
        });
        left
    }

    /// It is what the lab's user-data makes of a disk.
    fn assert_is_the_node(&self, lab: &Lab) {
        let found = self.told("file: ");
        for (path, mode, content) in files_of(&lab.read("out/controller/user-data")) {
            let digest = Sha256::digest(content.as_bytes());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let wanted = format!("{digest} {} root:root {path}", mode.trim_start_matches('0'));
            assert!(found.contains(&wanted.as_str()), "{wanted}\n{found:#?}");
        }
        assert!(self.told("once: ").len() > 5, "{:?}", self.told("once: "));
        // The size that is built in, which the reference lab has, too; and a root that has grown from 2 GiB.
        let sizes = self.told("disk: ")[0].split(' ').map(|n| n.parse::<u64>().expect("bytes"));
        let sizes: Vec<u64> = sizes.collect();
        assert_eq!(sizes[0], 10 << 30);
        assert!(sizes[1] > sizes[0] / 100 * 95, "{sizes:?}");
    }
}

#[test]
fn a_disk_becomes_the_node_of_its_seed_and_a_second_boot_without_it_changes_nothing() {
    let _turn = turn();
    let text = fs::read_to_string(format!("{ROOT}/examples/reference.yaml")).expect("an example");
    let lab = lab(&text);
    lab.done(&["seed", "controller"]);
    let (with_seed, without) = disk(&lab);
    let first = Boot::new(&lab, &[], &with_seed);
    let source = first.told("source: ")[0];
    assert!(source.contains("DataSourceNoCloud [seed=/dev/sr0]"), "{source}");
    first.assert_is_the_node(&lab);
    let ports = first.told("address: ");
    assert!(ports[0].starts_with("enp0s3 ") && ports[0].ends_with(" 10.0.0.11/24"), "{ports:?}");
    assert!(ports[1].starts_with("enp0s9 ") && ports[1].ends_with(" none"), "{ports:?}");

    let second = Boot::new(&lab, &[], &without);
    let source = second.told("source: ")[0];
    assert!(source.contains("DataSourceConfigDrive"), "{source}");
    assert_eq!(second.told("once: "), [""; 0]);
    for kind in ["disk: ", "address: ", "file: "] {
        assert_eq!(second.told(kind), first.told(kind));
    }
}

/// The lab's own server; it ends with this value, or with the test.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(lab: &Lab) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        // QEMU's own network has this machine there.
        let url = format!("http://10.0.0.2:{}", address.port());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", PROGRAM, "serve", "--image"]);
        command.arg(format!("{ROOT}/target/standin/small.iso"));
        command.args(["--listen", &address.to_string(), "--url", &url]);
        command.current_dir(lab.path(".")).stdin(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("a server");
        let server = Self { process, url };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "it does not listen");
            sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the controller is, as the server has it.
fn status(lab: &Lab) -> serde_json::Value {
    let said = lab.done(&["node", "status", "controller", "--format", "json"]).stdout;
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    said["nodes"][0].clone()
}

#[test]
fn a_disk_becomes_the_node_that_the_server_has_the_seed_of() {
    let _turn = turn();
    let lab = lab(&seeded_by_web());
    let server = Server::start(&lab);
    for (way, found) in [("kernel", "cmdline"), ("QEMU", "dmi")] {
        lab.done(&["node", "arm", "controller"]);
        let said = lab.done(&["node", "seed", "controller"]).stdout;
        let line = said.lines().find_map(|line| line.strip_prefix(way)).expect(way);
        let told = line.trim_start();
        let (_, words) = disk(&lab);
        let boot = match way {
            "kernel" => Boot::new(&lab, &["--kernel", told], &words),
            _ => Boot::new(&lab, &[], &format!("{words} {told}")),
        };
        let source = boot.told("source: ")[0];
        let wanted = format!("DataSourceNoCloudNet [seed={found},{}/n/", server.url);
        assert!(source.contains(&wanted), "{source}");
        boot.assert_is_the_node(&lab);
        let report = "600 root:root /etc/trainyard/report";
        assert!(boot.told("file: ").iter().any(|file| file.ends_with(report)));
        let ports = boot.told("address: ");
        assert_eq!(ports, ["eth0 08:00:27:00:00:11 10.0.0.11/24", "eth1 08:00:27:00:00:12 none"]);
        let status = status(&lab);
        assert!(status["state"] != "armed" && status["attempts"] == 1, "{status}");
        if way == "QEMU" {
            // Its address is dead, and the machine is told it still.
            lab.done(&["node", "arm", "controller"]);
            let again = Boot::seen(&lab, &[], &format!("{words} {told}"));
            assert_eq!(again.told("once: "), [""; 0]);
            for kind in ["disk: ", "address: ", "file: "] {
                assert_eq!(again.told(kind), boot.told(kind));
            }
        }
    }
}
