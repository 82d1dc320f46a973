//! Whatever a person writes into a free text arrives on the node byte for byte, by a kickstart as by cloud-init, or is
//! refused by name.

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod texts;
mod words;
