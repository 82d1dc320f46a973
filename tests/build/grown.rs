//! What a product keeps of its base, and says of itself; and that it is built when, and only when, it must be.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Lab, Outcome, judge, judged, outcome};
use crate::{assert_passes_media_check, base, extracted, sha256, xorriso};

/// A build with a time of its own for what is new.
fn built(lab: &Lab, more: &[&str], epoch: &str) -> Outcome {
    let mut command = lab.command(&["build", "-o", "isos", "--format", "json", "--image"]);
    command.args(more).env("SOURCE_DATE_EPOCH", epoch);
    let outcome = outcome(command);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome
}

fn states(outcome: &Outcome) -> Vec<String> {
    let data: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let isos = data["isos"].as_array().expect("ISOs");
    isos.iter().map(|iso| iso["state"].as_str().expect("a state").to_owned()).collect()
}

/// The checksum is isomd5sum's, to the byte.
#[test]
fn the_checksum_is_what_implantisomd5_writes() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    let (ours, theirs) = (lab.path("isos/controller.iso"), lab.path("theirs.iso"));
    fs::copy(&ours, &theirs).expect("copied");
    let mut implant = judge("implantisomd5");
    implant.arg("--force").arg(&theirs);
    judged(implant);
    assert!(fs::read(&ours).expect("bytes") == fs::read(&theirs).expect("bytes"), "it differs");
    // And one who wants none gets none.
    lab.done(&["build", "controller", "-o", "none", "--image", base(), "--no-media-check"]);
    let bytes = fs::read(lab.path("none/controller.iso")).expect("bytes");
    assert!(bytes[16 * 2048 + 883..][..512].iter().all(|byte| *byte == b' '));
    let mut check = judge("checkisomd5");
    check.arg(lab.path("none/controller.iso"));
    assert_ne!(outcome(check).status, 0);
    // Its files are filled in on another way, and are the same but for what it says of itself.
    let told = lab.done(&["inspect", "none/controller.iso", "--diff", "isos/controller.iso"]);
    assert_eq!(told.stdout.lines().count(), 1, "{told:?}");
    assert!(told.stdout.starts_with("~ /trainyard.json"), "{told:?}");
}

/// Same base, lab, secrets and time: the same bytes.
#[test]
fn the_same_again_is_the_same_bytes() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir_all(lab.path("extras/deep")).expect("a folder");
    fs::write(lab.path("extras/deep/file"), "content\n").expect("written");
    let sums = |epoch: &str| {
        built(&lab, &[base(), "--force"], epoch);
        // Folders that come to be on the way are of that time as well.
        built(&lab, &[base(), "--force", "--together", "--add", "extras:/new/folder"], epoch);
        let mut seed = lab.command(&["seed", "controller", "--force"]);
        seed.env("SOURCE_DATE_EPOCH", epoch);
        assert_eq!(outcome(seed).status, 0);
        let isos =
            ["isos/controller.iso", "isos/compute.iso", "isos/train.iso", "controller-cidata.iso"];
        isos.map(|iso| sha256(&lab.path(iso)))
    };
    let first = sums("1700000000");
    // A second is the smallest time that a medium notes.
    std::thread::sleep(Duration::from_millis(1100));
    // Nor does it matter what others may do with the files.
    let mut chmod = judge("chmod");
    chmod.args(["-R", "u=rwX,go="]).arg(lab.path("extras"));
    judged(chmod);
    assert_eq!(sums("1700000000"), first);
    for (one, other) in sums("1700000001").iter().zip(&first) {
        assert_ne!(one, other);
    }
    let mut wrong = lab.command(&["build", "-o", "isos", "--force", "--image", base()]);
    wrong.env("SOURCE_DATE_EPOCH", "yesterday");
    let wrong = outcome(wrong);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("SOURCE_DATE_EPOCH is `yesterday`"), "{wrong:?}");
}

