//! See `nuthatch_tests::fuzz::commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nuthatch_tests::fuzz::commands(input));
