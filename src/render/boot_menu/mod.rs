//! Boot menus: reads those of an installation medium, and edits them into what a [`Menu`] asks for.
//!
//! [`isolinux`] is what BIOS reads, [`grub`] what UEFI reads. Both parse just enough to edit: every line
//! that is not touched stays byte for byte, every line that is touched stays beside its replacement as a
//! comment, and [`restore`] gives the original back.

mod by_network;
mod edit;
mod error;
pub mod grub;
pub mod grub_net;
pub mod ipxe;
pub mod isolinux;
mod label;
mod menu;
mod password;
pub mod pxelinux;
mod references;
#[cfg(test)]
mod samples;
mod shell;

use serde::Serialize;

pub use by_network::{NetworkBootError, Origin, hyphened};
pub use edit::restore;
pub use error::BootMenuError;
pub use label::{escape_label, unescape_label};
pub(crate) use menu::is_removed;
pub use menu::{
    LONGEST_MENU_TITLE, LONGEST_TIMEOUT_SECONDS, Menu, SERIAL_SPEEDS, Serial, UnattendedEntry,
};
pub use password::{MENU_USER, MenuPassword};

/// Bytes of the kernel's command line with its closing zero (`COMMAND_LINE_SIZE` of x86 in Linux 3.10).
/// A longer one is cut off without a word.
pub const COMMAND_LINE_LIMIT: usize = 2048;

/// What entries may have from elsewhere: the titles of the submenus in which they stand, the arguments that all of them share. In bytes, over
/// all entries. A menu of some hundred thousand bytes could ask for gigabytes of it; a real one has some hundred bytes.
const MOST_INHERITED: usize = 1 << 20;

/// Why a menu with more of it is not edited: what comes after is not read.
const TOO_INTRICATE: &str = "up to there its submenus and blocks repeat more than any menu's do";

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
