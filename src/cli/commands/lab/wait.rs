//! Waiting, with reasons: every step of each node's way is told when it happens, and what stands still for too long is a failure
//! that says what there is to see.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::super::node::escaped;
use super::super::server::{Contact, Server};
use super::{kept, reach, show};
use crate::cli::lab::{HowArgs, Milestone};
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::console::{last_lines, log_of};
use crate::machines::{Machine, Power, Provider, Seen, Wanted, Watch};
use crate::room;
use crate::secrets::Blotter;
use crate::serve::Timeline;

const TICK: Duration = Duration::from_millis(500);
/// How often is looked whether the machines run.
const LOOK: Duration = Duration::from_secs(5);
/// How long stages may stand failed before nobody tries them again.
const FAILED: Duration = Duration::from_secs(60);
/// Bytes of room with which a file system counts as full.
const LITTLE: u64 = 64 << 20;
/// Lines of a console that a failure shows.
const LINES: usize = 15;

/// How long a node may say nothing before it is asked: it may have come up while nobody listened.
const SILENT: Duration = Duration::from_secs(15);
/// For how long it may fail to look at machines: one call of many does, where the host has much to do.
const UNSEEN: Duration = Duration::from_secs(120);
/// How long a machine may be paused: a laptop that wakes up has more to do first.
const PAUSED: Duration = Duration::from_secs(60);

/// How far a node is.
struct Way<'m> {
    machine: &'m Machine,
    /// What was told last, and when.
    last: String,
    since: Instant,
    /// Since when its machine is seen to be paused.
    paused: Option<Instant>,
    reached: Option<Milestone>,
    /// Whether it was asked what it has to say.
    asked: bool,
    failed: bool,
    done: bool,
}

impl Way<'_> {
    /// What was told last, in words.
    fn last(&self) -> String {
        if self.last.is_empty() {
            return "it has told nothing".to_owned();
        }
        format!("the last was: {}", self.last)
    }
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    OnItsWay,
    Failed,
    Done,
}

/// What waiting needs.
pub(super) struct Waiting<'a> {
    pub provider: &'a dyn Provider,
    pub wanted: &'a Wanted,
    pub server: &'a Server,
    pub how: &'a HowArgs,
    pub blotter: &'a Blotter,
    /// Where is noted what becomes of the machines.
    pub timeline: &'a Timeline,
    pub ui: &'a Ui,
}

