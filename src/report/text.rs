//! Findings as text: an excerpt of the file with carets, then the way out.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

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
    let _ = writeln!(out, "{style}{word}{path}{style:#}{BOLD}: {}{BOLD:#}", finding.message);
    let mut indent = 1;
    if let Some(span) = finding.span {
        let line = source.text.lines().nth(span.line - 1).unwrap_or("");
        indent = span.line.to_string().len() + 1;
        let _ = writeln!(
            out,
            "{:>indent$}{FRAME}-->{FRAME:#} {}:{}:{}",
            "", source.name, span.line, span.column
        );
        let _ = writeln!(out, "{:indent$}{FRAME} |{FRAME:#}", "");
        let _ =
            writeln!(out, "{FRAME}{:>indent$} |{FRAME:#} {}", span.line, line.replace('\t', " "));
        let carets = "^".repeat(span.length.max(1));
        let _ = writeln!(
            out,
            "{:indent$}{FRAME} |{FRAME:#} {:skip$}{style}{carets}{style:#}",
            "",
            "",
            skip = span.column - 1
        );
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "{:indent$}{FRAME} ={FRAME:#} help: {help}", "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Span;

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
            "error[nodes.compute.role]: unknown role `computer`\n  --> lab.yaml:2:19\n   |\n 2 |   compute: {role: computer}\n   |                   ^^^^^^^^\n   = help: did you mean `compute`?\n"
        );
    }
}
