//! A qemu-img that is missing, fails, or makes something else.

use crate::common::outcome;
use crate::{lab, refused_with, with_fake};

#[test]
fn what_does_not_read_back_is_deleted() {
    let lab = lab();
    let overlay = &["disk", "compute"][..];
    let whole = &["disk", "compute", "--kind", "vdi"][..];
    // `$out` is the disk that is made: the last argument of `convert`, the one before the size of `create`.
    for (script, arguments, status, told) in [
        (
            r#"if [ "$1" = create ]; then for last; do :; done; set -- "$1" -q -f qcow2 -F qcow2 -b "$8" "$9" 11G; fi"#,
            overlay,
            5,
            "its size is 11GiB and not 12GiB",
        ),
        (
            r#"if [ "$1" = create ]; then exec $real create -q -f qcow2 "$9" 12G; fi"#,
            overlay,
            5,
            "it is an overlay over nothing and not over `",
        ),
        (
            r#"if [ "$1" = create ]; then exec $real create -q -u -f qcow2 -F raw -b "$8" "$9" 12G; fi"#,
            overlay,
            5,
            "it takes what is below for `raw` and not for `qcow2`",
        ),
        (
            r#"if [ "$1" = convert ]; then $real "$@"; exec qemu-io -f vdi -c 'write -P 9 30M 512' "$8"; fi"#,
            whole,
            5,
            "it is not what the image is: Content mismatch at offset 31457280",
        ),
        (
            r#"case "$*" in check*compute.qcow2*) echo 'ERROR cluster 5 refcount=0' >&2; exit 2 ;; esac"#,
            overlay,
            5,
            "it is damaged: ERROR cluster 5 refcount=0",
        ),
        (
            r#"if [ "$1" = convert ]; then $real "$@"; exec truncate -s 2M "$8"; fi"#,
            whole,
            5,
            "it is not what the image is: Content mismatch at offset ",
        ),
        (r#"[ "$1" != convert ] || { echo no such luck >&2; exit 3; }"#, whole, 6, "no such luck"),
        (r#"[ "$1" != compare ] || { echo no such luck >&2; exit 2; }"#, whole, 6, "no such luck"),
        (
            r#"[ "$1" != info ] || { echo '{"format": 3}'; exit; }"#,
            overlay,
            6,
            "said what cannot be read: ",
        ),
        (
            r#"[ "$1" != info ] || { echo '{"format": "qcow2", "virtual-size": 1}'; exit; }"#,
            overlay,
            9,
            "qemu-img takes it for another one than its header says",
        ),
        (
            r#"[ "$1" != info ] || { echo '{"format": "qcow2", "virtual-size": 67108864, "format-specific": {"data": {"data-file": "x"}}}'; exit; }"#,
            overlay,
            9,
            "qemu-img takes it for another one than its header says",
        ),
    ] {
        refused_with(&lab, script, arguments, status, told);
    }
}

/// Clusters that nothing uses are no damage.
#[test]
fn an_image_with_leaks_will_do() {
    let lab = lab();
    let script = r#"case "$*" in check*base.qcow2) echo 'Leaked cluster 5' >&2; exit 3;; esac"#;
    let made = outcome(with_fake(&lab, script, &["disk", "compute"]));
    assert_eq!(made.status, 0, "{made:?}");
}

#[test]
fn a_qemu_img_that_is_missing_or_old_is_told_before_all_else() {
    let lab = lab();
    let mut command = lab.command(&["disk", "compute"]);
    command.env("PATH", "/nowhere");
    let failed = outcome(command);
    assert_eq!(failed.status, 4, "{failed:?}");
    assert!(
        failed.stderr.contains("`qemu-img` is needed to make disks from a cloud image"),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("Debian: the package `qemu-utils`"), "{failed:?}");
    assert!(!failed.stderr.contains("reading"), "{failed:?}");

    let mut command = lab.command(&["doctor", "--offline"]);
    command.env("PATH", "/nowhere");
    let told = outcome(command).stdout;
    assert!(told.contains("BAD  qemu-img: not installed; it is needed to make disks"), "{told}");
    let told = lab.run(&["doctor", "--offline"]).stdout;
    assert!(told.contains("ok   qemu-img: qemu-img version "), "{told}");

    let old = r#"[ "$1" != --version ] || { echo 'qemu-img version 1.5.3, Copyright'; exit; }"#;
    refused_with(
        &lab,
        old,
        &["disk", "compute"],
        4,
        "is version 1.5.3, Copyright, and 2.10.0 or newer is needed",
    );
}
