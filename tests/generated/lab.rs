//! Random labs that are right, and what must be found again in what is rendered of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::extras::{Files, own_stage};
use super::images::{self, Images};
use super::layer::Layer;
use super::random::Random;
use super::wires::Wires;

/// What must be found again of one node.
#[derive(Debug)]
pub struct Expected {
    pub name: String,
    pub role: String,
    pub address: String,
    pub network: Network,
    pub servers: Vec<String>,
    pub wires: Wires,
    /// What the lab's own stage writes, where there is one.
    pub own: Option<String>,
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
    /// Files beside it.
    pub files: Files,
    /// What it says of images.
    pub images: Images,
    /// What it says of OpenStack's options: file, section, option and value.
    pub options: Vec<[String; 4]>,
    pub nodes: Vec<Expected>,
}

/// A lab of that seed.
pub fn generate(seed: u64) -> Generated {
    let r = &mut Random::new(seed);
    let (of_lab, of_role) = (Layer::random(r, "lab"), Layer::random(r, "role"));
    let network = Network::random(r);
    let wires = Wires::random(r);
    let mut files = Files::new();
    let lab_name = format!("lab-{}", r.word());
    let own = r.once_in(3).then(|| own_stage(r, &mut files));
    let servers: Vec<String> = (0..=r.below(2)).map(|i| format!("time{i}.example.org")).collect();
    let role = *r.of(&["worker", "compute"]);
    let expected = |name: String, address: String, layers: &[&Layer]| Expected {
        own: own.as_ref().map(|word| format!("{word} on {name} in {lab_name}\n")),
        wires: wires.clone(),
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
        // The controller's is always written; where there is a pool, the others' come from it.
        if role == "controller" || !wires.pool {
            said.insert("address".into(), json!(address));
        }
        if let Some(interfaces) = wires.of_node(address.rsplit('.').next().expect("a number")) {
            said.insert("interfaces".into(), interfaces);
        }
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

    for layer in [&of_lab, &of_role, &of_controller, &of_node] {
        files.extend(layer.files.iter().cloned());
    }
    let mut lab = of_lab.said;
    lab.insert("name".into(), json!(lab_name));
    let mut management = network.said();
    wires.say_network(&mut management, &network.subnet);
    lab.insert("networks".into(), json!({ "management": management }));
    if let Some(interfaces) = wires.said() {
        lab.insert("interfaces".into(), interfaces);
    }
    if let Some(word) = &own {
        lab.insert("own_stages".into(), json!("stages"));
        let parameters = lab.entry("parameters").or_insert_with(|| json!({}));
        parameters["mine"] = json!({ "word": word });
    }
    lab.insert("time".into(), json!({ "servers": servers }));
    let mut of_role = of_role.said;
    if role == "worker" {
        of_role.insert("stages".into(), json!(["cache"]));
    }
    lab.insert("roles".into(), json!({ (role): of_role }));
    lab.insert("nodes".into(), Value::Object(nodes));
    let images = images::say(r, &mut lab);
    // A part of it in another file.
    if r.once_in(3) {
        let mut part = Map::new();
        for key in [
            "networks",
            "roles",
            "users",
            "packages",
            "hooks",
            "interfaces",
            "timezone",
            "cloud_image",
        ] {
            if r.once_in(2)
                && let Some(value) = lab.remove(key)
            {
                part.insert(key.to_owned(), value);
            }
        }
        let path = "part.yaml".to_owned();
        lab.insert("include".into(), json!([path]));
        files.push((path, serde_yaml::to_string(&part).expect("YAML")));
    }
    let options = say_openstack(r, &mut lab);
    // JSON is YAML; block style is what people write.
    let lab = Value::Object(lab);
    let text = if r.once_in(2) {
        format!("{lab:#}\n")
    } else {
        serde_yaml::to_string(&lab).expect("YAML")
    };
    Generated { text: format!("# seed {seed}\n{text}"), files, images, options, nodes: found }
}

/// Some services, or options of all of them: what the controller's files must say.
fn say_openstack(r: &mut Random, lab: &mut Map<String, Value>) -> Vec<[String; 4]> {
    let said = lab.entry("openstack").or_insert_with(|| json!({}));
    if r.once_in(2) {
        said["networking"] = json!(r.of(&["provider", "self-service"]));
        said["tls"] = json!(r.once_in(2));
    }
    if r.once_in(4) {
        let services = ["keystone", "glance", "placement", "nova", "neutron", "horizon"];
        let wanted: Vec<_> = services.into_iter().filter(|_| r.once_in(3)).collect();
        said["services"] = json!(wanted);
        return Vec::new();
    }
    let mut options = Vec::new();
    for (path, section, option, values) in [
        ("/etc/nova/nova.conf", "DEFAULT", "cpu_allocation_ratio", ["1.5", "4.0"]),
        ("/etc/nova/nova.conf", "DEFAULT", "osapi_compute_workers", ["2", "3"]),
        ("/etc/nova/nova.conf", "conductor", "workers", ["2", "3"]),
        (
            "/etc/neutron/plugins/ml2/ml2_conf.ini",
            "ml2_type_flat",
            "flat_networks",
            ["*", "provider,two"],
        ),
        ("/etc/neutron/neutron.conf", "quotas", "quota_port", ["-1", "77"]),
        ("/etc/keystone/keystone.conf", "token", "expiration", ["600", "7200"]),
        ("/etc/glance/glance-api.conf", "DEFAULT", "show_multiple_locations", ["true", "false"]),
    ] {
        if r.once_in(4) {
            let value = *r.of(&values);
            let file = path.rsplit('/').next().expect("a name");
            said["config"][file][section][option] = json!(value);
            options.push([path, section, option, value].map(str::to_owned));
        }
    }
    options
}
