//! Seeds: tiny media and folders that tell a system, or an installer, which node it is. Judged by xorriso and blkid.

#[path = "../common/mod.rs"]
mod common;

mod boot;

use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Lab, judge, judged, outcome, seeded_by_web};
use flate2::read::GzDecoder;

/// A file of a medium, by xorriso.
fn extracted(lab: &Lab, iso: &str, name: &str) -> Vec<u8> {
    let target = lab.path(&format!("extracted-{}", name.replace('/', "-")));
    let _ = fs::remove_file(&target);
    let mut command = judge("xorriso");
    command.args(["-no_rc", "-osirrox", "on", "-indev"]).arg(lab.path(iso));
    command.args(["-extract", &format!("/{name}")]).arg(&target);
    judged(command);
    fs::read(&target).expect("extracted")
}

/// The label and type by which udev, and so an installer and cloud-init, know it.
fn blkid(path: &Path) -> (String, String) {
    let ask = |what: &str| {
        let mut command = judge("blkid");
        command.args(["-p", "-o", "value", "-s", what]).arg(path);
        judged(command).stdout.trim().to_owned()
    };
    (ask("LABEL"), ask("TYPE"))
}

fn assert_is_a_seed(lab: &Lab, iso: &str, label: &str) {
    let path = lab.path(iso);
    let metadata = fs::metadata(&path).expect("made");
    assert!(metadata.len() < 400_000, "{iso} has {} bytes", metadata.len());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "it holds secrets");
    assert_eq!(blkid(&path), (label.to_owned(), "iso9660".to_owned()));
}

#[test]
fn cloud_init_gets_what_is_rendered() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in ["controller", "compute"] {
        let said = lab.done(&["seed", node]);
        let iso = format!("{node}-cidata.iso");
        assert!(said.stdout.starts_with(&format!("{iso}  label cidata, ")), "{said:?}");
        assert_is_a_seed(&lab, &iso, "cidata");
        for name in ["user-data", "meta-data", "network-config"] {
            let rendered = lab.read(&format!("out/{node}/{name}")).into_bytes();
            assert_eq!(extracted(&lab, &iso, name), rendered, "{node}/{name}");
        }
    }
    assert!(lab.names(".").iter().all(|name| !name.starts_with(".controller")), "nothing is left");
}

/// Several at once are the same as one after the other.
#[test]
fn of_several_nodes() {
    let lab = Lab::example("reference.yaml");
    for kind in ["cidata", "oemdrv"] {
        let said = lab.done(&["seed", "controller", "compute", "--kind", kind, "-o", kind]);
        let names = [format!("compute-{kind}.iso"), format!("controller-{kind}.iso")];
        assert_eq!(lab.names(kind), names, "{said:?}");
        assert!(
            said.stdout.starts_with(&format!("{kind}/controller-{kind}.iso  label ")),
            "{said:?}"
        );
        for node in ["controller", "compute"] {
            lab.done(&["seed", node, "--kind", kind]);
            let file = if kind == "cidata" { "user-data" } else { "ks.cfg" };
            let [one, other] = [format!("{kind}/{node}-{kind}.iso"), format!("{node}-{kind}.iso")];
            assert_eq!(extracted(&lab, &one, file), extracted(&lab, &other, file), "{node}");
        }
        assert_eq!(
            lab.run(&["seed", "controller", "compute", "--kind", kind, "-o", kind]).status,
            8
        );
    }
    for more in [&["--kind", "nocloud-net"][..], &["--kind", "oemdrv", "--boot"]] {
        let refused = lab.run(&[&["seed", "controller", "compute"], more].concat());
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("several nodes at once"), "{refused:?}");
    }
}

