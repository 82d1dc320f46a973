//! Disks for data.

use std::fs;

use crate::{info, lab_with};

const DATA: &str = ", storage: {data: {disk: {size: '>=3GiB'}, mount: /srv}}";

#[test]
fn a_disk_for_data_is_made_once_and_never_replaced() {
    let lab = lab_with(DATA);
    let said = lab.done(&["disk", "compute", "--kind", "vdi"]);
    assert!(said.stdout.ends_with("\ncompute-data.vdi  vdi, for data\n"), "{said:?}");
    assert_eq!(info(&lab.path("compute-data.vdi"), "vdi")["virtual-size"], 3_u64 << 30);
    assert!(
        said.stderr.contains("--port 1 --device 0 --type hdd --medium compute-data.vdi\n"),
        "{said:?}"
    );
    fs::write(lab.path("compute-data.vdi"), "a year's work").expect("written");
    let said = lab.done(&["disk", "compute", "--kind", "vdi", "--force", "--format", "json"]);
    assert_eq!(lab.read("compute-data.vdi"), "a year's work");
    assert!(
        said.stderr.contains("note: the disk for data, `compute-data.vdi`, is there and stays"),
        "{said:?}"
    );
    assert!(said.stderr.contains("--type hdd --medium compute-data.vdi\n"), "{said:?}");
    let told: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(told["data"], serde_json::json!({ "path": "compute-data.vdi", "made": false }));
    // The other node has none.
    assert_eq!(lab.done(&["disk", "controller"]).stdout.lines().count(), 1);
}

#[test]
fn where_its_size_is_not_known_it_is_told() {
    for disk in ["sdb", "{size: '<=3GiB'}"] {
        let lab = lab_with(&format!(", storage: {{data: {{disk: {disk}}}}}"));
        let said = lab.done(&["disk", "compute"]);
        assert!(
            said.stderr.contains("no disk for data is made, because the lab says no size of `"),
            "{said:?}"
        );
        assert!(!lab.path("compute-data.qcow2").exists());
    }
}
