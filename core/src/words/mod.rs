//! Words: numbers, patterns, time, randomness, errors, configuration.

pub mod config;
pub mod crc64;
pub mod error;
pub mod hash;
pub mod lzf;
pub mod time;
