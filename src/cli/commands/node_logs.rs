use std::io::Write as _;
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::node::{TICK, escaped};
use super::server::Server;
use crate::cli::ui::Ui;
use crate::interrupt;

/// Bytes of a log, and where to go on.
struct Part {
    text: Vec<u8>,
    next: u64,
}

/// Shows all of a node's log that the server keeps, or its last lines, and goes on where that is wanted.
pub(super) fn logs(
    server: &Server,
    node: &str,
    tail: Option<usize>,
    follow: bool,
    ui: &Ui,
) -> Result<()> {
    let mut after = 0;
    if let Some(lines) = tail {
        let part = part(server, node, ("tail", &lines.to_string()))?;
        after = part.next;
        show(&part, node, ui)?;
    }
    let mut lost = false;
    loop {
        match part(server, node, ("after", &after.to_string())) {
            Ok(part) => {
                if std::mem::take(&mut lost) {
                    ui.note("the server answers again");
                }
                let more = part.next != after;
                after = part.next;
                show(&part, node, ui)?;
                if more {
                    continue;
                }
            }
            Err(error) if !follow || after == 0 => return Err(error),
            Err(error) if !lost => {
                ui.note(format!("{error}; waiting for it"));
                lost = true;
            }
            Err(_) => {}
        }
        if !follow {
            return Ok(());
        }
        interrupt::check()?;
        thread::sleep(TICK);
    }
}

fn part(server: &Server, node: &str, which: (&str, &str)) -> Result<Part> {
    let answer = server.get(&format!("nodes/{}/log", escaped(node)), &[which])?;
    let next = answer.headers().get(crate::serve::NEXT);
    let next = next.and_then(|it| it.to_str().ok()?.parse().ok()).unwrap_or(0);
    Ok(Part { text: answer.bytes().context("reading its answer")?.to_vec(), next })
}

/// As it is, or each line as a value.
fn show(part: &Part, node: &str, ui: &Ui) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if ui.is_json() {
        for line in String::from_utf8_lossy(&part.text).lines() {
            let mut words = line.splitn(3, ' ');
            let (at, severity) = (words.next(), words.next());
            let text = words.next().unwrap_or_default().trim_start();
            writeln!(
                out,
                "{}",
                json!({ "node": node, "at": at, "severity": severity, "text": text })
            )?;
        }
    } else {
        out.write_all(&part.text)?;
    }
    out.flush()?;
    Ok(())
}
