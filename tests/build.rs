//! Built media, judged by xorriso, mtools and checkisomd5; and everything that can go wrong on the way.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{Lab, Outcome, PROGRAM, ROOT, judge, judged, outcome};

/// A stand-in medium: the real one's structure in a few MiB, with dummies for kernel and loaders.
fn standin(arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("standin{}.iso", arguments.join("")));
    let mut command = Command::new(Path::new(ROOT).join("scripts/dev/standin-iso.sh"));
    command.args(["--no-kernel", "-o"]).arg(&path).args(arguments);
    judged(command);
    path
}

fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(|| standin(&[]).display().to_string())
}

fn xorriso(iso: &Path, arguments: &[&str]) -> String {
    let mut command = judge("xorriso");
    command.arg("-no_rc").arg("-indev").arg(iso).args(arguments);
    judged(command).stdout
}

/// A file of a medium, by xorriso.
fn extracted(lab: &Lab, iso: &Path, path: &str) -> PathBuf {
    let target = lab.path("extracted").join(path.replace('/', "_"));
    let _ = fs::remove_file(&target);
    fs::create_dir_all(lab.path("extracted")).expect("a folder");
    xorriso(iso, &["-osirrox", "on", "-extract", path, &target.display().to_string()]);
    target
}

fn sha256(path: &Path) -> String {
    let mut command = judge("sha256sum");
    command.arg(path);
    judged(command).stdout.split(' ').next().expect("a digest").to_owned()
}

#[test]
fn a_medium_for_each_node_boots_as_its_base_does() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "rendered"]);
    let said = lab.done(&["-v", "build", "-o", "isos", "--image", base()]);
    assert!(
        said.stderr.contains("/xorriso -no_rc -indev stdio:"),
        "-v shows each command: {said:?}"
    );
    assert_eq!(lab.names("isos"), ["compute.iso", "controller.iso"], "and nothing else is left");
    for node in ["controller", "compute"] {
        let iso = lab.path(&format!("isos/{node}.iso"));
        assert_eq!(fs::metadata(&iso).expect("there").permissions().mode() & 0o777, 0o600);

        let digest = sha256(&lab.path(&format!("rendered/{node}/ks.cfg")));
        assert_eq!(sha256(&extracted(&lab, &iso, "/ks.cfg")), digest);
        assert!(said.stdout.contains(&digest), "{said:?}");

        let mut command = judge("checkisomd5");
        command.arg(&iso);
        judged(command);
        assert_same_boot_equipment(&iso);
        assert_menus(&lab, &iso);
    }
}

/// What firmware finds, by xorriso's report: the kinds of everything are the base's, and what points at a file
/// points at it in its new place.
fn assert_same_boot_equipment(iso: &Path) {
    let report = |path: &Path| {
        xorriso(path, &["-report_el_torito", "plain", "-report_system_area", "plain"])
    };
    let (theirs, ours) = (report(Path::new(base())), report(iso));
    let lines = |text: &str, starts: &[&str]| -> Vec<String> {
        let wanted = text.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
        wanted.map(str::to_owned).collect()
    };
    let same = [
        "El Torito cat path",
        "El Torito img path",
        "El Torito img opts",
        "System area summary",
        "MBR partition path",
        "GPT partition path",
        "GPT type GUID",
    ];
    assert!(!lines(&theirs, &same).is_empty(), "{theirs}");
    assert_eq!(lines(&theirs, &same), lines(&ours, &same), "{ours}");
    assert!(ours.contains("MBR isohybrid"), "{ours}");
    let kinds = |text: &str| -> Vec<Vec<String>> {
        let partitions = lines(text, &["MBR partition      :"]);
        // Number, status and type; start and size differ.
        partitions
            .iter()
            .map(|l| l.split_whitespace().skip(3).take(3).map(str::to_owned).collect())
            .collect()
    };
    assert_eq!(kinds(&theirs), kinds(&ours));
}

fn assert_menus(lab: &Lab, iso: &Path) {
    let read = |path: &Path| fs::read_to_string(path).expect("text");
    let stock = |name: &str| read(&Path::new(ROOT).join("scripts/dev/standin").join(name));
    let isolinux = read(&extracted(lab, iso, "/isolinux/isolinux.cfg"));
    let grub = read(&extracted(lab, iso, "/EFI/BOOT/grub.cfg"));
    let mut command = judge("mtype");
    command.arg("-i").arg(extracted(lab, iso, "/images/efiboot.img")).arg("::/EFI/BOOT/grub.cfg");
    assert_eq!(judged(command).stdout, grub, "both copies of grub.cfg");

    let arguments = r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 quiet inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg inst.nosave=all_ks";
    assert!(isolinux.contains(&format!("append initrd=initrd.img {arguments}\n")), "{isolinux}");
    assert!(grub.contains(&format!("linuxefi /images/pxeboot/vmlinuz {arguments}\n")), "{grub}");
    assert_eq!(isolinux.lines().filter(|line| line.trim() == "menu default").count(), 1);
    assert!(
        isolinux.contains("timeout 50\n")
            && grub.contains("set timeout=5\n")
            && grub.contains("set default=\"0\"\n")
    );
    // Every other entry, the media check among them, is as it was.
    for (ours, stock, changed) in [
        (&isolinux, stock("isolinux.cfg"), &["timeout 600", "  menu default"][..]),
        (&grub, stock("grub.cfg"), &["set default=\"1\"", "set timeout=60"]),
    ] {
        let mut rest = ours.lines();
        for line in stock.lines().filter(|line| !changed.contains(line)) {
            assert!(rest.any(|our| our == line), "`{line}` is not in its place in\n{ours}");
        }
    }
}

