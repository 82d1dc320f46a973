//! How a value is settled: parsed where it was written, a default where it was not, and noted either way.

use std::fmt::Display;

use crate::report::{Findings, Span, did_you_mean};
use crate::spec::Spanned;

use super::{Origin, Settled};

/// Settles values one by one: parses what was written or takes the default, and notes which it was.
pub(super) struct Resolver<'f> {
    pub findings: &'f mut Findings,
    pub origins: Vec<Settled>,
}

/// Why a written value cannot be used.
pub(super) struct Wrong {
    /// What it is, after the value; nothing where the help says it.
    why: Option<String>,
    /// What is allowed.
    help: String,
}

impl Wrong {
    pub(super) fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: Some(why.into()), help: help.into() }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(help: T) -> Self {
        Self { why: None, help: help.into() }
    }
}

impl Resolver<'_> {
    /// The value that was written, or the default where none was, or where it cannot be used (then it was told).
    pub fn settle<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<&Spanned<String>>,
        default: T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> T {
        let Some(written) = written else {
            self.note(path, &default, Origin::Default);
            return default;
        };
        match parse(&written.value) {
            Ok(value) => {
                self.note(path, &value, Origin::File { line: written.span.line });
                value
            }
            Err(allowed) => {
                self.reject(written, allowed);
                default
            }
        }
    }

    /// Like [`Self::settle`] for a value that has no default.
    pub fn settle_optional<T: Display, E: Into<Wrong>>(
        &mut self,
        written: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let written = written?;
        match parse(&written.value) {
            Ok(value) => {
                self.note(&written.path, &value, Origin::File { line: written.span.line });
                Some(value)
            }
            Err(allowed) => {
                self.reject(written, allowed);
                None
            }
        }
    }

    /// A list: each item parsed, or the default where no list was written.
    pub fn settle_list<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<(Span, &[Spanned<String>])>,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some((span, written)) = written else {
            self.note(path, &joined(&default), Origin::Default);
            return default;
        };
        let mut values = Vec::new();
        for item in written {
            match parse(&item.value) {
                Ok(value) => values.push(value),
                Err(allowed) => self.reject(item, allowed),
            }
        }
        self.note(path, &joined(&values), Origin::File { line: span.line });
        values
    }

    /// A number within bounds.
    pub fn settle_number(
        &mut self,
        path: &str,
        written: Option<&Spanned<u64>>,
        default: u16,
        bounds: std::ops::RangeInclusive<u16>,
    ) -> u16 {
        let Some(written) = written else {
            self.note(path, &default, Origin::Default);
            return default;
        };
        match u16::try_from(written.value) {
            Ok(value) if bounds.contains(&value) => {
                self.note(path, &value, Origin::File { line: written.span.line });
                value
            }
            _ => {
                let allowed = format!("a number from {} to {}", bounds.start(), bounds.end());
                self.findings.error(
                    &written.path,
                    written.span,
                    format!("`{}` cannot be used here", written.value),
                    allowed,
                );
                default
            }
        }
    }

    pub fn note(&mut self, path: &str, value: &impl Display, origin: Origin) {
        self.origins.push(Settled { path: path.to_owned(), value: value.to_string(), origin });
    }

    pub fn reject(&mut self, written: &Spanned<String>, wrong: impl Into<Wrong>) {
        let Wrong { why, help } = wrong.into();
        let why = why.as_deref().unwrap_or("cannot be used here");
        self.findings.error(
            &written.path,
            written.span,
            format!("`{}` {why}", written.value),
            help,
        );
    }
}

fn joined(values: &[impl Display]) -> String {
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

/// A value that has a name in the lab file.
#[derive(Clone, Copy)]
pub(super) struct Choice<T>(pub T, &'static str);

impl<T> Display for Choice<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.1)
    }
}

impl<T> Choice<T> {
    pub(super) const fn new(value: T, name: &'static str) -> Self {
        Self(value, name)
    }
}

/// The value of that name.
pub(super) fn choose<T: Copy>(
    text: &str,
    choices: &[(&'static str, T)],
) -> Result<Choice<T>, String> {
    match choices.iter().find(|(name, _)| *name == text) {
        Some((name, value)) => Ok(Choice(*value, name)),
        None => Err(did_you_mean(text, choices.iter().map(|(name, _)| *name))),
    }
}
