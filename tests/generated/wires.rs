//! How the nodes of a random lab are attached: what the management network's interface is made of, and how it gets its addresses.

use serde_json::{Map, Value, json};

use super::random::Random;

/// The shape of every node's interfaces.
#[derive(Clone, Debug)]
pub struct Wires {
    /// The interface on the management network.
    pub name: String,
    /// What it is made of, the top one first.
    pub parts: Vec<Part>,
    /// Whether its IPv4 address comes from a DHCP server.
    pub dhcp: bool,
    /// Whether nodes take their addresses from a pool.
    pub pool: bool,
    /// Whether nodes have IPv6 addresses that the lab says.
    pub ipv6: bool,
}

/// A part of an interface that is not only a port.
#[derive(Clone, Debug)]
pub enum Part {
    Bond { name: String, mode: &'static str, option: String },
    Vlan { name: String, link: String, id: usize },
    Bridge { name: String, port: String, stp: bool },
}

pub const MEMBERS: [&str; 2] = ["enp0s3", "enp0s8"];
const MODES: [(&str, &str); 3] = [
    ("active-backup", "primary=enp0s8"),
    ("802.3ad", "lacp_rate=fast"),
    ("balance-xor", "xmit_hash_policy=layer2+3"),
];
/// The IPv6 subnet's first half.
const SUBNET: &str = "fd00:77";

impl Wires {
    pub fn random(r: &mut Random) -> Self {
        let (mut name, mut parts) = (MEMBERS[0].to_owned(), Vec::new());
        if r.once_in(3) {
            let (mode, option) = *r.of(&MODES);
            name = format!("bond{}", r.below(3));
            parts.push(Part::Bond { name: name.clone(), mode, option: option.to_owned() });
        }
        let over = r.below(7);
        if over < 2 {
            let id = 2 + r.below(4000);
            let link = std::mem::take(&mut name);
            name = format!("{link}.{id}");
            parts.push(Part::Vlan { name: name.clone(), link, id });
        } else if over == 2 {
            let port = std::mem::replace(&mut name, format!("br{}", r.below(3)));
            parts.push(Part::Bridge { name: name.clone(), port, stp: r.once_in(2) });
        }
        parts.reverse();
        let (dhcp, pool, ipv6) = (r.once_in(5), r.once_in(4), r.once_in(4));
        Self { name, parts, dhcp, pool, ipv6 }
    }

    /// What the management network says of it.
    pub fn say_network(&self, network: &mut Value, subnet: &str) {
        if self.dhcp {
            network["addresses"] = json!("dhcp");
        }
        if self.pool {
            network["pool"] = json!(format!("{subnet}.31-{subnet}.90"));
        }
        if self.ipv6 {
            network["ipv6"] =
                json!({ "cidr": format!("{SUBNET}::/64"), "gateway": format!("{SUBNET}::1") });
        }
    }

    /// The lab's `interfaces`, if there is more than an Ethernet port with an IPv4 address.
    pub fn said(&self) -> Option<Value> {
        let mut all = Map::new();
        for part in &self.parts {
            let (name, said) = match part {
                Part::Bond { name, mode, option } => (
                    name,
                    json!({ "bond": { "members": MEMBERS, "mode": mode, "options": option } }),
                ),
                Part::Vlan { name, link, id } => {
                    (name, json!({ "vlan": { "link": link, "id": id } }))
                }
                Part::Bridge { name, port, stp } => {
                    (name, json!({ "bridge": { "ports": [port], "stp": stp } }))
                }
            };
            all.insert(name.clone(), said);
        }
        let top = all.entry(self.name.clone()).or_insert_with(|| json!({}));
        top["network"] = json!("management");
        all.insert("enp0s9".into(), json!({ "network": "provider" }));
        (!self.parts.is_empty() || self.ipv6).then_some(Value::Object(all))
    }

    /// What a node says beside that; `number` may be a range.
    pub fn of_node(&self, number: &str) -> Option<Value> {
        let address = format!("{SUBNET}::{number}");
        self.ipv6.then(|| json!({ (self.name.as_str()): { "ipv6": address } }))
    }

    /// A node's IPv6 address.
    pub fn ipv6_of(&self, address: &str) -> Option<String> {
        let number = address.rsplit('.').next().expect("a number");
        self.ipv6.then(|| format!("{SUBNET}::{number}"))
    }
}
