//! INI files as oslo.config, MariaDB and their like read them.

use std::fmt::Write as _;

/// Writes sections with their options, in the order given.
#[must_use]
pub fn write<'a, O>(sections: impl IntoIterator<Item = (&'a str, O)>) -> String
where
    O: IntoIterator<Item = (&'a str, &'a str)>,
{
    let mut out = String::new();
    for (section, options) in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "[{section}]");
        for (option, value) in options {
            let _ = write!(out, "{option} = {value}");
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
    }
    out
}

/// Whether an option of a file can be written so that it is read back as it is.
///
/// # Errors
/// What is allowed.
pub fn check(file: &str, section: &str, option: &str, value: &str) -> Result<(), &'static str> {
    if value.contains("@SECRET_") {
        return Err(
            "a mark of a secret cannot come from the lab file: the stages know which secrets a node has",
        );
    }
    check_marked(file, section, option, value)
}

/// The same for an option of a stage, which can hold the marks of secrets.
///
/// # Errors
/// What is allowed.
pub fn check_marked(
    file: &str,
    section: &str,
    option: &str,
    value: &str,
) -> Result<(), &'static str> {
    let named = |text: &str| {
        !text.is_empty() && !text.chars().any(|c| c.is_control() || "[]=#;: ".contains(c))
    };
    if !named(section) || !named(option) {
        Err("sections and options are names without spaces, brackets, `=`, `:`, `#` and `;`")
    } else if value.chars().any(char::is_control) {
        Err("a value is one line without control characters")
    } else if value.trim() != value {
        Err("blanks at either end of a value would be lost")
    } else if ['"', '\''].iter().any(|quote| is_open(value, *quote)) {
        Err("a quote at one end of a value only would be lost, or would swallow what follows")
    } else if is_mariadbs(file) {
        check_for_mariadb(value)
    } else if [" #", " ;"].iter().any(|comment| format!(" {value}").contains(comment)) {
        Err("what follows a `#` or `;` after a blank would be a comment")
    } else {
        Ok(())
    }
}

/// Whether a file is one of MariaDB's option files.
fn is_mariadbs(file: &str) -> bool {
    file == "/etc/my.cnf" || file.starts_with("/etc/my.cnf.d/")
}

/// MariaDB cuts a value at any `#` outside quotes, whatever stands before it, and at no `;`; and it reads some escapes, inside
/// quotes and outside (`mysys/my_default.c` of 10.3: `remove_end_comment`, `search_default_file_with_ext`).
fn check_for_mariadb(value: &str) -> Result<(), &'static str> {
    let (mut quote, mut escaped) = (None, false);
    for c in value.chars() {
        match quote {
            _ if matches!(c, '"' | '\'') && !escaped => match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            },
            None if c == '#' => {
                return Err(
                    "MariaDB takes what follows a `#` for a comment: put the value in quotes",
                );
            }
            _ => {}
        }
        escaped = quote.is_some() && c == '\\' && !escaped;
    }
    let mut signs = value.chars();
    while let Some(c) = signs.next() {
        if c == '\\' && signs.next().is_some_and(|next| "ntrbs\"'\\".contains(next)) {
            return Err(
                "MariaDB reads `\\n`, `\\s` and the like as other characters: write the value without `\\`",
            );
        }
    }
    Ok(())
}

/// Whether there is a quote at one end and not at the other.
fn is_open(value: &str, quote: char) -> bool {
    value.len() == 1 && value.starts_with(quote)
        || value.starts_with(quote) != value.ends_with(quote)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_comment_is_what_the_reader_of_the_file_takes_for_one() {
        let told = |file: &str, value: &str| check(file, "a", "b", value).is_err();
        let (mariadb, oslo) = ("/etc/my.cnf.d/openstack.cnf", "/etc/nova/nova.conf");
        for (value, by_mariadb, by_oslo) in [
            ("a#b", true, false),
            ("a #b", true, true),
            ("#b", true, true),
            ("a ;b", false, true),
            ("\"a#b\"", false, false),
            ("'a\"#b'", false, false),
            ("\"a\" # \"b\"", true, true),
            ("\"a\\\"#b\"", true, false),
            ("it's#b's", false, false),
            ("c:\\new", true, false),
            ("a\\d", false, false),
            ("utf8_general_ci", false, false),
        ] {
            assert_eq!(told(mariadb, value), by_mariadb, "{value}");
            assert_eq!(told(oslo, value), by_oslo, "{value}");
        }
        assert!(told("/etc/my.cnf", "a#b") && !told("/etc/my.cnf.dd/x", "a#b"));
    }
}
