//! Reads the XML of package data as a stream, with limits: it comes from a medium or a mirror, not from us.

use std::io::{self, BufRead, Read};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Bytes of one tag or text. Descriptions of packages are a few KB.
const LONGEST_EVENT: usize = 1 << 20;
/// Package data nests six deep.
const DEEPEST: usize = 64;
/// Text of an element that is kept; the rest is dropped, because no name is that long.
const LONGEST_TEXT: usize = 64 << 10;

/// A step through a document. Names are without their namespace's prefix.
pub(crate) enum Step<'a> {
    /// An element begins; the last name of the path is its own.
    Open(&'a [String], Element<'a>),
    /// An element ends, with the text that stood in it (not in its children), trimmed.
    Close(&'a [String], &'a str),
}

/// The start tag of an element.
pub(crate) struct Element<'a>(&'a BytesStart<'a>);

impl Element<'_> {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let attribute = self
            .0
            .attributes()
            .flatten()
            .find(|attribute| attribute.key.local_name().as_ref() == name)?;
        attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
    }
}

/// Calls `each` for every step of the document. The error says what is wrong with it.
pub(crate) fn read(source: impl BufRead, mut each: impl FnMut(Step<'_>)) -> Result<(), String> {
    let mut reader = Reader::from_reader(Limited { source, left: LONGEST_EVENT });
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        buffer.clear();
        reader.get_mut().left = LONGEST_EVENT;
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start)) => {
                if path.len() == DEEPEST {
                    return Err(format!("its elements nest more than {DEEPEST} deep"));
                }
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
                each(Step::Open(&path, Element(&start)));
            }
            Ok(Event::End(_)) => {
                each(Step::Close(&path, text.trim()));
                path.pop();
                text.clear();
            }
            Ok(Event::Text(part)) => add(&mut text, &part.xml10_content()),
            Ok(Event::CData(part)) => add(&mut text, &part.xml10_content()),
            Ok(Event::GeneralRef(reference)) => add(&mut text, &resolve(&reference)),
            Ok(Event::Eof) if path.is_empty() => return Ok(()),
            Ok(Event::Eof) => return Err(format!("it ends inside <{}>", path.join("><"))),
            Ok(_) => {}
            Err(error) => return Err(format!("{error} (at byte {})", reader.error_position())),
        }
    }
}

fn add(text: &mut String, part: &str) {
    if text.len() + part.len() <= LONGEST_TEXT {
        text.push_str(part);
    }
}

/// The five entities that XML knows by itself, and numbers; anything else stays as it was written.
fn resolve(reference: &BytesRef<'_>) -> String {
    match &**reference {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => reference
            .resolve_char_ref()
            .ok()
            .flatten()
            .map_or_else(|| format!("&{other};"), String::from),
    }
}

/// Fails once a single event takes more than its share, so that one endless tag cannot fill the memory.
struct Limited<R> {
    source: R,
    left: usize,
}

impl<R: BufRead> Limited<R> {
    fn check(&self) -> io::Result<()> {
        if self.left == 0 {
            Err(io::Error::other("one of its elements is endless"))
        } else {
            Ok(())
        }
    }
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let count = self.source.read(buffer)?;
        self.left = self.left.saturating_sub(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        let left = self.left;
        self.source.fill_buf().map(|bytes| &bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        self.source.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str) -> Result<Vec<(String, String)>, String> {
        let mut found = Vec::new();
        read(document.as_bytes(), |step| {
            if let Step::Close(path, text) = step {
                found.push((path.join("/"), text.to_owned()));
            }
        })?;
        Ok(found)
    }

    #[test]
    fn text_is_put_together_from_its_parts() {
        let found =
            texts("<a xmlns:r='x'><r:b> R&amp;D<![CDATA[<1>]]>&#33;&unknown; </r:b><c/></a>")
                .unwrap();
        let expected = [("a/b", "R&D<1>!&unknown;"), ("a/c", ""), ("a", "")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn attributes_are_unescaped() {
        let mut found = None;
        read(&b"<a href='x&amp;y'/>"[..], |step| {
            if let Step::Open(_, element) = step {
                found = element.attribute("href");
            }
        })
        .unwrap();
        assert_eq!(found.as_deref(), Some("x&y"));
    }

    #[test]
    fn limits_and_broken_documents() {
        assert!(texts("<a><b></a>").is_err());
        assert!(texts("<a>").unwrap_err().contains("ends inside <a>"));
        assert!(texts(&"<a>".repeat(100)).unwrap_err().contains("nest"));
        assert!(texts(&format!("<a>{}</a>", "x".repeat(3 << 20))).unwrap_err().contains("endless"));
    }
}
