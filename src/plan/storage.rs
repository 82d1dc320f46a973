//! A node's disks in the plan: how they are divided, and which machine is meant.

use serde::Serialize;

use crate::model::{Mac, Node, Storage, Uuid};
use crate::report::{Findings, Rule, Span};
use crate::stack::Stage;

/// Disks. Rendering adds the labels that make them this node's.
#[derive(Clone, Debug, Serialize)]
pub struct StoragePlan {
    /// How the disks are divided.
    #[serde(flatten)]
    pub storage: Storage,
}

/// Which machine the lab means.
#[derive(Clone, Debug, Serialize)]
pub struct MachinePlan {
    /// Its serial number.
    pub serial: Option<String>,
    /// Its UUID.
    pub uuid: Option<Uuid>,
    /// Hardware addresses that its interfaces have.
    pub macs: Vec<Mac>,
}

pub(super) fn plan(node: &Node) -> (StoragePlan, MachinePlan) {
    let settings = &node.settings;
    let storage = StoragePlan { storage: settings.storage.clone() };
    let machine = MachinePlan {
        serial: settings.machine.serial.clone(),
        uuid: settings.machine.uuid,
        macs: node.named_macs.clone(),
    };
    (storage, machine)
}

/// The first stage that brings OpenStack's own packages.
const OPENSTACK: &str = "openstack-packages";
/// What `/` should have for them, their logs and images, in MiB.
const ROOT_MIB: u64 = 4096;
/// What CentOS itself takes of the memory, in MiB.
const SYSTEM_MIB: u64 = 512;

/// Tells what is probably too small for the stages of a node.
pub(super) fn check(node: &Node, stages: &[&Stage], findings: &mut Findings) {
    let settings = &node.settings;
    let mut tell =
        |rule, place: &Option<crate::spec::Spanned<()>>, message: String, help: String| {
            let nowhere = (format!("nodes.{}", node.name), Span::default());
            let (path, span) = place.as_ref().map_or(nowhere, |at| (at.path.to_string(), at.span));
            findings.tell(rule, &path, span, message, help);
        };
    let root = settings.storage.volumes.first().map_or(0, |root| root.size_mib);
    if root < ROOT_MIB && stages.iter().any(|stage| stage.name == OPENSTACK) {
        let message = format!("a `{}` may get {root}MiB for `/`, which is little", node.role);
        let help = "OpenStack's packages, logs and images want 4GiB at least".to_owned();
        tell(Rule::SmallRoot, &settings.places.root, message, help);
    }
    let wanting = stages.iter().filter(|stage| stage.spec.memory > 0);
    let needed = SYSTEM_MIB + wanting.clone().map(|stage| stage.spec.memory).sum::<u64>();
    let memory = settings.hardware.memory_mib;
    if memory < needed {
        let parts: String =
            wanting.map(|stage| format!(", {} {}MiB", stage.name, stage.spec.memory)).collect();
        let message = format!(
            "a `{}` has {memory}MiB of memory and needs {needed}MiB: the system {SYSTEM_MIB}MiB{parts}",
            node.role
        );
        let help = format!("`memory: {}GiB`, or fewer stages", needed.div_ceil(1024));
        tell(Rule::SmallMemory, &settings.places.memory, message, help);
    }
}
