//! grub.cfg: the menu that UEFI shows.

mod labels;
mod places;
mod script;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::edit::{Edits, Line, is_edited, lines, with_lines};
use super::shell::{Word, quote_title, quote_word};
use super::{
    BootEntry, BootMenuError, MENU_USER, Menu, MenuPassword, Serial, TOO_INTRICATE,
    UnattendedEntry, check_length, plain_install,
};
use places::{Change, Places};
use script::{MenuEntry, Script};

/// Edits the menu.
///
/// # Errors
/// When the menu was edited before, has no install entry, is written in a way that cannot be edited
/// safely, or what is asked for cannot be written.
pub fn edit(text: &str, menu: &Menu, marker: &str) -> Result<String, BootMenuError> {
    menu.check(marker)?;
    let original = lines(text);
    if is_edited(&original, marker) {
        return Err(BootMenuError::AlreadyEdited { what: format!("it has an entry of {marker}") });
    }
    let relabelled = relabelled(text, &original, menu)?;
    let text = relabelled.as_str();
    let lines = lines(text);
    let script = Script::read(text);
    let places = Places::new(&lines);
    let install = to_copy(&script, &places)?;

    if menu.label.is_some() {
        // A longer label makes the medium's own entries longer, too.
        let kernels = script.entries.iter().flat_map(|entry| &entry.linux);
        let lengths = kernels.map(|command| length(command.iter().skip(1)));
        check_length(lengths.max().unwrap_or_default())?;
    }

    let mut replaced: Vec<Change> = Vec::new();
    let mut added = Vec::new();
    let timeout = menu.timeout.map_or_else(|| "-1".to_owned(), |seconds| seconds.to_string());
    for (name, value) in [("default", "\"0\""), ("timeout", &timeout)] {
        let mut always = false;
        for assignment in script.assigned(name) {
            replaced.push((assignment.range.clone(), format!("{name}={value}")));
            always |= assignment.always;
        }
        // One inside an `if` may never run.
        if !always {
            added.push(format!("set {name}={value}"));
        }
    }
    if menu.timeout.is_none() {
        let hidden = script.assigned("timeout_style");
        replaced.extend(hidden.map(|style| (style.range.clone(), "timeout_style=menu".into())));
    }
    if let Some(serial) = menu.serial {
        if let Some(later) = script.terminals.iter().find(|range| range.start > script.menu) {
            let problem = "it changes the terminal after the menu";
            return Err(BootMenuError::Unsupported { line: places.number(later.start), problem });
        }
        added.extend(serial_console(serial));
    }
    if let Some(password) = &menu.password {
        if let Some(own) = script.passwords.first() {
            let problem = "the medium has a password of its own";
            return Err(BootMenuError::Unsupported { line: places.number(own.start), problem });
        }
        added.extend(ask(password));
        let theirs = script.entries.iter().flat_map(|entry| &entry.unrestricted);
        replaced.extend(theirs.map(|option| (option.clone(), String::new())));
    }
    for entry in &menu.entries {
        let copy = copy(text, install, entry, menu.password.is_some())?;
        added.extend(copy.lines().map(str::to_owned));
    }

    let mut edits = Edits::between(&original, &lines);
    for (line, new) in places.replace(&script, &lines, replaced)? {
        edits.replace(line, new);
    }
    edits.insert(places.before_menu(&script)?, added);
    Ok(edits.apply(&original, marker))
}

/// The entry to copy, of a menu that was understood.
fn to_copy<'a>(script: &'a Script, places: &Places) -> Result<&'a MenuEntry, BootMenuError> {
    let unsupported = |at, problem| BootMenuError::Unsupported { line: places.number(at), problem };
    if let Some(at) = script.unread {
        return Err(unsupported(at, TOO_INTRICATE));
    }
    let install = &script.entries[plain_install(&boot_entries(script))?];
    match script.unclosed.or((!install.closed).then_some(install.body.start)) {
        Some(at) => Err(unsupported(at, "a quote or a brace that it opens is never closed")),
        None => Ok(install),
    }
}

/// The text as it names the volume by its new label, line for line.
fn relabelled(text: &str, lines: &[Line<'_>], menu: &Menu) -> Result<String, BootMenuError> {
    let Some((old, new)) = &menu.label else { return Ok(text.to_owned()) };
    let places = Places::new(lines);
    let changes = labels::changes(text, &places, (old, new))?;
    Ok(with_lines(lines, &places.replace(&Script::read(text), lines, changes)?))
}

/// What the medium's own menu does before its entries: the kernel gets a screen.
const SCREEN: &str = "function load_video {
  insmod efi_gop
  insmod efi_uga
  insmod video_bochs
  insmod video_cirrus
  insmod all_video
}

