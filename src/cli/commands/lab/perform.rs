//! Steps, done one after the other.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::qemu::{self, switch};
use crate::machines::{Act, MachineError, Step, Wanted};
use crate::tool::{Tool, Wanted as Program};

/// How long a program may take to begin.
const BEGIN: Duration = Duration::from_secs(20);

/// Does them; `media` makes those of a node.
pub(super) fn perform(
    steps: &[Step],
    wanted: &Wanted,
    mut media: impl FnMut(&str) -> Result<()>,
    ui: &Ui,
) -> Result<()> {
    for step in steps {
        interrupt::check()?;
        let of = step.node.as_deref().unwrap_or("lab");
        ui.note(format!("{of}: {}", step.what));
        match &step.act {
            Act::Media { .. } => media(step.node.as_deref().unwrap_or_default())?,
            act => one(act, wanted).with_context(|| format!("{of}: {}", step.what))?,
        }
    }
    Ok(())
}

fn one(act: &Act, wanted: &Wanted) -> Result<()> {
    match act {
        Act::Run { program, arguments, may_fail } => {
            let tool = Tool::locate(Program {
                name: program,
                purpose: "for the lab's machines",
                hint: "see docs/lab.md",
            })?;
            let ran = tool.run(arguments).finish();
            if !may_fail {
                ran?;
            }
        }
        Act::Start { arguments, socket } => qemu::start(arguments, socket)?,
        Act::Begin { program, arguments, until, log } => begin(program, arguments, until, log)?,
        Act::Folder { path } => private(path)?,
        Act::Write { path, text } => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
        }
        Act::Tell { socket, command, ends } => qemu::tell(socket, command, *ends)?,
        Act::Remove { path } => {
            // Whatever a step says, nothing outside is removed.
            if !path.starts_with(&wanted.folder) {
                bail!(MachineError::Foreign(format!(
                    "`{}` is not below the lab's folder",
                    path.display()
                )));
            }
            let removed =
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(MachineError::io(path)(error).into());
                }
                _ => {}
            }
        }
        Act::Media { .. } => {}
    }
    Ok(())
}

/// A folder that nobody else may read.
fn private(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(MachineError::io(path))?;
    Ok(())
}

/// Begins a program that goes on, and waits until it listens.
fn begin(program: &Path, arguments: &[String], until: &Path, log: &Path) -> Result<()> {
    let said = fs::File::create(log).map_err(MachineError::io(log))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(MachineError::io(program))?;
    let begun = Instant::now();
    while !switch::answers(until) {
        interrupt::check()?;
        let ended = child.try_wait()?;
        if ended.is_some() || begun.elapsed() > BEGIN {
            let _ = child.kill();
            let _ = child.wait();
            let told = fs::read_to_string(log).unwrap_or_default();
            let message = format!(
                "`{} {}` did not begin{}: {}",
                program.display(),
                arguments.join(" "),
                ended.map_or_else(String::new, |status| format!(" ({status})")),
                told.trim()
            );
            bail!(Failure::new(exit::PROGRAM_FAILED, message));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
