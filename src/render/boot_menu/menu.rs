//! What a medium's boot menu is to become.

use super::shell::has_bare_backslash;
use super::{BootMenuError, MenuPassword};

/// The longest time that a menu can wait: ISOLINUX takes at most 35996 tenths of a second.
pub const LONGEST_TIMEOUT_SECONDS: u16 = 3599;

/// The longest title of a menu, in characters: what ISOLINUX's menu shows with its own margins.
pub const LONGEST_MENU_TITLE: usize = 56;

/// The speeds that both boot loaders and Linux know, in bits per second.
pub const SERIAL_SPEEDS: [u32; 5] = [9600, 19200, 38400, 57600, 115_200];

/// What a medium's boot menu becomes: [`isolinux::edit`](super::isolinux::edit) and
/// [`grub::edit`](super::grub::edit) make the same of either file, as far as the boot loaders can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Added before all others, in this order. The first is the default: it starts by itself when there is
    /// a timeout. Never empty.
    pub entries: Vec<UnattendedEntry>,
    /// How long the menu waits, in seconds. 0 starts at once (ISOLINUX then waits a tenth of a second,
    /// because there 0 means for ever); `None` waits for a person.
    pub timeout: Option<u16>,
    /// The menu's title, in place of the medium's: at most [`LONGEST_MENU_TITLE`] characters. GRUB's menu has
    /// none (Red Hat's does not even name its version; only a theme could show one, and the media bring no
    /// theme), so grub.cfg stays as it is.
    pub title: Option<String>,
    /// Where the boot loaders show their menus too, and take keys from. It is not the kernel's console:
    /// that is an argument of an entry, such as `console=ttyS0,115200`.
    pub serial: Option<Serial>,
    /// What must be typed before anything but [`entries`](Self::entries) is started or changed.
    pub password: Option<MenuPassword>,
    /// The medium's volume id, and the one that it gets in its place: every reference to it changes. Arguments
    /// of [`entries`](Self::entries) stay as they are, so they name the new one.
    pub label: Option<(String, String)>,
}

/// A serial line as the boot loaders drive it by themselves, with 8 bits, no parity and one stop bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial {
    /// 0 is the first, Linux's ttyS0; at most 3.
    pub unit: u8,
    /// Bits per second: one of [`SERIAL_SPEEDS`].
    pub speed: u32,
}

/// An entry to add: the medium's own install entry with more arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnattendedEntry {
    /// What the menu shows, on one line.
    pub title: String,
    /// Arguments of the kernel that are added, such as `inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg`.
    pub extra_arguments: Vec<String>,
    /// Arguments of the medium's own entry that are left out: a name, which stands for any value too, or a name
    /// with its value. One that the entry does not have is left out already.
    pub removed_arguments: Vec<String>,
}

impl Menu {
    /// Refuses what could end a line, or what a boot loader would take for something else.
    pub(super) fn check(&self, marker: &str) -> Result<(), BootMenuError> {
        if marker.is_empty()
            || !marker.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        {
            return Err(BootMenuError::BadMarker { marker: marker.to_owned() });
        }
        if self.entries.is_empty() {
            return Err(BootMenuError::NoEntries);
        }
        if let Some(seconds) = self.timeout.filter(|&seconds| seconds > LONGEST_TIMEOUT_SECONDS) {
            return Err(BootMenuError::BadTimeout { seconds });
        }
        if let Some(title) = &self.title {
            check_title(title)?;
            if title.trim().len() > LONGEST_MENU_TITLE {
                let problem = "it is longer than the 56 characters that ISOLINUX shows";
                return Err(BootMenuError::BadTitle { title: title.clone(), problem });
            }
        }
        if let Some(Serial { unit, speed }) = self.serial
            && (unit > 3 || !SERIAL_SPEEDS.contains(&speed))
        {
            return Err(BootMenuError::BadSerial { unit, speed });
        }
        if let Some((_, new)) = &self.label {
            check_label(new)?;
        }
        self.entries.iter().try_for_each(UnattendedEntry::check)
    }
}

impl UnattendedEntry {
    /// Whether an argument of the medium's own entry is left out.
    pub(super) fn removes(&self, argument: &str) -> bool {
        is_removed(&self.removed_arguments, argument)
    }

    /// Refuses what would not be shown, or not reach the kernel, as it was given.
    fn check(&self) -> Result<(), BootMenuError> {
        check_title(&self.title)?;
        self.extra_arguments.iter().try_for_each(|argument| match argument_problem(argument) {
            Some(problem) => {
                Err(BootMenuError::BadArgument { argument: argument.clone(), problem })
            }
            None => Ok(()),
        })
    }
}

/// Whether an argument is among those that are left out: by its name, which stands for any value too, or with its value.
pub(crate) fn is_removed(removed: &[String], argument: &str) -> bool {
    let name = argument.split('=').next().unwrap_or(argument);
    removed.iter().any(|removed| removed == argument || removed == name)
}

/// Refuses a volume id that ISO 9660 cannot hold, or that could not be referred to.
fn check_label(label: &str) -> Result<(), BootMenuError> {
    let problem = if label.is_empty() {
        "it is empty"
    } else if label.len() > 32 {
        "it is longer than the 32 bytes that ISO 9660 has for it"
    } else if label.trim() != label {
        "it begins or ends with a blank, and ISO 9660 fills it up with blanks"
    } else if !label.chars().all(|c| c.is_ascii_alphanumeric() || " ._-".contains(c)) {
        "use letters, digits, blanks, `.`, `_` and `-`, which the installer finds by `hd:LABEL=`"
    } else {
        return Ok(());
    };
    Err(BootMenuError::BadLabel { label: label.to_owned(), problem })
}

/// Refuses a title that one of the boot loaders would show otherwise.
fn check_title(title: &str) -> Result<(), BootMenuError> {
    let problem = if title.trim().is_empty() {
        "it is empty"
    } else if title.chars().any(char::is_control) {
        "it has a line break or another control character"
    } else if !title.is_ascii() {
        "ISOLINUX shows other characters in the place of those beyond ASCII"
    } else if title.contains('^') {
        "ISOLINUX takes `^` for the mark of a hot key"
    } else {
        return Ok(());
    };
    Err(BootMenuError::BadTitle { title: title.to_owned(), problem })
}

fn argument_problem(argument: &str) -> Option<&'static str> {
    if argument.is_empty() {
        Some("it is empty")
    } else if argument.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some(
            "it has a blank or a control character, at which the kernel would split it; write `\\x20` for a blank",
        )
    } else if argument.contains(['\'', '"']) || has_bare_backslash(argument) {
        // grub_create_loader_cmdline() puts a backslash before quotes, and before every backslash that
        // does not begin `\xNN`; ISOLINUX puts none.
        Some(
            "GRUB would add a backslash to its quote or backslash (only `\\x` and two hexadecimal digits pass)",
        )
    } else {
        None
    }
}
