//! Random labs that are right, and what must be found again in what is rendered of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// A small generator of random numbers (xorshift64*): the same seed gives the same lab everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % limit
    }

    /// Once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    /// A text that shells, YAML, kickstarts and Jinja would love to take for their own.
    fn text(&mut self, longest: usize) -> String {
        const PARTS: [&str; 24] = [
            "'",
            "\"",
            "$(id)",
            "`id`",
            "${HOME}",
            "\\",
            "%end",
            "%include x",
            "#",
            "{{ x }}",
            "{% if %}",
            "EOF",
            "@SECRET_X@",
            ": ",
            "- ",
            "&a",
            "*a",
            "한국어",
            "שלום",
            "é",
            " ",
            "a",
            "B",
            "7",
        ];
        let mut text = String::new();
        for _ in 0..=self.below(longest) {
            text += self.of::<&str>(&PARTS);
        }
        // A mark of a secret would be filled in on the node, and is refused.
        text.replace("@SECRET_", "@SECRE T_")
    }

    fn word(&mut self) -> String {
        (0..3 + self.below(6))
            .map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("a letter")))
            .collect()
    }
}

/// What must be found again of one node.
#[derive(Debug, Default)]
pub struct Expected {
    pub name: String,
    pub role: String,
    pub address: String,
    pub prefix: usize,
    pub gateway: String,
    pub dns: Vec<String>,
    pub timezone: String,
    pub language: String,
    pub keyboard: String,
    pub keys: Vec<String>,
    pub packages: Vec<String>,
    pub files: BTreeMap<String, String>,
    pub sysctl: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
    pub mirrors: Vec<String>,
    pub servers: Vec<String>,
}

/// A lab file and what must be found again.
pub struct Generated {
    pub text: String,
    pub nodes: Vec<Expected>,
}

const TIMEZONES: [&str; 6] = [
    "Asia/Seoul",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT+9",
];
const LANGUAGES: [&str; 4] = ["en_US.UTF-8", "ko_KR.UTF-8", "de_DE.UTF-8", "ca_ES.UTF-8"];
const KEYBOARDS: [&str; 5] = ["us", "kr", "gb", "de-nodeadkeys", "us-dvorak"];

/// Settings of one layer, and what they mean for whoever has it.
fn layer(r: &mut Random, level: &str) -> (Value, Layer) {
    let mut said = serde_json::Map::new();
    let mut layer = Layer::default();
    if r.once_in(3) {
        layer.timezone = Some((*r.of(&TIMEZONES)).to_owned());
        said.insert("timezone".into(), json!(layer.timezone));
    }
    if r.once_in(3) {
        layer.language = Some((*r.of(&LANGUAGES)).to_owned());
        said.insert("language".into(), json!(layer.language));
    }
    if r.once_in(3) {
        layer.keyboard = Some((*r.of(&KEYBOARDS)).to_owned());
        said.insert("keyboard".into(), json!(layer.keyboard));
    }
    if r.once_in(4) {
        let mirrors: Vec<String> =
            (0..=r.below(2)).map(|i| format!("http://mirror{i}.{level}.example/centos")).collect();
        said.insert(
            "mirror".into(),
            if mirrors.len() == 1 { json!(mirrors[0]) } else { json!(mirrors) },
        );
        layer.mirrors = Some(mirrors);
    }
    if r.once_in(3) {
        // Others are refused: cloud-init of CentOS 7 would stumble over them.
        let comment = r.text(6).replace(|c: char| !c.is_ascii(), "");
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        let key = format!(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0{:04} {level} {comment}",
            r.below(9999)
        );
        let key = key.trim().to_owned();
        said.insert("access".into(), json!({ "ssh_authorized_keys": [key] }));
        layer.keys.push(key);
    }
    if r.once_in(3) {
        layer.packages = (0..=r.below(3)).map(|_| r.word()).collect();
        said.insert("packages".into(), json!(layer.packages));
    }
    if r.once_in(3) {
        let content = format!("{}\n{}\n", r.text(12), r.text(12));
        let path = format!("/etc/site-{}", r.word());
        said.insert("files".into(), json!({ (path.as_str()): { "content": content } }));
        layer.files.insert(path, content);
    }
    if r.once_in(4) {
        let value = r.below(2).to_string();
        said.insert("sysctl".into(), json!({ "net.ipv4.ip_forward": value }));
        layer.sysctl.insert("net.ipv4.ip_forward".into(), value);
    }
    if r.once_in(4) {
        let value = (600 + r.below(1000)).to_string();
        said.insert("parameters".into(), json!({ "time-client": { "wait_seconds": value } }));
        layer.parameters.insert("time-client.wait_seconds".into(), value);
    }
    (Value::Object(said), layer)
}

