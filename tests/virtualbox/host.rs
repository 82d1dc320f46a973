//! A host with the stand-in on its PATH, and what a person has on it already.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{Act, MachineError, Provider as _, Step, Wanted, perform};

/// What says where the stand-in keeps what there is; the tests that rest on it run in a process of their own, which has it.
const HOME: &str = "FAKE_VBOX";

pub struct Host {
    home: PathBuf,
}

/// Runs a test in a process that finds the stand-in as `VBoxManage`.
pub fn alone(test: fn(&Host)) {
    if let Some(home) = std::env::var_os(HOME) {
        let host = Host { home: home.into() };
        host.plant();
        return test(&host);
    }
    let home = tempfile::tempdir().expect("a folder");
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/fake");
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("made");
    for part in fs::read_dir(fake).expect("the stand-in") {
        let part = part.expect("an entry");
        fs::copy(part.path(), bin.join(part.file_name())).expect("copied");
    }
    fs::set_permissions(bin.join("VBoxManage"), fs::Permissions::from_mode(0o755)).expect("set");
    let mut path = OsString::from(&bin);
    path.push(":");
    path.push(std::env::var_os("PATH").expect("a path"));
    let thread = std::thread::current();
    let name = thread.name().expect("the test's");
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", name, "--nocapture"]).env("PATH", path).env(HOME, home.path());
    let done = again.output().expect("it runs");
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

impl Host {
    /// What a person has: machines of which one runs and one has lost its settings, a disk that nothing uses, and networks.
    fn plant(&self) {
        let elsewhere = self.home.join("elsewhere");
        let _ = fs::remove_dir_all(&elsewhere);
        let _ = fs::remove_dir_all(self.lab());
        fs::create_dir_all(&elsewhere).expect("made");
        for name in ["work.vdi", "spare.vdi", "tools.iso"] {
            fs::write(elsewhere.join(name), name).expect("written");
        }
        let at = |name: &str| elsewhere.join(name).display().to_string();
        let work = json!({
            "name": "work", "file": at("work.vbox"), "settings": {"nat-network1": "office"}, "extradata": {"GUI/Fullscreen": "true"},
            "controllers": {"IDE": 2}, "ports": {"IDE-0-0": "d1"}, "state": "running", "session": "GUI/Qt", "snapshots": [["s1", "clean"]],
        });
        let lost = json!({
            "name": "lost", "file": at("lost.vbox"), "settings": {}, "extradata": {}, "controllers": {}, "ports": {},
            "state": "poweroff", "session": "", "snapshots": [], "inaccessible": true,
        });
        let state = json!({
            "version": "7.0.20r163906", "last": 0, "warning": "",
            "vms": {"v1": work, "v2": lost},
            "media": {
                "d1": {"kind": "disk", "path": at("work.vdi"), "size": 100},
                "d2": {"kind": "disk", "path": at("spare.vdi"), "size": 100},
                "d3": {"kind": "dvd", "path": at("tools.iso"), "size": 1},
            },
            "natnets": {"office": {"network": "10.9.0.0/24", "dhcp": true, "enabled": true, "forwards": ["rdp:tcp:[]:3389:[10.9.0.5]:3389"]}},
            "bridged": [
                {"name": "eth0", "ip": "192.0.2.7", "mask": "255.255.255.0"},
                {"name": "wlan0", "ip": "192.0.2.8", "mask": "255.255.255.0", "wireless": true},
            ],
            "hostonly": [{"name": "vboxnet0", "ip": "192.168.56.1", "mask": "255.255.255.0"}],
            "host": {"hwvirt": "yes", "nested": "yes", "memory": 32000, "free": 24000},
            "extradata": {"GUI/LastCheck": "never", "trainyard/natnetwork/other": "another lab"},
        });
        self.put("state.json", &state.to_string());
        for name in ["count", "log", "die", "slow"] {
            let _ = fs::remove_file(self.home.join(name));
        }
    }

    pub fn put(&self, name: &str, text: &str) {
        fs::write(self.home.join(name), text).expect("written");
    }

    /// The folder of the lab's machines.
    pub fn lab(&self) -> PathBuf {
        self.home.join("lab")
    }

    /// What there is, as the stand-in keeps it.
    pub fn state(&self) -> Value {
        let text = fs::read_to_string(self.home.join("state.json")).expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Changes it as a person, or fate.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        change(&mut state);
        self.put("state.json", &state.to_string());
    }

    /// The same without UUIDs that are new each time. (Whole words of it: the name of a folder may have `d1` in it.)
    pub fn known(&self) -> Value {
        let state = self.state();
        let mut text = state.to_string();
        for (uuid, vm) in state["vms"].as_object().expect("machines") {
            text = text.replace(&format!("\"{uuid}\""), &vm["name"].to_string());
        }
        for (uuid, medium) in state["media"].as_object().expect("media") {
            text = text.replace(&format!("\"{uuid}\""), &medium["path"].to_string());
        }
        let mut known: Value = serde_json::from_str(&text).expect("JSON");
        known["last"] = Value::Null;
        // That it was stopped once and was held for a moment.
        for vm in known["vms"].as_object_mut().expect("machines").values_mut() {
            vm.as_object_mut().expect("a machine").remove("letting_go");
        }
        known
    }

    /// The files of a person's, with what is in them.
    pub fn elsewhere(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.home.join("elsewhere")).expect("a folder");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), fs::read(path).expect("bytes"))).collect()
    }

    /// A machine, by its name.
    pub fn vm(&self, name: &str) -> Value {
        let state = self.state();
        let vms = state["vms"].as_object().expect("machines");
        vms.values().find(|vm| vm["name"] == name).cloned().unwrap_or_default()
    }

    /// Changes a machine.
    pub fn change_vm(&self, name: &str, change: impl Fn(&mut Value)) {
        self.change(|state| {
            let vms = state["vms"].as_object_mut().expect("machines");
            vms.values_mut().filter(|vm| vm["name"] == name).for_each(change);
        });
    }

    /// The commands that changed something.
    pub fn told(&self) -> Vec<Vec<String>> {
        let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        log.lines().map(|line| line.split('\u{1f}').map(str::to_owned).collect()).collect()
    }

    /// How many there were, from the beginning.
    pub fn count(&self) -> usize {
        self.told().len()
    }

    /// Has the stand-in kill itself at this command, counted from now, in the middle of or after it.
    pub fn die(&self, at: usize, when: &str) {
        self.put("die", &format!("{} {when}", self.count() + at));
    }

    pub fn live(&self) {
        let _ = fs::remove_file(self.home.join("die"));
    }
}

