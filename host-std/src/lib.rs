//! The Nuthatch server's parts, and the engine as an embedded database for Rust programs.

pub mod check;
pub mod daemon;
pub mod db;
mod disk;
pub mod facts;
pub mod listen;
pub mod log;
pub mod memory;
pub mod options;
pub mod pages;
pub mod server;
pub mod start;
pub mod store;

pub use db::{Db, Error, Reply};
pub use nuthatch_core::Config;
pub mod worker;
