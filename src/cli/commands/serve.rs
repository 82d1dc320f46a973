use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::load::{load_again, load_good, load_secrets};
use super::source::{Found, Source};
use crate::base_image::{Facts, Network};
use crate::cli::ServeArgs;
use crate::cli::images::cache;
use crate::cli::ui::Ui;
use crate::digest::Digest;
use crate::exit::{self, Failure};
use crate::medium::Medium;
use crate::model::Lab as Model;
use crate::plan::Plan;
use crate::serve::{self, Folder, Lab, NewNodes, Options, Server};
use crate::sign::Signer;
use crate::tool;

/// The port that nobody chose.
pub(super) const PORT: u16 = 8080;

pub(in crate::cli) fn serve(
    lab_file: &Path,
    secrets_file: &Path,
    args: &ServeArgs,
    ui: &Ui,
) -> Result<()> {
    super::tls::check(args)?;
    let good = load_good(lab_file, secrets_file, ui)?;
    let listen = match args.listen {
        Some(address) => address,
        None => SocketAddr::new(towards(&good.plan)?, PORT),
    };
    let url = url(args, listen)?;
    if args.dhcp.print_dnsmasq {
        return super::dhcp::print(&args.dhcp, listen, &url, &good);
    }
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let signer = args.sign.as_deref().map(Signer::with).transpose()?;
    let dhcp = super::dhcp::wanted(&args.dhcp, listen, &url, &good, ui)?;
    let allowed = if args.allow.is_empty() {
        let own = listen.ip().is_loopback().then(|| listen.ip().into());
        let nodes = good.plan.nodes.iter().filter_map(|node| node.management.parse().ok());
        nodes.chain(own).collect()
    } else {
        args.allow.clone()
    };
    let path = state_folder(args.state.as_deref(), lab_file);
    let folder = Folder::open(&path)
        .map_err(|source| serve::ServeError::Folder { path: path.clone(), source })?;
    let (image, cache) = (args.image.as_deref(), args.cache.as_deref());
    let medium = || medium(image, cache, &good.lab, lab_file, &folder, ui);
    let medium = (!args.seeds).then(medium).transpose()?;
    let tls = super::tls::wanted(args, &folder, &good.plan.lab, &url, listen, ui)?;
    let (scheme, known_by) = match &tls {
        // On a line of its own, to be compared.
        Some(tls) => ("https", format!(" by this SHA-256 fingerprint:\n  {}\n", tls.fingerprint())),
        None => ("http", "; ".to_owned()),
    };
    let options = Options {
        listen,
        url,
        tls,
        allowed,
        attempts: args.attempts,
        rate: args.rate,
        silence: args.silence,
        armed_for: args.armed_for,
        new_nodes: if args.no_arm { NewNodes::Tell } else { NewNodes::Arm },
        dhcp,
        signer,
        on_event: args.on_event.as_deref().map(program).transpose()?,
    };
    let again = (lab_file.to_owned(), secrets_file.to_owned(), ui.is_strict());
    let lock = good.lab.package_lock.clone();
    let reload = Box::new(move || load_again(&again.0, &again.1, again.2, lock.as_deref()));
    let lab = Lab { plan: good.plan, secrets };
    let machines: String = serve::machines(&lab.plan);
    let server = Server::new(lab, reload, medium, folder, options)?;
    let shown = server.url().to_owned();
    let what = if args.seeds {
        "`trainyard node seed NODE` says where a node's seed is\n".to_owned()
    } else {
        format!("machines boot {shown}/boot.ipxe, and these are known:\n{machines}")
    };
    let kept = super::packages::of_lab(
        &good.lab,
        &self::cache(args.cache.as_deref())?,
        Network::default(),
        args.package_budget,
    )?;
    super::lock::make_for_nodes(&kept, &good.lab, ui)?;
    server.run(kept, |address| {
        ui.note(format!(
            "serving at {scheme}://{address}, for a browser as well{known_by}{what}Ctrl-C ends it"
        ));
    })?;
    Ok(())
}

