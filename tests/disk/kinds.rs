//! The disks that are made.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::{are_equal, info, lab, left};

#[test]
fn an_overlay_reads_as_its_image_and_names_it() {
    let lab = lab();
    let before = fs::read(lab.path("base.qcow2")).expect("the image");
    let said = lab.done(&["disk", "compute"]);
    let base = lab.path("base.qcow2").canonicalize().expect("there");
    let base = base.display().to_string();
    assert_eq!(
        said.stdout,
        format!("compute.qcow2  qcow2, 12288 MiB, an overlay over {base}\n"),
        "{said:?}"
    );
    assert!(
        said.stderr.contains(&format!("it needs `{base}` where it is, and unchanged\n")),
        "{said:?}"
    );
    let made = info(&lab.path("compute.qcow2"), "qcow2");
    assert_eq!(made["virtual-size"], 12_u64 << 30);
    assert_eq!(
        (&made["backing-filename"], &made["backing-filename-format"]),
        (&base.clone().into(), &"qcow2".into())
    );
    are_equal(&lab, ("base.qcow2", "qcow2"), ("compute.qcow2", "qcow2"));
    let metadata = fs::metadata(lab.path("compute.qcow2")).expect("there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "it will hold the node's secrets");
    assert!(metadata.len() < 1 << 20, "{} bytes", metadata.len());
    assert!(fs::read(lab.path("base.qcow2")).expect("the image") == before);
    assert_eq!(left(&lab), ["compute.qcow2"]);
}

#[test]
fn a_full_copy_reads_as_its_image_and_needs_nothing() {
    let lab = lab();
    for kind in ["vdi", "vmdk", "raw"] {
        let name = format!("disks/one.{kind}");
        let said = lab.done(&["disk", "controller", "--kind", kind, "-o", &name]);
        assert_eq!(said.stdout, format!("{name}  {kind}, 10240 MiB\n"), "{said:?}");
        let metadata = fs::metadata(lab.path(&name)).expect("there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        // What is empty takes no room.
        assert!(metadata.blocks() * 512 < 16 << 20, "{kind}: {} blocks", metadata.blocks());
        let made = info(&lab.path(&name), kind);
        assert_eq!(made["virtual-size"], 10_u64 << 30, "{kind}");
        assert!(made["backing-filename"].is_null(), "{kind}");
    }
    assert_eq!(lab.names("disks"), ["one.raw", "one.vdi", "one.vmdk"], "and nothing else is left");
    fs::rename(lab.path("base.qcow2"), lab.path("moved.qcow2")).expect("moved");
    for kind in ["vdi", "vmdk", "raw"] {
        are_equal(&lab, ("moved.qcow2", "qcow2"), (&format!("disks/one.{kind}"), kind));
    }
}

#[test]
fn the_next_step_is_ready_to_paste() {
    let lab = lab();
    let macs = lab.done(&["plan", "compute", "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&macs).expect("JSON");
    let mac = |n: usize| plan["interfaces"][n]["mac"].as_str().expect("a MAC").to_owned();

    let said = lab.done(&["disk", "compute", "-o", "it's,here.qcow2"]).stderr;
    assert!(said.contains("next: `trainyard seed compute`, and attach both"), "{said}");
    let line = said.lines().find_map(|line| line.strip_prefix("  QEMU        ")).expect("a line");
    let network = format!("-nic user,net=10.0.0.0/24,host=10.0.0.1,mac={}", mac(0));
    assert!(
        line.ends_with(&format!("-cdrom compute-cidata.iso {network} -nic user,mac={}", mac(1))),
        "{line}"
    );
    // QEMU itself takes them, as a shell hands them on.
    lab.done(&["seed", "compute"]);
    let mut qemu = crate::judge("sh");
    qemu.current_dir(lab.path(".")).args(["-c", &format!(
        "echo quit | qemu-system-x86_64 -machine pc,accel=tcg -S -display none -m 64 -monitor stdio {line}"
    )]);
    crate::judged(qemu);

    // QEMU's own network gives by DHCP what the lab says that is given.
    let text = lab.read("lab.yaml");
    let dhcp = format!("networks: {{management: {{addresses: dhcp}}}}\n{text}");
    fs::write(lab.path("dhcp.yaml"), dhcp).expect("written");
    let said = lab.done(&["disk", "controller", "--lab", "dhcp.yaml"]).stderr;
    assert!(said.contains(" -nic user,net=10.0.0.0/24,dhcpstart=10.0.0.11,mac="), "{said}");

    let said = lab.done(&["disk", "compute", "--kind", "vdi", "--lab", "./lab.yaml"]).stderr;
    for line in [
        "next: `trainyard seed compute --lab ./lab.yaml`".to_owned(),
        format!(
            "VBoxManage modifyvm compute --macaddress1 {} --macaddress3 {}\n",
            mac(0).replace(':', ""),
            mac(1).replace(':', "")
        ),
        "--port 0 --device 0 --type hdd --medium compute.vdi\n".to_owned(),
        "--port 1 --device 0 --type dvddrive --medium compute-cidata.iso\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
}

#[test]
fn programs_are_told_in_json_and_nothing_else_is_said() {
    let lab = lab();
    let said = lab.done(&["disk", "compute", "--format", "json", "-q"]);
    assert_eq!(said.stderr, "");
    let told: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let base = lab.path("base.qcow2").canonicalize().expect("there").display().to_string();
    let wanted = serde_json::json!({
        "schema": 1, "node": "compute",
        "disk": { "path": "compute.qcow2", "format": "qcow2", "virtual_size": 12_u64 << 30, "backing_file": base },
        "data": null,
        "image": { "path": base, "sha256": crate::sha256(&lab.path("base.qcow2")) },
    });
    assert_eq!(told, wanted);
}
