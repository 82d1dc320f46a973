//! What programs that are not ours say of what we render: RHEL 7's kickstart grammar, cloud-init's schema
//! and network renderer, shellcheck, chrony.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::installed::Installed;
use common::options;
use common::readers::{judge_scripts, read, scripts_of};
use common::{Lab, ROOT, judge, judged};
use serde_json::Value;

const NODES: [&str; 2] = ["controller", "compute"];

/// Every lab in `examples/`, and one that uses what they do not.
fn labs() -> Vec<Lab> {
    let mut labs = vec![Lab::new(
        "timezone: UTC\n\
         access: {user: op, root_login: key, ssh_authorized_keys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 it's \\\"me\\\" $(id) `id`\"]}\n\
         networks: {storage: {cidr: 10.9.0.0/24}}\n\
         nodes:\n\
         \x20 controller: {role: controller, address: 10.0.0.11, interfaces: {enp0s3: {network: management}, enp0s10: {network: storage, address: 10.9.0.11}}}\n\
         \x20 compute: {role: compute, address: 10.0.0.31, interfaces: {enp0s3: {network: management}}}\n",
    )];
    for example in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let name = example.expect("an entry").file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|e| e == "yaml") {
            labs.push(Lab::example(&name));
        }
    }
    labs
}

/// Every node of every lab, as readers that are not ours found it. Of a range three will do: its nodes differ in their
/// addresses only.
fn found() -> &'static [(String, Value)] {
    static FOUND: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let labs = labs();
        let mut folders = Vec::new();
        for lab in &labs {
            lab.done(&["--quiet", "render", "-o", "out"]);
            let nodes = lab.names("out").into_iter().rev().take(3);
            folders.extend(nodes.map(|node| lab.path("out").join(node).display().to_string()));
        }
        let found = read(&folders);
        folders.into_iter().zip(found).collect()
    })
}

#[test]
fn options_are_those_of_train_and_nodes_agree() {
    let mut labs: BTreeMap<&Path, Vec<(String, options::Files)>> = BTreeMap::new();
    for (folder, node) in found() {
        let files = options::files_of(node).unwrap_or_else(|told| panic!("{folder}: {told}"));
        assert_eq!(options::judge(&files), Vec::<String>::new(), "{folder}");
        let lab = Path::new(folder).parent().expect("a lab");
        labs.entry(lab).or_default().push((folder.clone(), files));
    }
    let with_options = labs.values().flatten().filter(|(_, files)| files.len() > 3).count();
    assert!(with_options > 10, "{with_options}");
    for nodes in labs.values() {
        assert_eq!(options::disagreements(nodes), Vec::<String>::new(), "{}", nodes[0].0);
    }
}

#[test]
fn pykickstart_and_cloud_init_accept_every_node() {
    assert!(found().len() > 10);
    for (folder, node) in found() {
        assert_eq!(node["told"], Value::Array(Vec::new()), "{folder}");
    }
}

#[test]
fn ksvalidator_itself_accepts_the_reference_lab() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in NODES {
        let mut command = judge("ksvalidator");
        command.args(["-v", "RHEL7"]).arg(lab.path(&format!("out/{node}/ks.cfg")));
        judged(command);
        let mut command = judge("cloud-init");
        command.args(["schema", "--config-file"]).arg(lab.path(&format!("out/{node}/user-data")));
        let said = judged(command);
        assert!(!format!("{said:?}").to_lowercase().contains("invalid"), "{said:?}");
    }
}

#[test]
fn ksvalidator_would_have_said_something() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "controller", "-o", "out"]);
    let broken = lab.read("out/controller/ks.cfg").replace("\ntimezone ", "\ntimesource ");
    fs::write(lab.path("broken.cfg"), broken).expect("written");
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(lab.path("broken.cfg"));
    assert_ne!(common::outcome(command).status, 0);
}

#[test]
fn cloud_init_would_have_said_something() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "controller", "-o", "out"]);
    let broken = lab.read("out/controller/user-data").replace("\nruncmd:\n", "\nruncmd: 7\nwas:\n");
    fs::write(lab.path("broken"), broken).expect("written");
    let mut command = judge("cloud-init");
    command.args(["schema", "--config-file"]).arg(lab.path("broken"));
    assert_ne!(common::outcome(command).status, 0);
}

#[test]
fn cloud_init_makes_the_same_interfaces_as_the_kickstart() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in NODES {
        let config = lab.read(&format!("out/{node}/network-config"));
        let macs = config.lines().filter_map(|line| line.trim().strip_prefix("mac_address: "));
        let names = config.lines().filter_map(|line| line.trim().strip_prefix("name: "));
        let made = lab.path(&format!("net-{node}"));
        let mut command = judge("cloud-init");
        command.args(["devel", "net-convert", "-k", "yaml", "-D", "rhel", "-O", "sysconfig", "-p"]);
        command.arg(lab.path(&format!("out/{node}/network-config"))).arg("-d").arg(&made);
        for (name, mac) in names.zip(macs) {
            command.args(["-m", &format!("{name},{mac}")]);
        }
        judged(command);
        let ifcfg = |name: &str| {
            let path = made.join("etc/sysconfig/network-scripts").join(format!("ifcfg-{name}"));
            fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let kickstart = lab.read(&format!("out/{node}/ks.cfg"));
        let network =
            kickstart.lines().find(|line| line.starts_with("network ")).expect("a network line");
        let management = ifcfg("enp0s3");
        for (theirs, option) in [
            ("IPADDR", "--ip"),
            ("NETMASK", "--netmask"),
            ("GATEWAY", "--gateway"),
            ("DNS1", "--nameserver"),
        ] {
            let value = network
                .split(' ')
                .find_map(|w| w.strip_prefix(option)?.strip_prefix('='))
                .expect("an option");
            assert!(
                management.lines().any(|l| l == format!("{theirs}={value}")),
                "{theirs}={value} in\n{management}"
            );
        }
        let provider = ifcfg("enp0s9");
        assert!(
            provider.contains("BOOTPROTO=none") && provider.contains("ONBOOT=yes"),
            "{provider}"
        );
        assert!(!provider.contains("IPADDR"), "{provider}");
    }
}