impl Waiting<'_> {
    /// Notes what has become of the machines since.
    pub fn note(&self, watch: &mut Watch, seen: Option<&Seen>) {
        for (node, text) in watch.news(seen) {
            self.timeline.note(&node, &self.blotter.blot(text));
        }
    }

    /// Waits until each of these is verified, or has failed: what becomes of one says nothing of the others, which may need the lab's
    /// server still.
    pub fn wait(&self, machines: &[&Machine], watch: &mut Watch) -> Result<()> {
        let begun = Instant::now();
        let way = |machine| Way {
            machine,
            last: String::new(),
            since: begun,
            paused: None,
            reached: None,
            asked: false,
            failed: false,
            done: false,
        };
        let mut ways: Vec<Way> = machines.iter().map(|machine| way(*machine)).collect();
        let mut contact = Contact::default();
        let (mut looked, mut kept) = (Instant::now(), None);
        // Since when nobody says how machines are.
        let mut unseen: Option<Instant> = None;
        let mut failures = Vec::new();
        while ways.iter().any(|way| !way.done) {
            interrupt::check()?;
            let said = contact.of(self.server.ask("nodes", &[]), self.ui).unwrap_or_default();
            let seen = if looked.elapsed() > LOOK {
                looked = Instant::now();
                let seen = self.provider.look(self.wanted);
                interrupt::check()?;
                match seen {
                    Ok(seen) => {
                        unseen = None;
                        Some(seen)
                    }
                    Err(error) => {
                        if unseen.is_none() {
                            self.ui.note(format!("{error}; it is asked again"));
                        }
                        if unseen.get_or_insert_with(Instant::now).elapsed() > UNSEEN {
                            return Err(error.into());
                        }
                        None
                    }
                }
            } else {
                None
            };
            self.note(watch, seen.as_ref());
            for way in ways.iter_mut().filter(|way| !way.done) {
                let nodes = said["nodes"].as_array().into_iter().flatten();
                let node = nodes.into_iter().find(|node| node["name"] == *way.machine.node);
                // Without an answer it stands still like any other.
                let (how, what) = node.map_or_else(|| (Said::OnItsWay, way.last.clone()), judge);
                if what != way.last {
                    let (time, node) = (begun.elapsed().as_secs(), &way.machine.node);
                    self.ui.note(format!("{time:>5} s  {node}  {what}"));
                    way.last = what;
                    way.since = Instant::now();
                }
                way.done = how == Said::Done;
                way.reached = way.reached.max(node.and_then(reached));
                if node.is_some_and(is_silent) && way.since.elapsed() > SILENT && !way.asked {
                    way.asked = true;
                    ask(way.machine.clone());
                }
                let power = seen.as_ref().map(|seen| seen.power(&way.machine.node));
                if let Some(why) = self.why(way, how, power, begun.elapsed()) {
                    let last = watch.last(&way.machine.node);
                    let last = last.map(|last| format!("; the last of its console: {last}"));
                    let told = format!("not up: {why}{}", last.unwrap_or_default());
                    self.timeline.note(&way.machine.node, &self.blotter.blot(told));
                    self.tell(way.machine, &why);
                    failures.push((way.machine.node.as_str(), why));
                    (way.failed, way.done) = (true, true);
                }
            }
            let all = ways.iter().map(|way| way.reached).min().flatten();
            if self.how.snapshots && all > kept {
                kept = all;
                let name = all.map_or("", Milestone::name);
                kept::take(
                    self.provider,
                    self.wanted,
                    machines,
                    name,
                    Some(self.timeline),
                    self.ui,
                )?;
                // They have started again.
                for way in &mut ways {
                    (way.since, way.asked, way.done) = (Instant::now(), false, way.failed);
                }
            }
            std::thread::sleep(TICK);
        }
        if let Some((node, _)) = failures.first() {
            let all = failures.iter().map(|(node, why)| format!("{node} is not up: {why}\n"));
            let message = format!(
                "{}`trainyard lab ssh {node}` looks at it, `trainyard lab up` waits once more, `trainyard lab rebuild {node}` begins it anew",
                all.collect::<String>()
            );
            bail!(Failure::new(exit::VERIFICATION, message));
        }
        self.ui.note(format!("{:>5} s  all is up", begun.elapsed().as_secs()));
        let (seen, told) = (self.provider.look(self.wanted)?, self.server.ask("nodes", &[])?);
        show::table(self.wanted, &seen, Some(&told), None, self.ui)
    }

    /// Why a node is not waited for any longer.
    fn why(&self, way: &mut Way, how: Said, power: Option<Power>, all: Duration) -> Option<String> {
        if power.is_some_and(|power| power != Power::Paused) {
            way.paused = None;
        }
        let still = way.since.elapsed();
        let late = |(milestone, limit): &&(Milestone, Duration)| {
            all > *limit && way.reached < Some(*milestone)
        };
        match (how, power) {
            (Said::Done, _) => None,
            (Said::Failed, _) if still > FAILED => Some(format!("failed: {}", way.last)),
            (_, Some(Power::Off | Power::Missing | Power::Partial | Power::Saved)) => {
                Some("its machine does not run any more".to_owned())
            }
            (_, Some(Power::IoError)) => Some(format!(
                "this machine did not take what it wrote to its disk, and so it stands still: free some of the file system of `{}`, and `trainyard lab up` lets it go on",
                way.machine.folder.display()
            )),
            (_, Some(Power::Paused)) => {
                let since = way.paused.get_or_insert_with(Instant::now);
                (since.elapsed() > PAUSED).then(|| paused(&way.machine.folder))
            }
            _ if still > self.how.patience => Some(format!(
                "nothing has changed for {} s (`--patience`); {}",
                self.how.patience.as_secs(),
                way.last()
            )),
            _ => self.how.limit.iter().find(late).map(|(milestone, limit)| {
                format!(
                    "it is not {} after {} s (`--limit`); {}",
                    milestone.name(),
                    limit.as_secs(),
                    way.last()
                )
            }),
        }
    }

    /// Tells what there is to see of a node that failed.
    fn tell(&self, machine: &Machine, why: &str) {
        let Self { provider, server, blotter, ui, .. } = self;
        let node = &machine.node;
        ui.note(format!("\n{node}: {why}"));
        let log = log_of(machine);
        if let Ok(lines) = last_lines(&log, LINES)
            && !lines.is_empty()
        {
            let lines = blotter.blot(lines);
            ui.note(format!("the last of its console (`trainyard lab console {node}`):\n{lines}"));
        }
        let picture = machine.folder.join("screen.png");
        if provider.screenshot(machine, &picture).is_ok() {
            ui.note(format!("its screen: {}", picture.display()));
        }
        let path = format!("nodes/{}/log", escaped(node));
        if let Ok(told) = server.get(&path, &[("tail", "15")]).and_then(|answer| Ok(answer.text()?))
            && !told.trim().is_empty()
        {
            ui.note(format!("the last that it has told (`trainyard node logs {node}`):\n{told}"));
        }
    }
}

/// What there is to say of a node that has told something.
pub(super) fn said(node: &Value) -> Option<String> {
    Some(judge(node).1).filter(|said| !said.is_empty())
}

/// Whether a node is installed, and has told nothing since its machine was started.
fn is_silent(node: &Value) -> bool {
    node["state"] == "installed" && node["stages"].is_null()
}

