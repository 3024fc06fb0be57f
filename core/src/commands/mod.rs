//! Commands that belong to no type: keys, connection, server, transactions, pub/sub.

pub mod client;
pub mod config;
pub mod connection;
pub mod deadlines;
pub mod debug;
mod digest;
pub mod docs;
pub mod dump;
mod errors;
pub mod flush;
mod help;
pub mod info;
pub mod introspect;
pub mod keys;
pub mod latency;
pub mod memory;
pub mod object;
pub mod persistence;
pub mod pubsub;
pub mod scan;
pub mod server;
pub mod slowlog;
pub mod sort;
pub mod timeout;
pub mod transactions;
pub mod walk;
