//! Reads a YAML document into a tree, within bounds that no lab file comes near.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as Marked, Tag};

use crate::report::{Findings, Rule, Span, place_of};

use super::colon;
use super::tree::{Beside, Key, MARK, MARK_HELP, Node, Room, Size, Value, join};

/// Deeper nesting than this is no lab file.
const DEEPEST: usize = 64;

/// YAML's own limit for keys that are not marked by `?`.
const LONGEST_KEY: usize = 1024;

/// Reads one document of the file of that number. What cannot be read is reported, and then there is no tree.
pub fn parse(text: &str, file: usize, findings: &mut Findings) -> Option<Node> {
    parse_within(text, file, &mut Room::FOR_FILES.clone(), findings)
}

/// The same; what it takes is taken from `room`.
pub fn parse_within(
    text: &str,
    file: usize,
    room: &mut Room,
    findings: &mut Findings,
) -> Option<Node> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        text,
        file,
        end: place_of(text, text.len()),
        anchors: HashMap::new(),
        room,
        findings,
        skipped: 0,
    };
    let read = match too_nested(text) {
        Some((line, column)) => Err(too_large(Span { file, line, column, length: 1 })),
        // The parser takes it for the end of the text, here and there.
        None => match text.find('\0') {
            Some(at) => Err(nul(text, at, file)),
            None => builder.document(),
        },
    };
    match read {
        Ok(node) => Some(node),
        Err(Stop { rule, span, message, help }) => {
            findings.tell(rule, "", span, message, help);
            None
        }
    }
}

/// A text without the byte order mark that editors of Windows put first. It is no part of a lab file, and no column.
pub fn without_mark(text: Arc<str>) -> Arc<str> {
    text.strip_prefix('\u{feff}').map_or(text.clone(), Into::into)
}

/// Whether a text that another parser is to read stays within the bounds of a lab's files, or is no YAML at all.
#[must_use]
pub fn is_bounded(text: &str) -> bool {
    let mut findings = Findings::default();
    parse(text, 0, &mut findings);
    !findings.sorted().iter().any(|f| f.rule == Rule::TooLarge)
}

/// Where so many brackets are open that the parser would take long over what could not be used anyway: it looks at all
/// that are open whenever it reads on, and keeps what is inside them. Brackets in texts and comments count as well, which
/// no lab file has enough of. Line and column, both from 1.
fn too_nested(text: &str) -> Option<(usize, usize)> {
    const OPEN: usize = 2 * DEEPEST;
    const SIGNS: usize = 4 * 100_000;
    let (mut open, mut signs) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b',' if open > 0 => {}
            _ => continue,
        }
        signs += 1;
        if open > OPEN || signs > SIGNS {
            return Some(place_of(text, at));
        }
    }
    None
}

/// Why reading ended early.
struct Stop {
    rule: Rule,
    span: Span,
    message: String,
    help: Cow<'static, str>,
}

struct Builder<'a, 'f> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    text: &'a str,
    file: usize,
    /// Line and column of the text's end; the parser has places behind it.
    end: (usize, usize),
    anchors: HashMap<usize, (Node, Size)>,
    room: &'f mut Room,
    findings: &'f mut Findings,
    /// How many keys and values that are left out what is read stands in.
    skipped: usize,
}

