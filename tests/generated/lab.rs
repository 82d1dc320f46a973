//! Random labs that are right, and what must be found again in what is rendered of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::layer::Layer;
use super::random::Random;

/// What must be found again of one node.
#[derive(Debug)]
pub struct Expected {
    pub name: String,
    pub role: String,
    pub address: String,
    pub network: Network,
    pub servers: Vec<String>,
    layers: Vec<Layer>,
}

impl Expected {
    /// The value that counts of a key of which the nearest counts.
    pub fn single(&self, key: &str, built_in: &str) -> String {
        let found = self.layers.iter().rev().find_map(|layer| layer.single.get(key));
        found.cloned().unwrap_or_else(|| built_in.to_owned())
    }

    /// The list that counts.
    pub fn replaced(&self, key: &str, built_in: &[&str]) -> Vec<String> {
        let found = self.layers.iter().rev().find_map(|layer| layer.replaced.get(key));
        found.cloned().unwrap_or_else(|| built_in.iter().map(|v| (*v).to_owned()).collect())
    }

    /// All that was added up, lab first.
    pub fn added(&self, key: &str) -> Vec<String> {
        self.layers.iter().filter_map(|layer| layer.added.get(key)).flatten().cloned().collect()
    }

    /// A mapping, merged.
    pub fn mapped(&self, what: &str) -> BTreeMap<String, String> {
        let all = self.layers.iter().flat_map(|layer| &layer.mapped);
        all.filter(|((of, _), _)| *of == what).map(|((_, n), v)| (n.clone(), v.clone())).collect()
    }
}

/// The management network.
#[derive(Clone, Debug)]
pub struct Network {
    pub prefix: usize,
    pub gateway: String,
    pub dns: Vec<String>,
    /// The first three numbers of its addresses.
    subnet: String,
    cidr: String,
}

impl Network {
    fn random(r: &mut Random) -> Self {
        let prefix = *r.of(&[24, 25, 22, 16]);
        let third = r.below(250);
        let third = match prefix {
            16 => 0,
            22 => third / 4 * 4,
            _ => third,
        };
        let subnet = format!("10.77.{third}");
        let gateway = format!("{subnet}.{}", r.of(&["1", "100"]));
        let dns = (0..=r.below(2)).map(|i| format!("192.0.2.{}", 50 + i)).collect();
        let cidr = format!("{subnet}.0/{prefix}");
        Self { prefix, gateway, dns, subnet, cidr }
    }

    fn said(&self) -> Value {
        let mut said = json!({ "cidr": self.cidr, "dns": self.dns });
        if !self.gateway.ends_with(".1") {
            said["gateway"] = json!(self.gateway);
        }
        said
    }
}

/// A lab file and what must be found again.
pub struct Generated {
    pub text: String,
    pub nodes: Vec<Expected>,
}

/// A lab of that seed.
pub fn generate(seed: u64) -> Generated {
    let r = &mut Random::new(seed);
    let (of_lab, of_role) = (Layer::random(r, "lab"), Layer::random(r, "role"));
    let network = Network::random(r);
    let servers: Vec<String> = (0..=r.below(2)).map(|i| format!("time{i}.example.org")).collect();
    let role = *r.of(&["worker", "compute"]);
    let expected = |name: String, address: String, layers: &[&Layer]| Expected {
        name,
        role: if layers.len() == 2 { "controller" } else { role }.to_owned(),
        address,
        network: network.clone(),
        servers: servers.clone(),
        layers: layers.iter().map(|layer| (*layer).clone()).collect(),
    };
    let mut nodes = Map::new();
    let mut add = |key: String, layer: &Layer, role: &str, address: &str| {
        let mut said = layer.said.clone();
        said.insert("role".into(), json!(role));
        said.insert("address".into(), json!(address));
        nodes.insert(key, Value::Object(said));
    };

    let (of_controller, of_node) = (Layer::random(r, "controller"), Layer::random(r, "node"));
    let address = format!("{}.11", network.subnet);
    add("controller".into(), &of_controller, "controller", &address);
    let mut found = vec![expected("controller".into(), address, &[&of_lab, &of_controller])];
    // A range: one entry of the file, several nodes.
    let count = 1 + r.below(3);
    let range = format!("{}.[31-{}]", network.subnet, 30 + count);
    add(format!("w[1-{count}]"), &of_node, role, &range);
    for i in 1..=count {
        let address = format!("{}.{}", network.subnet, 30 + i);
        found.push(expected(format!("w{i}"), address, &[&of_lab, &of_role, &of_node]));
    }

    let mut lab = of_lab.said;
    lab.insert("name".into(), json!(format!("lab-{}", r.word())));
    lab.insert("networks".into(), json!({ "management": network.said() }));
    lab.insert("time".into(), json!({ "servers": servers }));
    if r.once_in(2) {
        let networking = *r.of(&["provider", "self-service"]);
        lab.insert("openstack".into(), json!({ "networking": networking }));
    }
    let mut of_role = of_role.said;
    if role == "worker" {
        of_role.insert("stages".into(), json!(["cache"]));
    }
    lab.insert("roles".into(), json!({ (role): of_role }));
    lab.insert("nodes".into(), Value::Object(nodes));
    // JSON is YAML; block style is what people write.
    let lab = Value::Object(lab);
    let text = if r.once_in(2) {
        format!("{lab:#}\n")
    } else {
        serde_yaml::to_string(&lab).expect("YAML")
    };
    Generated { text: format!("# seed {seed}\n{text}"), nodes: found }
}
