//! Commands that belong to no type: keys, connection, server, transactions, pub/sub.

pub mod scan;
pub mod walk;
