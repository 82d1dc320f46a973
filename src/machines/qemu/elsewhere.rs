//! Where the system has no UNIX sockets, nobody speaks to a QEMU, and so none of the lab's is there. `preflight` says so before anything
//! is made.

/// In the place of `qmp.rs`.
pub(super) mod qmp {
    use std::path::Path;

    use serde_json::Value;

    use crate::machines::MachineError;

    pub fn answers(_: &Path) -> bool {
        false
    }

    pub fn ask(_: &Path, _: &str, _: &Value) -> Result<Value, MachineError> {
        Err(MachineError::Said(super::super::preflight::NO_SOCKETS.to_owned()))
    }
}

/// In the place of `switch.rs`.
pub(super) mod switch {
    use std::path::Path;

    pub const SWITCH: &str = "switch";
    pub const GATEWAY: &str = "gateway";

    pub fn answers(_: &Path) -> bool {
        false
    }

    pub fn take_away(_: &Path) -> std::io::Result<()> {
        Ok(())
    }
}
