//! Images that no disk is made from.

use std::fs;

use crate::common::Lab;
use crate::{image, judge, judged, lab, refused, sha256};

/// An image of the given name, as `qemu-img create` makes it with these arguments.
fn created(lab: &Lab, arguments: &[&str]) {
    let mut command = judge("qemu-img");
    command.current_dir(lab.path(".")).args(["create", "-q", "-f", "qcow2"]).args(arguments);
    judged(command);
}

/// Each is refused before any other program has opened it.
#[test]
fn an_image_that_leads_elsewhere_is_not_followed() {
    let lab = lab();
    // The lab says nothing that would refuse it before.
    let text = lab.read("lab.yaml").replace("sha256: ", "size: 196616} #");
    fs::write(lab.path("lab.yaml"), text).expect("written");
    created(&lab, &["-u", "-b", "/etc/shadow", "-F", "raw", "backing.qcow2", "64M"]);
    created(&lab, &["-o", "data_file=data.raw", "data.qcow2", "64M"]);
    fs::write(lab.path("raw.qcow2"), vec![0; 1 << 20]).expect("written");
    fs::write(lab.path("short.qcow2"), b"QFI\xfb\0\0\0\x03").expect("written");
    for (name, why) in [
        ("backing.qcow2", "it is an overlay: what is on it stands in another file, which it names"),
        ("data.qcow2", "it keeps what is on it in another file, which it names"),
        ("raw.qcow2", "it is no qcow2 image"),
        ("short.qcow2", "it ends too early for a qcow2 image"),
        (".", "it is no file"),
    ] {
        let said = refused(&lab, &["disk", "compute", "-v", "--image", name], 9, why);
        assert!(
            said.stderr.contains(&format!("no disk can be made from `{name}`: {why}")),
            "{said:?}"
        );
        assert!(!said.stderr.contains(" info "), "{name}: {said:?}");
    }
    refused(&lab, &["disk", "compute", "--image", "none.qcow2"], 9, "`none.qcow2`: No such file");
}

#[test]
fn an_image_is_what_the_lab_says() {
    let lab = lab();
    image(&lab, "other.qcow2");
    let file = fs::File::options().append(true).open(lab.path("other.qcow2")).expect("opened");
    std::io::Write::write_all(&mut &file, b"!").expect("written");
    let (right, other) = (sha256(&lab.path("base.qcow2")), sha256(&lab.path("other.qcow2")));
    let told = format!(
        "is not what it should be: its SHA-256 is `{other}`, not `{right}`; name the right file"
    );
    refused(&lab, &["disk", "compute", "--image", "other.qcow2"], 5, &told);
    fs::rename(lab.path("other.qcow2"), lab.path("base.qcow2")).expect("moved");
    let told = format!("its SHA-256 is `{other}`, not `{right}`; bring the right file there");
    refused(&lab, &["disk", "compute"], 5, &told);

    let size = fs::metadata(lab.path("base.qcow2")).expect("there").len();
    let said = lab.read("lab.yaml").replace(&format!("sha256: {right}"), "size: 1");
    fs::write(lab.path("lab.yaml"), said).expect("written");
    refused(&lab, &["disk", "compute"], 5, &format!("its size is `{size}`, not `1`"));

    let said = lab.read("lab.yaml").replace(", size: 1", "");
    fs::write(lab.path("lab.yaml"), said).expect("written");
    let said = lab.done(&["disk", "compute"]);
    let told = format!("where it is right, `cloud_image: {{sha256: {other}}}` in the lab file");
    assert!(said.stderr.contains(&told), "{said:?}");
}

/// What is missing at its end would read as zeros.
#[test]
fn an_image_that_is_cut_off_is_damaged() {
    let lab = lab();
    let file = fs::File::options().write(true).open(lab.path("base.qcow2")).expect("opened");
    let size = file.metadata().expect("known").len();
    file.set_len(size - (1 << 20)).expect("cut");
    let text = lab.read("lab.yaml").replace(", sha256: ", "} # ");
    fs::write(lab.path("lab.yaml"), text).expect("written");
    refused(&lab, &["disk", "compute"], 9, "it is damaged, or not all of it is there: ");
}

#[test]
fn an_image_that_is_larger_than_the_disk_is_refused() {
    let lab = lab();
    created(&lab, &["large.qcow2", "11G"]);
    let told = "large.qcow2` is a disk of 11GiB, and `controller` has one of 10GiB: say `disk: 11GiB` or more for it in the lab file";
    refused(&lab, &["disk", "controller", "--image", "large.qcow2"], 3, told);
    // Its size is looked at before it is read as a whole; the compute's disk is large enough.
    refused(&lab, &["disk", "compute", "--image", "large.qcow2"], 5, "its SHA-256 is `");
}
