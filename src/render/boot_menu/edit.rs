//! Edits a text by lines so that the original can be had back from the result.
//!
//! A changed line stays as a comment before the new one, a line that is left out stays as a comment, and
//! what is added stands between two comments. Each comment begins with the marker.

use std::collections::BTreeMap;

/// A line with the characters that end it: `\n`, `\r\n`, or at the end of the text nothing. As many
/// `\r` as stand there are of its end, so that what is kept in a comment never ends with one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub text: &'a str,
    pub end: &'a str,
}

pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    text.split_inclusive('\n').map(line).collect()
}

fn line(whole: &str) -> Line<'_> {
    let text = whole.strip_suffix('\n').unwrap_or(whole);
    let text = text.trim_end_matches('\r');
    Line { text, end: &whole[text.len()..] }
}

/// The text with some of its lines replaced.
pub(super) fn with_lines(lines: &[Line<'_>], new: &BTreeMap<usize, String>) -> String {
    let text = |(index, line): (usize, &Line<'_>)| {
        let text = new.get(&index).map_or(line.text, String::as_str);
        [text, line.end].concat()
    };
    lines.iter().enumerate().map(text).collect()
}

/// The changes to a text, by line.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// `None` leaves the line out.
    changes: BTreeMap<usize, Option<String>>,
    /// What stands before a line; at the number of lines, after all.
    insertions: BTreeMap<usize, Vec<String>>,
}

impl Edits {
    /// The changes that make other lines of as many.
    pub fn between(old: &[Line<'_>], new: &[Line<'_>]) -> Self {
        let mut edits = Self::default();
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            if old.text != new.text {
                edits.replace(index, new.text.to_owned());
            }
        }
        edits
    }

    /// Puts another line in the place of one.
    pub fn replace(&mut self, line: usize, text: String) {
        self.changes.insert(line, Some(text));
    }

    /// Leaves a line out.
    pub fn remove(&mut self, line: usize) {
        self.changes.insert(line, None);
    }

    /// Adds lines before one, after those that were added there before.
    pub fn insert(&mut self, before: usize, added: impl IntoIterator<Item = String>) {
        self.insertions.entry(before).or_default().extend(added);
    }

    /// The edited text.
    pub fn apply(&self, lines: &[Line<'_>], marker: &str) -> String {
        let default_end =
            lines.iter().map(|line| line.end).find(|end| end.ends_with('\n')).unwrap_or("\n");
        let mut edited = String::new();
        let mut add = |parts: &[&str]| parts.iter().for_each(|part| edited.push_str(part));
        for index in 0..=lines.len() {
            let added = self.insertions.get(&index).filter(|added| !added.is_empty());
            if let Some(added) = added {
                add(&["# ", marker, ": begin", default_end]);
                for text in added {
                    add(&[text, default_end]);
                }
                add(&["# ", marker, ": end", default_end]);
            }
            let Some(line) = lines.get(index) else { continue };
            match self.changes.get(&index) {
                None => add(&[line.text, line.end]),
                Some(None) => add(&["# ", marker, ": left out: ", line.text, line.end]),
                Some(Some(text)) => {
                    let end = if line.end.ends_with('\n') { line.end } else { default_end };
                    add(&["# ", marker, ": was: ", line.text, end, text, line.end]);
                }
            }
        }
        edited
    }
}

/// Whether the text has comments of this marker.
pub(super) fn is_edited(lines: &[Line<'_>], marker: &str) -> bool {
    lines.iter().any(|line| comment(line.text, marker).is_some())
}

/// What a comment of the marker says.
fn comment<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    text.trim_start().strip_prefix("# ")?.strip_prefix(marker)?.strip_prefix(": ")
}

/// Undoes what was added with this marker, byte for byte. `None` when the comments do not fit together;
/// a text without any is returned as it is.
#[must_use]
pub fn restore(text: &str, marker: &str) -> Option<String> {
    let lines = lines(text);
    let mut original = String::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        match comment(line.text, marker) {
            None => {
                original.push_str(line.text);
                original.push_str(line.end);
            }
            Some("begin") => {
                lines.find(|line| comment(line.text, marker) == Some("end"))?;
            }
            Some(said) => {
                if let Some(before) = said.strip_prefix("left out: ") {
                    original.push_str(before);
                    original.push_str(line.end);
                } else {
                    original.push_str(said.strip_prefix("was: ")?);
                    // The comment may have got a line's end that the last line of the original lacked.
                    original.push_str(lines.next()?.end);
                }
            }
        }
    }
    Some(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_visible_and_reversible() {
        let text = "one\r\ntwo\nthree\nfour";
        let mut edits = Edits::default();
        edits.replace(0, "1".into());
        edits.remove(1);
        edits.insert(2, ["new".into()]);
        edits.replace(3, "4".into());
        let edited = edits.apply(&lines(text), "m");
        let expected = "# m: was: one\r\n1\r\n# m: left out: two\n# m: begin\r\nnew\r\n# m: end\r\nthree\n\
                        # m: was: four\r\n4";
        assert_eq!(edited, expected);
        assert_eq!(restore(&edited, "m").as_deref(), Some(text));
        for text in ["one\r\ntwo\nthree\nfour\r", "one\ntwo\r\r\nthree\r\nfour\r\r\r"] {
            assert_eq!(restore(&edits.apply(&lines(text), "m"), "m").as_deref(), Some(text));
        }
        assert!(is_edited(&lines(&edited), "m") && !is_edited(&lines(&edited), "n"));
    }

    #[test]
    fn additions_in_several_places() {
        let text = "one\ntwo\n";
        let mut edits = Edits::default();
        edits.insert(2, ["last".into()]);
        edits.insert(0, ["a".into()]);
        edits.insert(0, ["b".into(), "c".into()]);
        edits.insert(1, []);
        let edited = edits.apply(&lines(text), "m");
        let expected = "# m: begin\na\nb\nc\n# m: end\none\ntwo\n# m: begin\nlast\n# m: end\n";
        assert_eq!(edited, expected);
        assert_eq!(restore(&edited, "m").as_deref(), Some(text));
    }

    #[test]
    fn comments_that_do_not_fit_together() {
        assert_eq!(restore("# m: begin\nx\n", "m"), None);
        assert_eq!(restore("# m: was: x\n", "m"), None);
        assert_eq!(restore("# m: what\n", "m"), None);
        assert_eq!(restore("# other: begin\n", "m").as_deref(), Some("# other: begin\n"));
    }
}
