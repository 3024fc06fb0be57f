//! What the engine asks of a store by key, and what comes of it.
//!
//! A store is a set of databases, each a map from keys to records. Its databases are not those that clients select: the
//! engine gives numbers to them, lets FLUSHDB and SWAPDB change which is which, and keeps that as a record of its own. So a
//! flush is one small write, whatever the store is, and what it leaves behind is cleared at leisure.
//!
//! **Rules for a host.** [`StoreJob::Write`]s are carried out in the order in which they came, each wholly or not at all.
//! All other jobs may be carried out at once, in any order, beside the writes: the engine never has a read and a write of
//! one key under way together, and whatever a page of a walk shows or misses of a change that is under way is right.
//! Records are opaque; a store removes none by itself, expired or not, so that its counts are the engine's.
//! Failures of [`StoreJob::Write`] come back as [`StoreDone::Unwritten`], those of [`StoreJob::ReadMany`] with the keys that they are
//! of, all others as [`Done::Failed`](crate::Done).

use crate::engine::jobs::JobError;
use crate::store::StoreOp;
use alloc::vec::Vec;

/// Something to be done with a store.
#[derive(Debug)]
pub enum StoreJob {
    /// Tells how many keys each database has: [`StoreDone::Counts`].
    Count,
    /// Reads a record: [`StoreDone::Record`].
    Read {
        /// The database.
        db: u32,
        /// The key.
        key: Vec<u8>,
    },
    /// Reads records, in any order, as many as the host cares to, but one at least: [`StoreDone::Records`]. Only a host gets it that
    /// asked for it: [`Engine::reads_together`](crate::Engine::reads_together).
    ReadMany {
        /// The keys; they come back.
        keys: Vec<StoreKey>,
        /// With so many bytes of records it ends.
        bytes: usize,
    },
    /// Changes keys, all of them or none: [`StoreDone::Written`]. No key comes twice. Writes are made in the order in which they
    /// were asked for; their ends may be told in any.
    Write {
        /// The changes; they come back.
        batch: Vec<StoreOp>,
        /// It ends when the changes, and all that were written before, outlast a power cut. Otherwise it ends when they
        /// outlast the end of the process.
        durable: bool,
    },
    /// Makes durable what was written: [`StoreDone::Finished`].
    Sync,
    /// Reads a page of a walk over a database: [`StoreDone::Page`]. Keys come in the order of their places, the numbers
    /// that a function gives them which the host names when it tells the engine that it carries a store: most take
    /// [`place`](crate::store::place).
    Scan {
        /// The database.
        db: u32,
        /// The first place. Keys of smaller places are left out.
        from: u64,
        /// So many keys, fewer at the database's end or where there is no memory for them, and more where the last ones have the same place: those come
        /// together.
        limit: usize,
        /// Of each record so many bytes at most.
        record_bytes: usize,
    },
    /// Removes every key of a database that is not read or written before this has ended. It may take its time, and may
    /// have been begun before: [`StoreDone::Finished`].
    Clear {
        /// The database.
        db: u32,
    },
}

/// A key of one of the store's databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreKey {
    /// The database.
    pub db: u32,
    /// The key's place in the order of walks.
    pub place: u64,
    /// The key.
    pub key: Vec<u8>,
}

/// What a read of one key of many found.
#[derive(Debug)]
pub struct StoreRead {
    /// The key.
    pub key: StoreKey,
    /// The record, if there is one; or why it cannot be read.
    pub record: Result<Option<Vec<u8>>, JobError>,
}

/// A key of a page of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntry {
    /// The key.
    pub key: Vec<u8>,
    /// The first bytes of its record, as many as were asked for.
    pub record: Vec<u8>,
}

/// What came of a job on a store.
#[derive(Debug)]
pub enum StoreDone {
    /// It is done; there is nothing to tell.
    Finished,
    /// The databases that have keys, with how many.
    Counts(Vec<(u32, u64)>),
    /// The record, if there is one.
    Record(Option<Vec<u8>>),
    /// The records of some of the job's keys.
    Records {
        /// What was read.
        read: Vec<StoreRead>,
        /// The other keys; they will be asked for again.
        unread: Vec<StoreKey>,
    },
    /// The changes were made.
    Written {
        /// The job's changes.
        batch: Vec<StoreOp>,
        /// How many keys each database that was changed has now.
        counts: Vec<(u32, u64)>,
    },
    /// None of the changes was made, or none for certain: they will be asked for again.
    Unwritten {
        /// The job's changes.
        batch: Vec<StoreOp>,
        /// Why.
        error: JobError,
    },
    /// A page of a walk.
    Page {
        /// The keys.
        entries: Vec<StoreEntry>,
        /// Where to go on; `None` at the end.
        next: Option<u64>,
    },
}
