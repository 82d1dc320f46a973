//! isolinux.cfg: the menu that BIOS shows (SYSLINUX's doc/syslinux.txt and doc/menu.txt).

mod config;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use super::edit::{Edits, Line, is_edited, lines, with_lines};
use super::{
    BootEntry, BootMenuError, Menu, MenuPassword, Serial, TOO_INTRICATE, UnattendedEntry,
    check_length, plain_install,
};
use config::{Config, Label, Noted, first_word, is_program, relabelled};

/// Edits the menu. The new entries get the labels `marker`, `marker-2` and so on.
///
/// # Errors
/// When the menu was edited before, has no install entry, is written in a way that cannot be edited
/// safely, or what is asked for cannot be written.
pub fn edit(text: &str, menu: &Menu, marker: &str) -> Result<String, BootMenuError> {
    menu.check(marker)?;
    let original = lines(text);
    let label = menu.label.as_ref().map(|(old, new)| (old.as_str(), new.as_str()));
    let relabelled =
        label.map_or_else(|| Ok(BTreeMap::new()), |label| relabelled(&original, label))?;
    let relabelled = with_lines(&original, &relabelled);
    let lines = lines(&relabelled);
    let config = Config::read(&lines);
    let names: Vec<String> = (1..=menu.entries.len()).map(|number| name(marker, number)).collect();
    if is_edited(&lines, marker)
        || config.labels.iter().any(|label| names.iter().any(|name| name == label.name))
    {
        return Err(BootMenuError::AlreadyEdited { what: format!("it has an entry of {marker}") });
    }
    let install = to_copy(&config)?;
    if menu.label.is_some() {
        // A longer label makes the medium's own entries longer, too.
        let lengths = config.labels.iter().map(|label| label.length(label.append()));
        check_length(lengths.max().unwrap_or_default())?;
    }

    let mut edits = Edits::between(&original, &lines);
    let mut added = Vec::new();
    config.lines(Noted::Choice).for_each(|line| edits.remove(line));
    for &(line, value) in &config.defaults {
        // A label may be called as a program is, and goes before it.
        if !is_program(value) || config.labels.iter().any(|l| l.name == first_word(value)) {
            edits.replace(line, format!("{}default {marker}", indent(lines[line].text)));
        }
    }
    if config.defaults.is_empty() && !config.has_menu() {
        added.push(format!("default {marker}"));
    }
    let tenths = tenths(menu);
    for &(line, _) in &config.timeouts {
        edits.replace(line, format!("{}timeout {tenths}", indent(lines[line].text)));
    }
    if config.timeouts.is_empty() {
        added.push(format!("timeout {tenths}"));
    }
    if menu.timeout.is_none() {
        config.lines(Noted::Hidden).for_each(|line| edits.remove(line));
    }
    if let Some(title) = &menu.title {
        if !config.has_menu() {
            return Err(BootMenuError::NoMenu { what: "a title" });
        }
        let title = format!("menu title {}", title.trim());
        for line in config.lines(Noted::Title) {
            edits.replace(line, format!("{}{title}", indent(lines[line].text)));
        }
        if config.lines(Noted::Title).next().is_none() {
            added.push(title);
        }
    }
    if let Some(Serial { unit, speed }) = menu.serial {
        config.lines(Noted::Serial).for_each(|line| edits.remove(line));
        // What stands before it would be written to the screen only.
        edits.insert(0, [format!("serial {unit} {speed}")]);
    }
    if let Some(password) = &menu.password {
        added.extend(ask(&config, &lines, password, &mut edits)?);
    }
    for (entry, name) in menu.entries.iter().zip(&names) {
        added.extend(install.copy(entry, name, name == marker)?);
    }
    edits.insert(config.first.unwrap_or_default(), added);
    Ok(edits.apply(&original, marker))
}

/// The entry to copy, of a menu that was understood.
fn to_copy<'a, 'b>(config: &'b Config<'a>) -> Result<&'b Label<'a>, BootMenuError> {
    if let Some(line) = config.unread {
        return Err(BootMenuError::Unsupported { line: line + 1, problem: TOO_INTRICATE });
    }
    Ok(&config.labels[plain_install(&config.entries())?])
}

