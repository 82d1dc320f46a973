//! What user-data begins with: `cloud-init/user-data.yaml`, or the lab's own in its place. It is handed on as it was written:
//! cloud-init reads YAML 1.1, in which `no` is no text, and only its author knows what was meant.

use serde_json::{Map, Value};

use super::{RenderError, Told};
use crate::model::{Templates, cloud_init_faults, cloud_init_refuses};
use crate::report::{Finding, Rule, Span, line_of, place_of};
use crate::spec::{Data, TextFile, is_bounded, plain_data};
use crate::template::built_in;

const BUILT_IN: &str = include_str!("../../cloud-init/user-data.yaml");

/// What trainyard says itself. YAML would take the second of two that are alike.
const OURS: [&str; 9] = [
    "fqdn",
    "hostname",
    "locale",
    "runcmd",
    "ssh_keys",
    "ssh_pwauth",
    "timezone",
    "users",
    "write_files",
];

/// What is said here by the built-in one, and by nothing else: `cloud_init` refuses it, and this is its place.
const BASE: [&str; 4] = ["disable_root", "manage_etc_hosts", "ssh_deletekeys", "ssh_genkeytypes"];

/// The text, which ends its last line; `also` are keys that the lab says under `cloud_init`.
pub(super) fn text<'t, 'k>(
    templates: &'t Templates,
    also: impl Iterator<Item = &'k str>,
) -> Result<&'t str, RenderError> {
    let Some(own) = templates.get(built_in::USER_DATA) else { return Ok(BUILT_IN) };
    let also: Vec<&str> = also.collect();
    match wrong(own, &also).into_iter().next() {
        Some(told) => Err(RenderError::UserData(told)),
        None => Ok(own.text.strip_prefix("#cloud-config\n").unwrap_or(&own.text)),
    }
}

/// Everything that is wrong with the lab's own.
pub(super) fn check(templates: &Templates) -> Vec<RenderError> {
    let Some(own) = templates.get(built_in::USER_DATA) else { return Vec::new() };
    wrong(own, &[]).into_iter().map(RenderError::UserData).collect()
}

/// What is wrong with such a text.
fn wrong(own: &TextFile, also: &[&str]) -> Vec<Told> {
    let text = &*own.text;
    let told = |span: Span, message: String| Told {
        rule: Rule::Template,
        path: "templates".into(),
        span: Span { file: own.file, ..span },
        message,
        help: None,
    };
    let at_line = |line: usize| Span { line, column: 1, length: 1, ..Span::default() };
    if !is_bounded(text) {
        return vec![told(at_line(1), "this file is too large or too deeply nested".into())];
    }
    // The reader of lab files knows the place of each key, and tells what only some parsers take: a tag of Python's, over which
    // cloud-init would drop all of the user-data.
    let (data, findings) = plain_data(text);
    let plain = |f: Finding| told(f.span.unwrap_or_else(|| at_line(1)), f.message);
    let mut wrong: Vec<Told> = findings.into_iter().map(plain).collect();
    // Another's reading counts as well, but for tags, which it stumbles over.
    if wrong.is_empty()
        && let Err(error) = serde_yaml::from_str::<Map<String, Value>>(text)
    {
        let line = error.location().map_or(1, |at| place_of(text, at.index()).0);
        return vec![told(at_line(line), format!("this is no YAML mapping: {error}"))];
    }
    let mut kept = Vec::new();
    for entry in data.iter().flat_map(Data::entries) {
        match refused(&entry.0.value, also) {
            Some(message) => wrong.push(told(entry.0.span, message)),
            None => kept.push(entry),
        }
    }
    wrong.extend(cloud_init_faults(kept.into_iter()).into_iter().map(|found| {
        let span = found.span.unwrap_or_else(|| at_line(1));
        Told { rule: found.rule, path: found.path, help: found.help, ..told(span, found.message) }
    }));
    // Other lines follow, so this must be a mapping that can go on.
    let number = |line: usize| line_of(text, line + 1).0;
    let is_open = |line: &str| {
        line.starts_with(['{', '%']) || line.starts_with("---") || line.starts_with("...")
    };
    let open = text.lines().position(is_open);
    if open.is_some() || !text.ends_with('\n') {
        let message = "write one key a line, without braces or `---`, and end the last line";
        wrong.push(told(at_line(open.map_or(1, number)), message.into()));
    }
    if let Some(line) = text.lines().position(|line| !line.is_ascii()) {
        let message = "cloud-init of CentOS 7 may stumble over characters that are not ASCII";
        wrong.push(told(at_line(number(line)), message.into()));
    }
    wrong
}

/// Why a key cannot stand there.
fn refused(key: &str, also: &[&str]) -> Option<String> {
    if OURS.contains(&key) {
        return Some(format!("`{key}` is trainyard's to say: the lab file has a key for it"));
    }
    if also.contains(&key) {
        return Some(format!(
            "`{key}` is said under `cloud_init` as well: say it in one of the two"
        ));
    }
    let (why, help) = cloud_init_refuses(key).filter(|_| !BASE.contains(&key))?;
    Some(format!("`{key}` {why}: {help}"))
}
