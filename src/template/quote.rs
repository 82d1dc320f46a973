//! One quoting function for each language that a value can land in.

use std::fmt::Write as _;

/// Whether a text needs no quoting in any of the languages that trainyard writes: letters, digits
/// and `._:/@+,=-`. Nothing in it can end a word, begin a comment or be expanded.
#[must_use]
pub fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@+,=-".contains(&b))
}

/// One word for a shell, and for a kickstart command line (which Python's `shlex` splits by the same
/// rules): plain words as they are, all else in single quotes.
#[must_use]
pub fn shell(text: &str) -> String {
    if is_plain_word(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A string of Python 2: bytes outside printable ASCII are escaped.
#[must_use]
pub fn python(text: &str) -> String {
    let mut out = String::from("'");
    for byte in text.bytes() {
        match byte {
            b'\'' | b'\\' => out.extend(['\\', byte as char]),
            0x20..=0x7e => out.push(byte as char),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out + "'"
}

/// Text that stays on its line: no control characters, which is all that a comment needs.
#[must_use]
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a text can travel in a here-document inside a kickstart script and arrive as it is: whole
/// lines of printable ASCII, of which none begins with `%`. (The kickstart parser takes `%end`, and
/// on some versions `%include` and `%ksappend`, for its own wherever they begin a line; and it is written in
/// Python 2, which stumbles where it mixes ASCII with more.)
#[must_use]
pub fn fits_here_document(text: &str) -> bool {
    let printable = |c: char| matches!(c, ' '..='~' | '\n' | '\t');
    text.ends_with('\n')
        && text.chars().all(printable)
        && !text.lines().any(|line| line.trim_start().starts_with('%'))
}

/// Lines of bash's own quoting (`$'…'`), one for each line of the text, which `printf %s` puts together again. All
/// of it is printable ASCII, and none of it begins a line that the kickstart parser would take for its own.
#[must_use]
pub fn bash_lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(bash).collect()
}

fn bash(text: &str) -> String {
    let mut out = String::from("$'");
    for byte in text.bytes() {
        match byte {
            b'\'' | b'\\' => out.extend(['\\', byte as char]),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x20..=0x7e => out.push(byte as char),
            // Three digits, always: a digit may follow.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out + "'"
}

/// A delimiter for a here-document that no line of the text equals.
#[must_use]
pub fn here_delimiter(text: &str) -> String {
    let mut delimiter = String::from("EOF");
    while text.lines().any(|line| line.trim() == delimiter) {
        delimiter.push('_');
    }
    delimiter
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn echoed(program: &str, script: &str) -> Vec<u8> {
        Command::new(program).args(["-c", script]).output().expect("it runs").stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[^\0]{0,40}") {
            prop_assert_eq!(echoed("bash", &format!("printf %s {}", shell(&text))), text.into_bytes());
        }

        #[test]
        fn a_here_document_delivers_its_text(text in "([ -~]{0,12}\n){0,6}(EOF\n)?(EOF_\n)?") {
            prop_assume!(fits_here_document(&text));
            let end = here_delimiter(&text);
            prop_assert_eq!(echoed("bash", &format!("cat << '{end}'\n{text}{end}\n")), text.into_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bash_reads_back_what_was_quoted(text in "([^\0]|[ -~\n\t%']){0,40}") {
            let lines = bash_lines(&text);
            prop_assert!(lines.iter().all(|line| line.chars().all(|c| matches!(c, ' '..='~'))));
            prop_assert_eq!(echoed("bash", &format!("printf %s '' {}", lines.join(" \\\n  "))), text.into_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn python_reads_back_what_was_quoted(text in "\\PC{0,40}") {
            let script = format!("import sys; sys.stdout.buffer.write(b{})", python(&text));
            prop_assert_eq!(echoed("python3", &script), text.into_bytes());
        }

        #[test]
        fn a_kickstart_command_reads_back_what_was_quoted(text in "[^\0\r\n]{0,40}") {
            let script = format!("import shlex, sys; sys.stdout.buffer.write(shlex.split({}, comments=True)[1].encode())", python_unicode(&format!("x {}", shell(&text))));
            prop_assert_eq!(echoed("python3", &script), text.into_bytes());
        }
    }

    fn python_unicode(text: &str) -> String {
        format!("b{}.decode()", python(text))
    }

    #[test]
    fn what_the_kickstart_parser_would_take_for_its_own_does_not_fit() {
        for text in
            ["a\n%end\n", "  %include x\n", "no newline", "bell\u{7}\n", "cr\r\n", "\u{d55c}\n"]
        {
            assert!(!fits_here_document(text), "{text:?}");
        }
        assert!(fits_here_document("a 100% good line\n\ttabbed\n"));
    }
}
