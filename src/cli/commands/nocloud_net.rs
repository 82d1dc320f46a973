//! A seed on a web server: which nodes can use one, and how a machine is told where it is.

use std::path::Path;

use anyhow::{Result, bail};
use url::Url;

use crate::exit::{self, Failure};
use crate::model::Kind;
use crate::plan::{InterfacePlan, NodePlan};

/// A node asks a web server before it knows which node it is, and gets no network-config from it: it needs an address by DHCP on a
/// plain port, and ports that are found under whatever name the image gives them.
pub(super) fn check_network(node: &NodePlan) -> Result<()> {
    let is_port = |i: &&InterfacePlan| i.kind == Kind::Ethernet;
    let asks = |i: &InterfacePlan| i.leads_out && i.dhcp && i.bond.is_none() && i.bridge.is_none();
    let name = &node.name;
    if !node.interfaces.iter().filter(is_port).any(asks) {
        bail!(refused(format!(
            "`{name}` has no port with DHCP on the network `management`, and cloud-init reads no network-config from a web server: it \
             would never reach it. `--kind cidata` makes a medium that has it"
        )));
    }
    // A cloud image's kernel names ports eth0, eth1 and so on, as many as there are.
    let ports = node.interfaces.iter().filter(is_port).count();
    let of_image = |name: &str| (0..ports).any(|n| name == format!("eth{n}"));
    let named = |i: &&InterfacePlan| !i.found_by_mac && !of_image(&i.name);
    let named: Vec<_> = node
        .interfaces
        .iter()
        .filter(is_port)
        .filter(named)
        .map(|i| format!("`{}`", i.name))
        .collect();
    if !named.is_empty() {
        bail!(refused(format!(
            "cloud-init reads no network-config from a web server, so {name}'s ports keep the names that the image gives them (`eth0` and so \
             on), and none is called {}: say `match: mac` and `mac` for each in the lab file, or take `--kind cidata`",
            named.join(", ")
        )));
    }
    Ok(())
}

fn refused(message: String) -> Failure {
    Failure::new(exit::REFUSED, message)
}

/// What tells cloud-init's data source where the folder is: `ds=nocloud-net;s=URL/FOLDER/`.
///
/// # Errors
/// The URL is none that can be said there.
pub(super) fn source(url: Option<&str>, folder: &Path) -> Result<String> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let url = url.unwrap_or("http://SERVER:PORT/");
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"';\"\\`$&?#<>".contains(c));
    let parsed = Url::parse(url).ok().filter(|parsed| {
        matches!(parsed.scheme(), "http" | "https" | "ftp")
            && parsed.username().is_empty()
            && parsed.password().is_none()
    });
    if url != "http://SERVER:PORT/" && (parsed.is_none() || !is_plain(url)) {
        bail!(Failure::new(
            exit::USAGE,
            "this `--url` cannot be told to cloud-init: it takes http, https or ftp, a host and a folder, in plain ASCII and without a user, \
             such as `http://10.0.0.2:8000/`"
        ));
    }
    if !is_plain(&folder) {
        bail!(Failure::new(
            exit::USAGE,
            format!(
                "`{folder}` is no name that a URL and a command line take as it is: choose another with `-o`"
            )
        ));
    }
    Ok(format!("ds=nocloud-net;s={}/{folder}/", url.trim_end_matches('/')))
}
