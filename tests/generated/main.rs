//! Random labs that are right, judged: every kickstart by pykickstart, every user-data by cloud-init, every script by bash and
//! shellcheck, and the lab's values found again by readers that are not ours.
//!
//! `TRAINYARD_LABS=N` makes N of them (200 by default), `TRAINYARD_SEED=S` begins with seed S; a failure names its seed.

#[path = "../common/mod.rs"]
mod common;
mod lab;

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
fn differences(wanted: &Expected, found: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: &Value, wanted: Value| {
        if *found != wanted {
            wrong.push(format!("{what}: found {found}, said {wanted}"));
        }
    };
    same("judges", &found["told"], Value::Array(Vec::new()));
    let kickstart = &found["kickstart"];
    let network = &kickstart["network"][0];
    same("ip", &network["ip"], wanted.address.as_str().into());
    same("hostname", &network["hostname"], wanted.name.as_str().into());
    same("gateway", &network["gateway"], wanted.gateway.as_str().into());
    same("nameserver", &network["nameserver"], wanted.dns.join(",").into());
    let mask = u32::MAX.checked_shl(32 - u32::try_from(wanted.prefix).expect("small")).unwrap_or(0);
    same("netmask", &network["netmask"], std::net::Ipv4Addr::from(mask).to_string().into());
    same("timezone", &kickstart["timezone"], wanted.timezone.as_str().into());
    same("lang", &kickstart["lang"], wanted.language.as_str().into());
    same("keyboard", &kickstart["keyboard"], wanted.keyboard.as_str().into());
    let data = &found["user_data"];
    same("cloud-init's hostname", &data["hostname"], wanted.name.as_str().into());
    same("cloud-init's timezone", &data["timezone"], wanted.timezone.as_str().into());
    same("cloud-init's locale", &data["locale"], wanted.language.as_str().into());
    let keys = &data["users"][0]["ssh_authorized_keys"];
    let keys = if keys.is_null() { Value::Array(Vec::new()) } else { keys.clone() };
    same("keys", &keys, wanted.keys.clone().into());
    let subnet = &found["network_config"]["config"][0]["subnets"][0];
    same("cloud-init's address", &subnet["address"], wanted.address.as_str().into());
    same("cloud-init's name servers", &subnet["dns_nameservers"], wanted.dns.clone().into());
    same("node.env", &found["environment"]["TRAINYARD_ROLE"], wanted.role.as_str().into());
    let ifcfg = &found["ifcfg"]["enp0s3"];
    same("ifcfg IPADDR", &ifcfg["IPADDR"], wanted.address.as_str().into());
    same("ifcfg PREFIX", &ifcfg["PREFIX"], wanted.prefix.to_string().into());
    same("ifcfg GATEWAY", &ifcfg["GATEWAY"], wanted.gateway.as_str().into());
    let pinned =
        &found["files"]["/etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo"];
    let pinned = pinned.as_str().unwrap_or("");
    for mirror in &wanted.mirrors {
        same("mirror", &pinned.contains(&format!("{mirror}/7.9.2009/os/")).into(), true.into());
    }
    for (name, value) in &wanted.parameters {
        let (stage, name) = name.split_once('.').expect("stage.name");
        if let Some(lines) = found["stages"][stage]["parameter"].as_array() {
            same(
                "parameter",
                &lines.contains(&format!("{name} {value}").into()).into(),
                true.into(),
            );
        }
    }
    let site = &found["stages"]["site"];
    let packages = site["package"].as_array().cloned().unwrap_or_default();
    let packages: Vec<Value> = packages.into_iter().collect();
    for package in &wanted.packages {
        same("package", &packages.contains(&package.as_str().into()).into(), true.into());
    }
    for (path, content) in &wanted.files {
        let staged = format!("/etc/trainyard/stages/site/files{path}");
        same(path, &found["files"][staged], content.as_str().into());
    }
    for (key, value) in &wanted.sysctl {
        let file =
            &found["files"]["/etc/trainyard/stages/site/files/etc/sysctl.d/90-trainyard.conf"];
        let line = format!("{key} = {value}\n");
        same("sysctl", &file.as_str().is_some_and(|f| f.contains(&line)).into(), true.into());
    }
    if wanted.role == "controller" {
        let chrony = &found["files"]["/etc/trainyard/stages/time-server/files/etc/chrony.conf"];
        for server in &wanted.servers {
            let line = format!("server {server} iburst\n");
            same(
                "time server",
                &chrony.as_str().is_some_and(|c| c.contains(&line)).into(),
                true.into(),
            );
        }
    }
    wrong
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
