//! A YAML document as a tree in which every key and value knows where it stands.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marked, Tag};

use crate::report::{Findings, Rule, Span};

/// Aliases may repeat what they name; a file that grows past this many values is refused
/// instead of being expanded.
const MOST_VALUES: usize = 100_000;

/// Deeper nesting than this is no lab file.
const DEEPEST: usize = 64;

/// How the mark of a secret begins, which the node's runner replaces by the secret in whatever file it stands.
pub(super) const MARK: &str = "@SECRET_";
pub(super) const MARK_HELP: &str = "with this the mark of a secret begins, which cannot come from a lab file: write it in another way";

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands; for a list or mapping, where it begins.
    pub span: Span,
    /// Its YAML path, such as `nodes.compute.role`.
    pub path: Arc<str>,
    /// What it is.
    pub value: Value,
    /// Whether it is tagged `!replace`: nothing of what it would be merged with stays.
    pub replace: bool,
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

impl Node {
    /// A mapping with nothing in it, standing nowhere.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            span: Span::default(),
            path: "".into(),
            value: Value::Map(Vec::new()),
            replace: false,
        }
    }

    /// The keys and values of a mapping; nothing where it is none.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// What stands under a key of a mapping.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            Value::Null | Value::Scalar(_) => 0,
        }
    }
}

/// A YAML path with one more step.
#[must_use]
pub fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

/// Reads one document of the file of that number. What cannot be read is reported, and then there is no tree.
pub fn parse(text: &str, file: usize, findings: &mut Findings) -> Option<Node> {
    // Editors of Windows put a byte order mark first, which is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        file,
        anchors: HashMap::new(),
        values: 0,
        findings,
    };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Stop { rule, span, message, help }) => {
            findings.tell(rule, "", span, message, help);
            None
        }
    }
}

/// Why reading ended early.
struct Stop {
    rule: Rule,
    span: Span,
    message: String,
    help: &'static str,
}

struct Builder<'a, 'f> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    file: usize,
    anchors: HashMap<usize, Node>,
    values: usize,
    findings: &'f mut Findings,
}

impl<'a> Builder<'a, '_> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, marked))) => Ok((event, span_of(marked, self.file))),
            Some(Err(error)) => Err(Stop {
                rule: Rule::Yaml,
                span: Span {
                    file: self.file,
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                    length: 1,
                },
                message: format!("this is not YAML: {}", error.info()),
                help: "check the indentation (blanks, no tabs), and quote values that hold `:`, `#` or brackets",
            }),
            None => Err(Stop {
                rule: Rule::Yaml,
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
                help: "one file describes one lab: remove `---` and what follows it",
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
        self.values += 1;
        self.bounded(span, depth)?;
        let (anchor, tag, value) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Stop {
                        rule: Rule::Alias,
                        span,
                        message: "this alias names nothing, or what it stands in".into(),
                        help: "define the anchor (`&name`) before it is used",
                    });
                };
                self.values += node.count();
                let (value, replace) = (node.value.clone(), node.replace);
                self.bounded(span, depth)?;
                return Ok(Node { span, path, value, replace });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tell_mark(&text, &path, span);
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
                (anchor, tag, Value::Map(self.mapping(&path, depth)?))
            }
            _ => {
                return Err(Stop {
                    rule: Rule::Yaml,
                    span,
                    message: "a value is missing here".into(),
                    help: "",
                });
            }
        };
        let replace = self.is_replace(tag.as_deref(), &value, &path, span);
        let node = Node { span, path, value, replace };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn bounded(&self, span: Span, depth: usize) -> Result<(), Stop> {
        if self.values <= MOST_VALUES && depth <= DEEPEST {
            return Ok(());
        }
        Err(Stop {
            rule: Rule::TooLarge,
            span,
            message: "this file is too large or too deeply nested".into(),
            help: "a lab file holds a few hundred values; look for an alias that repeats itself",
        })
    }

    /// Tells a mark of a secret, wherever it would have landed.
    fn tell_mark(&mut self, text: &str, path: &str, span: Span) {
        if text.contains(MARK) {
            self.findings.tell(Rule::SecretMark, path, span, "this holds `@SECRET_`", MARK_HELP);
        }
    }

    /// Whether a tag says `!replace`. YAML's own tags (`!!str`) say nothing that the schema does not.
    fn is_replace(&mut self, tag: Option<&Tag>, value: &Value, path: &str, span: Span) -> bool {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else { return false };
        if tag.suffix == "replace" && matches!(value, Value::List(_) | Value::Map(_)) {
            return true;
        }
        self.findings.tell(
            Rule::Tag,
            path,
            span,
            format!("the tag `{}{}` is not known here", tag.handle, tag.suffix),
            "before a list or a mapping, `!replace` leaves nothing of what it would inherit; there are no others",
        );
        false
    }

    fn mapping(&mut self, path: &str, depth: usize) -> Result<Vec<(Key, Node)>, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) => Key { span, name: text.into_owned() },
                (_, span) => {
                    return Err(Stop {
                        rule: Rule::KeyForm,
                        span,
                        message: "a key must be a single value".into(),
                        help: "write `key: value`",
                    });
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

fn span_of(marked: Marked, file: usize) -> Span {
    let length = if marked.start.line() == marked.end.line() {
        marked.end.col().saturating_sub(marked.start.col())
    } else {
        1
    };
    Span { file, line: marked.start.line(), column: marked.start.col() + 1, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<(usize, usize, String)> {
        let mut findings = Findings::default();
        parse(text, 1, &mut findings);
        findings
            .sorted()
            .into_iter()
            .map(|f| (f.span.map_or(0, |s| s.line), f.span.map_or(0, |s| s.column), f.message))
            .collect()
    }

    #[test]
    fn values_know_their_place_and_keep_their_text() {
        let mut findings = Findings::default();
        let root = parse("a: 1e3\nb:\n  - \"yes\"\n", 1, &mut findings).expect("valid");
        let Value::Map(entries) = root.value else { panic!("a mapping") };
        assert!(matches!(&entries[0].1.value, Value::Scalar(text) if text == "1e3"));
        assert_eq!(entries[0].1.span, Span { file: 1, line: 1, column: 4, length: 3 });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!(&*items[0].path, "b[0]");
        assert_eq!(items[0].span, Span { file: 1, line: 3, column: 5, length: 5 });
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

    #[test]
    fn marks_of_other_editors_and_tags() {
        assert!(errors("\u{feff}a: 1\r\nb: [x]\r\n").is_empty());
        let mut findings = Findings::default();
        let root = parse("a: !replace [x]\nb: !!str 5\n", 1, &mut findings).expect("valid");
        assert!(root.entries()[0].1.replace && findings.errors() == 0);
        assert_eq!(errors("a: !vault x\n"), [(1, 4, "the tag `!vault` is not known here".into())]);
    }
}
