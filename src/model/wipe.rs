//! Whether what may be wiped is said of one machine.

use crate::report::{Rule, Sources};
use crate::spec::{DiskSpec, SettingsSpec, Spanned};

use super::machine;
use super::settle::Resolver;

/// Tells a `wipe: yes` that a node inherits, where neither the machine nor the disk is named: whatever machine that medium is
/// put into loses its disk.
pub(super) fn tell_inherited(settings: &SettingsSpec, r: &mut Resolver) {
    let Some(storage) = settings.storage.as_ref().map(|s| &s.value) else { return };
    if names_machine(settings) {
        return;
    }
    let data = storage.data.as_ref().map(|d| &d.value);
    tell(storage.wipe.as_ref(), storage.disk.as_ref(), r);
    tell(data.and_then(|d| d.wipe.as_ref()), data.and_then(|d| d.disk.as_ref()), r);
}

fn tell(wipe: Option<&Spanned<bool>>, disk: Option<&Spanned<DiskSpec>>, r: &mut Resolver) {
    let Some(wipe) = wipe.filter(|w| w.value && w.span.file != Sources::BUILT_IN) else { return };
    if !wipe.path.starts_with("nodes.") && !disk.is_some_and(names_disk) {
        let message = "every node that inherits this wipes its disk, whatever is on it, and whichever machine it is";
        let help = "say it at the node that is to be installed, and take it out afterwards; or name the machine (`machine: {serial: …}`, an interface's `mac`) or the disk (`serial`, `by_id`)";
        r.tell(Rule::WipeInherited, wipe, message, help);
    }
}

/// Whether the lab names one machine, so that the installer refuses every other.
fn names_machine(settings: &SettingsSpec) -> bool {
    let machine = settings.machine.as_ref().map(|m| &m.value);
    machine.is_some_and(|m| m.serial.is_some() || m.uuid.is_some())
        || !machine::named_macs(settings).is_empty()
}

fn names_disk(disk: &Spanned<DiskSpec>) -> bool {
    match &disk.value {
        DiskSpec::Name(_) => false,
        DiskSpec::Match(fields) => fields.serial.is_some() || fields.by_id.is_some(),
    }
}
