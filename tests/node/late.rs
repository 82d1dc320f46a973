//! Networks and nodes that come late.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::{Bench, lab_file, wait_until_done};
use crate::configured::{MIRRORS, configured, undisturbed};
use crate::state::{assert_same, state};

/// How long something is missing, in seconds.
fn late() -> u64 {
    if std::env::var_os("TRAINYARD_LONG").is_some() { 180 } else { 10 }
}

#[test]
fn a_network_that_comes_after_the_boot_is_waited_for() {
    let wanted = undisturbed();
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    for host in [&mut bench.controller, &mut bench.compute] {
        host.carrier(&bench.switches, false);
        host.start(&bench.switches);
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(late().min(60)) {
        for host in [&mut bench.controller, &mut bench.compute] {
            host.tend(&bench.switches);
            assert!(
                host.stages().iter().all(|(_, state)| state != "failed"),
                "{}",
                host.progress()
            );
        }
        sleep(Duration::from_millis(200));
    }
    for host in [&mut bench.controller, &mut bench.compute] {
        assert!(host.stages().iter().any(|(_, state)| state != "done"), "{:?}", host.stages());
        host.carrier(&bench.switches, true);
    }
    bench.wait_until_done();
    assert_same("controller", &state(&bench.controller), &wanted.controller);
    assert_same("compute", &state(&bench.compute), &wanted.compute);
}

#[test]
fn services_whose_address_comes_after_the_boot_come_up_without_a_hand() {
    let mut bench = configured();
    let before = state(&bench.controller);
    bench.controller.power_off();
    bench.controller.carrier(&bench.switches, false);
    bench.controller.start(&bench.switches);
    bench.controller.wait_until(60, "systemctl is-active network-online.target");
    sleep(Duration::from_secs(late().min(60)));
    // Debian's MariaDB takes an address that is not there yet; CentOS's is older.
    for unit in ["rabbitmq-server", "memcached", "etcd"] {
        let restarts = format!("[ \"$(systemctl show -p NRestarts --value {unit})\" -gt 0 ]");
        bench.controller.wait_until(90, &restarts);
    }
    let begun = Instant::now();
    bench.controller.carrier(&bench.switches, true);
    bench.controller.wait_until(120, "trainyard-node verify");
    println!("content {:.1?} after the network came", begun.elapsed());
    assert_same("controller", &state(&bench.controller), &before);
}

#[test]
fn a_compute_waits_for_a_controller_that_is_off_and_then_for_its_service() {
    let wanted = undisturbed();
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    bench.compute.start(&bench.switches);
    sleep(Duration::from_secs(late()));
    assert_waits(&bench, "the controller is off");

    // Its address answers now, and no service does.
    let hold = "[Service]\nExecStartPre=/bin/sh -c 'until [ -e /run/go ]; do sleep 0.2; done'\nTimeoutStartSec=0\n";
    bench.controller.unit_settings(hold);
    bench.controller.start(&bench.switches);
    bench.compute.wait_until(60, "ping -c 1 -W 1 10.0.0.11");
    sleep(Duration::from_secs(late()));
    assert_waits(&bench, "the controller is on");

    bench.controller.done("touch /run/go");
    let begun = Instant::now();
    wait_until_done(&mut bench.controller, &bench.switches, begun);
    wait_until_done(&mut bench.compute, &bench.switches, begun);
    assert_same("controller", &state(&bench.controller), &wanted.controller);
    assert_same("compute", &state(&bench.compute), &wanted.compute);
}

/// The compute has not given up, and says what it waits for.
fn assert_waits(bench: &Bench, when: &str) {
    let host = &bench.compute;
    let status = host.run("trainyard-node status").stdout;
    let line = status.lines().find(|line| line.starts_with("time-client")).unwrap_or_default();
    assert!(
        line.contains("waiting") && line.contains("for controller to tell the right time"),
        "{when}: {status}"
    );
}
