//! A disk that can be read, and not written.

use crate::client::ask;
use crate::common::{Lab, judge, judged, outcome};
use crate::kept::on_small_disk;
use crate::running::{Serving, free};

#[test]
fn a_folder_that_cannot_be_written_is_told_at_once() {
    let read_only = "Read-only file system (os error 30); its disk can only be read: mount it for writing, or name another folder (`--state FOLDER`)";
    let full = "No space left on device (os error 28); make room on its disk, or name another folder (`--state FOLDER`)";
    let denied = "Permission denied (os error 13); let this user write it, or name another folder (`--state FOLDER`)";
    // Root, and whoever is root of a namespace, may write everywhere.
    let without_rights = r#"set -- setpriv --bounding-set=-all --inh-caps=-all "$@""#;
    let served_before =
        "mkdir -m 0700 state/files state/logs state/packages && : >state/state.sqlite";
    for (options, prepare, wanted) in [
        ("size=4m", "mount -o remount,ro state".to_owned(), read_only),
        ("size=4m", format!("{served_before} && mount -o remount,ro state"), read_only),
        ("size=4m,nr_inodes=3", "true".to_owned(), full),
        ("size=4m", format!("chmod 0500 state && {without_rights}"), denied),
        ("size=4m", format!("{served_before} && chmod 0500 state && {without_rights}"), denied),
    ] {
        let lab = Lab::example("reference.yaml");
        std::fs::create_dir(lab.path("state")).expect("made");
        let prepare = format!("chmod 0700 state && {prepare}");
        let inner = on_small_disk(&lab, options, free(), &prepare);
        // It would serve for ever, were it content.
        let mut command = judge("timeout");
        command.arg("20").arg(inner.get_program()).args(inner.get_args());
        command.current_dir(lab.path("")).env("HOME", lab.path(""));
        let said = outcome(command);
        let wanted = format!("error: `state`: {wanted}\n");
        assert_eq!((said.status, said.stderr), (9, wanted), "{prepare}");
    }
}

/// Lets the server write so much of any file, or all that it wants.
fn may_write(serving: &Serving, bytes: &str) {
    let mut prlimit = judge("prlimit");
    prlimit.arg(format!("--pid={}", serving.pid())).arg(format!("--fsize={bytes}:"));
    judged(prlimit);
}

/// Every write fails, as on a disk that the kernel made read-only because it had errors.
#[test]
fn a_disk_that_ends_while_it_is_served_from_is_told_and_nothing_is_handed_out() {
    let serving = Serving::ignoring_limits(Lab::example("reference.yaml"));
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let mac = serving.mac("compute");
    let kickstart = serving.kickstart_path("compute");
    let begun = serving.get_as(&serving.mac("controller"), &serving.kickstart_path("controller"));
    let report = Serving::report_path(&begun.text());

    may_write(&serving, "0");
    // Twice each: the second time there is nothing new to write.
    for _ in 0..2 {
        let answer = serving.get_as(&mac, &kickstart);
        assert!(answer.status == 503 && !answer.text().contains("rootpw"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(serving.tell(&report, "what=installed").status, 503, "it must tell it again");
    }
    let script = ask(serving.address, "GET", &format!("/ipxe?mac={mac}"), &[], "");
    assert!(script.status == 503 && !script.text().contains("inst.ks"), "{script:?}");
    let said = serving.node_command(&["arm", "compute"]);
    assert!(said.status == 7 && said.stderr.contains("cannot be written"), "{said:?}");
    let trouble = serving.get("/api/v1/nodes").json()["trouble"].as_str().expect("told").to_owned();
    assert!(trouble.contains("state.sqlite`: disk I/O error; look at its disk"), "{trouble}");

    may_write(&serving, "unlimited");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while serving.tell(&report, "what=installed").status != 204 {
        assert!(std::time::Instant::now() < end, "{}", serving.said());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(serving.state("controller"), "installed");
    assert_eq!(serving.get_as(&mac, &kickstart).status, 200);
    assert!(serving.get("/api/v1/nodes").json()["trouble"].is_null());
}
