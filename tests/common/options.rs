//! A judge of OpenStack's configuration files as they are rendered: it reads them and Train's lists of options by itself, knows
//! nothing of stages and labs, and compares what nodes say of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::ROOT;

/// Section, option and value.
pub type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// A node's files by their paths.
pub type Files = BTreeMap<String, Sections>;

/// The services that have such files.
const SERVICES: [&str; 6] = ["keystone", "glance", "placement", "nova", "neutron", "cinder"];

/// Whether it is one of OpenStack's, and no drop-in of a program's own.
pub fn is_one(path: &str) -> bool {
    let file_type = Path::new(path).extension().unwrap_or_default();
    (file_type == "conf" || file_type == "ini")
        && SERVICES.iter().any(|name| path.starts_with(&format!("/etc/{name}/")))
}

/// Reads such a file; what is no line of one, or stands there twice, is told.
pub fn read_ini(path: &str, text: &str) -> Result<Sections, String> {
    let mut sections = Sections::new();
    let mut section = None;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.entry(name.to_owned()).or_default();
            section = Some(name.to_owned());
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(format!("{path}: `{line}`"))?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let of = section.as_ref().and_then(|name| sections.get_mut(name));
        let of = of.ok_or(format!("{path}: `{name}` stands before the first section"))?;
        if of.insert(name.clone(), value).is_some() {
            return Err(format!("{path}: `{name}` stands there twice"));
        }
    }
    Ok(sections)
}

/// The list of a file: section, option, and the rest of its line.
fn list(path: &str) -> Option<BTreeMap<String, BTreeMap<String, Vec<String>>>> {
    let name = Path::new(path).file_stem()?.to_str()?;
    let text = fs::read_to_string(Path::new(ROOT).join(format!("src/model/train/{name}.tsv")));
    let text = text.ok()?;
    let mut sections: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            continue;
        }
        let mut fields = line.split('\t').map(str::to_owned);
        let option = fields.next().expect("a name");
        sections.entry(section.clone()).or_default().insert(option, fields.collect());
    }
    Some(sections)
}

/// What of a node's files Train would not take.
pub fn judge(files: &Files) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, sections) in files {
        let Some(list) = list(path) else {
            wrong.push(format!("{path}: there is no list of its options"));
            continue;
        };
        let enabled = sections.get("DEFAULT").and_then(|s| s.get("enabled_backends"));
        for (section, options) in sections {
            let is_backend = enabled.is_some_and(|names| names.split(',').any(|n| n == section));
            let known = list.get(if is_backend { "backend_defaults" } else { section });
            let Some(known) = known else {
                wrong.push(format!("{path}: there is no section [{section}]"));
                continue;
            };
            for (option, value) in options {
                let place = format!("{path} [{section}] {option}");
                // `$name` is what that option says.
                let of_default = sections.get("DEFAULT");
                let meant = match value.strip_prefix('$') {
                    Some(name) => of_default.and_then(|options| options.get(name)),
                    None => Some(value),
                };
                wrong.extend(match (known.get(option), meant) {
                    (None, _) => Some(format!("{place}: there is no such option")),
                    (_, None) => Some(format!("{place} = {value}: nothing says what that is")),
                    (Some(said), Some(meant)) => {
                        refusal(said, meant).map(|why| format!("{place} = {value}: {why}"))
                    }
                });
            }
        }
    }
    wrong
}

/// Why an option of that line does not take this value.
fn refusal(said: &[String], value: &str) -> Option<String> {
    for word in said {
        let is_wrong = match word.as_str() {
            "bool" => !["true", "false", "yes", "no", "on", "off", "1", "0"]
                .contains(&value.to_lowercase().as_str()),
            "int" => value.parse::<i64>().is_err(),
            "float" => value.parse::<f64>().is_err(),
            "port" => value.parse::<u16>().is_err(),
            "host" => value.is_empty() || value.contains([' ', '/', ':', '_', ',']),
            "ip" => value.parse::<std::net::IpAddr>().is_err(),
            "dict" => !value.split(',').all(|pair| pair.contains(':')),
            _ => {
                if word.starts_with("->") {
                    return Some(format!("it is an old name, {word}"));
                }
                if let Some(choices) = word.strip_prefix('=') {
                    !choices.split('|').any(|choice| choice.eq_ignore_ascii_case(value))
                } else if let Some((least, most)) = word.split_once("..") {
                    let value = value.parse::<f64>().unwrap_or(f64::NAN);
                    let limit = |text: &str, none| text.parse::<f64>().unwrap_or(none);
                    let range = limit(least, f64::NEG_INFINITY)..=limit(most, f64::INFINITY);
                    !range.contains(&value)
                } else {
                    false
                }
            }
        };
        if is_wrong {
            return Some(format!("it takes {word}"));
        }
    }
    None
}

