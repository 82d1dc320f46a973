//! From nothing to a lab that works, and says so.

use std::time::Instant;

use serde_json::json;

use crate::bench::{Bench, lab_file};
use crate::configured::{MIRRORS, keep};
use crate::server::Server;

#[test]
fn two_hosts_come_up_configured_and_verify_themselves() {
    let mut bench = Bench::empty(&lab_file(&MIRRORS));
    let begun = Instant::now();
    bench.install();
    let installed = begun.elapsed();
    let server = Server::new(&bench);
    let reports = [&bench.controller, &bench.compute].map(|host| server.tells(&bench, host));
    bench.start();
    for host in [&bench.controller, &bench.compute] {
        host.watch_processes();
        host.done("touch /run/verifies-itself");
    }
    bench.wait_until_done();
    let done = begun.elapsed();
    // Every word of theirs comes from a real runner, over a real network, to a real server.
    for host in [&bench.controller, &bench.compute] {
        let node = server.wait_for(host.name, "verified", |node| node["verified"]["ok"] == true);
        let passed = node["verified"]["passed"].as_u64().expect("a number");
        assert!(node["state"] == "installed" && passed > 20, "{node}");
        let stages = node["stages"]["stages"].as_array().expect("stages").iter();
        let stages: Vec<_> = stages.map(|stage| (&stage["name"], &stage["state"])).collect();
        let own = host.stages();
        let own: Vec<_> = own.iter().map(|(name, state)| (json!(name), json!(state))).collect();
        assert_eq!(stages, own.iter().map(|(name, state)| (name, state)).collect::<Vec<_>>());
        let table = server.node_command(&["status", host.name]);
        let words = format!("{0} of {0} stages done, verified by {passed} checks\n", stages.len());
        assert!(table.ends_with(&words), "{table}");
        let events = server.node_command(&["events", host.name]);
        let ways = [
            "fetched its kickstart, from 10.0.0.1",
            "installed; ",
            "host-network: done",
            "verified by",
        ];
        let places: Vec<_> = ways.iter().map(|way| events.find(way)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "{places:?}: {events}");
        host.wait_until(
            30,
            "[ \"$(systemctl show -p ActiveState --value trainyard-verify.service)\" = inactive ]",
        );
        host.done("systemctl show -p Result trainyard-verify.service | grep -x Result=success");
        let banner = host.done("cat /run/trainyard.banner");
        assert!(banner.ends_with(&format!("stages, {passed} checks passed)\n")), "{banner}");
    }
    let verified = begun.elapsed();
    // What is broken later, somebody finds by hand, and the server hears of it.
    let host = &bench.compute;
    host.done("chmod 0600 /etc/hosts");
    let outcome = host.run("trainyard-node verify");
    assert_eq!(outcome.status, 5, "{}\n{}", outcome.stdout, outcome.stderr);
    let node = server.wait_for(host.name, "broken", |node| node["verified"]["ok"] == false);
    let broken = json!(["host-network: its files are as the lab says"]);
    assert_eq!((&node["verified"]["failed"], &node["verified"]["again"]), (&broken, &json!(false)));
    host.done("chmod 0644 /etc/hosts");
    println!(
        "installed after {installed:.1?}, done after {done:.1?}, verified after {verified:.1?}, by hand after {:.1?}",
        begun.elapsed()
    );
    for (host, report) in [&bench.controller, &bench.compute].into_iter().zip(reports) {
        let (told, secrets) = (host.told(), host.secrets());
        assert!(
            told.contains("trainyard-node _stage ") && told.contains("--- installing packages")
        );
        assert_eq!(secrets.is_empty(), host.name == "compute", "{}", host.name);
        let (_, token) = report.rsplit_once('/').expect("an address");
        for secret in secrets.iter().map(String::as_str).chain([token]) {
            assert!(
                secret.len() > 8 && !told.contains(secret),
                "a secret of {} is told",
                host.name
            );
        }
        // What others start from has no server.
        host.done("rm /run/processes /run/enough /etc/trainyard/report");
    }
    drop(server);
    keep(&mut bench);
}
