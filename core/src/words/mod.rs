//! Words: numbers, patterns, time, randomness, errors, configuration.

pub mod config;
pub mod error;
pub mod hash;
pub mod time;
