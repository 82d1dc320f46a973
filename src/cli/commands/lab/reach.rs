//! Ways to a node: its shell, its console, its own verification.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{At, kept};
use crate::cli::ui::{Ui, print};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::qemu::CONSOLE_LOG;
use crate::machines::{Machine, Wanted};
use crate::tool;

/// How long is waited before nodes are asked again.
const PAUSE: Duration = Duration::from_secs(10);
/// How much of a console is read for its last lines.
const MOST: u64 = 256 << 10;

fn machine<'w>(wanted: &'w Wanted, at: &At, node: &str) -> Result<&'w Machine> {
    let name = at.nodes(&[node.to_owned()])?.into_iter().next().unwrap_or_default();
    wanted.machine(name).with_context(|| format!("{node} has no machine"))
}

/// What logs in to a node: its host key is kept in its machine's folder, and goes with the machine.
fn login(machine: &Machine, options: &[&str]) -> Result<Command> {
    let forward = machine.forwards.iter().find(|forward| forward.name == "ssh");
    let forward = forward.context("no port leads to it")?;
    let known = machine.folder.join("known_hosts");
    let mut ssh = tool::command("ssh");
    ssh.args(["-p", &forward.host.port().to_string()]);
    ssh.args([
        "-o",
        "StrictHostKeyChecking=accept-new",
        "-o",
        "LogLevel=ERROR",
        "-o",
        "ConnectTimeout=20",
    ]);
    ssh.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", known.display()));
    ssh.args(["-o", &format!("HostKeyAlias={}", machine.node)]);
    ssh.args(options).arg(format!("root@{}", forward.host.ip()));
    Ok(ssh)
}

pub(super) fn ssh(at: &At, node: &str, command: &[String]) -> Result<()> {
    let (_, _, wanted) = at.begun()?;
    let mut ssh = login(machine(&wanted, at, node)?, &[])?;
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

/// Has the nodes verify themselves; with a time, after a cold start, from which they may take so long to come up.
pub(super) fn verify(at: &At, names: &[String], cold: Option<Duration>, ui: &Ui) -> Result<()> {
    let (_, provider, wanted) = at.begun()?;
    let nodes = at.nodes(names)?;
    let machines: Vec<&Machine> =
        wanted.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str())).collect();
    if cold.is_some() {
        kept::stopped(&*provider, &wanted, &machines, ui, |_| Ok(()))?;
    }
    let begun = Instant::now();
    loop {
        let mut wrong = Vec::new();
        let mut told = String::new();
        for machine in &machines {
            interrupt::check()?;
            let said = verified(machine)?;
            let (node, text) = (&machine.node, String::from_utf8_lossy(&said.stdout).into_owned());
            told.extend(text.lines().map(|line| format!("{node}: {line}\n")));
            if !said.status.success() {
                told.extend(
                    String::from_utf8_lossy(&said.stderr)
                        .lines()
                        .map(|line| format!("{node}: {line}\n")),
                );
                wrong.push(node.as_str());
            }
        }
        // Services come up one after the other.
        if !wrong.is_empty() && cold.is_some_and(|limit| begun.elapsed() < limit) {
            thread::sleep(PAUSE);
            continue;
        }
        print(&told)?;
        if wrong.is_empty() {
            return Ok(());
        }
        bail!(Failure::new(
            exit::VERIFICATION,
            format!("not as it should be: {}", wrong.join(", "))
        ));
    }
}

/// What a node's own verification says. Nobody is there to be asked for a password.
fn verified(machine: &Machine) -> Result<Output> {
    let mut ssh = login(machine, &["-o", "BatchMode=yes"])?;
    ssh.args(["trainyard-node", "verify"]).stdin(Stdio::null());
    ssh.output().context("ssh")
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
