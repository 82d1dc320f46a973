//! Seeds that boot, and start the installer of a medium beside them. Judged by xorriso, mtools and blkid; scripts/dev/demo.sh boots one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Lab, Outcome, PROGRAM, ROOT, judge, judged, outcome};
use crate::{blkid, extracted};

/// A stand-in medium: the real one's structure in a few MiB, with dummies for kernel and loaders.
fn standin(arguments: &[&str]) -> PathBuf {
    let name = format!("beside{}.iso", arguments.join("").replace(' ', "_"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = Command::new(Path::new(ROOT).join("scripts/dev/standin-iso.sh"));
    command.args(["--no-kernel", "-o"]).arg(&path).args(arguments);
    judged(command);
    path
}

fn medium() -> &'static str {
    static MEDIUM: OnceLock<String> = OnceLock::new();
    MEDIUM.get_or_init(|| standin(&[]).display().to_string())
}

/// The medium with other content, by xorriso; its own checksum is right.
fn changed(lab: &Lab, name: &str, arguments: &[&str]) -> String {
    let path = lab.path(name).display().to_string();
    let mut command = judge("xorriso");
    command.args(["-no_rc", "-indev", medium(), "-outdev", &path]);
    command.args(["-boot_image", "any", "replay"]).args(arguments);
    judged(command);
    implant(&path);
    path
}

fn implant(path: &str) {
    let mut command = judge("implantisomd5");
    command.args(["--force", path]);
    judged(command);
}

fn seeding<'a>(image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let first = ["seed", "controller", "--kind", "oemdrv", "--boot", "--image", image];
    [&first[..], more].concat()
}

fn xorriso(lab: &Lab, iso: &str, arguments: &[&str]) -> String {
    let mut command = judge("xorriso");
    command.args(["-no_rc", "-indev"]).arg(lab.path(iso)).args(arguments);
    judged(command).stdout
}

fn text(lab: &Lab, iso: &str, name: &str) -> String {
    String::from_utf8(extracted(lab, iso, name)).expect("text")
}

fn inspected(lab: &Lab, iso: &str) -> Value {
    let said = lab.done(&["inspect", iso, "--format", "json"]).stdout;
    serde_json::from_str(&said).expect("JSON")
}

#[test]
fn firmware_finds_it_as_a_cd_and_as_a_disk() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "out"]);
    let said = lab.done(&seeding(medium(), &["--format", "json"]));
    let made: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let iso = "controller-oemdrv.iso";
    assert_eq!((&made["label"], &made["path"]), (&"OEMDRV".into(), &iso.into()));
    for word in ["the untouched medium `CentOS 7 x86_64`", "controller installs itself 5 s"] {
        assert!(said.stderr.contains(word), "{word}: {said:?}");
    }
    let metadata = fs::metadata(lab.path(iso)).expect("made");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "it holds secrets");
    assert_eq!(made["size"], metadata.len());
    assert_eq!(blkid(&lab.path(iso)), ("OEMDRV".into(), "iso9660".into()));
    let reset = lab.run(&["reset", iso, "-o", "back.iso"]);
    assert_eq!(reset.status, 9, "{reset:?}");
    assert!(reset.stderr.contains("holds nothing else of it"), "{reset:?}");
    let left = lab.names(".");
    assert!(left.iter().all(|name| !name.starts_with(".controller")), "{left:?}");

    let report = ["-report_el_torito", "plain", "-report_system_area", "plain"];
    let report = xorriso(&lab, iso, &report);
    let report: Vec<String> =
        report.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "El Torito img path : 1 /isolinux/isolinux.bin",
        "El Torito img opts : 1 boot-info-table isohybrid-suitable",
        "El Torito img path : 2 /images/efiboot.img",
        "System area summary: MBR isohybrid cyl-align-on GPT",
        "MBR partition path : 2 /images/efiboot.img",
        "GPT partition path : 2 /images/efiboot.img",
    ] {
        assert!(report.iter().any(|found| found == line), "{line}: {report:#?}");
    }
    for start in [
        "El Torito boot img : 1 BIOS y",
        "El Torito boot img : 2 UEFI y",
        "MBR partition : 2 0x00 0xef",
    ] {
        assert!(report.iter().any(|found| found.starts_with(start)), "{start}: {report:#?}");
    }
    // A disk's code is the medium's own, up to where the partitions are.
    let [theirs, ours] = [Path::new(medium()), &lab.path(iso)].map(|it| fs::read(it).expect("it"));
    assert_eq!(theirs[..432], ours[..432]);
}

