//! The bundle of a locked lab on real discs: a machine in QEMU with two drives and a stick, in which the node's own scripts look for it while
//! discs come and go. (Which disc is taken, and what yum does then: `tests/node_runner/bundle.rs`.)

mod common;

use std::process::Command;

use common::{ROOT, judged};

/// What the scripts found when, and whether that is mounted as it is to be.
#[test]
fn the_bundle_is_found_on_real_discs_that_come_and_go() {
    let mut boot = Command::new(format!("{ROOT}/scripts/dev/boot-discs.sh"));
    boot.args(["--timeout", "300"]);
    let said = judged(boot).stdout;
    let told = |when: &str| -> Vec<&str> {
        let when = format!("standin: {when}: ");
        said.lines().filter_map(|line| line.strip_prefix(&*when)).collect()
    };
    let first = "/dev/sr1 at /run/trainyard/medium, <repomd of=\"bundle\"/>";
    for (when, found) in [
        ("first", first),
        ("again", first),
        (
            "taken out",
            "/dev/sr0 at /run/trainyard/medium/trainyard-packages, <repomd of=\"installer\"/>",
        ),
        ("both taken out", "none"),
        ("put back", first),
        ("another one in its place", "none"),
    ] {
        let told = told(when);
        assert_eq!(told[0], found, "{when}: {said}");
        let mounted = match found.split_once(' ') {
            None => "nothing is mounted".to_owned(),
            Some((device, _)) => format!(
                "what is mounted: {device} /run/trainyard/medium iso9660 ro,nosuid,nodev,noexec,"
            ),
        };
        assert!(told[1].starts_with(&mounted), "{when}: {said}");
    }
    // Else nothing would show that the drive is asked.
    assert_eq!(told("in memory"), ["ours"]);
    // Once each time that discs are looked for: a stick with another lab's, and in the end the drive with it.
    let passed = |device: &str| {
        let line = format!("warning: {device} is passed over, for its bundle is of another");
        told("said").iter().filter(|said| said.starts_with(&line)).count()
    };
    assert_eq!((passed("/dev/sda"), passed("/dev/sr1")), (5, 1), "{said}");
}
