//! VirtualBox's machines, by a stand-in for VBoxManage (`fake`): no VirtualBox is there where trainyard is tested. Each test that rests on
//! it says so in its name.

#[path = "../common/mod.rs"]
mod common;
mod death;
mod foreign;
mod heal;
mod host;
mod life;
mod plan;
mod preflight;
mod program;
mod script;
