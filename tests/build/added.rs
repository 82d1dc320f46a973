//! What a person puts onto a medium besides.

use std::fs;
use std::path::Path;

use crate::common::Lab;
use crate::{assert_gives_back, assert_passes_media_check, base, extracted, sha256, xorriso};

#[test]
fn files_and_folders() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir_all(lab.path("extras/deep")).expect("a folder");
    fs::write(lab.path("extras/deep/it's a *.txt"), "deep\n").expect("written");
    fs::write(lab.path("extras/[a-z]"), "brackets\n").expect("written");
    fs::write(lab.path("note.txt"), "note\n").expect("written");
    fs::write(lab.path("updates.cpio"), "updates\n").expect("written");
    let arguments = [
        "build",
        "controller",
        "-o",
        "isos",
        "--image",
        base(),
        "--add",
        "note.txt",
        "--add",
        "extras:/lab/more",
        "--updates",
        "updates.cpio",
    ];
    lab.done(&arguments);
    let iso = lab.path("isos/controller.iso");
    for (path, source) in [
        ("/note.txt", "note.txt"),
        ("/lab/more/deep/it's a *.txt", "extras/deep/it's a *.txt"),
        ("/lab/more/[a-z]", "extras/[a-z]"),
        ("/images/updates.img", "updates.cpio"),
    ] {
        assert_eq!(sha256(&extracted(&lab, &iso, path)), sha256(&lab.path(source)), "{path}");
    }
    let listed = xorriso(&iso, &["-lsl", "/note.txt", "--"]);
    assert!(listed.contains("-r-xr-xr-x") && listed.contains(" 0 "), "nobody's name: {listed}");
    let menu = fs::read_to_string(extracted(&lab, &iso, "/EFI/BOOT/grub.cfg")).expect("text");
    assert!(
        menu.contains(r"inst.updates=hd:LABEL=CentOS\x207\x20x86_64:/images/updates.img"),
        "{menu}"
    );
    assert_passes_media_check(&iso);
    // The same is not built again, another content is; an empty folder is one.
    assert!(lab.done(&arguments).stdout.contains("(unchanged)"));
    fs::create_dir(lab.path("extras/empty")).expect("a folder");
    assert_eq!(lab.run(&arguments).status, 8);
    fs::remove_dir(lab.path("extras/empty")).expect("removed");
    assert!(lab.done(&arguments).stdout.contains("(unchanged)"));
    fs::write(lab.path("extras/[a-z]"), "others\n").expect("written");
    assert_eq!(lab.run(&arguments).status, 8);
    assert_gives_back(&lab, "isos/controller.iso", Path::new(base()));
}

#[test]
fn what_cannot_be_added_is_told() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir_all(lab.path("linked")).expect("a folder");
    std::os::unix::fs::symlink("nowhere", lab.path("linked/link")).expect("a link");
    fs::write(lab.path("note"), "note\n").expect("written");
    for (add, code, word) in [
        ("nothing", 9, "`nothing`"),
        ("linked", 9, "linked/link` cannot be added: it is no file or folder"),
        ("note:/ks.cfg", 9, "the medium has `/ks.cfg` already"),
        ("note:/trainyard.json", 9, "the medium has `/trainyard.json` already"),
        ("note:/ks.cfg/x", 9, "the medium has `/ks.cfg` already"),
        ("note:/isolinux/isolinux.bin/x", 9, "the medium has `/isolinux/isolinux.bin` already"),
        ("note:/isolinux/isolinux.bin", 9, "the medium has `/isolinux/isolinux.bin` already"),
        ("note:/Packages", 9, "the medium has `/Packages` already"),
        ("note:/a/../b", 2, "consists of names"),
        ("note:/", 2, "consists of names"),
        ("..", 2, "say where it goes"),
    ] {
        let refused =
            lab.run(&["build", "controller", "-o", "isos", "--image", base(), "--add", add]);
        assert_eq!(refused.status, code, "{add} {refused:?}");
        assert!(refused.stderr.contains(word), "{add} {refused:?}");
        assert!(!lab.path("isos/controller.iso").exists());
    }
}
