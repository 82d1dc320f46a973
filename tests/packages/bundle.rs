//! `trainyard packages bundle`: what is locked, on a medium or in a folder, for hosts that reach nobody.

use std::fs;
use std::path::Path;

use crate::common::{Lab, judge, judged, outcome};
use crate::host::Host;
use crate::lock::locked;
use crate::repositories::repositories;
use crate::served::packages;
use crate::stack::UPDATED;
use crate::upstream::Upstream;

/// A lab whose lock is there, and whose mirror is gone.
fn lab() -> Lab {
    let mirror = Upstream::new();
    locked(&[&mirror], "127.0.0.1:9")
}

fn bundle(lab: &Lab, output: &str) {
    let made = packages(lab, &["bundle", "-o", output]);
    assert_eq!(made.status, 0, "{made:?}");
}

/// sha256sum's own word that all is there and right.
fn is_right(folder: &Path) {
    let mut sums = judge("sha256sum");
    sums.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(folder);
    judged(sums);
    let listed = fs::read_to_string(folder.join("SHA256SUMS")).expect("read").lines().count();
    let mut find = judge("find");
    find.args([".", "-type", "f", "!", "-name", "SHA256SUMS"]).current_dir(folder);
    assert_eq!(judged(find).stdout.lines().count(), listed, "something is not listed");
}

/// A host without any network, not even its own, has what the lock names, and nothing else.
fn installs_alone(lab: &Lab, folder: &Path) {
    let host = Host::alone(lab, folder);
    host.installs(&["httpd", "openstack-keystone", "etcd"]);
    assert!(host.installed().contains(&"httpd 2.4.6-99.el7.centos.1".to_owned()));
    assert_ne!(host.dnf(&["install", "nfs-ganesha"]).status, 0);
    // It has no network indeed.
    let mut curl = host.command("curl");
    curl.args(["-s", "-m", "5", "http://127.0.0.1:1/"]);
    assert_eq!(outcome(curl).status, 7);
}

#[test]
fn a_medium_installs_without_a_network() {
    let lab = lab();
    // As somebody else may have written it: nodes compare its bytes.
    fs::write(lab.path("packages.lock"), lab.read("packages.lock") + "\n").expect("written");
    bundle(&lab, "packages.iso");
    let mut xorriso = judge("xorriso");
    xorriso.args(["-indev"]).arg(lab.path("packages.iso")).arg("-pvd_info");
    let said = outcome(xorriso);
    assert!(said.stdout.contains("Volume Id    : TRAINYARD_PACKAGES"), "{said:?}");
    let folder = lab.path("extracted");
    let mut xorriso = judge("xorriso");
    xorriso.args(["-osirrox", "on", "-indev"]).arg(lab.path("packages.iso"));
    xorriso.args(["-extract", "/"]).arg(&folder);
    judged(xorriso);
    // What is on a medium is read-only; here it has to be removed again.
    let mut chmod = judge("chmod");
    chmod.args(["-R", "u+w"]).arg(&folder);
    judged(chmod);
    is_right(&folder);
    let locked = lab.read("packages.lock");
    assert_eq!(fs::read_to_string(folder.join("packages.lock")).expect("read"), locked);
    installs_alone(&lab, &folder);
}

