//! What counts of what nodes have told.

use std::fs;

use crate::common::{judged, outcome};
use crate::running::{Machines, VERIFIED, tells};

/// Of a time before a machine's last start, or of other disks.
#[test]
fn what_was_told_before_a_machine_started_does_not_count() {
    let lab = Machines::new();
    let up = ["lab", "up", "compute", "--patience", "30"];
    let begun = lab.listened(&up);
    lab.wait_for(&["controller missing", "compute running"]);
    let told_at = lab.armed("compute");
    judged(tells(&told_at, VERIFIED));
    let ended = begun.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    let off = || {
        lab.qmp("compute", "quit");
        lab.wait_for(&["controller missing", "compute off"]);
    };
    let is_verified = || lab.done(&["lab", "status"]).stdout.contains("verified by 2 checks");
    assert!(is_verified());

    off();
    lab.done(&["lab", "snapshot", "first", "--node", "compute"]);
    assert!(is_verified(), "it was not started");
    lab.done(&["lab", "restore", "first", "--node", "compute"]);
    assert!(!is_verified());

    // One that came up while nobody listened is asked, and tells.
    let tell = tells(&told_at, VERIFIED);
    let words: Vec<String> = tell.get_args().map(|word| format!("'{}'", word.display())).collect();
    let script = format!("#!/bin/sh\necho \"$*\" > asked\nexec curl {}\n", words.join(" "));
    let mut again = lab.command(&up);
    again.env("PATH", lab.path_with("ssh", &script));
    let again = outcome(again);
    assert_eq!(again.status, 0, "{again:?}");
    let asked = fs::read_to_string(lab.path("asked")).expect("asked");
    assert!(asked.ends_with(" /usr/local/sbin/trainyard-node verify\n"), "{asked}");
    assert!(is_verified());

    off();
    let failed = lab.run(&["lab", "up", "compute", "--patience", "3"]);
    assert_eq!(failed.status, 5, "it was started, and has not told a thing: {failed:?}");
    assert!(!is_verified());
}
