//! Findings about a person's file: what is wrong, where, what is allowed, what to do.
//!
//! A check never stops at the first finding; it adds to a [`Findings`] and goes on.

mod rules;
mod source;
mod text;
mod private;

use std::collections::HashSet;

use serde::Serialize;

pub use private::without_private;
pub use rules::Rule;
pub use source::{Source, Sources, line_of, place_of};
pub use text::{render_line, render_text};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is generated until it is mended.
    Error,
    /// Probably not what was meant; generated all the same.
    Warning,
    /// Fine as it is; there may be a better way.
    Hint,
}

impl Severity {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// A stretch of one line of a source file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file, as [`Sources`] counts them.
    pub file: usize,
    /// The line; 0 where something stands nowhere.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// How many characters it covers on that line; at least one is marked.
    pub length: usize,
}

/// One thing to tell the person who wrote the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is not kept.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// The YAML path, such as `nodes.compute.role`; empty for the file as a whole.
    pub path: String,
    /// Where it stands, if it stands somewhere.
    pub span: Option<Span>,
    /// What is wrong, with the value that was found.
    pub message: String,
    /// What is allowed and what to do.
    pub help: Option<String>,
}

impl Finding {
    /// The finding as data: `file`, `line`, `column` and `length` where it stands somewhere.
    #[must_use]
    pub fn to_json(&self, sources: &Sources) -> serde_json::Value {
        let mut data = serde_json::json!({
            "severity": self.severity,
            "rule": self.rule.id(),
            "path": self.path,
            "message": self.message,
        });
        if let Some(span) = self.span {
            data["file"] = sources.get(span).name.as_ref().into();
            data["line"] = span.line.into();
            data["column"] = span.column.into();
            data["length"] = span.length.into();
        }
        if let Some(help) = &self.help {
            data["help"] = help.as_str().into();
        }
        data
    }
}

/// Everything found so far. What several nodes inherit is told once.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    told: HashSet<(Rule, Option<Span>, String)>,
    /// Where a range is wrong; of its form as a value nothing more is to be said.
    ranges: HashSet<Span>,
    strict: bool,
    times: usize,
}

impl Findings {
    /// More than anyone reads; the next is told no more.
    pub const MOST: usize = 1000;

    /// Findings in which a warning weighs as much as an error.
    #[must_use]
    pub fn strict(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Tells that a rule is not kept at a place.
    pub fn tell(
        &mut self,
        rule: Rule,
        path: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let severity = match rule.severity() {
            Severity::Warning if self.strict => Severity::Error,
            severity => severity,
        };
        self.times += usize::from(severity == Severity::Error);
        if self.is_full() {
            return;
        }
        if rule == Rule::Range {
            self.ranges.insert(span);
        } else if rule == Rule::Value && self.ranges.contains(&span) {
            return;
        }
        let (message, help) = (message.into(), help.into());
        let (message, help) = (without_private(&message), without_private(&help));
        let (message, help) = (short(message.into_owned(), 600), short(help.into_owned(), 3000));
        let span = (span.line > 0).then_some(span);
        if !self.told.insert((rule, span, message.clone())) {
            return;
        }
        let help = (!help.is_empty()).then_some(help);
        let path = short(path.to_owned(), LONGEST_PATH);
        let finding = Finding { rule, severity, path, span, message, help };
        self.all.push(if self.all.len() < Self::MOST { finding } else { too_many() });
    }

    /// Whether there are so many that no more are told, and looking for more is no use.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.all.len() > Self::MOST
    }

    /// Whether something was told of a value, so that it is missing for a reason.
    #[must_use]
    pub fn has_told(&self, path: &str) -> bool {
        let path = short(path.to_owned(), LONGEST_PATH);
        self.all.iter().any(|finding| finding.path == path)
    }

    /// Whether a rule was told of a value.
    #[must_use]
    pub fn has_told_of(&self, rule: Rule, path: &str) -> bool {
        self.all.iter().any(|finding| finding.rule == rule && finding.path == path)
    }

    /// Whether something was told of a value, or of what stands in it.
    #[must_use]
    pub fn has_told_within(&self, path: &str) -> bool {
        let is_within = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        self.all.iter().any(|finding| finding.path.strip_prefix(path).is_some_and(is_within))
    }

    /// Whether what was told explains that a key of a mapping is missing in a file: it stands there and cannot be read, or it was
    /// misspelled. To tell that it is missing would be to tell that once more.
    #[must_use]
    pub fn explains_absence(&self, file: usize, mapping: &str, key: &str) -> bool {
        let inside = |path: &str| -> Option<String> {
            if mapping.is_empty() {
                return Some(path.to_owned());
            }
            Some(path.strip_prefix(mapping)?.strip_prefix('.')?.to_owned())
        };
        let meant = format!("did you mean `{key}`?");
        self.all.iter().filter(|f| f.span.is_some_and(|span| span.file == file)).any(|finding| {
            let inside = inside(&finding.path);
            let of_key = |rest: &String| {
                rest.strip_prefix(key).is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']))
            };
            let misspelled = finding.rule == Rule::UnknownKey
                && finding.help.as_ref() == Some(&meant)
                && inside.as_ref().is_some_and(|rest| !rest.contains('.'));
            inside.as_ref().is_some_and(of_key)
                || misspelled
                || finding.rule == Rule::KeyForm && finding.path == mapping
        })
    }

    /// Whether there is an error that is not only a warning taken for one.
    #[must_use]
    pub fn has_mistakes(&self) -> bool {
        self.all.iter().any(|finding| finding.rule.severity() == Severity::Error)
    }

