//! Diskstore: memory as a cache over a store by key.
//!
//! The store holds every key; memory holds those in use. [`record`] is what the store keeps of a key, [`place`] the order
//! in which it is walked. [`Cache`] keeps the books; the engine asks it what to read and to write.

mod absent;
mod audit;
mod cache;
pub mod catalog;
pub mod flash;
mod keys;
mod outstanding;
pub mod record;
mod saves;
mod snapshot;
#[cfg(test)]
mod tests;
mod ties;
mod walk;

pub use cache::{At, Cache, Stats};
pub use saves::{Arrival, Bounds};
pub use snapshot::{Early, Instant, Section};
pub use walk::{Meta, Prepared, WalkedKey};

use crate::words::hash::HashKey;
use alloc::vec::Vec;

/// Bytes of memory that a store holds beside the cache, as far as it knows; for INFO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreMemory {
    /// What it keeps of its files, to read them less often.
    pub cache: u64,
    /// Changes that are in its journal and not in its files yet.
    pub unwritten: u64,
    /// Filters and indexes of its files that are always there.
    pub indexes: u64,
}

/// One change to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOp {
    /// The key has this record now, whatever it had.
    Put {
        /// The store's database, which is not the number that clients select: see [`StoreJob`](crate::StoreJob).
        db: u32,
        /// The key.
        key: Vec<u8>,
        /// See [`record`].
        record: Vec<u8>,
    },
    /// The key is gone, if it was there.
    Delete {
        /// The store's database.
        db: u32,
        /// The key.
        key: Vec<u8>,
    },
}

/// Where a key stands in the walk of a store that has no order of its own: a hash that is the same in every process.
pub fn place(key: &[u8]) -> u64 {
    HashKey::new([0, 0]).hash(key)
}
