//! Findings as text: an excerpt of the file with carets, then the way out.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::{Finding, Rule, Severity, Sources};

const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// One finding with its excerpt, ending in a newline. Colours are escape sequences: print through
/// a stream that strips them where nobody wants them.
#[must_use]
pub fn render_text(finding: &Finding, sources: &Sources) -> String {
    let mut out = String::new();
    let style = match finding.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Hint => AnsiColor::Cyan.on_default().bold(),
    };
    let (word, path) = (finding.severity.as_str(), in_brackets(&finding.path));
    // Writing to a String cannot fail.
    let _ =
        writeln!(out, "{style}{word}{path}{style:#}{BOLD}: {}{BOLD:#}", shown(&finding.message));
    let mut indent = 1;
    if let Some(span) = finding.span {
        let source = sources.get(span);
        indent = span.line.to_string().len();
        let place = format!("{}:{}:{}", source.name, span.line, span.column);
        let _ = writeln!(out, "{:indent$}{FRAME}-->{FRAME:#} {place}", "");
    }
    // A password that stands in the file is not said again.
    if let Some(span) = finding.span.filter(|_| finding.rule != Rule::Credentials) {
        let source = sources.get(span);
        let line = shown(source.text.lines().nth(span.line - 1).unwrap_or(""));
        let before: String = line.chars().take(span.column - 1).collect();
        let marked: String = line.chars().skip(span.column - 1).take(span.length).collect();
        let (skip, carets) = (before.width(), "^".repeat(marked.width().max(1)));
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

/// One finding on one line, as compilers and editors write it: file, line, column, weight, message, rule.
#[must_use]
pub fn render_line(finding: &Finding, sources: &Sources) -> String {
    let place = finding.span.map_or(String::new(), |span| {
        format!("{}:{}:{}: ", sources.get(span).name, span.line, span.column)
    });
    let help = finding.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
    let path = in_brackets(&finding.path);
    let word = finding.severity.as_str();
    shown(&format!("{place}{word}{path}: {}{help} ({})", finding.message, finding.rule.id()))
}

fn in_brackets(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("[{}]", shown(path)) }
}

/// A text that a terminal takes for nothing but text.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Source, Span};

    fn sources(name: &str, text: &str) -> Sources {
        let mut sources = Sources::new("");
        sources.add(Source { name: name.into(), path: name.into(), text: text.into() });
        sources
    }

    #[test]
    fn wide_characters_and_control_characters_do_not_shift_or_act() {
        let sources = sources("l", "이름: \u{1b}[31mx\n");
        let finding = Finding {
            rule: Rule::UnusedRole,
            severity: Severity::Warning,
            path: String::new(),
            span: Some(Span { file: 1, line: 1, column: 5, length: 6 }),
            message: "odd \u{1b}[31m".into(),
            help: None,
        };
        let plain = anstream::adapter::strip_str(&render_text(&finding, &sources)).to_string();
        assert_eq!(
            plain,
            "warning: odd  [31m\n --> l:1:5\n  |\n1 | 이름:  [31mx\n  |       ^^^^^^\n"
        );
    }

    #[test]
    fn an_excerpt_marks_the_value() {
        let sources = sources("lab.yaml", "nodes:\n  compute: {role: computer}\n");
        let finding = Finding {
            rule: Rule::UnknownRole,
            severity: Severity::Error,
            path: "nodes.compute.role".into(),
            span: Some(Span { file: 1, line: 2, column: 19, length: 8 }),
            message: "unknown role `computer`".into(),
            help: Some("did you mean `compute`?".into()),
        };
        let plain = anstream::adapter::strip_str(&render_text(&finding, &sources)).to_string();
        assert_eq!(
            plain,
            "error[nodes.compute.role]: unknown role `computer`\n --> lab.yaml:2:19\n  |\n2 |   compute: {role: computer}\n  |                   ^^^^^^^^\n  = help: did you mean `compute`?\n"
        );
        assert_eq!(
            render_line(&finding, &sources),
            "lab.yaml:2:19: error[nodes.compute.role]: unknown role `computer`; did you mean `compute`? (unknown-role)"
        );
    }
}
