//! What a role ISO has otherwise than its base: boot menus, kickstarts, what a person adds, and the mark.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::base::{Base, EFIBOOT, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG};
use super::mark::{self, MarkBase, MarkNode, Place};
use super::{IsoError, KICKSTART, Mark, Order, UPDATES, efiboot};
use crate::digest::Digest;
use crate::medium::BLOCK;
use crate::plan::{InstallerPlan, NodePlan};
use crate::render::boot_menu::{self, Menu, UnattendedEntry, grub, isolinux};

/// What marks our lines in a boot menu.
pub(super) const MARKER: &str = "trainyard";

/// What differs from the base.
pub(super) struct Edited {
    /// Files that are new or replaced: path and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Parts of the base's image that are written over where they lie.
    pub patches: Vec<(u64, Vec<u8>)>,
    /// What a person adds: where it is on this machine, and its path.
    pub additions: Vec<(PathBuf, String)>,
    /// Bytes of all that is added.
    pub bytes: u64,
    /// What the medium says of itself.
    pub mark: Mark,
}

/// Works out what a medium becomes.
pub(super) fn edit(base: &Base, order: &Order) -> Result<Edited, IsoError> {
    let label = order.custom.volume_id.as_deref().unwrap_or(base.medium.label());
    let menu = menu(base, order, label);
    let wrong = |file| move |source| IsoError::BootMenu { file, source };
    let isolinux_cfg =
        isolinux::edit(&base.isolinux_cfg, &menu, MARKER).map_err(wrong(ISOLINUX_CFG))?;
    let grub_cfg = grub::edit(&base.grub_cfg, &menu, MARKER).map_err(wrong(GRUB_CFG))?;
    let inner_grub_cfg =
        grub::edit(&base.inner_grub_cfg, &menu, MARKER).map_err(wrong(INNER_GRUB_CFG))?;
    let mut files = vec![
        (ISOLINUX_CFG.to_owned(), isolinux_cfg.into_bytes()),
        (GRUB_CFG.to_owned(), grub_cfg.into_bytes()),
    ];
    let mut nodes = Vec::new();
    for (node, kickstart) in &order.nodes {
        let path = order.kickstart_path(node);
        nodes.push(MarkNode {
            name: node.name.clone(),
            role: node.role.clone(),
            kickstart: path.clone(),
        });
        files.push((path, kickstart.as_bytes().to_vec()));
    }
    if let Some(chooser) = &order.chooser {
        files.push((KICKSTART.to_owned(), chooser.as_bytes().to_vec()));
    }

    let mut image = base.efiboot()?;
    let old = image.clone();
    efiboot::replace_file(&mut image, INNER_GRUB_CFG, inner_grub_cfg.as_bytes())?;
    let image_digest = Digest::of(&image);
    let place = base.medium.entry(EFIBOOT)?.and_then(|entry| entry.first_block());
    let patches = match place {
        Some(block) if image.len() == old.len() => {
            differing(u64::from(block) * BLOCK, &old, &image)
        }
        // It had no room, and was made anew.
        _ => {
            files.push((EFIBOOT.to_owned(), image));
            Vec::new()
        }
    };

    let mut digests: BTreeMap<String, Digest> =
        files.iter().map(|(path, content)| (path.clone(), Digest::of(content))).collect();
    digests.insert(EFIBOOT.to_owned(), image_digest);
    let mut additions = Vec::new();
    let mut bytes = files.iter().map(|(_, content)| content.len() as u64).sum();
    let mut folders = Vec::new();
    for addition in order.custom.add.iter().chain(&order.custom.updates) {
        let found = addition.found(base, &digests)?;
        digests.extend(found.files.clone());
        folders.extend(found.folders.iter().cloned());
        bytes += found.bytes;
        additions.push((addition.source.clone(), addition.target.clone()));
    }
    folders.sort();
    // The descriptors and the boot image's sectors are written over; so is what an isohybrid image is padded with.
    let written = patches.iter().map(range);
    let mut undo: Vec<Range<u64>> =
        std::iter::once(0..base.medium.descriptors_end()).chain(written).collect();
    let here = base.medium.volume_size();
    let padding = base.medium.bytes(&(here..base.medium.file_size()))?;
    undo.extend(differing(here, &vec![0; padding.len()], &padding).iter().map(range));
    let own = mark(base, order, label, nodes);
    let mark = Mark {
        base: MarkBase { here, ..own.base },
        media_check: order.custom.media_check,
        files: digests,
        folders,
        undo: undo.iter().map(|r| Place { at: r.start, length: r.end - r.start }).collect(),
        ..own
    };
    Ok(Edited { files, patches, additions, bytes, mark })
}