#[test]
fn inspect_reads_back_what_was_built() {
    let lab = Lab::new(
        "installer: {boot_timeout: 9, boot_arguments: [console=ttyS0]}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    lab.done(&["build", "-o", "isos", "--image", base()]);
    lab.done(&["render", "-o", "rendered"]);
    let said = lab.done(&["inspect", "isos/controller.iso", "--format", "json"]).stdout;
    let data: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(data["label"], "CentOS 7 x86_64");
    assert_eq!(data["built"]["node"], "controller");
    assert_eq!(data["built"]["base_sha256"], sha256(Path::new(base())));
    assert_eq!(data["kickstart"]["path"], "/ks.cfg");
    assert_eq!(data["kickstart"]["sha256"], sha256(&lab.path("rendered/controller/ks.cfg")));
    let platforms: Vec<_> = data["el_torito"]
        .as_array()
        .expect("records")
        .iter()
        .map(|r| r["platform"].as_str().expect("text"))
        .collect();
    assert_eq!(platforms, ["bios", "uefi"]);
    assert_eq!(data["menus"].as_array().expect("menus").len(), 3);
    for menu in data["menus"].as_array().expect("menus") {
        assert_eq!(menu["timeout_seconds"].as_f64(), Some(9.0), "{menu}");
        let default = menu["entries"]
            .as_array()
            .expect("entries")
            .iter()
            .find(|e| e["default"] == true)
            .expect("a default");
        assert!(
            default["arguments"].as_array().expect("arguments").contains(&"console=ttyS0".into()),
            "{default}"
        );
    }
    let text = lab.done(&["inspect", "isos/controller.iso"]).stdout;
    for part in [
        "for controller (controller) of the lab train",
        "kickstart /ks.cfg: sha256",
        "/images/efiboot.img:/EFI/BOOT/grub.cfg (starts after 9s)",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let stock = lab.done(&["inspect", base()]).stdout;
    assert!(stock.contains("not built by trainyard") && stock.contains("no kickstart"), "{stock}");
}

#[test]
fn inspect_tells_a_medium_that_was_changed() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    fs::write(lab.path("other.cfg"), "cmdline\n").expect("written");
    let other = lab.path("other.cfg").display().to_string();
    for (name, change, told) in [
        (
            "replaced.iso",
            vec!["-update", other.as_str(), "/ks.cfg"],
            "is not the one it was built with",
        ),
        ("removed.iso", vec!["-rm", "/ks.cfg", "--"], "which is not there"),
        (
            "marked.iso",
            vec!["-update", other.as_str(), "/trainyard.json"],
            "`/trainyard.json` cannot be read",
        ),
    ] {
        let target = lab.path(name).display().to_string();
        let mut arguments = vec!["-outdev", target.as_str(), "-boot_image", "any", "replay"];
        arguments.extend(change);
        xorriso(&lab.path("isos/controller.iso"), &arguments);
        let outcome = lab.run(&["inspect", name]);
        assert_eq!(outcome.status, 5, "{name} {outcome:?}");
        assert!(outcome.stderr.contains(told), "{name} {outcome:?}");
    }
}

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
        &["programs/xorriso -no_rc -indev", "exit status: 5", "the drive is on fire"],
    );
    // It says that all is well, and has written something else.
    let script = format!(
        "{VERSION}\nwhile [ $# -gt 0 ]; do [ \"$1\" = -outdev ] && out=${{2#stdio:}}; shift; done; cp '{}' \"$out\"",
        base()
    );
    let lying = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(
        &lab,
        lying,
        5,
        &["does not read back", "`/ks.cfg` is not what was written", "/isolinux/isolinux.cfg"],
    );
    // It damages what it should make a checksum of.
    let real = "/usr/bin/implantisomd5 \"$@\" && printf XXXX | dd of=\"${!#}\" bs=1 seek=1500000 conv=notrunc 2>/dev/null";
    let spoiling = with_program(&lab, build(&lab, base()), "implantisomd5", real);
    fs::remove_file(lab.path("programs/xorriso")).expect("removed");
    fails(&lab, spoiling, 5, &["its media check fails"]);
    // Or nothing at all.
    let script = format!("{VERSION}\nexit 0");
    let silent = with_program(&lab, build(&lab, base()), "xorriso", &script);
    fails(&lab, silent, 5, &["does not read back", "ISO 9660"]);
    let lab = Lab::example("smallest.yaml");
    let failing =
        with_program(&lab, build(&lab, base()), "implantisomd5", "echo 'no room' >&2; exit 1");
    fails(&lab, failing, 6, &["implantisomd5 --force", "no room"]);
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
        "{VERSION}\nwhile [ $# -gt 0 ]; do [ \"$1\" = -outdev ] && out=${{2#stdio:}}; shift; done; cat /dev/zero > \"$out\"; exit 32"
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
    fails(&lab, command, 6, &["xorriso -no_rc"]);
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
