//! One ISO for several nodes, and menus as a person wants them.

use std::fs;
use std::path::Path;

use crate::common::{Lab, judge, judged};
use crate::{assert_gives_back, assert_passes_media_check, base, extracted, sha256, xorriso};

const LAB: &str = "\
nodes:
  controller: {role: controller, address: 10.0.0.11, interfaces: {enp0s3: {network: management, mac: \"08:00:27:00:00:11\"}}}
  compute1: {role: compute, address: 10.0.0.31, installer: {boot_arguments: [nomodeset, net.ifnames=1]}}
  compute2: {role: compute, address: 10.0.0.32, installer: {boot_arguments: [nomodeset], boot_timeout: 9}}
";

fn inspected(lab: &Lab, iso: &str) -> serde_json::Value {
    let said = lab.done(&["inspect", iso, "--format", "json"]).stdout;
    serde_json::from_str(&said).expect("JSON")
}

/// The titles of a menu's entries, the kickstart each starts with, and which one starts by itself.
fn entries(menu: &serde_json::Value) -> Vec<(String, String, bool)> {
    let entries = menu["entries"].as_array().expect("entries");
    let entry = |e: &serde_json::Value| {
        let arguments = e["arguments"].as_array().expect("arguments");
        let kickstart = arguments.iter().filter_map(|a| a.as_str()?.strip_prefix("inst.ks="));
        let mut kickstart =
            kickstart.filter_map(|ks| ks.rsplit_once(':')).map(|(_, path)| path.to_owned());
        let title = e["title"].as_str().expect("a title").to_owned();
        (title, kickstart.next_back().unwrap_or_default(), e["default"] == true)
    };
    entries.iter().map(entry).collect()
}

#[test]
fn one_for_the_lab() {
    let lab = Lab::new(LAB);
    lab.done(&["render", "-o", "rendered"]);
    let said = lab.done(&["build", "--together", "-o", "isos", "--image", base()]);
    assert!(said.stdout.contains("isos/train.iso  controller, compute1, compute2"), "{said:?}");
    assert_eq!(lab.names("isos"), ["train.iso"]);
    let iso = lab.path("isos/train.iso");
    for node in ["controller", "compute1", "compute2"] {
        let rendered = sha256(&lab.path(&format!("rendered/{node}/ks.cfg")));
        assert_eq!(sha256(&extracted(&lab, &iso, &format!("/nodes/{node}/ks.cfg"))), rendered);
    }
    let chooser = fs::read_to_string(extracted(&lab, &iso, "/ks.cfg")).expect("text");
    assert!(chooser.contains("08:00:27:00:00:11"), "{chooser}");
    let data = inspected(&lab, "isos/train.iso");
    for menu in data["menus"].as_array().expect("menus") {
        assert_eq!(menu["timeout_seconds"].as_f64(), Some(9.0), "the longest of all: {menu}");
        let found = entries(menu);
        let expected = [
            ("Install this machine: a node of the lab train", "/ks.cfg", true),
            ("Install controller of the lab train (to sda)", "/nodes/controller/ks.cfg", false),
            ("Install compute1 of the lab train (to sda)", "/nodes/compute1/ks.cfg", false),
            ("Install compute2 of the lab train (to sda)", "/nodes/compute2/ks.cfg", false),
        ];
        for (found, (title, kickstart, default)) in found.iter().zip(expected) {
            assert_eq!(*found, (title.to_owned(), kickstart.to_owned(), default), "{menu}");
        }
        assert!(found[4..].iter().all(|(_, kickstart, _)| kickstart.is_empty()), "{menu}");
        // What one node asks for is at its own entry only; what all ask for would be at the first as well.
        let arguments = |n: usize| menu["entries"][n]["arguments"].to_string();
        assert!(
            !arguments(0).contains("nomodeset") && arguments(2).contains("net.ifnames=1"),
            "{menu}"
        );
    }
    assert_passes_media_check(&iso);
    assert_gives_back(&lab, "isos/train.iso", Path::new(base()));
}

/// A role's, of which no node says by what it is known: a person chooses.
#[test]
fn one_for_a_role() {
    let lab = Lab::new(LAB);
    lab.done(&["build", "--together", "--role", "compute", "-o", "isos", "--image", base()]);
    assert_eq!(lab.names("isos"), ["compute.iso"]);
    let data = inspected(&lab, "isos/compute.iso");
    assert_eq!(data["built"]["nodes"].as_array().map(Vec::len), Some(2));
    for menu in data["menus"].as_array().expect("menus") {
        assert!(menu["timeout_seconds"].is_null(), "it waits: {menu}");
        assert!(menu["entries"][0]["arguments"].to_string().contains("nomodeset"), "{menu}");
        assert_eq!(entries(menu)[1].1, "/nodes/compute1/ks.cfg");
    }
    // Each its own, of that role alone.
    lab.done(&["build", "--role", "compute", "-o", "each", "--image", base()]);
    assert_eq!(lab.names("each"), ["compute1.iso", "compute2.iso"]);
    let wrong = lab.run(&["build", "--role", "compte", "-o", "each", "--image", base()]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("did you mean `compute`"), "{wrong:?}");
}

#[test]
fn menus_as_a_person_wants_them() {
    let lab = Lab::new(LAB);
    fs::write(lab.path("password"), "open sesame\n").expect("written");
    let arguments = [
        "build",
        "controller",
        "-o",
        "isos",
        "--image",
        base(),
        "--kernel-arg",
        "inst.text",
        "--without-kernel-arg",
        "quiet",
        "--serial-console",
        "ttyS1,9600",
        "--menu-title",
        "The lab",
        "--menu-timeout",
        "none",
        "--menu-password-file",
        "password",
        "--volume-id",
        "TRAIN-LAB",
    ];
    let said = lab.done(&arguments);
    assert!(!format!("{said:?}").contains("sesame"));
    let iso = lab.path("isos/controller.iso");
    let info = xorriso(&iso, &["-pvd_info"]);
    assert!(info.contains("Volume Id    : TRAIN-LAB"), "{info}");
    let data = inspected(&lab, "isos/controller.iso");
    assert_eq!(data["label"], "TRAIN-LAB");
    for menu in data["menus"].as_array().expect("menus") {
        assert!(menu["timeout_seconds"].is_null(), "{menu}");
        for entry in menu["entries"].as_array().expect("entries") {
            let arguments = entry["arguments"].to_string();
            assert!(!arguments.contains("CentOS"), "another reference is left: {entry}");
            if entry["default"] == true {
                for wanted in [
                    "inst.text",
                    "console=ttyS1,9600",
                    "inst.stage2=hd:LABEL=TRAIN-LAB",
                    "inst.ks=hd:LABEL=TRAIN-LAB:/ks.cfg",
                ] {
                    assert!(arguments.contains(wanted), "{wanted}: {entry}");
                }
                assert!(!arguments.contains("\"quiet\""), "{entry}");
            }
        }
    }
    let text = |path| fs::read_to_string(extracted(&lab, &iso, path)).expect("text");
    let (isolinux, grub) = (text("/isolinux/isolinux.cfg"), text("/EFI/BOOT/grub.cfg"));
    assert!(
        isolinux.contains("serial 1 9600\n") && isolinux.contains("menu title The lab\n"),
        "{isolinux}"
    );
    assert!(isolinux.contains("menu master passwd $6$"), "{isolinux}");
    assert!(
        grub.contains("serial --unit=1 --speed=9600") && grub.contains("password_pbkdf2 "),
        "{grub}"
    );
    assert!(!isolinux.contains("sesame") && !grub.contains("sesame"));
    let mut check = judge("grub-script-check");
    check.arg(extracted(&lab, &iso, "/EFI/BOOT/grub.cfg"));
    judged(check);
    assert!(lab.done(&arguments).stdout.contains("(unchanged)"));
    assert_gives_back(&lab, "isos/controller.iso", Path::new(base()));
    // And the other way: no serial line, whatever the lab file says.
    let lab = Lab::new(
        "installer: {boot_arguments: [\"console=ttyS0\"]}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    lab.done(&["build", "-o", "isos", "--image", base(), "--serial-console", "off"]);
    let menu =
        fs::read_to_string(extracted(&lab, &lab.path("isos/controller.iso"), "/EFI/BOOT/grub.cfg"));
    assert!(!menu.expect("text").contains("console=ttyS0"));
}

#[test]
fn what_cannot_be_wanted_is_told() {
    let lab = Lab::new(LAB);
    fs::write(lab.path("empty"), "\n").expect("written");
    for (arguments, code, word) in [
        (["--serial-console", "ttyS9"], 2, "ttyS0 to ttyS3"),
        (["--serial-console", "ttyS0,1"], 2, "115200"),
        (["--menu-timeout", "3600"], 2, "3599"),
        (["--menu-title", "a^b"], 9, "hot key"),
        (["--volume-id", "TRAIN/LAB"], 9, "hd:LABEL="),
        (["--kernel-arg", "two words"], 9, "the kernel would split it"),
        (["--menu-password-file", "empty"], 2, "it is empty"),
        (["--menu-password-file", "nothing"], 9, "`nothing`"),
    ] {
        let mut command = lab.command(&["build", "controller", "-o", "isos", "--image", base()]);
        command.args(arguments);
        let refused = crate::common::outcome(command);
        assert_eq!(refused.status, code, "{arguments:?} {refused:?}");
        assert!(refused.stderr.contains(word), "{arguments:?} {refused:?}");
        assert!(!lab.path("isos/controller.iso").exists());
    }
}