impl<'a> Builder<'a, '_> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, marked))) => Ok((event, self.span(marked))),
            Some(Err(error)) => Err(self.unread(*error.marker(), error.info())),
            None => Err(Stop {
                rule: Rule::Yaml,
                span: Span::default(),
                message: "the file ends too early".into(),
                help: "".into(),
            }),
        }
    }

    /// What the parser stumbled over.
    fn unread(&self, mark: Marker, what: &str) -> Stop {
        let (rule, span) = (Rule::Yaml, self.place_of_error(mark));
        if let Some((line, column, help)) = colon::before(self.text, span.line) {
            let message = "this is not YAML: a key ends in a colon and a blank".to_owned();
            return Stop { rule, span: Span { line, column, ..span }, message, help: help.into() };
        }
        let help = "check the indentation (blanks, no tabs), and quote values that hold `:`, `#` or brackets";
        Stop { rule, span, message: format!("this is not YAML: {what}"), help: help.into() }
    }

    /// Where something stands that begins at a mark.
    fn place(&self, mark: Marker, length: usize) -> Span {
        let (line, column) = (mark.line(), mark.col() + 1);
        let (line, column) = if line > self.end.0 { self.end } else { (line, column) };
        Span { file: self.file, line, column, length }
    }

    /// The parser counts some characters twice, such as those of a directive that it does not know.
    fn place_of_error(&self, mark: Marker) -> Span {
        let mut span = self.place(mark, 1);
        let text = self.text.replace("\r\n", "\n");
        let line = text.split(['\n', '\r']).nth(span.line - 1).unwrap_or("");
        span.column = span.column.min(line.chars().count() + 1);
        span
    }

    fn span(&self, marked: Marked) -> Span {
        let length = if marked.start.line() == marked.end.line() {
            marked.end.col().saturating_sub(marked.start.col()).max(1)
        } else {
            1
        };
        self.place(marked.start, length)
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::DocumentStart(_), _) => break,
                (Event::StreamEnd, _) => {
                    return Ok(Node {
                        span: Span { file: self.file, line: 1, column: 1, length: 1 },
                        value: Value::Null,
                        ..Node::empty()
                    });
                }
                _ => {}
            }
        }
        let (event, span) = self.next()?;
        let node = self.node(event, span, "".into(), 0)?;
        self.next()?; // the document's end
        if let (Event::DocumentStart(_), span) = self.next()? {
            return Err(Stop {
                rule: Rule::Document,
                span,
                message: "a second document begins here".into(),
                help: "one file describes one lab: remove `---` and what follows it".into(),
            });
        }
        Ok(node)
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        path: Arc<str>,
        depth: usize,
    ) -> Result<Node, Stop> {
        self.bounded(span, Size { values: 1, bytes: path.len(), depth: 0 }, depth)?;
        let (anchor, tag, value) = match event {
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(Stop {
                        rule: Rule::Alias,
                        span,
                        message: "this alias names nothing, or what it stands in".into(),
                        help: "define the anchor (`&name`) before it is used".into(),
                    });
                };
                let (node, size) = (node.clone(), *size);
                self.bounded(span, size, depth)?;
                return Ok(Node { span, path, beside: Beside::Alias, ..node });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tell_mark(&text, &path, span);
                self.bounded(span, Size { bytes: text.len(), ..Size::default() }, depth)?;
                (anchor, tag, scalar(text.into_owned(), style))
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => {
                            let path = format!("{path}[{}]", items.len()).into();
                            items.push(self.node(event, span, path, depth + 1)?);
                        }
                    }
                }
                (anchor, tag, Value::List(items))
            }
            Event::MappingStart(anchor, tag) => {
                let told = self.findings.times();
                let entries = self.mapping(&path, depth)?;
                // Where nothing is left, nothing is known; the document itself stays a mapping.
                let is_lost = entries.is_empty() && self.findings.times() > told;
                let value = if is_lost && depth > 0 { Value::Null } else { Value::Map(entries) };
                (anchor, tag, value)
            }
            _ => {
                return Err(Stop {
                    rule: Rule::Yaml,
                    span,
                    message: "a value is missing here".into(),
                    help: "".into(),
                });
            }
        };
        let told = self.findings.times();
        let replace = self.is_replace(tag.as_deref(), &value, &path, span);
        let beside = match tag {
            // One that is not known was told.
            Some(_) if !replace && self.findings.times() == told => Beside::Tag,
            _ if anchor != 0 => Beside::Anchor,
            _ => Beside::Nothing,
        };
        let node = Node { span, path, value, replace, beside };
        if anchor != 0 {
            let size = node.size();
            self.bounded(span, size, depth)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    /// Makes room for what stands so deep.
    fn bounded(&mut self, span: Span, size: Size, depth: usize) -> Result<(), Stop> {
        if depth + size.depth <= DEEPEST && self.room.take(size.values, size.bytes) {
            return Ok(());
        }
        Err(too_large(span))
    }

    /// Tells a mark of a secret, wherever it would have landed.
    fn tell_mark(&mut self, text: &str, path: &str, span: Span) {
        if text.contains(MARK) {
            self.findings.tell(Rule::SecretMark, path, span, "this holds `@SECRET_`", MARK_HELP);
        }
    }

    /// Whether a tag says `!replace`. Those of YAML's core (`!!str`) say nothing that the schema does not.
    fn is_replace(&mut self, tag: Option<&Tag>, value: &Value, path: &str, span: Span) -> bool {
        const CORE: [&str; 7] = ["null", "bool", "int", "float", "str", "seq", "map"];
        let is_core = |tag: &Tag| tag.is_yaml_core_schema() && CORE.contains(&tag.suffix.as_str());
        let Some(tag) = tag.filter(|tag| !is_core(tag)) else { return false };
        let is_yaml = tag.is_yaml_core_schema();
        if tag.suffix == "replace" && !is_yaml && matches!(value, Value::List(_) | Value::Map(_)) {
            return true;
        }
        let handle = if is_yaml { "!!" } else { &tag.handle };
        self.findings.tell(
            Rule::Tag,
            path,
            span,
            format!("the tag `{handle}{}` is not known here", tag.suffix),
            "before a list or a mapping, `!replace` leaves nothing of what it would inherit; there are no others",
        );
        false
    }

    /// Tells that something is no key; inside a key, that is wrong for the same reason.
    fn tell_no_key(&mut self, key: Span, path: &str, message: String) {
        if self.skipped == 0 {
            let help = "write `key: value`, and put a value that begins with `{` or `[` in quotes";
            self.findings.tell(Rule::KeyForm, path, key, message, help);
        }
    }

    /// Reads on behind what is left out.
    fn skip(&mut self, event: Event<'a>, span: Span, path: &str, depth: usize) -> Result<(), Stop> {
        self.skipped += 1;
        self.node(event, span, path.into(), depth + 1)?;
        self.skipped -= 1;
        Ok(())
    }

    fn mapping(&mut self, path: &str, depth: usize) -> Result<Vec<(Key, Node)>, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) if text.chars().count() > LONGEST_KEY => {
                    let message = format!("a key has at most {LONGEST_KEY} characters");
                    self.tell_no_key(span, path, message);
                    let (event, span) = self.next()?;
                    self.skip(event, span, path, depth)?;
                    continue;
                }
                (Event::Scalar(text, ..), span) => Key { span, name: text.into_owned() },
                (event, span) => {
                    self.tell_no_key(span, path, "a key must be a single value".into());
                    self.skip(event, span, path, depth)?;
                    let (event, span) = self.next()?;
                    self.skip(event, span, path, depth)?;
                    continue;
                }
            };
            let (event, span) = self.next()?;
            let inside: Arc<str> = join(path, &key.name).into();
            self.tell_mark(&key.name, &inside, key.span);
            let node = self.node(event, span, inside.clone(), depth + 1)?;
            match seen.insert(key.name.clone(), key.span.line) {
                Some(first) => {
                    seen.insert(key.name.clone(), first);
                    self.findings.tell(
                        Rule::DuplicateKey,
                        &inside,
                        key.span,
                        format!("`{}` stands here for the second time", key.name),
                        format!("the first is on line {first}; keep one of the two"),
                    );
                }
                None => entries.push((key, node)),
            }
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let absent = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if absent && style == ScalarStyle::Plain { Value::Null } else { Value::Scalar(text) }
}

fn nul(text: &str, at: usize, file: usize) -> Stop {
    let (line, column) = place_of(text, at);
    Stop {
        rule: Rule::Yaml,
        span: Span { file, line, column, length: 1 },
        message: "this file holds a NUL character, which no text does".into(),
        help: "save it as UTF-8, or leave them out: `tr -d '\\000' < OLD > NEW`".into(),
    }
}

fn too_large(span: Span) -> Stop {
    Stop {
        rule: Rule::TooLarge,
        span,
        message: "this file is too large or too deeply nested".into(),
        help: "a lab file holds a few hundred values; look for an alias that repeats itself".into(),
    }
}

#[cfg(test)]
mod tests;
