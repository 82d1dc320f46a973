//! `trainyard serve --dhcp`, with real dnsmasqs in network namespaces of the tests' own. Runs as root.

#[path = "../common/mod.rs"]
mod common;

mod boots;
mod child;
mod network;
mod serving;
