//! Whether KVM works here: by running a machine with it, because a device that is there may still not.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use crate::tool::{Tool, ToolError};

/// A boot sector that ends its QEMU with 33: `mov al, 16; out 0xf4, al`, and `isa-debug-exit` makes 2 · 16 + 1 of that.
const SECTOR: [u8; 4] = [0xb0, 0x10, 0xe6, 0xf4];
const ENDED: &str = "33";
/// A sector is loaded in a second.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether machines run on the processor itself. Asked once.
#[must_use]
pub fn has_kvm(qemu: &Tool) -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| cfg!(target_os = "linux") && boots(qemu, "kvm", "host").unwrap_or(false))
}

/// Whether a machine starts what is on its disk.
pub(super) fn boots(qemu: &Tool, accelerator: &str, processor: &str) -> std::io::Result<bool> {
    let mut sector = [0_u8; 512];
    sector[..4].copy_from_slice(&SECTOR);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let disk = tempfile::NamedTempFile::new()?;
    fs::write(disk.path(), sector)?;
    let machine = format!("pc,accel={accelerator}");
    let drive = format!("if=ide,format=raw,file={}", disk.path().display());
    let words =
        ["-machine", &machine, "-cpu", processor, "-m", "16", "-nodefaults", "-display", "none"];
    let words =
        words.into_iter().chain(["-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
    let ran = qemu.run(words.chain(["-drive", &drive])).limit(LIMIT).finish();
    Ok(matches!(ran, Err(ToolError::Failed { status, .. }) if status.ends_with(ENDED)))
}

#[cfg(test)]
mod tests {
    use super::boots;
    use crate::machines::qemu::QEMU;
    use crate::tool::Tool;

    #[test]
    fn a_machine_that_starts_is_known_from_one_that_does_not() {
        let qemu = Tool::locate(QEMU).expect("QEMU");
        assert!(boots(&qemu, "tcg", "max").expect("asked"));
        assert!(!boots(&qemu, "no-such-thing", "max").expect("asked"));
    }
}
