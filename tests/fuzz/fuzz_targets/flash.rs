//! See `nuthatch_tests::fuzz_flash::flash`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nuthatch_tests::fuzz_flash::flash(input));
