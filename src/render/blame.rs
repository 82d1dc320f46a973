//! What is wrong with a rendered kickstart, in words of its lines, and which of the lab's own templates it comes from.

use std::fmt::Write as _;

use crate::model::Templates;
use crate::plan::NodePlan;
use crate::report::{Rule, Span, place_of};
use crate::secrets::{Missing, Secrets};
use crate::template::built_in;

/// Something that is wrong with a kickstart.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// What: a text in which `LINE` stands for the line.
    pub what: String,
    /// The line that is at fault, where there is one.
    pub line: Option<String>,
    /// What stands in the built-in template that makes this, where something is missing.
    pub sign: Option<String>,
    /// How much it matters.
    rule: Rule,
}

/// What stands for the line in [`Fault::what`].
pub(super) const LINE: &str = "LINE";

impl Fault {
    pub fn of_line(line: &str, what: impl Into<String>) -> Self {
        Self { what: what.into(), line: Some(line.to_owned()), sign: None, rule: Rule::Rendered }
    }

    pub fn missing(sign: &str, what: impl Into<String>) -> Self {
        let (what, sign) = (what.into(), Some(sign.to_owned()));
        Self { what, line: None, sign, rule: Rule::Rendered }
    }

    /// The same as what the installer takes, though it is not good.
    pub fn weak(self) -> Self {
        Self { rule: Rule::WeakKickstart, ..self }
    }

    /// Whether it stops nothing.
    pub fn is_weak(&self) -> bool {
        self.rule == Rule::WeakKickstart
    }
}

/// A fault for people, and where it comes from, if that is a template of the lab's own.
#[derive(Clone, Debug)]
pub struct Blamed {
    /// What is wrong. It holds no secret.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// The rule.
    pub rule: Rule,
}

/// Characters of a line that are told.
const MOST: usize = 80;

/// These faults of a node's kickstart for people.
///
/// # Errors
/// A secret is missing.
pub(super) fn blame(
    node: &NodePlan,
    faults: Vec<Fault>,
    secrets: &Secrets,
) -> Result<Vec<Blamed>, Missing> {
    if faults.is_empty() {
        return Ok(Vec::new());
    }
    let needles = needles(node, secrets)?;
    let blame = |fault: Fault| {
        let shown = fault.line.as_deref().map_or(String::new(), |line| shown(line, &needles));
        let mut message = fault.what.replace(LINE, &shown);
        let (span, others) = place(&node.templates, &fault);
        if others.len() > 1 {
            // Writing to a String cannot fail.
            let _ = write!(message, " (one of {} makes it)", others.join(", "));
        }
        Blamed { message, span, rule: fault.rule }
    };
    Ok(faults.into_iter().map(blame).collect())
}

/// What no message may hold.
fn needles(node: &NodePlan, secrets: &Secrets) -> Result<Vec<String>, Missing> {
    let mut needles = Vec::new();
    for name in node.all_secrets() {
        needles.extend(secrets.traces(&name)?.into_iter().map(str::to_owned));
    }
    for name in node.login_secrets() {
        needles.push(secrets.password_hash(name)?);
    }
    Ok(needles)
}

fn shown(line: &str, needles: &[String]) -> String {
    let line = line.trim();
    if needles.iter().any(|needle| line.contains(needle.as_str())) {
        return "a line that holds a secret".to_owned();
    }
    let short: String = line.chars().take(MOST).collect();
    if short.len() < line.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

/// Where a fault comes from; and the templates that may be the cause, where that is not known.
fn place(templates: &Templates, fault: &Fault) -> (Option<Span>, Vec<String>) {
    let own = || templates.iter().filter(|(path, _)| path.starts_with("kickstart/"));
    let mut best: Option<(usize, Span)> = None;
    for (_, file) in own() {
        let mut start = 0;
        for text in file.text.split_inclusive(['\n', '\r']) {
            let score = fault.line.as_deref().map_or(0, |line| likeness(text.trim(), line.trim()));
            if score > best.map_or(0, |(score, _)| score) {
                let at = start + text.len() - text.trim_start().len();
                let (line, column) = place_of(&file.text, at);
                let length = text.trim().chars().count();
                best = Some((score, Span { file: file.file, line, column, length }));
            }
            start += text.len();
        }
    }
    if let Some((_, span)) = best {
        return (Some(span), Vec::new());
    }
    let top = |file| Some(Span { file, line: 1, column: 1, length: 1 });
    let makes = |path: &str, sign: &str| {
        let name = path.strip_prefix("kickstart/").unwrap_or(path);
        built_in::kickstart().any(|(known, text)| known == name && text.contains(sign))
    };
    let sign = fault.sign.as_deref();
    if let Some((_, file)) = own().find(|(path, _)| sign.is_some_and(|sign| makes(path, sign))) {
        return (top(file.file), Vec::new());
    }
    let first = own().next().and_then(|(_, file)| top(file.file));
    (first, own().map(|(path, _)| format!("`{path}`")).collect())
}

/// How much of a rendered line a template's line accounts for: all of it, or what stands before its first expression.
fn likeness(template: &str, line: &str) -> usize {
    if template.is_empty() || line.is_empty() {
        return 0;
    }
    if template == line {
        return usize::MAX;
    }
    let literal = template.split("{{").next().unwrap_or_default().split("{%").next();
    let literal = literal.unwrap_or_default().trim_end();
    let is_enough = literal.len() >= 3 && literal.len() < template.len();
    if is_enough && line.starts_with(literal) { literal.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{likeness, shown};

    #[test]
    fn a_line_is_told_in_part_and_never_with_a_secret() {
        assert_eq!(shown("  part / --size=1 ", &[]), "`part / --size=1`");
        assert_eq!(shown(&"x".repeat(100), &[]), format!("`{}…`", "x".repeat(80)));
        assert_eq!(shown("a hunter2 b", &["hunter2".into()]), "a line that holds a secret");
    }

    #[test]
    fn a_template_s_line_is_known_again() {
        assert!(
            likeness("part / --size={{ x }}", "part / --size=100")
                > likeness("part {{ y }}", "part / --size=100")
        );
        assert_eq!(likeness("%end", "%end"), usize::MAX);
        assert_eq!(likeness("part", "part / --size=1"), 0);
        assert_eq!(likeness("{{ x }}", "part / --size=1"), 0);
    }
}
