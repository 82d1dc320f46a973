//! Which machine is which node: by hardware address, UUID or serial number.

use std::collections::HashMap;

use crate::model::Mac;
use crate::plan::{NodePlan, Plan};

/// What a machine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Hardware addresses of its interfaces, the one that it boots from first.
    pub macs: Vec<Mac>,
    /// Its SMBIOS UUID, in lower case.
    pub uuid: Option<String>,
    /// Its SMBIOS serial number.
    pub serial: Option<String>,
}

/// What the lab says of its machines.
#[derive(Debug, Default)]
pub struct Machines {
    macs: HashMap<Mac, String>,
    uuids: HashMap<String, String>,
    serials: HashMap<String, String>,
}

/// The hardware addresses by which the lab knows a node.
pub fn macs(node: &NodePlan) -> impl Iterator<Item = Mac> {
    let ports = node.interfaces.iter().filter_map(|interface| interface.mac);
    node.machine.macs.iter().copied().chain(ports)
}

impl Machines {
    /// Those of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut all = Self::default();
        for node in &plan.nodes {
            let name = || node.name.clone();
            all.macs.extend(macs(node).map(|mac| (mac, name())));
            // Firmware before SMBIOS 2.6 shows it the other way round.
            let uuids = node.machine.uuid.into_iter().flat_map(|uuid| [uuid, uuid.swapped()]);
            all.uuids.extend(uuids.map(|uuid| (uuid.to_string(), name())));
            all.serials.extend(node.machine.serial.clone().map(|serial| (serial, name())));
        }
        all
    }

    /// The node that a machine is. Nothing where the lab does not know it, or knows its parts as those of several nodes.
    #[must_use]
    pub fn find(&self, machine: &Machine) -> Option<&str> {
        let macs = machine.macs.iter().filter_map(|mac| self.macs.get(mac));
        let uuid = machine.uuid.as_ref().and_then(|uuid| self.uuids.get(uuid));
        let serial = machine.serial.as_ref().and_then(|serial| self.serials.get(serial));
        let mut found = macs.chain(uuid).chain(serial);
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }
}

/// The nodes with what their machines are known by, for people: one a line.
#[must_use]
pub fn machines(plan: &Plan) -> String {
    let line = |node: &NodePlan| {
        let mut known: Vec<String> = macs(node).map(|mac| mac.to_string()).collect();
        known.dedup();
        known.extend(node.machine.serial.iter().map(|serial| format!("serial number {serial}")));
        known.extend(node.machine.uuid.map(|uuid| format!("UUID {uuid}")));
        format!("  {}  {}\n", node.name, known.join(", "))
    };
    plan.nodes.iter().map(line).collect()
}
