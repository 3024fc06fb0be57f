//! Snapshots: reading and writing RDB.
