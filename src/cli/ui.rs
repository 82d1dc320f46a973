//! What is said, where, and how.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Format, Global};
use crate::exit::LabErrors;
use crate::report::{Finding, Sources, render_line, render_text};

/// How the person wants to be told.
pub(super) struct Ui {
    quiet: bool,
    verbose: bool,
    format: Format,
    strict: bool,
    /// Bars that stand below each other.
    bars: MultiProgress,
}

impl Ui {
    pub fn new(global: &Global) -> Self {
        if global.verbose {
            crate::tool::show_commands();
        }
        Self {
            quiet: global.quiet,
            verbose: global.verbose,
            format: global.format,
            strict: global.strict,
            bars: MultiProgress::new(),
        }
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether warnings about the lab file count as errors.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// A finding, for people.
    pub fn finding(&self, finding: &Finding, sources: &Sources) -> String {
        match self.format {
            Format::Short => render_line(finding, sources),
            _ => render_text(finding, sources),
        }
    }

    /// A result: text for people, or the same as data.
    pub fn result(&self, text: impl FnOnce() -> String, data: &impl Serialize) -> Result<()> {
        let text = if self.is_json() {
            serde_json::to_string_pretty(data).context("writing JSON")? + "\n"
        } else {
            text()
        };
        print(&text)
    }

    /// What is going on; on standard error, so that results can be piped.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            anstream::eprintln!("{}", text.as_ref());
        }
    }

    /// What only the curious want to know.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.verbose {
            anstream::eprintln!("{}", text());
        }
    }

    /// Whether progress is shown by bars: on a terminal, unless it shall be quiet.
    pub fn has_bars(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Work over so many bytes: a bar with rate and time left on a terminal, one line elsewhere.
    pub fn bytes(&self, what: &str, total: u64) -> ProgressBar {
        if !self.has_bars() {
            self.note(what);
            return ProgressBar::hidden();
        }
        let bar = self.bars.add(ProgressBar::new(total).with_message(what.to_owned()));
        let style = "{msg}  {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// So many steps: a bar on a terminal that says what is being done, one line elsewhere.
    pub fn steps(&self, what: &str, total: usize) -> ProgressBar {
        if !self.has_bars() {
            self.note(what);
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total as u64).with_message(what.to_owned());
        let bar = self.bars.add(bar);
        if let Ok(style) = ProgressStyle::with_template("{pos} of {len}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Prints a result. A reader who has gone away (`| head`) is not an error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}

/// Tells why the program ends, unless it was told already.
pub fn tell(error: &anyhow::Error) {
    if error.is::<LabErrors>() {
        return;
    }
    let red = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{red}error{red:#}: {error}");
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Typed errors often repeat the cause in their own words.
        if !told.contains(&cause) {
            anstream::eprintln!("  because: {cause}");
            told = cause;
        }
    }
}
