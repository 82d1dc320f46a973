//! Once with nothing in between: a machine in QEMU, a CD in its drive, and a cloud-init that finds it by its label.

use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::common::installed::files_of;
use crate::common::{Lab, ROOT, outcome};

/// What its log may warn of: the machine's root is in its memory.
const HARMLESS: &str = "Device '/dev/rootfs' did not exist. cannot resize";

#[test]
fn a_real_machine_finds_its_seed_in_the_drive() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "controller", "-o", "out"]);
    lab.done(&["seed", "controller"]);
    let mut command = Command::new(format!("{ROOT}/scripts/dev/cloud-boot.sh"));
    command.arg(lab.path("controller-cidata.iso"));
    let outcome = outcome(command);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let said: Vec<_> = outcome.stdout.lines().filter_map(|l| l.strip_prefix("seed: ")).collect();
    assert!(said[0].contains("DataSourceNoCloud [seed=/dev/sr0]"), "{}", said[0]);
    assert_eq!(said[1], "status: done");
    let told = |kind: &str| -> Vec<_> {
        said.iter().filter(|l| l.starts_with(kind) && !l.contains(HARMLESS)).collect()
    };
    assert!(told("warning: ").is_empty(), "{:#?}", told("warning: "));
    assert!(told("kept: ").is_empty(), "{:#?}", told("kept: "));
    for (path, mode, content) in files_of(&lab.read("out/controller/user-data")) {
        let digest = Sha256::digest(content.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let mode = mode.trim_start_matches('0');
        let wanted = format!("file: {digest} {mode} root:root {path}");
        assert!(said.contains(&wanted.as_str()), "{wanted}\n{:#?}", told("file: "));
    }
}