#[test]
fn shellcheck_accepts_every_script_of_every_node() {
    let scripts = found().iter().flat_map(|(_, node)| scripts_of(node)).collect();
    judge_scripts(&scripts);
}

/// Every script that goes to a node.
fn node_scripts() -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect()
    };
    let mut found = vec![Path::new(ROOT).join("scripts/node/trainyard-node")];
    let mut folders = entries(&Path::new(ROOT).join("stack"));
    folders.retain(|path| path.is_dir());
    folders.push(Path::new(ROOT).join("scripts/node"));
    for folder in folders {
        let scripts = entries(&folder).into_iter();
        found.extend(scripts.filter(|path| path.extension().is_some_and(|e| e == "sh")));
    }
    found
}

#[test]
fn shellcheck_and_el7_accept_every_script_of_the_nodes() {
    let scripts = node_scripts();
    assert!(scripts.len() > 10, "{scripts:?}");
    let mut command = judge("shellcheck");
    command.arg("-x").args(&scripts);
    judged(command);
    for script in &scripts {
        let mut command = judge("bash");
        command.arg("-n").arg(script);
        judged(command);
    }
    let lint = Path::new(ROOT).join("scripts/dev/lint-el7.sh");
    let mut command = Command::new(&lint);
    command.args(&scripts).arg(Path::new(ROOT).join("scripts/node/trainyard-first-boot.service"));
    judged(command);
    let mut command = Command::new(lint);
    command.arg("--self-test");
    judged(command);
}

#[test]
fn what_the_kickstart_writes_is_what_was_meant() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in NODES {
        let installed = Installed::new(&lab, node, &[]);
        assert_eq!(
            installed.read("usr/local/sbin/trainyard-node"),
            fs::read_to_string(Path::new(ROOT).join("scripts/node/trainyard-node"))
                .expect("the runner")
        );
        assert_eq!(installed.mode("usr/local/sbin/trainyard-node"), 0o755);
        assert_eq!(installed.mode("etc/trainyard/stages/host-network"), 0o700);
        for secret in ["trainyard/secrets.env", "ssh/ssh_host_rsa_key", "ssh/ssh_host_ed25519_key"]
        {
            assert_eq!(installed.mode(&format!("etc/{secret}")), 0o600, "{secret}");
        }
        let described = installed.read("etc/trainyard/node.json");
        serde_json::from_str::<serde_json::Value>(&described).expect("JSON");
        let kept = installed.read("mnt/sysimage/etc/trainyard/ks.cfg");
        assert!(
            kept.contains("rootpw --lock")
                && !kept.contains("$6$rounds")
                && !kept.contains("_PASS=")
                && !kept.contains("PRIVATE KEY"),
            "no secret is kept"
        );
        installed.assert_equals_user_data(&lab.read(&format!("out/{node}/user-data")));
    }
}

#[test]
fn chrony_reads_what_the_stages_configure() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["plan", "--format", "json"]);
    let plan: serde_json::Value =
        serde_json::from_str(&lab.done(&["plan", "--format", "json"]).stdout).expect("JSON");
    for node in plan["nodes"].as_array().expect("nodes") {
        let files = node["stages"]
            .as_array()
            .expect("stages")
            .iter()
            .flat_map(|s| s["files"].as_array().expect("files"));
        let conf = files.clone().find(|f| f["path"] == "/etc/chrony.conf").expect("chrony.conf");
        let path = lab.path("chrony.conf");
        fs::write(&path, conf["content"].as_str().expect("text")).expect("written");
        let mut command = judge("chronyd");
        command.arg("-p").arg("-f").arg(&path);
        let said = judged(command);
        assert!(said.stdout.contains("makestep 1.0 3"), "{said:?}");
    }
}

#[test]
fn the_schema_for_editors_takes_every_example_and_refuses_a_slip() {
    let lab = Lab::new("");
    fs::write(lab.path("schema.json"), lab.done(&["schema"]).stdout).expect("written");
    fs::write(lab.path("slip.yaml"), "nodes: {controller: {rol: controller}}\n").expect("written");
    let script = "import json, sys, yaml, jsonschema\n\
        schema = json.load(open(sys.argv[1]))\n\
        jsonschema.Draft7Validator.check_schema(schema)\n\
        for name in sys.argv[2:]:\n\
        \x20   errors = list(jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(open(name))))\n\
        \x20   print(name, [e.message for e in errors])\n\
        \x20   assert bool(errors) == name.endswith('slip.yaml'), name\n";
    let mut command = Command::new("/usr/bin/python3");
    command.arg("-c").arg(script).arg(lab.path("schema.json")).arg(lab.path("slip.yaml"));
    for example in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let path = example.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "yaml") {
            command.arg(path);
        }
    }
    judged(command);
}
