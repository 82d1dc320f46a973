//! A machine for the wipe guard: folders that play `/sys`, `/dev`, `/proc` and `/tmp`, disks that are sparse files with
//! real signatures, and of all programs only those that the installer's own system has.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Lab, judge, judged};

const MIB: u64 = 1 << 20;

/// What the guard may call. lorax takes `od`, `stat`, `timeout`, `base64`, `comm` and others out of the installer's coreutils, and all but a
/// few programs out of util-linux; blkid and wipefs stay.
const TOOLS: [&str; 11] =
    ["blkid", "cat", "dd", "grep", "mv", "readlink", "rm", "sed", "tr", "wc", "wipefs"];

/// The variables of the guard that say where everything is.
const PLACES: &str = "sys=/sys dev=/dev proc=/proc tmp=/tmp\n";

pub struct Machine {
    lab: Lab,
    kickstart: String,
}

/// How the guard ended.
#[derive(Debug)]
pub struct Told {
    /// The commands that it wrote, if it wrote any.
    pub commands: Option<String>,
    /// What stands on the console.
    pub console: String,
}

impl Machine {
    /// A machine without disks, started with the kickstart of a node.
    pub fn new(lab: Lab, node: &str) -> Self {
        lab.done(&["render", node, "-o", "out"]);
        let kickstart = lab.read(&format!("out/{node}/ks.cfg"));
        let machine = Self { lab, kickstart };
        for folder in ["bin", "proc", "tmp", "dev/disk/by-id", "sys/block", "sys/class/net", "udev"]
        {
            fs::create_dir_all(machine.path(folder)).expect("a folder");
        }
        for tool in TOOLS {
            let found =
                ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().map(|f| Path::new(f).join(tool));
            let found = found.into_iter().find(|path| path.exists());
            symlink(found.expect(tool), machine.path("bin").join(tool)).expect("linked");
        }
        let root = machine.path("");
        let root = root.display();
        machine.tool("udevadm", &format!("[ \"$1\" = settle ] || cat \"{root}/udev/${{3##*/}}\""));
        // Some seconds pass, and what comes late is there; who waits for long waits for ever.
        machine.tool(
            "sleep",
            &format!("case $1 in 5) mv {root}/late/* {root}/sys/block/ 2> /dev/null || true ;; *) kill -TERM $PPID ;; esac"),
        );
        machine.write("proc/mounts", "rootfs / rootfs rw 0 0\n");
        machine
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.lab.path("machine").join(inside)
    }

    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// A program in the place of the installer's.
    pub fn tool(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/bash\nPATH=/usr/bin:/bin\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// A disk of so many MiB, all zeros. `bus` is one of the lab file's words.
    pub fn disk(&self, name: &str, bus: &str, mib: u64) -> Disk<'_> {
        let pci = format!("sys/devices/pci0000:00/0000:00:{:02x}.0", self.count() + 3);
        let number = self.count();
        let folder = match bus {
            "sata" | "ide" => format!(
                "{pci}/ata{number}/host{number}/target{number}:0:0/{number}:0:0:0/block/{name}"
            ),
            "virtio" => format!("{pci}/virtio{number}/block/{name}"),
            "nvme" => format!("{pci}/nvme/nvme0/{name}"),
            "usb" => format!(
                "{pci}/usb2/2-1/2-1:1.0/host{number}/target{number}:0:0/{number}:0:0:0/block/{name}"
            ),
            "scsi" => format!(
                "{pci}/virtio{number}/host{number}/target{number}:0:0/{number}:0:0:0/block/{name}"
            ),
            other => panic!("{other}"),
        };
        self.write(&format!("{pci}/class"), if bus == "ide" { "0x01018a\n" } else { "0x010601\n" });
        self.write(&format!("{folder}/size"), &format!("{}\n", mib * MIB / 512));
        self.write(&format!("{folder}/ro"), "0\n");
        symlink(self.path(&folder), self.path("sys/block").join(name)).expect("linked");
        self.sparse(name, mib * MIB);
        Disk { machine: self, name: name.to_owned(), folder }
    }

    fn count(&self) -> usize {
        fs::read_dir(self.path("sys/block")).expect("a folder").count()
    }

