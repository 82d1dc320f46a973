//! The way of an install medium: an empty disk leads to it, and a disk that starts is started.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{judge, judged};
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

/// As an installation leaves it: a node's disk starts something, which says so, and nothing else does.
fn assert_starts_its_disk(lab: &Machines, node: &str, up: &[&str]) {
    fs::write(lab.path("sector"), sector("its own disk\n")).expect("written");
    let from = lab.path("sector").display().to_string();
    lab.disk(node, &format!("write -s {from} 0 512"));
    fs::remove_file(lab.machine(&format!("nodes/{node}/console.log"))).expect("removed");
    let mut begun = lab.begun(up);
    said(lab, node, "its own disk");
    let log = fs::read(lab.machine(&format!("nodes/{node}/console.log"))).expect("a log");
    let log = String::from_utf8_lossy(&log);
    assert!(!log.contains("standin:") && !log.contains("iPXE"), "{log}");
    let _ = begun.kill();
    begun.wait().expect("it ends");
}

/// Has a node made and installed, as far as the stand-in goes, which reads its kickstart and switches the machine off; and started once
/// more. `begins`: what it says before the kickstart's digest, which is returned.
fn installed(lab: &Machines, via: &str, begins: &str) -> String {
    let up = ["lab", "up", "compute", "--no-wait", "--via", via, "--image", "medium.iso"];
    lab.done(&up);
    let read = said(lab, "compute", begins);
    lab.wait_for(&["controller missing", "compute off"]);
    assert_starts_its_disk(lab, "compute", &up);
    assert_eq!(lab.powers(), ["controller missing", "compute running"]);
    read
}

#[test]
fn an_empty_disk_is_installed_from_a_medium_and_one_that_starts_is_not() {
    let lab = Machines::with_medium();
    let read = installed(&lab, "iso", "standin: kickstart: /ks.cfg sha256 ");
    let medium = lab.machine("nodes/compute/install.iso").display().to_string();
    let inspected = lab.done(&["inspect", &medium, "--format", "json"]).stdout;
    assert!(inspected.contains(&read), "{read}\n{inspected}");
}

/// The untouched medium waits a minute before it starts by itself, and takes the kickstart that lies beside it.
#[test]
fn an_empty_disk_is_installed_by_a_seed_and_one_that_starts_is_not() {
    let lab = Machines::with_medium();
    let read = installed(&lab, "seed", "standin: kickstart: OEMDRV:/ks.cfg sha256 ");
    let kickstart = lab.path("ks.cfg");
    let mut extract = judge("xorriso");
    extract.args(["-osirrox", "on", "-indev"]).arg(lab.machine("nodes/compute/oemdrv.iso"));
    judged({
        extract.args(["-extract", "/ks.cfg"]).arg(&kickstart);
        extract
    });
    let mut digest = judge("sha256sum");
    digest.arg(&kickstart);
    assert_eq!(judged(digest).stdout.split(' ').next(), Some(read.as_str()));
    let text = fs::read_to_string(&kickstart).expect("a kickstart");
    assert!(text.contains(&format!("http://10.0.0.1:{}/r/", lab.port)), "it tells how far it is");
}

#[test]
fn an_empty_disk_is_installed_by_the_network_and_one_that_starts_is_not() {
    let lab = Machines::with_medium();
    let up = ["lab", "up", "--via", "pxe", "--image", "medium.iso"];
    let begun = lab.listened(&up);
    // The stand-in tells the server that it has installed, as the kickstart says, and switches the machine off. That the one is off ends
    // nothing for the other.
    let ended = begun.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(5), "{told}");
    let read = |node: &str| said(&lab, node, "standin: kickstart: http://10.0.0.1");
    assert_ne!(read("controller"), read("compute"), "each has its own");
    for node in ["controller", "compute"] {
        let off = format!("{node} is not up: its machine does not run any more");
        assert!(told.contains(&off), "{off}\n{told}");
    }
    assert_starts_its_disk(&lab, "compute", &up);

    for more in [&["--provider", "virtualbox"][..], &["--provider", "qemu", "--firmware", "efi"]] {
        let mut words = vec!["lab", "up", "--state", "elsewhere", "--via", "pxe"];
        words.extend(more);
        let refused = lab.other(&words);
        assert_eq!(refused.status, 8, "{refused:?}");
        assert!(refused.stderr.contains("--via"), "{refused:?}");
    }
}