/// One layer of what a node inherits.
#[derive(Clone, Debug, Default)]
struct Layer {
    timezone: Option<String>,
    language: Option<String>,
    keyboard: Option<String>,
    mirrors: Option<Vec<String>>,
    keys: Vec<String>,
    packages: Vec<String>,
    files: BTreeMap<String, String>,
    sysctl: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// A lab of that seed.
pub fn generate(seed: u64) -> Generated {
    let r = &mut Random::new(seed);
    let (mut lab, of_lab) = layer(r, "lab");
    let (mut role, of_role) = layer(r, "role");
    let third = r.below(250);
    let prefix = [24, 25, 22, 16][r.below(4)];
    let base = if prefix == 22 { third / 4 * 4 } else { third };
    let cidr =
        if prefix == 16 { "10.77.0.0/16".to_owned() } else { format!("10.77.{base}.0/{prefix}") };
    let subnet = if prefix == 16 { "10.77.0".to_owned() } else { format!("10.77.{base}") };
    let gateway = if r.once_in(2) { format!("{subnet}.1") } else { format!("{subnet}.100") };
    let dns: Vec<String> = (0..=r.below(2)).map(|i| format!("192.0.2.{}", 50 + i)).collect();
    lab["networks"] = json!({ "management": { "cidr": cidr, "dns": dns } });
    if !gateway.ends_with(".1") {
        lab["networks"]["management"]["gateway"] = json!(gateway);
    }
    let servers: Vec<String> = (0..=r.below(2)).map(|i| format!("time{i}.example.org")).collect();
    lab["time"] = json!({ "servers": servers });
    lab["name"] = json!(format!("lab-{}", r.word()));
    if r.once_in(2) {
        lab["openstack"] =
            json!({ "networking": if r.once_in(2) { "provider" } else { "self-service" } });
    }
    let own_role = r.once_in(2);
    if own_role {
        role["stages"] = json!(["cache"]);
    }
    let role_name = if own_role { "worker" } else { "compute" };
    let mut nodes = serde_json::Map::new();
    let mut expected = Vec::new();
    let mut add = |name: &str,
                   key: Option<(&str, Value)>,
                   address: String,
                   is_controller: bool,
                   own: (Value, Layer)| {
        let (mut said, of_node) = own;
        let role = if is_controller { "controller" } else { role_name };
        said["role"] = json!(role);
        let (key, written) =
            key.map_or((name.to_owned(), json!(address)), |(k, v)| (k.to_owned(), v));
        said["address"] = written;
        nodes.insert(key, said);
        let layers: Vec<&Layer> =
            if is_controller { vec![&of_lab, &of_node] } else { vec![&of_lab, &of_role, &of_node] };
        let last = |get: &dyn Fn(&Layer) -> Option<String>, default: &str| {
            layers.iter().rev().find_map(|l| get(l)).unwrap_or_else(|| default.to_owned())
        };
        let all = |get: &dyn Fn(&Layer) -> Vec<String>| {
            layers.iter().flat_map(|l| get(l)).collect::<Vec<_>>()
        };
        let merged = |get: &dyn Fn(&Layer) -> BTreeMap<String, String>| {
            layers.iter().flat_map(|l| get(l)).collect::<BTreeMap<_, _>>()
        };
        expected.push(Expected {
            name: name.to_owned(),
            role: role.to_owned(),
            address,
            prefix,
            gateway: gateway.clone(),
            dns: dns.clone(),
            timezone: last(&|l| l.timezone.clone(), "Asia/Seoul"),
            language: last(&|l| l.language.clone(), "en_US.UTF-8"),
            keyboard: last(&|l| l.keyboard.clone(), "us"),
            keys: all(&|l| l.keys.clone()),
            packages: all(&|l| l.packages.clone()),
            files: merged(&|l| l.files.clone()),
            sysctl: merged(&|l| l.sysctl.clone()),
            parameters: merged(&|l| l.parameters.clone()),
            mirrors: layers.iter().rev().find_map(|l| l.mirrors.clone()).unwrap_or_else(|| {
                vec![
                    "http://vault.centos.org".into(),
                    "http://archive.kernel.org/centos-vault".into(),
                ]
            }),
            servers: servers.clone(),
        });
    };
    add("controller", None, format!("{subnet}.11"), true, layer(r, "controller"));
    let own = layer(r, "node");
    let count = 1 + r.below(3);
    if count > 1 {
        // A range: one entry of the file, several nodes.
        let key = format!("w[1-{count}]");
        for i in 0..count {
            let address = json!(format!("{subnet}.[31-{}]", 30 + count));
            add(
                &format!("w{}", i + 1),
                Some((&key, address)),
                format!("{subnet}.{}", 31 + i),
                false,
                own.clone(),
            );
        }
    } else {
        add("w", None, format!("{subnet}.31"), false, own);
    }
    lab["roles"] = json!({ (role_name): role });
    lab["nodes"] = Value::Object(nodes);
    // JSON is YAML; block style is what people write.
    let text = if r.once_in(2) {
        format!("{lab:#}\n")
    } else {
        serde_yaml::to_string(&lab).expect("YAML")
    };
    let mut head = String::new();
    let _ = writeln!(head, "# seed {seed}");
    Generated { text: head + &text, nodes: expected }
}
