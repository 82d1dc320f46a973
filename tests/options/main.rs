//! Options of OpenStack's configuration files, held to what Train takes: what its guides set passes, and what is mistyped
//! is told at its place, all at once. The exact words are in `tests/rules/options.yaml`.

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs;

use common::Lab;
use common::options::{self, Files};

const NODES: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
const MINIMAL: &str = include_str!("minimal.txt");

/// What every service says to log in to keystone.
const LOGIN: &str = "www_authenticate_uri = http://controller:5000\nauth_url = http://controller:5000\n\
     memcached_servers = controller:11211\nauth_type = password\nproject_domain_name = Default\n\
     user_domain_name = Default\nproject_name = service\npassword = 0a1b";

/// The nodes' files: what they are, and file, section, option and value.
fn minimal() -> Vec<(String, Files)> {
    let mut nodes = Vec::new();
    read(MINIMAL, &mut nodes);
    nodes
}

fn read(text: &str, nodes: &mut Vec<(String, Files)>) {
    let (mut file, mut section) = (String::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            let (name, of) = name.split_once(" < ").unwrap_or((name, ""));
            let files = nodes.iter().find(|(name, _)| name == of).map(|(_, files)| files.clone());
            nodes.push((name.to_owned(), files.unwrap_or_default()));
            continue;
        }
        let files = &mut nodes.last_mut().expect("a node").1;
        if line.starts_with('/') {
            line.clone_into(&mut file);
        } else if let Some(rest) = line.strip_prefix('[') {
            let (name, user) = rest.split_once(']').expect("a section");
            name.clone_into(&mut section);
            let of_file = files.entry(file.clone()).or_default();
            let options = of_file.entry(name.to_owned()).or_default();
            if !user.is_empty() {
                let login = LOGIN.lines().map(|line| line.split_once(" = ").expect("an option"));
                options.extend(login.map(|(name, value)| (name.to_owned(), value.to_owned())));
                options.insert("username".to_owned(), user.trim().to_owned());
            }
        } else {
            let (name, value) = line.split_once('=').expect("an option");
            let options = files.get_mut(&file).and_then(|file| file.get_mut(&section));
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            options.expect("a section").insert(name, value);
        }
    }
}

/// `settings` as YAML, on one line.
fn settings(files: &Files) -> String {
    format!("settings: {}\n", serde_json::to_string(files).expect("plain data"))
}

/// A lab with a stage of its own that says this.
fn with_stage(stage: &str, more: &str) -> Lab {
    let lab = Lab::new(&format!("own_stages: mine\n{more}{NODES}openstack: {{services: []}}\n"));
    let folder = lab.path("mine/own");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("stage.yaml"), format!("summary: own\n{stage}")).expect("written");
    fs::write(folder.join("verify.sh"), "true\n").expect("written");
    lab
}

/// A stage that writes these files, with one option each.
fn writer(files: &Files) -> String {
    let debug = BTreeMap::from([("debug".to_owned(), "false".to_owned())]);
    let of_file = BTreeMap::from([("DEFAULT".to_owned(), debug)]);
    settings(&files.keys().map(|file| (file.clone(), of_file.clone())).collect())
}

