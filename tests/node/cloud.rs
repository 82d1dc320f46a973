//! The second way to a node: a cloud image whose cloud-init, a real one, finds the seed that `trainyard seed` made.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use crate::area::{Area, must, text};
use crate::bench::{Bench, lab_file, wait_until_done};
use crate::cloud_differences::{DIFFERENT, HARMLESS};
use crate::common::{Lab, judge, judged};
use crate::configured::{MIRRORS, switched_on, undisturbed, undisturbed_by};
use crate::host::Host;
use crate::install::image;
use crate::state::{assert_same, state};

/// Makes a node's seed and puts it into the drive of its machine, whose adapters are those that the lab means.
pub fn insert_seed(area: &Area, lab: &Lab, host: &mut Host) {
    lab.done(&["seed", host.name, "--force"]);
    let medium = area.path(&format!("{}.medium", host.name));
    must("rm", &["-rf", text(&medium)]);
    let mut command = judge("xorriso");
    command.args(["-no_rc", "-osirrox", "on", "-indev"]);
    command.arg(lab.path(&format!("{}-cidata.iso", host.name)));
    command.args(["-extract", "/"]).arg(&medium);
    judged(command);
    let network = fs::read_to_string(medium.join("network-config")).expect("in the seed");
    let network: serde_json::Value = serde_yaml::from_str(&network).expect("YAML");
    let adapters = network["config"].as_array().expect("interfaces").iter();
    let word = |value: &serde_json::Value| value.as_str().expect("a word").to_owned();
    host.macs = adapters.map(|one| (word(&one["name"]), word(&one["mac_address"]))).collect();
    host.medium = Some(medium);
}

/// Waits until cloud-init is done, without a failure, and with it what comes after it.
pub fn wait_until_cloud_init_ended(host: &Host) {
    let said = host.done("cloud-init status --wait --long");
    assert!(said.contains("status: done\n"), "{}: {said}", host.name);
    host.wait_until(60, "[ -z \"$(systemctl list-jobs --no-legend)\" ]");
    host.done("systemctl show -p Result trainyard-forget-seed.service | grep -x Result=success");
}

/// What cloud-init warned of since the host was last switched on.
fn warnings(host: &Host) -> Vec<String> {
    let log = host.done("cat /var/log/cloud-init.log");
    let boot = log.rfind("running 'init-local'").expect("it ran");
    let is_warning = |line: &&str| {
        ["[WARNING]", "[ERROR]", "[CRITICAL]", "Traceback"].iter().any(|w| line.contains(w))
    };
    let is_ours = |line: &&str| !HARMLESS.iter().any(|(text, _)| line.contains(text));
    log[boot..].lines().filter(is_warning).filter(is_ours).map(str::to_owned).collect()
}

/// Modules that ran in this boot and run once an instance.
fn modules(host: &Host) -> Vec<String> {
    let log = host.done("cat /var/log/cloud-init.log");
    let boot = log.rfind("running 'init-local'").expect("it ran");
    let once = |line: &&str| line.contains("using lock") && line.contains("/instances/");
    log[boot..].lines().filter(once).map(str::to_owned).collect()
}

/// Every secret of the lab, as it would stand in a file: values, hashes of passwords, and a line of each private key.
fn secrets(bench: &Bench, host: &Host) -> String {
    let mut found = String::new();
    for line in bench.lab.read("secrets.yaml").lines().filter(|line| !line.starts_with('#')) {
        let value = line.split_once(": ").map_or("", |(_, value)| value).trim_matches('"');
        // OpenSSH's lines have 70 characters, and the first ones are those of every key.
        let value = if value.len() > 300 { &value[210..280] } else { value };
        if value.len() >= 8 {
            let _ = writeln!(found, "{value}");
        }
    }
    let seed = fs::read_to_string(host.medium.as_ref().expect("a seed").join("user-data"));
    let seed = seed.expect("user-data");
    let hashes = seed.split_whitespace().filter(|word| word.starts_with("$6$"));
    found.extend(hashes.map(|hash| format!("{hash}\n")));
    assert!(found.lines().filter(|value| seed.contains(value)).count() > 3, "{found}");
    found
}

/// No secret is where cloud-init keeps things, and none was logged.
fn assert_forgotten(secrets: &str, host: &Host) {
    host.done(&format!("cat >/run/secrets <<'END'\n{secrets}END"));
    let find = |places: &str| host.run(&format!("grep -rlaFf /run/secrets {places}")).stdout;
    let messages = host.done("journalctl --no-pager -o cat");
    assert!(!secrets.lines().any(|secret| messages.contains(secret)), "{}: journal", host.name);
    assert_eq!(find("/var/lib/cloud /run/cloud-init /var/log/cloud-init* /var/log/trainyard"), "");
    assert!(find("/etc/trainyard /etc/shadow").contains("/etc/"), "this finds nothing anywhere");
}

