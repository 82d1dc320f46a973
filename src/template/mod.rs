//! Templates in which no value can go unquoted.
//!
//! An expression prints a string only if it is a plain word, or went through a quoting filter of the
//! language that it lands in. Anything else is an error, so a forgotten filter shows in the first
//! test that uses a value with a space in it, and never as a broken node.

pub mod built_in;
mod error;
pub mod quote;

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior};

use crate::report::line_of;

pub use self::error::{Cause, TemplateError};
use self::error::{cause, is_from_outside, message, undefined};

/// Renders templates.
pub struct Engine<'s> {
    environment: Environment<'s>,
    /// The numbers of the person's files among the sources, by template name.
    own: BTreeMap<String, usize>,
}

impl Default for Engine<'_> {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // An error then names what is undefined; with this switched on it would hold the variables, too.
        environment.set_debug(false);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .keep_trailing_newline(true)
                .build()
                .expect("the default delimiters do not clash"),
        );
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        // A template of a person's could go on for ever. The hosts of two thousand nodes take a hundredth of this.
        environment.set_fuel(Some(10_000_000));
        environment.set_formatter(write_quoted);
        environment.add_filter("sh", |text: String| Value::from_safe_string(quote::shell(&text)));
        environment
            .add_filter("python", |text: String| Value::from_safe_string(quote::python(&text)));
        environment.add_filter("line", |text: String| Value::from_safe_string(quote::line(&text)));
        environment
            .add_function("secret", |name: String| Value::from_safe_string(secret_mark(&name)));
        Self { environment, own: BTreeMap::new() }
    }
}

/// What stands for a secret in a file until the node's runner puts the value there.
#[must_use]
pub fn secret_mark(name: &str) -> String {
    format!("@SECRET_{name}@")
}

/// The names of the secrets whose marks are in a text.
pub fn secret_marks(text: &str) -> impl Iterator<Item = &str> {
    text.split("@SECRET_").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('@')?;
        (!name.contains(char::is_whitespace)).then_some(name)
    })
}

impl<'s> Engine<'s> {
    /// Adds a template that others can include.
    ///
    /// # Errors
    /// It has a syntax error.
    pub fn add(&mut self, name: &'s str, source: &'s str) -> Result<(), TemplateError> {
        self.own.remove(name);
        let added = self.environment.add_template(name, source);
        added.map_err(|e| self.told(&e, name, Some(source)))
    }

    /// Adds a template of the person's, the source file of that number, maybe in the place of a built-in one.
    ///
    /// # Errors
    /// It has a syntax error.
    pub fn add_own(
        &mut self,
        name: &'s str,
        source: &'s str,
        file: usize,
    ) -> Result<(), TemplateError> {
        self.own.insert(name.to_owned(), file);
        let added = self.environment.add_template(name, source);
        added.map_err(|e| self.told(&e, name, Some(source)))
    }

