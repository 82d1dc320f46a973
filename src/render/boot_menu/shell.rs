//! GRUB's shell language, as far as a menu needs it: words, quotes, comments, blocks
//! (GRUB Manual, "Writing full configuration files directly").

use std::ops::Range;

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, quotes and all.
    Word(Word),
    /// The end of a command: a line's end or `;`.
    End,
    /// `{`
    Open(usize),
    /// `}`
    Close(usize),
    /// `&`, `|`, `<`, `>`: what follows is another command, or belongs to one in a way that no menu needs.
    Operator,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it stands, with its quotes.
    pub range: Range<usize>,
    /// What it means: without quotes, but with variables and `\xNN` as they are written.
    pub value: String,
    /// Whether its quotes are closed; otherwise it is the last word of the text.
    pub closed: bool,
}

/// Splits a script. Never fails: a quote that is not closed ends with the text.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    let bytes = script.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' | b';' => {
                found.push(Token::End);
                at += 1;
            }
            b'{' => {
                found.push(Token::Open(at));
                at += 1;
            }
            b'}' => {
                found.push(Token::Close(at));
                at += 1;
            }
            b'&' | b'|' | b'<' | b'>' => {
                found.push(Token::Operator);
                at += 1;
            }
            b'#' => at += script[at..].find('\n').unwrap_or(script.len() - at),
            _ => {
                let word = word(script, at);
                at = word.range.end;
                found.push(Token::Word(word));
            }
        }
    }
    found
}

/// The word that begins at a position.
fn word(script: &str, start: usize) -> Word {
    let mut value = String::new();
    let mut characters = script[start..].char_indices().peekable();
    let mut end = script.len();
    let mut closed = true;
    while let Some((offset, character)) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' | ';' | '{' | '}' | '&' | '|' | '<' | '>' => {
                end = start + offset;
                break;
            }
            '\'' => closed = up_to('\'', &mut characters, &mut value),
            '"' => closed = double_quoted(&mut characters, &mut value),
            // A text to be translated: `$"..."`.
            '$' if characters.peek().is_some_and(|(_, c)| *c == '"') => {}
            // A variable's braces are no block.
            '$' if characters.peek().is_some_and(|(_, c)| *c == '{') => {
                value.push('$');
                closed = up_to('}', &mut characters, &mut value);
                value.push('}');
            }
            '\\' if is_hex_escape(&script[start + offset..]) => value.push('\\'),
            '\\' => match characters.next() {
                // A line that goes on.
                Some((_, '\n')) | None => {}
                Some((_, c)) => value.push(c),
            },
            other => value.push(other),
        }
    }
    Word { range: start..end, value, closed }
}

/// Takes what stands before a character; tells whether that comes.
fn up_to(
    last: char,
    characters: &mut impl Iterator<Item = (usize, char)>,
    value: &mut String,
) -> bool {
    for (_, character) in characters {
        if character == last {
            return true;
        }
        value.push(character);
    }
    false
}

/// Takes what stands before the closing quote; tells whether that comes.
fn double_quoted(characters: &mut impl Iterator<Item = (usize, char)>, value: &mut String) -> bool {
    while let Some((_, character)) = characters.next() {
        match character {
            '"' => return true,
            '\\' => match characters.next() {
                Some((_, c @ ('$' | '\\' | '"'))) => value.push(c),
                Some((_, '\n')) | None => {}
                Some((_, c)) => value.extend(['\\', c]),
            },
            other => value.push(other),
        }
    }
    false
}

/// Whether the text begins with `\x` and two hexadecimal digits. Red Hat's GRUB hands these four
/// characters on as they are, which is how a label with blanks reaches the kernel.
pub(super) fn is_hex_escape(text: &str) -> bool {
    matches!(text.as_bytes(), [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Whether the text has a backslash that does not begin `\xNN`.
pub(super) fn has_bare_backslash(text: &str) -> bool {
    text.match_indices('\\').any(|(at, _)| !is_hex_escape(&text[at..]))
}

/// One word of GRUB's language that means the given text. `\xNN` stays without quotes, as published media
/// have it: quoted, some GRUBs would double its backslash.
pub(super) fn quote_word(text: &str) -> String {
    if text.is_empty() {
        return "''".into();
    }
    let mut quoted = String::new();
    let mut inside = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let escape = is_hex_escape(rest);
        let width = if escape { 4 } else { character.len_utf8() };
        let plain =
            escape || character.is_ascii_alphanumeric() || "_./:=,@+%^~-".contains(character);
        // A single quote cannot stand between single quotes.
        let outside = plain || character == '\'';
        if inside == outside {
            quoted.push('\'');
            inside = !inside;
        }
        if character == '\'' {
            quoted.push('\\');
        }
        quoted.push_str(&rest[..width]);
        rest = &rest[width..];
    }
    if inside {
        quoted.push('\'');
    }
    quoted
}

/// A title between single quotes.
pub(super) fn quote_title(title: &str) -> String {
    format!("'{}'", title.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(script: &str) -> Vec<String> {
        tokens(script)
            .into_iter()
            .map(|token| match token {
                Token::Word(word) => word.value,
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn words_as_grub_splits_them() {
        for (script, expected) in [
            ("a b\tc", &["a", "b", "c"][..]),
            ("a # b\nc", &["a", "End", "c"]),
            ("a#b", &["a#b"]),
            ("'a b'\"c d\"e\\ f", &["a bc de f"]),
            ("\"a\\\"b\\$c\\d\"", &["a\"b$c\\d"]),
            (r"hd:LABEL=A\x20B\y", &[r"hd:LABEL=A\x20By"]),
            ("${a}b $c", &["${a}b", "$c"]),
            ("a\\\nb c;d", &["ab", "c", "End", "d"]),
            ("a{b}", &["a", "Open(1)", "b", "Close(3)"]),
            ("'open", &["open"]),
            ("a&&b", &["a", "Operator", "Operator", "b"]),
        ] {
            assert_eq!(values(script), expected, "{script}");
        }
    }

    #[test]
    fn quoting_as_published_media_have_it() {
        for (text, expected) in [
            (
                r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg",
                r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg",
            ),
            ("ds=nocloud;s=http://10.0.0.1/", "ds=nocloud';'s=http://10.0.0.1/"),
            ("a$b#{c}", "a'$'b'#{'c'}'"),
            ("it's", r"it\'s"),
            (r"a\;b", r"a'\;'b"),
            ("", "''"),
        ] {
            assert_eq!(quote_word(text), expected);
        }
        assert_eq!(quote_title("it's $5; #1"), r"'it'\''s $5; #1'");
    }

    proptest! {
        #[test]
        fn a_quoted_word_is_one_word_again(text in "[^\u{0}]*", hex in "(\\\\x[0-9a-f]{2}|[;'\"{}$ #a\\\\])*") {
            for text in [&text, &hex] {
                prop_assert_eq!(values(&quote_word(text)), [text.clone()]);
                let title = quote_title(text);
                let found = values(&format!("menuentry {title} {{"));
                prop_assert_eq!(found, ["menuentry".to_owned(), text.clone(), format!("Open({})", 11 + title.len())]);
            }
        }

        #[test]
        fn any_script_is_split(script: String) {
            for token in tokens(&script) {
                if let Token::Word(word) = token {
                    prop_assert!(script.get(word.range).is_some_and(|text| !text.is_empty()));
                }
            }
        }
    }
}
