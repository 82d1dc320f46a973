//! A node's kickstart, taken apart for `installer.sh`: what is run on a host is what the kickstart holds, unchanged.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::area::{Area, must, text};
use crate::common::installed::scripts;
use crate::common::{Lab, ROOT, outcome};

/// What CentOS's medium installs beside the packages that a kickstart names, as far as it matters here.
const MINIMAL: [&str; 6] =
    ["centos-release", "initscripts", "kernel", "NetworkManager", "openssh-server", "sudo"];

/// What its cloud image has of those. NetworkManager and firewalld were removed when `GenericCloud` was made (its kickstart,
/// sig-cloud-instance-build/cloudimg), and the network scripts have its network.
fn on_a_cloud_image() -> impl Iterator<Item = &'static str> {
    MINIMAL.into_iter().filter(|name| *name != "NetworkManager")
}

/// Installs a node of a rendered lab into `layer`.
pub fn install(area: &Area, lab: &Lab, node: &str, layer: &Path) {
    let kickstart = lab.read(&format!("out/{node}/ks.cfg"));
    let input = empty_input(area, node);
    let write = |name: &str, content: &str| fs::write(input.join(name), content).expect("written");
    write("ks.cfg", &kickstart);
    write("hostname", &format!("{}\n", option(&kickstart, "network", "--hostname=")));
    let mut packages = String::new();
    for name in MINIMAL.into_iter().chain(packages_of(&kickstart)) {
        let _ = writeln!(packages, "{name}");
    }
    write("packages", &packages);
    let posts = scripts(&kickstart).into_iter().filter(|s| s.header.starts_with("%post"));
    for (number, script) in posts.enumerate() {
        let outside = script.header.contains("--nochroot");
        write(&format!("{number}.{}", if outside { "nochroot" } else { "chroot" }), &script.body);
    }
    run_installer(area, node, layer, &input);
}

/// Puts a cloud image there, as it is before its first boot. It knows of no node.
pub fn image(area: &Area, node: &str, layer: &Path) {
    let input = empty_input(area, node);
    fs::write(input.join("hostname"), "localhost.localdomain\n").expect("written");
    let packages: String = on_a_cloud_image().map(|name| format!("{name}\n")).collect();
    fs::write(input.join("packages"), packages).expect("written");
    run_installer(area, node, layer, &input);
}

fn empty_input(area: &Area, node: &str) -> PathBuf {
    let input = area.path(&format!("{node}.input"));
    let _ = fs::remove_dir_all(&input);
    fs::create_dir_all(&input).expect("made");
    input
}

fn run_installer(area: &Area, node: &str, layer: &Path, input: &Path) {
    let work = layer.with_extension("work");
    fs::create_dir_all(layer).expect("made");
    fs::create_dir_all(&work).expect("made");
    let mut command = Command::new("timeout");
    command.args(["300", "unshare", "--mount", "--uts"]);
    command.arg(format!("{ROOT}/tests/node/installer.sh")).arg(area.tree());
    command.arg(layer).arg(&work).arg(format!("{ROOT}/tests/node/shims")).arg(input);
    let outcome = outcome(command);
    assert_eq!(
        outcome.status, 0,
        "{node} is not installed\n{}\n{}",
        outcome.stdout, outcome.stderr
    );
    must("rm", &["-rf", text(&work), text(input)]);
}

/// The value of an option of a command that the kickstart has.
fn option(kickstart: &str, command: &str, option: &str) -> String {
    let lines = kickstart.lines().filter(|line| line.split(' ').next() == Some(command));
    let mut words = lines.flat_map(|line| line.split(' '));
    words.find_map(|word| word.strip_prefix(option)).expect(option).to_owned()
}

/// The packages that the kickstart names; what they bring is up to the shims.
fn packages_of(kickstart: &str) -> Vec<&str> {
    let lines = kickstart.lines().skip_while(|line| !line.starts_with("%packages")).skip(1);
    lines.take_while(|line| *line != "%end").filter(|line| !line.starts_with('@')).collect()
}
