//! What the wipe guard and the commands that it writes are made from.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::blame::{Fault, LINE};
use crate::model::{Disk, Layout, Storage, Uuid};
use crate::plan::{LAB_IDENTITY, NodePlan, Plan, StoragePlan};
use crate::secrets::{Missing, Secrets};

/// Where the kickstart takes what `%pre` has written.
const INCLUDE: &str = "%include /tmp/trainyard-storage.ks";

/// The log of the script that writes it, by which that script is known: one of a person's may write anything.
const LOG: &str = "--log=/tmp/trainyard-guard.log";

/// The commands that say what becomes of a disk. They stand in that file only: a `%pre` that fails stops nothing.
pub(super) const COMMANDS: [&str; 13] = [
    "autopart",
    "bootloader",
    "btrfs",
    "clearpart",
    "ignoredisk",
    "logvol",
    "mount",
    "part",
    "partition",
    "raid",
    "reqpart",
    "volgroup",
    "zerombr",
];

/// For the templates: `disks`, with the label of `/boot`, by which a disk that holds an earlier installation of this node is known,
/// and that of the data disk's file system.
///
/// # Errors
/// The lab's own secret is missing.
pub(super) fn context(plan: &Plan, node: &NodePlan, secrets: &Secrets) -> Result<Value, Missing> {
    let StoragePlan { storage } = &node.storage;
    let id = secrets.get(LAB_IDENTITY)?.reveal();
    let mark = |kind| mark(kind, id, &plan.lab, &node.name);
    let swap = storage.swap_mib.unwrap_or(0);
    let volumes: u64 = storage.volumes.iter().map(|volume| volume.size_mib).sum();
    let machine = &node.machine;
    Ok(json!({
        "mark": mark("ty"),
        "data_mark": mark("td"),
        "system": wanted(&storage.disk),
        "wipe": storage.wipe,
        "spare": spares_data(storage),
        "lvm": storage.layout == Layout::Lvm,
        "boot_mib": storage.boot_mib,
        "swap_mib": swap,
        "volumes": storage.volumes,
        // LVM's own data, and each volume rounded up to whole extents of 4 MiB.
        "group_mib": volumes + swap + 64,
        "data": storage.data.as_ref().map(|data| json!({
            "disk": wanted(&data.disk),
            "mount": data.mount,
            "filesystem": data.filesystem,
            "keep": data.keep,
            "wipe": data.wipe,
            "first": narrowness(&data.disk) > narrowness(&storage.disk),
        })),
        "serial": machine.serial,
        "uuid": machine.uuid,
        "uuid_swapped": machine.uuid.map(Uuid::swapped),
        "macs": machine.macs,
    }))
}

/// A file system's label, the same for the same lab and node: 12 characters, which is all that XFS has room for. Labs of the same
/// name are told apart by what each has made for itself; it cannot be read from the label.
fn mark(kind: &str, id: &str, lab: &str, node: &str) -> String {
    let digest = Sha256::digest(format!("{kind}\n{id}\n{lab}\n{node}"));
    let hex: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{}", &hex[..9])
}

/// Whether no disk with data of the node's own is installed to: always, but where the lab keeps none, lets everything go, and
/// says which disk that is.
fn spares_data(storage: &Storage) -> bool {
    let keeps = storage.data.as_ref().is_some_and(|data| data.mount.is_some() && data.keep);
    keeps || !storage.wipe || narrowness(&storage.disk) < NAMED
}

/// What a disk is named by may be another one's after the next boot; what it was made with is not.
const NAMED: usize = 100;

/// How closely it is said which disk is meant. `pick` takes one of many, so it says less than anything that holds of one only.
fn narrowness(disk: &Disk) -> usize {
    let own = [disk.by_id.is_some(), disk.serial.is_some()].contains(&true);
    let said = [
        disk.model.is_some(),
        disk.bus.is_some(),
        disk.least_mib.is_some(),
        disk.most_mib.is_some(),
    ];
    let criteria = said.into_iter().filter(|is_said| *is_said).count();
    2 * NAMED * usize::from(own)
        + NAMED * usize::from(disk.name.is_some())
        + 10 * usize::from(disk.pick.is_none())
        + criteria
}

