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
use std::path::Path;
use std::process::Command;

use common::{Lab, ROOT, judge, judged};
use lab::{Expected, generate};
use serde_json::Value;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// What the readers found in every node's folder.
fn read(folders: &[String]) -> Vec<Value> {
    let target = Path::new(ROOT).join("target");
    let site = |base: &str, name: &str| {
        let found = fs::read_dir(target.join(base)).expect("set-up made it");
        let mut found = found.map(|e| e.expect("an entry").path().join(name));
        found.find(|path| path.exists())
    };
    let kickstart = site("venv/lib", "site-packages").expect("pykickstart is there");
    let cloud_init = target.join("cloud-init/usr/lib/python3/dist-packages");
    let mut command = Command::new("/usr/bin/python3");
    command.env("PYTHONPATH", format!("{}:{}", kickstart.display(), cloud_init.display()));
    command.arg(Path::new(ROOT).join("tests/generated/read.py")).args(folders);
    let output = judged(command);
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stderr))
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

/// A script without the bodies of its quoted here-documents, which no shell looks into.
fn without_here_documents(script: &str) -> String {
    let mut out = String::new();
    let mut end: Option<String> = None;
    for line in script.lines() {
        if let Some(delimiter) = &end {
            if line != delimiter {
                continue;
            }
            end = None;
        } else if let Some((_, rest)) = line.split_once("<<'") {
            end = rest.split_once('\'').map(|(delimiter, _)| delimiter.to_owned());
        }
        let _ = writeln!(out, "{line}");
    }
    out
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
        let bodies = found["kickstart"]["scripts"].as_array().expect("scripts");
        let bodies = bodies.iter().filter_map(Value::as_str).map(without_here_documents);
        let files = found["files"].as_object().expect("files").iter();
        let files = files
            .filter(|(path, _)| Path::new(path).extension().is_some_and(|e| e == "sh"))
            .filter_map(|(_, f)| f.as_str());
        scripts.extend(bodies.chain(files.map(str::to_owned)));
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("{} nodes, {} different scripts", found.len(), scripts.len());
    judge_scripts(&scripts);
}

fn judge_scripts(scripts: &BTreeSet<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    for (i, script) in scripts.iter().enumerate() {
        let path = folder.path().join(format!("{i}.sh"));
        let head = if script.starts_with("#!") || script.starts_with("# shellcheck") {
            ""
        } else {
            "#!/bin/bash\n"
        };
        fs::write(&path, format!("{head}{script}")).expect("written");
        let mut command = judge("bash");
        command.arg("-n").arg(&path);
        judged(command);
        paths.push(path);
    }
    for some in paths.chunks(20) {
        let mut command = judge("shellcheck");
        // What they source is judged with them.
        command.args(["-e", "SC1091"]).args(some);
        judged(command);
    }
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