/// The lines of a state but for those that are known to differ; each of those is there.
fn common_part(state: &str, way: &str, node: &str) -> String {
    let different = || DIFFERENT.iter().filter(|known| known.node.is_none_or(|only| only == node));
    for known in different() {
        let here = if way == "cloud" { known.cloud } else { known.kickstart };
        let there = state.lines().any(|line| known.is(line));
        assert_eq!(there, here, "{way}: {}, {}", known.line, known.reason);
    }
    let common = state.lines().filter(|line| !different().any(|known| known.is(line)));
    common.map(|line| format!("{line}\n")).collect()
}

/// Both nodes have just come up from images with their seeds: cloud-init and what it started have done their work, and left nothing.
pub fn assert_came_up(bench: &Bench) {
    for host in [&bench.controller, &bench.compute] {
        wait_until_cloud_init_ended(host);
        assert_eq!(warnings(host), [""; 0], "{}", host.name);
        assert!(modules(host).len() > 5, "{:?}", modules(host));
        assert_forgotten(&secrets(bench, host), host);
        let outcome = host.run("trainyard-node verify");
        assert_eq!(outcome.status, 0, "{}\n{}\n{}", host.name, outcome.stdout, outcome.stderr);
    }
}

#[test]
fn a_seed_makes_of_a_cloud_image_what_the_kickstart_makes_of_a_machine() {
    let wanted = undisturbed();
    // Where they are not kept already, this is when they come up (`assert_came_up`).
    let found = undisturbed_by(&mut Bench::cloud(&lab_file(&MIRRORS)));
    for (name, found, wanted) in [
        ("controller", found.controller, wanted.controller),
        ("compute", found.compute, wanted.compute),
    ] {
        assert_same(
            name,
            &common_part(&found, "cloud", name),
            &common_part(&wanted, "kickstart", name),
        );
    }
}

/// Switches a host off, puts another seed into its drive or none, and switches it on again.
fn boot_with(bench: &mut Bench, seed: bool) {
    let host = &mut bench.controller;
    host.power_off();
    host.medium = None;
    if seed {
        insert_seed(&bench.area, &bench.lab, host);
    }
    host.start(&bench.switches);
    wait_until_done(host, &bench.switches, Instant::now());
    wait_until_cloud_init_ended(host);
}

#[test]
fn a_second_boot_changes_nothing_with_the_seed_and_without_it() {
    let bench = &mut switched_on(Bench::cloud(&lab_file(&MIRRORS)));
    let wanted = undisturbed_by(bench).controller;
    let secrets = secrets(bench, &bench.controller);
    let keys = "cat /etc/ssh/ssh_host_*_key.pub";
    let before = bench.controller.done(keys);
    for (seed, source) in
        [(true, "DataSourceNoCloud [seed=/dev/sr0]"), (false, "DataSourceConfigDrive")]
    {
        if !seed {
            boot_with(bench, false);
        }
        let host = &bench.controller;
        wait_until_cloud_init_ended(host);
        let found = host.done("cat /var/lib/cloud/instance/datasource");
        assert!(found.contains(source), "{found}");
        assert_eq!(modules(host), [""; 0], "what runs once an instance, with {source}");
        assert_eq!(warnings(host), [""; 0], "with {source}");
        assert_same(source, &state(host), &wanted);
        assert_eq!(host.done(keys), before);
        assert_forgotten(&secrets, host);
    }
}

#[test]
fn a_changed_seed_applies_the_change_and_nothing_else() {
    let bench = &mut switched_on(Bench::cloud(&lab_file(&MIRRORS)));
    let old = secrets(bench, &bench.controller);
    let file = bench.lab.read("lab.yaml");
    let changed = file
        .replace("parameters:\n  database: {", "parameters:\n  database: {max_connections: 1024, ");
    assert_ne!(file, changed);
    fs::write(bench.lab.path("lab.yaml"), changed).expect("written");
    bench.lab.done(&["secrets", "rotate", "RABBIT_PASS"]);
    bench.lab.done(&["render", "-o", "out", "--force"]);
    boot_with(bench, true);

    let host = &bench.controller;
    let mut ran = Vec::new();
    let journal = host.done("journalctl --no-pager -b -o cat -u trainyard-first-boot.service");
    for line in journal.lines().filter(|line| line.contains(": done in ")) {
        ran.extend(line.split(' ').nth(1).map(|stage| stage.trim_end_matches(':').to_owned()));
    }
    // `registry` requires the database.
    assert_eq!(ran, ["database", "message-queue", "registry"], "{journal}");
    assert_eq!(warnings(host), [""; 0]);
    assert_forgotten(&format!("{old}{}", secrets(bench, host)), host);
    host.wait_until(60, "trainyard-node verify");
    let found = state(host);

    // The same from nothing.
    let host = &mut bench.controller;
    host.power_off();
    must("rm", &["-rf", text(&host.layer())]);
    image(&bench.area, host.name, &host.layer());
    host.start(&bench.switches);
    wait_until_done(host, &bench.switches, Instant::now());
    wait_until_cloud_init_ended(host);
    // cloud-init writes the time of day into this file.
    let but = |state: &str| {
        state.lines().filter(|l| !l.ends_with("  /etc/locale.conf")).collect::<Vec<_>>().join("\n")
    };
    assert_same("a changed node and a new one", &but(&found), &but(&state(host)));
}
