//! One file a command; each only wires rooms together.

mod build;
mod check;
mod completions;
mod cloud_network;
mod disk;
mod doctor;
mod fetch;
mod image;
mod init;
mod inspect;
mod load;
mod node;
mod plan;
mod render;
mod schema;
mod scripts;
mod secrets;
mod seed;
mod serve;
mod source;

pub(super) use build::build;
pub(super) use check::check;
pub(super) use completions::completions;
pub(super) use disk::disk;
pub(super) use doctor::doctor;
pub(super) use fetch::fetch;
pub(super) use image::image;
pub(super) use init::init;
pub(super) use inspect::inspect;
pub(super) use node::node;
pub(super) use plan::plan;
pub(super) use render::render;
pub(super) use schema::schema;
pub(super) use secrets::secrets;
pub(super) use seed::seed;
pub(super) use serve::serve;
