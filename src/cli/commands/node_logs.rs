use std::io::Write as _;
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::node::{TICK, escaped};
use super::server::{Contact, Server};
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
    let first = match tail {
        Some(lines) => part(server, node, ("tail", &lines.to_string())),
        None => part(server, node, ("after", "0")),
    };
    // It comes in parts; the last of them is one with nothing in it.
    let (mut contact, mut shown) = (Contact::default(), Some(first?));
    let mut after = 0;
    loop {
        let is_last = shown.as_ref().is_none_or(|part| part.text.is_empty());
        if let Some(part) = shown {
            after = part.next;
            show(&part, node, ui)?;
        }
        if is_last && !follow {
            return Ok(());
        }
        if is_last {
            thread::sleep(TICK);
        }
        interrupt::check()?;
        let asked = part(server, node, ("after", &after.to_string()));
        shown = if follow { contact.of(asked, ui) } else { Some(asked?) };
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
