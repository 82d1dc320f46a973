//! Arguments of a kernel's command line: the installer's, and the installed system's.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::Rule;
use crate::spec::{Added, InstallerSpec, KernelSpec, Spanned};
use crate::template::quote::is_plain_word;

use super::settle::{Resolver, Wrong};
use super::{Origin, installer_arguments, kernel_arguments, lifelines};

/// What a lab says of a kernel's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// Arguments that are added.
    pub arguments: Vec<String>,
    /// Arguments that are taken away.
    pub remove: Vec<String>,
}

/// Arguments that the boot loader writes for each kernel.
const OF_THE_LOADER: [&str; 3] = ["root", "initrd", "BOOT_IMAGE"];

/// What is taken out of a command line takes this argument with it: a name alone takes it with any value.
fn takes(removed: &str, argument: &str) -> bool {
    argument == removed || argument.split_once('=').is_some_and(|(name, _)| name == removed)
}

/// Arguments that may stand several times, each for something of its own (kernel-parameters.txt, dracut.cmdline(7),
/// systemd 219, anaconda); with those that begin with `rd.`. Of any other, the last one counts.
const REPEATED: [&str; 22] = [
    "acpi_osi",
    "bond",
    "bridge",
    "console",
    "crashkernel",
    "earlycon",
    "hugepages",
    "hugepagesz",
    "ifname",
    "inst.addrepo",
    "inst.dd",
    "inst.driverdisk",
    "ip",
    "memmap",
    "modprobe.blacklist",
    "nameserver",
    "pci",
    "systemd.mask",
    "systemd.setenv",
    "systemd.wants",
    "team",
    "vlan",
];

fn name_of(argument: &str) -> &str {
    argument.split('=').next().unwrap_or(argument)
}

fn may_repeat(name: &str) -> bool {
    REPEATED.contains(&name) || name.starts_with("rd.")
}

/// Whether an argument takes the place of an inherited one.
fn replaces(own: &str, inherited: &str) -> bool {
    // How many pages are of one size stands behind the size.
    let is_pages = name_of(own) == "hugepages";
    (own == inherited && !is_pages)
        || (name_of(own) == name_of(inherited) && !may_repeat(name_of(own)))
}

/// A command line that a lab says something of: the keys, what they say, and which arguments are none of a lab's.
struct Line<'s> {
    arguments: (&'static str, Written<'s>),
    remove: (&'static str, Written<'s>),
    reserved: fn(&str) -> bool,
    why_reserved: &'static str,
    check: fn(&str) -> Result<(), Wrong>,
    /// What stands there without the lab; what `boot_menu` and anaconda's `bootloader.py` write, where that is longest.
    standing: &'static [&'static str],
}

/// With ISOLINUX, from CentOS 7.9's own media.
const OF_THE_MEDIUM: &[&str] = &[
    "BOOT_IMAGE=vmlinuz",
    "initrd=initrd.img",
    r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64",
    "quiet",
    r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg",
    "inst.nosave=all_ks",
];
/// With the layout `lvm`, and a later kernel of CentOS 7.
const OF_THE_SYSTEM: &[&str] = &[
    "BOOT_IMAGE=/vmlinuz-3.10.0-1160.119.1.el7.x86_64",
    "root=/dev/mapper/trainyard-root",
    "ro",
    "rd.lvm.lv=trainyard/root",
    "rd.lvm.lv=trainyard/swap",
    "rhgb",
    "quiet",
    "LANG=en_US.UTF-8",
];
/// Bytes that a kernel of x86 keeps of its command line (`COMMAND_LINE_SIZE` of Linux 3.10, less the closing zero).
const LONGEST: usize = 2047;

type Written<'s> = Option<&'s Spanned<Added<String>>>;

/// The installer's.
pub(super) fn of_the_installer(spec: Option<&InstallerSpec>, r: &mut Resolver) -> Kernel {
    let (added, removed) = (
        spec.and_then(|s| s.boot_arguments.as_ref()),
        spec.and_then(|s| s.boot_arguments_removed.as_ref()),
    );
    let line = Line {
        arguments: ("installer.boot_arguments", added),
        remove: ("installer.boot_arguments_removed", removed),
        reserved: installer_arguments::is_reserved,
        why_reserved: "leave it out: the menu entry has it, or must not",
        check: |text| {
            lifelines::argument(text)
                .and_then(|()| kernel_arguments::argument(text))
                .and_then(|()| installer_arguments::argument(text))
        },
        standing: OF_THE_MEDIUM,
    };
    line.resolve(r)
}

/// The installed system's.
pub(super) fn kernel(spec: Option<&Spanned<KernelSpec>>, r: &mut Resolver) -> Kernel {
    let spec = spec.map(|s| &s.value);
    let line = Line {
        arguments: ("kernel.arguments", spec.and_then(|s| s.arguments.as_ref())),
        remove: ("kernel.remove", spec.and_then(|s| s.remove.as_ref())),
        reserved: |name| OF_THE_LOADER.contains(&name),
        why_reserved: "leave it out: the boot loader gives it to each kernel",
        check: |text| lifelines::argument(text).and_then(|()| kernel_arguments::argument(text)),
        standing: OF_THE_SYSTEM,
    };
    line.resolve(r)
}

