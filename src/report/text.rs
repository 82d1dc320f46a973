//! Findings as text: an excerpt of the file with carets, then the way out.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::{Finding, Severity, Source};

const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// One finding with its excerpt, ending in a newline. Colours are escape sequences: print through
/// a stream that strips them where nobody wants them.
#[must_use]
pub fn render_text(finding: &Finding, source: &Source) -> String {
    let mut out = String::new();
    let (word, style) = match finding.severity {
        Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
    };
    let path = if finding.path.is_empty() { String::new() } else { format!("[{}]", finding.path) };
    // Writing to a String cannot fail.
    let _ =
        writeln!(out, "{style}{word}{path}{style:#}{BOLD}: {}{BOLD:#}", shown(&finding.message));
    let mut indent = 1;
    if let Some(span) = finding.span {
        let line = shown(source.text.lines().nth(span.line - 1).unwrap_or(""));
        let before: String = line.chars().take(span.column - 1).collect();
        let marked: String = line.chars().skip(span.column - 1).take(span.length).collect();
        let (skip, carets) = (before.width(), "^".repeat(marked.width().max(1)));
        indent = span.line.to_string().len();
        let place = format!("{}:{}:{}", source.name, span.line, span.column);
        let _ = writeln!(out, "{:indent$}{FRAME}-->{FRAME:#} {place}", "");
        let _ = writeln!(out, "{:indent$}{FRAME} |{FRAME:#}", "");
        let _ = writeln!(out, "{FRAME}{:>indent$} |{FRAME:#} {line}", span.line);
        let _ =
            writeln!(out, "{:indent$}{FRAME} |{FRAME:#} {:skip$}{style}{carets}{style:#}", "", "");
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "{:indent$}{FRAME} ={FRAME:#} help: {}", "", shown(help));
    }
    out
}

/// A text that a terminal takes for nothing but text.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Span;

    #[test]
    fn wide_characters_and_control_characters_do_not_shift_or_act() {
        let source = Source { name: "l".into(), text: "이름: \u{1b}[31mx\n".into() };
        let finding = Finding {
            severity: Severity::Warning,
            path: String::new(),
            span: Some(Span { line: 1, column: 5, length: 6 }),
            message: "odd \u{1b}[31m".into(),
            help: None,
        };
        let plain = anstream::adapter::strip_str(&render_text(&finding, &source)).to_string();
        assert_eq!(
            plain,
            "warning: odd  [31m\n --> l:1:5\n  |\n1 | 이름:  [31mx\n  |       ^^^^^^\n"
        );
    }

    #[test]
    fn an_excerpt_marks_the_value() {
        let source = Source {
            name: "lab.yaml".into(),
            text: "nodes:\n  compute: {role: computer}\n".into(),
        };
        let finding = Finding {
            severity: Severity::Error,
            path: "nodes.compute.role".into(),
            span: Some(Span { line: 2, column: 19, length: 8 }),
            message: "unknown role `computer`".into(),
            help: Some("did you mean `compute`?".into()),
        };
        let plain = anstream::adapter::strip_str(&render_text(&finding, &source)).to_string();
        assert_eq!(
            plain,
            "error[nodes.compute.role]: unknown role `computer`\n --> lab.yaml:2:19\n  |\n2 |   compute: {role: computer}\n  |                   ^^^^^^^^\n  = help: did you mean `compute`?\n"
        );
    }
}