load_video
set gfxpayload=keep
insmod part_gpt
";

/// A menu of the new entries alone. Their files are on the volume with this label, wherever GRUB itself was started from.
///
/// # Errors
/// When the menu has no install entry, or the entry cannot be written.
pub fn alone(text: &str, menu: &Menu, marker: &str, label: &str) -> Result<String, BootMenuError> {
    menu.check(marker)?;
    let script = Script::read(text);
    let install = to_copy(&script, &Places::new(&lines(text)))?;
    let timeout = menu.timeout.map_or_else(|| "-1".to_owned(), |seconds| seconds.to_string());
    let mut alone = format!(
        "set default=\"0\"\nset timeout={timeout}\n\n{SCREEN}\nsearch --no-floppy --set=root -l {}\n",
        quote_word(label)
    );
    for entry in &menu.entries {
        alone.push('\n');
        alone.push_str(&copy(text, install, entry, false)?);
        alone.push('\n');
    }
    Ok(alone)
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
    script.assigned("timeout").last()?.value.parse().ok().map(Duration::from_secs)
}

fn boot_entries(script: &Script) -> Vec<BootEntry> {
    let default =
        script.assigned("default").last().map_or("0", |assignment| assignment.value.as_str());
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
    // One more is already too many.
    let levels: Vec<&str> = default.split('>').take(titles.len() + 1).collect();
    levels.len() == titles.len()
        && levels
            .iter()
            .zip(&titles)
            .zip(&entry.numbers)
            .all(|((level, title), number)| level == title || level.trim().parse() == Ok(*number))
}

/// Makes a serial line a terminal. Where GRUB does not find the line, each command fails by itself and the
/// screen stays.
fn serial_console(Serial { unit, speed }: Serial) -> [String; 3] {
    // GRUB for UEFI knows the first two by number.
    let line = match unit {
        2 => "--port=0x3e8".to_owned(),
        3 => "--port=0x2e8".to_owned(),
        _ => format!("--unit={unit}"),
    };
    [
        format!("serial {line} --speed={speed}"),
        "terminal_input serial console".to_owned(),
        "terminal_output serial console".to_owned(),
    ]
}

/// Makes GRUB ask before it edits an entry, opens its command line, or starts an entry without `--unrestricted`.
fn ask(password: &MenuPassword) -> [String; 3] {
    [
        format!("set superusers=\"{MENU_USER}\""),
        // Submenus would ask for nothing.
        "export superusers".to_owned(),
        format!("password_pbkdf2 {MENU_USER} {}", password.grub),
    ]
}

/// Bytes of a kernel's command line: GRUB hands on `BOOT_IMAGE=`, the kernel's path, and the arguments.
fn length<'a>(words: impl Iterator<Item = &'a Word>) -> usize {
    let words: usize = words.map(|word| word.value.len() + 1).sum();
    "BOOT_IMAGE=".len() + words.saturating_sub(1)
}

/// The new entry: the install entry's own text, with arguments added to its kernel's and taken from them.
fn copy(
    text: &str,
    install: &MenuEntry,
    entry: &UnattendedEntry,
    unrestricted: bool,
) -> Result<String, BootMenuError> {
    let extra: String = entry
        .extra_arguments
        .iter()
        .flat_map(|argument| [" ".to_owned(), quote_word(argument)])
        .collect();
    let added: usize = entry.extra_arguments.iter().map(|argument| argument.len() + 1).sum();
    let (mut body, mut from) = (String::new(), install.body.start);
    for command in &install.linux {
        let removed = |i: &usize| *i > 1 && entry.removes(&command[*i].value);
        let (removed, kept): (Vec<_>, Vec<_>) = (1..command.len()).partition(removed);
        check_length(length(kept.iter().map(|i| &command[*i])) + added)?;
        // Each with the blanks before it.
        for i in removed {
            body += &text[from..command[i - 1].range.end];
            from = command[i].range.end;
        }
        if let Some(last) = command.last() {
            body += &text[from..last.range.end];
            body += &extra;
            from = last.range.end;
        }
    }
    body += &text[from..install.body.end];
    let mut options: String =
        install.classes.iter().flat_map(|range| [" ", &text[range.clone()]]).collect();
    if unrestricted || !install.unrestricted.is_empty() {
        options.push_str(" --unrestricted");
    }
    Ok(format!("menuentry {}{options} {{{body}}}", quote_title(entry.title.trim())))
}
