//! Random labs that are right, judged: every kickstart by pykickstart, every user-data by cloud-init, every script by bash and
//! shellcheck, and the lab's values found again by readers that are not ours.
//!
//! `TRAINYARD_LABS=N` makes N of them (200 by default), `TRAINYARD_SEED=S` begins with seed S; a failure names its seed.

#[path = "../common/mod.rs"]
mod common;
mod lab;
mod layer;
mod random;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use common::Lab;
use common::readers::{judge_scripts, read, scripts_of};
use lab::{Expected, generate};
use serde_json::Value;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// What is not as it was said.
struct Differences(Vec<String>);

impl Differences {
    fn same(&mut self, what: &str, found: &Value, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        if *found != wanted {
            self.0.push(format!("{what}: found {found}, said {wanted}"));
        }
    }

    /// A list has this item.
    fn has(&mut self, what: &str, found: &Value, wanted: &str) {
        let items = found.as_array().map_or(&[][..], Vec::as_slice);
        if !items.contains(&wanted.into()) {
            self.0.push(format!("{what}: `{wanted}` is not in {found}"));
        }
    }

    /// A text has this part.
    fn holds(&mut self, what: &str, found: &Value, wanted: &str) {
        if !found.as_str().is_some_and(|text| text.contains(wanted)) {
            self.0.push(format!("{what}: `{wanted}` is not in {found}"));
        }
    }
}

fn differences(wanted: &Expected, found: &Value) -> Vec<String> {
    let mut d = Differences(Vec::new());
    d.same("judges", &found["told"], Vec::<Value>::new());
    network(wanted, found, &mut d);
    system(wanted, found, &mut d);
    site(wanted, found, &mut d);
    d.0
}

fn network(wanted: &Expected, found: &Value, d: &mut Differences) {
    let network = &found["kickstart"]["network"][0];
    d.same("ip", &network["ip"], wanted.address.as_str());
    d.same("hostname", &network["hostname"], wanted.name.as_str());
    d.same("gateway", &network["gateway"], wanted.network.gateway.as_str());
    d.same("nameserver", &network["nameserver"], wanted.network.dns.join(","));
    let bits = u32::try_from(32 - wanted.network.prefix).expect("small");
    let mask = std::net::Ipv4Addr::from(u32::MAX << bits).to_string();
    d.same("netmask", &network["netmask"], mask);
    let subnet = &found["network_config"]["config"][0]["subnets"][0];
    d.same("cloud-init's address", &subnet["address"], wanted.address.as_str());
    d.same("cloud-init's name servers", &subnet["dns_nameservers"], wanted.network.dns.clone());
    let ifcfg = &found["ifcfg"]["enp0s3"];
    d.same("ifcfg IPADDR", &ifcfg["IPADDR"], wanted.address.as_str());
    d.same("ifcfg PREFIX", &ifcfg["PREFIX"], wanted.network.prefix.to_string());
    d.same("ifcfg GATEWAY", &ifcfg["GATEWAY"], wanted.network.gateway.as_str());
}

fn system(wanted: &Expected, found: &Value, d: &mut Differences) {
    let (kickstart, data) = (&found["kickstart"], &found["user_data"]);
    for (key, built_in, command, module) in [
        ("timezone", "Asia/Seoul", "timezone", "timezone"),
        ("language", "en_US.UTF-8", "lang", "locale"),
    ] {
        d.same(key, &kickstart[command], wanted.single(key, built_in));
        d.same(module, &data[module], wanted.single(key, built_in));
    }
    let keyboard = wanted.single("keyboard", "us");
    d.same("keyboard", &kickstart["keyboard"], keyboard.as_str());
    let keymap = data["runcmd"].as_array().into_iter().flatten().find(|c| c[0] == "localectl");
    d.same("cloud-init's keyboard", &keymap.unwrap_or(&Value::Null)[2], keyboard.as_str());
    d.same("cloud-init's hostname", &data["hostname"], wanted.name.as_str());
    d.same("role", &found["environment"]["TRAINYARD_ROLE"], wanted.role.as_str());
    let keys = data["users"][0].get("ssh_authorized_keys").cloned();
    d.same("keys", &keys.unwrap_or_else(|| Value::Array(Vec::new())), wanted.added("keys"));
    let stages = &found["stages"];
    for (name, rest) in wanted.mapped("user") {
        d.has("account", &stages["accounts"]["account"], &format!("{name} {rest}"));
    }
    for argument in wanted.added("kernel") {
        d.has("kernel argument", &stages["kernel"]["add"], &argument);
    }
    let mut scripts = kickstart["scripts"].as_array().into_iter().flatten();
    let guard = scripts.find(|s| s.as_str().is_some_and(|s| s.contains("zerombr")));
    let guard = guard.unwrap_or(&Value::Null);
    let (swap, root) = (wanted.single("swap", "1024"), wanted.single("root", "4096"));
    if wanted.single("layout", "plain") == "lvm" {
        d.holds(
            "swap",
            guard,
            &format!("\nlogvol swap --vgname=trainyard --name=swap --size={swap}\n"),
        );
        d.holds("root", guard, &format!("--fstype=xfs --size={root} --grow\n"));
    } else {
        d.holds("swap", guard, &format!("\npart swap --size={swap} --ondisk=$disk\n"));
        d.holds(
            "root",
            guard,
            &format!("\npart / --fstype=xfs --size={root} --grow --ondisk=$disk\n"),
        );
    }
}

