//! The Nuthatch server's parts, and the engine as an embedded database for Rust programs.

mod docs;
pub mod listen;
pub mod log;
pub mod memory;
pub mod options;
pub mod server;
pub mod start;
