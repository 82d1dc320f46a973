//! `lab collect`: all that there is to see of a lab, in one archive that can be shown to others.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::super::node::line;
use super::told::Told;
use super::{At, Known, reach, show};
use crate::appear::Growing;
use crate::cli::ui::Ui;
use crate::machines::console::{CONSOLE_LOG, last_lines, log_of};
use crate::machines::qemu::QEMU;
use crate::machines::{Machine, Power, Provider};
use crate::secrets::Blotter;
use crate::tool::{Tool, Wanted as Program};

const TAR: Program = Program {
    name: "tar",
    purpose: "to put what is collected into one file",
    hint: "the distribution's package `tar`; Windows 10 and newer have it",
};
/// Lines of a console that are taken.
const CONSOLE: usize = 5000;

pub(super) fn collect(
    at: &At,
    identity: Option<&Path>,
    output: Option<&Path>,
    force: bool,
    ui: &Ui,
) -> Result<()> {
    let known = Known::open(at.state)?;
    let (provider, wanted) = (&known.provider, known.wanted());
    let default = || PathBuf::from(format!("{}-collected.tar.gz", wanted.lab));
    let output = output.map_or_else(default, Path::to_owned);
    let tar = Tool::locate(TAR)?;
    let growing = Growing::begin(&output, force)?;
    let work = tempfile::tempdir()?;
    let folder = work.path().join(&wanted.lab);
    fs::create_dir(&folder)?;
    let blotter = Blotter::of(at.secrets);
    let write = |name: &str, text: String| -> Result<()> {
        let path = folder.join(name);
        fs::write(&path, blotter.blot(text)).with_context(|| format!("`{}`", path.display()))
    };

    let seen = provider.look(wanted)?;
    let told = Told::to(at.state, ui);
    write("status.json", format!("{:#}\n", show::data(wanted, &seen, told.nodes.as_ref(), None)))?;
    if let Some(events) = &told.events {
        write("events.json", format!("{events:#}\n"))?;
    }
    let program = Tool::locate(QEMU).and_then(|qemu| qemu.run(["--version"]).finish());
    let program = program.map_or_else(|error| error.to_string(), |said| said.stdout);
    write(
        "versions.txt",
        format!(
            "trainyard {}\n{}{program}",
            env!("CARGO_PKG_VERSION"),
            serde_json::to_string(&known.record.begun)? + "\n"
        ),
    )?;
    for machine in &wanted.machines {
        fs::create_dir(folder.join(&machine.node))?;
        for (name, text) in of_node(machine, &told) {
            write(&format!("{}/{name}", machine.node), text)?;
        }
        if seen.power(&machine.node) == Power::Running {
            match reach::logs(machine, identity)? {
                Ok(logs) => write(&format!("{}/stages.log", machine.node), logs)?,
                Err(why) => {
                    ui.note(format!("{}: its own logs are left out: {why}", machine.node));
                }
            }
        }
        let picture = folder.join(&machine.node).join("screen.png");
        // One that does not run has none.
        let _ = shot(&**provider, machine, &picture);
    }
    let words = [
        "-czf".as_ref(),
        growing.path().as_os_str(),
        "-C".as_ref(),
        work.path().as_os_str(),
        wanted.lab.as_ref(),
    ];
    tar.run(words).finish()?;
    let size = growing.keep()?;
    let text = || format!("{}  {} KiB\n", output.display(), size.div_ceil(1024));
    ui.result(text, &json!({ "schema": 1, "path": output, "size": size }))?;
    ui.note("the lab's secrets are blotted out of its texts; look at the pictures of screens before you show it to others");
    Ok(())
}

fn shot(provider: &dyn Provider, machine: &Machine, picture: &Path) -> Result<()> {
    Ok(provider.screenshot(machine, picture)?)
}

/// What there is of a node, by the names of files.
fn of_node(machine: &Machine, told: &Told) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if let Ok(console) = last_lines(&log_of(machine), CONSOLE) {
        files.push((CONSOLE_LOG, console));
    }
    if let Some(events) = &told.events {
        let events = show::timeline(events, &machine.node);
        files.push(("timeline.log", events.into_iter().map(line).collect()));
    }
    if let Ok(plan) = fs::read_to_string(machine.folder.join(super::diff::MADE_FROM)) {
        files.push(("plan.json", plan));
    }
    let told = told.log(&machine.node).filter(|told| !told.is_empty());
    files.extend(told.map(|told| ("told.log", told)));
    files
}
