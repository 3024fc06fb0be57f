//! Commands that belong to no type: keys, connection, server, transactions, pub/sub.

pub mod client;
pub mod config;
pub mod connection;
pub mod dump;
mod errors;
mod help;
pub mod scan;
pub mod walk;
