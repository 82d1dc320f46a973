//! Changes single values of a secrets file's text, and leaves everything else in it to the byte.

use saphyr_parser::{Event, Parser};

/// A value of the file, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    /// The line of its name, from 1.
    pub line: usize,
    /// Bytes of the text that hold the value, and perhaps its quotes, tag and anchor, and what follows it.
    span: std::ops::Range<usize>,
}

/// The single values of the mapping that the file is, in their order, as far as it can be read.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut parser = Parser::new_from_str(text);
    let mut entries = Vec::new();
    let mut depth = 0_usize;
    let mut key: Option<(String, usize)> = None;
    // The parser counts characters.
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let offset = |index: usize| offsets.get(index).copied().unwrap_or(text.len());
    while let Some(Ok((event, marked))) = parser.next_event() {
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    key = None;
                }
            }
            Event::Scalar(..) | Event::Alias(_) if depth == 1 => match (key.take(), event) {
                (None, Event::Scalar(name, ..)) => {
                    key = Some((name.into_owned(), marked.start.line()));
                }
                (None, _) => {}
                (Some((name, line)), _) => {
                    let span = offset(marked.start.index())..offset(marked.end.index());
                    entries.push(Entry { name, line, span });
                }
            },
            _ => {}
        }
    }
    entries
}

/// The text with another value for that name, or nothing where the old one does not stand there as it is.
/// What comes back is to be read again: an anchor may have shared the value.
pub(super) fn replace(text: &str, name: &str, old: &str, new: &str) -> Option<String> {
    let entry = entries(text).into_iter().find(|entry| entry.name == name)?;
    let start = entry.span.start + text.get(entry.span.clone())?.find(old)?;
    let (before, after) = (&text[..start], &text[start + old.len()..]);
    // In quotes, or forty digits with one `e` among them would be a number.
    let quoted = before.ends_with(['"', '\'']);
    Some(if quoted { format!("{before}{new}{after}") } else { format!("{before}\"{new}\"{after}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_value_changes_however_it_is_written() {
        for (text, wanted) in [
            ("# é\nA: \"old\"  # é\nB: old\n", "# é\nA: \"new\"  # é\nB: old\n"),
            ("A: 'old'", "A: 'new'"),
            ("\u{feff}A: old # old\r\nB: x\r\n", "\u{feff}A: \"new\" # old\r\nB: x\r\n"),
            ("\"A\" :   old   \n\n# end\n", "\"A\" :   \"new\"   \n\n# end\n"),
            ("{B: {A: old}, A: old}", "{B: {A: old}, A: \"new\"}"),
            ("B: [old]\nA: !!str old\n", "B: [old]\nA: !!str \"new\"\n"),
            ("B: &b x\nC: *b\nA: old\n", "B: &b x\nC: *b\nA: \"new\"\n"),
        ] {
            assert_eq!(replace(text, "A", "old", "new").as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(replace("A: \"\\x6fld\"\n", "A", "old", "new"), None);
    }

    #[test]
    fn a_name_that_stands_twice_is_there_twice() {
        let lines: Vec<_> =
            entries("A: &x x\nB: y\nA: *x\n").into_iter().map(|e| (e.name, e.line)).collect();
        assert_eq!(lines, [("A".into(), 1), ("B".into(), 2), ("A".into(), 3)]);
    }
}