/// What a medium says of itself, but for its files; nothing of its base is in it.
pub(super) fn mark(base: &Base, order: &Order, label: &str, nodes: Vec<MarkNode>) -> Mark {
    Mark {
        schema: mark::SCHEMA,
        trainyard: env!("CARGO_PKG_VERSION").to_owned(),
        made: httpdate::fmt_http_date(
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(order.epoch),
        ),
        lab: order.plan.lab.clone(),
        lab_file_sha256: order.lab_file,
        nodes,
        base: MarkBase {
            volume_id: base.medium.label().to_owned(),
            size: base.medium.file_size(),
            sha256: base.sha256,
            here: 0,
        },
        volume_id: label.to_owned(),
        media_check: false,
        files: BTreeMap::new(),
        folders: Vec::new(),
        undo: Vec::new(),
    }
}

fn range((at, bytes): &(u64, Vec<u8>)) -> Range<u64> {
    *at..at + bytes.len() as u64
}

/// What the boot menus become.
pub(super) fn menu(base: &Base, order: &Order, label: &str) -> Menu {
    let custom = order.custom;
    let of_node = |(node, _): &(&NodePlan, &str)| {
        let disk = node.storage.storage.disk.name.as_deref().unwrap_or("the disk that fits");
        let installer = &node.installer;
        UnattendedEntry {
            title: format!("Install {} of the lab {} (to {disk})", node.name, order.plan.lab),
            extra_arguments: arguments(
                order,
                label,
                &order.kickstart_path(node),
                &installer.boot_arguments,
            ),
            removed_arguments: removed(order, &installer.boot_arguments_removed),
        }
    };
    let mut entries: Vec<_> = order.nodes.iter().map(of_node).collect();
    let first = &order.nodes[0].0.installer;
    let mut timeout = Some(first.boot_timeout);
    if order.chooser.is_some() {
        let installers = || order.nodes.iter().map(|(node, _)| &node.installer);
        let of_all = |of: fn(&InstallerPlan) -> &Vec<String>| -> Vec<String> {
            let in_all =
                |word: &&String| installers().all(|installer| of(installer).contains(word));
            of(first).iter().filter(in_all).cloned().collect()
        };
        let chooser = UnattendedEntry {
            title: format!("Install this machine: a node of the lab {}", order.plan.lab),
            extra_arguments: arguments(order, label, KICKSTART, &of_all(|i| &i.boot_arguments)),
            removed_arguments: removed(order, &of_all(|i| &i.boot_arguments_removed)),
        };
        entries.insert(0, chooser);
        // Whom nothing tells from others, a person must choose.
        timeout = if order.nodes.iter().any(|(node, _)| !node.machine.macs.is_empty()) {
            installers().map(|installer| installer.boot_timeout).max()
        } else {
            None
        };
    }
    Menu {
        entries,
        timeout: custom.timeout.unwrap_or(timeout),
        title: custom.menu_title.clone(),
        serial: custom.serial,
        password: custom.menu_password.clone(),
        label: custom.volume_id.clone().map(|new| (base.medium.label().to_owned(), new)),
    }
}

/// The arguments that an entry adds.
fn arguments(order: &Order, label: &str, kickstart: &str, of_node: &[String]) -> Vec<String> {
    let on_medium = |name: &str, path: &str| {
        format!("{name}=hd:LABEL={}:{path}", boot_menu::escape_label(label))
    };
    let mut all = vec![
        on_medium("inst.ks", kickstart),
        // The installer keeps copies of its kickstart on the node otherwise.
        "inst.nosave=all_ks".to_owned(),
    ];
    if order.custom.updates.is_some() {
        all.push(on_medium("inst.updates", UPDATES));
    }
    let stays =
        |argument: &&String| !boot_menu::is_removed(&order.custom.removed_arguments, argument);
    all.extend(of_node.iter().filter(stays).cloned());
    all.extend(order.custom.arguments.iter().cloned());
    all
}

fn removed(order: &Order, of_node: &[String]) -> Vec<String> {
    of_node.iter().chain(&order.custom.removed_arguments).cloned().collect()
}

/// The sectors in which an image differs from the one at byte `at`, neighbours together. Both are equally long.
fn differing(at: u64, old: &[u8], new: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
    let sectors = old.chunks(efiboot::SECTOR).zip(new.chunks(efiboot::SECTOR));
    for (n, (_, new)) in sectors.enumerate().filter(|(_, (old, new))| old != new) {
        let at = at + (n * efiboot::SECTOR) as u64;
        match found.last_mut() {
            Some((begin, bytes)) if *begin + bytes.len() as u64 == at => bytes.extend(new),
            _ => found.push((at, new.to_vec())),
        }
    }
    found
}

/// What `%packages` of a node's kickstart names.
pub(super) fn packages(node: &NodePlan) -> Vec<&str> {
    node.installer.packages.iter().map(String::as_str).collect()
}
