//! dnsmasq as a child: begun, watched, begun again, and ended with the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::loaders::{files, open_folder};
use super::{Dhcp, DhcpError, Loaders, Mode, other, reserve};
use crate::interrupt;
use crate::medium::Medium;
use crate::plan::Plan;
use crate::serve::complain;
use crate::tool::{Running, Tool, ToolError, Wanted};

/// What is begun.
pub const DNSMASQ: Wanted = Wanted {
    name: "dnsmasq",
    purpose: "for `--dhcp`",
    hint: "Debian: the package `dnsmasq-base`; Fedora: `dnsmasq`",
};

/// How long it may take until it says that it has started, in seconds.
const START: u64 = 10;

/// How long after its end it is begun once more.
const PAUSE: Duration = Duration::from_secs(1);

/// A dnsmasq that runs.
#[derive(Debug)]
pub struct Dnsmasq {
    tool: Tool,
    configuration: PathBuf,
    running: Running,
    hosts: Option<PathBuf>,
    /// Its configuration, and what TFTP gives.
    _folder: TempDir,
}

impl Dnsmasq {
    /// Begins it, and waits until it says so.
    ///
    /// # Errors
    /// It is missing, does not begin, or there is another DHCP server where it would give addresses.
    pub fn begin(
        dhcp: &Dhcp,
        plan: &Plan,
        loaders: &Loaders,
        medium: &Medium,
        leases: &Path,
    ) -> Result<Self, DhcpError> {
        let tool = Tool::locate(DNSMASQ)?;
        if dhcp.mode == Mode::Full
            && let Some(other) = other::answers(dhcp.address)
        {
            return Err(DhcpError::Another(other));
        }
        let made = tempfile::Builder::new().prefix("trainyard-dhcp-").tempdir();
        let folder = made.map_err(files(&std::env::temp_dir()))?;
        open_folder(folder.path())?;
        let mut places =
            loaders.lay_out(dhcp, medium, folder.path().join("tftp"), leases.to_owned())?;
        if dhcp.mode == Mode::Full {
            let hosts = folder.path().join("hosts");
            open_folder(&hosts)?;
            reserve(&hosts, plan)?;
            places.hosts = Some(hosts);
        }
        let configuration = folder.path().join("dnsmasq.conf");
        fs::write(&configuration, dhcp.configuration(&places)).map_err(files(&configuration))?;
        let running = begun(&tool, &configuration)?;
        Ok(Self { tool, configuration, running, hosts: places.hosts, _folder: folder })
    }

    /// Where it looks for the nodes' addresses, if it gives any.
    #[must_use]
    pub fn hosts(&self) -> Option<&Path> {
        self.hosts.as_deref()
    }

    /// How it ended, where it did.
    fn ended(&mut self) -> Option<ToolError> {
        self.running.ended()
    }

    /// Begins it once more.
    fn again(&mut self) -> Result<(), DhcpError> {
        self.running = begun(&self.tool, &self.configuration)?;
        Ok(())
    }
}

/// Watches dnsmasq, and begins it once more when it has ended. Returns when it does not begin.
pub async fn kept_running(dnsmasq: Option<Dnsmasq>) -> DhcpError {
    let Some(mut dnsmasq) = dnsmasq else { return std::future::pending().await };
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let Some(ended) = dnsmasq.ended() else { continue };
        complain(&format!("{ended}\nit is begun once more"));
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = tokio::task::block_in_place(|| dnsmasq.again()) {
            return error;
        }
    }
}

fn begun(tool: &Tool, configuration: &Path) -> Result<Running, DhcpError> {
    let file = format!("--conf-file={}", configuration.display());
    let run = tool.run(["--keep-in-foreground", "--log-facility=-", "--pid-file", &file]);
    let (say, heard) = mpsc::channel();
    let mut running = run.begin(move |line| {
        complain(line);
        if line.contains("started, version") {
            // Nobody hears it a second time.
            let _ = say.send(());
        }
    })?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(START) {
        interrupt::check().map_err(ToolError::from)?;
        if heard.recv_timeout(Duration::from_millis(20)).is_ok() {
            return Ok(running);
        }
        if let Some(ended) = running.ended() {
            return Err(if is_able() { ended.into() } else { DhcpError::NotRoot(ended) });
        }
    }
    Err(DhcpError::Silent(START))
}

/// What dnsmasq needs, by number (capabilities(7)): `NET_BIND_SERVICE`, `NET_ADMIN` and `NET_RAW`.
const CAPABILITIES: u64 = 1 << 10 | 1 << 12 | 1 << 13;

/// Whether it has the rights that it needs, as far as the system tells.
fn is_able() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    effective.is_none_or(|it| it & CAPABILITIES == CAPABILITIES)
}
