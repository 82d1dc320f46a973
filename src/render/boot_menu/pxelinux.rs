//! What PXELINUX reads where it can fetch by HTTP (`lpxelinux.0`, since version 5): a configuration of this machine's own, by its address
//! (SYSLINUX's doc/syslinux.txt and doc/pxelinux.txt).

use super::by_network::{NetworkBootError, Origin, Start};
use crate::plan::NodePlan;

/// What a machine is given that is not to be installed: the next entry of the firmware's own order.
pub const DISK: &str = "default disk
label disk
  localboot -1
";

/// Installs a node from there.
///
/// # Errors
/// The lab's own arguments cannot be said.
pub fn install(node: &NodePlan, origin: &Origin) -> Result<String, NetworkBootError> {
    let start = Start::of(node, origin, "", None);
    start.refuse("PXELINUX", |argument| argument.contains(char::is_whitespace))?;
    let Start { kernel, initrd, .. } = &start;
    // It puts these before and after what it is told.
    let added = format!("BOOT_IMAGE={kernel} initrd={initrd} BOOTIF=01-00-00-00-00-00-00 ");
    let arguments = start.line(added.len())?;
    let (name, role) = (&node.name, &node.role);
    Ok(format!(
        "# {name} (role {role}) installs itself.
default install
label install
  kernel {kernel}
  initrd {initrd}
  append {arguments}
  ipappend 2
"
    ))
}
