//! Random labs that are right, judged: every kickstart by pykickstart, every user-data by cloud-init, every script by bash and
//! shellcheck, and the lab's values found again by readers that are not ours.
//!
//! `TRAINYARD_LABS=N` makes N of them (120 by default), `TRAINYARD_SEED=S` begins with seed S; a failure names its seed.

#[path = "../common/mod.rs"]
mod common;
mod extras;
mod folder;
mod images;
mod lab;
mod layer;
mod network;
mod random;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use common::options;
use common::readers::{judge_scripts, read, scripts_of};
use folder::number;
use lab::{Expected, generate};
use serde_json::Value;

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
    network::differences(wanted, found, &mut d);
    system(wanted, found, &mut d);
    site(wanted, found, &mut d);
    one_way(wanted, found, &mut d);
    d.0
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
    let kept = wanted.single("host_keys", "keep") == "keep";
    d.same("host keys", &data["ssh_keys"]["rsa_public"].is_string().into(), kept);
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
    for (name, script) in wanted.mapped("pre hook") {
        d.same(&name, &found["pre_hooks"][&name], script);
    }
    for (id, said) in wanted.mapped("repository") {
        let (name, url) = said.split_once('\n').expect("two lines");
        let section = &found["repositories"][&id];
        d.same("repository's name", &section["name"], name);
        d.same("repository's baseurl", &section["baseurl"], url);
    }
    let proxy = wanted.single("proxy", "");
    if !proxy.is_empty() {
        d.same("http_proxy", &found["proxy"]["http_proxy"], proxy);
        for without in wanted.added("no_proxy") {
            let said = format!("{},", found["proxy"]["no_proxy"].as_str().unwrap_or_default());
            d.holds("no_proxy", &said.into(), &format!(",{without},"));
        }
    }
    let own_package = wanted.single("own package", "");
    if !own_package.is_empty() {
        d.has("a template's package", &found["kickstart"]["packages"], &own_package);
    }
    if let Some(own) = &wanted.own {
        d.same("a stage's own file", &file("mine", "/etc/mine"), own.as_str());
    }
    if wanted.role == "controller" {
        let chrony = file("time-server", "/etc/chrony.conf");
        for server in &wanted.servers {
            d.holds("time server", &chrony, &format!("server {server} iburst\n"));
        }
    }
}

/// What only an installer or only cloud-init does.
fn one_way(wanted: &Expected, found: &Value, d: &mut Differences) {
    let (kickstart, data) = (&found["kickstart"], &found["user_data"]);
    for command in wanted.added("own command") {
        d.has("own command", &data["runcmd"], &command);
    }
    let message = wanted.single("final message", "");
    d.same("final message", data.get("final_message").unwrap_or(&"".into()), message);
    for (path, content) in wanted.mapped("own file") {
        d.same(&path, &found["files"][&path], content);
    }
    for (name, value) in wanted.mapped("remote") {
        d.same(&name, &data["rsyslog"]["remotes"][&name], value);
    }
    let scripts: Vec<&str> =
        kickstart["scripts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for package in wanted.added("medium's package") {
        d.has("package of the medium", &kickstart["packages"], &package);
        let (hook, echo) = (format!("\nhook {package}\n"), format!("\necho {package}\n"));
        let is_own = |script: &&str| script.contains(&hook) && script.contains(&echo);
        d.same("a script of kickstart.post", &scripts.iter().any(is_own).into(), true);
    }
    for command in wanted.added("installer's command") {
        let name = command.rsplit('=').next().unwrap_or_default();
        d.has("command of the installer", &kickstart["groups"], name);
    }
}

#[test]
fn random_labs_are_rendered_as_they_were_said() {
    let (first, count) = (number("TRAINYARD_SEED", 1), number("TRAINYARD_LABS", 120));
    println!("labs of the seeds {first} to {}", first + count - 1);
    let mut labs = Vec::new();
    for seed in first..first + count {
        let generated = generate(seed);
        let lab = generated.folder();
        let outcome = lab.run(&["--quiet", "render", "-o", "out"]);
        assert_eq!(outcome.status, 0, "seed {seed}: {}\n{}", outcome.stderr, generated.text);
        if !generated.images.is_empty() {
            let explain = ["--quiet", "plan", "controller", "--explain", "--format", "json"];
            let told = images::differences(&generated.images, &lab.done(&explain).stdout);
            assert!(told.is_empty(), "seed {seed}: {told:?}\n{}", generated.text);
        }
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
    let mut rest = found.as_slice();
    let mut options = 0;
    for (seed, _, generated) in &labs {
        let (of_lab, others) = rest.split_at(generated.nodes.len());
        rest = others;
        let named = generated.nodes.iter().map(|node| node.name.clone());
        let files: Result<Vec<_>, _> = of_lab.iter().map(options::files_of).collect();
        let told = files.map(|files| {
            options += files
                .iter()
                .flat_map(BTreeMap::values)
                .flat_map(BTreeMap::values)
                .map(BTreeMap::len)
                .sum::<usize>();
            let nodes: Vec<_> = named.zip(files).collect();
            let judged = nodes.iter().flat_map(|(_, files)| options::judge(files));
            let own = generated.options.iter().filter(|[path, section, option, value]| {
                let of_file = nodes[0].1.get(path).and_then(|sections| sections.get(section));
                of_file.and_then(|options| options.get(option)) != Some(value)
            });
            let own = own.map(|said| format!("the controller does not have {said:?}"));
            judged.chain(own).chain(options::disagreements(&nodes)).collect()
        });
        for line in told.unwrap_or_else(|told| vec![told]) {
            let _ = writeln!(wrong, "seed {seed}: {line}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Where the lab leaves OpenStack out, there are none.
    assert!(options > 100 * labs.len(), "{options} options");
    println!("{} nodes, {} different scripts, {options} options", found.len(), scripts.len());
    judge_scripts(&scripts);
}

#[test]
fn the_readers_would_have_said_something() {
    let generated = generate(7);
    let lab = generated.folder();
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
    let explained = lab.done(&["plan", "controller", "--explain", "--format", "json"]).stdout;
    let other = vec![("cloud_image".to_owned(), "other".to_owned())];
    assert_eq!(images::differences(&other, &explained).len(), 1);
}

#[test]
fn seeds_draw_from_everything() {
    let labs: Vec<_> = (1..=200).map(generate).collect();
    let texts: Vec<String> = labs
        .iter()
        .map(|lab| {
            let beside = lab.files.iter().filter(|(path, _)| path == "part.yaml");
            let texts = beside.map(|(_, text)| text).chain([&lab.text]);
            texts.flat_map(|text| text.chars().filter(|c| *c != '"')).collect()
        })
        .collect();
    for key in [
        "bond",
        "vlan",
        "bridge",
        "ipv6",
        "addresses: dhcp",
        "pool",
        "hosts",
        "proxy",
        "no_proxy",
        "repositories",
        "include",
        "host_keys",
        "pre",
        "post",
        "first_boot",
        "templates",
        "own_stages",
        "config",
        "cpu_allocation_ratio",
        "users",
        "storage",
        "kernel",
        "sysctl",
        "services",
        "packages",
        "files",
        "parameters",
        "mirror",
        "image",
        "cloud_image",
        "cloud_init",
        "kickstart",
    ] {
        let key = if key.contains(':') { key.to_owned() } else { format!("{key}:") };
        let said = |text: &&String| {
            text.lines().any(|line| line.trim_start_matches([' ', '-']).starts_with(&key))
        };
        let count = texts.iter().filter(said).count();
        assert!(count >= 10, "{key} {count} of {} labs", labs.len());
    }
}
