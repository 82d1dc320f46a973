//! What a role ISO has otherwise than its base: three boot menus and the mark.

use super::base::{Base, GRUB_CFG, INNER_GRUB_CFG, ISOLINUX_CFG};
use super::{IsoError, KICKSTART, Mark, efiboot};
use crate::digest::Digest;
use crate::plan::{NodePlan, Plan};
use crate::render::boot_menu::{self, UnattendedEntry, grub, isolinux};

/// What marks our lines in a boot menu.
const MARKER: &str = "trainyard";

/// The files that differ from the base.
pub(super) struct Edited {
    pub isolinux_cfg: String,
    pub grub_cfg: String,
    pub efiboot: Vec<u8>,
    pub mark: Mark,
}

/// Edits the base's boot menus so that they start the installation of a node.
pub(super) fn edit(
    base: &Base,
    plan: &Plan,
    node: &NodePlan,
    kickstart: &str,
) -> Result<Edited, IsoError> {
    let label = base.medium.label();
    let mut extra_arguments = vec![
        format!("inst.ks=hd:LABEL={}:{KICKSTART}", boot_menu::escape_label(label)),
        // The installer keeps copies of its kickstart on the node otherwise.
        "inst.nosave=all_ks".to_owned(),
    ];
    extra_arguments.extend(node.installer.boot_arguments.iter().cloned());
    let disk = node.storage.storage.disk.name.as_deref().unwrap_or("the disk that fits");
    let entry = UnattendedEntry {
        title: format!("Install {} of the lab {} (to {disk})", node.name, plan.lab),
        extra_arguments,
        removed_arguments: node.installer.boot_arguments_removed.clone(),
        timeout_seconds: node.installer.boot_timeout,
    };
    let menu = |file, source| IsoError::BootMenu { file, source };
    let isolinux_cfg = isolinux::add_unattended(&base.isolinux_cfg, &entry, MARKER)
        .map_err(|e| menu(ISOLINUX_CFG, e))?;
    let grub_cfg =
        grub::add_unattended(&base.grub_cfg, &entry, MARKER).map_err(|e| menu(GRUB_CFG, e))?;
    let inner_grub_cfg = grub::add_unattended(&base.inner_grub_cfg, &entry, MARKER)
        .map_err(|e| menu(INNER_GRUB_CFG, e))?;
    let mut efiboot = base.efiboot.clone();
    efiboot::replace_file(&mut efiboot, INNER_GRUB_CFG, inner_grub_cfg.as_bytes())?;
    let mark = Mark {
        schema: 1,
        trainyard: env!("CARGO_PKG_VERSION").to_owned(),
        lab: plan.lab.clone(),
        node: node.name.clone(),
        role: node.role.clone(),
        kickstart_sha256: Digest::of(kickstart.as_bytes()).to_string(),
        base_label: label.to_owned(),
        base_sha256: base.sha256.to_string(),
    };
    Ok(Edited { isolinux_cfg, grub_cfg, efiboot, mark })
}
