//! Packages through a cache of `trainyard packages serve`: dnf installs them on hosts of its own, and mirrors do everything wrong that mirrors
//! do. Whatever happens, what is delivered whole is right.

#[path = "../serve/client.rs"]
#[allow(dead_code, reason = "the server's own tests use the rest")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../serve/running.rs"]
#[allow(dead_code, reason = "the server's own tests use the rest")]
mod running;
#[path = "../fetch/server.rs"]
#[allow(dead_code, reason = "the tests of images use the rest")]
mod server;

mod beside;
mod bundle;
mod care;
mod disks;
mod faults;
mod fixture;
mod host;
mod installing;
mod killed;
mod lock;
mod parts;
mod reported;
mod repositories;
mod served;
mod stack;
mod together;
mod upstream;
