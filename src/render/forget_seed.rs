//! What makes a seed be forgotten: only a node of cloud-init's has it, and no kickstart.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::node::Placed;

/// The files.
pub(super) const FILES: [Placed<'static>; 3] = [
    placed(
        "/usr/local/libexec/trainyard/forget-seed.sh",
        "0755",
        include_str!("../../scripts/node/forget-seed.sh"),
    ),
    placed(
        "/etc/systemd/system/trainyard-forget-seed.service",
        "0644",
        include_str!("../../scripts/node/trainyard-forget-seed.service"),
    ),
    // The last by its name: the last that says something wins.
    placed(SETTINGS, "0644", include_str!("../../scripts/node/cloud.cfg")),
];

/// Settings of cloud-init's own.
pub(super) const SETTINGS: &str = "/etc/cloud/cloud.cfg.d/zz-trainyard.cfg";

const UNIT: &str = "trainyard-forget-seed.service";

const fn placed(path: &'static str, mode: &'static str, content: &'static str) -> Placed<'static> {
    Placed { path: Cow::Borrowed(path), mode, content: Cow::Borrowed(content), shared: true }
}

/// The commands, once systemd knows the unit. It waits for the end of cloud-init, so nothing may wait for it here.
pub(super) fn commands() -> [Value; 2] {
    [json!(["systemctl", "enable", UNIT]), json!(["systemctl", "--no-block", "start", UNIT])]
}
