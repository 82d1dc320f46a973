//! Ways to a node: its shell, its console, its own verification.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Known, kept};
use crate::cli::ui::{Ui, print};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::console::{Console, last_lines, log_of};
use crate::machines::{Machine, Power};
use crate::tool::{self, Tool, ToolError, Wanted};

/// How long is waited before nodes are asked again.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a node's verification may take, in seconds: several times what it takes where a processor is emulated.
const VERIFIED: &str = "900";
/// By its path: with sudo CentOS 7 looks for programs in the folders of the system itself only (`secure_path`).
const PROGRAM: &str = "/usr/local/sbin/trainyard-node";

/// What logs in.
const SSH: Wanted = Wanted {
    name: "ssh",
    purpose: "to log in to nodes",
    hint: "the distribution's package `openssh-client` or `openssh-clients`",
};
/// What ssh ends with where it has not logged in; all else is the command's.
const NO_ANSWER: i32 = 255;
/// How long a node may take to send its logs, in seconds.
const FETCHED: u64 = 45;
/// Lines of each of its logs that are fetched, and bytes of all.
const LINES: usize = 5000;
const BYTES: usize = 8 << 20;

/// The host keys that a node was given, in its machine's folder; where it makes its own, none is there.
pub(super) const HOST_KEYS: &str = "host_keys";

/// What logs in to a node. It must show a host key that it was given; where it makes its own, the first that it shows is kept in its
/// machine's folder. Either goes with the machine.
fn login(machine: &Machine, identity: Option<&Path>, options: &[&str]) -> Result<Command> {
    let forward = machine.forwards.iter().find(|forward| forward.name == "ssh");
    let forward = forward.context("no port leads to it")?;
    let given = machine.folder.join(HOST_KEYS);
    let (known, check) = if given.exists() {
        (given, "yes")
    } else {
        (machine.folder.join("known_hosts"), "accept-new")
    };
    let mut ssh = tool::command(SSH.name);
    ssh.args(["-p", &forward.host.port().to_string()]);
    ssh.args([
        "-o",
        &format!("StrictHostKeyChecking={check}"),
        "-o",
        "LogLevel=ERROR",
        "-o",
        "ConnectTimeout=20",
        "-o",
        "ServerAliveInterval=15",
        // Two minutes: a node that is emulated may have more to do than to answer.
        "-o",
        "ServerAliveCountMax=8",
    ]);
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", option(&known)));
    ssh.args(["-o", &format!("HostKeyAlias={}", machine.node)]);
    if let Some(key) = identity {
        ssh.arg("-o").arg(format!("IdentityFile={}", option(key)));
    }
    let user = machine.login.as_deref().unwrap_or("root");
    ssh.args(options).arg(format!("{user}@{}", forward.host.ip()));
    Ok(ssh)
}

/// The words before a command that root does there. Nobody is there to be asked for a password.
fn as_root(machine: &Machine) -> &'static [&'static str] {
    if machine.login.is_some() { &["sudo", "-n"] } else { &[] }
}

/// Machines that do not run cannot be reached: it is told at once how they are. (What runs them may not answer, and then ssh tells.)
fn check_running(lab: &Known, machines: &[&Machine]) -> Result<()> {
    let Ok(seen) = lab.provider.look(lab.wanted()) else { return Ok(interrupt::check()?) };
    let is_on = |machine: &&&Machine| seen.power(&machine.node) == Power::Running;
    let off: Vec<_> = machines.iter().filter(|machine| !is_on(machine)).collect();
    if off.is_empty() {
        return Ok(());
    }
    let words = |machine: &&&Machine| {
        let power = serde_json::json!(seen.power(&machine.node));
        format!("{} is {}", machine.node, power.as_str().unwrap_or_default())
    };
    let all: Vec<String> = off.iter().map(words).collect();
    let nodes: Vec<&str> = off.iter().map(|machine| machine.node.as_str()).collect();
    let message = format!(
        "{}: `trainyard lab up {}` makes what is missing, and starts it",
        all.join(", "),
        nodes.join(" ")
    );
    bail!(Failure::new(exit::NETWORK, message))
}

