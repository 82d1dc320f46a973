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
        let Entry { head, key, value } = Entry::of(line);
        out.push_str(head);
        for part in [key, value] {
            let (word, colon) = part.strip_suffix(": ").map_or((part, ""), |word| (word, ": "));
            let (word, colon) = word.strip_suffix(':').map_or((word, colon), |word| (word, ":"));
            if is_ambiguous(word) {
                out.extend(["'", word, "'", colon]);
            } else {
                out.push_str(part);
            }
        }
        out.push('\n');
        if begins_block(value) {
            // A key's text stands deeper than the key, an item's deeper than its dash.
            let outer = if key.is_empty() { head.len().saturating_sub(2) } else { head.len() };
            block(outer, &mut lines, &mut out);
        }
    }
    Ok(out)
}

/// The parts of a line.
struct Entry<'l> {
    /// Blanks, and the dashes of items.
    head: &'l str,
    /// A key with its colon, and the blank behind it.
    key: &'l str,
    value: &'l str,
}

impl<'l> Entry<'l> {
    fn of(line: &'l str) -> Self {
        let mut at = line.len() - line.trim_start_matches(' ').len();
        while line[at..].starts_with("- ") {
            at += 2;
        }
        let (head, rest) = line.split_at(at);
        // A text that holds this is in quotes, which begin it.
        let is_quoted = rest.starts_with(['\'', '"']);
        let end = match rest.find(": ") {
            _ if is_quoted => 0,
            Some(colon) => colon + 2,
            None if rest.ends_with(':') => rest.len(),
            None => 0,
        };
        let (key, value) = rest.split_at(end);
        Self { head, key, value }
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
    let is_word = ["y", "n", "yes", "no", "on", "off", "=", "<<"].contains(&word.as_str());
    is_word || is_sexagesimal(value) || is_date(value) || is_grouped(value)
}

/// `1_000`, a number with signs between its digits.
fn is_grouped(value: &str) -> bool {
    let digits = value.trim_start_matches(['-', '+']);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && value.contains('_')
        && digits.bytes().all(|b| b.is_ascii_hexdigit() || b"_.+-xX".contains(&b))
}

fn number(part: &str) -> Option<u64> {
    part.parse().ok().filter(|_| !part.starts_with('+'))
}

/// `12:30`, in YAML 1.1 a number to the base 60; with a fraction it may begin with a zero.
fn is_sexagesimal(value: &str) -> bool {
    let bare = value.trim_start_matches(['-', '+']);
    let (whole, fraction) = bare.split_once('.').map_or((bare, None), |(w, f)| (w, Some(f)));
    let mut parts = whole.split(':');
    let first = parts.next().and_then(number);
    whole.contains(':')
        && first.is_some()
        && (fraction.is_some() || !whole.starts_with('0'))
        && fraction.unwrap_or_default().bytes().all(|b| b.is_ascii_digit())
        && parts.all(|part| part.len() <= 2 && number(part).is_some_and(|n| n < 60))
}

/// `2026-11-25`; months and days may have one digit, and a time may follow.
fn is_date(value: &str) -> bool {
    let day = value.split(['t', 'T', ' ', '\t']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
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
            "1_000",
            "-0x1_f",
            "0o17",
            "017",
            "0b1",
            "+1",
            ".inf",
            "=",
            "<<",
            "2001-12-14 21:59:43.10 -5",
            "2001-12-14t21:59:43.10-05:00",
            "-1:30",
            "1:30.5",
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
        let keys: serde_json::Map<_, _> = words
            .iter()
            .filter(|w| !w.contains('\n'))
            .map(|word| ((*word).to_owned(), json!([{ *word: [[word]] }])))
            .collect();
        let data = json!({ "all": words.iter().map(item).collect::<Vec<_>>(), "keys": keys });
        let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.argv[1]), sys.stdout)";
        let text = to_string(&data).expect("YAML");
        let mut python = Command::new("/usr/bin/python3");
        let read = python.args(["-c", script, &text]).output().expect("PyYAML is there");
        let read: Value =
            serde_json::from_slice(&read.stdout).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(read, data, "{text}");
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