/// The folder of a lab's server.
pub(super) fn state_folder(given: Option<&Path>, lab_file: &Path) -> PathBuf {
    given.map_or_else(|| super::source::beside(lab_file, Path::new(".trainyard")), Path::to_owned)
}

/// What nodes know it as without TLS, which is at the same port.
fn url(args: &ServeArgs, listen: SocketAddr) -> Result<String> {
    match &args.url {
        Some(url) => Ok(serve::by_scheme("http", url)),
        None if listen.ip().is_unspecified() => bail!(Failure::new(
            exit::USAGE,
            format!(
                "`--listen {listen}` is every address of this machine: `--url` must say which one nodes know it by"
            )
        )),
        None => Ok(format!("http://{listen}")),
    }
}

/// The program that is called on events, by a path that holds wherever it is called from.
fn program(path: &Path) -> Result<PathBuf> {
    let found = path.canonicalize().map_err(|error| {
        Failure::new(exit::INPUT, format!("`--on-event {}`: {error}", path.display()))
    })?;
    if !tool::is_program(&found) {
        let message =
            format!("`--on-event {}` is no file that may be run (`chmod +x`)", path.display());
        bail!(Failure::new(exit::INPUT, message));
    }
    Ok(found)
}

/// This machine's own address on the nodes' network. Asking for it sends nothing.
pub(super) fn towards(plan: &Plan) -> Result<IpAddr> {
    let found = plan.nodes.iter().find_map(|node| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
        socket.connect((node.address, 9)).ok()?;
        let own = socket.local_addr().ok()?.ip();
        let network: ipnet::IpNet = node.management.parse().ok()?;
        (network.contains(&own) && own != IpAddr::V4(node.address)).then_some(own)
    });
    found.ok_or_else(|| {
        let network = plan.nodes.first().map_or("", |node| node.management.as_str());
        let message = format!("this machine has no address in the management network {network}: `--listen ADDRESS:{PORT}` says where to listen, and `--url` what nodes reach it by");
        Failure::new(exit::USAGE, message).into()
    })
}

/// The medium, proved: by its cache, or by reading it. What was read once is known by its size and time.
pub(super) fn medium(
    image: Option<&Path>,
    cache_folder: Option<&Path>,
    lab: &Model,
    lab_file: &Path,
    folder: &Folder,
    ui: &Ui,
) -> Result<(Medium, Digest)> {
    let Some(Source { path, facts, help }) = Source::of_file(image, &lab.image, "image", lab_file)
    else {
        let wanted = super::fetch::of_lab(lab, Facts::default())?;
        let cache = cache(cache_folder)?;
        let Some(found) = cache.find(&wanted)? else {
            // By sudo, it is not the cache of who fetched.
            let by_sudo = std::env::var("SUDO_USER").ok().filter(|_| cache_folder.is_none());
            let whose = by_sudo.map_or_else(String::new, |user| {
                format!(
                    "; by sudo it was looked for in `{}`, and not in the cache of {user}, which `--cache DIR` names",
                    cache.folder().display()
                )
            });
            bail!(Failure::new(
                exit::INPUT,
                format!(
                    "the lab's medium is not in the cache: `trainyard fetch` brings it, or `--image` names another{whose}"
                )
            ));
        };
        let medium = Medium::open(&found.path)?;
        return Ok((medium, found.proof.sha256));
    };
    let medium = Medium::open(&path)?;
    let sha256 = if let Some(known) = folder.known_digest(&path) {
        known
    } else {
        let bar = ui.bytes(&format!("reading {}", path.display()), medium.file_size());
        let read = Digest::of_file(&path, |done| bar.set_position(done))?;
        bar.finish_and_clear();
        folder.know_digest(&path, read);
        read
    };
    let found =
        Found { path: &path, sha256, size: medium.file_size(), volume_id: Some(medium.label()) };
    found.check(&facts, &help)?;
    if let Some(unproved) = found.unproved(&facts, "image") {
        ui.note(unproved);
    }
    Ok((medium, sha256))
}
