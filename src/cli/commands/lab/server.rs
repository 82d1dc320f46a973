//! The lab's own server, which nodes tell how far they are.

use std::net::{IpAddr, SocketAddrV4};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::super::load::load_again;
use super::super::lock::make_for_nodes;
use super::super::packages::of_lab;
use super::super::serve::medium;
use super::super::server::Server;
use super::At;
use crate::cli::lab::HowArgs;
use crate::cli::packages::BUDGET;
use crate::cli::ui::Ui;
use crate::machines::{Provider, Wanted};
use crate::serve::{self, Folder, NewNodes, Options, ServeError, Timeline};

/// Longer than any lab takes: who waits has limits of its own.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// What nodes know it as; nothing where they have no way to this machine's loopback.
pub(super) fn url(provider: &dyn Provider, wanted: &Wanted, port: u16) -> Option<String> {
    Some(format!("http://{}:{port}", provider.host(wanted)?))
}

/// Begins it: on this machine's loopback, which nodes reach by their network's way out.
pub(super) fn begin(
    at: &At,
    listen: SocketAddrV4,
    provider: &dyn Provider,
    wanted: &Wanted,
    how: &HowArgs,
    ui: &Ui,
) -> Result<(Server, Timeline)> {
    let url = url(provider, wanted, listen.port()).context(
        "nodes have no way to this machine's loopback: `networks.management` must be a NAT network or host-only, with a subnet and a gateway",
    )?;
    // What comes to the loopback has that address; on a bridge each node has its own.
    let own = IpAddr::from(*listen.ip()).into();
    let subnet = wanted.management().and_then(|network| network.subnet);
    let allowed = subnet.filter(|_| !listen.ip().is_loopback()).map_or(own, Into::into);
    let path = at.state;
    let folder = Folder::open(path)
        .map_err(|source| ServeError::Folder { path: path.to_owned(), source })?;
    let options = Options {
        listen: listen.into(),
        url,
        allowed: vec![allowed],
        attempts: u32::MAX,
        silence: NEVER,
        armed_for: NEVER,
        new_nodes: NewNodes::Leave,
        on_event: None,
        dhcp: None,
        tls: None,
        rate: 0,
        signer: None,
    };
    let (lab_file, secrets_file) = (at.lab_file.to_owned(), at.secrets_file.to_owned());
    let lock = at.good.lab.package_lock.clone();
    let again = move || load_again(&lab_file, &secrets_file, false, lock.as_deref());
    let lab = again().map_err(|wrong| anyhow!(wrong))?;
    let (image, cache) = (how.image.as_deref(), how.network.cache.as_deref());
    let medium = || medium(image, cache, &at.good.lab, at.lab_file, &folder, ui);
    let medium = wanted.boot.is_some().then(medium).transpose()?;
    let served = serve::Server::new(lab, Box::new(again), medium, folder, options)?;
    let (cache, network) = (how.network.cache()?, how.network.network());
    let packages = of_lab(&at.good.lab, &cache, network, BUDGET)?;
    make_for_nodes(&packages, &at.good.lab, ui)?;
    let timeline = served.timeline();
    let (begun, ready) = mpsc::channel();
    let told = begun.clone();
    // It ends with this program.
    thread::spawn(move || {
        let ended = served.run(packages, move |_| drop(begun.send(Ok(()))));
        let _ = told.send(ended);
    });
    ready.recv().context("the lab's server ended")??;
    Ok((Server::at(path, format!("http://{listen}"))?, timeline))
}
