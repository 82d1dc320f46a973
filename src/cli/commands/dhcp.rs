use std::net::SocketAddr;

use anyhow::{Result, bail};

use super::load::Good;
use crate::cli::ui::{Ui, print as show};
use crate::cli::{DhcpArgs, DhcpMode, LoaderChoice};
use crate::exit::{self, Failure};
use crate::model::MANAGEMENT;
use crate::serve::{Choice, Dhcp, Loader, Loaders, Mode};

/// What dnsmasq is to do, and the boot loaders that it gives; nothing where nobody wants it.
pub(super) fn wanted(
    args: &DhcpArgs,
    listen: SocketAddr,
    url: &str,
    good: &Good,
    ui: &Ui,
) -> Result<Option<(Dhcp, Loaders)>> {
    let Some(dhcp) = chosen(args, listen, url, good)? else { return Ok(None) };
    let loaders = Loaders::find(loader(args), args.ipxe.as_deref())?;
    let without = dhcp.without_address(&good.plan);
    if !without.is_empty() {
        ui.note(format!(
            "the lab knows these by something else than the card that they boot from, and they may get no address: {}; `--dhcp-range` gives one to machines that it does not know",
            without.join(", ")
        ));
    }
    Ok(Some((dhcp, loaders)))
}

/// Prints the configuration alone.
pub(super) fn print(args: &DhcpArgs, listen: SocketAddr, url: &str, good: &Good) -> Result<()> {
    if let Some(dhcp) = chosen(args, listen, url, good)? {
        show(&dhcp.by_hand(args.ipxe.as_deref()))?;
    }
    Ok(())
}

fn chosen(args: &DhcpArgs, listen: SocketAddr, url: &str, good: &Good) -> Result<Option<Dhcp>> {
    let mode = match args.dhcp {
        DhcpMode::None if is_more(args) => bail!(Failure::new(exit::USAGE, NEEDED)),
        DhcpMode::None => return Ok(None),
        DhcpMode::Proxy => Mode::Proxy,
        DhcpMode::Full => Mode::Full,
    };
    let choice = Choice { mode, loader: loader(args), range: args.dhcp_range };
    let management = good.lab.network(MANAGEMENT);
    Ok(Some(Dhcp::new(choice, listen, url, &good.plan, management)?))
}

const NEEDED: &str = "`--dhcp-range`, `--ipxe`, `--loader grub` and `--print-dnsmasq` need `--dhcp proxy` or `--dhcp full` beside them";

/// Whether there is something that means nothing alone.
fn is_more(args: &DhcpArgs) -> bool {
    let is_other = args.loader != LoaderChoice::Ipxe || args.ipxe.is_some();
    is_other || args.dhcp_range.is_some() || args.print_dnsmasq
}

fn loader(args: &DhcpArgs) -> Loader {
    match args.loader {
        LoaderChoice::Ipxe => Loader::Ipxe,
        LoaderChoice::Grub => Loader::Grub,
    }
}