/// Does what a lab's media are: files of their names.
pub fn media(wanted: &Wanted) -> impl FnMut(&Step) -> Result<(), MachineError> {
    let machines = wanted.machines.clone();
    move |step| {
        let Act::Media { path } = &step.act else { panic!("{step:?}") };
        let machine = machines.iter().find(|machine| machine.folder == *path).expect("a node's");
        let disks = machine.disks.iter().filter(|disk| disk.from_image);
        for file in disks.map(|disk| disk.path.with_extension("vdi")).chain(machine.cds.clone()) {
            fs::write(file, "media").expect("written");
        }
        Ok(())
    }
}

/// Does steps, as far as it goes.
pub fn done(wanted: &Wanted, steps: &[Step]) -> Result<(), MachineError> {
    let mut media = media(wanted);
    steps.iter().try_for_each(|step| perform(step, &mut media))
}

pub fn nodes(wanted: &Wanted) -> Vec<&str> {
    wanted.machines.iter().map(|machine| machine.node.as_str()).collect()
}

pub fn steps_up(wanted: &Wanted) -> Result<Vec<Step>, MachineError> {
    VirtualBox.raise(wanted, &VirtualBox.look(wanted)?, &nodes(wanted))
}

/// As `lab up` does it.
pub fn up(wanted: &Wanted) -> Result<(), MachineError> {
    done(wanted, &steps_up(wanted)?)
}

/// As `lab down` does it: all nodes that there are.
pub fn down(wanted: &Wanted) -> Result<(), MachineError> {
    let seen = VirtualBox.look(wanted)?;
    let nodes: Vec<&str> = seen.machines.keys().map(String::as_str).collect();
    let mut steps = VirtualBox.raze(wanted, &seen, &nodes)?;
    steps.extend(VirtualBox.close(wanted)?);
    done(wanted, &steps)
}
