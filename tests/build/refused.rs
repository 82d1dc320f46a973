//! Everything that can go wrong on the way to a medium: an exit code, words, and nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Lab, Outcome, PROGRAM, judge, judged, outcome};
use crate::{base, extracted, sha256, standin, xorriso};

/// Runs a build that must fail: with this exit code, these words, and nothing left behind.
fn fails(lab: &Lab, command: Command, code: i32, words: &[&str]) -> Outcome {
    let before = if lab.path("isos").exists() { lab.names("isos") } else { Vec::new() };
    let failed = outcome(command);
    assert_eq!(failed.status, code, "{failed:?}");
    for word in words {
        assert!(failed.stderr.contains(word), "{word}\n{}", failed.stderr);
    }
    if lab.path("isos").exists() {
        assert_eq!(lab.names("isos"), before, "nothing half-written is left");
    }
    failed
}

fn build(lab: &Lab, image: &str) -> Command {
    lab.command(&["build", "controller", "-o", "isos", "--image", image])
}

/// A file that the lab names must be what the lab says about it.
#[test]
fn a_file_of_the_lab_is_held_to_what_is_said_of_it() {
    let nodes = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    let sum = sha256(Path::new(base()));
    for (facts, word) in [
        (format!("sha256: {}", "0".repeat(64)), Some(format!("its SHA-256 is `{sum}`, not `000"))),
        ("volume_id: Other".to_owned(), Some("`CentOS 7 x86_64`, not `Other`".to_owned())),
        (format!("sha256: {sum}, volume_id: CentOS 7 x86_64"), None),
    ] {
        let lab = Lab::new(&format!("image: {{path: {}, {facts}}}\n{nodes}", base()));
        let command = lab.command(&["build", "-o", "isos"]);
        match word {
            Some(word) => {
                let help = "correct what the lab file says about it";
                fails(&lab, command, 5, &["is not what it should be", &word, help]);
            }
            None => assert_eq!(outcome(command).status, 0),
        }
    }
}

/// So is the file of the command line. Where nothing is said of it and nobody knows it, that is said.
#[test]
fn a_file_on_the_command_line_is_held_to_what_the_lab_says() {
    let nodes = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    let (sum, size) = (sha256(Path::new(base())), fs::metadata(base()).expect("a file").len());
    let unproved = format!("nothing says what `{}` must be", base());
    for (facts, word) in [
        (format!("sha256: {}", "0".repeat(64)), format!("its SHA-256 is `{sum}`, not `000")),
        ("size: 7".to_owned(), format!("its size is `{size}`, not `7`")),
        ("volume_id: Other".to_owned(), "`CentOS 7 x86_64`, not `Other`".to_owned()),
    ] {
        let lab = Lab::new(&format!("image: {{{facts}}}\n{nodes}"));
        let help = "name the right file, or correct what the lab file says about its `image`";
        fails(&lab, build(&lab, base()), 5, &[base(), "is not what it should be", &word, help]);
    }
    let lab = Lab::new(&format!("image: {{sha256: {sum}, size: {size}}}\n{nodes}"));
    let said = outcome(build(&lab, base()));
    assert_eq!(said.status, 0, "{said:?}");
    assert!(!said.stderr.contains(&unproved), "{said:?}");
    let lab = Lab::new(nodes);
    let said = outcome(build(&lab, base()));
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stderr.contains(&unproved), "{said:?}");
    assert!(said.stderr.contains(&format!("`image: {{sha256: {sum}}}` in the lab")), "{said:?}");
}

/// What the lab adds to `%packages` must be on the medium, like the rest.
#[test]
fn a_package_that_the_medium_does_not_have_is_told() {
    let node = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    let lab =
        Lab::new(&format!("kickstart: {{packages: [firewalld, firewald, \"@toys\"]}}\n{node}"));
    let words = ["no package `firewald`; the nearest is `firewalld`", "no group `@toys`"];
    fails(&lab, build(&lab, base()), 9, &words);
}