/// A path among ssh's options: `%` begins a token there, and a space ends it where no quotation marks do.
fn option(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

pub(super) fn ssh(
    lab: &Known,
    node: &str,
    identity: Option<&Path>,
    command: &[String],
) -> Result<()> {
    let machine = lab.machine(node)?;
    check_running(lab, &[machine])?;
    let mut ssh = login(machine, identity, &[])?;
    let status = ssh.args(command).status().context("ssh")?;
    if status.success() {
        return Ok(());
    }
    let own = status.code() == Some(NO_ANSWER);
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let code = if own { exit::NETWORK } else { code.unwrap_or(exit::PROGRAM_FAILED) };
    bail!(Failure::new(code, format!("on {node}: {status}")))
}

/// Has the nodes verify themselves; with a time, after a cold start, from which they may take so long to come up.
pub(super) fn verify(
    lab: &Known,
    names: &[String],
    identity: Option<&Path>,
    cold: Option<Duration>,
    ui: &Ui,
) -> Result<()> {
    let machines = lab.machines(names)?;
    // Also of a cold start: what is off already has not run.
    check_running(lab, &machines)?;
    if cold.is_some() {
        let timeline = lab.timeline(ui);
        let (provider, wanted) = (&*lab.provider, lab.wanted());
        kept::stopped(provider, wanted, &machines, timeline.as_ref(), ui, |_| Ok(()))?;
    }
    let begun = Instant::now();
    loop {
        let (mut wrong, mut silent) = (Vec::new(), Vec::new());
        let mut told = String::new();
        for machine in &machines {
            interrupt::check()?;
            let said = verified(machine, identity)?;
            let (node, text) = (&machine.node, String::from_utf8_lossy(&said.stdout).into_owned());
            told.extend(text.lines().map(|line| format!("{node}: {line}\n")));
            if !said.status.success() {
                told.extend(
                    String::from_utf8_lossy(&said.stderr)
                        .lines()
                        .map(|line| format!("{node}: {line}\n")),
                );
                let silence = said.status.code() == Some(NO_ANSWER);
                if silence { &mut silent } else { &mut wrong }.push(node.as_str());
            }
        }
        // Services come up one after the other.
        if !(wrong.is_empty() && silent.is_empty())
            && cold.is_some_and(|limit| begun.elapsed() < limit)
        {
            thread::sleep(PAUSE);
            continue;
        }
        print(&told)?;
        let words = [("not as it should be", &wrong), ("no answer by SSH", &silent)];
        let words = words.iter().filter(|(_, nodes)| !nodes.is_empty());
        let words: Vec<_> =
            words.map(|(what, nodes)| format!("{what}: {}", nodes.join(", "))).collect();
        if words.is_empty() {
            return Ok(());
        }
        let code = if wrong.is_empty() { exit::NETWORK } else { exit::VERIFICATION };
        bail!(Failure::new(code, words.join("; ")));
    }
}

/// What a node's own verification says. Nobody is there to be asked for a password.
pub(super) fn verified(machine: &Machine, identity: Option<&Path>) -> Result<Output> {
    let mut ssh = login(machine, identity, &["-o", "BatchMode=yes"])?;
    ssh.args(as_root(machine));
    ssh.args(["timeout", VERIFIED, PROGRAM, "verify"]).stdin(Stdio::null());
    ssh.output().context("ssh")
}

/// What a node's stages have logged there: the last lines of each log after its name. In words why not, where it does not answer.
pub(super) fn logs(machine: &Machine, identity: Option<&Path>) -> Result<Result<String, String>> {
    // Whose folder it is alone may know what is in it.
    let fetch = format!(
        "{} sh -c 'timeout {FETCHED} tail -v -n {LINES} /var/log/trainyard/* | head -c {BYTES}'",
        as_root(machine).join(" ")
    );
    let mut ssh = login(machine, identity, &["-o", "BatchMode=yes"])?;
    ssh.arg(fetch.trim_start());
    let limit = Duration::from_secs(FETCHED + 30);
    let said = match Tool::locate(SSH)?.run(ssh.get_args()).limit(limit).finish() {
        Ok(said) => said,
        Err(ToolError::Failed { tail, status, .. }) => {
            return Ok(Err(tail.lines().last().map_or(status, str::to_owned)));
        }
        Err(ToolError::TimedOut { limit, .. }) => {
            return Ok(Err(format!("it does not answer within {} s", limit.as_secs())));
        }
        Err(error) => return Err(error.into()),
    };
    if said.stdout.trim().is_empty() {
        let why = said.stderr.lines().last().unwrap_or("there are none");
        return Ok(Err(why.to_owned()));
    }
    let mut logs = said.stdout;
    if logs.len() >= BYTES {
        // Half a line may be half a secret, which nothing knows again.
        logs.truncate(logs.rfind('\n').map_or(0, |at| at + 1));
    }
    Ok(Ok(logs))
}

pub(super) fn console(lab: &Known, node: &str, tail: usize, follow: bool) -> Result<()> {
    let log = log_of(lab.machine(node)?);
    let mut console = Console::from_now(log.clone());
    let lines = last_lines(&log, tail).with_context(|| format!("`{}`", log.display()))?;
    print(&lines)?;
    if !follow {
        return Ok(());
    }
    loop {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(200));
        print(&String::from_utf8_lossy(&console.more()?))?;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::option;

    #[test]
    fn a_path_is_one_word_of_an_option() {
        assert_eq!(option(Path::new("/a lab/100%h/known_hosts")), "\"/a lab/100%%h/known_hosts\"");
    }
}
