//! What people add to the kickstart: packages of the medium, and commands that nothing else says. Its scripts are hooks.

mod commands;
mod options;

use std::collections::HashMap;

use crate::report::{Rule, Span, did_you_mean};
use crate::spec::{Added, KickstartSpec, Spanned};

pub use self::commands::is_command;
use self::commands::{COMMANDS, Verdict};
use super::Origin;
use super::custom::package;
use super::settle::{Firsts, Resolver, Wrong, word};

/// What people add to the kickstart.
#[derive(Clone, Debug, Default)]
pub struct Kickstart {
    /// Packages and groups of `%packages`.
    pub packages: Vec<String>,
    /// Lines of commands.
    pub commands: Vec<String>,
}

pub(super) fn resolve(spec: Option<&Spanned<KickstartSpec>>, r: &mut Resolver) -> Kickstart {
    let spec = spec.map(|s| &s.value);
    let packages = spec.and_then(|s| s.packages.as_ref()).map(|p| p.value.0.as_slice());
    let packages = r.settle_added("kickstart.packages", packages, of_medium);
    Kickstart { packages, commands: commands(spec.and_then(|s| s.commands.as_ref()), r) }
}

/// Lines of commands. Of one that is refused only its first word is told: the rest may be a password.
fn commands(written: Option<&Spanned<Added<String>>>, r: &mut Resolver) -> Vec<String> {
    const PATH: &str = "kickstart.commands";
    let mut commands = Vec::new();
    let mut first = Firsts::default();
    let mut groups = HashMap::new();
    for item in written.iter().flat_map(|written| &written.value.0) {
        match command(&item.value) {
            Ok(line) if r.is_repeated(item, &line, &mut first) => {}
            Ok(line) => {
                tell_group_twice(item, &line, &mut groups, r);
                let origin = r.origin(item.span);
                r.note(PATH, &line, origin);
                commands.push(line);
            }
            Err(wrong) => {
                let word = item.value.split_whitespace().next().unwrap_or_default().to_owned();
                r.reject(&Spanned { value: word, ..item.clone() }, wrong);
            }
        }
    }
    if commands.is_empty() {
        r.note(PATH, &"none", Origin::BuiltIn);
    }
    commands
}

/// Tells a group that has the name or the number of another: it is made once, and the other line is lost.
fn tell_group_twice(
    item: &Spanned<String>,
    line: &str,
    groups: &mut HashMap<String, Span>,
    r: &mut Resolver,
) {
    let Some(options) = line.strip_prefix("group ") else { return };
    for option in options.split(' ') {
        let Some(before) = groups.insert(option.to_owned(), item.span) else { continue };
        let before = r.sources.seen_from(item.span, before);
        let message = format!("another `group` has `{option}` as well");
        let help =
            format!("the first is {before}: one line for each group, with a number of its own");
        r.tell(Rule::KickstartCommand, item, message, help);
        return;
    }
}

/// A package or a group that the installer takes from the medium.
fn of_medium(text: &str) -> Result<String, Wrong> {
    let group = text.strip_prefix("@^").or_else(|| text.strip_prefix('@'));
    match group {
        Some(group) if text.starts_with("@^") => Err(Wrong::new(
            "would install another system than the one that the stages are made for",
            format!("a group of packages, such as `@{group}`"),
        )),
        Some(group) => match word(group, 128, "._+-") {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(Wrong::from("a group of the medium, such as `@debugging`")),
        },
        // Of packages elsewhere, a group is none.
        None => package(text).map_err(|wrong| match text.strip_prefix('-') {
            Some(_) => wrong,
            None => Wrong::from(
                "one package, such as `tcpdump`, or a group such as `@debugging`: no pattern, no URL",
            ),
        }),
    }
}

/// One line of one command.
fn command(text: &str) -> Result<String, Wrong> {
    let wrong = |why: &str, help: String| Err(Wrong::of(Rule::KickstartCommand, why, help));
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let first = words.first().copied().unwrap_or_default();
    if first.starts_with('%') {
        let help = "scripts go under `kickstart.pre` and `kickstart.post`, packages under `kickstart.packages`";
        return wrong("begins what is no command", help.into());
    }
    if !text.is_ascii() || text.chars().any(char::is_control) {
        let help = "one command in an item of the list, in ASCII";
        return wrong("is no line that a kickstart can hold", help.into());
    }
    let known = COMMANDS.iter().find(|(names, _)| names.contains(&first));
    let options = match known.map(|(_, verdict)| verdict) {
        Some(Verdict::Taken(options)) => options,
        Some(Verdict::Refused(why, help)) => return wrong(why, (*help).to_owned()),
        None => {
            let taken = COMMANDS.iter().filter(|(_, v)| matches!(v, Verdict::Taken(_)));
            let taken: Vec<&str> = taken.flat_map(|(names, _)| names.iter().copied()).collect();
            return wrong("is no command of CentOS 7's installer", did_you_mean(first, taken));
        }
    };
    if let Err(why) = options.check(&words[1..]) {
        return wrong(&why, options.help.to_owned());
    }
    Ok(words.join(" "))
}
