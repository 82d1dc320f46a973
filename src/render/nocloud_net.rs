//! A seed on a web server: which nodes can use one, and how a machine is told where it is.

use std::path::Path;

use url::Url;

use crate::model::Kind;
use crate::plan::{InterfacePlan, NodePlan};

/// Why a node cannot use one, where it cannot. It asks before it knows which node it is, and gets no network-config: it needs an address
/// by DHCP on a plain port, and ports that are found under whatever name the image gives them.
#[must_use]
pub fn refusal(node: &NodePlan) -> Option<String> {
    let is_port = |i: &&InterfacePlan| i.kind == Kind::Ethernet;
    let asks = |i: &InterfacePlan| i.leads_out && i.dhcp && i.bond.is_none() && i.bridge.is_none();
    let name = &node.name;
    if !node.interfaces.iter().filter(is_port).any(asks) {
        return Some(format!(
            "`{name}` has no port with DHCP on the network `management`, and cloud-init reads no network-config from a web server: it \
             would never reach it. `trainyard seed {name} --kind cidata` makes a medium that has it"
        ));
    }
    // A cloud image's kernel names ports eth0, eth1 and so on, as many as there are.
    let ports = node.interfaces.iter().filter(is_port).count();
    let of_image = |name: &str| (0..ports).any(|n| name == format!("eth{n}"));
    let ports = node.interfaces.iter().filter(is_port);
    let named: Vec<_> = ports
        .filter(|i| !i.found_by_mac && !of_image(&i.name))
        .map(|i| format!("`{}`", i.name))
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "cloud-init reads no network-config from a web server, so {name}'s ports keep the names that the image gives them (`eth0` and so \
             on), and none is called {}: say `match: mac` and `mac` for each in the lab file, or take `--kind cidata`",
            named.join(", ")
        )
    })
}

/// Why an address cannot be told to cloud-init.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// The server's.
    #[error(
        "this `--url` cannot be told to cloud-init: it takes http, https or ftp, a host and a folder, in plain ASCII and without a user, \
         such as `http://10.0.0.2:8000/`"
    )]
    Url,
    /// The folder's name.
    #[error(
        "`{0}` is no name that a URL and a command line take as it is: choose another with `-o`"
    )]
    Folder(String),
}

/// What tells cloud-init's data source where the folder is: `ds=nocloud-net;s=URL/FOLDER/`. Where nobody says by which URL it is served,
/// it has words that stand for it.
///
/// # Errors
/// It cannot be said there.
pub fn source(url: Option<&str>, folder: &Path) -> Result<String, NotTold> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"';\"\\`$&?#<>".contains(c));
    let is_one = |url: &&str| {
        is_plain(url)
            && Url::parse(url).is_ok_and(|parsed| {
                matches!(parsed.scheme(), "http" | "https" | "ftp")
                    && parsed.username().is_empty()
                    && parsed.password().is_none()
            })
    };
    let url = match url {
        Some(url) => Some(url).filter(is_one).ok_or(NotTold::Url)?,
        None => "http://SERVER:PORT",
    };
    if !is_plain(&folder) {
        return Err(NotTold::Folder(folder.into_owned()));
    }
    Ok(format!("ds=nocloud-net;s={}/{folder}/", url.trim_end_matches('/')))
}

/// How a machine is told, one of these, ready to paste.
#[must_use]
pub fn lines(node: &str, source: &str) -> String {
    // A comma ends a part of what QEMU's option says.
    let doubled = source.replace(',', ",,");
    format!(
        "kernel      '{source}'\n\
         QEMU        -smbios 'type=1,serial={doubled}'\n\
         VirtualBox  VBoxManage setextradata {node} VBoxInternal/Devices/pcbios/0/Config/DmiSystemSerial '{source}'\n\
         \x20           (with EFI: VBoxInternal/Devices/efi/0/Config/DmiSystemSerial)\n"
    )
}
