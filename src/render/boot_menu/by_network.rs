//! What a machine that boots from the network is told to start, in whichever language its boot loader reads.

use super::COMMAND_LINE_LIMIT;
use crate::model::Mac;
use crate::plan::NodePlan;

/// Why a machine cannot be told to install itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkBootError {
    /// The boot loader has no way to write it.
    #[error(
        "{loader} would read `{argument}` as something else than an argument of the kernel; leave it out of `installer: boot_arguments`"
    )]
    Argument {
        /// The boot loader.
        loader: &'static str,
        /// The argument.
        argument: String,
    },
    /// The kernel would not see all of it.
    #[error("the kernel's command line would have {0} bytes, of which it reads {most}; shorten `installer: boot_arguments`", most = COMMAND_LINE_LIMIT - 1)]
    Long(usize),
}

/// Where an installation by network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'o> {
    /// The URL below which a boot loader finds the medium's files, by HTTP.
    pub files: &'o str,
    /// The same for the installer.
    pub tree: &'o str,
    /// The kickstart's URL.
    pub kickstart: &'o str,
    /// Whether the kickstart comes with a certificate that the installer has no way to know.
    pub is_unproved: bool,
}

/// What is started.
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    /// Where the kernel is.
    pub kernel: String,
    /// Where the initial file system is.
    pub initrd: String,
    /// The kernel's arguments.
    pub arguments: Vec<String>,
}

impl Start {
    /// The installer of a node, from there. `card` is the one that the machine boots from, as `BOOTIF` has it; a boot loader that
    /// adds it by itself is given nothing.
    pub(super) fn of(node: &NodePlan, origin: &Origin, initrd: &str, card: Option<&str>) -> Self {
        let Origin { files, tree, kickstart, is_unproved } = origin;
        let own = [
            // UEFI's kernel finds it by this name.
            Some(initrd.to_owned()).filter(|it| !it.is_empty()),
            Some(format!("inst.stage2={tree}")),
            Some(format!("inst.ks={kickstart}")),
            // Its curl knows the authorities of its own medium only, and no fingerprint (anaconda's docs/boot-options.txt: it is
            // `rd.noverifyssl` of dracut's as well).
            is_unproved.then(|| "inst.noverifyssl".to_owned()),
            // By these the server sees that it is the right machine that asks.
            Some("inst.ks.sendmac".to_owned()),
            Some("inst.ks.sendsn".to_owned()),
            // The installer keeps no copy of it in the new system.
            Some("inst.nosave=all_ks".to_owned()),
            // Its log goes where its files come from.
            log_of(files).map(|server| format!("inst.syslog={server}")),
            card.map(|card| format!("BOOTIF=01-{card}")),
            Some("ip=dhcp".to_owned()),
        ];
        let removed = &node.installer.boot_arguments_removed;
        let is_kept = |argument: &String| {
            !removed.iter().any(|it| it == argument || argument.split('=').next() == Some(it))
        };
        let own = own.into_iter().flatten().filter(is_kept);
        Self {
            kernel: format!("{files}/images/pxeboot/vmlinuz"),
            initrd: format!("{files}/images/pxeboot/initrd.img"),
            arguments: own.chain(node.installer.boot_arguments.iter().cloned()).collect(),
        }
    }

    /// The first argument that a boot loader cannot hand on.
    pub(super) fn refuse(
        &self,
        loader: &'static str,
        is_misread: impl Fn(&str) -> bool,
    ) -> Result<(), NetworkBootError> {
        let wrong = self.arguments.iter().find(|argument| is_misread(argument));
        wrong.map_or(Ok(()), |argument| {
            Err(NetworkBootError::Argument { loader, argument: argument.clone() })
        })
    }

    /// The arguments as one text, to which the boot loader adds so many bytes.
    pub(super) fn line(&self, added: usize) -> Result<String, NetworkBootError> {
        let line = self.arguments.join(" ");
        let length = line.len() + added;
        if length < COMMAND_LINE_LIMIT { Ok(line) } else { Err(NetworkBootError::Long(length)) }
    }
}

/// Host and port of the server, which takes logs where it answers.
fn log_of(files: &str) -> Option<String> {
    let url = url::Url::parse(files).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// A hardware address as PXE's own names have it: `52-54-00-aa-00-11`.
#[must_use]
pub fn hyphened(mac: Mac) -> String {
    mac.to_string().replace(':', "-")
}
