//! Boot menus: reads those of an installation medium, and adds an entry that installs unattended.
//!
//! [`isolinux`] is what BIOS reads, [`grub`] what UEFI reads. Both parse just enough to edit: every line
//! that is not touched stays byte for byte, every line that is touched stays beside its replacement as a
//! comment, and [`restore`] gives the original back.

mod by_network;
mod edit;
pub mod grub;
pub mod grub_net;
pub mod ipxe;
pub mod isolinux;
mod label;
pub mod pxelinux;
mod shell;

use serde::Serialize;
use thiserror::Error;

pub use by_network::{NetworkBootError, Origin, hyphened};
pub use edit::restore;
pub use label::{escape_label, unescape_label};

/// Bytes of the kernel's command line with its closing zero (`COMMAND_LINE_SIZE` of x86 in Linux 3.10).
/// A longer one is cut off without a word.
pub const COMMAND_LINE_LIMIT: usize = 2048;

/// The longest time that a menu can wait: ISOLINUX takes at most 35996 tenths of a second.
pub const LONGEST_TIMEOUT_SECONDS: u16 = 3599;

/// The entry to add: the medium's own install entry with more arguments, started by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnattendedEntry {
    /// What the menu shows, on one line.
    pub title: String,
    /// Arguments of the kernel that are added, such as `inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg`.
    pub extra_arguments: Vec<String>,
    /// Arguments of the medium's own entry that are left out: a name, which stands for any value too, or a name
    /// with its value. One that the entry does not have is left out already.
    pub removed_arguments: Vec<String>,
    /// How long the menu waits. 0 starts at once (ISOLINUX then waits a tenth of a second, because there
    /// 0 means for ever).
    pub timeout_seconds: u16,
}

/// One entry of a boot menu.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BootEntry {
    /// What the menu shows.
    pub title: String,
    /// ISOLINUX's label; GRUB entries have none.
    pub label: Option<String>,
    /// The titles of the menus in which it stands, outermost first; empty in the main menu.
    pub submenus: Vec<String>,
    /// The kernel's path, as the boot loader sees it. Entries that start something else have none.
    pub kernel: Option<String>,
    /// The initial file system's path.
    pub initrd: Option<String>,
    /// The kernel's arguments, as the kernel gets them.
    pub arguments: Vec<String>,
    /// Whether it starts when nobody presses a key.
    pub default: bool,
}

impl BootEntry {
    /// Whether the entry starts the installation in the ordinary way: not after a media check, and not
    /// as a rescue system.
    fn is_plain_install(&self) -> bool {
        let loads = self.kernel.is_some() && (self.initrd.is_some() || self.has("inst.stage2"));
        loads
            && !["rd.live.check", "mediacheck", "rescue", "inst.rescue"]
                .iter()
                .any(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.split('=').next() == Some(name))
    }
}

/// Why an entry cannot be added.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootMenuError {
    /// The menu was edited before.
    #[error(
        "the boot menu was customised already ({what}); start from the medium as it was published"
    )]
    AlreadyEdited {
        /// What shows it.
        what: String,
    },
    /// There is nothing to copy.
    #[error(
        "the boot menu has no plain install entry (one with a kernel and an initrd, without rd.live.check or rescue); \
         its entries are: {}; is it an installation medium?",
        list(seen)
    )]
    NoInstallEntry {
        /// Titles of the entries there are.
        seen: Vec<String>,
    },
    /// The kernel would get a part of its arguments only.
    #[error(
        "the kernel's command line would be {length} bytes long, and the kernel takes {}; use fewer or shorter boot \
         arguments",
        COMMAND_LINE_LIMIT - 1
    )]
    CommandLineTooLong {
        /// Its bytes, without the closing zero.
        length: usize,
    },
    /// The title cannot be shown.
    #[error("`{}` cannot be the title of a boot entry: {problem}", title.escape_debug())]
    BadTitle {
        /// The title.
        title: String,
        /// Why not.
        problem: &'static str,
    },
    /// An argument would not reach the kernel as it is.
    #[error("`{}` cannot be a boot argument: {problem}", argument.escape_debug())]
    BadArgument {
        /// The argument.
        argument: String,
        /// Why not.
        problem: &'static str,
    },
    /// The marker cannot be used.
    #[error("`{}` cannot mark an edit: use letters, digits, `-` and `_`", marker.escape_debug())]
    BadMarker {
        /// The marker.
        marker: String,
    },
    /// No menu can wait so long.
    #[error("a boot menu cannot wait {seconds} seconds; use at most {LONGEST_TIMEOUT_SECONDS}")]
    BadTimeout {
        /// The time.
        seconds: u16,
    },
    /// The text is written in a way that this editor cannot edit safely.
    #[error("line {line} of the boot menu cannot be edited: {problem}")]
    Unsupported {
        /// The line, from 1.
        line: usize,
        /// Why not.
        problem: &'static str,
    },
}

