//! What is remembered of how a lab was begun, so that later commands need not be told again.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PORT_BASE;
use crate::cli::lab::{Firmware, HowArgs, ProviderChoice, ScriptArgs, Via};
use crate::exit::{self, Failure};
use crate::machines::qemu::Qemu;
use crate::machines::virtualbox::{VBOX_MANAGE, VirtualBox};
use crate::machines::{Provider, REMEMBERED, Wanted, inside};
use crate::plan::Plan;
use crate::tool::{Tool, ToolError};

/// How a lab was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub provider: ProviderChoice,
    pub via: Via,
    pub firmware: Firmware,
    /// The port of its server; those that lead to nodes follow it.
    pub port_base: u16,
}

/// What is remembered: how it was begun, and what its machines were to be then. So what looks at them, reaches them or takes them away
/// needs neither lab file nor secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The version of this format; 1.
    schema: u32,
    #[serde(flatten)]
    pub begun: Begun,
    /// The medium or cloud image that was named (`--image`), an absolute path; nothing where it is the lab's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PathBuf>,
    pub lab: Wanted,
}

/// The folder of a lab's machines.
pub(super) fn machines_of(state: &Path) -> PathBuf {
    state.join("machines")
}

impl Record {
    pub fn new(begun: Begun, image: Option<PathBuf>, lab: Wanted) -> Self {
        Self { schema: 1, begun, image, lab }
    }

    /// Where it is, below the folder of the lab's state.
    pub fn path(state: &Path) -> PathBuf {
        machines_of(state).join(REMEMBERED)
    }

    /// A folder in which nothing is remembered, and something is: a person's, or of a lab whose memory is lost. `what` is refused there.
    ///
    /// # Errors
    /// It is one.
    pub fn refuse_foreign(folder: &Path) -> Result<(), Failure> {
        let inside = inside(folder);
        let Some(first) = inside.first().filter(|_| !folder.join(REMEMBERED).exists()) else {
            return Ok(());
        };
        let message = format!(
            "`{}` is there, and no `{REMEMBERED}` beside it says that this is a lab's folder: move what is yours elsewhere, or name another folder (`--state`); where these are this lab's machines, write `{REMEMBERED}` as `trainyard lab script` does, and `trainyard lab down` takes them away",
            first.display()
        );
        Err(Failure::new(exit::REFUSED, message))
    }

    /// What is remembered; nothing where nothing was begun.
    pub fn read(state: &Path) -> Result<Option<Self>> {
        let path = Self::path(state);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("`{}`", path.display())),
        };
        let read: Self = serde_json::from_str(&text).map_err(|error| {
            let message = format!(
                "`{}` is not what trainyard wrote there ({error}): `trainyard lab down` needs it to know what runs the machines",
                path.display()
            );
            Failure::new(exit::INPUT, message)
        })?;
        let lab = read.lab.moved(&machines_of(state));
        Ok(Some(Self { lab, ..read }))
    }

    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        let options = said.as_object().into_iter().flatten().map(|(option, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("--{} {value}", option.replace('_', "-"))
        });
        f.write_str(&options.collect::<Vec<_>>().join(" "))
    }
}

impl Begun {
    /// What is to be: as it was begun, or else as it is asked for. Asking for something else than was begun is an error.
    pub fn of(known: Option<Self>, how: &HowArgs) -> Result<Self> {
        let usual = known.unwrap_or_else(|| Self {
            provider: how.provider.unwrap_or_else(there),
            ..Self::usual(ProviderChoice::Qemu)
        });
        let asked = Self {
            provider: how.provider.unwrap_or(usual.provider),
            ..usual.with(how.via, how.firmware, how.port_base)
        };
        asked.as_begun(known)?.possible(how.no_wait)
    }

    /// The same of a script, which is VirtualBox's, for this host or for another one.
    pub fn of_script(known: Option<Self>, args: &ScriptArgs) -> Result<Self> {
        let provider = ProviderChoice::VirtualBox;
        let usual = Self { provider, ..known.unwrap_or(Self::usual(provider)) };
        let known = known.filter(|_| args.folder.is_none());
        let asked = usual.with(args.via, args.firmware, args.port_base);
        asked.as_begun(known)?.possible(false)
    }