/// What the nodes of a lab say of each other and do not agree on: node and files of each.
pub fn disagreements(nodes: &[(String, Files)]) -> Vec<String> {
    const NOVA: &str = "/etc/nova/nova.conf";
    const AGENT: &str = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini";
    const SECRET: &str = "metadata_proxy_shared_secret";
    const METADATA: &str = "/etc/neutron/metadata_agent.ini";
    let mut wrong = Vec::new();
    let mut same = |what: &str, values: Vec<&String>| {
        let values: BTreeSet<_> = values.into_iter().collect();
        if values.len() > 1 {
            wrong.push(format!("{what}: {values:?}"));
        }
    };
    let get = |files: &'static str| {
        move |section: &'static str, option: &'static str| {
            nodes
                .iter()
                .filter_map(move |(_, of)| of.get(files)?.get(section)?.get(option))
                .collect::<Vec<_>>()
        }
    };
    // Whoever uses the queue uses the same one; whoever logs in logs in at the same place, and keeps its tokens by the same key.
    for (section, option) in [
        ("DEFAULT", "transport_url"),
        ("keystone_authtoken", "auth_url"),
        ("keystone_authtoken", "www_authenticate_uri"),
        ("keystone_authtoken", "memcached_servers"),
        ("keystone_authtoken", "memcache_secret_key"),
        ("keystone_authtoken", "memcache_security_strategy"),
        ("keystone_authtoken", "project_name"),
    ] {
        let files = nodes.iter().flat_map(|(_, files)| files.values());
        same(option, files.filter_map(|file| file.get(section)?.get(option)).collect());
    }
    // Who logs in as one user has that user's password, in whichever file.
    let sections = nodes.iter().flat_map(|(_, files)| files.values().flat_map(BTreeMap::values));
    let mut users: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for section in sections {
        if let (Some(user), Some(password)) = (section.get("username"), section.get("password")) {
            users.entry(user).or_default().push(password);
        }
    }
    for (user, passwords) in users {
        same(&format!("password of {user}"), passwords);
    }
    let mut of_nova: BTreeMap<(&String, &String), Vec<&String>> = BTreeMap::new();
    for sections in nodes.iter().filter_map(|(_, files)| files.get(NOVA)) {
        for (name, options) in sections {
            if ["neutron", "placement", "glance", "cinder", "keystone_authtoken"].contains(&&**name)
            {
                for (option, value) in options {
                    of_nova.entry((name, option)).or_default().push(value);
                }
            }
        }
    }
    for ((section, option), values) in of_nova {
        same(&format!("nova's [{section}] {option}"), values);
    }
    let (agent, unset) = (get(AGENT), "not set".to_owned());
    for option in ["enable_vxlan", "l2_population", "udp_dstport"] {
        let values = nodes.iter().filter_map(|(_, of)| of.get(AGENT)?.get("vxlan"));
        same(option, values.map(|options| options.get(option).unwrap_or(&unset)).collect());
    }
    // Both halves of METADATA_SECRET; there is a metadata agent wherever nova has networks.
    let halves = [get(NOVA)("neutron", SECRET), get(METADATA)("DEFAULT", SECRET)];
    if halves[0].is_empty() != halves[1].is_empty() {
        wrong.push(format!("half of {SECRET}: {halves:?}"));
    }
    if halves.iter().flatten().collect::<BTreeSet<_>>().len() > 1 {
        wrong.push(format!("{SECRET}: {halves:?}"));
    }
    // What is each node's own.
    for (what, values) in
        [("my_ip", get(NOVA)("DEFAULT", "my_ip")), ("local_ip", agent("vxlan", "local_ip"))]
    {
        if values.iter().collect::<BTreeSet<_>>().len() < values.len() {
            wrong.push(format!("two nodes have the same {what}: {values:?}"));
        }
    }
    wrong
}

/// The files of nodes as the readers found them, and what is no such file at all.
pub fn files_of(found: &serde_json::Value) -> Result<Files, String> {
    let mut files = Files::new();
    for (placed, text) in found["files"].as_object().expect("files") {
        let Some((_, path)) = placed
            .strip_prefix("/etc/trainyard/stages/")
            .and_then(|rest| rest.split_once("/files"))
            .filter(|(_, path)| is_one(path))
        else {
            continue;
        };
        let sections = read_ini(path, text.as_str().expect("a text"))?;
        if files.insert(path.to_owned(), sections).is_some() {
            return Err(format!("two stages write {path}"));
        }
    }
    Ok(files)
}
