//! From nothing to a lab that works.

use std::time::Instant;

use crate::bench::{Bench, lab_file};
use crate::configured::{MIRRORS, keep};

#[test]
fn two_hosts_come_up_configured_and_verify_themselves() {
    let mut bench = Bench::empty(&lab_file(&MIRRORS));
    let begun = Instant::now();
    bench.install();
    let installed = begun.elapsed();
    bench.start();
    for host in [&bench.controller, &bench.compute] {
        host.watch_processes();
    }
    bench.wait_until_done();
    let done = begun.elapsed();
    for host in [&bench.controller, &bench.compute] {
        let outcome = host.run("trainyard-node verify");
        assert_eq!(outcome.status, 0, "{}\n{}\n{}", host.name, outcome.stdout, outcome.stderr);
    }
    let verified = begun.elapsed();
    println!(
        "installed after {installed:.1?}, done after {done:.1?}, verified after {verified:.1?}"
    );
    for host in [&bench.controller, &bench.compute] {
        let (told, secrets) = (host.told(), host.secrets());
        assert!(
            told.contains("trainyard-node _stage ") && told.contains("--- installing packages")
        );
        assert_eq!(secrets.is_empty(), host.name == "compute", "{}", host.name);
        for secret in secrets {
            assert!(
                secret.len() > 8 && !told.contains(&secret),
                "a secret of {} is told",
                host.name
            );
        }
        host.done("rm /run/processes /run/enough");
    }
    keep(&mut bench);
}
