//! A colon without a blank behind it: to YAML, `timezone:Asia/Seoul` is a text, and what it stumbles over comes later.

use super::SettingsSpec;
use super::shape::Shape;

/// How many lines further down YAML stumbles.
const NEAR: usize = 3;

/// A key and its value, where a text is both without a blank between them.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (key, value) = text.split_once(':')?;
    let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && is_known(key);
    let is_said = !value.is_empty() && !value.starts_with([' ', '\t', '/']);
    (is_key && is_said).then_some((key, value))
}

/// Whether a key stands anywhere in the schema.
fn is_known(key: &str) -> bool {
    fn has(shape: &Shape, key: &str) -> bool {
        match shape {
            Shape::Record(record) => {
                record.fields.iter().any(|f| f.name == key || has(&f.shape, key))
            }
            Shape::Entries(inner) | Shape::TextOr(inner) | Shape::FlagOr(inner) => has(inner, key),
            Shape::List { item, .. } => has(item, key),
            _ => false,
        }
    }
    SettingsSpec::KEYS.contains(&key) || has(&super::lab_shape(), key)
}

/// The way out for a text that was meant to be a key and its value.
pub(super) fn way_out(text: &str) -> Option<String> {
    let (key, value) = split(text)?;
    Some(format!("a blank is missing after the colon: `{key}: {value}`"))
}

/// The same for a text in which YAML stumbled over a line, counted from 1: the line where the blank is missing, the
/// column of the key, and the way out.
pub(super) fn before(text: &str, line: usize) -> Option<(usize, usize, String)> {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    (line.saturating_sub(NEAR).max(1)..=line).rev().find_map(|number| {
        let whole = *lines.get(number - 1)?;
        let item = whole.trim_start().trim_start_matches("- ");
        // A line with a key of its own before it is none of these.
        let text = item.split(" #").next().unwrap_or(item);
        let help = way_out(text).filter(|_| !text.contains(": "))?;
        Some((number, whole.chars().count() - item.chars().count() + 1, help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_to_be_a_key_and_its_value() {
        assert_eq!(split("timezone:Asia/Seoul"), Some(("timezone", "Asia/Seoul")));
        assert_eq!(split(" cidr:10.0.0.0/24 "), Some(("cidr", "10.0.0.0/24")));
        for other in [
            "timezone: Asia/Seoul",
            "http://x",
            "url://x",
            "cpus:",
            "fd00:10",
            "no key:x",
            "seven:7",
        ] {
            assert_eq!(split(other), None, "{other}");
        }
        let text = "name: x\n- memory:4GiB # more\r\ncpus: 2\n";
        let told = before(text, 3).expect("found");
        assert_eq!((told.0, told.1), (2, 3));
        assert!(told.2.ends_with("`memory: 4GiB`"), "{}", told.2);
        assert_eq!(before(text, 9), None);
    }
}
