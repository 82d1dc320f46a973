//! What GRUB reads when UEFI has fetched it from the network: a configuration that asks for one of this machine's own, and those that
//! answer it.

use super::by_network::{NetworkBootError, Origin, Start, hyphened};
use super::shell::{has_bare_backslash, quote_word};
use crate::model::Mac;
use crate::plan::NodePlan;

/// What every machine is given, by TFTP: it asks the server at `url` for more.
#[must_use]
pub fn who(url: &str) -> String {
    let folder = quote_word(&file(url, &format!("{url}/grub/")));
    format!("configfile {folder}$net_default_mac\n{DISK}")
}

/// An address of the server at `url`, as GRUB has it: a device and a path. Before version 2.12 it speaks to port 80 only, and takes a number
/// for a part of the name.
fn file(url: &str, address: &str) -> String {
    let path = address.strip_prefix(url).unwrap_or(address);
    let host = url.trim_start_matches("http://");
    format!("(http,{}){path}", host.strip_suffix(":80").unwrap_or(host))
}

/// What a machine is given that is not to be installed: the CentOS on its disk, and where it has none, the next entry of the firmware's own
/// order. That follows a program that failed; GRUB can say so only as Red Hat builds it, and others end in the firmware's set-up.
pub const DISK: &str = "if search --no-floppy --file --set=root /EFI/centos/shimx64.efi; then
  chainloader /EFI/centos/shimx64.efi
  boot
fi
exit 1
";

/// Installs a node from there; the medium's files have an address at `url`.
///
/// # Errors
/// The lab's own arguments cannot be said.
pub fn install(
    node: &NodePlan,
    url: &str,
    origin: &Origin,
    card: Mac,
) -> Result<String, NetworkBootError> {
    let start = Start::of(node, origin, "", Some(&hyphened(card)));
    start.refuse("GRUB", |argument| {
        argument.contains(|it: char| it.is_whitespace() || "'\"".contains(it))
            || has_bare_backslash(argument)
    })?;
    let (kernel, initrd) = (file(url, &start.kernel), file(url, &start.initrd));
    // It says by itself what it started.
    start.line("BOOT_IMAGE= ".len() + kernel.len())?;
    let arguments = start.arguments.iter().map(|argument| quote_word(argument));
    let arguments = arguments.collect::<Vec<_>>().join(" ");
    let (kernel, initrd) = (quote_word(&kernel), quote_word(&initrd));
    let (name, role) = (&node.name, &node.role);
    // Red Hat's older GRUB has one kind of these commands only, and later ones the other.
    Ok(format!(
        "# {name} (role {role}) installs itself.
if linuxefi {kernel} {arguments}; then
  initrdefi {initrd}
else
  linux {kernel} {arguments}
  initrd {initrd}
fi
boot
"
    ))
}
