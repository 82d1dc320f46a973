//! Power cuts and runners that are killed, at moments that a seed decides: the end is that of an undisturbed run.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use crate::bench::{Bench, lab_file, wait_until_done};
use crate::configured::{MIRRORS, undisturbed};
use crate::host::Host;
use crate::state::{assert_same, state};

/// How many cuts are made: one, or, where there is time, all. (In `openstack.rs` is another one.)
fn samples() -> u64 {
    if std::env::var_os("TRAINYARD_LONG").is_some() { 20 } else { 1 }
}

/// The n-th number of a seed, evenly spread: Steele, Lea and Flood's splitmix64.
pub fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The seed of this run: `TRAINYARD_SEED`, or the day's, so that every day cuts elsewhere.
pub fn seed() -> u64 {
    let given = std::env::var("TRAINYARD_SEED").ok().map(|s| s.parse().expect("a number"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    given.unwrap_or_else(|| now.expect("after 1970").as_secs() / 86400)
}

#[test]
fn a_power_cut_at_any_moment_of_the_first_boot_costs_time_only() {
    let wanted = undisturbed();
    let seed = seed();
    for n in 0..samples() {
        // The first boot of a controller takes about 27 s, and that of a compute waits for it.
        let moment = |k: u64| Duration::from_millis(500 + random(seed, 2 * n + k) % 26_500);
        let cuts = [moment(0), moment(1)];
        println!(
            "cut {n}: TRAINYARD_SEED={seed}, controller after {:?}, compute after {:?}",
            cuts[0], cuts[1]
        );
        let mut bench = Bench::installed(&lab_file(&MIRRORS));
        bench.start();
        let begun = Instant::now();
        let mut order = [(cuts[0], true), (cuts[1], false)];
        order.sort_unstable();
        for (moment, is_controller) in order {
            std::thread::sleep(moment.saturating_sub(begun.elapsed()));
            let host = if is_controller { &mut bench.controller } else { &mut bench.compute };
            println!(
                "{} is cut off at {:?}: {:?}",
                host.name,
                begun.elapsed(),
                host.stages().iter().rfind(|(_, s)| s != "pending")
            );
            host.power_cut();
            host.start(&bench.switches);
        }
        bench.wait_until_done();
        println!("done after {:.1?}", begun.elapsed());
        let what = format!("after power cuts, TRAINYARD_SEED={seed}, {cuts:?}");
        assert_same(&what, &state(&bench.controller), &wanted.controller);
        assert_same(&what, &state(&bench.compute), &wanted.compute);
    }
}

/// What the first start of a service makes, and within how many milliseconds after that the power is cut.
const HALF_MADE: [(&str, u64); 3] = [
    ("var/lib/mysql/mysql", 100),
    ("var/lib/mysql/ibdata1", 900),
    ("var/lib/rabbitmq/mnesia/rabbit@controller/schema.DAT", 40),
];

#[test]
fn a_power_cut_while_a_service_makes_what_it_keeps_costs_time_only() {
    let wanted = undisturbed().controller;
    let seed = seed();
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    let host = &mut bench.controller;
    for (n, (path, within)) in (100..).zip(HALF_MADE) {
        let before = number(host, path);
        host.start(&bench.switches);
        wait_for_another(host, path, before);
        let moment = Duration::from_millis(random(seed, n) % within);
        std::thread::sleep(moment);
        println!("TRAINYARD_SEED={seed}: cut off {moment:?} after {path} was made");
        host.power_cut();
    }
    host.start(&bench.switches);
    wait_until_done(host, &bench.switches, Instant::now());
    assert_same(&format!("TRAINYARD_SEED={seed}"), &state(host), &wanted);
}

/// The number of a file of a host's disk.
fn number(host: &Host, path: &str) -> Option<u64> {
    fs::metadata(host.layer().join(path)).ok().map(|found| found.ino())
}

/// Waits until a file is there that is not the one of before.
fn wait_for_another(host: &Host, path: &str, before: Option<u64>) {
    let end = Instant::now() + Duration::from_secs(120);
    while number(host, path).is_none_or(|found| Some(found) == before) {
        assert!(Instant::now() < end, "{path} is not made: {}", host.progress());
        std::thread::sleep(Duration::from_millis(2));
    }
}
