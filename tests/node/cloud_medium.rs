//! Once with nothing in between: machines in QEMU whose firmware boots the disk that `trainyard disk` made, and a cloud-init that finds the seed
//! that `trainyard seed` made: on a CD by its label, on a web server by what the machine is told. QEMU gets the words that both print.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::area::turn;
use crate::common::installed::files_of;
use crate::common::{Lab, ROOT, judged, outcome, seeded_by_web};

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
        let mut command = Command::new("bash");
        command.current_dir(lab.path(".")).arg("-c");
        command.arg(format!("exec {ROOT}/{SCRIPT} \"$@\" -- {words}")).arg("bash").args(options);
        let outcome = outcome(command);
        assert_eq!(outcome.status, 0, "{words}\n{outcome:?}");
        let said = outcome.stdout.lines().filter_map(|line| line.strip_prefix("seed: "));
        let boot = Self(said.map(str::to_owned).collect());
        assert_eq!(boot.told("status: "), ["done"]);
        assert_eq!(boot.warnings(), [""; 0]);
        assert_eq!(boot.told("kept: "), [""; 0], "files with secrets");
        boot
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

/// A folder on a web server of this machine alone; it ends with this value, or with the test.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "python3", "-u", "-m", "http.server"]);
        command.args(["--bind", "127.0.0.1", "--directory"]).arg(folder).arg("0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("a server");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("its first line");
        let port = said.split(' ').skip_while(|word| *word != "port").nth(1).expect("a port");
        Self { process, port: port.to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_disk_becomes_the_node_that_a_web_server_has_the_seed_of() {
    let _turn = turn();
    let lab = lab(&seeded_by_web());
    let server = Server::start(&lab.path("."));
    // QEMU's own network has this machine there.
    let url = format!("http://10.0.0.2:{}", server.port);
    let said = lab.done(&["seed", "controller", "--kind", "nocloud-net", "--url", &url]).stderr;
    for (way, found) in [("kernel", "cmdline"), ("QEMU", "dmi")] {
        let told = to_paste(&said, way);
        let (_, words) = disk(&lab);
        let boot = match way {
            "kernel" => Boot::new(&lab, &["--kernel", told], &words),
            _ => Boot::new(&lab, &[], &format!("{words} {told}")),
        };
        let source = boot.told("source: ")[0];
        let wanted = format!("DataSourceNoCloudNet [seed={found},{url}/controller-nocloud/]");
        assert!(source.contains(&wanted), "{source}");
        boot.assert_is_the_node(&lab);
        let ports = boot.told("address: ");
        assert_eq!(ports, ["eth0 08:00:27:00:00:11 10.0.0.11/24", "eth1 08:00:27:00:00:12 none"]);
    }
}
