//! What iPXE runs: a script that asks for one of this machine's own, and those that answer it.

use super::by_network::{NetworkBootError, Origin, Start};
use crate::plan::NodePlan;

/// What every machine is given. It asks the same server, by an address beside its own, for a script of this machine's.
/// iPXE takes what is before the first colon of an address for its scheme, wherever that colon is, so there is none: hardware
/// addresses have hyphens. And what is encoded in an address, versions before 2021-11 decode and send as it is, so a serial number
/// is told as its bytes.
pub const WHO: &str = "#!ipxe
chain ipxe?mac=${netX/mac:hexhyp}&uuid=${uuid}&serial_hex=${serial:hexraw} || exit 1
";

/// What a machine is given that is not to be installed. BIOS is told to start the first disk, and where it has none, or by
/// UEFI, the next entry of the firmware's own order follows: only after a program that failed. After one that ended well, UEFI
/// shows its set-up.
pub const DISK: &str = "#!ipxe
iseq ${platform} efi && exit 1 ||
sanboot --no-describe --drive 0x80 || exit 1
";

/// Installs a node from there.
///
/// # Errors
/// The lab's own arguments cannot be said.
pub fn install(node: &NodePlan, origin: &Origin) -> Result<String, NetworkBootError> {
    let card = Some("${netX/mac:hexhyp}");
    let start = Start::of(node, origin, "initrd=initrd.img", card);
    // `${` is iPXE's in the card alone.
    start.refuse("iPXE", |argument| {
        argument.contains(char::is_whitespace)
            || matches!(argument, "||" | "&&" | ";")
            || (argument.contains("${") && !argument.starts_with("BOOTIF=01-${netX/"))
    })?;
    let arguments = start.line(0)?;
    let (name, role) = (&node.name, &node.role);
    let Start { kernel, initrd, .. } = start;
    Ok(format!(
        "#!ipxe
# {name} (role {role}) installs itself.
kernel {kernel} {arguments}
initrd {initrd}
boot
"
    ))
}

#[cfg(test)]
mod tests {
    use super::{DISK, WHO};

    /// What iPXE makes of a script on this machine: its settings' values instead of their names.
    fn expanded(script: &str) -> String {
        let settings = [
            ("${netX/mac:hexhyp}", "52-54-00-aa-00-11"),
            ("${uuid}", "4c4c4544-0042-3510-8054-b7c04f533132"),
            ("${serial:hexraw}", "534e20313a32"),
        ];
        settings.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    #[test]
    fn the_address_of_a_machines_own_script_is_a_relative_one() {
        let script = expanded(WHO);
        let address = script.split_whitespace().nth(2).expect("an address");
        assert!(address.starts_with("ipxe?mac="), "{address}");
        // Anything else iPXE reads as a scheme, decodes, or takes for the end of a word.
        let plain = |it: char| it.is_ascii_alphanumeric() || "-?=&_".contains(it);
        assert!(address.chars().all(plain), "{address}");
    }

    #[test]
    fn firmware_goes_on_after_a_failure_only() {
        for script in [WHO, DISK] {
            let exits: Vec<_> = script.match_indices("exit").map(|(at, _)| &script[at..]).collect();
            assert!(!exits.is_empty());
            assert!(exits.iter().all(|it| it.starts_with("exit 1")), "{script}");
        }
    }
}
