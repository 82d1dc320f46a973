//! Findings about a person's file: what is wrong, where, what is allowed, what to do.
//!
//! A check never stops at the first finding; it adds to a [`Findings`] and goes on.

mod text;

use serde::Serialize;

pub use text::render_text;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is generated until it is mended.
    Error,
    /// Probably not what was meant; generated all the same.
    Warning,
}

/// A stretch of one line of a source file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// How many characters it covers on that line; at least one is marked.
    pub length: usize,
}

/// One thing to tell the person who wrote the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The YAML path, such as `nodes.compute.role`; empty for the file as a whole.
    pub path: String,
    /// Where it stands, if it stands somewhere.
    #[serde(flatten)]
    pub span: Option<Span>,
    /// What is wrong, with the value that was found.
    pub message: String,
    /// What is allowed and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Everything found so far.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds an error at a place.
    pub fn error(
        &mut self,
        path: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, path, span, message.into(), help.into());
    }

    /// Adds a warning at a place.
    pub fn warning(
        &mut self,
        path: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, path, span, message.into(), help.into());
    }

    fn add(&mut self, severity: Severity, path: &str, span: Span, message: String, help: String) {
        self.0.push(Finding {
            severity,
            path: path.to_owned(),
            span: (span.line > 0).then_some(span),
            message,
            help: (!help.is_empty()).then_some(help),
        });
    }

    /// The findings in the order of the file; those without a place come first.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|f| f.span.map_or((0, 0), |s| (s.line, s.column)));
        self.0
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|f| f.severity == Severity::Error).count()
    }
}

/// A source file's name, as the person knows it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name to show.
    pub name: String,
    /// The whole text.
    pub text: String,
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
    fn findings_are_told_in_the_order_of_the_file() {
        let mut findings = Findings::default();
        findings.error("b", Span { line: 9, column: 1, length: 1 }, "later", "");
        findings.warning("a", Span { line: 2, column: 1, length: 1 }, "earlier", "");
        assert_eq!(findings.errors(), 1);
        let order: Vec<_> = findings.sorted().into_iter().map(|f| f.message).collect();
        assert_eq!(order, ["earlier", "later"]);
    }
}