/// What one place says: the lab, a role or a node, in one file.
#[derive(Default)]
struct Layer<'s> {
    added: Vec<&'s Spanned<String>>,
    removed: Vec<&'s Spanned<String>>,
}

impl Line<'_> {
    /// What is left of it, the lab's first. What is nearer to the node takes back, or replaces, what is not.
    fn resolve(&self, r: &mut Resolver) -> Kernel {
        let mut layers: BTreeMap<_, Layer> = BTreeMap::new();
        for argument in items(self.arguments.1) {
            if let Err(wrong) = self.check(&argument.value) {
                r.reject(argument, wrong);
                continue;
            }
            if let Err(wrong) = (self.check)(&argument.value) {
                r.reject(argument, wrong);
            }
            layers.entry(r.nearness(argument)).or_default().added.push(argument);
        }
        for argument in items(self.remove.1) {
            let wrong = self.check(&argument.value);
            match wrong.and_then(|()| lifelines::removed_argument(&argument.value)) {
                Err(wrong) => r.reject(argument, wrong),
                Ok(()) => layers.entry(r.nearness(argument)).or_default().removed.push(argument),
            }
        }
        let (mut added, mut removed): (Vec<&Spanned<String>>, Vec<_>) = (Vec::new(), Vec::new());
        for layer in layers.into_values() {
            layer.tell_twice(r);
            let is_taken =
                |a: &&Spanned<String>| layer.removed.iter().any(|x| takes(&x.value, &a.value));
            added.retain(|known| !is_taken(known));
            added.retain(|known| !layer.added.iter().any(|a| replaces(&a.value, &known.value)));
            removed.retain(|known: &&Spanned<String>| {
                !layer.added.iter().any(|a| takes(&known.value, &a.value))
                    && !layer.removed.iter().any(|x| x.value == known.value)
            });
            added.extend(layer.added);
            removed.extend(layer.removed);
        }
        self.tell_long(&added, &removed, r);
        let mut noted = |path: &str, arguments: Vec<&Spanned<String>>| -> Vec<String> {
            if arguments.is_empty() {
                r.note(path, &"none", Origin::BuiltIn);
            }
            for argument in &arguments {
                let origin = r.origin(argument.span);
                r.note(path, &argument.value, origin);
            }
            arguments.into_iter().map(|a| a.value.clone()).collect()
        };
        Kernel { arguments: noted(self.arguments.0, added), remove: noted(self.remove.0, removed) }
    }

    /// Tells a line that the kernel would cut off without a word.
    fn tell_long(
        &self,
        added: &[&Spanned<String>],
        removed: &[&Spanned<String>],
        r: &mut Resolver,
    ) {
        let Some(last) = added.last() else { return };
        let is_left = |a: &&&str| !removed.iter().any(|x| takes(&x.value, a));
        let standing = self.standing.iter().filter(is_left).map(|a| a.len());
        let lengths: Vec<usize> = standing.chain(added.iter().map(|a| a.value.len())).collect();
        let length = lengths.iter().sum::<usize>() + lengths.len() - 1;
        if length > LONGEST {
            let own: usize = added.iter().map(|a| a.value.len() + 1).sum();
            let message =
                format!("the command line has {length} bytes, and the kernel keeps {LONGEST}");
            let help = format!(
                "`{}` takes {own} of them: shorten it by {} at least",
                self.arguments.0,
                length - LONGEST
            );
            r.tell(Rule::CommandLine, last, message, help);
        }
    }

    fn check(&self, text: &str) -> Result<(), Wrong> {
        if !is_plain_word(text) || text.starts_with(['=', '-']) {
            return Err(Wrong::from("one kernel argument, such as `console=ttyS0,115200n8`"));
        }
        if (self.reserved)(name_of(text)) {
            return Err(Wrong::new("is trainyard's to say", self.why_reserved));
        }
        Ok(())
    }
}

impl Layer<'_> {
    /// Tells what one place says in two ways.
    fn tell_twice(&self, r: &mut Resolver) {
        for removed in &self.removed {
            if self.added.iter().any(|added| takes(&removed.value, &added.value)) {
                let help = "one of the two; what a role or a node adds takes the place of what it inherits, and what it removes takes it back";
                let why = "is both added and removed";
                r.reject(removed, Wrong::of(Rule::ArgumentTwice, why, help));
            }
        }
        for (i, own) in self.added.iter().enumerate() {
            let twice = |other: &&&Spanned<String>| replaces(&own.value, &other.value);
            if let Some(first) = self.added[..i].iter().find(twice) {
                let first =
                    format!("`{}`, {}", first.value, r.sources.seen_from(own.span, first.span));
                let why = format!("stands beside {first}");
                r.reject(
                    own,
                    Wrong::of(
                        Rule::ArgumentTwice,
                        why,
                        "keep one of the two: the kernel heeds the last one",
                    ),
                );
            }
        }
    }
}

fn items(written: Written<'_>) -> impl Iterator<Item = &Spanned<String>> {
    written.into_iter().flat_map(|a| &a.value.0)
}
