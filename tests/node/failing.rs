//! A stage that fails always, clocks that are wrong, mirrors of every kind, and a secret that changes.

use crate::bench::lab_file;
use crate::breaks::red;
use crate::configured::{configured, undisturbed};
use crate::host::Host;
use crate::state::{assert_same, starts, state};

#[test]
fn a_stage_that_always_fails_stops_only_what_requires_it() {
    let wanted = undisturbed();
    let bench = configured();
    let host = &bench.controller;
    host.done(
        "cp -p /etc/trainyard/stages/database/configure.sh /run/configure.sh
         echo 'fail no luck' >>/etc/trainyard/stages/database/configure.sh
         trainyard-node reset $(cat /etc/trainyard/stages/order)",
    );
    let said = host.run("TRAINYARD_ATTEMPTS=2 TRAINYARD_BACKOFF=1 trainyard-node run");
    assert_eq!(said.status, 6, "{said:?}");
    let requiring =
        host.done("cd /etc/trainyard/stages; grep -lxE 'require (database|\\*)' */manifest");
    let requiring: Vec<_> = requiring.lines().filter_map(|path| path.split('/').next()).collect();
    assert!(requiring.len() > 1, "nothing requires the database: {requiring:?}");
    for (stage, state) in host.stages() {
        let expected = match &*stage {
            "database" => "failed",
            name if requiring.contains(&name) => "blocked",
            _ => "done",
        };
        assert_eq!(state, expected, "{stage}");
    }
    let status = host.run("trainyard-node status");
    assert_eq!(status.status, 6, "{status:?}");
    assert!(status.stdout.contains("no luck"), "{status:?}");
    assert!(host.done("trainyard-node logs database").contains("error: no luck"));
    bench.compute.done(": </dev/tcp/10.0.0.11/22");

    host.done(
        "cp -p /run/configure.sh /etc/trainyard/stages/database/configure.sh; trainyard-node run",
    );
    assert_same("after it was mended", &state(host), &wanted.controller);
}

/// Lets what the lab file says now come to a node, as its owner would, and waits for it.
pub fn apply(host: &Host, lab: &crate::common::Lab) {
    lab.done(&["render", "-o", "out", "--force"]);
    let outcome = host.bash(&lab.path(&format!("out/{}/apply.sh", host.name)));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    host.wait_until(
        240,
        "[ \"$(systemctl show -p ActiveState --value trainyard-first-boot.service)\" = inactive ] && trainyard-node status",
    );
}

#[test]
fn mirrors_that_are_dead_slow_or_broken_cost_minutes() {
    let wanted = undisturbed();
    let mut bench = configured();
    bench.controller.power_off();
    bench
        .controller
        .unit_settings("[Service]\nEnvironment=TRAINYARD_YUM_LIMIT=20 TRAINYARD_BACKOFF=1\n");
    bench.controller.start(&bench.switches);
    let host = &bench.controller;
    crate::bench::wait_until_ended(host, 120);
    let good = bench.lab.read("lab.yaml");
    let bad = ["slow", "http://10.0.0.2:8080/dead", "broken", "errors", "torn", "second"];
    std::fs::write(bench.lab.path("lab.yaml"), lab_file(&bad)).expect("written");
    host.done("rm -rf /var/cache/yum");
    bench.outside.requests();
    apply(host, &bench.lab);
    let asked = bench.outside.requests();
    for how in ["slow", "broken", "errors", "torn", "second"] {
        let of = asked.iter().filter(|path| path.starts_with(&format!("/{how}/"))).count();
        assert!(of > 0, "{how} was not asked: {asked:#?}");
    }
    let log = host.read("var/log/trainyard/repositories.log");
    assert!(log.contains("the next one, from the next mirror, in 1 s"), "{log}");

    std::fs::write(bench.lab.path("lab.yaml"), good).expect("written");
    apply(host, &bench.lab);
    assert_same("with the good mirrors again", &state(host), &wanted.controller);
}

#[test]
fn a_changed_secret_reaches_its_service_and_nothing_else() {
    let bench = configured();
    let host = &bench.controller;
    let password =
        |name: &str| host.done(&format!("sed -n 's/^{name}=//p' /etc/trainyard/secrets.env"));
    let names = ["RABBIT_PASS", "DATABASE_ROOT_PASS"];
    let old = names.map(password);
    let before = starts(host);
    host.watch_processes();
    bench.lab.done(&["secrets", "rotate", "RABBIT_PASS", "DATABASE_ROOT_PASS"]);
    apply(host, &bench.lab);
    host.done("touch /run/enough"); // before this test itself hands them to programs
    let new = names.map(password);
    for (password, works) in [(&new[0], true), (&old[0], false)] {
        let asked = host.run(&format!("rabbitmqctl -q authenticate_user openstack {password}"));
        assert_eq!(asked.status == 0, works, "{asked:?}");
    }
    for (password, works) in [(&new[1], true), (&old[1], false)] {
        let asked = host.run(&format!(
            "MYSQL_PWD={} mysql --no-defaults -u root -e 'SELECT 1'",
            password.trim()
        ));
        assert_eq!(asked.status == 0, works, "{asked:?}");
    }
    assert_eq!(starts(host), before, "no service had to be started again");
    // The clock has just been started and has yet to choose its source.
    host.wait_until(60, "trainyard-node verify");
    let told = host.told();
    assert!(told.contains("trainyard-node _stage message-queue"));
    for secret in old.iter().chain(&new) {
        assert!(!told.contains(secret.trim()), "a secret is told");
    }
}

#[test]
fn a_time_source_that_is_an_hour_off_is_told() {
    let wanted = undisturbed();
    let mut bench = configured();
    bench.outside.tell_time(&bench.switches, 3600);
    let host = &bench.controller;
    host.done("systemctl restart chronyd.service");
    host.done("trainyard-node reset time-server");
    let said = host.run("TRAINYARD_ATTEMPTS=1 trainyard-node run time-server");
    assert_eq!(said.status, 6, "{said:?}");
    let status = host.run("trainyard-node status").stdout;
    let line = status.lines().find(|line| line.starts_with("time-server")).unwrap_or_default();
    assert!(line.contains("failed") && line.contains("3600"), "{status}");
    assert_eq!(red(host, "time-server"), ["this clock is right"]);

    bench.outside.tell_time(&bench.switches, 0);
    host.done("systemctl restart chronyd.service; trainyard-node run");
    assert_same("with the right time again", &state(host), &wanted.controller);
}
