//! What user-data begins with: `cloud-init/user-data.yaml`, or the lab's own in its place. It is handed on as it was written:
//! cloud-init reads YAML 1.1, in which `no` is no text, and only its author knows what was meant.

use serde_json::{Map, Value};

use super::RenderError;
use crate::model::Templates;
use crate::report::{line_of, place_of};
use crate::spec::is_bounded;
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

/// The text, which ends its last line; `also` are keys that the lab says under `cloud_init`.
pub(super) fn text<'t, 'k>(
    templates: &'t Templates,
    mut also: impl Iterator<Item = &'k str>,
) -> Result<&'t str, RenderError> {
    let Some(own) = templates.get(built_in::USER_DATA) else { return Ok(BUILT_IN) };
    let wrong =
        |line: usize, message: String| Err(RenderError::UserData { file: own.file, line, message });
    if !is_bounded(&own.text) {
        return wrong(1, "this file is too large or too deeply nested".into());
    }
    let data: Map<String, Value> = match serde_yaml::from_str(&own.text) {
        Ok(data) => data,
        Err(error) => {
            let line = error.location().map_or(1, |at| place_of(&own.text, at.index()).0);
            return wrong(line, format!("this is no YAML mapping: {error}"));
        }
    };
    let number = |line: usize| line_of(&own.text, line + 1).0;
    let place = |found: &dyn Fn(&str) -> bool| own.text.lines().position(found).map_or(1, number);
    if let Some(key) = OURS.iter().find(|key| data.contains_key(**key)) {
        let line = place(&|line| line.trim_start_matches(['"', '\'']).starts_with(key));
        return wrong(
            line,
            format!("`{key}` is trainyard's to say: the lab file has a key for it"),
        );
    }
    if let Some(key) = also.find(|key| data.contains_key(*key)) {
        let line = place(&|line| line.trim_start_matches(['"', '\'']).starts_with(key));
        return wrong(
            line,
            format!("`{key}` is said under `cloud_init` as well: say it in one of the two"),
        );
    }
    // Other lines follow, so this must be a mapping that can go on.
    let is_open = |line: &str| {
        line.starts_with(['{', '%']) || line.starts_with("---") || line.starts_with("...")
    };
    if own.text.lines().any(is_open) || !own.text.ends_with('\n') {
        let line = place(&is_open);
        return wrong(
            line,
            "write one key a line, without braces or `---`, and end the last line".into(),
        );
    }
    if let Some(line) = own.text.lines().position(|line| !line.is_ascii()) {
        let message = "cloud-init of CentOS 7 may stumble over characters that are not ASCII";
        return wrong(number(line), message.into());
    }
    Ok(own.text.strip_prefix("#cloud-config\n").unwrap_or(&own.text))
}
