//! `trainyard serve`: what machines and people ask of it, over real connections.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod dhcp;
mod hook;
mod hostile;
mod installed;
mod kept;
mod kickstart;
mod logs;
mod many;
mod rates;
mod refused;
mod running;
mod schema;
mod seed;
mod signed;
mod tls;
mod tls_files;
mod tls_limits;
mod tree;
mod unwritable;
mod verified;
mod way;