/// A disk for the shell: what is not said is empty, or 0.
fn wanted(disk: &Disk) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    json!({
        "name": text(&disk.name),
        "by_id": text(&disk.by_id),
        "serial": text(&disk.serial),
        "model": text(&disk.model),
        "bus": disk.bus.map_or("", |bus| bus.as_str()),
        "least_mib": disk.least_mib.unwrap_or(0),
        "most_mib": disk.most_mib.unwrap_or(0),
        "pick": disk.pick.map_or("", |pick| pick.as_str()),
        "text": disk.to_string(),
    })
}

/// What the installer would do to a disk without having asked the guard, by the lines that are its own.
pub(super) fn lint(lines: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (mut section, mut guard, mut includes, mut guards) = ("", false, 0, 0);
    for line in lines {
        let first = line.split_whitespace().next().unwrap_or("");
        match first {
            "%end" => section = "",
            "%include" if section.is_empty() => {
                includes += 1;
                if *line != INCLUDE {
                    faults
                        .push(Fault::of_line(line, format!("{LINE} is not what the guard writes")));
                }
            }
            _ if first.starts_with('%') && section.is_empty() => {
                section = first;
                guard = first == "%pre" && line.split_whitespace().any(|word| word == LOG);
            }
            _ if section.is_empty() && COMMANDS.contains(&first) => {
                let what = format!("{LINE} stands where no wipe guard could hold it back");
                faults.push(Fault::of_line(line, what));
            }
            // A line of the text that it writes.
            "zerombr" if guard && !section.is_empty() => guards += 1,
            _ => {}
        }
    }
    if (includes, guards) != (1, 1) {
        let what = format!(
            "{guards} scripts guard the disks, and {includes} lines include what one writes: it must be one each"
        );
        let sign = if includes == 1 { LOG } else { INCLUDE };
        faults.push(Fault::missing(sign, what));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::lint::own_lines;

    fn lint(text: &str) -> Vec<String> {
        let told = super::lint(&own_lines(text)).into_iter();
        told.map(|fault| fault.what.replace(LINE, fault.line.as_deref().unwrap_or_default()))
            .collect()
    }

    const GUARD: &str = "%pre --log=/tmp/trainyard-guard.log\ncat > x << END\nzerombr\npart / --size=1\nEND\n%end\n";

    #[test]
    fn a_mark_is_a_node_s_own_and_fits_into_a_label_of_xfs() {
        let own = mark("ty", "4f3c2b1a", "train", "compute");
        assert_eq!(own.len(), 12);
        assert_eq!(own, mark("ty", "4f3c2b1a", "train", "compute"));
        for other in [
            mark("td", "4f3c2b1a", "train", "compute"),
            mark("ty", "4f3c2b1b", "train", "compute"),
            mark("ty", "4f3c2b1a", "train", "compute2"),
            mark("ty", "4f3c2b1a", "x", "compute"),
        ] {
            assert_ne!(own, other);
        }
    }

    #[test]
    fn what_clears_a_disk_stands_in_the_guard_only() {
        assert_eq!(lint(&format!("lang en\n{INCLUDE}\n{GUARD}")), Vec::<String>::new());
        assert_eq!(
            lint(&format!("{INCLUDE}\n  clearpart --all\n{GUARD}part / --size=1\n")),
            [
                "  clearpart --all stands where no wipe guard could hold it back",
                "part / --size=1 stands where no wipe guard could hold it back",
            ]
        );
        let one_each =
            |text: &str| lint(text).iter().any(|finding| finding.ends_with("it must be one each"));
        assert!(one_each(GUARD), "nothing is included");
        assert!(one_each(&format!("{INCLUDE}\n")), "nothing writes it");
        assert!(one_each(&format!("{INCLUDE}\n{INCLUDE}\n{GUARD}")));
        assert!(one_each(&format!("{INCLUDE}\n{}", GUARD.replace("%pre", "%post"))));
        let hook = "%pre\nput << END\nzerombr\nEND\n%end\n";
        assert_eq!(lint(&format!("{INCLUDE}\n{hook}{GUARD}")), Vec::<String>::new());
        assert!(one_each(&format!("{INCLUDE}\n{hook}")), "a hook guards nothing");
        assert_eq!(lint(&format!("%include /tmp/x.ks\n{GUARD}")).len(), 1);
    }
}
