//! Installs by network: boot scripts, kickstarts and the medium over HTTP, each node once, and told while it happens.
//! The only asynchronous room.

mod addresses;
mod arm;
mod boot;
mod dhcp;
mod folder;
#[cfg(test)]
mod fuzzed;
mod hook;
mod host;
mod keeper;
mod known;
mod listen;
mod logs;
mod machine;
mod moving;
mod packages;
mod page;
mod people;
mod range;
mod rates;
mod receive;
mod seed;
mod sent;
mod stages;
mod syslog;
mod timeline;
mod tls;
mod tree;
mod wrong;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use ipnet::IpNet;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;

pub use dhcp::{Choice, DNSMASQ, Dhcp, DhcpError, Dnsmasq, Loader, Loaders, Mode};
pub use folder::Folder;
use keeper::{Keeper, now};
use known::Machines;
pub use known::machines;
use listen::Door;
use logs::Logs;
pub use packages::serve_packages;
pub use people::{Kept, NEXT};
use rates::Rates;
pub use timeline::Timeline;
pub use tls::{Tls, TlsError, by_scheme};
use tree::Tree;

use crate::digest::Digest;
use crate::interrupt;
use crate::medium::{Medium, MediumError};
use crate::packages::Packages;
use crate::plan::{NodePlan, Plan};
use crate::secrets::Secrets;
use crate::sign::{SignError, Signer};
use crate::state::{Limits, Sqlite, StateError, Token};

/// What is served, as it is now.
pub struct Lab {
    /// Its plan.
    pub plan: Plan,
    /// Its secrets.
    pub secrets: Secrets,
}

/// Reads the lab anew, when a node is armed. What is wrong with it comes in words.
pub type Reload = Box<dyn Fn() -> Result<Lab, String> + Send + Sync>;

/// What becomes of nodes that nothing is known of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewNodes {
    /// They are armed, where the lab is served for the first time.
    Arm,
    /// They are told of.
    Tell,
    /// They are another's matter.
    Leave,
}

