//! The fuzz target for labs: libFuzzer calls [`lab::run`] with what it thinks up.

#![no_main]

#[path = "../lab.rs"]
mod lab;

libfuzzer_sys::fuzz_target!(|data: &[u8]| lab::run(data));