#[test]
fn an_image_that_cannot_be_built_from_is_told() {
    let lab = Lab::example("smallest.yaml");
    fs::write(lab.path("text.iso"), "this is no image\n".repeat(9000)).expect("written");
    fails(&lab, build(&lab, "text.iso"), 9, &["text.iso", "ISO 9660"]);
    fails(&lab, build(&lab, "no.iso"), 9, &["no.iso"]);
    let bytes = fs::read(base()).expect("bytes");
    fs::write(lab.path("short.iso"), &bytes[..bytes.len() / 2]).expect("written");
    fails(
        &lab,
        build(&lab, "short.iso"),
        9,
        &["short.iso", &bytes.len().div_euclid(2).to_string()],
    );
    for (part, named) in [
        ("isolinux", "/isolinux/isolinux.cfg"),
        ("efi", "/EFI/BOOT/grub.cfg"),
        ("efiboot", "/images/efiboot.img"),
        ("treeinfo", "/.treeinfo"),
        ("repodata", "repodata/repomd.xml"),
    ] {
        let without = standin(&["--without", part]);
        fails(&lab, build(&lab, &without.display().to_string()), 9, &[named]);
    }
    // What is no file; a link to one is as good as it.
    fs::create_dir(lab.path("folder.iso")).expect("a folder");
    fails(&lab, build(&lab, "folder.iso"), 9, &["folder.iso", "directory"]);
    let mut fifo = judge("mkfifo");
    fifo.arg(lab.path("fifo.iso"));
    judged(fifo);
    fails(&lab, build(&lab, "fifo.iso"), 9, &["fifo.iso", "no file"]);
    std::os::unix::fs::symlink(base(), lab.path("link.iso")).expect("a link");
    assert_eq!(outcome(build(&lab, "link.iso")).status, 0);
    fs::remove_dir_all(lab.path("isos")).expect("removed");
    // The padding of an isohybrid image, and the copy of its partition table in it.
    fs::write(lab.path("tail.iso"), &bytes[..bytes.len() - 4096]).expect("written");
    fails(&lab, build(&lab, "tail.iso"), 9, &["tail.iso", "truncated"]);
    // One bit, which only its own checksum knows of.
    let mut damaged = bytes.clone();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(lab.path("damaged.iso"), damaged).expect("written");
    fails(&lab, build(&lab, "damaged.iso"), 9, &["damaged.iso", "media check fails"]);
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    let built = lab.path("built.iso").display().to_string();
    fs::rename(lab.path("isos/controller.iso"), &built).expect("renamed");
    fails(
        &lab,
        lab.command(&["build", "compute", "-o", "isos", "--image", &built]),
        9,
        &["untouched medium"],
    );
    fs::remove_dir_all(lab.path("isos")).expect("removed");
    // By something else than trainyard.
    let edited = lab.path("edited.iso").display().to_string();
    let menu = extracted(&lab, Path::new(base()), "/EFI/BOOT/grub.cfg");
    let text = fs::read_to_string(&menu)
        .expect("text")
        .replace(" quiet", " quiet inst.ks=http://example.com/ks");
    fs::remove_file(&menu).expect("removed");
    fs::write(&menu, text).expect("written");
    xorriso(
        Path::new(base()),
        &[
            "-outdev",
            &edited,
            "-boot_image",
            "any",
            "replay",
            "-update",
            &menu.display().to_string(),
            "/EFI/BOOT/grub.cfg",
        ],
    );
    fails(&lab, build(&lab, &edited), 9, &["/EFI/BOOT/grub.cfg", "names a kickstart already"]);
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir(lab.path("isos")).expect("a folder");
    fs::write(lab.path("isos/controller.iso"), "mine").expect("written");
    fails(&lab, build(&lab, base()), 8, &["controller.iso", "--force"]);
    assert_eq!(lab.read("isos/controller.iso"), "mine");
    lab.done(&["build", "controller", "-o", "isos", "--image", base(), "--force"]);
    assert!(fs::metadata(lab.path("isos/controller.iso")).expect("there").len() > 1_000_000);
    // Not even then what it is built from.
    fs::copy(base(), lab.path("isos/compute.iso")).expect("copied");
    let onto =
        lab.command(&["build", "compute", "-o", "isos", "--image", "isos/compute.iso", "--force"]);
    fails(&lab, onto, 8, &["is the medium to build from"]);
    assert_eq!(
        fs::read(base()).expect("base"),
        fs::read(lab.path("isos/compute.iso")).expect("the same")
    );
}