#[test]
fn what_is_there_and_the_same_is_not_built_again() {
    let lab = Lab::example("smallest.yaml");
    let would = built(&lab, &[base(), "--dry-run"], "1");
    assert_eq!(states(&would), ["would be built", "would be built"]);
    assert!(!lab.path("isos").exists(), "a dry run makes nothing");
    assert_eq!(states(&built(&lab, &[base()], "1")), ["built", "built"]);
    let iso = lab.path("isos/compute.iso");
    let before = fs::metadata(&iso).expect("there").modified().expect("a time");
    // Neither another time nor a comment is another ISO.
    let text = lab.read("lab.yaml");
    fs::write(lab.path("lab.yaml"), format!("{text}# A comment.\n")).expect("written");
    assert_eq!(states(&built(&lab, &[base()], "2")), ["unchanged", "unchanged"]);
    assert_eq!(fs::metadata(&iso).expect("there").modified().expect("a time"), before);
    assert_eq!(states(&built(&lab, &[base(), "--force"], "2")), ["built", "built"]);
    // What would be another is: nothing is replaced unasked, and only that where it is asked.
    let another = text.replacen("10.0.0.31}", "10.0.0.31, installer: {boot_timeout: 77}}", 1);
    assert_ne!(another, text, "the example has changed");
    fs::write(lab.path("lab.yaml"), another).expect("written");
    let refused = lab.run(&["build", "-o", "isos", "--image", base()]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert!(refused.stderr.contains("compute.iso` is there already"), "{refused:?}");
    assert_eq!(
        states(&built(&lab, &[base(), "--dry-run", "--update"], "2")),
        ["unchanged", "would be built"]
    );
    assert_eq!(states(&built(&lab, &[base(), "--update"], "2")), ["unchanged", "built"]);
    // What others may read is taken from them.
    fs::set_permissions(&iso, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("set");
    assert_eq!(states(&built(&lab, &[base(), "--update"], "2")), ["unchanged", "unchanged"]);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&iso).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    // One that was damaged is not taken for the same.
    let mut bytes = fs::read(&iso).expect("bytes");
    let at = bytes.windows(14).rposition(|w| w == b"inst.nosave=al").expect("the menu");
    bytes[at] ^= 1;
    fs::write(&iso, bytes).expect("written");
    assert_eq!(states(&built(&lab, &[base(), "--update"], "2")), ["unchanged", "built"]);
}

/// The base is read through once, and again when it was touched.
#[test]
fn a_base_that_was_not_touched_is_not_read_again() {
    let lab = Lab::example("smallest.yaml");
    let own = lab.path("own.iso").display().to_string();
    fs::copy(base(), &own).expect("copied");
    let said = |more: &[&str]| {
        let arguments = ["-v", "build", "controller", "-o", "isos", "--force", "--image", &own];
        lab.done(&[&arguments[..], more].concat()).stderr
    };
    let (reading, known) = (format!("reading {own}"), "read through before, and not touched since");
    assert!(said(&[]).contains(&reading));
    let again = said(&[]);
    assert!(again.contains(known) && !again.contains(&reading), "{again}");
    assert!(said(&["--verify"]).contains(&reading));
    // The same size, and its time set back.
    let time = fs::metadata(&own).expect("there").modified().expect("a time");
    let file = fs::File::options().write(true).open(&own).expect("opened");
    std::os::unix::fs::FileExt::write_at(&file, b"X", 2_000_000).expect("written");
    file.set_modified(time).expect("set");
    let damaged = lab.run(&["build", "controller", "-o", "isos", "--force", "--image", &own]);
    assert_eq!(damaged.status, 9, "{damaged:?}");
    assert!(damaged.stderr.contains("media check fails"), "{damaged:?}");
}

/// A base whose EFI boot image has no room left.
fn full_efiboot(lab: &Lab) -> String {
    let image = extracted(lab, Path::new(base()), "/images/efiboot.img");
    let mut permissions = fs::metadata(&image).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&image, permissions).expect("set");
    let mut mdir = judge("mdir");
    mdir.arg("-i").arg(&image).arg("::");
    let listed = judged(mdir).stdout;
    let free =
        listed.lines().find_map(|line| line.trim().strip_suffix(" bytes free")).expect("free");
    let free: usize = free.replace(' ', "").parse().expect("a number");
    fs::write(lab.path("filling"), vec![7; free]).expect("written");
    let mut mcopy = judge("mcopy");
    mcopy.arg("-i").arg(&image).arg(lab.path("filling")).arg("::/FILLING");
    judged(mcopy);
    let full = lab.path("full.iso").display().to_string();
    let image = image.display().to_string();
    let arguments = [
        "-outdev",
        &full,
        "-boot_image",
        "any",
        "replay",
        "-update",
        &image,
        "/images/efiboot.img",
    ];
    xorriso(Path::new(base()), &arguments);
    full
}

