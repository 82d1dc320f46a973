//! What answers on a configured node, asked by another machine.

use std::process::Command;

use crate::common::{ROOT, judged};
use crate::configured::configured;
use crate::network::{OUTSIDE, Switches};

/// Beyond the switches: an address of another network than the nodes'.
const ELSEWHERE: &str = "203.0.113.1";

/// Those TCP ports of a node that answer to an address in the namespace of the switches.
fn answering(switches: &Switches, from: &str, to: &str, ports: &[&str]) -> Vec<u16> {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", switches.path())).arg("python3");
    command.arg(format!("{ROOT}/tests/node/scan.py")).args([from, to]).args(ports);
    judged(command).stdout.lines().map(|line| line.parse().expect("a port")).collect()
}

#[test]
fn exactly_the_listed_ports_answer_and_only_to_the_listed_networks() {
    let bench = configured();
    for (host, address) in [(&bench.controller, "10.0.0.11"), (&bench.compute, "10.0.0.31")] {
        let listed = host.done(
            "sed -n 's/^firewall \\([0-9]*\\) tcp 10.0.0.0\\/24$/\\1/p' /etc/trainyard/stages/*/manifest",
        );
        let mut listed: Vec<u16> = listed.lines().map(|p| p.parse().expect("a port")).collect();
        assert_eq!(listed.len(), if address == "10.0.0.11" { 5 } else { 0 }, "{listed:?}");
        listed.push(22);
        listed.sort_unstable();
        // Where nothing listens, nothing can answer.
        let listening =
            host.done("ss -H -ltn | awk '{ sub(/.*:/, \"\", $4); print $4 }' | sort -nu");
        let ports: Vec<&str> = listening.lines().collect();
        let closed = ports.iter().filter(|port| !listed.iter().any(|p| p.to_string() == **port));
        assert!(
            address != "10.0.0.11" || closed.count() > 0,
            "no port is closed to anyone: {ports:?}"
        );
        assert_eq!(answering(&bench.switches, OUTSIDE, address, &ports), listed, "{}", host.name);
        assert_eq!(answering(&bench.switches, ELSEWHERE, address, &ports), [22], "{}", host.name);
    }
}
