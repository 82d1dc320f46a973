//! A pair that has come up undisturbed: what others are compared with, and what tests that need such a pair start from.
//!
//! It is kept under target/, by what it was made of, and made anew when any of that has changed.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::area::{must, text};
use crate::bench::{Bench, lab_file};
use crate::cloud::assert_came_up;
use crate::common::ROOT;
use crate::state::state;

/// The mirrors of most labs here.
pub const MIRRORS: [&str; 2] = ["first", "second"];

/// What the nodes of an undisturbed run have become.
pub struct Undisturbed {
    pub controller: String,
    pub compute: String,
}

impl Undisturbed {
    fn read(folder: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a state");
        Self { controller: read("controller.state"), compute: read("compute.state") }
    }
}

/// Of the default lab.
pub fn undisturbed() -> Undisturbed {
    undisturbed_by(&mut Bench::empty(&lab_file(&MIRRORS)))
}

/// What such a bench's nodes become. Its hosts are off, or have come up already.
pub fn undisturbed_by(bench: &mut Bench) -> Undisturbed {
    Undisturbed::read(&pair(bench))
}

/// Both hosts, switched on, as an undisturbed run has left them.
pub fn configured() -> Bench {
    switched_on(Bench::empty(&lab_file(&MIRRORS)))
}

/// Both hosts of such a lab, switched on, as an undisturbed run leaves them.
pub fn switched_on(mut bench: Bench) -> Bench {
    let folder = pair(&mut bench);
    for host in [&bench.controller, &bench.compute] {
        must("rm", &["-rf", text(&host.layer())]);
        must("cp", &["-a", text(&folder.join(host.name)), text(&host.layer())]);
    }
    bench.start();
    bench.wait_until_done();
    for host in [&mut bench.controller, &mut bench.compute] {
        host.wait_until(60, "[ -z \"$(systemctl list-jobs --no-legend)\" ]");
    }
    bench
}

/// The folder of the pair; where there is none yet, these two empty machines become it.
fn pair(bench: &mut Bench) -> PathBuf {
    let pairs = PathBuf::from(format!("{ROOT}/target/node-pairs"));
    let folder = pairs.join(key(bench));
    if folder.exists() {
        return folder;
    }
    bench.install();
    bench.start();
    bench.wait_until_done();
    if bench.is_cloud() {
        assert_came_up(bench);
    }
    keep(bench);
    folder
}

/// Keeps a pair that has come up undisturbed, and leaves its hosts switched off.
pub fn keep(bench: &mut Bench) {
    let pairs = PathBuf::from(format!("{ROOT}/target/node-pairs"));
    let folder = pairs.join(key(bench));
    let new = pairs.join(".new");
    must("rm", &["-rf", text(&new)]);
    for old in fs::read_dir(&pairs).into_iter().flatten().flatten() {
        // Those of other ways to a pair stay.
        if old.file_name().to_string_lossy().starts_with(bench.way()) {
            must("rm", &["-rf", text(&old.path())]);
        }
    }
    fs::create_dir_all(&new).expect("made");
    for host in [&mut bench.controller, &mut bench.compute] {
        fs::write(new.join(format!("{}.state", host.name)), state(host)).expect("written");
        host.power_off();
        must("cp", &["-a", text(&host.layer()), text(&new.join(host.name))]);
    }
    fs::rename(new, folder).expect("renamed");
}

/// The digest of all that a pair is made of: kickstarts, tree, shims and scripts.
fn key(bench: &Bench) -> String {
    let mut digest = Sha256::new();
    digest.update(text(bench.area.tree()));
    for node in ["controller", "compute"] {
        let spelling = if bench.is_cloud() { "user-data" } else { "ks.cfg" };
        digest.update(bench.lab.read(&format!("out/{node}/{spelling}")));
    }
    let folder = format!("{ROOT}/tests/node");
    let files = must("find", &[&folder, "-type", "f", "!", "-name", "*.rs", "!", "-name", "*.tsv"]);
    let mut files: Vec<_> = files.lines().collect();
    files.sort_unstable();
    for file in files {
        digest.update(file);
        digest.update(fs::read(file).expect("a file"));
    }
    let digest = digest.finalize();
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digest}", bench.way())
}
