//! What answers on a configured node, asked by another machine.

use std::process::Command;

use crate::common::{ROOT, judged};
use crate::configured::configured;
use crate::host::Host;
use crate::network::{OUTSIDE, Switches};

/// Beyond the switches: an address of another network than the nodes'.
const ELSEWHERE: &str = "203.0.113.1";

/// Those ports of a node that answer to an address in the namespace of the switches.
fn answering(switches: &Switches, from: &str, to: &str, ports: &[String]) -> Vec<String> {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", switches.path())).arg("python3");
    command.arg(format!("{ROOT}/tests/node/scan.py")).args([from, to]).args(ports);
    judged(command).stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What a script on a node prints, a line each: TCP ports as they are, those of UDP as `PORT/udp`.
fn ports(host: &Host, script: &str) -> Vec<String> {
    host.done(script).lines().map(|line| line.replace("/tcp", "")).collect()
}

#[test]
fn exactly_the_listed_ports_answer_and_only_to_the_listed_networks() {
    let bench = configured();
    for (host, address) in [(&bench.controller, "10.0.0.11"), (&bench.compute, "10.0.0.31")] {
        let is_controller = address == "10.0.0.11";
        let mut listed = ports(
            host,
            "sed -n 's|^firewall \\([0-9]*\\) \\([a-z]*\\) 10.0.0.0/24$|\\1/\\2|p' /etc/trainyard/stages/*/manifest",
        );
        assert_eq!(listed.len(), if is_controller { 6 } else { 0 }, "{listed:?}");
        listed.push("22".into());
        listed.sort_unstable();
        // Where nothing listens, nothing can answer. Ports of UDP without a server are programs that ask.
        let listening = ports(
            host,
            "ss -H -ltun | awk '{ n = split($5, part, \":\"); if ($1 == \"tcp\" || part[n] < 32768) print part[n] \"/\" $1 }' | sort -u",
        );
        for port in &listed {
            assert!(listening.contains(port), "nothing listens at {port}: {listening:?}");
        }
        let closed = listening.iter().filter(|port| !listed.contains(port)).count();
        assert!(!is_controller || closed > 0, "no port is closed to anyone: {listening:?}");
        for (from, open) in [(OUTSIDE, listed), (ELSEWHERE, vec!["22".to_owned()])] {
            let mut found = answering(&bench.switches, from, address, &listening);
            found.sort_unstable();
            assert_eq!(found, open, "{} asked from {from}", host.name);
        }
    }
}
