//! Findings as text: an excerpt of the file with carets, then the way out.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::private::private;
use super::{Finding, Rule, Severity, Sources, Span, without_private};

const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// Columns of an excerpt; a longer line is cut around what is marked.
const WIDEST: usize = 160;
/// Columns that stay before what is marked, where the line is cut there.
const BEFORE: usize = 40;

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
        indent = span.line.to_string().len();
        let place = format!("{}:{}:{}", shown(&sources.get(span).name), span.line, span.column);
        let _ = writeln!(out, "{:indent$}{FRAME}-->{FRAME:#} {place}", "");
    }
    // A password that stands in the file is not said again.
    if let Some(span) = finding.span.filter(|_| !may_be_secret(finding.rule)) {
        let (line, span) = without_passwords(sources.line(span.file, span.line), span);
        let (line, skip, marked) = excerpt(&line, span);
        let carets = "^".repeat(marked);
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

/// Whether what is marked may be a password.
fn may_be_secret(rule: Rule) -> bool {
    matches!(rule, Rule::Credentials | Rule::WeakKickstart)
}

fn in_brackets(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("[{}]", shown(path)) }
}

/// A line without what is no one's to see in its URLs, and what is marked in that.
fn without_passwords(line: &str, span: Span) -> (Cow<'_, str>, Span) {
    let found = private(line);
    if found.is_empty() {
        return (line.into(), span);
    }
    let from = byte_of(line, span.column.saturating_sub(1));
    let to = byte_of(line, span.column.saturating_sub(1) + span.length);
    // Characters before a byte, where one stands for each that is left out.
    let before = |byte: usize| {
        let left_out: usize = found
            .iter()
            .filter(|range| range.start < byte)
            .map(|range| line[range.start..range.end.min(byte)].chars().count() - 1)
            .sum();
        line[..byte].chars().count() - left_out
    };
    let column = before(from);
    let length = before(to).saturating_sub(column).max(1);
    (without_private(line), Span { column: column + 1, length, ..span })
}

/// What is printed of a line, how many columns stand before what is marked, and how many are marked.
fn excerpt(line: &str, span: Span) -> (String, usize, usize) {
    let start = byte_of(line, span.column.saturating_sub(1));
    let (before, after) = line.split_at(start);
    // What is longer than an excerpt is cut anyway.
    let marked = &after[..byte_of(after, span.length.min(WIDEST))];
    if fitting(line, WIDEST) == line {
        return (shown(line), shown(before).width(), shown(marked).width().max(1));
    }
    let from = before.char_indices().rev().take(BEFORE).last().map_or(start, |(at, _)| at);
    let left = format!("{}{}", if from > 0 { "…" } else { "" }, shown(&before[from..]));
    let skip = left.width();
    let right = fitting(after, WIDEST - skip);
    let cut = if right == after { "" } else { "…" };
    let marked = shown(fitting(marked, WIDEST - skip)).width().max(1);
    (format!("{left}{}{cut}", shown(right)), skip, marked)
}

/// As much of the beginning of a text as fits into so many columns. Here every character has one at least, so that many
/// without width do not go on for ever.
fn fitting(text: &str, columns: usize) -> &str {
    let mut left = columns;
    for (at, c) in text.char_indices() {
        let width = c.width().unwrap_or(1).max(1);
        if width > left {
            return &text[..at];
        }
        left -= width;
    }
    text
}

/// Where the character of that number begins, or the end of the text: fast even for a line of megabytes.
fn byte_of(text: &str, mut characters: usize) -> usize {
    const STEP: usize = 4096;
    let mut at = 0;
    while text.len() - at > STEP {
        let mut next = at + STEP;
        while !text.is_char_boundary(next) {
            next -= 1;
        }
        let inside = text[at..next].chars().count();
        if inside > characters {
            break;
        }
        (at, characters) = (next, characters - inside);
    }
    at + text[at..].char_indices().nth(characters).map_or(text.len() - at, |(inside, _)| inside)
}

/// A text that a terminal takes for nothing but text on one line.
fn shown(text: &str) -> String {
    text.chars().map(|c| if acts(c) { ' ' } else { c }).collect()
}

/// Whether a character does something to what is around it: control characters, line and paragraph separators, and those
/// that set the direction of writing, by which a text can seem to say something else.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
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
    fn what_would_turn_the_direction_of_writing_does_not_act() {
        let text = "a: \u{202e}x\u{2066}y\u{200f}z\u{61c}\u{2028}";
        assert_eq!(shown(text), "a:  x y z  ");
        let finding = Finding {
            rule: Rule::UnknownRole,
            severity: Severity::Error,
            path: "a\u{202e}".into(),
            span: Some(Span { file: 1, line: 1, column: 1, length: 1 }),
            message: "b\u{2067}".into(),
            help: Some("c\u{200e}".into()),
        };
        let sources = sources("l\u{202d}\u{1b}", text);
        let told = render_text(&finding, &sources) + &render_line(&finding, &sources);
        let told = anstream::adapter::strip_str(&told).to_string();
        assert!(!told.chars().any(|c| c != '\n' && acts(c)), "{told:?}");
    }

    /// The excerpt and the carets for a span of a line.
    fn excerpt_of(line: &str, column: usize, length: usize) -> (String, String) {
        let (text, skip, marked) = excerpt(line, Span { file: 1, line: 1, column, length });
        (text, format!("{:skip$}{}", "", "^".repeat(marked)))
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_marked() {
        let line = format!("{}MARK{}", "a".repeat(5000), "b".repeat(5000));
        let (text, carets) = excerpt_of(&line, 5001, 4);
        assert_eq!(text, format!("…{}MARK{}…", "a".repeat(40), "b".repeat(160 - 41 - 4)));
        assert_eq!(carets, format!("{}^^^^", " ".repeat(41)));
        // At either end, and where what is marked is longer than an excerpt.
        let (text, carets) = excerpt_of(&line, 1, 5);
        assert_eq!((text, carets), (format!("{}…", "a".repeat(160)), "^^^^^".to_owned()));
        let (text, carets) = excerpt_of(&line, 10_001, 4);
        assert_eq!(
            (text.as_str(), carets.len()),
            (format!("…{}bbbb", "b".repeat(40)).as_str(), 45)
        );
        let (text, carets) = excerpt_of(&line, 5005, 5000);
        assert_eq!(text, format!("…{}MARK{}…", "a".repeat(36), "b".repeat(160 - 41)));
        assert_eq!(carets.len(), 160);
    }

    #[test]
    fn columns_are_characters_however_wide_and_long() {
        let line = format!("{}값{}", "이".repeat(9000), "\u{301}".repeat(9000));
        let (text, carets) = excerpt_of(&line, 9001, 1);
        assert!(text.starts_with(&format!("…{}값", "이".repeat(40))) && text.chars().count() < 200);
        assert_eq!(carets, format!("{}^^", " ".repeat(81)));
        // What stands past the end of its line, or nowhere, marks one column.
        assert_eq!(excerpt_of("a: ", 4, 1), ("a: ".into(), "   ^".into()));
        assert_eq!(excerpt_of("", 7, 9), (String::new(), "^".into()));
        for column in [1, 2, 4096, 4097, 4098, 8193, 18_001, 18_002, 99_999] {
            let column = column - 1;
            let slow = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
            assert_eq!(byte_of(&line, column), slow, "{column}");
        }
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
