//! Whatever `model` and `spec` can say to a person stands in a case of `tests/rules/`, or in another test: a check that nobody
//! has seen fail is none. The texts are those of the source, string by string, with what is filled in left open.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::ROOT;

/// What is no finding: what `plan --explain` shows, what the schema says of keys, words that others are made of, and what
/// stands for an event that the YAML parser does not have there.
const NO_FINDINGS: [&str; 11] = [
    "every one there is",
    "carries others",
    "bond of {} ({mode} {})",
    "the link",
    "neither `content` and",
    "Other lab files, over which this one is said.",
    "What machines are for: the built-in roles may be changed, others added.",
    "The machines; `name[1-8]` stands for eight of them.",
    "A lab file.",
    "the file ends too early",
    "a value is missing here",
];

/// Files that make pages of the schema, and tell nothing.
const PAGES: [&str; 2] = ["json_schema.rs", "reference.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// The string literals of a Rust source, as they are without their quotes and escapes.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let raw = rest[..at].ends_with('r') || rest[..at].ends_with("r#");
        let hash = if rest[..at].ends_with('#') { "#" } else { "" };
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(inside) = rest.strip_prefix('"') {
            if raw {
                let end = inside.find(&format!("\"{hash}")).expect("an end");
                found.push(inside[..end].to_owned());
                rest = &inside[end + 1..];
                continue;
            }
            let mut literal = String::new();
            let mut signs = inside.char_indices();
            rest = "";
            while let Some((i, c)) = signs.next() {
                match c {
                    '"' => {
                        rest = &inside[i + 1..];
                        break;
                    }
                    '\\' => match signs.next().map(|(_, c)| c) {
                        Some('\n') => {
                            let blank =
                                signs.clone().take_while(|(_, c)| c.is_whitespace()).count();
                            signs.by_ref().take(blank).for_each(drop);
                        }
                        Some('n') => literal.push('\n'),
                        Some('t') => literal.push('\t'),
                        Some('r') => literal.push('\r'),
                        Some(other) => literal.push(other),
                        None => {}
                    },
                    c => literal.push(c),
                }
            }
            found.push(literal);
        } else if let Some(inside) = rest.strip_prefix('\'') {
            // A character; or a lifetime, which ends in no quote.
            let escaped = if inside.starts_with('\\') { 2 } else { 0 };
            let length = inside.char_indices().skip(1).find(|(i, c)| *i >= escaped && *c == '\'');
            let is_character =
                length.is_some_and(|(i, _)| escaped > 0 || inside[..i].chars().count() == 1);
            rest = match length {
                Some((i, _)) if is_character => &inside[i + 1..],
                _ => inside,
            };
        } else {
            rest = &rest[1..];
        }
    }
    found
}

/// The source without its tests and without what `record!` and `choice!` define: examples and documentation.
fn told_part(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().expect("one");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        inside |= line.starts_with("record! {") || line.starts_with("choice! {");
        if !inside {
            lines.push(line);
        }
        inside &= line != "}";
    }
    lines.join("\n")
}

/// Whether a text may be what a literal becomes when it is filled in.
fn is_made_of(text: &str, literal: &str) -> bool {
    let literal = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut rest = text;
    let parts = literal.split('{').enumerate();
    for (i, part) in parts {
        let fixed = if i == 0 { part } else { part.split_once('}').map_or("", |(_, fixed)| fixed) };
        let fixed = fixed.replace('\u{1}', "{").replace('\u{2}', "}");
        let Some(at) = rest.find(&fixed) else { return false };
        rest = &rest[at + fixed.len()..];
    }
    true
}

/// A sentence, or a part of one.
fn is_sentence(literal: &str) -> bool {
    let words: Vec<&str> = literal.split(' ').collect();
    words.windows(2).any(|two| {
        two[0].ends_with(|c: char| c.is_ascii_lowercase())
            && two[1].starts_with(|c: char| c.is_ascii_lowercase() || c == '`')
    })
}

#[test]
fn whatever_is_told_has_been_seen() {
    let mut seen = Vec::new();
    let mut tests = Vec::new();
    sources(&Path::new(ROOT).join("tests"), &mut tests);
    for path in tests.iter().filter(|path| !path.ends_with("told.rs")) {
        seen.extend(literals(&fs::read_to_string(path).expect("text")));
    }
    for entry in fs::read_dir(Path::new(ROOT).join("tests/rules")).expect("a folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let cases: Vec<serde_yaml::Value> = serde_yaml::from_str(&text).expect("cases");
        let words = |case: &serde_yaml::Value, key: &str| case[key].as_str().map(str::to_owned);
        seen.extend(cases.iter().flat_map(|c| [words(c, "message"), words(c, "help")]).flatten());
    }
    let (mut unseen, mut all) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    for room in ["model", "spec"] {
        sources(&Path::new(ROOT).join("src").join(room), &mut files);
    }
    for path in &files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "tests.rs" || PAGES.contains(&&*name) {
            continue;
        }
        let text = fs::read_to_string(path).expect("text");
        let own_tests = text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests);
        let own = literals(own_tests);
        for literal in literals(&told_part(&text)).into_iter().filter(|l| is_sentence(l)) {
            if text.contains(&format!("expect(\"{literal}\")")) {
                continue;
            }
            let is_seen = seen.iter().chain(&own).any(|text| is_made_of(text, &literal));
            if !is_seen && !NO_FINDINGS.contains(&&*literal) {
                unseen.push(format!("{name}: {literal}"));
            }
            all.push(literal);
        }
    }
    assert!(all.len() > 400, "{} texts were found", all.len());
    let gone: Vec<_> = NO_FINDINGS.iter().filter(|l| !all.iter().any(|a| a == **l)).collect();
    assert!(gone.is_empty(), "told nowhere any more: {gone:?}");
    assert!(unseen.is_empty(), "no case in tests/rules shows these:\n{}", unseen.join("\n"));
}

#[test]
fn texts_are_read_from_sources() {
    let source = "fn f<'a>(x: &'a str) -> char { // \"no\"\n let _ = '\"'; g(\"a \\\n   b\", r#\"c\"d\"#, '\\'', \"e\") }";
    assert_eq!(literals(source), ["a b", "c\"d", "e"]);
    assert!(is_made_of("`x` has 3 of {y}", "`{}` has {n} of {{y}}"));
    assert!(!is_made_of("`x` has 3", "`{}` has {n} of {{y}}"));
}
