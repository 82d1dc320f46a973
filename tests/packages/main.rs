//! Packages: dnf installs them on hosts of its own, from repositories that the tests make.

#![allow(dead_code, reason = "there is nothing between mirrors and hosts yet")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../fetch/server.rs"]
#[allow(dead_code, reason = "the tests of images use the rest")]
mod server;

mod fixture;
mod host;
mod repositories;
mod stack;
mod upstream;
