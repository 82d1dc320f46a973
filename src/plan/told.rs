//! Where what is wrong with the lab's own stages and templates goes.

use std::collections::HashSet;

use anyhow::{Error, Result};

use crate::report::{Findings, Rule, Span};
use crate::stack::{self, Stage};
use crate::template::TemplateError;

/// What the templates of stages know, and the parts of what is a mapping with fixed keys.
const KNOWN: [(&str, &[&str]); 14] = [
    ("lab", &["name", "timezone", "networking", "tls", "locked"]),
    ("node", &["name", "role", "address", "interfaces"]),
    ("nodes", &[]),
    ("controller", &["name", "address"]),
    ("by_tls", &[]),
    ("networks", &[]),
    ("hosts", &[]),
    ("time", &["servers"]),
    ("mirrors", &[]),
    ("package_cache", &[]),
    ("proxy", &[]),
    ("repositories", &[]),
    ("parameters", &[]),
    ("interface", &[]),
];

/// Tells what is wrong. A mistake in what trainyard comes with is a failure.
pub(super) struct Teller<'f> {
    pub findings: &'f mut Findings,
    /// Whether the lab is whole. Where it is not, a template may fail for nothing but what stands in for its values.
    pub is_whole: bool,
    /// Options of stages whose names were told to be wrong: they are so for every node.
    pub options: HashSet<Span>,
}

impl Teller<'_> {
    /// What came of a template.
    pub fn of_template<T>(&mut self, result: Result<T, TemplateError>) -> Result<Option<T>> {
        let error = match result {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error,
        };
        if !self.is_whole && !error.is_certain(&KNOWN) {
            return Ok(None);
        }
        let span = match error.span() {
            Some(span) => span,
            None if self.is_whole => return Err(error.into()),
            None => return Ok(None),
        };
        let help = "docs/templates.md says what templates know and which filters they have";
        self.findings.tell(Rule::Template, "templates", span, error.message, help);
        Ok(None)
    }

    /// What came of a text of a `stage.yaml`, which stands there.
    pub fn of_text<T>(
        &mut self,
        stage: &Stage,
        at: Span,
        result: Result<T, TemplateError>,
    ) -> Result<Option<T>> {
        match result {
            Err(error) if error.span().is_none() && stage.file.is_some() => {
                if self.is_whole || error.is_certain(&KNOWN) {
                    stack::tell_unusable(at, error.message, self.findings);
                }
                Ok(None)
            }
            result => self.of_template(result),
        }
    }

    /// What came of something that stands there in a `stage.yaml`, and is certain where it does not depend on the lab's values.
    pub fn of_stage<T>(
        &mut self,
        stage: &Stage,
        at: Span,
        is_certain: bool,
        result: Result<T, String>,
    ) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if !self.is_whole && !is_certain => Ok(None),
            Err(wrong) if stage.file.is_none() => Err(Error::msg(wrong)),
            Err(wrong) => {
                stack::tell_unusable(at, wrong, self.findings);
                Ok(None)
            }
        }
    }
}
