//! Arguments of a kernel's command line: the installer's, and the installed system's.

use serde::Serialize;

use crate::report::Rule;
use crate::spec::{Added, KernelSpec, Spanned};
use crate::template::quote::is_plain_word;

use super::settle::{Resolver, Wrong};

/// The installed system's kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// Arguments that are added.
    pub arguments: Vec<String>,
    /// Arguments that are taken away.
    pub remove: Vec<String>,
}

/// Arguments (without `inst.`) that say where the installer and its kickstart are, or make it something else.
const OF_THE_INSTALLER: [&str; 9] =
    ["ks", "stage2", "repo", "nosave", "initrd", "rescue", "ks.sendmac", "ks.sendsn", "BOOT_IMAGE"];

/// Arguments that the boot loader writes for each kernel.
const OF_THE_LOADER: [&str; 3] = ["root", "initrd", "BOOT_IMAGE"];

/// What is taken out of a command line takes this argument with it: a name alone takes it with any value.
pub(super) fn takes(removed: &str, argument: &str) -> bool {
    argument == removed || argument.split_once('=').is_some_and(|(name, _)| name == removed)
}

/// One that the installer is started with.
pub(super) fn of_the_installer(text: &str) -> Result<String, Wrong> {
    let is_reserved = |name: &str| OF_THE_INSTALLER.contains(&name.trim_start_matches("inst."));
    argument(text, is_reserved, "leave it out: the menu entry has it, or must not")
}

/// One that the installed system is started with.
fn of_the_system(text: &str) -> Result<String, Wrong> {
    let is_reserved = |name: &str| OF_THE_LOADER.contains(&name);
    argument(text, is_reserved, "leave it out: the boot loader gives it to each kernel")
}

fn argument(text: &str, is_reserved: impl Fn(&str) -> bool, help: &str) -> Result<String, Wrong> {
    if !is_plain_word(text) || text.starts_with(['=', '-']) {
        return Err(Wrong::from("one kernel argument, such as `console=ttyS0,115200n8`"));
    }
    if is_reserved(text.split('=').next().unwrap_or(text)) {
        return Err(Wrong::new("is trainyard's to say", help));
    }
    Ok(text.to_owned())
}

pub(super) fn kernel(spec: Option<&Spanned<KernelSpec>>, r: &mut Resolver) -> Kernel {
    let spec = spec.map(|s| &s.value);
    let (added, removed) =
        (spec.and_then(|s| s.arguments.as_ref()), spec.and_then(|s| s.remove.as_ref()));
    Kernel {
        arguments: list("kernel.arguments", added, of_the_system, r),
        remove: removed_from("kernel.remove", removed, added, of_the_system, r),
    }
}

pub(super) type Written<'s> = Option<&'s Spanned<Added<String>>>;

pub(super) fn list(
    path: &str,
    written: Written,
    parse: impl Fn(&str) -> Result<String, Wrong>,
    r: &mut Resolver,
) -> Vec<String> {
    r.settle_added(path, written.map(|a| a.value.0.as_slice()), parse)
}

/// What is taken out of a command line; what is also added to it is told.
pub(super) fn removed_from(
    path: &str,
    written: Written,
    added: Written,
    parse: impl Fn(&str) -> Result<String, Wrong>,
    r: &mut Resolver,
) -> Vec<String> {
    let items = |written: Written<'_>| written.map(|a| a.value.0.clone()).unwrap_or_default();
    for removed in items(written) {
        if items(added).iter().any(|added| takes(&removed.value, &added.value)) {
            let why = "is both added and removed";
            let help = "one of the two; to change a value, only add the argument with its new one";
            r.reject(&removed, Wrong::of(Rule::ArgumentTwice, why, help));
        }
    }
    list(path, written, parse, r)
}