/// Has a node verify itself, which it tells the lab's server. One that does not answer is still on its way, and tells by itself.
fn ask(machine: Machine) {
    std::thread::spawn(move || drop(reach::verified(&machine, None)));
}

/// How far a node is by its own words.
fn judge(node: &Value) -> (Said, String) {
    let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
    if node["state"] == "failed" {
        return (Said::Failed, node["reason"].as_str().map_or_else(|| text("step"), str::to_owned));
    }
    let Some(stages) = node["stages"]["stages"].as_array().filter(|all| !all.is_empty()) else {
        return (Said::OnItsWay, text("step"));
    };
    let of =
        |state: &str| stages.iter().filter(|stage| stage["state"] == state).collect::<Vec<_>>();
    let done = of("done").len();
    let mut what = format!("{done} of {} stages done", stages.len());
    for state in ["failed", "running", "waiting"] {
        for stage in of(state) {
            let word = |key: &str| stage[key].as_str().unwrap_or_default().to_owned();
            let _ = write!(what, "; {} {state}", word("name"));
            if !word("detail").is_empty() {
                let _ = write!(what, " ({})", word("detail"));
            }
        }
    }
    if done == stages.len() {
        return verified(node, what);
    }
    let at_work = !of("running").is_empty() || !of("waiting").is_empty();
    (if !of("failed").is_empty() && !at_work { Said::Failed } else { Said::OnItsWay }, what)
}

/// What there is to say of a machine that is paused. VirtualBox does that when there is no room for what a machine writes, and tells nobody.
fn paused(folder: &Path) -> String {
    let full = room::free(folder).is_ok_and(|free| free < LITTLE);
    let first = if full {
        format!("the file system of `{}` is full: free some, and", folder.display())
    } else {
        "somebody or something has paused it;".to_owned()
    };
    format!("its machine stands still: {first} `trainyard lab up` lets it go on")
}

/// What it has behind it. That it is installed counts when its own system has told something.
fn reached(node: &Value) -> Option<Milestone> {
    let stages = node["stages"]["stages"].as_array().filter(|all| !all.is_empty())?;
    if node["verified"]["ok"] == true {
        return Some(Milestone::Verified);
    }
    let all = stages.iter().all(|stage| stage["state"] == "done");
    Some(if all { Milestone::Configured } else { Milestone::Installed })
}

/// The same for one whose stages are all done.
fn verified(node: &Value, what: String) -> (Said, String) {
    let verified = &node["verified"];
    match verified["ok"].as_bool() {
        Some(ok) => {
            let said = match (ok, verified["again"] == true) {
                (true, _) => Said::Done,
                // Another node that it asks may not be up yet; it asks again.
                (false, true) => Said::OnItsWay,
                (false, false) => Said::Failed,
            };
            (said, format!("{what}, {}", verified["words"].as_str().unwrap_or_default()))
        }
        None => (Said::OnItsWay, format!("{what}; verifying")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Said, judge};

    fn of(stages: &[serde_json::Value], verified: serde_json::Value) -> (Said, String) {
        judge(&json!({
            "name": "compute", "state": "installed", "step": "installed",
            "stages": { "stages": stages }, "verified": verified,
        }))
    }

    #[test]
    fn a_node_is_done_when_it_is_verified_and_not_before() {
        let fresh = json!({ "name": "compute", "state": "armed", "step": "", "stages": null });
        assert_eq!(judge(&fresh).0, Said::OnItsWay);
        let lost =
            json!({ "name": "compute", "state": "failed", "step": "x", "reason": "no disk" });
        assert_eq!(judge(&lost), (Said::Failed, "no disk".to_owned()));

        let stage = |name: &str, state: &str| json!({ "name": name, "state": state, "detail": "" });
        let untold = serde_json::Value::Null;
        let running = of(&[stage("a", "done"), stage("b", "running")], untold.clone());
        assert_eq!(running, (Said::OnItsWay, "1 of 2 stages done; b running".to_owned()));
        let both = of(&[stage("a", "failed"), stage("b", "running")], untold.clone());
        assert_eq!(both.0, Said::OnItsWay, "another one still works");
        let failed = of(&[stage("a", "failed"), stage("b", "blocked")], untold.clone());
        assert_eq!(failed.0, Said::Failed);

        let all = [stage("a", "done"), stage("b", "done")];
        assert_eq!(of(&all, untold).0, Said::OnItsWay, "nobody has looked yet");
        let found = |ok: bool, failed: &[&str], again: bool| json!({ "ok": ok, "failed": failed, "again": again, "words": "so it is" });
        let good = of(&all, found(true, &[], false));
        assert_eq!(good, (Said::Done, "2 of 2 stages done, so it is".to_owned()));
        assert_eq!(of(&all, found(false, &["a: it answers"], false)).0, Said::Failed);
        assert_eq!(
            of(&all, found(false, &["a: it answers"], true)).0,
            Said::OnItsWay,
            "it looks again"
        );
    }
}