/// Rule, line and column of what is told.
fn told(lab: &Lab) -> Vec<(String, String, u64, u64)> {
    let outcome = lab.run(&["check", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let finding = |f: &serde_json::Value| {
        let text = |key: &str| f[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| f[key].as_u64().unwrap_or_default();
        (text("rule"), text("file"), number("line"), number("column"))
    };
    told["findings"].as_array().expect("findings").iter().map(finding).collect()
}

#[test]
fn what_the_guides_of_train_set_is_taken() {
    let nodes = minimal();
    let mut files: Vec<&String> = nodes.iter().flat_map(|(_, files)| files.keys()).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 11, "every file is there: {files:?}");
    for (name, files) in &nodes {
        let by_stage = with_stage(&settings(files), "");
        let by_lab = with_stage(&writer(files), &settings(files));
        for lab in [by_stage, by_lab] {
            let outcome = lab.run(&["check"]);
            assert_eq!(outcome.status, 0, "{name}: {outcome:?}");
            // The guide sets some that go away after Train; nothing else is told.
            let told = told(&lab);
            assert!(told.iter().all(|(rule, ..)| rule == "deprecated-option"), "{name}: {told:?}");
        }
    }
}

#[test]
fn each_letter_of_a_name_counts() {
    // Every section and option that the guides set, with one letter too many.
    for (name, files) in minimal() {
        let mut mistyped = Files::new();
        let mut wanted = 0;
        for (file, sections) in &files {
            for (section, options) in sections {
                let of_file = mistyped.entry(file.clone()).or_default();
                for (option, value) in
                    options.iter().filter(|(name, _)| *name != "enabled_backends")
                {
                    let of_section = of_file.entry(section.clone()).or_default();
                    of_section.insert(format!("{option}x"), value.clone());
                    wanted += 1;
                }
                for (option, value) in options {
                    let of_section = of_file.entry(format!("{section}x")).or_default();
                    of_section.insert(option.clone(), value.clone());
                }
                wanted += 1;
            }
        }
        let told = told(&with_stage(&settings(&mistyped), ""));
        let found = told.iter().filter(|(rule, ..)| rule == "unknown-option").count();
        assert_eq!(found, wanted, "{name}: {told:?}");
        assert_eq!(told.len(), found, "{name}: {told:?}");
    }
}

#[test]
fn every_mistake_is_told_at_once_and_at_its_place() {
    let lab_settings = "\
settings:
  /etc/nova/nova.conf:
    vcn:
      enabled: \"true\"
    DEFAULT:
      my_ipp: 10.0.0.11
      auth_strategy: keystone
      osapi_compute_workers: many
      metadata_workers: 0
      reserved_huge_pages: node
    vnc: {enabled: maybe}
    libvirt:
      virt_type:
        kvmm
  /etc/neutron/plugins/ml2/linuxbridge_agent.ini:
    vxlan: {local_ip: controller, udp_dstport: 70000}
  /etc/my.cnf.d/openstack.cnf:
    mysqldd: {whatever: yes}
";
    let stage = "\
settings:
  /etc/nova/nova.conf: {DEFAULT: {debug: 'no'}}
  /etc/neutron/plugins/ml2/linuxbridge_agent.ini: {DEFAULT: {debug: 'no'}}
  /etc/cinder/cinder.conf:
    DEFAULT: {enabled_backends: 'lvm,{{ lab.name }}', debug: 'nein'}
    lvm: {volume_grup: x}
    any: {volume_group: x, volume_grup: x}
    ml2: {volume_group: x}
";
    let lab = with_stage(stage, lab_settings);
    let wanted = [
        ("unknown-option", "lab.yaml", 4, 5),
        ("unknown-option", "lab.yaml", 7, 7),
        ("renamed-option", "lab.yaml", 8, 7),
        ("option-value", "lab.yaml", 9, 30),
        ("option-value", "lab.yaml", 10, 25),
        ("option-value", "lab.yaml", 11, 28),
        ("option-value", "lab.yaml", 12, 20),
        ("option-value", "lab.yaml", 15, 9),
        ("option-value", "lab.yaml", 17, 23),
        ("option-value", "lab.yaml", 17, 48),
        ("option-value", "mine/own/stage.yaml", 6, 62),
        ("unknown-option", "mine/own/stage.yaml", 7, 11),
        ("unknown-option", "mine/own/stage.yaml", 8, 28),
    ];
    let told = told(&lab);
    let told: Vec<_> = told.iter().map(|(r, f, l, c)| (&**r, &**f, *l, *c)).collect();
    assert_eq!(told, wanted);
    assert_eq!(lab.run(&["check"]).status, 3);
}

/// A lab with a node of each role.
fn whole(networking: &str) -> Lab {
    Lab::new(&format!(
        "openstack: {{networking: {networking}}}\nnodes:\n  controller: {{role: controller, address: 10.0.0.11}}\n  \
         compute: {{role: compute, address: 10.0.0.31}}\n  storage: {{role: storage, address: 10.0.0.41}}\n"
    ))
}

/// What a node's stages write, each secret as the guides' files have it.
fn of_stages(lab: &Lab, node: &str) -> Files {
    let plan = lab.done(&["plan", node, "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let mut files = Files::new();
    let stages = plan["stages"].as_array().expect("stages").iter();
    for file in stages.flat_map(|stage| stage["files"].as_array().expect("files")) {
        let path = file["path"].as_str().expect("a path");
        if options::is_one(path) {
            let mut content = file["content"].as_str().expect("a text").to_owned();
            while let Some(begin) = content.find("@SECRET_") {
                let end = begin + 1 + content[begin + 1..].find('@').expect("an end");
                content.replace_range(begin..=end, "0a1b");
            }
            let sections = options::read_ini(path, &content).unwrap_or_else(|e| panic!("{e}"));
            assert!(files.insert(path.to_owned(), sections).is_none(), "{path}");
        }
    }
    files
}

/// What differs from the guides does so for a reason that is written down.
#[test]
fn the_stages_set_what_the_guides_set() {
    let reasons: Vec<Vec<&str>> = include_str!("differs.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(reasons.iter().all(|reason| reason.len() == 4 && reason[3].len() > 10), "{reasons:?}");
    let mut used = vec![false; reasons.len()];
    let mut differs = Vec::new();
    let mut guides = minimal();
    read(include_str!("guide.txt"), &mut guides);
    for networking in ["provider", "self-service"] {
        let lab = whole(networking);
        for node in ["controller", "compute", "storage"] {
            let wanted = format!("{node}, {networking} networks");
            let guide = guides.iter().find(|(name, _)| *name == wanted);
            let (name, guide) = guide.unwrap_or_else(|| panic!("no guide for {wanted}"));
            let mut places: Vec<(&String, &String, &String)> = Vec::new();
            let ours = of_stages(&lab, node);
            for (file, sections) in guide.iter().chain(&ours) {
                for (section, options) in sections {
                    places.extend(options.keys().map(|option| (file, section, option)));
                }
            }
            places.sort();
            places.dedup();
            for (file, section, option) in places {
                let get = |files: &Files| files.get(file)?.get(section)?.get(option).cloned();
                if get(guide) == get(&ours) {
                    continue;
                }
                let is_named = |reason: &Vec<&str>| {
                    let place = [file, section, option];
                    place
                        .into_iter()
                        .zip(reason)
                        .all(|(part, named)| *named == "*" || *named == part)
                };
                match reasons.iter().position(is_named) {
                    Some(at) => used[at] = true,
                    None => differs.push(format!(
                        "{name}: {file} [{section}] {option}: guide {:?}, ours {:?}",
                        get(guide),
                        get(&ours)
                    )),
                }
            }
        }
    }
    assert!(differs.is_empty(), "{differs:#?}");
    let unused: Vec<_> = reasons.iter().zip(used).filter(|(_, used)| !used).collect();
    assert!(unused.is_empty(), "nothing differs there: {unused:?}");
}

/// What one file says and another one must say as well, on the same node or on another.
#[test]
fn what_must_agree_agrees() {
    for networking in ["provider", "self-service"] {
        let lab = whole(networking);
        let nodes = ["controller", "compute", "storage"].map(|node| (node, of_stages(&lab, node)));
        let get = |node: &str, file: &str, section: &str, option: &str| {
            let (_, files) = nodes.iter().find(|(name, _)| *name == node).expect("a node");
            files.get(file).and_then(|f| f.get(section)).and_then(|s| s.get(option)).cloned()
        };
        let (nova, neutron) = ("/etc/nova/nova.conf", "/etc/neutron/neutron.conf");
        let all = nodes.clone().map(|(node, files)| (node.to_owned(), files));
        assert_eq!(options::disagreements(&all), Vec::<String>::new(), "{networking}");
        for (_, files) in &nodes {
            assert_eq!(options::judge(files), Vec::<String>::new(), "{networking}");
        }
        let secret = get("controller", nova, "neutron", "metadata_proxy_shared_secret");
        let agents = "/etc/neutron/metadata_agent.ini";
        assert!(secret.is_some());
        assert_eq!(secret, get("controller", agents, "DEFAULT", "metadata_proxy_shared_secret"));
        assert_eq!(get("compute", nova, "neutron", "metadata_proxy_shared_secret"), None);
        // Each node's own address, and what of the agent differs from one to the next.
        let agent = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini";
        for (node, address) in [("controller", "10.0.0.11"), ("compute", "10.0.0.31")] {
            assert_eq!(get(node, nova, "DEFAULT", "my_ip").as_deref(), Some(address));
            let tunnels = get(node, agent, "vxlan", "local_ip");
            assert_eq!(tunnels.as_deref(), (networking == "self-service").then_some(address));
        }
        for option in ["enable_vxlan", "l2_population", "udp_dstport"] {
            let of = |node| get(node, agent, "vxlan", option);
            assert_eq!(of("controller"), of("compute"), "{option}");
        }
        assert_eq!(get("controller", neutron, "nova", "username").as_deref(), Some("nova"));
        // Nothing but the controller and the storage node reaches a database.
        for file in nodes[1].1.values() {
            assert!(!file.contains_key("database") && !file.contains_key("api_database"));
        }
        every_address_is_served(&lab, &nodes);
    }
}

/// Each port of the controller that a file names is opened there by some stage, and is the catalogue's where it is a service's.
fn every_address_is_served(lab: &Lab, nodes: &[(&str, Files)]) {
    let plan = lab.done(&["plan", "controller", "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let stages = plan["stages"].as_array().expect("stages");
    let openings = stages.iter().flat_map(|stage| stage["firewall"].as_array().expect("openings"));
    let open: Vec<&str> = openings.filter_map(|opening| opening["port"].as_str()).collect();
    let services = stages.iter().filter_map(|stage| stage["identity"]["services"].as_array());
    let urls: Vec<&str> = services.flatten().filter_map(|s| s["url"].as_str()).collect();
    assert_eq!(urls.len(), 6, "{urls:?}");
    let values = nodes.iter().flat_map(|(_, files)| files.values()).flat_map(|file| file.values());
    let values = values.flat_map(|section| section.values().map(String::as_str)).chain(urls);
    let mut count = 0;
    for value in values.filter(|value| value.contains("controller:")) {
        let (_, port) = value.split_once("controller:").expect("it is there");
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        assert!(open.contains(&port.as_str()), "{value}: no stage opens {port}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

/// One fault of each kind in what is rendered: the judge of the examples and of random labs finds it.
#[test]
fn a_planted_fault_of_each_kind_is_found() {
    const NOVA: &str = "/etc/nova/nova.conf";
    const NEUTRON: &str = "/etc/neutron/neutron.conf";
    const AGENT: &str = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini";
    let lab = whole("self-service");
    let whole = ["controller", "compute", "storage"].map(|n| (n.to_owned(), of_stages(&lab, n)));
    for (path, section, option, value, told) in [
        (NOVA, "vcn", "enabled", "true", "there is no section [vcn]"),
        (NOVA, "vnc", "enabledd", "true", "[vnc] enabledd: there is no such option"),
        (NOVA, "DEFAULT", "ram_allocation_ration", "1", "there is no such option"),
        (NOVA, "DEFAULT", "auth_strategy", "keystone", "it is an old name, -> api.auth_strategy"),
        (NOVA, "DEFAULT", "osapi_compute_workers", "many", "it takes int"),
        (NOVA, "DEFAULT", "osapi_compute_workers", "0", "it takes 1.."),
        (NOVA, "vnc", "enabled", "maybe", "it takes bool"),
        (NOVA, "vnc", "server_listen", "$my_ipp", "nothing says what that is"),
        (NOVA, "libvirt", "virt_type", "kvmm", "it takes =kvm|"),
        (NOVA, "DEFAULT", "cpu_allocation_ratio", "a lot", "it takes float"),
        (NEUTRON, "DEFAULT", "bind_port", "70000", "it takes port"),
        (AGENT, "vxlan", "local_ip", "controller", "it takes ip"),
    ] {
        let mut files = whole[0].1.clone();
        let sections = files.entry(path.to_owned()).or_default();
        sections.entry(section.to_owned()).or_default().insert(option.to_owned(), value.to_owned());
        let found = options::judge(&files);
        assert!(found.len() == 1 && found[0].contains(told), "[{section}] {option}: {found:?}");
    }
    for (path, section, option, value) in [
        (NOVA, "DEFAULT", "transport_url", "rabbit://openstack:0a1b@other:5672/"),
        (NOVA, "keystone_authtoken", "auth_url", "http://controller:35357"),
        (NOVA, "keystone_authtoken", "memcache_secret_key", "0a1c"),
        (NOVA, "neutron", "password", "0a1c"),
        (NOVA, "placement", "auth_url", "http://compute:5000/v3"),
        (NOVA, "glance", "api_servers", "http://controller:9293"),
        (NOVA, "neutron", "metadata_proxy_shared_secret", "0a1c"),
        (NOVA, "DEFAULT", "my_ip", "10.0.0.11"),
        (AGENT, "vxlan", "udp_dstport", "4789"),
        (AGENT, "vxlan", "local_ip", "10.0.0.11"),
    ] {
        let mut nodes = whole.clone();
        let of_compute = nodes[1].1.get_mut(path).expect("a file");
        let of_section = of_compute.get_mut(section).expect("a section");
        let before = of_section.insert(option.to_owned(), value.to_owned());
        assert_ne!(before.as_deref(), Some(value), "nothing is planted");
        let found = options::disagreements(&nodes);
        assert!(!found.is_empty(), "[{section}] {option} = {value}");
    }
    for text in ["no section = 1\n", "[a]\nno value\n", "[a]\nx = 1\nx = 2\n"] {
        assert!(options::read_ini(NOVA, text).is_err(), "{text}");
    }
}

/// What services share out among each other follows from the node, and the lab may say otherwise.
#[test]
fn sizes_follow_the_nodes_memory_and_processors() {
    for (hardware, workers, connections, buffer, cached, cache) in [
        ("cpus: 2, memory: 4GiB", 1, 4096, 128, 1024, 64),
        // Memory without processors, and processors without memory.
        ("cpus: 1, memory: 64GiB", 1, 4096, 2048, 1024, 1024),
        ("cpus: 16, memory: 3584MiB", 1, 4096, 112, 1024, 56),
        ("cpus: 4, memory: 16GiB", 4, 16384, 512, 4096, 256),
        ("cpus: 64, memory: 128GiB", 8, 32768, 4096, 8192, 2048),
    ] {
        let controller = format!("role: controller, address: 10.0.0.11, {hardware}");
        let holds = |lab: &str, wanted: [u64; 5]| {
            let lab = Lab::new(&format!("{lab}nodes: {{controller: {{{controller}}}}}\n"));
            let plan = lab.done(&["plan", "controller", "--format", "json"]).stdout;
            let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
            let stages = plan["stages"].as_array().expect("stages").iter();
            let files = stages.flat_map(|stage| stage["files"].as_array().expect("files"));
            let files: BTreeMap<&str, &str> = files
                .filter_map(|file| Some((file["path"].as_str()?, file["content"].as_str()?)))
                .collect();
            let [workers, connections, buffer, cached, cache] = wanted;
            for (path, line) in [
                ("/etc/nova/nova.conf", format!("\nosapi_compute_workers = {workers}\n")),
                ("/etc/my.cnf.d/openstack.cnf", format!("\nmax_connections = {connections}\n")),
                ("/etc/my.cnf.d/openstack.cnf", format!("\ninnodb_buffer_pool_size = {buffer}M\n")),
                ("/etc/sysconfig/memcached", format!("\nMAXCONN=\"{cached}\"\n")),
                ("/etc/sysconfig/memcached", format!("\nCACHESIZE=\"{cache}\"\n")),
            ] {
                assert!(files[path].contains(&line), "{hardware}: {line:?}: {}", files[path]);
            }
        };
        holds("", [workers, connections, buffer, cached, cache]);
        let own = "parameters:\n  nova: {workers: 3}\n  database: {max_connections: 900, buffer_megabytes: 200}\n  cache: {connections: 300, megabytes: 40}\n";
        holds(own, [3, 900, 200, 300, 40]);
    }
}
