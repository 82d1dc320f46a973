//! How a value is settled: parsed where it was written, and noted with the place that it comes from.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::report::{Findings, Rule, Sources, Span, without_private};
use crate::spec::Spanned;

use super::{Origin, Settled};

/// Settles values one by one: parses each, and notes where it comes from.
pub(super) struct Resolver<'f> {
    pub findings: &'f mut Findings,
    pub sources: &'f Sources,
    pub origins: Vec<Settled>,
}

/// The lab, a role or a node, and how near the file is.
pub(super) type Nearness = (u8, usize);

/// What a node says itself.
pub(super) const OF_A_NODE: u8 = 2;

/// Where the values of a list stand first, by the place that says them.
pub(super) type Firsts = HashMap<(Nearness, String), Span>;

/// Why a written value cannot be used.
pub(super) struct Wrong {
    rule: Rule,
    /// What it is, after the value; nothing where the help says it.
    why: Option<String>,
    /// What is allowed.
    help: String,
}

impl Wrong {
    pub(super) fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self::of(Rule::Value, why, help)
    }

    pub(super) fn of(rule: Rule, why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, why: Some(why.into()), help: help.into() }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(help: T) -> Self {
        Self { rule: Rule::Value, why: None, help: help.into() }
    }
}

impl Resolver<'_> {
    /// The value that was written, or nothing where none was, or where it cannot be used (then it was told).
    pub fn settle<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(written) = written else {
            self.note(path, &"none", Origin::BuiltIn);
            return None;
        };
        match parse(&written.value) {
            Ok(value) => {
                self.note(path, &value, self.origin(written.span));
                Some(value)
            }
            Err(wrong) => {
                self.reject(written, wrong);
                None
            }
        }
    }

    /// A value that needs no more parsing.
    pub fn take<T: Display + Clone>(
        &mut self,
        path: &str,
        written: Option<&Spanned<T>>,
    ) -> Option<T> {
        let Some(written) = written else {
            self.note(path, &"none", Origin::BuiltIn);
            return None;
        };
        self.note(path, &written.value, self.origin(written.span));
        Some(written.value.clone())
    }

    /// A list that replaces what is inherited: each item parsed.
    pub fn settle_list<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<(Span, &[Spanned<String>])>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let (span, written) = written.unwrap_or_default();
        let mut values = Vec::new();
        let mut first = Firsts::default();
        for item in written {
            match parse(&item.value) {
                Ok(value) if self.is_repeated(item, &value, &mut first) => {}
                Ok(value) => values.push(value),
                Err(wrong) => self.reject(item, wrong),
            }
        }
        let origin = self.origin(span);
        self.note(path, &joined(&values), origin);
        values
    }

    /// A list that is added to what is inherited: each item parsed, and noted with its own place.
    pub fn settle_added<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<&[Spanned<String>]>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        let mut first = Firsts::default();
        for item in written.unwrap_or_default() {
            let Some(value) = self.settle(path, Some(item), &parse) else { continue };
            if !self.is_repeated(item, &value, &mut first) {
                values.push(value);
            }
        }
        if values.is_empty() {
            self.note(path, &"none", Origin::BuiltIn);
        }
        values
    }

    /// Tells a value that stands twice in one list of one place. What another place has added is no slip.
    pub fn is_repeated(
        &mut self,
        item: &Spanned<String>,
        value: &impl Display,
        first: &mut Firsts,
    ) -> bool {
        let key = (self.nearness(item), value.to_string());
        let Some(before) = first.insert(key, item.span) else { return false };
        let before = self.sources.seen_from(item.span, before);
        let message = format!("`{}` stands here for the second time", item.value);
        self.tell(Rule::Repeated, item, message, format!("the first is {before}; leave one out"));
        true
    }

    /// How near to a node something is said: by the lab, a role or the node, then by the files that the lab is read from.
    pub fn nearness(&self, written: &Spanned<String>) -> Nearness {
        let place = match written.path.split('.').next() {
            Some("nodes") => OF_A_NODE,
            Some("roles") => 1,
            _ => 0,
        };
        (place, self.sources.nearness(written.span.file))
    }

    /// A number within bounds.
    pub fn settle_number(
        &mut self,
        path: &str,
        written: Option<&Spanned<u64>>,
        bounds: RangeInclusive<u16>,
    ) -> Option<u16> {
        let written = written?;
        match u16::try_from(written.value) {
            Ok(value) if bounds.contains(&value) => {
                self.note(path, &value, self.origin(written.span));
                Some(value)
            }
            _ => {
                let allowed = format!("a number from {} to {}", bounds.start(), bounds.end());
                self.tell(
                    Rule::Value,
                    written,
                    format!("`{}` cannot be used here", written.value),
                    allowed,
                );
                None
            }
        }
    }

    pub fn note(&mut self, path: &str, value: &impl Display, origin: Origin) {
        let value = without_private(&value.to_string()).into_owned();
        self.origins.push(Settled { path: path.to_owned(), value, origin });
    }

    /// Notes what is said by `yes` or `no`.
    pub fn note_flag(&mut self, path: &str, value: bool, written: Option<&Spanned<bool>>) {
        let origin = written.map_or(Origin::BuiltIn, |w| self.origin(w.span));
        self.note(path, &if value { "yes" } else { "no" }, origin);
    }

    /// Where a value comes from.
    pub fn origin(&self, span: Span) -> Origin {
        if span.file == Sources::BUILT_IN {
            return Origin::BuiltIn;
        }
        Origin::File { file: self.sources.get(span).name.clone(), line: span.line }
    }

    /// Tells that a rule is not kept by a value, or by what its key stands for.
    pub fn tell<T>(
        &mut self,
        rule: Rule,
        written: &Spanned<T>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings.tell(rule, &written.path, written.span, message, help);
    }

    pub fn reject(&mut self, written: &Spanned<String>, wrong: impl Into<Wrong>) {
        let Wrong { rule, why, help } = wrong.into();
        let why = why.as_deref().unwrap_or("cannot be used here");
        let shown = match written.value.as_str() {
            "" => "an empty text".to_owned(),
            text => format!("`{text}`"),
        };
        self.tell(rule, written, format!("{shown} {why}"), help);
    }
}

pub(super) fn joined(values: &[impl Display]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Letters, digits and a few more signs.
pub(super) fn word(text: &str, longest: usize, more: &str) -> Result<String, String> {
    let fits = (1..=longest).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !text.starts_with(['-', '.']);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {longest} letters, digits and `{more}`"))
    }
}
