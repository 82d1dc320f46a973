//! What an isolinux.cfg says, as far as its menu is concerned.

use std::collections::BTreeMap;

use crate::render::boot_menu::edit::Line;
use crate::render::boot_menu::{BootEntry, BootMenuError, MOST_INHERITED, references};

/// What a file says, with the lines that an edit must touch.
#[derive(Debug, Default)]
pub(super) struct Config<'a> {
    pub labels: Vec<Label<'a>>,
    /// `default`: a label, or a program that shows a menu.
    pub defaults: Vec<(usize, &'a str)>,
    /// `timeout`, in tenths of a second.
    pub timeouts: Vec<(usize, &'a str)>,
    /// Whether `ui` names the program that shows the menu.
    ui: bool,
    /// Where the first label or submenu begins.
    pub first: Option<usize>,
    noted: Vec<(Noted, usize)>,
    /// Bytes that labels have from elsewhere.
    inherited: usize,
    /// Where reading was given up, see [`MOST_INHERITED`].
    pub unread: Option<usize>,
}

/// What else an edit may have to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// `menu default` and `menu start` that decide what the main menu starts; `ontimeout`, which starts
    /// something else than the default; `totaltimeout`, which starts it under a person's hands.
    Choice,
    /// `menu hidden` and `menu shiftkey`: who waits for a person must show what there is.
    Hidden,
    /// The title of the main menu.
    Title,
    /// `serial`.
    Serial,
    /// `prompt`, `noescape` and `menu hiddenkey`: ways around the menu.
    Escape,
    /// `menu passwd` and `menu master passwd`.
    Password,
    /// `include` and `menu include`: entries that are in another file.
    Include,
}

/// What stands under a `label`.
#[derive(Debug, Default)]
pub(super) struct Label<'a> {
    pub line: usize,
    pub name: &'a str,
    title: Option<&'a str>,
    submenus: Vec<String>,
    /// The directive that names the kernel, and its value. Without one the label itself is the kernel.
    pub kernel: Option<(&'a str, &'a str)>,
    append: Option<&'a str>,
    pub initrd: Option<&'a str>,
    pub ip_append: Option<&'a str>,
    /// Starts something that is no kernel: another loader, a menu, the disk.
    other: bool,
    /// Leads to another menu.
    pub leads_on: bool,
    menu_default: bool,
}

/// The lines that name the volume `old`, as they name `new`.
pub(super) fn relabelled(
    lines: &[Line<'_>],
    (old, new): (&str, &str),
) -> Result<BTreeMap<usize, String>, BootMenuError> {
    let mut changed = BTreeMap::new();
    let mut in_text = false;
    for (index, line) in lines.iter().enumerate() {
        let (keyword, _) = directive(line.text);
        match keyword.as_str() {
            "text" if !in_text => in_text = true,
            "endtext" => in_text = false,
            // Names, and texts that are shown.
            "label" | "menu" | "say" => {}
            _ if in_text => {}
            _ => {
                let unsupported = |problem| BootMenuError::Unsupported { line: index + 1, problem };
                let new = references::relabelled(line.text, old, new).map_err(unsupported)?;
                changed.extend(new.map(|new| (index, new)));
            }
        }
    }
    Ok(changed)
}

impl<'a> Config<'a> {
    /// Begins a label; not where labels have more from elsewhere than any menu's.
    fn open_label(
        &mut self,
        line: usize,
        name: &'a str,
        submenus: &[String],
        append: Option<&'a str>,
    ) -> bool {
        self.first.get_or_insert(line);
        let titles = submenus.iter().map(|title| title.len() + size_of::<String>());
        self.inherited += titles.sum::<usize>() + append.map_or(0, str::len);
        if self.inherited > MOST_INHERITED {
            self.unread = Some(line);
            return false;
        }
        let submenus = submenus.to_vec();
        self.labels.push(Label { line, name, submenus, append, ..Label::default() });
        true
    }

    pub fn read(lines: &[Line<'a>]) -> Self {
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
                    if !config.open_label(index, value, &submenus, append) {
                        break;
                    }
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
                        ("title", _) if submenus.is_empty() => {
                            config.noted.push((Noted::Title, index));
                        }
                        ("label" | "title", None) => {
                            if let Some(open) = submenus.last_mut() {
                                *open = shown(value);
                            }
                        }
                        ("default", Some(label)) => {
                            label.menu_default = true;
                            // In a submenu it only says which of its entries is marked.
                            if submenus.is_empty() {
                                config.noted.push((Noted::Choice, index));
                            }
                        }
                        // The submenu itself is the default of the menu above it.
                        ("default", None) if submenus.len() <= 1 => {
                            config.noted.push((Noted::Choice, index));
                        }
                        // The submenu is what is shown first.
                        ("start", _) if !submenus.is_empty() => {
                            config.noted.push((Noted::Choice, index));
                        }
                        ("hidden" | "shiftkey", _) => config.noted.push((Noted::Hidden, index)),
                        ("hiddenkey", _) => config.noted.push((Noted::Escape, index)),
                        ("passwd" | "master", _) => config.noted.push((Noted::Password, index)),
                        ("include", _) => config.noted.push((Noted::Include, index)),
                        ("exit" | "goto", Some(label)) => {
                            label.other = true;
                            label.leads_on = true;
                        }
                        ("quit" | "disable" | "disabled", Some(label)) => {
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
                ("ontimeout" | "totaltimeout", _) => config.noted.push((Noted::Choice, index)),
                ("prompt" | "noescape", _) => config.noted.push((Noted::Escape, index)),
                ("include", _) => config.noted.push((Noted::Include, index)),
                ("serial", _) => config.noted.push((Noted::Serial, index)),
                ("ui", _) => config.ui = true,
                _ => {}
            }
        }
        config
    }

    /// Where something was noted.
    pub fn lines(&self, what: Noted) -> impl Iterator<Item = usize> {
        self.noted.iter().filter(move |(noted, _)| *noted == what).map(|(_, line)| *line)
    }

    /// Whether a program shows a menu; without one there is only a prompt.
    pub fn has_menu(&self) -> bool {
        self.ui || self.defaults.last().is_some_and(|(_, value)| is_program(value))
    }

    /// The entries, in the order of the file.
    pub fn entries(&self) -> Vec<BootEntry> {
        let default = self.default_label();
        let entry = |(index, label): (usize, &Label<'_>)| label.entry(default == Some(index));
        self.labels.iter().enumerate().map(entry).collect()
    }

    /// Which label starts when nobody presses a key.
    fn default_label(&self) -> Option<usize> {
        let named = self.defaults.last().map(|(_, value)| first_word(value));
        let find = |name: &str| self.labels.iter().position(|label| label.name == name);
        if let Some(label) = named.and_then(find) {
            return Some(label);
        }
        if !self.has_menu() {
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
    pub fn append(&self) -> &str {
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

pub(super) fn first_word(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}

/// Whether a `default` is the program that shows the menu, such as vesamenu.c32.
pub(super) fn is_program(value: &str) -> bool {
    let name = first_word(value).to_ascii_lowercase();
    [".c32", ".com", ".cbt"].iter().any(|extension| name.ends_with(extension))
}
