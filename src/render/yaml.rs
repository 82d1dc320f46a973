//! YAML as cloud-init reads it. Its parser knows YAML 1.1, in which more plain words are something else than a text than in
//! YAML 1.2, which is written here: `no` (a keyboard, a node), a date, a number to the base 60 (a MAC address).

use std::iter::Peekable;
use std::str::Lines;

use serde::Serialize;

/// Writes data as YAML that both versions read alike.
///
/// # Errors
/// Data that YAML cannot hold.
pub(super) fn to_string(data: &impl Serialize) -> Result<String, serde_yaml::Error> {
    let text = serde_yaml::to_string(data)?;
    let mut out = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        match Entry::of(line) {
            Some(Entry { before, value, .. }) if is_ambiguous(value) => {
                out.extend([before, "'", value, "'\n"]);
            }
            Some(Entry { value, indent, .. }) if begins_block(value) => {
                out.extend([line, "\n"]);
                block(indent, &mut lines, &mut out);
            }
            _ => out.extend([line, "\n"]),
        }
    }
    Ok(out)
}

/// A line that holds a value by itself.
struct Entry<'l> {
    before: &'l str,
    value: &'l str,
    /// Columns before the key, or before the dash of an item: what continues the value stands deeper.
    indent: usize,
}

impl<'l> Entry<'l> {
    fn of(line: &'l str) -> Option<Self> {
        let at = line.rfind(' ')? + 1;
        let (before, value) = line.split_at(at);
        let spaces = |text: &str| text.len() - text.trim_start_matches(' ').len();
        let dashes = before.len() - before.trim_start_matches([' ', '-']).len();
        if before.ends_with(": ") {
            return Some(Self { before, value, indent: dashes });
        }
        let is_item = dashes == before.len() && before.ends_with("- ");
        is_item.then_some(Self { before, value, indent: spaces(before) })
    }
}

/// Whether a value is the head of a text in block form, such as `|` or `|2-`.
fn begins_block(value: &str) -> bool {
    value
        .strip_prefix('|')
        .is_some_and(|rest| rest.trim_matches(|c| "+-0123456789".contains(c)).is_empty())
}

/// The lines of a text in block form stay as they are: those that are indented deeper, and blank ones.
fn block(outer: usize, lines: &mut Peekable<Lines>, out: &mut String) {
    let deeper =
        |line: &&str| line.is_empty() || line.len() - line.trim_start_matches(' ').len() > outer;
    while let Some(line) = lines.next_if(deeper) {
        out.extend([line, "\n"]);
    }
}

/// Whether a plain value is a text in YAML 1.2 and something else in 1.1.
fn is_ambiguous(value: &str) -> bool {
    let word = value.to_ascii_lowercase();
    let is_flag = ["y", "n", "yes", "no", "on", "off"].contains(&word.as_str());
    is_flag || is_sexagesimal(value) || is_date(value)
}

fn number(part: &str) -> Option<u64> {
    part.parse().ok().filter(|_| !part.starts_with('+'))
}

fn is_sexagesimal(value: &str) -> bool {
    let mut parts = value.split(':');
    let first = parts.next().and_then(number);
    value.contains(':')
        && first.is_some()
        && !value.starts_with('0')
        && parts.all(|part| part.len() <= 2 && number(part).is_some_and(|n| n < 60))
}

/// `2026-11-25`; months and days may have one digit.
fn is_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    matches!(parts[..], [year, month, day] if year.len() == 4
        && [year, month, day].iter().all(|p| number(p).is_some())
        && month.len() <= 2 && day.len() <= 2)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_parser_of_yaml_1_1_reads_texts_as_texts() {
        let words = [
            "no",
            "Yes",
            "on",
            "2026-11-25",
            "52:54:00:12:34:56",
            "2001:1:2:3:4:5:6:7",
            "08:00:27:12:34:56",
            "0x10",
            "1e3",
            "1.5",
            "null",
            "~",
            "true",
            "10.0.0.1",
            "a: no",
            "no\nmore: no\n\n- on\n",
            "  - no\n",
            "- no",
            "|",
            "x |",
            "x |\nno\n",
            "",
            " ",
        ];
        let item = |word: &&str| json!({ "value": word, "list": [word], "after": "no" });
        let data = json!({ "all": words.iter().map(item).collect::<Vec<_>>(), "no": "no" });
        let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.argv[1]), sys.stdout)";
        let text = to_string(&data).expect("YAML");
        let mut python = Command::new("/usr/bin/python3");
        let read = python.args(["-c", script, &text]).output().expect("PyYAML is there");
        let mut read: Value =
            serde_json::from_slice(&read.stdout).unwrap_or_else(|e| panic!("{e}\n{text}"));
        // A key is ours, never a person's.
        read.as_object_mut().and_then(|map| map.remove("false"));
        assert_eq!(read["all"], data["all"], "{text}");
    }

    #[test]
    fn what_is_plain_in_both_stays_plain() {
        let data =
            json!({ "version": 1, "mac": "08:00:27:12:34:6a", "stp": false, "name": "enp0s3" });
        assert_eq!(
            to_string(&data).expect("YAML"),
            "version: 1\nmac: 08:00:27:12:34:6a\nstp: false\nname: enp0s3\n"
        );
    }
}
