//! The fuzz target: libFuzzer calls [`lab::run`] with what it thinks up.

#![no_main]

mod lab;

libfuzzer_sys::fuzz_target!(|data: &[u8]| lab::run(data));
