//! What machines are made of.

use crate::spec::SettingsSpec;

use super::Hardware;
use super::kernel_arguments::LEAST_MEMORY_MIB;
use super::settle::Resolver;

pub(super) fn resolve(spec: &SettingsSpec, r: &mut Resolver) -> Option<Hardware> {
    let cpus = r.settle_number("cpus", spec.cpus.as_ref(), 1..=256);
    let memory = r.settle("memory", spec.memory.as_ref(), memory);
    let disk = r.settle("disk", spec.disk.as_ref(), size);
    Some(Hardware { cpus: cpus?, memory_mib: memory?.0, disk_mib: disk?.0 })
}

fn memory(text: &str) -> Result<Size, String> {
    match size(text)? {
        found if found.0 >= LEAST_MEMORY_MIB => Ok(found),
        _ => Err(format!("at least {}: CentOS 7's installer needs it", Size(LEAST_MEMORY_MIB))),
    }
}

/// A size in MiB.
#[derive(Clone, Copy)]
pub(super) struct Size(pub u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1024) {
            write!(f, "{}GiB", self.0 / 1024)
        } else {
            write!(f, "{}MiB", self.0)
        }
    }
}

pub(super) fn size(text: &str) -> Result<Size, String> {
    let (digits, factor) = match text {
        _ if text.ends_with("MiB") => (text.trim_end_matches("MiB"), 1),
        _ if text.ends_with("GiB") => (text.trim_end_matches("GiB"), 1024),
        _ if text.ends_with("TiB") => (text.trim_end_matches("TiB"), 1024 * 1024),
        _ => ("", 0),
    };
    let digits = digits.trim_end();
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u64>() {
        Ok(n @ 1..=1_000_000) => Ok(Size(n * factor)),
        _ if is_number => {
            Err("a number from 1 to 1000000 before its unit (MiB, GiB or TiB)".into())
        }
        _ => Err("a whole number with its unit, such as `4GiB` (MiB, GiB or TiB)".into()),
    }
}