#[test]
fn its_menus_start_the_mediums_kernel_with_its_own_kickstart() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "out"]);
    lab.done(&seeding(medium(), &[]));
    let iso = "controller-oemdrv.iso";
    assert_eq!(extracted(&lab, iso, "ks.cfg"), lab.read("out/controller/ks.cfg").into_bytes());
    for name in [
        "isolinux/vmlinuz",
        "isolinux/initrd.img",
        "images/pxeboot/vmlinuz",
        "images/pxeboot/initrd.img",
        "isolinux/ldlinux.c32",
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/BOOT/grubx64.efi",
    ] {
        assert_eq!(extracted(&lab, iso, name), extracted(&lab, medium(), name), "{name}");
    }
    // Neither anything else, nor anything twice.
    let find = ["-find", "/", "-type", "f", "-exec", "report_lba", "--"];
    let places = xorriso(&lab, iso, &find);
    let place = |name: &str| {
        let line = places.lines().find(|line| line.ends_with(&format!("'/{name}'")));
        line.unwrap_or_else(|| panic!("{name}: {places}")).split(',').nth(1).map(str::to_owned)
    };
    for name in ["vmlinuz", "initrd.img"] {
        assert_eq!(place(&format!("isolinux/{name}")), place(&format!("images/pxeboot/{name}")));
    }
    assert_eq!(places.matches("File data lba:").count(), 13, "{places}");
    // Without this the installer takes no drive for the medium's.
    assert!(!places.contains(".discinfo"), "{places}");

    let arguments = r"quiet inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.nosave=all_ks";
    let menu = text(&lab, iso, "isolinux/isolinux.cfg");
    for line in [
        "default trainyard",
        "prompt 1",
        "timeout 50",
        "  kernel vmlinuz",
        &format!("  append initrd=initrd.img {arguments}"),
    ] {
        assert!(menu.lines().any(|found| found == line), "{line}: {menu}");
    }
    let menu = text(&lab, iso, "EFI/BOOT/grub.cfg");
    for line in [
        "set default=\"0\"",
        "set timeout=5",
        "search --no-floppy --set=root -l OEMDRV",
        &format!("\tlinuxefi /images/pxeboot/vmlinuz {arguments}"),
        "\tinitrdefi /images/pxeboot/initrd.img",
    ] {
        assert!(menu.lines().any(|found| found == line), "{line}: {menu}");
    }
    fs::write(lab.path("efiboot.img"), extracted(&lab, iso, "images/efiboot.img")).expect("it");
    let mut command = judge("mtype");
    command.arg("-i").arg(lab.path("efiboot.img")).arg("::/EFI/BOOT/grub.cfg");
    assert_eq!(judged(command).stdout, menu, "both copies of grub.cfg");
}

