//! Built media, judged by xorriso, mtools and checkisomd5; and everything that can go wrong on the way.

#[path = "../common/mod.rs"]
mod common;

mod added;
mod grown;
mod refused;
mod together;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::{Lab, ROOT, judge, judged};

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

fn assert_passes_media_check(iso: &Path) {
    let mut command = judge("checkisomd5");
    command.arg(iso);
    judged(command);
}

/// `reset` gives the base back.
fn assert_gives_back(lab: &Lab, iso: &str, base: &Path) {
    lab.done(&["reset", iso, "-o", "back.iso"]);
    assert_eq!(sha256(&lab.path("back.iso")), sha256(base));
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
        said.stderr.contains("/xorriso -no_rc -compliance no_emul_toc -dev stdio:"),
        "-v shows each command: {said:?}"
    );
    assert_eq!(lab.names("isos"), ["compute.iso", "controller.iso"], "and nothing else is left");
    for node in ["controller", "compute"] {
        let iso = lab.path(&format!("isos/{node}.iso"));
        assert_eq!(fs::metadata(&iso).expect("there").permissions().mode() & 0o777, 0o600);

        let digest = sha256(&lab.path(&format!("rendered/{node}/ks.cfg")));
        assert_eq!(sha256(&extracted(&lab, &iso, "/ks.cfg")), digest);
        assert!(said.stdout.contains(&digest), "{said:?}");

        assert_passes_media_check(&iso);
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
    assert_eq!(data["built"]["nodes"][0]["name"], "controller");
    assert_eq!(data["built"]["base"]["sha256"], sha256(Path::new(base())));
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

/// The medium of 2022 is known by its digest and its name; its volume id, its times and its size nobody has told. Whatever they are, it is
/// built from as the one of 2020 is.
#[test]
fn the_medium_of_2022() {
    let lab = Lab::new("nodes: {controller: {role: controller, address: 10.0.0.11}}\n");
    let label = "CentOS 7 x86_64 2207-02";
    let first = standin(&["--label", label]);
    let name = "CentOS-7-x86_64-Minimal-2207-02.iso";
    let treeinfo = fs::read_to_string(extracted(&lab, &first, "/.treeinfo")).expect("text");
    let later = treeinfo.replace("1603729576.26", "1658840976.49");
    assert_ne!(later, treeinfo, "the stand-in has changed");
    fs::write(lab.path("treeinfo"), later).expect("written");
    fs::write(lab.path("discinfo"), "1658840233.124517\n7.9\nx86_64\n").expect("written");
    let [medium, treeinfo, discinfo] =
        [name, "treeinfo", "discinfo"].map(|file| lab.path(file).display().to_string());
    let arguments = ["-outdev", &medium, "-boot_image", "any", "replay"];
    let files = ["-update", &treeinfo, "/.treeinfo", "-update", &discinfo, "/.discinfo"];
    xorriso(&first, &[&arguments[..], &files].concat());
    let mut implant = judge("implantisomd5");
    implant.args(["--force", &medium]);
    judged(implant);

    lab.done(&["build", "-o", "isos", "--image", name]);
    let iso = lab.path("isos/controller.iso");
    assert_passes_media_check(&iso);
    let said = lab.done(&["inspect", "isos/controller.iso"]).stdout;
    assert!(said.contains(&format!("label `{label}`")), "{said}");
    let named = r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64\x202207-02:/ks.cfg";
    assert_eq!(said.matches(named).count(), 3, "{said}");
    for file in ["discinfo", "treeinfo"] {
        assert_eq!(sha256(&extracted(&lab, &iso, &format!("/.{file}"))), sha256(&lab.path(file)));
    }
    assert_gives_back(&lab, "isos/controller.iso", Path::new(&medium));
}

/// A mark that names the same bytes over and over has them read once.
#[test]
fn files_that_lie_in_one_another_are_told() {
    let lab = Lab::example("smallest.yaml");
    for name in ["first", "other"] {
        fs::write(lab.path(name), name.repeat(1000)).expect("written");
    }
    let add = ["--add", "first:/zzz.one", "--add", "other:/zzz.two"];
    lab.done(&[&["build", "controller", "-o", "isos", "--image", base()][..], &add].concat());
    let iso = lab.path("isos/controller.iso");
    let mut bytes = fs::read(&iso).expect("bytes");
    let size = u32::try_from(bytes.len()).expect("a small one") - 4096;
    for (block, name) in [(0_u32, b"ZZZ.ONE;1"), (1, b"ZZZ.TWO;1")] {
        // ECMA-119, 9.1: the name is the record's 34th byte; where it lies and how long it is stand before, in both orders.
        let at = bytes.windows(name.len()).rposition(|w| w == name).expect("its record") - 33;
        for (place, value) in [(2, block), (10, size)] {
            bytes[at + place..][..4].copy_from_slice(&value.to_le_bytes());
            bytes[at + place + 4..][..4].copy_from_slice(&value.to_be_bytes());
        }
    }
    fs::write(&iso, bytes).expect("written");
    let told = lab.run(&["inspect", "isos/controller.iso"]);
    assert_eq!(told.status, 5, "{told:?}");
    assert!(told.stderr.contains("its files lie in one another"), "{told:?}");
}

#[test]
fn inspect_tells_a_medium_that_was_changed() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    fs::write(lab.path("other.cfg"), "cmdline\n").expect("written");
    let other = lab.path("other.cfg").display().to_string();
    // As a later trainyard might write it.
    let mark = extracted(&lab, &lab.path("isos/controller.iso"), "/trainyard.json");
    let text = fs::read_to_string(mark).expect("text").replace("\"schema\": 2", "\"schema\": 3");
    fs::write(lab.path("later.json"), text).expect("written");
    let later = lab.path("later.json").display().to_string();
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
        (
            "later.iso",
            vec!["-update", later.as_str(), "/trainyard.json"],
            "its format is 3, and this trainyard knows 2",
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
    let reset = lab.run(&["reset", "later.iso", "-o", "back.iso"]);
    assert_eq!(reset.status, 9, "{reset:?}");
    assert!(reset.stderr.contains("its format is 3"), "{reset:?}");
}