/// A folder that stands first on the PATH, with a program of that name.
fn with_program(lab: &Lab, mut command: Command, name: &str, script: &str) -> Command {
    let folder = lab.path("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    let rest = std::env::var("PATH").expect("a PATH");
    command.env("PATH", format!("{}:{rest}", folder.display()));
    command
}

const VERSION: &str =
    "if [ \"$1\" = -version ]; then echo 'xorriso version   :  1.5.4'; exit 0; fi";

#[test]
fn programs_that_are_missing_old_or_fail_are_told() {
    let lab = Lab::example("smallest.yaml");
    let mut missing = build(&lab, base());
    missing.env("PATH", "/nonexistent");
    fails(&lab, missing, 4, &["`xorriso` is needed", "install it"]);
    let old =
        with_program(&lab, build(&lab, base()), "xorriso", "echo 'xorriso version   :  1.3.2'");
    fails(&lab, old, 4, &["version 1.3.2", "1.5.0 or newer"]);
    let script = format!("{VERSION}\necho one; echo 'the drive is on fire' >&2; exit 5");
    let failing = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(
        &lab,
        failing,
        6,
        &[
            "programs/xorriso -no_rc -compliance no_emul_toc -dev",
            "exit status: 5",
            "the drive is on fire",
        ],
    );
    // It says that all is well, and has written something else.
    let script = format!(
        "{VERSION}\nwhile [ $# -gt 0 ]; do [ \"$1\" = -dev ] && out=${{2#stdio:}}; shift; done; cp '{}' \"$out\"",
        base()
    );
    let lying = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(
        &lab,
        lying,
        5,
        &["does not read back", "`/ks.cfg` is not what was written", "/isolinux/isolinux.cfg"],
    );
    // It does what it should, and spoils a file of the base.
    let script = format!(
        "for name; do case $name in stdio:*) out=${{name#stdio:}} ;; esac; done\n/usr/bin/xorriso \"$@\" || exit\n\
         [ -z \"$out\" ] || printf XXXX | dd of=\"$out\" bs=1 seek={} conv=notrunc 2> /dev/null",
        place_of_directory()
    );
    let spoiling = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(&lab, spoiling, 5, &["does not read back", "bytes of the base are lost"]);
    // Or nothing at all.
    let script = format!("{VERSION}\nexit 0");
    let silent = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(&lab, silent, 5, &["does not read back", "`/ks.cfg` is not what was written"]);
}

/// Somebody else's download, say, which is begun anew at that moment.
#[test]
fn a_base_that_becomes_shorter_while_it_is_copied_is_told() {
    let lab = Lab::example("smallest.yaml");
    let own = lab.path("own.iso").display().to_string();
    fs::copy(base(), &own).expect("copied");
    let script = format!(
        "/usr/bin/xorriso \"$@\" || exit\n[ \"$1\" = -version ] || truncate -s 400K '{own}'"
    );
    let shrinking = with_program(&lab, build(&lab, &own), "xorriso", &script);
    fails(&lab, shrinking, 9, &[&format!("`{own}`: it has become shorter while it was read")]);
}

/// A byte of the base's first directory, which nothing of a product points at any more.
fn place_of_directory() -> u64 {
    let bytes = fs::read(base()).expect("bytes");
    let block = bytes[16 * 2048 + 158..][..4].try_into().expect("four");
    u64::from(u32::from_le_bytes(block)) * 2048 + 64
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir(lab.path("isos")).expect("a folder");
    let inside = format!(
        "mount -t tmpfs -o size=3m none isos && exec {PROGRAM} build controller -o isos --image {}",
        base()
    );
    let mut command = judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &inside]).current_dir(lab.path("."));
    fails(&lab, command, 9, &["isos", "MiB free", "MiB are needed"]);
    // Room enough at first, and then not.
    let script = format!(
        "{VERSION}\nwhile [ $# -gt 0 ]; do [ \"$1\" = -dev ] && out=${{2#stdio:}}; shift; done; cat /dev/zero > \"$out\"; exit 32"
    );
    let inside = format!(
        "mount -t tmpfs -o size=48m none isos && exec {PROGRAM} build controller -o isos --image {}",
        base()
    );
    let mut command = with_program(&lab, judge("unshare"), "xorriso", &script);
    command.args(["--map-root-user", "--mount", "sh", "-c", &inside]).current_dir(lab.path("."));
    fails(&lab, command, 9, &["isos", "MiB are needed"]);
    // A limit of the person's own.
    let inside =
        format!("ulimit -f 1024; exec {PROGRAM} build controller -o isos --image {}", base());
    let mut command = judge("bash");
    command.args(["-c", &inside]).current_dir(lab.path("."));
    fails(&lab, command, 9, &["isos/controller.iso`: File too large"]);
}

#[test]
fn an_interrupted_build_leaves_things_as_they_were() {
    for signal in ["INT", "TERM", "HUP"] {
        let lab = Lab::example("smallest.yaml");
        let script =
            format!("{VERSION}\necho begun > '{}'; exec sleep 60", lab.path("begun").display());
        let mut command = with_program(&lab, build(&lab, base()), "xorriso", &script);
        let begun = Instant::now();
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        while !lab.path("begun").exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut kill = judge("kill");
        kill.args(["-s", signal, &child.id().to_string()]);
        judged(kill);
        assert_eq!(child.wait().expect("ended").code(), Some(130));
        assert!(begun.elapsed() < Duration::from_secs(40), "it waited for the program");
        assert!(lab.names("isos").is_empty(), "{:?}", lab.names("isos"));
    }
}
