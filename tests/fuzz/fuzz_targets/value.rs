//! See `nuthatch_tests::fuzz_rdb::value`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nuthatch_tests::fuzz_rdb::value(input));
