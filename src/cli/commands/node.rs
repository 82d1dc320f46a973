use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::Value;

use super::node_logs::logs;
use super::server::{Contact, Server};
use crate::cli::ui::{Ui, print};
use crate::cli::{NodeArgs, NodeCommand};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::render::nocloud_net;

/// How often a server is asked what has happened.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// How long a replay says nothing at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(in crate::cli) fn node(lab_file: &Path, args: &NodeArgs, ui: &Ui) -> Result<()> {
    let server = Server::of(lab_file, args)?;
    match &args.command {
        NodeCommand::Arm { nodes } => arm(&server, nodes, ui),
        NodeCommand::Seed { node } => seed(&server, node, ui),
        NodeCommand::Status { nodes, watch } => {
            let said = status(&server, nodes, ui)?;
            if !watch {
                return Ok(());
            }
            follow(&server, said["last_event"].as_u64().unwrap_or(0), nodes, ui)
        }
        NodeCommand::Logs { node, tail, follow } => logs(&server, node, *tail, *follow, ui),
        NodeCommand::Events { node, after, follow: on, replay: speed } => {
            let nodes: Vec<String> = node.iter().cloned().collect();
            if *on {
                if let Some(node) = node {
                    server.ask(&format!("nodes/{}", escaped(node)), &[])?;
                }
                return follow(&server, *after, &nodes, ui);
            }
            let said = events(&server, *after, node.as_deref())?;
            if let Some(speed) = speed {
                return replay(&said, *speed, ui);
            }
            let lines = || said["events"].as_array().into_iter().flatten().map(line).collect();
            ui.result(lines, &said)
        }
    }
}

fn arm(server: &Server, nodes: &[String], ui: &Ui) -> Result<()> {
    let mut armed = Vec::new();
    for node in nodes {
        armed.push(server.administer(Method::POST, &format!("nodes/{}/arm", escaped(node)))?);
    }
    let text = || {
        let lines = nodes.iter().map(|node| {
            format!("{node}  armed: it is installed when it next boots from the network\n")
        });
        lines.collect()
    };
    ui.result(text, &serde_json::json!({ "schema": 1, "nodes": armed }))
}

/// Where an armed node's seed is. It opens all the secrets of that node, so the server tells it to its administrator alone.
fn seed(server: &Server, node: &str, ui: &Ui) -> Result<()> {
    let said = server.administer(Method::GET, &format!("nodes/{}/seed", escaped(node)))?;
    let source = said["source"].as_str().unwrap_or_default();
    ui.result(|| nocloud_net::lines(node, source), &said)?;
    ui.note(format!(
        "next: tell the machine of {node} one of these, and start it from a CentOS 7 cloud image; who knows the address gets the node's secrets"
    ));
    Ok(())
}

