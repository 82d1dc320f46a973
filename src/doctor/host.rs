//! The host: its programs, its disk and its memory.

use std::path::Path;

use super::{Check, Kind, State};
use crate::disk::{self, QemuImg};
use crate::iso::Xorriso;
use crate::room;
use crate::secrets::SSH_KEYGEN;
use crate::serve::DNSMASQ;
use crate::tool::{Tool, ToolError, Wanted};

/// What only some commands need, and how it tells its version, if it does.
const OPTIONAL: [(Wanted, &[&str]); 4] = [
    (
        Wanted {
            purpose: "to make the nodes' SSH host keys, and to sign files (`--sign`)",
            ..SSH_KEYGEN
        },
        &[],
    ),
    (DNSMASQ, &["--version"]),
    (
        Wanted {
            name: "VBoxManage",
            purpose: "to run the lab in VirtualBox",
            hint: "https://www.virtualbox.org, or the distribution's package",
        },
        &["--version"],
    ),
    (
        Wanted {
            name: "qemu-system-x86_64",
            purpose: "to try an ISO without VirtualBox",
            hint: "Debian: the package `qemu-system-x86`; Fedora: `qemu-system-x86-core`",
        },
        &["--version"],
    ),
];

/// What the lab needs of the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// How many nodes it has.
    pub nodes: u64,
    /// Memory of all its machines together, in MiB.
    pub memory: u64,
    /// Whether it says from which cloud image its disks are made.
    pub disks: bool,
}

/// Bytes that one ISO takes: the Minimal medium, rounded up.
const ISO: u64 = 1 << 30;

/// Looks at the host. `cache` and `output` are the folders that are written to.
#[must_use]
pub fn host(needs: Needs, folders: &[(&str, &Path, u64)]) -> Vec<Check> {
    let mut checks = vec![needed(Xorriso::look())];
    checks.push(qemu_img(needs.disks));
    checks.extend(OPTIONAL.map(|(wanted, arguments)| optional(wanted, arguments)));
    checks.extend(folders.iter().map(|(what, folder, isos)| space(what, folder, isos * ISO)));
    if needs.memory > 0 {
        checks.extend(memory(needs.memory));
    }
    checks
}

/// Looks at the file that a lab is built from.
#[must_use]
pub fn image_file(path: &Path) -> Check {
    let what = "the lab's image";
    let seen = match path.metadata() {
        Ok(found) if found.is_file() => {
            let seen = format!("{} has {} MiB", path.display(), found.len() >> 20);
            return Check::good(Kind::Machine, what, seen);
        }
        Ok(_) => format!("{} is no file", path.display()),
        Err(error) => format!("{}: {error}", path.display()),
    };
    let fix = "bring it there, or correct `image: {path: FILE}` in the lab file; without it, `build` brings the medium by itself";
    Check::not(Kind::Machine, what, State::Bad, seen, fix)
}

fn needed((name, found): (&'static str, Result<String, ToolError>)) -> Check {
    match found {
        Ok(seen) => Check::good(Kind::Program, name, seen),
        Err(error) => bad(name, State::Bad, &error),
    }
}

fn qemu_img(is_needed: bool) -> Check {
    let name = disk::WANTED.name;
    match QemuImg::locate().and_then(|qemu| qemu.version()) {
        Ok(said) => Check::good(Kind::Program, name, said),
        Err(error) => bad(name, if is_needed { State::Bad } else { State::Lacking }, &error),
    }
}

fn optional(wanted: Wanted, arguments: &[&str]) -> Check {
    let found = Tool::locate(wanted).and_then(|tool| {
        if arguments.is_empty() {
            return Ok(String::new());
        }
        Ok(tool.run(arguments).finish()?.stdout)
    });
    match found {
        Ok(said) => Check::good(Kind::Program, wanted.name, said.lines().next().unwrap_or("there")),
        Err(error) => bad(wanted.name, State::Lacking, &error),
    }
}

fn bad(name: &str, state: State, error: &ToolError) -> Check {
    let (seen, hint) = match error {
        ToolError::Missing { purpose, hint, .. } => {
            (format!("not installed; it is needed {purpose}"), *hint)
        }
        ToolError::TooOld { found, needed, hint, .. } => {
            (format!("version {found}, and {needed} or newer is needed"), *hint)
        }
        ToolError::Forbidden { path, .. } => {
            let seen = format!("`{}` is there, and this user may not run it", path.display());
            return Check::not(Kind::Program, name, state, seen, ToolError::FORBIDDEN);
        }
        other => (other.to_string(), "install it anew"),
    };
    Check::not(Kind::Program, name, state, seen, format!("install it: {hint}"))
}

fn space(what: &str, folder: &Path, needed: u64) -> Check {
    // The nearest folder that is there already.
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let what = format!("disk for {what}");
    let free = match room::free(there) {
        Ok(free) => free,
        Err(error) => {
            let seen = format!("{}: {error}", there.display());
            return Check::not(Kind::Machine, what, State::Bad, seen, "name another folder");
        }
    };
    let seen =
        format!("{} has {} MiB free, {} MiB are needed", there.display(), free >> 20, needed >> 20);
    if free >= needed {
        return Check::good(Kind::Machine, what, seen);
    }
    let fix = "free some, or write to another file system (`--cache`, `-o`)";
    Check::not(Kind::Machine, what, State::Bad, seen, fix)
}

fn memory(needed: u64) -> Option<Check> {
    let (free, all) = room::memory()?;
    let seen = format!("{free} of {all} MiB are free, the lab's machines take {needed} MiB");
    if free >= needed {
        return Some(Check::good(Kind::Machine, "memory", seen));
    }
    let fix = "give the nodes less (`memory`), or run them on a larger host";
    Some(Check::not(Kind::Machine, "memory", State::Lacking, seen, fix))
}
