//! What a fuzzer of media begins with: menus as they are published, and small images that other programs make.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::ROOT;
use crate::medium::{ZEROS, fold_fat, fold_iso};

/// By name, in the form that the fuzzer's target takes.
pub fn seeds() -> BTreeMap<String, Vec<u8>> {
    let mut seeds = BTreeMap::new();
    let text = |file: &str| fs::read(Path::new(ROOT).join(file)).expect("a file of the project");
    for (kind, name) in [("S", "isolinux"), ("G", "grub")] {
        for file in [
            format!("tests/fixtures/boot_menu/{name}.cfg"),
            format!("tests/fixtures/boot_menu/{name}.unattended.cfg"),
        ] {
            let input = [kind.as_bytes(), &text(&file)].concat();
            seeds.insert(format!("{kind}-{}", file.replace('/', "-")), input);
        }
    }
    let comps = text("scripts/dev/standin/comps.xml");
    seeds.insert("P".into(), [b"P", PRIMARY.as_bytes(), ZEROS, &comps].concat());

    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let menu = folder.join("grub.cfg");
    fs::write(&menu, text("tests/fixtures/boot_menu/grub.cfg")).expect("written");
    let small = fat(&menu, &folder.join("small.img"), &["-s", "1", "-r", "16"], "64");
    seeds.insert("F-fat12".into(), fold_fat(&small));
    let fat16 = fat(&menu, &folder.join("large.img"), &["-F", "16", "-s", "1"], "2100");
    seeds.insert("F-fat16".into(), fold_fat(&fat16));

    let tree = folder.join("tree");
    lay_out(&tree, &small);
    let bare = folder.join("bare");
    fs::create_dir_all(bare.join("d")).expect("a folder");
    fs::write(bare.join("d/x"), b"x").expect("written");
    symlink("d/x", bare.join("l")).expect("a link");
    let iso = folder.join("x.iso");
    let partition = folder.join("small.img");
    let hybrid = ["-append_partition", "2", "0xef", path(&partition), "-appended_part_as_gpt"];
    for (name, program, options, tree) in [
        ("xorriso", &["xorriso", "-as", "mkisofs", "-no-pad", "-J", "-r"][..], &BOOT[..], &tree),
        ("hybrid", &["xorriso", "-as", "mkisofs", "-no-pad", "-r"], &hybrid, &tree),
        ("genisoimage", &["genisoimage", "-quiet", "-no-pad", "-R"], &BOOT[..BIOS], &tree),
        ("plain", &["genisoimage", "-quiet", "-no-pad"], &[], &tree),
        ("bare", &["genisoimage", "-quiet", "-no-pad"], &[], &bare),
        ("rock", &["genisoimage", "-quiet", "-no-pad", "-R"], &[], &bare),
    ] {
        let out = ["-V", "CentOS 7 x86_64", "-o", path(&iso), path(tree)];
        run(&[program, options, &out].concat());
        let image = fs::read(&iso).expect("an image");
        seeds.insert(format!("I-{name}"), fold_iso(&image));
        fs::remove_file(&iso).expect("removed");
    }
    seeds
}

/// How an installation medium boots; the first of these by BIOS.
const BOOT: [&str; 12] = [
    "-b",
    "isolinux/isolinux.bin",
    "-c",
    "isolinux/boot.cat",
    "-no-emul-boot",
    "-boot-load-size",
    "4",
    "-boot-info-table",
    "-eltorito-alt-boot",
    "-e",
    "images/efiboot.img",
    "-no-emul-boot",
];
const BIOS: usize = 8;

const PRIMARY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="2">
<package type="rpm"><name>chrony</name><arch>x86_64</arch><version epoch="0" ver="3.4" rel="1.el7"/>
  <format><rpm:provides><rpm:entry name="ntp-client"/></rpm:provides></format></package>
<package type="rpm"><name>b&#97;sh</name><arch><![CDATA[x86_64]]></arch></package>
</metadata>
"#;

/// What an installation medium has, as small as it can be.
fn lay_out(tree: &Path, efiboot: &[u8]) {
    for folder in ["isolinux", "images", "EFI/BOOT", "repodata", "a/b/c/d/e/f/g/h/i"] {
        fs::create_dir_all(tree.join(folder)).expect("a folder");
    }
    let put = |file: &str, content: &[u8]| fs::write(tree.join(file), content).expect("written");
    put("isolinux/isolinux.bin", &[7; 100]);
    let kickstart = "inst.ks=hd:LABEL=CentOS\\x207\\x20x86_64:/ks.cfg";
    let menu = format!("timeout 50\nlabel linux\nkernel k\nappend initrd=i {kickstart}\n");
    put("isolinux/isolinux.cfg", menu.as_bytes());
    let menu = format!("set timeout=5\nmenuentry 'I' {{\nlinux k {kickstart}\ninitrd i\n}}\n");
    put("EFI/BOOT/grub.cfg", menu.as_bytes());
    put("images/efiboot.img", efiboot);
    put("ks.cfg", b"text\n");
    put(".treeinfo", b"[general]\nfamily = CentOS\nversion = 7\narch = x86_64\n");
    put(".discinfo", b"1603728831.612616\n7.9\nx86_64\n");
    put("a/b/c/d/e/f/g/h/i/deep", b"x");
    put(&"long-".repeat(40), b"x");
    symlink("../ks.cfg", tree.join("images/link")).expect("a link");
    let digest = |content: &[u8]| trainyard::digest::Digest::of(content).to_string();
    put("repodata/primary.xml", PRIMARY.as_bytes());
    put(
        "repodata/repomd.xml",
        format!(
            r#"<repomd><data type="primary"><checksum type="sha256">{}</checksum><location href="repodata/primary.xml"/></data></repomd>"#,
            digest(PRIMARY.as_bytes())
        )
        .as_bytes(),
    );
    let zero = digest(b"");
    put(
        "trainyard.json",
        serde_json::json!({
            "schema": 2, "trainyard": "0", "made": "", "lab": "l", "lab_file_sha256": zero, "nodes": [],
            "base": { "volume_id": "v", "size": 1, "sha256": zero, "here": 1 }, "volume_id": "v", "media_check": false,
            "files": { "/ks.cfg": digest(b"text\n"), "/gone": zero }, "undo": [{ "at": 0, "length": 1 }],
        })
        .to_string()
        .as_bytes(),
    );
}

/// A FAT image with a menu in it.
fn fat(menu: &Path, file: &Path, options: &[&str], kib: &str) -> Vec<u8> {
    let folders = ["-i", path(file), "::EFI", "::EFI/BOOT", "::EFI/BOOT/fonts and more"];
    run(&[&["mkfs.vfat", "-n", "ANACONDA", "-i", "1234abcd"], options, &["-C", path(file), kib]]
        .concat());
    run(&[&["mmd"], &folders[..]].concat());
    run(&["mcopy", "-i", path(file), path(menu), "::EFI/BOOT/grub.cfg"]);
    fs::read(file).expect("an image")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

fn run(command: &[&str]) {
    let output =
        Command::new(command[0]).args(&command[1..]).env("MTOOLS_SKIP_CHECK", "1").output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
