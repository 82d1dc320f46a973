//! What can be wrong with a boot menu, or with what it is to become.

use thiserror::Error;

use super::{COMMAND_LINE_LIMIT, LONGEST_TIMEOUT_SECONDS, SERIAL_SPEEDS};

/// Why a menu cannot become what was asked for.
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
    /// Nothing is to be added.
    #[error("the boot menu would get no entry; give it at least one")]
    NoEntries,
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
    #[error("`{}` cannot be a title in a boot menu: {problem}", title.escape_debug())]
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
    /// The new volume id cannot be used.
    #[error("`{}` cannot be the label of a medium: {problem}", label.escape_debug())]
    BadLabel {
        /// The label.
        label: String,
        /// Why not.
        problem: &'static str,
    },
    /// The menu's password cannot be used. What it is, is not told.
    #[error("the boot menu's password cannot be used: {problem}")]
    BadPassword {
        /// Why not.
        problem: &'static str,
    },
    /// There is no such serial line.
    #[error(
        "a boot menu cannot use serial line {unit} with {speed} bits per second; use a line from 0 to 3, and {}",
        speeds()
    )]
    BadSerial {
        /// The line.
        unit: u8,
        /// Its speed.
        speed: u32,
    },
    /// ISOLINUX asks by a prompt.
    #[error(
        "ISOLINUX shows no menu that could have {what}: neither `ui` nor `default` names a program such as \
         vesamenu.c32; leave it out, or use the medium as it was published"
    )]
    NoMenu {
        /// What was asked for.
        what: &'static str,
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
    const MOST: usize = 40;
    let more = titles.len().saturating_sub(MOST);
    let shown = titles[..titles.len() - more].join("`, `");
    match (titles, more) {
        ([], _) => "none".into(),
        (_, 0) => format!("`{shown}`"),
        _ => format!("`{shown}` and {more} more"),
    }
}

/// "9600, 19200 or 38400".
fn speeds() -> String {
    let speeds = SERIAL_SPEEDS.map(|speed| speed.to_string());
    match speeds.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