/// How it is served.
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What nodes know the server as without TLS, without a `/` at its end.
    pub url: String,
    /// With what it serves by TLS as well, if it does.
    pub tls: Option<Tls>,
    /// Who may fetch kickstarts.
    pub allowed: Vec<IpNet>,
    /// How often a node may begin before it counts as failed.
    pub attempts: u32,
    /// How many requests a second one address may send; 0 is no limit.
    pub rate: u32,
    /// How long a node may say nothing while it is installed.
    pub silence: Duration,
    /// How long a node stays armed that does not ask what to boot.
    pub armed_for: Duration,
    /// What becomes of nodes that nothing is known of.
    pub new_nodes: NewNodes,
    /// What is called on each event.
    pub on_event: Option<PathBuf>,
    /// What signs the nodes' files.
    pub signer: Option<Signer>,
    /// What gives addresses and boot loaders, if the server brings that.
    pub dhcp: Option<(Dhcp, Loaders)>,
}

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen at {address}: {source}; `--listen` chooses another one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Its folder cannot be used.
    #[error("`{}`: {source}{}", path.display(), folder::help(source))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// States cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The medium cannot be read.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// It has no installer.
    #[error("`{}` has no `{missing}`, which an installation by network begins with", path.display())]
    NoInstaller {
        /// The medium.
        path: PathBuf,
        /// The file.
        missing: &'static str,
    },
    /// It cannot serve by TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Files of armed nodes cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Machines cannot be led to it.
    #[error(transparent)]
    Dhcp(#[from] DhcpError),
    /// The system gives no threads.
    #[error("cannot begin: {0}")]
    Begin(io::Error),
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

/// How often is looked for nodes that are late.
const TICK: Duration = Duration::from_secs(1);
/// Milliseconds after which two looks that follow each other mean that this machine slept, or its clock was set.
const ASLEEP: u64 = 30_000;

/// What an installer needs of the medium.
const NEEDED: [&str; 4] =
    ["images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "LiveOS/squashfs.img", ".treeinfo"];

/// The files of a medium that has an installer.
fn installer(medium: Medium, digest: Digest) -> Result<Tree, ServeError> {
    let path = medium.path().to_owned();
    let tree = Tree::of(medium, &digest.to_string())?;
    match NEEDED.into_iter().find(|file| !tree.has(file)) {
        Some(missing) => Err(ServeError::NoInstaller { path, missing }),
        None => Ok(tree),
    }
}

/// A server of a lab.
pub struct Server {
    lab: RwLock<Arc<Served>>,
    reload: Reload,
    folder: Folder,
    keeper: Arc<Keeper>,
    /// The medium's files; nothing where only seeds are served.
    tree: Option<Tree>,
    options: Options,
    admin: Token,
    logs: Logs,
    /// How many more connections may bring logs.
    log_room: Semaphore,
    rates: Arc<Rates>,
    /// Where dnsmasq looks for the nodes' addresses, if it gives any.
    hosts: OnceLock<PathBuf>,
    /// One at a time renders and arms.
    arming: tokio::sync::Mutex<()>,
}

/// The lab, and how its machines are known.
struct Served {
    lab: Lab,
    machines: Machines,
}

impl Served {
    fn of(lab: Lab) -> Arc<Self> {
        let machines = Machines::of(&lab.plan);
        Arc::new(Self { lab, machines })
    }

    fn node(&self, name: &str) -> Option<&NodePlan> {
        self.lab.plan.nodes.iter().find(|node| node.name == name)
    }
}

impl Server {
    /// Takes up what is in its folder. Without a medium it has seeds alone.
    ///
    /// # Errors
    /// The folder, what is kept there, or the medium cannot be used.
    pub fn new(
        lab: Lab,
        reload: Reload,
        medium: Option<(Medium, Digest)>,
        folder: Folder,
        options: Options,
    ) -> Result<Self, ServeError> {
        let tree = medium.map(|(medium, digest)| installer(medium, digest)).transpose()?;
        let io = |source| ServeError::Folder { path: folder.path().to_owned(), source };
        let admin = folder.make_admin_token().map_err(io)?;
        let names = lab.plan.nodes.iter().map(|node| node.name.as_str());
        let keeper = Arc::new(Keeper::begin(Sqlite::open(&folder.database())?, names)?);
        let tokens = keeper.file_tokens();
        folder.keep_only(&tokens);
        if let Some(signer) = &options.signer {
            // They may have been armed without a key, or with another one.
            folder.sign(&tokens.iter().collect::<Vec<_>>(), signer)?;
        }
        let logs = Logs::at(folder.logs());
        logs.hide(&lab.secrets);
        let lab = RwLock::new(Served::of(lab));
        let rates = Arc::new(Rates::new(options.rate));
        Ok(Self {
            lab,
            reload,
            folder,
            keeper,
            tree,
            options,
            admin,
            logs,
            log_room: Semaphore::new(receive::CONNECTIONS),
            rates,
            hosts: OnceLock::new(),
            arming: tokio::sync::Mutex::default(),
        })
    }

    /// Where others note what happens to nodes, while this serves.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        Timeline::of(&self.keeper)
    }

    /// Serves until the person asks to stop, and passes package repositories on. `ready` is called when it listens, with the address.
    ///
    /// # Errors
    /// It cannot listen; or the person asked to stop.
    pub fn run(self, packages: Packages, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
        run_until_interrupted(async {
            let server = Arc::new(self);
            let (listener, bound) = bind(server.options.listen).await?;
            let tls = server.options.tls.as_ref();
            let url = format!("{}://{bound}", if tls.is_some() { "https" } else { "http" });
            let path = || server.folder.path().to_owned();
            let io = |source| ServeError::Folder { path: path(), source };
            server.folder.write_address(&url, tls.map(Tls::pem).as_deref()).map_err(io)?;
            let dnsmasq = tokio::task::block_in_place(|| server.dnsmasq())?;
            ready(bound);
            if let Some(program) = server.options.on_event.clone() {
                hook::begin(&server, program);
            }
            tokio::spawn(Arc::clone(&server).watch());
            let people = page::beside(people::routes().merge(seed::routes()));
            let secret = machine::routes().merge(people);
            let guarded = tls::only_by_tls(secret, &server);
            let app = boot::routes().merge(machine::public_routes()).merge(guarded);
            let app = app.layer(from_fn_with_state(Arc::clone(&server), host::check));
            // There is no secret in them, and `package_cache` may name this machine otherwise than `--url` does.
            let app = app.merge(packages::routes(packages));
            let app = app.layer(from_fn_with_state(Arc::clone(&server.rates), rates::limit));
            let app = app.with_state(Arc::clone(&server));
            let door = Door {
                rates: Arc::clone(&server.rates),
                tls: server.options.tls.clone(),
                logs: Some(Arc::clone(&server)),
            };
            // The same port, where there is one for both.
            match UdpSocket::bind(bound).await {
                Ok(socket) => drop(tokio::spawn(receive::datagrams(Arc::clone(&server), socket))),
                Err(error) => complain(&format!("no logs by UDP: {bound}: {error}")),
            }
            tokio::select! {
                () = listen::accept(listener, app, Arc::new(door)) => Ok(()),
                error = dhcp::kept_running(dnsmasq) => Err(error.into()),
            }
        })
    }

    fn dnsmasq(&self) -> Result<Option<Dnsmasq>, DhcpError> {
        let Some(((dhcp, loaders), tree)) = self.options.dhcp.as_ref().zip(self.tree.as_ref())
        else {
            return Ok(None);
        };
        let lab = self.now();
        let leases = self.folder.leases();
        let dnsmasq = Dnsmasq::begin(dhcp, &lab.lab.plan, loaders, tree.medium(), &leases)?;
        if let Some(hosts) = dnsmasq.hosts() {
            let _ = self.hosts.set(hosts.to_owned());
        }
        Ok(Some(dnsmasq))
    }

    fn now(&self) -> Arc<Served> {
        Arc::clone(&self.lab.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Arms the nodes of a lab that is served for the first time, and then looks every second for some that are late.
    async fn watch(self: Arc<Self>) {
        self.begin().await;
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let limits = Limits {
            silence: milliseconds(self.options.silence),
            armed: milliseconds(self.options.armed_for),
        };
        let mut tick = tokio::time::interval(TICK);
        let mut last = now();
        loop {
            tick.tick().await;
            let late = now().saturating_sub(std::mem::replace(&mut last, now()));
            if late > ASLEEP {
                self.keeper.all_heard();
            }
            for name in self.keeper.late(limits) {
                let expired = self.keeper.change(&name, |node| ((), node.expire(limits, now())));
                // Kept or not, it is so, and is tried again.
                let _ = expired.await;
            }
        }
    }

    fn may_fetch(&self, address: IpAddr) -> bool {
        self.options.allowed.iter().any(|net| net.contains(&address.to_canonical()))
    }
}

/// What goes wrong with nobody there to tell.
fn complain(text: &str) {
    anstream::eprintln!("{text}");
}

/// Does this until it ends or the person asks to stop.
fn run_until_interrupted(
    work: impl Future<Output = Result<(), ServeError>>,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(ServeError::Begin)?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work => ended,
            interrupted = interrupted() => Err(interrupted.into()),
        }
    });
    // Installers ask again; nobody waits for a slow one.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// Begins to listen, and tells where.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

async fn interrupted() -> interrupt::Interrupted {
    loop {
        if let Err(interrupted) = interrupt::check() {
            return interrupted;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
