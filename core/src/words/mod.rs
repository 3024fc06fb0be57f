//! Words: numbers, patterns, time, randomness, errors, configuration.

pub mod error;
pub mod hash;
pub mod time;