    /// The findings in the order of the files; those without a place come first.
    #[must_use]
    pub fn sorted(self) -> Vec<Finding> {
        let mut all = self.all;
        all.sort_by_key(|f| f.span.map_or((0, 0, 0), |s| (s.file, s.line, s.column)));
        all
    }

    /// How often an error was told, those that had been told before included: whether something is wrong with one of several
    /// nodes that inherit the same.
    #[must_use]
    pub fn times(&self) -> usize {
        self.times
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.all.iter().filter(|f| f.severity == Severity::Error).count()
    }
}

/// Stands for the first finding too many and all that follow: an error, as one of those might be.
fn too_many() -> Finding {
    let most = Findings::MOST;
    Finding {
        rule: Rule::TooMany,
        severity: Rule::TooMany.severity(),
        path: String::new(),
        span: None,
        message: format!("there are more than {most} findings; the rest is not told"),
        help: Some("mend these first: one slip may be the cause of many".to_owned()),
    }
}

/// Characters of a path that are told.
const LONGEST_PATH: usize = 300;

/// A text that goes on for so many characters at most: a value may be as long as a file.
fn short(text: String, most: usize) -> String {
    let place = |n: usize| text.char_indices().nth(n).map(|(at, _)| at);
    // Bytes are counted faster than characters, and are no fewer.
    if text.len() <= most || place(most).is_none() {
        return text;
    }
    let head = place(2 * most / 3).unwrap_or(text.len());
    let tail = text.char_indices().rev().nth(most / 3 - 1).map_or(0, |(at, _)| at);
    format!("{}…{}", &text[..head], &text[tail..])
}

/// Names offered at once.
const MOST_OFFERED: usize = 100;

/// The known name nearest to `given`, if one is near enough to be what was meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = given.chars().count();
    let near = |name: &&str| {
        // What differs more in length is not near; measuring a value of megabytes would take long.
        let of_name = name.chars().count();
        of_name.abs_diff(length) <= 1 + of_name / 4
    };
    known
        .into_iter()
        .filter(near)
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A help text for an unknown name: the nearest known one, or all of them.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest(given, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    let mut names = known.into_iter();
    let offered: Vec<_> =
        names.by_ref().take(MOST_OFFERED).map(|name| format!("`{name}`")).collect();
    match (offered.is_empty(), names.count()) {
        (true, _) => "none is known here".into(),
        (_, 0) => format!("known here: {}", offered.join(", ")),
        (_, more) => format!("known here: {} and {more} more", offered.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_listed() {
        assert_eq!(did_you_mean("adress", ["address", "network"]), "did you mean `address`?");
        assert_eq!(
            did_you_mean("xyzzy", ["address", "network"]),
            "known here: `address`, `network`"
        );
    }

    #[test]
    fn findings_are_told_once_in_the_order_of_the_file() {
        let span = |line| Span { file: 1, line, column: 1, length: 1 };
        let mut findings = Findings::default();
        findings.tell(Rule::Value, "b", span(9), "later", "");
        findings.tell(Rule::UnusedRole, "a", span(2), "earlier", "");
        findings.tell(Rule::Value, "c", span(9), "later", "");
        assert_eq!(findings.errors(), 1);
        let order: Vec<_> = findings.sorted().into_iter().map(|f| f.message).collect();
        assert_eq!(order, ["earlier", "later"]);
    }

    #[test]
    fn no_more_is_told_than_anyone_reads() {
        let mut findings = Findings::default();
        for line in 1..=Findings::MOST {
            assert!(!findings.is_full());
            findings.tell(Rule::UnusedRole, "a", Span { line, ..Span::default() }, "x", "");
        }
        assert!(!findings.is_full() && findings.errors() == 0);
        for line in 1..9 {
            findings.tell(Rule::UnusedRole, "a", Span { line, ..Span::default() }, "y", "");
        }
        assert!(findings.is_full() && findings.errors() == 1, "what is not told may be an error");
        findings.tell(Rule::Value, "a", Span::default(), "z", "");
        assert_eq!(findings.times(), 1);
        let all = findings.sorted();
        assert_eq!((all.len(), all[0].rule), (Findings::MOST + 1, Rule::TooMany));

        let mut findings = Findings::default();
        let long = "이".repeat(100_000);
        findings.tell(Rule::Value, &long, Span::default(), format!("`{long}` is wrong"), &long);
        let finding = findings.sorted().remove(0);
        assert!(finding.message.starts_with("`이이") && finding.message.ends_with("이` is wrong"));
        assert_eq!(finding.message.chars().count(), 601);
        assert!(
            finding.path.chars().count() < 310 && finding.help.is_some_and(|h| h.len() < 10_000)
        );
        assert_eq!(short("이".repeat(100), 100), "이".repeat(100));
    }

    #[test]
    fn many_names_are_not_all_offered() {
        let names: Vec<String> = (0..150).map(|n| format!("name-{n}")).collect();
        let told = did_you_mean("xyzzy", names.iter().map(String::as_str));
        assert!(told.ends_with("`name-99` and 50 more"), "{told}");
        assert_eq!(nearest(&"x".repeat(4 << 20), ["address"]), None);
    }

    #[test]
    fn a_warning_is_an_error_where_the_person_wants_it() {
        let mut findings = Findings::strict(true);
        findings.tell(Rule::UnusedRole, "a", Span::default(), "unused", "");
        assert_eq!(findings.errors(), 1);
    }
}
