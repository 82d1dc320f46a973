//! Machines that are not the node's, or have no room for it.

use std::time::{Duration, Instant};

use crate::bench::{Bench, lab_file, wait_until_done, wait_until_ended};
use crate::configured::{MIRRORS, undisturbed};
use crate::host::Host;
use crate::state::{assert_same, state};

/// The unit has ended for good, with this status.
fn assert_ended(host: &Host, status: u32) {
    host.wait_until(
        90,
        &format!(
            "systemctl show -p ExecMainStatus -p ActiveState trainyard-first-boot.service | sort | tr '\\n' ' ' |
             grep -x 'ActiveState=failed ExecMainStatus={status} '"
        ),
    );
}

#[test]
fn nothing_is_configured_on_another_machine_than_the_lab_means() {
    let wanted = undisturbed();
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    let host = &mut bench.controller;
    let before = (host.read("etc/hosts"), host.read("var/lib/rpm/installed"));
    host.write("etc/hostname", "web7\n");
    host.absent = vec!["enp0s9"];
    host.start(&bench.switches);
    assert_ended(host, 4);
    let said = host.run("trainyard-node status");
    assert!(said.stdout.contains("web7") || said.stderr.contains("web7"), "{said:?}");
    host.done("systemctl is-active ssh.service");
    let untouched = |host: &Host| {
        assert_eq!((host.read("etc/hosts"), host.read("var/lib/rpm/installed")), before);
        host.done("[ \"$(ls /var/lib/trainyard/done)\" = accounts ] && [ -z \"$(firewall-cmd --list-rich-rules)\" ]");
    };
    untouched(host);

    // The name is right now, and an adapter is missing still.
    host.done("hostnamectl set-hostname controller");
    let said = host.run("trainyard-node run");
    assert_eq!(said.status, 4, "{said:?}");
    let words = said.stdout + &said.stderr;
    assert!(words.contains("enp0s9"), "{words}");
    untouched(host);

    host.power_off();
    host.absent.clear();
    host.start(&bench.switches);
    wait_until_done(host, &bench.switches, Instant::now());
    assert_same("after the machine was put right", &state(host), &wanted.controller);
}

#[test]
fn a_disk_that_is_full_stops_nothing_for_good() {
    let wanted = undisturbed();
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    let host = &mut bench.controller;
    // Enough for everything but the database.
    host.disk("20M");
    host.unit_settings(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=2\nEnvironment=TRAINYARD_ATTEMPTS=1 TRAINYARD_BACKOFF=1\n",
    );
    host.start(&bench.switches);
    let restarts = |host: &Host| {
        let count = host.done("systemctl show -p NRestarts --value trainyard-first-boot.service");
        count.trim().parse::<u32>().expect("a number")
    };
    host.wait_until(180, "trainyard-node status | grep -q '^database  *failed'");
    // Not even the runner has room for its notes now.
    host.run("cat /dev/zero >/var/filler");
    let before = restarts(host);
    let end = Instant::now() + Duration::from_secs(120);
    while restarts(host) < before + 3 {
        assert!(Instant::now() < end, "{}", host.progress());
        std::thread::sleep(Duration::from_millis(500));
    }
    host.done("systemctl is-active ssh.service; df / | grep '100%'");
    let said = host.run("trainyard-node status");
    assert_ne!(said.status, 0, "{said:?}");
    println!("with a full disk: {said:?}");
    host.done("rm /var/filler");
    host.disk("4G");
    host.wait_until(240, "trainyard-node status");
    wait_until_ended(host, 60);
    assert_same("after the disk had room again", &state(host), &wanted.controller);
}
