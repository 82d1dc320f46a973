//! What the machines of a role are made of.

use crate::spec::{Entries, RoleSpec, Spanned};

use super::settle::{Resolver, word};
use super::{CONTROLLER, Hardware};

/// The roles that every lab has: cpus, memory and disk in MiB, as the reference lab has them.
const BUILT_IN: [(&str, Hardware); 2] = [
    (CONTROLLER, Hardware { cpus: 2, memory_mib: 4096, disk_mib: 10 * 1024 }),
    ("compute", Hardware { cpus: 2, memory_mib: 4096, disk_mib: 20 * 1024 }),
];

pub(super) fn resolve(
    spec: Option<&Spanned<Entries<RoleSpec>>>,
    r: &mut Resolver,
) -> Vec<(String, Hardware)> {
    let written = spec.map_or(&[][..], |s| &s.value.0);
    let own = written
        .iter()
        .filter(|e| BUILT_IN.iter().all(|(name, _)| *name != e.name.value))
        .map(|e| &e.name);
    let mut names: Vec<(String, Hardware)> =
        BUILT_IN.map(|(name, hardware)| (name.to_owned(), hardware)).to_vec();
    for name in own {
        match word(&name.value, 32, "_-") {
            Ok(known) => names.push((known, BUILT_IN[1].1)),
            Err(allowed) => r.reject(name, format!("a role's name is {allowed}")),
        }
    }
    for (name, hardware) in &mut names {
        let entry = written.iter().find(|e| e.name.value == *name).map(|e| &e.value);
        let at = |key: &str| format!("roles.{name}.{key}");
        hardware.cpus = r.settle_number(
            &at("cpus"),
            entry.and_then(|e| e.cpus.as_ref()),
            hardware.cpus,
            1..=256,
        );
        hardware.memory_mib = r
            .settle(
                &at("memory"),
                entry.and_then(|e| e.memory.as_ref()),
                Size(hardware.memory_mib),
                size,
            )
            .0;
        hardware.disk_mib = r
            .settle(&at("disk"), entry.and_then(|e| e.disk.as_ref()), Size(hardware.disk_mib), size)
            .0;
    }
    names
}

/// A size in MiB.
#[derive(Clone, Copy)]
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1024) {
            write!(f, "{}GiB", self.0 / 1024)
        } else {
            write!(f, "{}MiB", self.0)
        }
    }
}

fn size(text: &str) -> Result<Size, String> {
    let (digits, factor) = match text {
        _ if text.ends_with("MiB") => (text.trim_end_matches("MiB"), 1),
        _ if text.ends_with("GiB") => (text.trim_end_matches("GiB"), 1024),
        _ if text.ends_with("TiB") => (text.trim_end_matches("TiB"), 1024 * 1024),
        _ => ("", 0),
    };
    match digits.trim_end().parse::<u64>() {
        Ok(n @ 1..=1_000_000) => Ok(Size(n * factor)),
        _ => Err("a whole number with its unit, such as `4GiB` (MiB, GiB or TiB)".into()),
    }
}
