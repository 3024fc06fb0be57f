//! Time is an argument: the core never reads a clock.

/// Milliseconds since the Unix epoch. Deadlines may lie before it, so it is signed.
pub type UnixMillis = i64;
