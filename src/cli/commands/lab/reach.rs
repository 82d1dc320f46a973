//! Ways to a node: its shell, its console, its own verification.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::At;
use crate::cli::ui::{Ui, print};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::qemu::CONSOLE_LOG;
use crate::machines::{Machine, Wanted};

/// How much of a console is read for its last lines.
const MOST: u64 = 256 << 10;

fn machine<'w>(wanted: &'w Wanted, at: &At, node: &str) -> Result<&'w Machine> {
    let name = at.nodes(&[node.to_owned()])?.into_iter().next().unwrap_or_default();
    wanted.machine(name).with_context(|| format!("{node} has no machine"))
}

/// What logs in to a node: its host key is kept in its machine's folder, and goes with the machine.
fn login(machine: &Machine) -> Result<Command> {
    let forward = machine.forwards.iter().find(|forward| forward.name == "ssh");
    let forward = forward.context("no port leads to it")?;
    let known = machine.folder.join("known_hosts");
    let mut ssh = Command::new("ssh");
    ssh.args(["-p", &forward.host.port().to_string()]);
    ssh.args(["-o", "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR"]);
    ssh.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", known.display()));
    ssh.args(["-o", &format!("HostKeyAlias={}", machine.node)]);
    ssh.arg(format!("root@{}", forward.host.ip()));
    Ok(ssh)
}

pub(super) fn ssh(at: &At, node: &str, command: &[String]) -> Result<()> {
    let (_, _, wanted) = at.begun()?;
    let mut ssh = login(machine(&wanted, at, node)?)?;
    let status = ssh.args(command).status().context("ssh")?;
    if status.success() {
        return Ok(());
    }
    // 255 is ssh's own; the others are the command's.
    let code =
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::PROGRAM_FAILED);
    let code = if code == 255 { exit::NETWORK } else { code };
    bail!(Failure::new(code, format!("on {node}: {status}")))
}

pub(super) fn verify(at: &At, names: &[String], ui: &Ui) -> Result<()> {
    let (_, _, wanted) = at.begun()?;
    let mut wrong = Vec::new();
    for node in at.nodes(names)? {
        let mut ssh = login(machine(&wanted, at, node)?)?;
        ssh.args(["-o", "BatchMode=yes"]);
        let told = ssh.args(["trainyard-node", "verify"]).output().context("ssh")?;
        let text = String::from_utf8_lossy(&told.stdout);
        print(&text.lines().map(|line| format!("{node}: {line}\n")).collect::<String>())?;
        if !told.status.success() {
            let why = String::from_utf8_lossy(&told.stderr);
            ui.note(format!("{node}: {}", why.trim()));
            wrong.push(node);
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(Failure::new(exit::VERIFICATION, format!("not as it should be: {}", wrong.join(", "))))
}

pub(super) fn console(at: &At, node: &str, tail: usize, follow: bool) -> Result<()> {
    let (_, _, wanted) = at.begun()?;
    let machine = machine(&wanted, at, node)?;
    let log = machine.folder.join(CONSOLE_LOG);
    let lines = last_lines(&log, tail).with_context(|| format!("`{}`", log.display()))?;
    print(&lines)?;
    if !follow {
        return Ok(());
    }
    let mut from = fs::metadata(&log)?.len();
    loop {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(200));
        let mut file = fs::File::open(&log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut new = Vec::new();
        from += file.read_to_end(&mut new)? as u64;
        print(&String::from_utf8_lossy(&new))?;
    }
}

/// The last lines of a file, without what moves a terminal's cursor.
pub(super) fn last_lines(path: &Path, lines: usize) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(MOST);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let plain = anstream::adapter::strip_str(&text).to_string().replace('\r', "");
    let all: Vec<&str> = plain.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &all[all.len().saturating_sub(lines)..];
    Ok(last.iter().map(|line| format!("{line}\n")).collect())
}