/// A name in a URL's path.
pub(super) fn escaped(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn status(server: &Server, nodes: &[String], ui: &Ui) -> Result<Value> {
    let mut said = server.ask("nodes", &[])?;
    let all = said["nodes"].as_array().cloned().unwrap_or_default();
    for name in nodes {
        if !all.iter().any(|node| node["name"] == **name) {
            let known = all.iter().filter_map(|node| node["name"].as_str());
            let help = crate::report::did_you_mean(name, known);
            bail!(Failure::new(exit::USAGE, format!("the lab has no node `{name}`: {help}")));
        }
    }
    let chosen = all
        .into_iter()
        .filter(|node| nodes.is_empty() || nodes.iter().any(|name| node["name"] == **name));
    said["nodes"] = chosen.collect();
    if let Some(trouble) = said["trouble"].as_str() {
        ui.note(format!("warning: the server cannot keep its state: {trouble}"));
    }
    ui.result(|| table(&said), &said)?;
    Ok(said)
}

fn table(said: &Value) -> String {
    let now = said["now"].as_u64().unwrap_or(0);
    let rows: Vec<[String; 5]> =
        said["nodes"].as_array().into_iter().flatten().map(|node| row(node, now)).collect();
    let head = ["NODE", "STATE", "SINCE", "SEEN", "LAST"].map(str::to_owned);
    let widths: Vec<usize> = (0..4)
        .map(|n| rows.iter().chain([&head]).map(|row| row[n].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in [head].iter().chain(&rows) {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", row[4]);
    }
    text
}

fn row(node: &Value, now: u64) -> [String; 5] {
    let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
    let ago = |key: &str| {
        node[key].as_u64().map_or_else(|| "never".to_owned(), |at| ago(now.saturating_sub(at)))
    };
    let last = node["reason"].as_str().map_or_else(|| text("step"), str::to_owned);
    let stages = node["stages"]["stages"].as_array();
    let last = stages.map_or(last.clone(), |stages| {
        let done = stages.iter().filter(|stage| stage["state"] == "done").count();
        let other = stages.iter().find(|stage| stage["state"] != "done");
        let other = other.map(|stage| {
            let word = |key: &str| stage[key].as_str().unwrap_or("?").to_owned();
            format!(", {} {}", word("name"), word("state"))
        });
        let found = node["verified"]["words"].as_str();
        let more = other.or_else(|| found.map(|words| format!(", {words}"))).unwrap_or_default();
        format!("{done} of {} stages done{more}", stages.len())
    });
    [text("name"), text("state"), ago("since"), ago("seen"), last]
}

/// How long that is, in the largest unit.
fn ago(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

/// All that happened after this event; the server sends it in parts.
pub(super) fn events(server: &Server, after: u64, node: Option<&str>) -> Result<Value> {
    let mut all = Vec::new();
    let mut last = after;
    loop {
        let after = last.to_string();
        let mut query = vec![("after", after.as_str())];
        query.extend(node.map(|node| ("node", node)));
        let mut said = server.ask("events", &query)?;
        let part = said["events"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let Some(end) = part.last().and_then(|event| event["id"].as_u64()) else {
            said["events"] = all.into();
            return Ok(said);
        };
        last = end;
        all.extend(part);
    }
}

/// Tells what happens, until the person asks to stop. A server that begins anew is waited for.
fn follow(server: &Server, mut after: u64, nodes: &[String], ui: &Ui) -> Result<()> {
    let mut contact = Contact::default();
    loop {
        interrupt::check()?;
        let said = contact.of(events(server, after, None), ui);
        for event in said.iter().filter_map(|said| said["events"].as_array()).flatten() {
            after = event["id"].as_u64().unwrap_or(after);
            if nodes.is_empty() || nodes.iter().any(|name| event["node"] == **name) {
                tell(event, ui)?;
            }
        }
        thread::sleep(TICK);
    }
}

/// Tells what has happened as it did, faster. Nights are no longer than a look at it.
fn replay(said: &Value, speed: u64, ui: &Ui) -> Result<()> {
    let mut last = None;
    for event in said["events"].as_array().into_iter().flatten() {
        let at = event["at"].as_u64().unwrap_or(0);
        interrupt::sleep(pause(last.replace(at), at, speed))?;
        tell(event, ui)?;
    }
    Ok(())
}

/// How long a replay waits before what happened at this time, in milliseconds, after that.
fn pause(last: Option<u64>, at: u64, speed: u64) -> Duration {
    let since = last.map_or(0, |last| at.saturating_sub(last));
    Duration::from_millis(since / speed).min(LONGEST_PAUSE)
}

fn tell(event: &Value, ui: &Ui) -> Result<()> {
    print(&if ui.is_json() { format!("{event}\n") } else { line(event) })
}

/// An event on a line: when, of which node, where that was then, what happened.
pub(super) fn line(event: &Value) -> String {
    let at = event["at"].as_u64().unwrap_or(0);
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let at = std::time::UNIX_EPOCH + Duration::from_millis(at);
    format!(
        "{}  {}  {}  {}\n",
        httpdate::fmt_http_date(at),
        text("node"),
        text("state"),
        text("text")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST_PAUSE, pause};

    #[test]
    fn a_replay_keeps_the_time_between_but_no_nights() {
        assert_eq!(pause(None, 1_800_000_000_000, 60), Duration::ZERO);
        assert_eq!(pause(Some(10_000), 40_000, 60), Duration::from_millis(500));
        assert_eq!(pause(Some(10_000), 40_000, 1), LONGEST_PAUSE);
        assert_eq!(pause(Some(40_000), 10_000, 1), Duration::ZERO, "the clock was set");
    }
}
