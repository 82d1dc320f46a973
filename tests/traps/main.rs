//! What passes every judge and fails on a real CentOS 7.9 (docs/traps.md), each held by a test of the rendered text of every
//! example. Each test also changes the text so that a node would fall into the trap, and must tell it.

#[path = "../common/mod.rs"]
mod common;
mod cloud_init;
mod home;
mod installer;
mod labels;
mod network;
mod node;
mod openstack;
mod page;
mod rendered;
