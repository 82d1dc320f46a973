//! Media made by xorriso, which knows nothing of this reader.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// The arguments that an installation medium is made with.
const BOOT: [&str; 14] = [
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
    "-J",
    "-r",
];

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn make(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    for path in ["isolinux", "images/pxeboot", "a/b/c/d/e/f/g/h/i/j"] {
        fs::create_dir_all(tree.join(path)).unwrap();
    }
    fs::write(tree.join("isolinux/isolinux.bin"), vec![7; 24_000]).unwrap();
    fs::write(tree.join("images/efiboot.img"), vec![8; 50_000]).unwrap();
    fs::write(tree.join("images/pxeboot/vmlinuz"), b"kernel").unwrap();
    fs::hard_link(tree.join("images/pxeboot/vmlinuz"), tree.join("isolinux/vmlinuz")).unwrap();
    fs::write(tree.join(format!("{}.rpm", "long-".repeat(48))), b"long").unwrap();
    fs::write(tree.join("Ä name with spaces"), b"spaces").unwrap();
    fs::write(tree.join("empty"), b"").unwrap();
    fs::write(tree.join("a/b/c/d/e/f/g/h/i/j/deep.txt"), b"deep").unwrap();
    symlink("../isolinux/vmlinuz", tree.join("images/link")).unwrap();
    let iso = folder.join("real.iso");
    let (out, tree) = (iso.to_str().unwrap(), tree.to_str().unwrap());
    let arguments: Vec<&str> = ["-as", "mkisofs", "-o", out, "-V", "CentOS 7 x86_64"]
        .into_iter()
        .chain(BOOT)
        .chain([tree])
        .collect();
    run("xorriso", &arguments);
    iso
}

#[test]
fn a_medium_of_xorriso_reads_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Medium::open(make(folder.path())).unwrap();
    assert_eq!(medium.label(), "CentOS 7 x86_64");
    assert_eq!(medium.joliet_label(), Some("CentOS 7 x86_64"));
    assert!(medium.volume_size() <= medium.file_size());
    for (path, content) in [
        ("/isolinux/vmlinuz", &b"kernel"[..]),
        ("images/pxeboot/vmlinuz", b"kernel"),
        ("Ä name with spaces", b"spaces"),
        ("/empty", b""),
        ("/a/b/c/d/e/f/g/h/i/j/deep.txt", b"deep"),
        (&format!("/{}.rpm", "long-".repeat(48)), b"long"),
    ] {
        assert_eq!(medium.read(path, 100).unwrap(), content, "{path}");
    }
    let link = medium.entry("images/link").unwrap().unwrap();
    assert_eq!(link.kind(), &EntryKind::Symlink("../isolinux/vmlinuz".into()));
    assert_eq!(link.mode().map(|mode| mode & 0o170_000), Some(0o120_000));
    let catalogue = medium.el_torito().unwrap().unwrap();
    let images: Vec<_> =
        catalogue.images.iter().map(|image| (image.platform, image.path.as_deref())).collect();
    let expected = [
        (Platform::Bios, Some("/isolinux/isolinux.bin")),
        (Platform::Uefi, Some("/images/efiboot.img")),
    ];
    assert_eq!(images, expected);
    assert!(catalogue.checksum_valid);
    let paths: Vec<_> = medium.walk().unwrap().into_iter().map(|(path, _)| path).collect();
    assert!(paths.contains(&"/a/b/c/d/e/f/g/h/i/j/deep.txt".to_owned()), "{paths:?}");
}

#[test]
fn without_rock_ridge_the_same_paths_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Grub.cfg");
    fs::write(&file, b"menu").unwrap();
    let iso = folder.path().join("plain.iso");
    let (file, iso) = (file.to_str().unwrap(), iso.to_str().unwrap());
    run("xorriso", &["-rockridge", "off", "-outdev", iso, "-map", file, "/EFI/BOOT/grub.cfg"]);
    let medium = Medium::open(iso).unwrap();
    assert!(!medium.has_rock_ridge());
    assert_eq!(medium.read("/EFI/BOOT/grub.cfg", 100).unwrap(), b"menu");
    assert_eq!(names(&medium.list("efi").unwrap()), ["boot"]);
}

#[test]
fn a_truncated_medium_of_xorriso_is_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let iso = make(folder.path());
    let size = Medium::open(&iso).unwrap().volume_size();
    fs::File::options().write(true).open(&iso).unwrap().set_len(size - 1).unwrap();
    assert!(matches!(Medium::open(&iso), Err(MediumError::Truncated { .. })));
}
