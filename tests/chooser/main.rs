//! A medium for several nodes: which of them a machine is, and that it is installed then as if it had been started with that node's kickstart.
//! The chooser is run as it is rendered, with the installer's own programs alone.

#[path = "../common/mod.rs"]
mod common;
mod finding;
mod installer;
#[path = "../storage/machine.rs"]
#[allow(dead_code, reason = "the disks are another test's")]
mod machine;
mod running;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use common::Lab;
use common::installed::scripts;
use machine::Machine;
use trainyard::report::Findings;
use trainyard::stack::Catalogue;
use trainyard::{model, plan, render, spec};

const LABEL: &str = "CentOS 7 x86_64";
/// Where the chooser looks for everything.
const PLACES: &str = "sys=/sys dev=/dev tmp=/tmp medium=/run/install/repo\n";
/// What a kickstart's own scripts look in.
const GUARDS_PLACES: &str = "sys=/sys dev=/dev proc=/proc tmp=/tmp\n";
const INCLUDE: &str = "%include /tmp/trainyard-node.ks\n";

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
}

/// The chooser for all nodes of a lab.
fn chooser(lab: &Lab) -> String {
    let mut findings = Findings::default();
    let (path, secrets) = (lab.path("lab.yaml"), lab.path("secrets.yaml"));
    let (sources, spec) = spec::load(&path, &secrets, &mut findings).expect("a lab file");
    let lab = model::resolve(&spec.expect("a lab"), &sources, &mut findings);
    let catalogue = Catalogue::built_in().expect("stages");
    let plan = plan::make(&lab, &catalogue, &mut findings).expect("no error").expect("a plan");
    let nodes: Vec<_> = plan.nodes.iter().collect();
    render::chooser::render(&plan, &nodes, LABEL).expect("rendered")
}

/// A machine that was started with a medium for several nodes.
struct Started {
    machine: Machine,
    chooser: String,
}

/// How the chooser ended.
#[derive(Debug)]
struct Told {
    /// What is included now, if it ended by itself. If not, it waits for ever.
    included: Option<String>,
    console: String,
}

impl Started {
    /// A machine with a disk and no interface, and a medium without a node. One of the nodes is named for its kickstart.
    fn new(lab: &str, node: &str) -> Self {
        let machine = Machine::new(Lab::new(lab), node);
        for tool in ["chmod", "mkdir", "touch", "tail"] {
            symlink(Path::new("/usr/bin").join(tool), machine.path("bin").join(tool)).expect(tool);
        }
        machine.tool("mount", "false");
        let root = machine.path("");
        // Whoever waits, everything ends here.
        let wait =
            format!("[ \"$1\" = 5 ] || {{ : > \"{}/waits\"; kill -KILL 0; }}", root.display());
        machine.tool("sleep", &wait);
        machine.disk("sda", "sata", 10240);
        machine.write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
        let chooser = chooser(machine.lab());
        Self { machine, chooser }
    }

    fn interface(&self, name: &str, mac: &str) {
        self.machine.write(&format!("sys/class/net/{name}/address"), &format!("{mac}\n"));
    }

    fn identity(&self, serial: &str, uuid: &str) {
        self.machine.write("sys/class/dmi/id/product_serial", &format!("{serial}\n"));
        self.machine.write("sys/class/dmi/id/product_uuid", &format!("{uuid}\n"));
    }

    /// A node's kickstart on the medium. What it has in /tmp is in the machine's.
    fn medium(&self, node: &str, kickstart: &str) {
        let path = format!("run/install/repo/nodes/{node}/ks.cfg");
        self.machine.write(&path, &self.moved(kickstart));
    }

    /// The one that was rendered.
    fn own_medium(&self, node: &str) {
        self.medium(node, &self.machine.lab().read(&format!("out/{node}/ks.cfg")));
    }

    fn moved(&self, text: &str) -> String {
        /// Stands for the machine's folder, which may be in /tmp itself.
        const HERE: &str = "\u{2}";
        let mut text = text.to_owned();
        for places in [PLACES, GUARDS_PLACES] {
            text = text.replace(places, &places.replace("=/", &format!("={HERE}/")));
        }
        for before in ["=", " ", "\"", "'"] {
            text = text.replace(&format!("{before}/tmp/"), &format!("{before}{HERE}/tmp/"));
        }
        let root = self.machine.path("").display().to_string();
        text.replace(HERE, root.trim_end_matches('/'))
    }

    /// The chooser as the installer finds it.
    fn kickstart(&self) -> String {
        let path = self.machine.path("run/install/ks.cfg");
        self.machine.write("run/install/ks.cfg", &self.moved(&self.chooser));
        path.display().to_string()
    }

    fn run(&self) -> Told {
        let scripts = scripts(&self.chooser);
        let [script] = &scripts[..] else { panic!("{} scripts", scripts.len()) };
        assert_eq!(script.body.matches(PLACES).count(), 1, "{PLACES}");
        self.machine.write("chooser.sh", &self.moved(&script.body));
        let mut command = Command::new("/bin/bash");
        command.arg(self.machine.path("chooser.sh")).current_dir(self.machine.path("tmp"));
        command.env_clear().env("PATH", self.machine.path("bin")).stdin(Stdio::null());
        let output = command.process_group(0).output().expect("bash");
        let read = |inside: &str| fs::read_to_string(self.machine.path(inside)).ok();
        let console = read("dev/console").expect("something was said");
        for other in ["dev/tty1", "dev/ttyS0"] {
            assert_eq!(read(other).as_ref(), Some(&console), "{other}");
        }
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!log.contains("not found") && !log.contains("unbound"), "{log}");
        let included = read("tmp/trainyard-node.ks");
        if read("waits").is_some() {
            assert_eq!(output.status.signal(), Some(9), "{console}\n{log}");
            assert_eq!(included, None, "{console}");
        } else {
            assert_eq!(output.status.code(), Some(0), "{console}\n{log}");
            assert!(included.is_some(), "{console}\n{log}");
        }
        Told { included, console }
    }
}
