//! A third node that joins a lab which runs.

use std::time::Instant;

use crate::bench::wait_until_done;
use crate::configured::configured;
use crate::failing::apply;
use crate::host::Host;
use crate::install::install;
use crate::state::starts;

const THIRD: &str = "  compute2:
    role: compute
    interfaces:
      enp0s3: {network: management, address: 10.0.0.32, ipv6: \"fd00:10::32\"}
      enp0s9: {network: provider}
";

#[test]
fn a_compute_that_joins_later_comes_up_and_the_others_learn_of_it() {
    let bench = configured();
    let before = starts(&bench.controller);
    let lab = bench.lab.read("lab.yaml") + THIRD;
    std::fs::write(bench.lab.path("lab.yaml"), lab).expect("written");
    bench.lab.done(&["secrets"]);
    for host in [&bench.controller, &bench.compute] {
        apply(host, &bench.lab);
        assert_eq!(
            host.done("getent ahostsv4 compute2 | head -n 1 | cut -d ' ' -f 1"),
            "10.0.0.32\n"
        );
    }
    assert_eq!(starts(&bench.controller), before, "no service had to be started again");

    let mut third = Host::new(&bench.area, "compute2");
    install(&bench.area, &bench.lab, third.name, &third.layer());
    third.start(&bench.switches);
    wait_until_done(&mut third, &bench.switches, Instant::now());
    for host in [&bench.controller, &bench.compute, &third] {
        host.wait_until(60, "trainyard-node verify >/run/said");
        let said = host.done("cat /run/said");
        let others = ["controller", "compute", "compute2"].into_iter().filter(|n| *n != host.name);
        for other in others {
            for way in
                ["answers", "answers to 1500 bytes", "on management by IPv6 answers to 1500 bytes"]
            {
                assert!(said.contains(&format!("{other} {way}")), "{other} {way}: {said}");
            }
        }
    }
}
