//! The fuzz target for media: libFuzzer calls [`medium::run`] with what it thinks up.

#![no_main]

#[path = "../medium.rs"]
mod medium;

libfuzzer_sys::fuzz_target!(|data: &[u8]| medium::run(data));
