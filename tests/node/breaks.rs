//! Each check of `trainyard-node verify` turns red when what it looks at breaks, on real services, and no other of its stage does.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::common::ROOT;
use crate::configured::configured;
use crate::faults::{random, seed};
use crate::host::Host;

const BREAKS: &str = include_str!("breaks.tsv");

/// Those that need hosts with OpenStack's services.
const OF_OPENSTACK: &str = include_str!("openstack-breaks.tsv");

/// Those that need them in a lab with TLS.
const OF_TLS: &str = include_str!("tls-breaks.tsv");

/// Those that need a node for volumes as well.
const OF_STORAGE: &str = include_str!("storage-breaks.tsv");

/// How many of them a short run makes.
const SAMPLE: usize = 12;

/// How long a stage may take to be content again, in seconds: chronyd chooses its source anew in that time.
const MENDED: Duration = Duration::from_secs(90);

struct Break {
    host: &'static str,
    stage: &'static str,
    check: &'static str,
    breaks: &'static str,
    mends: &'static str,
}

fn all(table: &'static str) -> Vec<Break> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let parts: Vec<&str> = line.split('\t').collect();
        let [host, stage, check, breaks, mends] = parts[..] else { panic!("{line}") };
        Break { host, stage, check, breaks, mends }
    };
    lines.map(read).collect()
}

/// The checks of a stage that fail now.
pub fn red(host: &Host, stage: &str) -> Vec<String> {
    let verify = "TRAINYARD_CHECK_LIMIT=20 trainyard-node verify --format json";
    let outcome = host.run(&format!("{verify} {stage}"));
    let said: serde_json::Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
    let checks = said["stages"][0]["checks"].as_array().expect("checks").iter();
    let name = |check: &serde_json::Value| check["name"].as_str().expect("a name").to_owned();
    checks.filter(|check| check["ok"] == false).map(name).collect()
}

fn wait_until_content(host: &Host, stage: &str) {
    let begun = Instant::now();
    loop {
        let found = red(host, stage);
        if found.is_empty() {
            return;
        }
        let late = begun.elapsed() > MENDED;
        assert!(!late, "{}, {stage} is not content again: {found:?}", host.name);
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Checks that nothing here breaks, and why.
const ELSEWHERE: [(&str, &str); 2] = [
    ("bonds, bridges and VLANs are made of their parts", "these hosts have plain adapters only"),
    ("this clock is right", "failing.rs gives the hosts a source that is an hour off"),
];

#[test]
fn every_check_is_broken_here_or_it_is_said_why_not() {
    let breaks: Vec<Break> =
        [BREAKS, OF_OPENSTACK, OF_TLS, OF_STORAGE].into_iter().flat_map(all).collect();
    let is_broken = |stage: Option<&str>, check: &str| {
        let is_of = |found: &&Break| {
            stage.is_none_or(|stage| {
                found.stage == stage || found.stage.starts_with(&format!("{stage}-"))
            })
        };
        breaks.iter().filter(is_of).any(|found| found.check == check)
    };
    let mut count = 0;
    for (stage, script) in scripts() {
        for check in checks_of(&script) {
            count += 1;
            let elsewhere = ELSEWHERE.iter().any(|(name, _)| *name == check);
            assert_ne!(is_broken(stage.as_deref(), &check), elsewhere, "{stage:?}: {check}");
        }
    }
    assert!(count > 60, "{count} checks");
}

/// Each stage's verify.sh, and what holds of every stage.
fn scripts() -> Vec<(Option<String>, String)> {
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("a script");
    let folders = std::fs::read_dir(format!("{ROOT}/stack")).expect("stages");
    let folders = folders.map(|entry| entry.expect("an entry")).filter(|e| e.path().is_dir());
    let mut scripts: Vec<_> = folders
        .map(|e| {
            (Some(e.file_name().to_string_lossy().into_owned()), read(e.path().join("verify.sh")))
        })
        .collect();
    scripts.push((None, read(format!("{ROOT}/scripts/node/checks.sh").into())));
    scripts
}

/// The names of the checks that a script makes.
fn checks_of(script: &str) -> Vec<String> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let calls = lines.filter_map(|line| {
        format!(" {line}").split_once(" check \"").map(|(_, rest)| rest.to_owned())
    });
    calls.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())).collect()
}

#[test]
fn each_check_turns_red_when_what_it_looks_at_breaks_and_no_other_does() {
    assert!(all(BREAKS).len() > 80);
    let bench = configured();
    break_each(&[&bench.controller, &bench.compute], sample(BREAKS, SAMPLE));
}

/// So many breaks of a table, which the seed chooses; or, where there is time, all.
fn sample(table: &'static str, most: usize) -> Vec<Break> {
    let mut breaks = all(table);
    if std::env::var_os("TRAINYARD_LONG").is_none() {
        let seed = seed();
        println!("{most} of {}, TRAINYARD_SEED={seed}", breaks.len());
        for n in 0..most {
            let left = breaks.len() - n;
            let at = usize::try_from(random(seed, n as u64) % left as u64).expect("small");
            breaks.swap(n, n + at);
        }
        breaks.truncate(most);
    }
    breaks
}

/// The same on hosts with OpenStack's services.
pub fn break_openstack(bench: &Bench) {
    break_each(&[&bench.controller, &bench.compute], sample(OF_OPENSTACK, 4));
}

/// The same where they have their public endpoints by TLS.
pub fn break_tls(bench: &Bench) {
    break_each(&[&bench.controller, &bench.compute], all(OF_TLS));
}

/// The same where there is a node for volumes.
pub fn break_storage(bench: &Bench, storage: &Host) {
    break_each(&[&bench.controller, storage], all(OF_STORAGE));
}

fn break_each(hosts: &[&Host], breaks: Vec<Break>) {
    let named = |name| *hosts.iter().find(|host| host.name == name).expect("a host of that name");
    let mut wrong = Vec::new();
    for Break { host, stage, check, breaks, mends } in breaks {
        let host = named(host);
        let run = |script: &str| match script.strip_prefix("on controller: ") {
            Some(script) => named("controller").run(&format!("set -e; {script}")),
            None => host.run(&format!("set -e; {script}")),
        };
        // What was broken before, on the other host as well, may take a while to be whole again.
        wait_until_content(host, stage);
        // A command that does not work breaks nothing, and what it was to turn red may be so by chance.
        let broken = run(breaks);
        let found = red(host, stage);
        let mended = run(mends);
        println!("{}, {stage}: {check}", host.name);
        if found != [check] || broken.status != 0 || mended.status != 0 {
            wrong.push(format!(
                "{}, {stage}: {breaks}\n  turned {found:?} red, not {check:?}\n  {broken:?}\n  {mended:?}",
                host.name
            ));
        }
        wait_until_content(host, stage);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
