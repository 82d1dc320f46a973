//! What an account may do as others: a part of sudoers(5) that cannot be read in two ways.

use crate::report::Rule;

use super::settle::Wrong;

const TAGS: [&str; 10] = [
    "NOPASSWD",
    "PASSWD",
    "NOEXEC",
    "EXEC",
    "SETENV",
    "NOSETENV",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
];

/// Checks a rule: `ALL=(WHO:GROUP) TAG: COMMAND, COMMAND`. A command is `ALL`, or a path and words; nothing is
/// escaped or quoted, and nothing is excluded with `!`, which sudoers(5) itself calls no protection. `everything` is what may
/// be written for all of it.
pub(super) fn rule(text: &str, everything: &str) -> Result<String, Wrong> {
    if check(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(Wrong::of(
        Rule::SudoRule,
        "is no rule that can be written here",
        format!(
            "`ALL=(ALL) NOPASSWD: /usr/bin/systemctl restart httpd, /sbin/reboot`, or {everything} for everything: paths and plain words, without `!`, quotes and backslashes"
        ),
    ))
}

fn check(text: &str) -> Option<()> {
    let rest = text.strip_prefix("ALL")?.trim_start_matches(' ').strip_prefix('=')?;
    let mut rest = rest.trim_start_matches(' ');
    if let Some(inside) = rest.strip_prefix('(') {
        let (who, after) = inside.split_once(')')?;
        let (user, group) = who.split_once(':').map_or((who, None), |(u, g)| (u, Some(g)));
        (is_account(user) && group.is_none_or(is_account)).then_some(())?;
        rest = after.trim_start_matches(' ');
    }
    while let Some((tag, after)) = rest.split_once(':') {
        TAGS.contains(&tag.trim_end_matches(' ')).then_some(())?;
        rest = after.trim_start_matches(' ');
    }
    rest.split(',').all(is_command).then_some(())
}

fn is_account(text: &str) -> bool {
    let text = text.trim_matches(' ');
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    !text.is_empty() && text.chars().all(plain) && !text.starts_with('-')
}

fn is_command(text: &str) -> bool {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    match words.next() {
        Some("ALL") => words.next().is_none(),
        Some(path) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._/@+-".contains(c);
            path.starts_with('/')
                && !path.ends_with('/')
                && path.chars().all(plain)
                && words.all(|word| word.chars().all(|c| plain(c) || c == '*'))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_can_be_read_in_one_way_only() {
        for good in [
            "ALL=(ALL) ALL",
            "ALL=(ALL:ALL) NOPASSWD: ALL",
            "ALL = (root) NOPASSWD:SETENV: /sbin/reboot, /usr/bin/systemctl restart *",
            "ALL=/bin/ls",
        ] {
            assert!(check(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ALL",
            "ALL=",
            "ALL=()",
            "ALL=(ALL)",
            "root ALL=(ALL) ALL",
            "ALL=(ALL) NOPASWD: ALL",
            "ALL=(ALL) ls",
            "ALL=(ALL) /bin/",
            "ALL=(ALL) ALL, !/bin/sh",
            "ALL=(ALL) /bin/sh -c \"x\"",
            "ALL=(ALL) /bin/ls\\ x",
            "ALL=(ALL) ALL # x",
            "ALL=(ALL) ALL\nmallory ALL=(ALL) ALL",
            "ALL=(ALL)\tALL",
            "ALL=(ALL) /bin/\u{d55c}",
            "ALL=(ALL) ALL,",
        ] {
            assert!(check(bad).is_none(), "{bad:?}");
        }
    }
}