#[test]
fn a_folder_installs_without_a_network_and_takes_no_room() {
    use std::os::unix::fs::MetadataExt as _;
    let lab = lab();
    bundle(&lab, "bundle");
    let folder = lab.path("bundle");
    is_right(&folder);
    installs_alone(&lab, &folder);
    let path = repositories().path(&UPDATED);
    let inside = folder.join("updates").join(path.split("/x86_64/").nth(1).expect("a path"));
    assert!(inside.metadata().expect("there").nlink() > 1, "it was copied");
    // It is the same again, and replaced only where that is asked for.
    let sums = lab.read("bundle/SHA256SUMS");
    let refused = packages(&lab, &["bundle", "-o", "bundle"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    let again = packages(&lab, &["bundle", "-o", "bundle", "--force"]);
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(lab.read("bundle/SHA256SUMS"), sums);
    // What is no bundle, or has something else as well, is nobody's to remove.
    fs::write(folder.join("thesis.txt"), "mine").expect("written");
    let refused = packages(&lab, &["bundle", "-o", "bundle", "--force"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert_eq!(lab.read("bundle/thesis.txt"), "mine");
    fs::rename(folder.join("thesis.txt"), folder.join("base/thesis.txt")).expect("moved");
    assert_eq!(packages(&lab, &["bundle", "-o", "bundle", "--force"]).status, 8);
    fs::remove_file(folder.join("base/thesis.txt")).expect("removed");
    fs::remove_file(folder.join("SHA256SUMS")).expect("removed");
    let refused = packages(&lab, &["bundle", "-o", "bundle", "--force"]);
    assert_eq!(refused.status, 8, "{refused:?}");
    assert!(refused.stderr.contains("is no bundle"), "{refused:?}");
}

/// What has rotted in the cache gets onto no medium.
#[test]
fn what_has_rotted_is_not_carried_away() {
    let lab = lab();
    let mut find = judge("find");
    find.arg(lab.path("cache/packages/images")).args(["-name", "etcd-*.rpm"]);
    let file = judged(find).stdout.trim().to_owned();
    let (mut bytes, times) = (fs::read(&file).expect("read"), fs::metadata(&file).expect("there"));
    bytes[1000] ^= 1;
    fs::write(&file, bytes).expect("written");
    let open = fs::File::options().write(true).open(&file).expect("opened");
    open.set_modified(times.modified().expect("a time")).expect("set");
    for output in ["packages.iso", "bundle"] {
        let made = packages(&lab, &["bundle", "-o", output]);
        assert_eq!(made.status, 5, "{made:?}");
        assert!(made.stderr.contains("etcd-3.3.11-2.el7.centos.noarch.rpm"), "{made:?}");
        assert!(made.stderr.contains("`trainyard packages verify`"), "{made:?}");
        assert!(!lab.path(output).exists());
    }
    let left = fs::read_dir(lab.path("."))
        .expect("read")
        .chain(fs::read_dir(lab.path("cache/packages")).expect("read"));
    let left: Vec<_> = left
        .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|it| it.contains("bundle"))
        .collect();
    assert_eq!(left, [""; 0]);
}

/// Several at once, on a machine that has the packages and has made nothing of them yet: all of them are the same; and so is one of another
/// cache.
#[test]
fn one_is_as_another() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    bundle(&lab, "first");
    let sums = lab.read("first/SHA256SUMS");
    let pins = fs::read_dir(lab.path("cache/packages/pins")).expect("read");
    let made = pins.flatten().filter(|it| it.file_name().to_string_lossy().contains('@'));
    let made: Vec<_> = made.map(|it| fs::remove_file(it.path()).expect("removed")).collect();
    assert!(made.len() > 6, "{}", made.len());
    std::thread::scope(|scope| {
        for output in ["a", "b", "c", "d"] {
            let lab = &lab;
            scope.spawn(move || bundle(lab, output));
        }
    });
    for output in ["a", "b", "c", "d"] {
        assert_eq!(lab.read(&format!("{output}/SHA256SUMS")), sums);
    }
    fs::remove_dir_all(lab.path("cache")).expect("removed");
    bundle(&lab, "elsewhere");
    assert_eq!(lab.read("elsewhere/SHA256SUMS"), sums);
}

/// What `createrepo_c` cannot read is not left out in silence.
#[test]
fn what_is_no_package() {
    let mirror = Upstream::new();
    let lab = locked(&[&mirror], "127.0.0.1:9");
    let (text, path) = ("no package", "Packages/no-1-1.noarch.rpm");
    let mut tree = repositories().tree.clone();
    tree.insert(format!("centos/7.9.2009/extras/x86_64/{path}"), text.as_bytes().into());
    mirror.has(&tree);
    let mut sum = judge("sha256sum");
    fs::write(lab.path("no"), text).expect("written");
    sum.arg(lab.path("no"));
    let sum = judged(sum).stdout.split(' ').next().expect("a digest").to_owned();
    let mut lock: serde_json::Value =
        serde_json::from_str(&lab.read("packages.lock")).expect("JSON");
    lock["packages"].as_array_mut().expect("packages").push(serde_json::json!({
        "name": "no", "epoch": 0, "version": "1", "release": "1", "arch": "noarch", "repository": "extras",
        "sha256": sum, "size": text.len(),
        "location": path, "roles": [],
    }));
    fs::write(lab.path("packages.lock"), lock.to_string()).expect("written");
    let made = packages(&lab, &["bundle", "-o", "bundle"]);
    assert_eq!(made.status, 5, "{made:?}");
    assert!(made.stderr.contains("takes these for no packages: Packages/no-1-1"), "{made:?}");
    assert!(!lab.path("bundle").exists());
}

/// A lab that locks nothing has nothing to carry away.
#[test]
fn nothing_is_locked() {
    let mirror = Upstream::new();
    let outcome = packages(&crate::host::lab(&[&mirror], ""), &["bundle", "-o", "a.iso"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("`trainyard packages resolve` makes one"), "{outcome:?}");
}
