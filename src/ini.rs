//! INI files as oslo.config, MariaDB and their like read them.

use std::fmt::Write as _;

use indexmap::IndexMap;

/// Writes sections with their options, in the order given.
#[must_use]
pub fn write(sections: impl IntoIterator<Item = (String, IndexMap<String, String>)>) -> String {
    let mut out = String::new();
    for (section, options) in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "[{section}]");
        for (option, value) in options {
            let _ = writeln!(out, "{}", format!("{option} = {value}").trim_end());
        }
    }
    out
}

/// Whether an option can be written so that it is read back as it is.
///
/// # Errors
/// What is allowed.
pub fn check(section: &str, option: &str, value: &str) -> Result<(), &'static str> {
    if value.contains("@SECRET_") {
        return Err(
            "a mark of a secret cannot come from the lab file: the stages know which secrets a node has",
        );
    }
    check_marked(section, option, value)
}

/// The same for an option of a stage, which can hold the marks of secrets.
///
/// # Errors
/// What is allowed.
pub fn check_marked(section: &str, option: &str, value: &str) -> Result<(), &'static str> {
    let named = |text: &str| {
        !text.is_empty() && !text.chars().any(|c| c.is_control() || "[]=#;: ".contains(c))
    };
    if !named(section) || !named(option) {
        Err("sections and options are names without spaces, brackets, `=`, `:`, `#` and `;`")
    } else if value.chars().any(char::is_control) {
        Err("a value is one line without control characters")
    } else if value.trim() != value {
        Err("blanks at either end of a value would be lost")
    } else if [" #", " ;"].iter().any(|comment| format!(" {value}").contains(comment)) {
        Err("what follows a `#` or `;` after a blank would be a comment")
    } else if ['"', '\''].iter().any(|quote| is_open(value, *quote)) {
        Err("a quote at one end of a value only would be lost, or would swallow what follows")
    } else {
        Ok(())
    }
}

/// Whether there is a quote at one end and not at the other.
fn is_open(value: &str, quote: char) -> bool {
    value.len() == 1 && value.starts_with(quote)
        || value.starts_with(quote) != value.ends_with(quote)
}
