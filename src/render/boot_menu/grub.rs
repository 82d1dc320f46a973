//! grub.cfg: the menu that UEFI shows.

mod script;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::edit::{Edits, Line, is_edited, lines};
use super::shell::{Word, quote_title, quote_word};
use super::{BootEntry, BootMenuError, UnattendedEntry, check_length, plain_install};
use script::{MenuEntry, Script};

/// Adds the entry before all others, as the one that starts by itself.
///
/// # Errors
/// When the menu was edited before, has no install entry, is written in a way that cannot be edited
/// safely, or the entry cannot be written.
pub fn add_unattended(
    text: &str,
    entry: &UnattendedEntry,
    marker: &str,
) -> Result<String, BootMenuError> {
    entry.check(marker)?;
    let lines = lines(text);
    if is_edited(&lines, marker) {
        return Err(BootMenuError::AlreadyEdited { what: format!("it has an entry of {marker}") });
    }
    let script = Script::read(text);
    let install = &script.entries[plain_install(&boot_entries(&script))?];
    let places = Places::new(&lines);

    let mut edits = Edits::default();
    let values = [("default", "\"0\"".to_owned()), ("timeout", entry.timeout_seconds.to_string())];
    let mut replaced: BTreeMap<usize, Vec<(Range<usize>, String)>> = BTreeMap::new();
    let mut added = Vec::new();
    for (name, value) in &values {
        let mut always = false;
        for assignment in script.assignments.iter().filter(|assignment| assignment.name == *name) {
            let line = places.line(&script, &assignment.range)?;
            let start = places.starts[line];
            let range = assignment.range.start - start..assignment.range.end - start;
            replaced.entry(line).or_default().push((range, format!("{name}={value}")));
            always |= assignment.always;
        }
        // One inside an `if` may never run.
        if !always {
            added.push(format!("set {name}={value}"));
        }
    }
    for (line, mut ranges) in replaced {
        let mut new = lines[line].text.to_owned();
        ranges.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, value) in ranges {
            new.replace_range(range, &value);
        }
        edits.replace(line, new);
    }
    let copy = copy(text, install, entry)?;
    added.extend(copy.lines().map(str::to_owned));
    edits.insert(places.before_menu(&script)?, added);
    Ok(edits.apply(&lines, marker))
}

/// The entries of the menu, in the order of the file.
#[must_use]
pub fn entries(text: &str) -> Vec<BootEntry> {
    boot_entries(&Script::read(text))
}

/// How long the menu waits; `None` when it waits for ever (no timeout, or -1).
#[must_use]
pub fn timeout(text: &str) -> Option<Duration> {
    let script = Script::read(text);
    let value = &script.assignments.iter().rfind(|assignment| assignment.name == "timeout")?.value;
    value.parse().ok().map(Duration::from_secs)
}

fn boot_entries(script: &Script) -> Vec<BootEntry> {
    let default = script.assignments.iter().rfind(|assignment| assignment.name == "default");
    let default = default.map_or("0", |assignment| assignment.value.as_str());
    script.entries.iter().map(|entry| boot_entry(entry, default)).collect()
}

fn boot_entry(entry: &MenuEntry, default: &str) -> BootEntry {
    let values = |words: Option<&Vec<Word>>| {
        words
            .into_iter()
            .flatten()
            .skip(1)
            .map(|word| word.value.clone())
            .collect::<Vec<_>>()
            .into_iter()
    };
    let mut linux = values(entry.linux.first());
    BootEntry {
        title: entry.title.clone(),
        label: None,
        submenus: entry.submenus.clone(),
        kernel: linux.next(),
        initrd: values(entry.initrd.as_ref()).next(),
        arguments: linux.collect(),
        default: is_default(entry, default),
    }
}

/// Whether `default` names the entry: by number or title, level by level with `>` between them.
fn is_default(entry: &MenuEntry, default: &str) -> bool {
    let titles: Vec<&str> =
        entry.submenus.iter().chain([&entry.title]).map(String::as_str).collect();
    if titles.join(">") == default {
        return true;
    }
    let levels: Vec<&str> = default.split('>').collect();
    levels.len() == titles.len()
        && levels
            .iter()
            .zip(&titles)
            .zip(&entry.numbers)
            .all(|((level, title), number)| level == title || level.trim().parse() == Ok(*number))
}

/// The new entry: the install entry's own text, with arguments added to its kernel's and taken from them.
fn copy(text: &str, install: &MenuEntry, entry: &UnattendedEntry) -> Result<String, BootMenuError> {
    let extra: String = entry
        .extra_arguments
        .iter()
        .flat_map(|argument| [" ".to_owned(), quote_word(argument)])
        .collect();
    let added: usize = entry.extra_arguments.iter().map(|argument| argument.len() + 1).sum();
    let at = |position: usize| position - install.body.start;
    let mut body = text[install.body.clone()].to_owned();
    for command in install.linux.iter().rev() {
        // GRUB hands on `BOOT_IMAGE=`, the kernel's path, and the arguments.
        let removed = |i: &usize| *i > 1 && entry.removes(&command[*i].value);
        let (removed, kept): (Vec<_>, Vec<_>) = (1..command.len()).partition(removed);
        let words: usize = kept.iter().map(|i| command[*i].value.len() + 1).sum();
        check_length("BOOT_IMAGE=".len() + words.saturating_sub(1) + added)?;
        if let Some(last) = command.last() {
            body.insert_str(at(last.range.end), &extra);
        }
        // Each with the blanks before it.
        for i in removed.into_iter().rev() {
            body.replace_range(at(command[i - 1].range.end)..at(command[i].range.end), "");
        }
    }
    let options: String =
        install.options.iter().flat_map(|range| [" ", &text[range.clone()]]).collect();
    Ok(format!("menuentry {}{options} {{{body}}}", quote_title(entry.title.trim())))
}

/// Byte positions as lines.
struct Places {
    starts: Vec<usize>,
    /// Where the text of each line ends, without what ends the line.
    ends: Vec<usize>,
}

impl Places {
    fn new(lines: &[Line<'_>]) -> Self {
        let mut places = Self { starts: Vec::new(), ends: Vec::new() };
        let mut at = 0;
        for line in lines {
            places.starts.push(at);
            places.ends.push(at + line.text.len());
            at += line.text.len() + line.end.len();
        }
        places
    }

    /// The line on which a range stands, if a comment can stand before that line.
    fn line(&self, script: &Script, range: &Range<usize>) -> Result<usize, BootMenuError> {
        let line = self.starts.partition_point(|&start| start <= range.start).saturating_sub(1);
        let unsupported = |problem| BootMenuError::Unsupported { line: line + 1, problem };
        if range.end > self.ends[line] {
            return Err(unsupported("what it sets goes on in the next line"));
        }
        let start = self.starts[line];
        if script.words.iter().any(|word| word.start < start && start <= word.end) {
            return Err(unsupported("it begins inside quotes or goes on from the line before"));
        }
        Ok(line)
    }

    /// The line before which the new entry goes: that of the first command with an entry in it.
    fn before_menu(&self, script: &Script) -> Result<usize, BootMenuError> {
        let line = self.line(script, &(script.menu..script.menu))?;
        let start = self.starts[line];
        if script.blocks.iter().any(|block| block.start < start && start < block.end) {
            return Err(BootMenuError::Unsupported {
                line: line + 1,
                problem: "the first menu entry stands on a line on which another block ends",
            });
        }
        Ok(line)
    }
}
