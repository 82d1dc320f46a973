//! Which machine is which node: by hardware address, UUID or serial number.

use std::collections::HashMap;

use indexmap::IndexSet;

use crate::model::{Mac, Uuid};
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

/// The hardware addresses by which the lab knows a node, each once.
pub fn macs(node: &NodePlan) -> impl Iterator<Item = Mac> {
    let ports = node.interfaces.iter().filter_map(|interface| interface.mac);
    let all: IndexSet<Mac> = node.machine.macs.iter().copied().chain(ports).collect();
    all.into_iter()
}

impl Machines {
    /// Those of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut all = Self::default();
        for node in &plan.nodes {
            let name = || node.name.clone();
            all.macs.extend(macs(node).map(|mac| (mac, name())));
            if let Some(uuid) = node.machine.uuid {
                all.know_uuid(uuid, &node.name);
            }
            all.serials.extend(node.machine.serial.clone().map(|serial| (serial, name())));
        }
        all
    }

    /// Firmware before SMBIOS 2.6 shows it the other way round.
    fn know_uuid(&mut self, uuid: Uuid, node: &str) {
        let both = [uuid, uuid.swapped()];
        self.uuids.extend(both.map(|uuid| (uuid.to_string(), node.to_owned())));
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

/// The serial number with these bytes, as pairs of hexadecimal digits, without the blanks around it that some makers write. Nothing
/// where there is none.
#[must_use]
pub fn serial(hex: &str) -> Option<String> {
    if hex.len() % 2 == 1 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    let text = String::from_utf8(bytes).ok()?.trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The nodes with what their machines are known by, for people: one a line.
#[must_use]
pub fn machines(plan: &Plan) -> String {
    let line = |node: &NodePlan| {
        let mut known: Vec<String> = macs(node).map(|mac| mac.to_string()).collect();
        known.extend(node.machine.serial.iter().map(|serial| format!("serial number {serial}")));
        known.extend(node.machine.uuid.map(|uuid| format!("UUID {uuid}")));
        format!("  {}  {}\n", node.name, known.join(", "))
    };
    plan.nodes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{Machine, Machines, serial};

    #[test]
    fn a_serial_number_comes_as_its_bytes() {
        assert_eq!(serial("534e20312b322633252f61").as_deref(), Some("SN 1+2&3%/a"));
        assert_eq!(serial("2020534e20").as_deref(), Some("SN"));
        for none in ["", "2020", "5", "534", "zz", "ff", "é", "+1"] {
            assert_eq!(serial(none), None, "{none}");
        }
    }

    #[test]
    fn a_uuid_is_known_in_both_orders_and_two_nodes_at_once_are_none() {
        let uuid: crate::model::Uuid = "4c4c4544-0042-3510-8054-b7c04f533132".parse().expect("one");
        let mut known = Machines::default();
        known.know_uuid(uuid, "compute");
        known.serials.insert("CZ1".into(), "controller".into());
        let machine = |uuid: &str, serial: Option<&str>| Machine {
            macs: Vec::new(),
            uuid: Some(uuid.into()),
            serial: serial.map(str::to_owned),
        };
        for shown in
            ["4c4c4544-0042-3510-8054-b7c04f533132", "44454c4c-4200-1035-8054-b7c04f533132"]
        {
            assert_eq!(known.find(&machine(shown, None)), Some("compute"));
            assert_eq!(known.find(&machine(shown, Some("CZ1"))), None);
            assert_eq!(known.find(&machine(shown, Some("CZ2"))), Some("compute"));
        }
    }
}