#[test]
fn inspect_tells_what_it_boots() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "out"]);
    lab.done(&seeding(medium(), &[]));
    let data = inspected(&lab, "controller-oemdrv.iso");
    assert_eq!(data["label"], "OEMDRV");
    let platforms: Vec<_> =
        data["el_torito"].as_array().expect("records").iter().map(|it| &it["platform"]).collect();
    assert_eq!(platforms, ["bios", "uefi"]);
    assert_eq!(
        (&data["partitions"]["isohybrid"], &data["partitions"]["gpt"]),
        (&true.into(), &true.into())
    );
    let mut sum = judge("sha256sum");
    sum.arg(lab.path("out/controller/ks.cfg"));
    let sum = judged(sum).stdout;
    assert_eq!(data["kickstart"]["path"], "/ks.cfg");
    assert_eq!(data["kickstart"]["sha256"], sum.split(' ').next().expect("a digest"));
    assert_eq!(
        (&data["built"]["nodes"][0]["name"], &data["built"]["base"]["volume_id"]),
        (&"controller".into(), &"CentOS 7 x86_64".into())
    );
    let menus = data["menus"].as_array().expect("menus");
    assert_eq!(menus.len(), 3);
    for menu in menus {
        let entries = menu["entries"].as_array().expect("entries");
        assert!(entries.len() == 1 && entries[0]["default"] == true, "{menu}");
        assert!(
            entries[0]["arguments"].to_string().contains("inst.ks=hd:LABEL=OEMDRV:/ks.cfg"),
            "{menu}"
        );
    }
    assert_eq!(data["findings"], serde_json::json!([]));
    let said = lab.done(&["inspect", "controller-oemdrv.iso"]).stdout;
    for words in [
        "a seed: the installer finds /ks.cfg by this label\nit boots, and installs from another medium",
        "for controller (controller) of the lab train, ",
        "\n  from `CentOS 7 x86_64`, sha256 ",
        "/images/efiboot.img:/EFI/BOOT/grub.cfg (starts after 5s)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Another kickstart than the one it was made with.
    fs::write(lab.path("other.cfg"), "cmdline\n").expect("written");
    let (seed, other) = (lab.path("controller-oemdrv.iso"), lab.path("other.iso"));
    let mut command = judge("xorriso");
    command.args(["-no_rc", "-indev"]).arg(seed).arg("-outdev").arg(&other);
    command
        .args(["-boot_image", "any", "replay", "-update"])
        .arg(lab.path("other.cfg"))
        .arg("/ks.cfg");
    judged(command);
    let refused = lab.run(&["inspect", "other.iso"]);
    assert!(
        refused.status == 5 && refused.stderr.contains("is not the one it was built with"),
        "{refused:?}"
    );
}

