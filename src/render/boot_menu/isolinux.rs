//! isolinux.cfg: the menu that BIOS shows (SYSLINUX's doc/syslinux.txt and doc/menu.txt).

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::edit::{Edits, Line, is_edited, lines};
use super::{BootEntry, BootMenuError, UnattendedEntry, check_length, plain_install};

/// What a file says, with the lines that an edit must touch.
#[derive(Debug, Default)]
struct Config<'a> {
    labels: Vec<Label<'a>>,
    /// `default`: a label, or a program that shows a menu.
    defaults: Vec<(usize, &'a str)>,
    /// `timeout`, in tenths of a second.
    timeouts: Vec<(usize, &'a str)>,
    /// `ontimeout`, which starts something else than the default.
    on_timeout: Vec<usize>,
    /// Whether `ui` names the program that shows the menu.
    ui: bool,
    /// `menu default` and `menu start` that decide what the main menu starts.
    choices: Vec<usize>,
    /// Where the first label or submenu begins.
    first: Option<usize>,
}

/// What stands under a `label`.
#[derive(Debug, Default)]
struct Label<'a> {
    name: &'a str,
    title: Option<&'a str>,
    submenus: Vec<String>,
    /// The directive that names the kernel, and its value. Without one the label itself is the kernel.
    kernel: Option<(&'a str, &'a str)>,
    append: Option<&'a str>,
    initrd: Option<&'a str>,
    ip_append: Option<&'a str>,
    /// Starts something that is no kernel: another loader, a menu, the disk.
    other: bool,
    menu_default: bool,
}

