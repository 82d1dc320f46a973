//! What a template could not do, and whether it ever could.

use minijinja::{Error, ErrorKind};

use crate::report::Span;

/// What a template could not do. Carries the template's name, line and text, never a value: values may be secret.
#[derive(Debug, thiserror::Error)]
#[error("template `{template}`, line {line}: {message}{}", shown_excerpt(*line, excerpt))]
pub struct TemplateError {
    /// The template's name.
    pub template: String,
    /// The line in it; 0 where unknown.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// That line, as it stands in the template.
    pub excerpt: String,
    /// The source file, where the template is one of the person's.
    pub file: Option<usize>,
    /// What it comes from.
    pub cause: Cause,
}

/// What a template's failure comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The template itself, whatever the values are.
    Template,
    /// This is undefined.
    Undefined(String),
    /// A value, or something else.
    Value,
}

impl TemplateError {
    /// Whether it fails with any values: by its form, or because a name is none of those that are known. Of a known name,
    /// what its parts are called may be known, too.
    #[must_use]
    pub fn is_certain(&self, known: &[(&str, &[&str])]) -> bool {
        let expression = match &self.cause {
            Cause::Template => return true,
            Cause::Undefined(expression) => expression,
            Cause::Value => return false,
        };
        let is_name = |text: &&str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let mut steps = expression.split('.');
        let Some(root) = steps.next().filter(is_name) else { return false };
        match known.iter().find(|(name, _)| *name == root) {
            None => true,
            Some((_, [])) => false,
            Some((_, parts)) => steps.next().filter(is_name).is_some_and(|p| !parts.contains(&p)),
        }
    }

    /// Where the mistake is, in a template of the person's.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let blanks = self.excerpt.chars().take_while(|c| c.is_whitespace()).count();
        let length = self.excerpt.trim().chars().count().max(1);
        Some(Span { file: self.file?, line: self.line, column: blanks + 1, length })
    }
}

fn shown_excerpt(line: usize, excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!("\n{line} | {excerpt}") }
}

/// The expression that is undefined, as the template has it.
pub(super) fn undefined(error: &Error, text: &str) -> Option<String> {
    if error.kind() != ErrorKind::UndefinedError {
        return None;
    }
    let range = error.range()?;
    let mut expression = text.get(range.clone())?.trim();
    // Of a filter, only its name is marked.
    let before = text.get(..range.start)?.trim_end();
    if let Some(before) = before.strip_suffix('|') {
        expression = before.rsplit(['{', '%', '(', ',', '|']).next()?.trim();
    }
    let expression = expression.trim_start_matches("{{").trim_end_matches("}}").trim();
    let is_short = !expression.is_empty() && expression.len() <= 100 && !expression.contains('\n');
    is_short.then(|| expression.to_owned())
}

/// Whether an expression begins with a name that the template takes from outside.
pub(super) fn is_from_outside(expression: &str, template: Option<&minijinja::Template>) -> bool {
    let root = expression.split(['.', '[']).next().unwrap_or_default();
    template.is_some_and(|template| template.undeclared_variables(false).contains(root))
}

/// What is wrong, without a value: neither `{error:#}` nor the debug form, which print the variables.
pub(super) fn message(error: &Error, undefined: Option<&str>) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "this goes on for too long: is there a loop that has no end?".to_owned();
    }
    match (error.detail(), undefined) {
        (Some(detail), _) => detail.to_owned(),
        (None, Some(expression)) => format!("`{expression}` is undefined"),
        (None, None) => error.kind().to_string(),
    }
}

/// What it comes from; `outside` says whether what is undefined begins with a name that the template takes from outside.
pub(super) fn cause(error: &Error, undefined: Option<String>, outside: bool) -> Cause {
    match (undefined, error.kind()) {
        (Some(expression), _) if outside => Cause::Undefined(expression),
        (
            _,
            ErrorKind::SyntaxError
            | ErrorKind::TemplateNotFound
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownTest,
        ) => Cause::Template,
        _ => Cause::Value,
    }
}