fn list(titles: &[String]) -> String {
    if titles.is_empty() { "none".into() } else { format!("`{}`", titles.join("`, `")) }
}

impl UnattendedEntry {
    /// Whether an argument of the medium's own entry is left out.
    fn removes(&self, argument: &str) -> bool {
        let name = argument.split('=').next().unwrap_or(argument);
        self.removed_arguments.iter().any(|removed| removed == argument || removed == name)
    }

    /// Refuses what could end a line, or would not reach the kernel as it was given.
    fn check(&self, marker: &str) -> Result<(), BootMenuError> {
        if marker.is_empty()
            || !marker.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        {
            return Err(BootMenuError::BadMarker { marker: marker.to_owned() });
        }
        let bad_title =
            |problem| Err(BootMenuError::BadTitle { title: self.title.clone(), problem });
        if self.title.trim().is_empty() {
            return bad_title("it is empty");
        }
        if self.title.chars().any(char::is_control) {
            return bad_title("it has a line break or another control character");
        }
        if self.timeout_seconds > LONGEST_TIMEOUT_SECONDS {
            return Err(BootMenuError::BadTimeout { seconds: self.timeout_seconds });
        }
        self.extra_arguments.iter().try_for_each(|argument| match argument_problem(argument) {
            Some(problem) => {
                Err(BootMenuError::BadArgument { argument: argument.clone(), problem })
            }
            None => Ok(()),
        })
    }
}

fn argument_problem(argument: &str) -> Option<&'static str> {
    if argument.is_empty() {
        Some("it is empty")
    } else if argument.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some(
            "it has a blank or a control character, at which the kernel would split it; write `\\x20` for a blank",
        )
    } else if argument.contains(['\'', '"']) || shell::has_bare_backslash(argument) {
        // grub_create_loader_cmdline() puts a backslash before quotes, and before every backslash that
        // does not begin `\xNN`; ISOLINUX puts none.
        Some(
            "GRUB would add a backslash to its quote or backslash (only `\\x` and two hexadecimal digits pass)",
        )
    } else {
        None
    }
}

/// The entry to copy.
fn plain_install(entries: &[BootEntry]) -> Result<usize, BootMenuError> {
    let Some(index) = entries.iter().position(BootEntry::is_plain_install) else {
        let seen = entries.iter().map(|entry| entry.title.clone()).collect();
        return Err(BootMenuError::NoInstallEntry { seen });
    };
    let kickstart = ["inst.ks", "ks"].iter().find(|name| entries[index].has(name));
    if let Some(name) = kickstart {
        let what = format!("`{}` has an argument `{name}`", entries[index].title);
        return Err(BootMenuError::AlreadyEdited { what });
    }
    Ok(index)
}

/// Refuses a command line (without its closing zero) that the kernel would cut off.
fn check_length(length: usize) -> Result<(), BootMenuError> {
    if length < COMMAND_LINE_LIMIT {
        Ok(())
    } else {
        Err(BootMenuError::CommandLineTooLong { length })
    }
}