    /// Adds a filter. What it returns is printed only if it is a plain word or marked as safe.
    pub fn filter<F, Rv, Args>(&mut self, name: &'static str, filter: F)
    where
        F: minijinja::functions::Function<Rv, Args>,
        Rv: minijinja::value::FunctionResult,
        Args: for<'a> minijinja::value::FunctionArgs<'a>,
    {
        self.environment.add_filter(name, filter);
    }

    /// Renders a template that was added. A text that is marked as safe is printed as it is.
    ///
    /// # Errors
    /// A value is undefined or unquoted.
    pub fn render_value(&self, name: &str, context: Value) -> Result<String, TemplateError> {
        let template = self.environment.get_template(name);
        let template = template.map_err(|e| self.told(&e, name, None))?;
        template.render(context).map_err(|e| self.told(&e, name, None))
    }

    /// Whether a template that was added uses no names but these. (Of what others it includes nothing is known.)
    #[must_use]
    pub fn uses_only(&self, name: &str, names: &[&str]) -> bool {
        let Ok(template) = self.environment.get_template(name) else { return false };
        only(&template, names)
    }

    /// The same of a text that is a template of its own.
    #[must_use]
    pub fn text_uses_only(&self, source: &str, names: &[&str]) -> bool {
        let Ok(template) = self.environment.template_from_str(source) else { return false };
        only(&template, names)
    }

    /// Renders a text that is a template of its own; where it is none, nobody asks for the values.
    ///
    /// # Errors
    /// It has a syntax error, or a value is undefined or unquoted.
    pub fn render_text(
        &self,
        name: &str,
        source: &str,
        context: impl FnOnce() -> Value,
    ) -> Result<String, TemplateError> {
        if !source.contains('{') {
            return Ok(source.to_owned()); // nothing in it can be a template
        }
        let rendered = self.environment.render_named_str(name, source, context());
        rendered.map_err(|e| self.told(&e, name, Some(source)))
    }

    /// What is wrong with what was rendered from a template: at the first line that holds a text, or at the first of all.
    #[must_use]
    pub fn wrong(&self, name: &str, text: &str, message: String) -> TemplateError {
        let template = self.environment.get_template(name).ok();
        let source = template.as_ref().map_or("", minijinja::Template::source);
        let found = source.lines().position(|line| line.contains(text));
        let line = found.unwrap_or(0);
        TemplateError {
            template: name.to_owned(),
            line: line + 1,
            message,
            excerpt: source.lines().nth(line).unwrap_or("").trim_end().to_owned(),
            file: self.own.get(name).copied(),
            cause: if found.is_some() { Cause::Template } else { Cause::Value },
        }
    }

    fn told(&self, error: &Error, name: &str, source: Option<&str>) -> TemplateError {
        // What an included template could not do is the cause of what the including one could not.
        let mut error = error;
        while let Some(cause) = std::error::Error::source(error).and_then(|e| e.downcast_ref()) {
            error = cause;
        }
        let template = error.name().unwrap_or(name).to_owned();
        let number = error.line().unwrap_or(0);
        let added = self.environment.get_template(&template).ok();
        let text =
            source.filter(|_| template == name).or(added.as_ref().map(minijinja::Template::source));
        let (line, excerpt) = text.map_or((number, ""), |text| line_of(text, number));
        let undefined = undefined(error, text.unwrap_or_default());
        let parsed = text.and_then(|text| self.environment.template_from_str(text).ok());
        let outside = undefined.as_deref().is_some_and(|u| is_from_outside(u, parsed.as_ref()));
        TemplateError {
            line,
            message: message(error, undefined.as_deref()),
            excerpt: excerpt.trim_end().to_owned(),
            file: self.own.get(&template).copied(),
            template,
            cause: cause(error, undefined, outside),
        }
    }
}

fn only(template: &Template, names: &[&str]) -> bool {
    let includes = ["include", "import", "extends"];
    let uses = template.undeclared_variables(false);
    let known = |used: &String| names.contains(&used.as_str()) || used == "secret";
    uses.iter().all(known) && includes.iter().all(|word| !template.source().contains(word))
}

fn write_quoted(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let fits = match value.kind() {
        ValueKind::Number | ValueKind::Bool => true,
        ValueKind::String => value.is_safe() || value.as_str().is_some_and(quote::is_plain_word),
        _ => false,
    };
    if !fits {
        let message =
            "a value that is no plain word is printed without a quoting filter (sh, python, line)";
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    write!(out, "{value}").map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Span;

    fn render(source: &str, value: &str) -> Result<String, TemplateError> {
        Engine::default().render_text("test", source, || minijinja::context! { value })
    }

    #[test]
    fn plain_words_print_and_others_need_a_filter() {
        assert_eq!(render("a {{ value }}\n", "10.0.0.11").expect("plain"), "a 10.0.0.11\n");
        assert_eq!(render("a {{ value|sh }}\n", "x; rm").expect("quoted"), "a 'x; rm'\n");
        let error = render("\n{{ value }}", "x; rm -rf hunter2").expect_err("unquoted");
        assert_eq!(error.line, 2);
        assert_eq!(error.excerpt, "{{ value }}");
        assert!(!error.to_string().contains("hunter2"), "a value may be secret: {error}");
    }

    #[test]
    fn nothing_is_silently_empty() {
        assert!(render("{{ valve }}", "x").is_err());
        assert!(render("{{ none }}", "x").is_err());
    }

    #[test]
    fn secrets_are_marks() {
        assert_eq!(
            render("{{ secret('RABBIT_PASS') }}", "x").expect("a mark"),
            "@SECRET_RABBIT_PASS@"
        );
    }

    #[test]
    fn a_line_is_counted_as_findings_count_it() {
        let mut engine = Engine::default();
        let error = engine.add_own("own", "a\rb\n\n  {{ x y }} \rc\n", 3).expect_err("two names");
        assert_eq!((error.line, error.excerpt.as_str()), (4, "  {{ x y }}"));
        assert_eq!(error.span(), Some(Span { file: 3, line: 4, column: 3, length: 9 }));
        let error = engine.add_own("own", "{% if x %}\n\n", 3).expect_err("no end");
        assert_eq!(error.span().map(|s| (s.line, s.column, s.length)), Some((2, 1, 1)));
    }
}
