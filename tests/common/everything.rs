//! A lab that uses every kind of network and interface, alone and with every way to log in.

use super::Lab;

/// Every kind of network and interface; `uplink` is known by its MAC address, which each node says.
const NETWORKS: &str = "\
networks:
  management:
    cidr: 10.0.0.0/24
    dns: [10.0.0.2, 10.0.0.3]
    search: [lab.example.org, example.org]
    routes: [{to: 10.20.0.0/16, via: 10.0.0.254}, {to: \"fd00:20::/64\", via: \"fd00::fe\"}]
    ipv6: {cidr: \"fd00::/64\", gateway: \"fd00::1\", dns: \"fd00::2\"}
  storage: {cidr: 10.1.0.0/24, mtu: 9000, pool: 10.1.0.11-10.1.0.99, ipv6: {addresses: none}}
  backup: {cidr: 10.2.0.0/24, pool: 10.2.0.11-10.2.0.99}
  office: {addresses: dhcp, ipv6: {addresses: dhcp}}
  tenants: {cidr: 10.4.0.0/24, pool: 10.4.0.11-10.4.0.99, mtu: 1600}
  console: {cidr: 10.5.0.0/24, pool: 10.5.0.11-10.5.0.99}
  provider:
interfaces:
  uplink: {network: management, match: mac, routes: [{to: 10.30.0.0/16, via: 10.0.0.253}]}
  bond0:
    network: backup
    bond: {members: [enp0s8, enp0s9], options: primary=enp0s9 miimon=200}
  bond0.200: {vlan: {link: bond0, id: 200}, network: provider}
  bond1: {bond: {members: [enp0s10, enp0s16], mode: balance-xor, options: arp_interval=1000 arp_ip_target=10.1.0.1}}
  enp0s16: {mtu: 9000}
  fast: {vlan: {link: bond1, id: 300}, network: storage}
  bond1.301: {vlan: {link: bond1, id: 301}}
  br0: {bridge: {ports: [bond1.301, enp0s17], stp: yes}, network: tenants}
  enp0s18: {network: office}
  br1: {bridge: {ports: enp0s19}, network: console}
";

const CONTROLLER: &str = "  controller: {role: controller, address: 10.0.0.11, interfaces: {uplink: {ipv6: \"fd00::11\", mac: \"52:54:00:00:00:01\"}}}\n";

/// Each way to log in, and hooks that run early.
const LOGINS: &str = "\
access: {root_login: key, user: op, ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 me]}
users: {db: {uid: 3000, groups: [wheel], password: yes}, log: {shell: /sbin/nologin}}
hooks: {pre: [{name: a, script: \"#!/bin/bash\\ntrue\\n\"}], post: [{name: b, script: \"#!/bin/bash\\ntrue\\n\"}]}
kernel: {arguments: [nosmt], remove: [rhgb, quiet]}
services: {postfix.service: masked}
roles: {bare: {stages: []}}
";

const OTHERS: &str = "  locked: {role: bare, address: 10.0.0.12, access: {root_login: locked}, host_keys: new, storage: {data: {disk: sdb}}, interfaces: {uplink: {ipv6: \"fd00::12\", mac: \"52:54:00:00:00:02\"}}}
  keys: {role: compute, address: 10.0.0.13, access: {user: ~}, users: !replace {}, interfaces: {uplink: {ipv6: \"fd00::13\", mac: \"52:54:00:00:00:03\"}}}
";

/// A controller on every kind of network.
pub fn networks() -> Lab {
    Lab::new(&format!("{NETWORKS}nodes:\n{CONTROLLER}"))
}

/// What no example says: three nodes on them, each way to log in, and hooks that run early.
pub fn everything() -> Lab {
    let lab = Lab::new(&format!("{LOGINS}{NETWORKS}nodes:\n{CONTROLLER}{OTHERS}"));
    lab.done(&["secrets"]);
    lab
}
