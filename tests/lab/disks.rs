//! Disks that the lab file names: they are there, or it is told that they cannot be.

use crate::common::{judge, judged};
use crate::running::Machines;

const COMPUTE: &str = "compute: {";

#[test]
fn a_disk_for_data_is_made_and_is_what_the_lab_calls_it() {
    let lab = Machines::new();
    lab.change(COMPUTE, "compute: {storage: {data: {disk: sdb, mount: /srv}}, ");
    lab.done(&["lab", "up", "compute", "--no-wait"]);
    let mut info = judge("qemu-img");
    info.args(["info", "-U", "--output=json"]).arg(lab.machine("nodes/compute/data.qcow2"));
    let told: serde_json::Value = serde_json::from_str(&judged(info).stdout).expect("JSON");
    // As much as the system's has, where nobody says how much.
    assert_eq!(told["virtual-size"], 20_u64 << 30);
    let lines: String = lab.processes().into_iter().map(|(_, line)| line).collect();
    assert!(lines.contains("ide-hd,bus=sata.1,drive=disk1 "), "{lines}");
}

#[test]
fn disks_that_no_machine_has_are_told_with_their_keys_and_nothing_is_made() {
    let lab = Machines::new();
    lab.change("  disk: sda ", "  disk: nvme0n1 ");
    let data = "compute: {storage: {data: {disk: {bus: usb, model: Disk 7}, mount: /srv}}, ";
    lab.change(COMPUTE, data);
    let refused = lab.run(&["lab", "up", "compute", "--no-wait"]);
    assert_eq!(refused.status, 9, "{refused:?}");
    for word in [
        "disks of node `compute`",
        "`storage.disk: nvme0n1` (it is called `sda` here)",
        "`storage.data.disk.bus: usb`",
        "`storage.data.disk.model: Disk 7`",
    ] {
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    assert!(!lab.machine("").exists());
}