/// The base, back byte for byte: also where its EFI boot image had no room and was made anew.
#[test]
fn the_base_can_be_had_back() {
    let lab = Lab::example("smallest.yaml");
    for (n, base) in [base().to_owned(), full_efiboot(&lab)].iter().enumerate() {
        let isos = format!("isos{n}");
        lab.done(&["build", "controller", "-o", &isos, "--image", base]);
        let iso = format!("{isos}/controller.iso");
        let back = format!("back{n}.iso");
        let said = lab.done(&["reset", &iso, "-o", &back]);
        assert!(said.stdout.contains(&sha256(Path::new(base))), "{said:?}");
        let mut cmp = judge("cmp");
        cmp.arg(base).arg(lab.path(&back));
        judged(cmp);
        // Not over what is there, nor over itself, nor of what is no product.
        assert_eq!(lab.run(&["reset", &iso, "-o", &back]).status, 8);
        assert_eq!(lab.run(&["reset", &iso, "-o", &iso, "--force"]).status, 8);
        let of_base = lab.run(&["reset", base, "-o", "other.iso"]);
        assert_eq!(of_base.status, 9, "{of_base:?}");
        assert!(of_base.stderr.contains("was not built by trainyard"), "{of_base:?}");
        // Nor of one that has lost something of it.
        let report = xorriso(
            &lab.path(&iso),
            &["-report_el_torito", "plain", "-report_system_area", "plain"],
        );
        assert!(report.contains("MBR partition path :   2  /images/efiboot.img"), "{report}");
        let file = fs::File::options().write(true).open(lab.path(&iso)).expect("opened");
        std::os::unix::fs::FileExt::write_at(&file, b"lost", 1_500_000).expect("written");
        let lost = lab.run(&["reset", &iso, "-o", "other.iso"]);
        assert_eq!(lost.status, 9, "{lost:?}");
        assert!(lost.stderr.contains("is not what it was"), "{lost:?}");
        assert!(!lab.path("other.iso").exists());
    }
}

/// What differs is what xorriso's own listing of both differs in.
#[test]
fn the_difference_to_its_base_is_told() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    let iso = lab.path("isos/controller.iso");
    let said = lab.done(&["inspect", "isos/controller.iso", "--diff", base()]).stdout;
    let files = |iso: &Path| -> std::collections::BTreeMap<String, String> {
        let target = lab.path("tree");
        let _ = fs::remove_dir_all(&target);
        xorriso(iso, &["-osirrox", "on", "-extract", "/", &target.display().to_string()]);
        let mut sums = judge("sh");
        sums.args(["-c", "find . -type f -exec sha256sum {} +"]).current_dir(&target);
        let text = judged(sums).stdout;
        let line = |line: &str| {
            line.split_once("  .").map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        };
        text.lines().filter_map(line).collect()
    };
    let (before, after) = (files(Path::new(base())), files(&iso));
    let mut expected: Vec<String> = Vec::new();
    for (path, sum) in &after {
        match before.get(path) {
            None => expected.push(format!("+ {path}")),
            Some(other) if other != sum => expected.push(format!("~ {path}")),
            Some(_) => {}
        }
    }
    let mut told: Vec<String> =
        said.lines().map(|line| line.split("  ").next().unwrap_or(line).to_owned()).collect();
    // The catalogue's checksum may stay what it was.
    told.sort_by_key(|line| line[2..].to_owned());
    assert_eq!(told, expected);
    // The other way round, what was added is missing.
    let turned = lab.done(&["inspect", base(), "--diff", "isos/controller.iso"]).stdout;
    assert!(turned.contains("- /ks.cfg\n"), "{turned}");
    // And a file by itself.
    let text = lab.done(&["inspect", "isos/controller.iso", "--extract", "/ks.cfg"]).stdout;
    assert_eq!(text, fs::read_to_string(extracted(&lab, &iso, "/ks.cfg")).expect("text"));
    let none = lab.run(&["inspect", "isos/controller.iso", "--extract", "/nothing"]);
    assert_eq!(none.status, 9, "{none:?}");
}

/// Killed at any moment, an ISO is there as a whole or not at all, and its base is as it was.
#[test]
fn killed_at_twenty_moments() {
    let lab = Lab::example("smallest.yaml");
    let sum = sha256(Path::new(base()));
    let mut absent = 0;
    for n in 0..20_u64 {
        let mut command =
            lab.command(&["-q", "build", "controller", "-o", "isos", "--force", "--image", base()]);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        std::thread::sleep(Duration::from_millis(20 + n * 23));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let iso = lab.path("isos/controller.iso");
        if iso.exists() {
            let inspected = lab.run(&["inspect", "isos/controller.iso"]);
            assert_eq!(inspected.status, 0, "{n}: {inspected:?}");
            assert_passes_media_check(&iso);
            fs::remove_file(&iso).expect("removed");
        } else {
            absent += 1;
        }
        assert_eq!(sha256(Path::new(base())), sum, "{n}");
    }
    assert!(absent > 0, "each was done before it was killed");
    lab.done(&["build", "controller", "-o", "isos", "--image", base()]);
    assert_eq!(lab.names("isos"), ["controller.iso"], "what the killed ones had begun is gone");
}
