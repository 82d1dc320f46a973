//! Labs that come up: hosts with real services, configured by nothing but what the kickstart of their node writes, and the
//! faults that they survive. docs/test-hosts.md says what that proves and what it hides.
//!
//! Needs root and the tree that `scripts/dev/node-root.sh` makes. One test at a time runs: each has two hosts, and takes as
//! much of the machine as there is.

#[path = "../common/mod.rs"]
mod common;

#[path = "../page/browser.rs"]
#[allow(dead_code)]
mod browser;

mod area;
mod bench;
mod breaks;
mod cloud;
mod cloud_differences;
mod cloud_medium;
mod configured;
mod failing;
mod faults;
mod first_boot;
mod host;
mod install;
mod killed;
mod late;
mod machine;
mod network;
mod openstack;
mod outside;
mod ports;
mod rdo;
mod runner;
mod server;
mod state;
mod third;