    fn usual(provider: ProviderChoice) -> Self {
        Self { provider, via: Via::Iso, firmware: Firmware::Bios, port_base: PORT_BASE }
    }

    fn with(self, via: Option<Via>, firmware: Option<Firmware>, port_base: Option<u16>) -> Self {
        Self {
            provider: self.provider,
            via: via.unwrap_or(self.via),
            firmware: firmware.unwrap_or(self.firmware),
            port_base: port_base.unwrap_or(self.port_base),
        }
    }

    fn as_begun(self, known: Option<Self>) -> Result<Self> {
        let (is, was) = (serde_json::to_value(self)?, serde_json::to_value(known)?);
        let Some(was) = was.as_object() else { return Ok(self) };
        let others: Vec<String> = was
            .iter()
            .filter(|(key, was)| is[key.as_str()] != **was)
            .map(|(key, was)| {
                let value = |value: &Value| value.to_string().replace('"', "");
                let (was, is) = (value(was), value(&is[key.as_str()]));
                format!("with `--{} {was}`, not `{is}`", key.replace('_', "-"))
            })
            .collect();
        if others.is_empty() {
            return Ok(self);
        }
        let message = format!(
            "this lab's machines were begun {}: `trainyard lab down` first, or leave that out",
            others.join(", and ")
        );
        Err(Failure::new(exit::REFUSED, message).into())
    }

    /// Whether machines can boot from the network, from this program.
    fn possible(self, no_wait: bool) -> Result<Self> {
        let why = if self.via != Via::Pxe {
            return Ok(self);
        } else if self.provider != ProviderChoice::Qemu {
            "`--via pxe` is QEMU's: for VirtualBox's machines `trainyard serve --dhcp` serves a network that this machine is on (docs/pxe.md)"
        } else if self.firmware != Firmware::Bios {
            "QEMU's UEFI firmware starts no script by HTTP: leave out `--firmware`, or bring media in (`--via iso`)"
        } else if no_wait {
            "with `--via pxe` nodes install themselves from this program, so it waits: leave out `--no-wait`"
        } else {
            return Ok(self);
        };
        Err(Failure::new(exit::REFUSED, why).into())
    }

    pub fn provider(self) -> Result<Box<dyn Provider>> {
        match self.provider {
            ProviderChoice::VirtualBox => Ok(Box::new(VirtualBox)),
            ProviderChoice::Qemu => Ok(Box::new(Qemu::new(std::env::current_exe()?))),
        }
    }

    /// The ports of this machine that lead to nodes: `NODE.ssh`, and of the controller `NODE.dashboard` and `NODE.console`. A node
    /// has the one of its address's last number, where it has one below 200: 10.0.0.11 has 2211.
    pub fn ports(self, plan: &Plan) -> BTreeMap<String, u16> {
        let mut ports = BTreeMap::new();
        for (n, node) in (0_u16..).zip(&plan.nodes) {
            let last = u16::from(node.address.octets()[3]);
            let is_alone = plan
                .nodes
                .iter()
                .filter(|it| it.address.octets()[3] == node.address.octets()[3])
                .count()
                == 1;
            let ssh = if (1..200).contains(&last) && is_alone { last } else { 200 + n };
            ports.insert(format!("{}.ssh", node.name), self.port_base + ssh);
            if node.controller.name == node.name {
                ports.insert(
                    format!("{}.dashboard", node.name),
                    self.port_base + (8080 - PORT_BASE),
                );
                ports.insert(format!("{}.console", node.name), self.port_base + (6080 - PORT_BASE));
            }
        }
        ports
    }
}

/// What runs machines where nobody says what: VirtualBox where it is there. One that may not be run is told of when it is asked.
fn there() -> ProviderChoice {
    match Tool::locate(VBOX_MANAGE) {
        Err(ToolError::Missing { .. }) => ProviderChoice::Qemu,
        _ => ProviderChoice::VirtualBox,
    }
}
