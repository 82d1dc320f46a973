//! The files that findings stand in, and their lines.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::Span;

/// A source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name as the person knows it.
    pub name: Arc<str>,
    /// Where it lies.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// The files that a lab is read from. The first holds what is built in.
#[derive(Clone, Debug)]
pub struct Sources {
    files: Vec<(Source, Lines)>,
    bytes: usize,
    /// The files that include each other, in the order in which each is said over those before it.
    said_over: Vec<usize>,
}

/// Where the lines of a text begin; found when the first is asked for.
type Lines = OnceLock<Vec<usize>>;

impl Sources {
    /// The file that holds what is built in.
    pub const BUILT_IN: usize = 0;

    /// Only what is built in.
    #[must_use]
    pub fn new(built_in: &str) -> Self {
        let (name, path) = ("built-in".into(), PathBuf::new());
        let mut sources = Self { files: Vec::new(), bytes: 0, said_over: Vec::new() };
        sources.add(Source { name, path, text: built_in.into() });
        sources
    }

    /// Adds a file; the number is what a span calls it.
    pub fn add(&mut self, source: Source) -> usize {
        self.bytes += source.text.len();
        self.files.push((source, Lines::new()));
        self.files.len() - 1
    }

    /// The file that a span is in.
    #[must_use]
    pub fn get(&self, span: Span) -> &Source {
        self.file(span.file)
    }

    /// The file of that number.
    #[must_use]
    pub fn file(&self, file: usize) -> &Source {
        &self.files[file].0
    }

    /// Notes that a file is said over all that were noted before it.
    pub fn says_over(&mut self, file: usize) {
        self.said_over.push(file);
    }

    /// How many files a file is said over.
    #[must_use]
    pub fn nearness(&self, file: usize) -> usize {
        self.said_over.iter().position(|other| *other == file).unwrap_or(0)
    }

    /// Where something stands, for those who look at another place: its line, and its file where that is another.
    #[must_use]
    pub fn seen_from(&self, here: Span, span: Span) -> String {
        match (span.file, span.line) {
            (Self::BUILT_IN, _) => "built in".to_owned(),
            (file, line) if file == here.file => format!("on line {line}"),
            (_, line) => format!("on line {line} of `{}`", self.get(span).name),
        }
    }

    /// How many files there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The length of all files together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A line of a file without its break; empty where there is no such line. Lines count from 1 and end as YAML's do: in
    /// a line feed, a carriage return, or one after the other.
    #[must_use]
    pub fn line(&self, file: usize, line: usize) -> &str {
        let (source, lines) = &self.files[file];
        let text = &*source.text;
        let lines = lines.get_or_init(|| starts(text));
        let Some(start) = line.checked_sub(1).and_then(|n| lines.get(n)) else { return "" };
        let end = lines.get(line).copied().unwrap_or(text.len());
        text[*start..end].trim_end_matches(['\r', '\n'])
    }

    /// How many lines a file has; what follows its last break counts as one even where it is empty.
    #[must_use]
    pub fn lines(&self, file: usize) -> usize {
        let (source, lines) = &self.files[file];
        lines.get_or_init(|| starts(&source.text)).len()
    }
}

/// Line and column of a byte of a text, both from 1; of the end, where the text has no such byte. Lines are those of
/// [`Sources::line`], which other libraries count otherwise.
#[must_use]
pub fn place_of(text: &str, byte: usize) -> (usize, usize) {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let breaks = |of: &str| before.matches(of).count();
    (breaks("\n") + breaks("\r") - breaks("\r\n") + 1, before[line..].chars().count() + 1)
}

/// A line by the number of a program for which only a line feed ends one: its number among the lines of findings, and its
/// text as far as those go.
#[must_use]
pub fn line_of(text: &str, number: usize) -> (usize, &str) {
    let Some(before) = number.checked_sub(1) else { return (0, "") };
    let start = text.split_inclusive('\n').take(before).map(str::len).sum();
    let line = text[start..].split(['\n', '\r']).next().unwrap_or("");
    (place_of(text, start).0, line)
}

/// Where each line begins.
fn starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends_line = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    std::iter::once(0).chain((0..bytes.len()).filter(ends_line).map(|at| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_those_of_yaml_do() {
        let mut sources = Sources::new("");
        let text = "a\nb\r\nc\rd\n\ne".into();
        let file = sources.add(Source { name: "l".into(), path: "l".into(), text });
        let lines: Vec<_> = (0..=8).map(|n| sources.line(file, n)).collect();
        assert_eq!(lines, ["", "a", "b", "c", "d", "", "e", "", ""]);
        assert_eq!((sources.lines(file), sources.bytes()), (6, 11));
        assert_eq!(sources.lines(Sources::BUILT_IN), 1, "an empty file has one empty line");
    }

    #[test]
    fn a_place_is_where_its_byte_is() {
        let text = "a\r\n이b\rc\u{2028}d";
        for (byte, place) in [(0, (1, 1)), (3, (2, 1)), (4, (2, 1)), (6, (2, 2)), (8, (3, 1))] {
            assert_eq!(place_of(text, byte), place, "{byte}");
        }
        assert_eq!(place_of(text, text.len()), (3, 4), "a line separator ends no line");
        assert_eq!(place_of(text, 99), (3, 4));
    }
}