#[test]
fn the_installer_of_an_untouched_medium_gets_the_kickstart() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    let said = lab.done(&[
        "seed",
        "compute",
        "--kind",
        "oemdrv",
        "-o",
        "seeds/one.iso",
        "--format",
        "json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&made["label"], &made["path"]), (&"OEMDRV".into(), &"seeds/one.iso".into()));
    assert_is_a_seed(&lab, "seeds/one.iso", "OEMDRV");
    let rendered = lab.read("out/compute/ks.cfg").into_bytes();
    assert_eq!(extracted(&lab, "seeds/one.iso", "ks.cfg"), rendered);
    assert!(said.stderr.contains("inst.ks=hd:LABEL=OEMDRV:/ks.cfg"), "{said:?}");
}

#[test]
fn a_folder_for_a_web_server_is_for_labs_with_dhcp() {
    let lab = Lab::new(&seeded_by_web());
    lab.done(&["render", "-o", "out"]);
    let said = lab.done(&[
        "seed",
        "controller",
        "--kind",
        "nocloud-net",
        "--url",
        "http://10.0.0.2:8000/",
    ]);
    assert_eq!(said.stdout, "controller-nocloud/meta-data\ncontroller-nocloud/user-data\n");
    for file in ["user-data", "meta-data"] {
        let path = lab.path(&format!("controller-nocloud/{file}"));
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600, "{file}");
    }
    let data = lab.read("controller-nocloud/user-data");
    assert_eq!(data, lab.read("out/controller/user-data"));
    // There is no network-config that would name the ports.
    for mac in ["11", "12"] {
        assert!(data.contains(&format!("HWADDR=08:00:27:00:00:{mac}\n")), "{mac}");
    }
    let source = "ds=nocloud-net;s=http://10.0.0.2:8000/controller-nocloud/'";
    for line in ["kernel      '", "-smbios 'type=1,serial=", "DmiSystemSerial '"] {
        assert!(said.stderr.contains(&format!("{line}{source}")), "{line}: {said:?}");
    }
    let refused = lab.run(&["seed", "controller", "--kind", "nocloud-net"]);
    assert_eq!(refused.status, 8, "it is there: {refused:?}");
    // The folder is the one that is made, and QEMU takes a comma for the end of a part.
    let to = ["-o", "www/a,b", "--url", "https://h/x"];
    let said = lab.done(&[&["seed", "controller", "--kind", "nocloud-net"], &to[..]].concat());
    assert!(said.stderr.contains("'ds=nocloud-net;s=https://h/x/a,b/'"), "{said:?}");
    assert!(said.stderr.contains("serial=ds=nocloud-net;s=https://h/x/a,,b/'"), "{said:?}");
    assert!(said.stderr.contains("whoever asks gets them"), "{said:?}");
    for (url, folder) in [
        ("not a url", "x"),
        ("", "x"),
        ("gopher://h/", "x"),
        ("http://me:word@h/", "x"),
        ("http://h/y'z", "x"),
        ("http://h/;id", "x"),
        ("http://h/", "it's"),
    ] {
        let arguments = ["seed", "controller", "--kind", "nocloud-net", "--url", url, "-o", folder];
        let refused = lab.run(&arguments);
        assert_eq!(refused.status, 2, "{url}: {refused:?}");
        assert!(!refused.stderr.contains("word@") && !lab.path(folder).exists(), "{refused:?}");
    }
    let refused = lab.run(&["seed", "controller", "--url", "http://h/"]);
    assert!(
        refused.status == 2 && refused.stderr.contains("for `--kind nocloud-net`"),
        "{refused:?}"
    );

    for (from, to, told) in [
        (
            "match: mac, mac: \"08:00:27:00:00:12\"",
            "mac: \"08:00:27:00:00:12\"",
            "none is called `enp0s9`: say `match: mac`",
        ),
        // The image has eth0 and eth1, and no port of any other name.
        (
            "enp0s9: {network: provider, match: mac,",
            "eth7: {network: provider,",
            "none is called `eth7`",
        ),
        (
            "enp0s9: {network: provider, match: mac,",
            "ether1: {network: provider,",
            "none is called `ether1`",
        ),
        (
            "addresses: dhcp}}",
            "gateway: 10.0.0.1}, storage: {addresses: dhcp}}",
            "`controller` has no port with DHCP on the network `management`",
        ),
    ] {
        let text = seeded_by_web().replace(from, to).replace(
            "      enp0s9:",
            if to.contains("storage") {
                "      enp0s8: {network: storage, match: mac, mac: \"08:00:27:00:00:13\"}\n      enp0s9:"
            } else {
                "      enp0s9:"
            },
        );
        let lab = Lab::new(&text);
        let refused = lab.run(&["seed", "controller", "--kind", "nocloud-net"]);
        assert_eq!(refused.status, 8, "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }

    let lab = Lab::example("smallest.yaml");
    let refused = lab.run(&["seed", "compute", "--kind", "nocloud-net"]);
    assert_eq!(refused.status, 8);
    assert!(refused.stderr.contains("`compute` has no port with DHCP"), "{refused:?}");
    assert!(refused.stderr.contains("--kind cidata` makes a medium"), "{refused:?}");
    assert!(!lab.path("compute-nocloud").exists());
}

#[test]
fn what_a_cloud_image_cannot_bring_up_is_said() {
    let lab = Lab::new(
        "networks: {management: {cidr: 10.0.0.0/24}, provider: {}, backup: {cidr: 10.7.0.0/24}, storage: {cidr: 10.8.0.0/24}}
nodes:
  controller:
    role: controller
    address: 10.0.0.11
    interfaces:
      br0: {bridge: {ports: [enp0s3]}, network: management}
      backup: {vlan: {link: enp0s9, id: 7}, network: backup, address: 10.7.0.11}
      enp0s9.8: {vlan: {link: enp0s9, id: 8}, network: storage, address: 10.8.0.11}
      enp0s9: {network: provider}
",
    );
    let said = lab.done(&["seed", "controller"]);
    assert!(said.stderr.contains("not `br0`, `backup` of controller."), "{said:?}");
    assert!(said.stderr.contains("virt-customize --install"), "{said:?}");
    // The medium's installer brings NetworkManager.
    let said = lab.done(&["seed", "controller", "--kind", "oemdrv"]);
    assert!(!said.stderr.contains("NetworkManager"), "{said:?}");
    let said = Lab::example("reference.yaml").done(&["seed", "controller"]);
    assert!(!said.stderr.contains("NetworkManager"), "{said:?}");
}

#[test]
fn user_data_that_is_large_goes_compressed() {
    let lab = Lab::new("files: {/opt/big: {content: !text big}}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n".replace("{content: !text big}", "{source: big}").as_str());
    fs::write(lab.path("big"), "a line that repeats itself\n".repeat(20_000)).expect("written");
    lab.done(&["render", "-o", "out"]);
    lab.done(&["seed", "controller"]);
    assert_is_a_seed(&lab, "controller-cidata.iso", "cidata");
    let packed = extracted(&lab, "controller-cidata.iso", "user-data");
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, lab.read("out/controller/user-data"));
}

#[test]
fn a_seed_is_told_from_other_media() {
    let lab = Lab::example("smallest.yaml");
    for (kind, who) in [("cidata", "cloud-init"), ("oemdrv", "the installer")] {
        lab.done(&["seed", "compute", "--kind", kind]);
        let said = lab.done(&["inspect", &format!("compute-{kind}.iso")]).stdout;
        assert!(
            said.contains(&format!("a seed: {who} finds")) && !said.contains("menus"),
            "{said}"
        );
    }
}

#[test]
fn what_is_there_stays_and_a_failure_leaves_nothing() {
    let lab = Lab::example("smallest.yaml");
    fs::write(lab.path("compute-cidata.iso"), "mine").expect("written");
    let refused = lab.run(&["seed", "compute"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert_eq!(lab.read("compute-cidata.iso"), "mine");
    lab.done(&["seed", "compute", "--force"]);
    assert_is_a_seed(&lab, "compute-cidata.iso", "cidata");
    assert_eq!(lab.run(&["seed", "nobody"]).status, 2);
    for own in ["lab.yaml", "secrets.yaml"] {
        let before = lab.read(own);
        let refused = lab.run(&["seed", "compute", "-o", own, "--force"]);
        assert!(refused.status == 8 && refused.stderr.contains("the lab's own"), "{refused:?}");
        assert_eq!(lab.read(own), before);
    }
    let mut command = lab.command(&["seed", "compute", "-o"]);
    command.arg(std::ffi::OsStr::from_bytes(b"x\xff.iso"));
    let refused = outcome(command);
    assert!(refused.status == 2 && refused.stderr.contains("UTF-8"), "{refused:?}");
    assert!(!lab.names(".").iter().any(|name| name.starts_with('x')));

    // A xorriso that writes another label, loses a file, or fails.
    let real = judge("which").arg("xorriso").output().expect("which").stdout;
    let real = String::from_utf8(real).expect("a path");
    let real = real.trim();
    for (body, told, status) in [
        (
            format!("exec {real} $(echo \"$@\" | sed 's/ cidata / other /')"),
            "the label is `other` and not `cidata`",
            5,
        ),
        (
            format!("for last; do :; done; rm -f $last/meta-data; exec {real} \"$@\""),
            "there is no `meta-data`",
            5,
        ),
        (
            format!("for last; do :; done; echo x >>$last/user-data; exec {real} \"$@\""),
            "`user-data` has another content",
            5,
        ),
        ("echo no such luck >&2; exit 3".to_owned(), "no such luck", 6),
    ] {
        let version = format!("[ \"$1\" != -version ] || exec {real} -version\n");
        fs::create_dir_all(lab.path("fakes")).expect("a folder");
        fs::write(lab.path("fakes/xorriso"), format!("#!/bin/sh\n{version}{body}\n"))
            .expect("written");
        fs::set_permissions(lab.path("fakes/xorriso"), fs::Permissions::from_mode(0o755))
            .expect("set");
        let mut command = lab.command(&["seed", "controller"]);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", lab.path("fakes").display()));
        let failed = outcome(command);
        assert_eq!(failed.status, status, "{failed:?}");
        assert!(failed.stderr.contains(told), "{told}: {failed:?}");
        let left = lab.names(".");
        assert!(!left.iter().any(|name| name.contains("controller")), "{left:?}");
    }
    let mut command = lab.command(&["seed", "controller"]);
    command.env("PATH", "/nowhere");
    let failed = outcome(command);
    assert_eq!(failed.status, 4, "{failed:?}");
}
