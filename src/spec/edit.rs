//! Changes one value of a lab file's text, and leaves everything else in it to the byte.

use super::yaml;
use crate::report::{Findings, Sources};

/// The text with this as its only package mirror; nothing where the file is not written one key a line. What comes back is to
/// be read again: only that tells what it means.
#[must_use]
pub fn with_mirror(text: &str, mirror: &str) -> Option<String> {
    let root = yaml::parse(text, Sources::BUILT_IN, &mut Findings::default())?;
    let keys = root.entries();
    if keys.iter().any(|(key, _)| key.span.column != 1) {
        return None;
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // A file of another system's keeps its line ends.
    let end = if lines.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let line = format!("mirror: {mirror}{end}");
    let Some(at) = keys.iter().position(|(key, _)| key.name == "mirror") else {
        let break_before = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        return Some(format!("{text}{break_before}{line}"));
    };
    let from = keys[at].0.span.line - 1;
    let next = keys.get(at + 1).map_or(lines.len(), |(key, _)| key.span.line - 1);
    // What stands between, at the margin, belongs to the next key.
    let own = lines.get(from..next)?;
    let beside = own.iter().rev().take_while(|l| l.trim().is_empty() || l.starts_with('#')).count();
    let before: String = lines[..from].concat();
    Some(before + &line + &lines[next - beside..].concat())
}

#[cfg(test)]
mod tests {
    use super::with_mirror;

    #[test]
    fn only_the_mirror_changes() {
        for (text, wanted) in [
            ("name: a\n", "name: a\nmirror: http://m\n"),
            ("name: a", "name: a\nmirror: http://m\n"),
            ("mirror: http://old # slow\nname: a\n", "mirror: http://m\nname: a\n"),
            (
                "# a\nmirror:\n  # near\n  - http://a\n  - http://b\n\n# the name\nname: a\n",
                "# a\nmirror: http://m\n\n# the name\nname: a\n",
            ),
            ("name: a\r\nmirror: b\r\n", "name: a\r\nmirror: http://m\r\n"),
            ("mirror: b\r\n\r\n# c\r\nname: a", "mirror: http://m\r\n\r\n# c\r\nname: a"),
            ("name: a\r\nb: c", "name: a\r\nb: c\r\nmirror: http://m\r\n"),
            ("name: a\nmirror: [http://a,\n  http://b]\n", "name: a\nmirror: http://m\n"),
        ] {
            assert_eq!(with_mirror(text, "http://m").as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(with_mirror("{name: a}\n", "http://m"), None);
        assert_eq!(with_mirror("name: [\n", "http://m"), None);
    }
}