/// The lab's own arguments, and a medium whose label is not what its own menus say.
#[test]
fn it_names_the_medium_by_its_label() {
    let lab = Lab::new(
        "installer: {boot_timeout: 9, boot_arguments: [console=ttyS0], boot_arguments_removed: [quiet]}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let spaced = standin(&["--label", "My Own 7"]).display().to_string();
    let renamed = changed(&lab, "renamed.iso", &["-volid", "Another 7"]);
    for (image, label) in [(spaced, r"My\x20Own\x207"), (renamed, r"Another\x207")] {
        lab.done(&seeding(&image, &["--force"]));
        let arguments = format!(
            "inst.stage2=hd:LABEL={label} inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.nosave=all_ks console=ttyS0"
        );
        let menu = text(&lab, "controller-oemdrv.iso", "isolinux/isolinux.cfg");
        assert!(menu.contains(&format!("append initrd=initrd.img {arguments}\n")), "{menu}");
        assert!(menu.contains("timeout 90\n"), "{menu}");
        let menu = text(&lab, "controller-oemdrv.iso", "EFI/BOOT/grub.cfg");
        assert!(menu.contains(&format!("vmlinuz {arguments}\n")), "{menu}");
        assert!(menu.contains("timeout=9\n"), "{menu}");
    }
}

#[test]
fn the_same_time_gives_the_same_bytes() {
    let lab = Lab::example("smallest.yaml");
    let [first, second] = ["first.iso", "second.iso"].map(|name| {
        let mut command = lab.command(&seeding(medium(), &["-o", name]));
        command.env("SOURCE_DATE_EPOCH", "1604415329");
        let done = outcome(command);
        assert_eq!(done.status, 0, "{done:?}");
        // The clock of every date on a medium goes on.
        std::thread::sleep(Duration::from_millis(1100));
        fs::read(lab.path(name)).expect("made")
    });
    assert!(first == second);
}

/// What is in the lab's folder, but for the person's cache, which knows what was read.
fn names(lab: &Lab) -> Vec<String> {
    let names = lab.names(".").into_iter();
    names.filter(|name| name != ".cache").collect()
}

/// A run that must fail: with this exit code and these words, and it leaves nothing.
fn fails(lab: &Lab, mut command: Command, status: i32, words: &[&str]) -> Outcome {
    let temporary = lab.path("temporary");
    fs::create_dir_all(&temporary).expect("a folder");
    command.env("TMPDIR", &temporary);
    let before = names(lab);
    let failed = outcome(command);
    assert_eq!(failed.status, status, "{failed:?}");
    for word in words {
        assert!(failed.stderr.contains(word), "{word}: {failed:?}");
    }
    assert_eq!(names(lab), before);
    assert!(lab.names("temporary").is_empty(), "secrets stay: {:?}", lab.names("temporary"));
    failed
}

#[test]
fn what_it_cannot_be_made_from_is_told() {
    let lab = Lab::example("smallest.yaml");
    let with = |image: &str| lab.command(&seeding(image, &[]));
    for kind in ["cidata", "nocloud-net"] {
        let command = lab.command(&["seed", "controller", "--boot", "--kind", kind]);
        fails(&lab, command, 2, &["`--kind oemdrv --boot`"]);
    }
    let command = lab.command(&["seed", "controller", "--kind", "oemdrv", "--image", medium()]);
    fails(&lab, command, 2, &["--boot"]);
    fails(&lab, with("no.iso"), 9, &["no.iso"]);
    for (part, named) in [
        ("isolinux", "/isolinux/isolinux.cfg"),
        ("efi", "/EFI/BOOT/grub.cfg"),
        ("efiboot", "/images/efiboot.img"),
    ] {
        let without = standin(&["--without", part]).display().to_string();
        fails(&lab, with(&without), 9, &[named, "CentOS 7.9"]);
    }
    for path in ["/isolinux/initrd.img", "/images/pxeboot/vmlinuz", "/EFI/BOOT/grubx64.efi"] {
        let without = changed(&lab, "without.iso", &["-rm", path, "--"]);
        fails(&lab, with(&without), 9, &[&format!("it has no file `{path}`"), "CentOS 7.9"]);
        fs::remove_file(without).expect("removed");
    }
    let bytes = fs::read(medium()).expect("the medium");
    fs::write(lab.path("nodisk.iso"), [&[0; 512], &bytes[512..]].concat()).expect("written");
    implant(&lab.path("nodisk.iso").display().to_string());
    fails(&lab, with("nodisk.iso"), 9, &["does not start from a disk by BIOS"]);
    lab.done(&seeding(medium(), &["-o", "one.iso"]));
    fails(&lab, with("one.iso"), 9, &["built by trainyard", "untouched medium"]);

    let lab = Lab::new(
        "kickstart: {packages: [firewald]}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let command = lab.command(&seeding(medium(), &[]));
    fails(&lab, command, 9, &["no package `firewald`; the nearest is `firewalld`"]);
    let zeros = "0".repeat(64);
    let lab = Lab::new(&format!(
        "image: {{sha256: {zeros}}}\nnodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n"
    ));
    let command = lab.command(&seeding(medium(), &[]));
    fails(&lab, command, 5, &["is not what it should be", &zeros]);
}

#[test]
fn only_force_replaces_what_is_there_and_nothing_the_medium() {
    let lab = Lab::example("smallest.yaml");
    fs::write(lab.path("controller-oemdrv.iso"), "mine").expect("written");
    let command = lab.command(&seeding(medium(), &[]));
    fails(&lab, command, 8, &["controller-oemdrv.iso", "`--force` replaces it"]);
    // Before a medium is brought.
    let text = lab.read("lab.yaml")
        + &format!("image: {{url: 'http://127.0.0.1:1/x.iso', sha256: {}}}\n", "0".repeat(64));
    fs::write(lab.path("other.yaml"), text).expect("written");
    let words =
        ["--lab", "other.yaml", "seed", "controller", "--kind", "oemdrv", "--boot", "--retry", "0"];
    fails(&lab, lab.command(&words), 8, &["`--force` replaces it"]);
    assert_eq!(lab.read("controller-oemdrv.iso"), "mine");
    lab.done(&seeding(medium(), &["--force"]));
    assert_eq!(blkid(&lab.path("controller-oemdrv.iso")).0, "OEMDRV");
    fs::copy(medium(), lab.path("medium.iso")).expect("copied");
    let command = lab.command(&seeding("medium.iso", &["--force", "-o", "medium.iso"]));
    fails(&lab, command, 8, &["is the medium to build from"]);
    assert!(fs::read(medium()).expect("it") == fs::read(lab.path("medium.iso")).expect("the same"));
}

/// The command with a xorriso that does this; `$real` is the true one, and the folder of files its last argument.
fn with_xorriso(lab: &Lab, mut command: Command, body: &str) -> Command {
    let real = judge("which").arg("xorriso").output().expect("which").stdout;
    let real = String::from_utf8(real).expect("a path");
    let folder = lab.path("fakes");
    fs::create_dir_all(&folder).expect("a folder");
    let script = format!(
        "#!/bin/bash\nreal={}\n[ \"$1\" != -version ] || exec $real -version\nfiles=${{!#}}\n{body}\n",
        real.trim()
    );
    fs::write(folder.join("xorriso"), script).expect("written");
    fs::set_permissions(folder.join("xorriso"), fs::Permissions::from_mode(0o755)).expect("set");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

#[test]
fn what_does_not_read_back_is_not_kept() {
    let lab = Lab::example("smallest.yaml");
    for (body, status, told) in [
        (r#"exec $real "${@/OEMDRV/OTHER}""#, 5, "the label is `OTHER` and not `OEMDRV`"),
        (r#"exec $real "${@/-isohybrid-gpt-basdat/-no-pad}""#, 5, "it would not start from a disk"),
        (r#"exec $real "${@/images\/efiboot.img/ks.cfg}""#, 5, "the boot records are"),
        (r#"echo x >>$files/ks.cfg; exec $real "$@""#, 5, "`/ks.cfg` is not what was written"),
        (r#"rm $files/trainyard.json; exec $real "$@""#, 5, "`/trainyard.json` is not"),
        (
            r#"printf X | dd of=$files/isolinux/vmlinuz conv=notrunc; exec $real "$@""#,
            5,
            "`/isolinux/vmlinuz` is not that of the medium",
        ),
        (
            r#"printf X | dd of=$files/isolinux/isolinux.bin conv=notrunc seek=64 bs=1; exec $real "$@""#,
            5,
            "`/isolinux/isolinux.bin` is not that of the medium",
        ),
        ("echo no such luck >&2; exit 3", 6, "no such luck"),
    ] {
        let command = lab.command(&seeding(medium(), &[]));
        let command = with_xorriso(&lab, command, body);
        fails(&lab, command, status, &[told]);
    }
    let mut command = lab.command(&seeding(medium(), &[]));
    command.env("PATH", "/nowhere");
    fails(&lab, command, 4, &["`xorriso` is needed"]);
    // Without room neither.
    fs::create_dir(lab.path("small")).expect("a folder");
    let seed = seeding(medium(), &["-o", "small/one.iso"]).join(" ");
    let inside = format!("mount -t tmpfs -o size=3m none small && exec {PROGRAM} {seed}");
    let mut command = judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &inside]).current_dir(lab.path("."));
    fails(&lab, command, 9, &["small", "MiB free", "MiB are needed"]);
}

#[test]
fn an_interruption_leaves_nothing() {
    let lab = Lab::example("smallest.yaml");
    let (temporary, begun) = (lab.path("temporary"), lab.path("begun"));
    fs::create_dir(&temporary).expect("a folder");
    let command = lab.command(&seeding(medium(), &[]));
    let body = format!("echo begun >'{}'; exec sleep 60", begun.display());
    let mut command = with_xorriso(&lab, command, &body);
    command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::null());
    let before = names(&lab);
    let mut child = command.spawn().expect("started");
    let started = Instant::now();
    while !begun.exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut kill = judge("kill");
    kill.args(["-s", "INT", &child.id().to_string()]);
    judged(kill);
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    fs::remove_file(begun).expect("it had begun");
    assert_eq!(names(&lab), before);
    assert!(lab.names("temporary").is_empty(), "{:?}", lab.names("temporary"));
}
