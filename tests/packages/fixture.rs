//! The repositories, the mirror and the hosts themselves, before a cache comes between them.

use crate::host::{Host, lab};
use crate::repositories::repositories;
use crate::stack::{CHANGED, CONTROLLER, FOREIGN, LARGE, UNSIGNED, UPDATED};
use crate::upstream::Upstream;

/// dnf takes what is needed from all repositories, the newer one of two versions, and checks every signature.
#[test]
fn a_host_installs_from_a_mirror() {
    let mirror = Upstream::new();
    let host = Host::new(&lab(&[&mirror], ""));
    host.installs(&CONTROLLER);
    let installed = host.installed();
    for package in
        ["httpd 2.4.6-99.el7.centos.1", "librbd1 14.2.11-0.el7", "libstdc++ 4.8.5-44.el7"]
    {
        assert!(installed.iter().any(|it| it == package), "{package}: {installed:?}");
    }
    assert!(installed.len() > 30, "{installed:?}");
    // Each came once, and whole.
    let large = repositories().named(LARGE);
    assert_eq!(mirror.sent_of(&large), repositories().file(&large).len() as u64);
    assert_eq!(mirror.asked_for(&repositories().path(&UPDATED)), 1);
}

#[test]
fn a_mirror_that_is_gone_is_passed_over() {
    let (gone, mirror) = (Upstream::new(), Upstream::new());
    let lab = lab(&[&gone, &mirror], "");
    let at = gone.mirror();
    drop(gone);
    let host = Host::new(&lab);
    assert_eq!(host.urls("base")[0], format!("{at}/7.9.2009/os/$basearch/"));
    // The lab's own has one place only, which is gone.
    host.dnf(&["--disablerepo=site", "install", "etcd"]);
    assert_eq!(host.installed(), ["etcd 3.3.11-2.el7.centos"]);
}

#[test]
fn dnf_refuses_what_nobody_signed_and_what_somebody_else_did() {
    let mirror = Upstream::new();
    let host = Host::new(&lab(&[&mirror], ""));
    for (name, said) in [(UNSIGNED, "is not signed"), (FOREIGN, "Public key for")] {
        let outcome = host.dnf(&["install", name]);
        assert_ne!(outcome.status, 0, "{outcome:?}");
        assert!((outcome.stdout + &outcome.stderr).contains(said), "{name}");
    }
    assert_eq!(host.installed(), [""; 0]);
    host.installs(&["site-tools"]);
}

/// After the change the older metadata names a package that is gone.
#[test]
fn a_repository_changes() {
    let made = repositories();
    let (before, after) = (made.path(&UPDATED), made.path(&CHANGED));
    assert!(made.tree.contains_key(&before) && !made.tree.contains_key(&after));
    assert!(!made.changed.contains_key(&before) && made.changed.contains_key(&after));
    let mirror = Upstream::new();
    mirror.has(&made.changed);
    let host = Host::new(&lab(&[&mirror], ""));
    host.installs(&["httpd"]);
    assert!(host.installed().contains(&"httpd 2.4.6-100.el7.centos".to_owned()));
}