/// Makes the menu ask for the password before it starts an entry that is there, and gives the directives that
/// make it ask before it leaves an entry's arguments or the menu itself to a person.
fn ask(
    config: &Config<'_>,
    lines: &[Line<'_>],
    password: &MenuPassword,
    edits: &mut Edits,
) -> Result<[String; 3], BootMenuError> {
    if !config.has_menu() {
        return Err(BootMenuError::NoMenu { what: "a password" });
    }
    let unsupported = |line, problem| BootMenuError::Unsupported { line: line + 1, problem };
    if let Some(line) = config.lines(Noted::Password).next() {
        return Err(unsupported(line, "the medium has a password of its own"));
    }
    if let Some(line) = config.lines(Noted::Include).next() {
        return Err(unsupported(line, "the other file's entries would start without the password"));
    }
    for label in config.labels.iter().filter(|label| !label.leads_on) {
        if lines[label.line].end.is_empty() {
            return Err(unsupported(
                label.line,
                "nothing follows the label, not even a line's end",
            ));
        }
        // Without a password of its own it takes the master's.
        edits.insert(label.line + 1, ["  menu passwd".to_owned()]);
    }
    config.lines(Noted::Escape).for_each(|line| edits.remove(line));
    // Without the first two a held Shift, or Caps Lock, leads to the prompt.
    Ok([
        "noescape 1".to_owned(),
        "prompt 0".to_owned(),
        format!("menu master passwd {}", password.isolinux),
    ])
}

/// The label of a new entry, by its number from 1.
fn name(marker: &str, number: usize) -> String {
    if number == 1 { marker.to_owned() } else { format!("{marker}-{number}") }
}

/// A menu of the new entries alone. ISOLINUX shows it by itself, as lines and a prompt: no program that draws menus is needed, so it has neither
/// a title nor a password.
///
/// # Errors
/// When the menu has no install entry, or an entry cannot be written.
pub fn alone(text: &str, menu: &Menu, marker: &str) -> Result<String, BootMenuError> {
    menu.check(marker)?;
    let lines = lines(text);
    let config = Config::read(&lines);
    let install = to_copy(&config)?;
    let mut alone = Vec::new();
    if let Some(Serial { unit, speed }) = menu.serial {
        alone.push(format!("serial {unit} {speed}"));
    }
    alone.extend(menu.entries.iter().map(|entry| format!("say {}", entry.title.trim())));
    alone.extend([
        "say It starts by itself. Enter starts it now; any other key makes it wait.".to_owned(),
        format!("default {marker}"),
        // Without a prompt nothing waits.
        "prompt 1".to_owned(),
        format!("timeout {}", tenths(menu)),
    ]);
    for (number, entry) in (1..).zip(&menu.entries) {
        let name = name(marker, number);
        alone.extend(install.copy(entry, &name, number == 1)?);
    }
    Ok(alone.join("\n") + "\n")
}

/// How long the menu waits, in tenths of a second; 0 is for ever.
fn tenths(menu: &Menu) -> u32 {
    menu.timeout.map_or(0, |seconds| (u32::from(seconds) * 10).max(1))
}

/// The entries of the menu, in the order of the file.
#[must_use]
pub fn entries(text: &str) -> Vec<BootEntry> {
    Config::read(&lines(text)).entries()
}

/// How long the menu waits; `None` when it waits for ever.
#[must_use]
pub fn timeout(text: &str) -> Option<Duration> {
    let lines = lines(text);
    let tenths: u64 = Config::read(&lines).timeouts.last()?.1.parse().ok()?;
    (tenths > 0).then(|| Duration::from_millis(tenths.saturating_mul(100)))
}

impl Label<'_> {
    /// Bytes of its kernel's command line with these arguments.
    fn length(&self, append: &str) -> usize {
        // ISOLINUX adds these by itself.
        let initrd = self.initrd.map_or(0, |path| " initrd=".len() + path.len());
        let (_, kernel) = self.kernel.unwrap_or(("kernel", self.name));
        append.len() + initrd + " BOOT_IMAGE=".len() + kernel.len()
    }

    /// The lines of the new entry.
    fn copy(
        &self,
        entry: &UnattendedEntry,
        name: &str,
        default: bool,
    ) -> Result<Vec<String>, BootMenuError> {
        let (directive, kernel) = self.kernel.unwrap_or(("kernel", self.name));
        let mut append = self.append().to_owned();
        if append.split_whitespace().any(|argument| entry.removes(argument)) {
            let kept = append.split_whitespace().filter(|argument| !entry.removes(argument));
            append = kept.collect::<Vec<_>>().join(" ");
        }
        for argument in &entry.extra_arguments {
            if !append.is_empty() {
                append.push(' ');
            }
            append.push_str(argument);
        }
        check_length(self.length(&append))?;
        let mut lines =
            vec![format!("label {name}"), format!("  menu label {}", entry.title.trim())];
        lines.extend(default.then(|| "  menu default".to_owned()));
        lines.push(format!("  {directive} {kernel}"));
        lines.extend(self.initrd.map(|path| format!("  initrd {path}")));
        lines.push(format!("  append {append}"));
        lines.extend(self.ip_append.map(|value| format!("  ipappend {value}")));
        Ok(lines)
    }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}