    fn sparse(&self, name: &str, bytes: u64) {
        let path = self.path("dev").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path);
        file.and_then(|file| file.set_len(bytes)).expect("a sparse file");
    }

    /// The script that guards the disks.
    pub fn guard(&self) -> &str {
        // The lab's own hooks come before it.
        let at = self.kickstart.find(PLACES).expect("the guard");
        let begin = self.kickstart[..at].rfind("%pre --interpreter").expect("the guard");
        let script = &self.kickstart[begin..];
        let script = &script[script.find('\n').expect("a line") + 1..];
        &script[..=script.find("\n%end").expect("an end")]
    }

    /// Runs the guard.
    pub fn run(&self) -> Told {
        let script = self.guard();
        assert_eq!(script.matches(PLACES).count(), 1, "{PLACES}");
        let root = self.path("").display().to_string();
        let root = root.trim_end_matches('/');
        let here = format!("sys={root}/sys dev={root}/dev proc={root}/proc tmp={root}/tmp\n");
        self.write("guard.sh", &script.replace(PLACES, &here));
        let mut command = Command::new("/bin/bash");
        command.arg(self.path("guard.sh")).current_dir(self.path("tmp")).stdin(Stdio::null());
        command.env_clear().env("PATH", self.path("bin"));
        let output = command.output().expect("bash");
        let commands = fs::read_to_string(self.path("tmp/trainyard-storage.ks")).ok();
        let console = fs::read_to_string(self.path("dev/console")).expect("something was said");
        for other in ["dev/tty1", "dev/ttyS0"] {
            assert_eq!(fs::read_to_string(self.path(other)).expect("it was said"), console);
        }
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!log.contains("not found"), "{log}");
        if commands.is_some() {
            assert_eq!(output.status.code(), Some(0), "{console}\n{log}");
        } else {
            assert_eq!(output.status.signal(), Some(15), "it waits for ever: {console}\n{log}");
            assert!(console.contains("Nothing was written to a disk."), "{console}");
        }
        assert!(!self.path("tmp/trainyard-storage.ks.new").exists());
        Told { commands, console }
    }

    /// Runs a guard that must pass, and gives the kickstart as the installer reads it then.
    pub fn whole_kickstart(&self) -> String {
        let told = self.run();
        let commands = told.commands.unwrap_or_else(|| panic!("{}", told.console));
        let include = "%include /tmp/trainyard-storage.ks\n";
        assert_eq!(self.kickstart.matches(include).count(), 1);
        self.kickstart.replace(include, &commands)
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }
}

/// A disk of a machine.
pub struct Disk<'m> {
    machine: &'m Machine,
    name: String,
    folder: String,
}

impl Disk<'_> {
    fn path(&self) -> PathBuf {
        self.machine.path("dev").join(&self.name)
    }

    /// A property that udev tells, such as `ID_SERIAL_SHORT=1234`.
    pub fn udev(self, property: &str) -> Self {
        let path = self.machine.path("udev").join(&self.name);
        let known = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{known}{property}\n")).expect("written");
        self
    }

    /// A file of the disk's folder in `/sys`.
    pub fn sys(self, file: &str, text: &str) -> Self {
        self.machine.write(&format!("{}/{file}", self.folder), &format!("{text}\n"));
        self
    }

    pub fn by_id(self, id: &str) -> Self {
        symlink(self.path(), self.machine.path("dev/disk/by-id").join(id)).expect("linked");
        self
    }

    /// It is mounted by the installer.
    pub fn mounted(self, name: &str) -> Self {
        let source = self.machine.path("dev").join(name);
        let line = format!("{} /run/install/repo iso9660 ro 0 0\n", source.display());
        self.machine.write("proc/mounts", &line);
        self
    }

    /// It appears some seconds later.
    pub fn late(self) -> Self {
        fs::create_dir_all(self.machine.path("late")).expect("a folder");
        let (from, to) = (self.machine.path("sys/block"), self.machine.path("late"));
        fs::rename(from.join(&self.name), to.join(&self.name)).expect("moved");
        self
    }

    /// Writes to the disk itself with a program, such as `mkswap`; its path comes last.
    pub fn made_by(self, program: &str, arguments: &[&str]) -> Self {
        let mut command = judge(program);
        command.args(arguments).arg(self.path());
        judged(command);
        self
    }

    /// A partition table, `dos` or `gpt`.
    pub fn table(self, kind: &str) -> Self {
        let script = self.machine.path("table");
        fs::write(&script, format!("label: {kind}\nsize=64MiB\n")).expect("written");
        let mut command = judge("sfdisk");
        command.arg("--quiet").arg(self.path()).stdin(fs::File::open(script).expect("a script"));
        let output = command.output().expect("sfdisk");
        assert!(output.status.success(), "{output:?}");
        self
    }

    /// A partition with what a program makes of it.
    pub fn part(self, number: u32, program: &str, arguments: &[&str]) -> Self {
        let digit_last = self.name.ends_with(|c: char| c.is_ascii_digit());
        let name = format!("{}{}{number}", self.name, if digit_last { "p" } else { "" });
        self.machine.write(&format!("{}/{name}/partition", self.folder), &format!("{number}\n"));
        // The least that XFS is made on.
        self.machine.sparse(&name, 320 * MIB);
        if !program.is_empty() {
            let mut command = judge(program);
            command.args(arguments).arg(self.machine.path("dev").join(&name));
            judged(command);
        }
        self
    }

    /// An earlier installation: `/boot` with a label.
    pub fn installed(self, mark: &str) -> Self {
        self.table("dos").part(1, "mkfs.xfs", &["-q", "-L", mark]).part(2, "mkswap", &[]).part(
            3,
            "mkfs.xfs",
            &["-q"],
        )
    }

    /// Bytes at a place.
    pub fn bytes(self, at: u64, bytes: &[u8]) -> Self {
        use std::os::unix::fs::FileExt as _;
        let file = fs::OpenOptions::new().write(true).open(self.path()).expect("the disk");
        file.write_all_at(bytes, at).expect("written");
        self
    }

    /// The disk's node in `/dev` goes, or turns into something that cannot be read.
    pub fn unreadable(self) -> Self {
        fs::remove_file(self.path()).expect("gone");
        fs::create_dir(self.path()).expect("a folder cannot be read");
        self
    }
}

/// The CRC of LVM's label: reflected, polynomial edb88320, with a start value of its own and not inverted.
pub fn crc32(start: u32, bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    bytes.iter().fold(start, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
