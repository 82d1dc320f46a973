//! The runner on a node that is configured.

use crate::configured::configured;
use crate::state::{assert_same, starts, state};

#[test]
fn a_second_full_run_changes_nothing() {
    let bench = configured();
    for host in [&bench.controller, &bench.compute] {
        let before = (state(host), starts(host));
        let said = host.done("trainyard-node run");
        assert!(said.contains("done before"), "{said}");
        assert_same("after a run with nothing to do", &state(host), &before.0);
        let said = host.done("trainyard-node run --force");
        assert!(!said.contains("done before"), "{said}");
        assert_same("after all stages once more", &state(host), &before.0);
        assert_eq!(starts(host), before.1, "services were started again on {}", host.name);
    }
}

#[test]
fn two_runners_at_once_do_the_work_once() {
    let bench = configured();
    let host = &bench.controller;
    let before = state(host);
    host.done(
        "rm /var/lib/trainyard/done/*
         trainyard-node run >/root/one.log 2>&1 & one=$!
         trainyard-node run >/root/other.log 2>&1 & other=$!
         wait $one; echo \"$?\" >/root/one; wait $other; echo \"$?\" >/root/other",
    );
    let logs = [host.read("root/one.log"), host.read("root/other.log")];
    for status in ["root/one", "root/other"] {
        assert_eq!(host.read(status).trim(), "0", "{logs:#?}");
    }
    let worked = |log: &&String| log.contains("] database: SQL database");
    assert_eq!(logs.iter().filter(worked).count(), 1, "one of them does it: {logs:#?}");
    host.done("rm /root/one /root/other /root/one.log /root/other.log");
    assert_same("after two runs at once", &state(host), &before);
}
