//! The whole of OpenStack, on two hosts.

use std::time::Instant;

use crate::bench::Bench;
use crate::configured::switched_on;
use crate::network::OUTSIDE;
use crate::outside::mirror;

fn lab_file(networking: &str) -> String {
    format!(
        "version: 1
name: hosts
mirror: ['{}']
openstack: {{networking: {networking}}}
networks:
  management: {{cidr: 10.0.0.0/24, gateway: {OUTSIDE}, dns: [{OUTSIDE}]}}
  provider: {{}}
time:
  servers: [time.example.net]
parameters:
  database: {{open_files: {files}}}
  message-queue: {{open_files: {files}}}
nodes:
  controller: {{role: controller, address: 10.0.0.11}}
  compute: {{role: compute, address: 10.0.0.31}}
",
        mirror("first"),
        files = crate::bench::open_files(),
    )
}

#[test]
fn self_service() {
    let begun = Instant::now();
    let bench = switched_on(Bench::openstack(&lab_file("self-service")));
    println!("done after {:.1?}", begun.elapsed());
    for host in [&bench.controller, &bench.compute] {
        println!("{}", host.done("trainyard-node status"));
    }
    println!("{}", bench.controller.done("trainyard-node smoke 2>&1 || true"));
    println!("smoke after {:.1?}", begun.elapsed());
    for host in [&bench.controller, &bench.compute] {
        host.wait_until(200, "trainyard-node verify");
        println!("{}", host.done("trainyard-node verify"));
    }
}
