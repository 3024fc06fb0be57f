//! Words: numbers, patterns, time, randomness, errors, configuration.

pub mod check;
pub mod codec;
pub mod config;
pub mod crc32;
pub mod crc64;
pub mod error;
pub mod glob;
pub mod hash;
pub mod lzf;
pub mod number;
pub mod ordered;
pub mod reach;
pub mod rng;
pub mod time;
