//! VBoxManage itself: where it is, what it is asked, and what all of it says there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{self, Host, Interface, Medium, NatNetwork, Version};
use crate::machines::MachineError;
use crate::tool::{self, Tool, ToolError};

/// What it is called.
pub(super) const PROGRAM: &str = "VBoxManage";

/// VBoxManage.
pub const WANTED: tool::Wanted = tool::Wanted {
    name: PROGRAM,
    purpose: "to run the lab in VirtualBox",
    hint: "https://www.virtualbox.org, or the distribution's package; on Windows its folder must be on the PATH as well",
};

/// It answers at once, or it hangs: its server may be stuck.
const LIMIT: Duration = Duration::from_secs(120);

/// A machine of VirtualBox's, the lab's or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Vm {
    pub uuid: String,
    pub name: String,
    /// Its settings.
    pub file: PathBuf,
    /// Whether VirtualBox can read them.
    pub readable: bool,
    /// As VirtualBox calls it: `poweroff`.
    pub state: String,
    /// Who holds it: `headless`, `GUI/Qt`.
    pub session: Option<String>,
    /// All that was said of it.
    pub said: BTreeMap<String, String>,
}

impl Vm {
    /// What is attached to its controllers: controller, port, device and file.
    pub(super) fn attached(&self) -> Vec<(&str, u32, u32, &Path)> {
        let controllers =
            self.said.iter().filter(|(key, _)| key.starts_with("storagecontrollername"));
        let mut found = Vec::new();
        for (_, controller) in controllers {
            let places = self.said.iter().filter_map(|(key, file)| {
                let place = key.strip_prefix(controller.as_str())?.strip_prefix('-')?;
                let (port, device) = place.split_once('-')?;
                Some((port.parse().ok()?, device.parse().ok()?, file))
            });
            let filled =
                places.filter(|(_, _, file)| !["none", "emptydrive"].contains(&file.as_str()));
            found.extend(
                filled.map(|(port, device, file)| {
                    (controller.as_str(), port, device, Path::new(file))
                }),
            );
        }
        found
    }

    /// The number of its first card that is on this network of this kind (`nat-network`, `hostonlyadapter`, `hostonly-network`).
    pub(super) fn card_on(&self, kind: &str, network: &str) -> Option<u8> {
        let mut cards = self.said.iter().filter(|(_, name)| *name == network);
        cards.find_map(|(key, _)| key.strip_prefix(kind)?.parse().ok())
    }
}

/// VBoxManage, and its version.
pub(super) struct Manage {
    /// Nothing where it is another host's, which nobody can ask.
    tool: Option<Tool>,
    pub version: Version,
    /// What it says beside its version, such as that its kernel module is missing.
    pub warning: String,
}

impl Manage {
    pub(super) fn locate() -> Result<Self, MachineError> {
        let tool = Tool::locate(WANTED)?;
        let said = tool.run(["--version"]).limit(LIMIT).finish()?;
        let both = format!("{}\n{}", said.stderr, said.stdout);
        let version = read::version(&both).ok_or_else(|| {
            let first = both.trim().lines().next().unwrap_or("nothing").to_owned();
            MachineError::Said(format!("`VBoxManage --version` says no version: `{first}`"))
        })?;
        let number = |line: &&str| !line.starts_with(|c: char| c.is_ascii_digit());
        let warning = both.lines().filter(number).collect::<Vec<_>>().join("\n").trim().to_owned();
        Ok(Self { tool: Some(tool), version, warning })
    }

    /// Another host's. What 7.0 is told, newer ones know as well.
    pub(super) fn elsewhere() -> Self {
        Self { tool: None, version: [7, 0, 0], warning: String::new() }
    }

    pub(super) fn is_elsewhere(&self) -> bool {
        self.tool.is_none()
    }

    /// Asks, or tells.
    pub(super) fn say(&self, arguments: &[&str]) -> Result<String, ToolError> {
        let tool::Wanted { name, purpose, hint } = WANTED;
        let tool = self.tool.as_ref().ok_or(ToolError::Missing { name, purpose, hint })?;
        Ok(tool.run(arguments).limit(LIMIT).finish()?.stdout)
    }

    /// All machines. One that goes while they are listed is left out.
    pub(super) fn vms(&self) -> Result<Vec<Vm>, MachineError> {
        let mut vms = Vec::new();
        for (uuid, name) in read::machines(&self.say(&["list", "vms"])?) {
            match self.say(&["showvminfo", &uuid, "--machinereadable"]) {
                Ok(said) => vms.push(self.vm(uuid, name, read::pairs(&said))?),
                Err(ToolError::Failed { tail, .. }) if tail.contains("Could not find") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(vms)
    }

    fn vm(
        &self,
        uuid: String,
        name: String,
        said: BTreeMap<String, String>,
    ) -> Result<Vm, MachineError> {
        let take = |key: &str| said.get(key).cloned();
        if let Some(file) = take("CfgFile") {
            let state = take("VMState").unwrap_or_default();
            let session = take("SessionName").filter(|name| !name.is_empty());
            return Ok(Vm { uuid, name, file: file.into(), readable: true, state, session, said });
        }
        // Where its settings are is said of one that VirtualBox cannot read as well, and only to persons.
        let told = self.say(&["showvminfo", &uuid])?;
        let file = told.lines().find_map(|line| line.strip_prefix("Config file:")).unwrap_or("");
        Ok(Vm { uuid, name, file: file.trim().into(), said, ..Vm::default() })
    }

    /// The lab's note on a machine; nothing where there is none.
    pub(super) fn note(&self, vm: &str, key: &str) -> Result<Option<String>, MachineError> {
        let said = self.say(&["getextradata", vm, key])?;
        Ok(said.trim_end().strip_prefix("Value: ").map(str::to_owned))
    }

    /// What is noted beside all machines.
    pub(super) fn notes(&self) -> Result<BTreeMap<String, String>, MachineError> {
        Ok(read::extra_data(&self.say(&["getextradata", "global", "enumerate"])?))
    }

    /// The disks, then the DVDs that VirtualBox knows.
    pub(super) fn media(&self) -> Result<(Vec<Medium>, Vec<Medium>), MachineError> {
        let list = |kind| Ok::<_, MachineError>(read::media(&self.say(&["list", "--long", kind])?));
        Ok((list("hdds")?, list("dvds")?))
    }

    pub(super) fn nat_networks(&self) -> Result<Vec<NatNetwork>, MachineError> {
        Ok(read::nat_networks(&self.say(&["natnetwork", "list"])?))
    }

    pub(super) fn bridgeable(&self) -> Result<Vec<Interface>, MachineError> {
        Ok(read::interfaces(&self.say(&["list", "bridgedifs"])?))
    }

    pub(super) fn host_only(&self) -> Result<Vec<Interface>, MachineError> {
        Ok(read::interfaces(&self.say(&["list", "hostonlyifs"])?))
    }

    /// Those of macOS, where VirtualBox 7 has no host-only interfaces any more.
    pub(super) fn host_only_networks(&self) -> Result<Vec<String>, MachineError> {
        Ok(read::host_only_networks(&self.say(&["list", "hostonlynets"])?))
    }

    pub(super) fn host(&self) -> Result<Host, MachineError> {
        Ok(read::host(&self.say(&["list", "hostinfo"])?))
    }
}
