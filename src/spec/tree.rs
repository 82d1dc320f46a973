//! A YAML document as a tree in which every key and value knows where it stands.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marked};

use crate::report::{Findings, Span};

/// Aliases may repeat what they name; a file that grows past this many values is refused
/// instead of being expanded.
const MOST_VALUES: usize = 100_000;

/// Deeper nesting than this is no lab file.
const DEEPEST: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands; for a list or mapping, where it begins.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a value can be. Scalars keep the text that was written: what it means is the reader's to
/// decide, so `name: 1e3` stays `1e3`.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as it was written, without its quotes.
    Scalar(String),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{a: b}`, in the order of the file; a key that stands twice was reported and is kept once.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands.
    pub span: Span,
    /// What was written.
    pub name: String,
}

impl Value {
    /// What it is, in a person's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads one document. What cannot be read is reported, and then there is no tree.
pub fn parse(text: &str, findings: &mut Findings) -> Option<Node> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
        findings,
    };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Stop { span, message, help }) => {
            findings.error("", span, message, help);
            None
        }
    }
}

/// Why reading ended early.
struct Stop {
    span: Span,
    message: String,
    help: &'static str,
}

struct Builder<'a, 'f> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    values: usize,
    findings: &'f mut Findings,
}

impl<'a> Builder<'a, '_> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, marked))) => Ok((event, span_of(marked))),
            Some(Err(error)) => Err(Stop {
                span: Span {
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                    length: 1,
                },
                message: format!("this is not YAML: {}", error.info()),
                help: "check the indentation, and quote values that hold `:`, `#` or brackets",
            }),
            None => Err(Stop {
                span: Span::default(),
                message: "the file ends too early".into(),
                help: "",
            }),
        }
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::DocumentStart(_), _) => break,
                (Event::StreamEnd, _) => {
                    return Ok(Node {
                        span: Span { line: 1, column: 1, length: 1 },
                        value: Value::Null,
                    });
                }
                _ => {}
            }
        }
        let (event, span) = self.next()?;
        let node = self.node(event, span, 0)?;
        self.next()?; // the document's end
        if let (Event::DocumentStart(_), span) = self.next()? {
            return Err(Stop {
                span,
                message: "a second document begins here".into(),
                help: "one file describes one lab: remove `---` and what follows it",
            });
        }
        Ok(node)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.values += 1;
        if self.values > MOST_VALUES || depth > DEEPEST {
            return Err(Stop {
                span,
                message: "this file is too large or too deeply nested".into(),
                help: "a lab file holds a few hundred values; look for an alias that repeats itself",
            });
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Stop {
                        span,
                        message: "this alias names nothing".into(),
                        help: "define the anchor (`&name`) before it is used",
                    });
                };
                self.values += node.count();
                return Ok(Node { span, value: node.value });
            }
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(text.into_owned(), style)),
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (anchor, Value::List(items))
            }
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.entries(depth)?)),
            _ => return Err(Stop { span, message: "a value is missing here".into(), help: "" }),
        };
        let node = Node { span, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) => Key { span, name: text.into_owned() },
                (_, span) => {
                    return Err(Stop {
                        span,
                        message: "a key must be a single value".into(),
                        help: "write `key: value`",
                    });
                }
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            match entries.iter().find(|(first, _)| first.name == key.name) {
                Some((first, _)) => self.findings.error(
                    &key.name,
                    key.span,
                    format!("`{}` stands here for the second time", key.name),
                    format!("the first is on line {}; keep one of the two", first.span.line),
                ),
                None => entries.push((key, node)),
            }
        }
    }
}

impl Node {
    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            Value::Null | Value::Scalar(_) => 0,
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let absent = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if absent && style == ScalarStyle::Plain { Value::Null } else { Value::Scalar(text) }
}

fn span_of(marked: Marked) -> Span {
    let length = if marked.start.line() == marked.end.line() {
        marked.end.col() - marked.start.col()
    } else {
        1
    };
    Span { line: marked.start.line(), column: marked.start.col() + 1, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<(usize, usize, String)> {
        let mut findings = Findings::default();
        parse(text, &mut findings);
        findings
            .sorted()
            .into_iter()
            .map(|f| (f.span.map_or(0, |s| s.line), f.span.map_or(0, |s| s.column), f.message))
            .collect()
    }

    #[test]
    fn values_know_their_place_and_keep_their_text() {
        let mut findings = Findings::default();
        let root = parse("a: 1e3\nb:\n  - \"yes\"\n", &mut findings).expect("valid");
        let Value::Map(entries) = root.value else { panic!("a mapping") };
        assert!(matches!(&entries[0].1.value, Value::Scalar(text) if text == "1e3"));
        assert_eq!(entries[0].1.span, Span { line: 1, column: 4, length: 3 });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!(items[0].span, Span { line: 3, column: 5, length: 5 });
    }

    #[test]
    fn a_second_key_is_told_at_its_true_place() {
        assert_eq!(
            errors("a: 1\nb: 2\na: 3\n"),
            [(3, 1, "`a` stands here for the second time".into())]
        );
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let found = errors("a: [1, 2\nb: 3\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].2.starts_with("this is not YAML"), "{found:?}");
    }

    #[test]
    fn aliases_cannot_blow_up() {
        let row = |i: usize| {
            let row = format!("*a{},", i - 1).repeat(10);
            format!("a{i}: &a{i} [{}]\n", row.trim_end_matches(','))
        };
        let rows: String = (1..9).map(row).collect();
        let text = format!("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{rows}");
        let found = errors(&text);
        assert!(found[0].2.contains("too large"), "{found:?}");
    }
}
