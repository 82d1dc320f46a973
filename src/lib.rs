//! trainyard turns one lab file into machines that come up as a configured OpenStack Train cloud.
//!
//! The modules stand in the order of the flow, and each uses only what stands before it. From `spec`
//! to `render` nothing touches the network, the clock, randomness or another program: the same lab
//! and the same secrets give the same bytes. (Secrets that are missing are made before, by a command of their own.)

pub mod exit;

// What everything uses.
pub mod appear;
mod certificate;
pub mod digest;
pub mod ini;
pub mod interrupt;
mod parallel;
pub mod repodata;
pub mod report;
pub mod room;
pub mod template;
pub mod tool;
pub mod sign;

// What can be downloaded: a lab names it, and only `fetch`, `build` and `doctor` bring it.
pub mod base_image;

// lab.yaml ─► spec ─► model ─► plan ─► render
pub mod spec;
pub mod model;
pub mod secrets;
pub mod stack;
pub mod plan;
pub mod render;

// Media: read, then made.
pub mod medium;
pub mod iso;

// Package repositories, kept.
pub mod packages;

// Disks of cloud images.
pub mod disk;

// What outlives a run of the server, and the server.
pub mod state;
pub mod serve;

// What all of it needs.
pub mod doctor;

// The machines that a lab runs on.
pub mod machines;

pub mod cli;
