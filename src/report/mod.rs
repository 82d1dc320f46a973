//! Findings about a person's file: what is wrong, where, what is allowed, what to do.
//!
//! A check never stops at the first finding; it adds to a [`Findings`] and goes on.

mod rules;
mod text;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

pub use rules::Rule;
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
    strict: bool,
    times: usize,
}

impl Findings {
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
        let (message, help) = (message.into(), help.into());
        let span = (span.line > 0).then_some(span);
        let severity = match rule.severity() {
            Severity::Warning if self.strict => Severity::Error,
            severity => severity,
        };
        self.times += usize::from(severity == Severity::Error);
        if !self.told.insert((rule, span, message.clone())) {
            return;
        }
        let help = (!help.is_empty()).then_some(help);
        self.all.push(Finding { rule, severity, path: path.to_owned(), span, message, help });
    }

    /// Whether something was told of a value, so that it is missing for a reason.
    #[must_use]
    pub fn has_told(&self, path: &str) -> bool {
        self.all.iter().any(|finding| finding.path == path)
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

/// A source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name as the person knows it.
    pub name: Arc<str>,
    /// Where it lies.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// The files that a lab is read from. The first holds what is built in.
#[derive(Clone, Debug)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// The file that holds what is built in.
    pub const BUILT_IN: usize = 0;

    /// Only what is built in.
    #[must_use]
    pub fn new(built_in: &str) -> Self {
        let (name, path) = ("built-in".into(), PathBuf::new());
        Self(vec![Source { name, path, text: built_in.into() }])
    }

    /// Adds a file; the number is what a span calls it.
    pub fn add(&mut self, source: Source) -> usize {
        self.0.push(source);
        self.0.len() - 1
    }

    /// The file that a span is in.
    #[must_use]
    pub fn get(&self, span: Span) -> &Source {
        &self.0[span.file]
    }

    /// The file of that number.
    #[must_use]
    pub fn file(&self, file: usize) -> &Source {
        &self.0[file]
    }

    /// How many files there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// The known name nearest to `given`, if one is near enough to be what was meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
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
    let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    if known.is_empty() {
        "none is known here".into()
    } else {
        format!("known here: {}", known.join(", "))
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
    fn a_warning_is_an_error_where_the_person_wants_it() {
        let mut findings = Findings::strict(true);
        findings.tell(Rule::UnusedRole, "a", Span::default(), "unused", "");
        assert_eq!(findings.errors(), 1);
    }
}