/// Adds the entry before all others, as the one that starts by itself, with the label `marker`.
///
/// # Errors
/// When the menu was edited before, has no install entry, or the entry cannot be written.
pub fn add_unattended(
    text: &str,
    entry: &UnattendedEntry,
    marker: &str,
) -> Result<String, BootMenuError> {
    entry.check(marker)?;
    if entry.title.contains('^') {
        let problem = "ISOLINUX takes `^` for the mark of a hot key";
        return Err(BootMenuError::BadTitle { title: entry.title.clone(), problem });
    }
    let lines = lines(text);
    let config = Config::read(&lines);
    if is_edited(&lines, marker) || config.labels.iter().any(|label| label.name == marker) {
        return Err(BootMenuError::AlreadyEdited { what: format!("it has an entry of {marker}") });
    }
    let label = &config.labels[plain_install(&config.entries())?];
    // 0 would wait for ever.
    let tenths = (u32::from(entry.timeout_seconds) * 10).max(1);

    let mut edits = Edits::default();
    for &line in config.choices.iter().chain(&config.on_timeout) {
        edits.remove(line);
    }
    for &(line, _) in &config.timeouts {
        edits.replace(line, format!("{}timeout {tenths}", indent(lines[line].text)));
    }
    for &(line, value) in &config.defaults {
        if !is_program(value) {
            edits.replace(line, format!("{}default {marker}", indent(lines[line].text)));
        }
    }
    let mut added = Vec::new();
    if config.defaults.is_empty() && !config.ui {
        added.push(format!("default {marker}"));
    }
    if config.timeouts.is_empty() {
        added.push(format!("timeout {tenths}"));
    }
    added.extend(label.copy(entry, marker)?);
    edits.insert(config.first.unwrap_or_default(), added);
    Ok(edits.apply(&lines, marker))
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

impl<'a> Config<'a> {
    fn read(lines: &[Line<'a>]) -> Self {
        let mut config = Self::default();
        // Titles of the submenus that are open.
        let mut submenus: Vec<String> = Vec::new();
        // Whether the directives belong to the last label.
        let mut in_label = false;
        let mut in_text = false;
        // The `append` of labels that have none.
        let mut append = None;
        for (index, line) in lines.iter().enumerate() {
            let (keyword, value) = directive(line.text);
            if in_text {
                in_text = keyword != "endtext";
                continue;
            }
            let label = config.labels.last_mut().filter(|_| in_label);
            match (keyword.as_str(), label) {
                ("label", _) => {
                    config.first.get_or_insert(index);
                    let label = Label {
                        name: value,
                        submenus: submenus.clone(),
                        append,
                        ..Label::default()
                    };
                    config.labels.push(label);
                    in_label = true;
                }
                ("menu", label) => {
                    let (keyword, value) = directive(value);
                    match (keyword.as_str(), label) {
                        ("begin", _) => {
                            config.first.get_or_insert(index);
                            submenus.push(shown(value));
                            in_label = false;
                        }
                        ("end", _) => {
                            submenus.pop();
                            in_label = false;
                        }
                        ("separator", _) => in_label = false,
                        ("label", Some(label)) => label.title = Some(value),
                        ("label" | "title", None) => {
                            if let Some(open) = submenus.last_mut() {
                                *open = shown(value);
                            }
                        }
                        ("default", Some(label)) => {
                            label.menu_default = true;
                            // In a submenu it only says which of its entries is marked.
                            if submenus.is_empty() {
                                config.choices.push(index);
                            }
                        }
                        // The submenu itself is the default of the menu above it.
                        ("default", None) if submenus.len() <= 1 => config.choices.push(index),
                        // The submenu is what is shown first.
                        ("start", _) if !submenus.is_empty() => config.choices.push(index),
                        ("exit" | "goto" | "quit" | "disable" | "disabled", Some(label)) => {
                            label.other = true;
                        }
                        _ => {}
                    }
                }
                ("text", _) => in_text = true,
                ("kernel" | "linux", Some(label)) => {
                    // The keyword as it was written is not needed: both are matched without case.
                    label.kernel =
                        Some((if keyword == "linux" { "linux" } else { "kernel" }, value));
                }
                ("append", Some(label)) => label.append = Some(value),
                ("append", None) => append = Some(value),
                ("initrd", Some(label)) => label.initrd = Some(value),
                ("ipappend", Some(label)) => label.ip_append = Some(value),
                (
                    "localboot" | "boot" | "bss" | "pxe" | "fdimage" | "comboot" | "com32"
                    | "config",
                    Some(label),
                ) => {
                    label.other = true;
                }
                ("default", _) => config.defaults.push((index, value)),
                ("timeout", _) => config.timeouts.push((index, value)),
                ("ontimeout", _) => config.on_timeout.push(index),
                ("ui", _) => config.ui = true,
                _ => {}
            }
        }
        config
    }

    fn entries(&self) -> Vec<BootEntry> {
        let default = self.default_label();
        let entry = |(index, label): (usize, &Label<'_>)| label.entry(default == Some(index));
        self.labels.iter().enumerate().map(entry).collect()
    }

    /// Which label starts when nobody presses a key.
    fn default_label(&self) -> Option<usize> {
        let named = self.defaults.last().map(|(_, value)| first_word(value));
        let find = |name: &str| self.labels.iter().position(|label| label.name == name);
        let has_menu = self.ui || self.defaults.last().is_some_and(|(_, value)| is_program(value));
        if let Some(label) = named.and_then(find) {
            return Some(label);
        }
        if !has_menu {
            // Without `default` ISOLINUX starts what is called `linux`.
            return if named.is_none() { find("linux") } else { None };
        }
        let main = |label: &Label<'_>| label.submenus.is_empty();
        let marked = self.labels.iter().rposition(|label| main(label) && label.menu_default);
        marked.or_else(|| self.labels.iter().position(main))
    }
}

impl Label<'_> {
    /// The `append` in effect; `-` stands for none.
    fn append(&self) -> &str {
        self.append.filter(|value| *value != "-").unwrap_or_default()
    }

    fn kernel(&self) -> Option<&str> {
        (!self.other).then(|| self.kernel.map_or(self.name, |(_, value)| value))
    }

    fn entry(&self, default: bool) -> BootEntry {
        let arguments: Vec<String> = self.append().split_whitespace().map(str::to_owned).collect();
        let by_argument = || arguments.iter().find_map(|argument| argument.strip_prefix("initrd="));
        BootEntry {
            title: shown(self.title.unwrap_or(self.name)),
            label: Some(self.name.to_owned()),
            submenus: self.submenus.clone(),
            kernel: self.kernel().map(str::to_owned),
            initrd: self.initrd.or_else(by_argument).map(str::to_owned),
            arguments,
            default,
        }
    }

    /// The lines of the new entry.
    fn copy(&self, entry: &UnattendedEntry, marker: &str) -> Result<Vec<String>, BootMenuError> {
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
        // ISOLINUX adds these by itself.
        let initrd = self.initrd.map_or(0, |path| " initrd=".len() + path.len());
        check_length(append.len() + initrd + " BOOT_IMAGE=".len() + kernel.len())?;
        let mut lines = vec![
            format!("label {marker}"),
            format!("  menu label {}", entry.title.trim()),
            "  menu default".into(),
            format!("  {directive} {kernel}"),
        ];
        lines.extend(self.initrd.map(|path| format!("  initrd {path}")));
        lines.push(format!("  append {append}"));
        lines.extend(self.ip_append.map(|value| format!("  ipappend {value}")));
        Ok(lines)
    }
}

/// The keyword of a line in lower case, and the rest. A comment has none.
fn directive(line: &str) -> (String, &str) {
    let line = line.trim();
    if line.starts_with('#') {
        return (String::new(), "");
    }
    let (keyword, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (keyword.to_ascii_lowercase(), value.trim_start())
}

/// A title as the menu shows it: `^` only marks the hot key.
fn shown(title: &str) -> String {
    title.replace('^', "")
}

fn first_word(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}

/// Whether a `default` is the program that shows the menu, such as vesamenu.c32.
fn is_program(value: &str) -> bool {
    let name = first_word(value).to_ascii_lowercase();
    [".c32", ".com", ".cbt"].iter().any(|extension| name.ends_with(extension))
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}