fn site(wanted: &Expected, found: &Value, d: &mut Differences) {
    let file = |stage: &str, path: &str| {
        found["files"][format!("/etc/trainyard/stages/{stage}/files{path}")].clone()
    };
    let pinned = file("repositories", "/etc/trainyard/pinned.repo");
    let built_in = ["http://vault.centos.org", "http://archive.kernel.org/centos-vault"];
    for mirror in wanted.replaced("mirror", &built_in) {
        d.holds("mirror", &pinned, &format!("{mirror}/7.9.2009/os/"));
    }
    let stages = &found["stages"];
    for (name, value) in wanted.mapped("parameter") {
        let (stage, name) = name.split_once('.').expect("stage.name");
        if stages[stage].is_object() {
            d.has("parameter", &stages[stage]["parameter"], &format!("{name} {value}"));
        }
    }
    for package in wanted.added("packages") {
        d.has("package", &stages["site"]["package"], &package);
    }
    for (name, state) in wanted.mapped("service") {
        d.has("service", &stages["site"][state], &name);
    }
    for (path, content) in wanted.mapped("file") {
        d.same(&path, &file("site", &path), content);
    }
    for (key, value) in wanted.mapped("sysctl") {
        let conf = file("site", "/etc/sysctl.d/90-trainyard.conf");
        d.holds("sysctl", &conf, &format!("{key} = {value}\n"));
    }
    for (name, script) in wanted.mapped("hook") {
        let path = format!("/etc/trainyard/stages/hook-{name}/configure.sh");
        d.same(&name, &found["files"][path], script);
    }
    if wanted.role == "controller" {
        let chrony = file("time-server", "/etc/chrony.conf");
        for server in &wanted.servers {
            d.holds("time server", &chrony, &format!("server {server} iburst\n"));
        }
    }
}

#[test]
fn random_labs_are_rendered_as_they_were_said() {
    let (first, count) = (number("TRAINYARD_SEED", 1), number("TRAINYARD_LABS", 200));
    println!("labs of the seeds {first} to {}", first + count - 1);
    let mut labs = Vec::new();
    for seed in first..first + count {
        let generated = generate(seed);
        let lab = Lab::new(&generated.text);
        let outcome = lab.run(&["--quiet", "render", "-o", "out"]);
        assert_eq!(outcome.status, 0, "seed {seed}: {}\n{}", outcome.stderr, generated.text);
        labs.push((seed, lab, generated));
    }
    let folders: Vec<String> = labs
        .iter()
        .flat_map(|(_, lab, g)| {
            g.nodes.iter().map(|n| lab.path("out").join(&n.name).display().to_string())
        })
        .collect();
    let found = read(&folders);
    let nodes = labs.iter().flat_map(|(seed, _, g)| g.nodes.iter().map(move |n| (seed, n)));
    let mut wrong = String::new();
    let mut scripts: BTreeSet<String> = BTreeSet::new();
    for ((seed, wanted), found) in nodes.zip(&found) {
        for difference in differences(wanted, found) {
            let _ = writeln!(wrong, "seed {seed}, {}: {difference}", wanted.name);
        }
        scripts.extend(scripts_of(found));
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("{} nodes, {} different scripts", found.len(), scripts.len());
    judge_scripts(&scripts);
}

#[test]
fn the_readers_would_have_said_something() {
    let generated = generate(7);
    let lab = Lab::new(&generated.text);
    lab.done(&["--quiet", "render", "-o", "out"]);
    let node = &generated.nodes[0];
    let folder = lab.path("out").join(&node.name);
    let kickstart = fs::read_to_string(folder.join("ks.cfg")).expect("text");
    let spoiled =
        kickstart.replace(&node.address, "10.77.9.9").replace("\ntimezone ", "\ntimesource ");
    fs::write(folder.join("ks.cfg"), spoiled).expect("written");
    let user_data = fs::read_to_string(folder.join("user-data")).expect("text");
    fs::write(folder.join("user-data"), user_data.replace("\nruncmd:\n", "\nruncmd: 7\nwas:\n"))
        .expect("written");
    let found = read(&[folder.display().to_string()]);
    let told = found[0]["told"].to_string();
    assert!(told.contains("timesource") && told.contains("runcmd"), "{told}");
    assert!(!differences(node, &found[0]).is_empty());
}
