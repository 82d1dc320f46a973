//! The way of an install medium: an empty disk leads to it, and a disk that starts is started.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{ROOT, judged};
use crate::running::Machines;

/// Emulated, and beside other tests.
const LONG: Duration = Duration::from_secs(180);

/// Waits until a node's console has a line that begins with this, and returns its rest.
fn said(lab: &Machines, node: &str, begins: &str) -> String {
    let end = Instant::now() + LONG;
    loop {
        let log = fs::read(lab.machine(&format!("nodes/{node}/console.log"))).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).replace('\r', "");
        let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let found = lines.filter_map(|line| line.trim_end().strip_prefix(begins)).next_back();
        if let Some(rest) = found {
            return rest.to_owned();
        }
        assert!(Instant::now() < end, "no {begins:?} in {log}");
        sleep(Duration::from_millis(200));
    }
}

/// A boot sector that says so on the serial port (0x3f8), and stands still.
fn sector(text: &str) -> Vec<u8> {
    let mut code = vec![0xba, 0xf8, 0x03]; // mov dx, 0x3f8
    code.extend(text.bytes().flat_map(|byte| [0xb0, byte, 0xee])); // mov al, BYTE; out dx, al
    code.extend([0xf4, 0xeb, 0xfd]); // hlt; jmp to it
    code.resize(510, 0);
    code.extend([0x55, 0xaa]);
    code
}

#[test]
fn an_empty_disk_is_installed_and_one_that_starts_is_not() {
    let lab = Machines::new();
    let mut make = Command::new(Path::new(ROOT).join("scripts/dev/standin-iso.sh"));
    make.arg("-o").arg(lab.path("medium.iso"));
    judged(make);
    let up = ["lab", "up", "compute", "--no-wait", "--via", "iso", "--image", "medium.iso"];
    let words = |more: &[&str]| -> Vec<String> {
        let port = ["--provider", "qemu", "--port-base", &lab.port.to_string()].map(str::to_owned);
        more.iter().map(|word| (*word).to_owned()).chain(port).collect()
    };
    let words = words(&up);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = lab.other(&words);
    assert_eq!(done.status, 0, "{done:?}");
    // What the medium starts reads the node's kickstart from it, and switches the machine off.
    let read = said(&lab, "compute", "standin: kickstart: /ks.cfg sha256 ");
    let medium = lab.machine("nodes/compute/install.iso").display().to_string();
    let inspected = lab.done(&["inspect", &medium, "--format", "json"]).stdout;
    assert!(inspected.contains(&read), "{read}\n{inspected}");
    lab.wait_for(&["controller missing", "compute off"]);

    // As an installation leaves it: its disk starts something.
    fs::write(lab.path("sector"), sector("its own disk\n")).expect("written");
    let from = lab.path("sector").display().to_string();
    lab.disk("compute", &format!("write -s {from} 0 512"));
    fs::remove_file(lab.machine("nodes/compute/console.log")).expect("removed");
    let done = lab.other(&words);
    assert_eq!(done.status, 0, "{done:?}");
    said(&lab, "compute", "its own disk");
    let log = fs::read_to_string(lab.machine("nodes/compute/console.log")).expect("text");
    assert!(!log.contains("standin:"), "{log}");
    assert_eq!(lab.powers(), ["controller missing", "compute running"]);
}
