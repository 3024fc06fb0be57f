//! The flash log: a store of keys on a device that erases segments and programs bytes once.
//!
//! It loses nothing that it acknowledged, wherever the power is cut, and wears all segments alike. ARCHITECTURE.md has the
//! rules and why they hold; `layout` has the bytes.
//!
//! [`Log`] is a state machine over the four operations of [`Device`], one task at a time. Tasks are `mount`, `read`,
//! `write`, `sync`, `scan`, `clear` and the pages' own; the rest are getters. A task that is given up in the middle, or
//! that an operation failed for, leaves the log unmounted: what it has in memory may no longer be what is on the flash.

mod append;
mod batch;
mod budget;
mod device;
mod index;
mod layout;
mod mount;
mod pages;
mod read;
mod reclaim;
mod stats;

pub use budget::{Budget, Spends};
pub use device::{Device, Geometry, block_on};
pub use read::Page;
pub use stats::Stats;

use crate::words::time::UnixMillis;
use alloc::vec::Vec;
use append::Open;
use index::{Index, NoMemory};
use layout::{Kind, Shape};

/// So many segments are erased and empty before a write begins.
const CLEAN: u32 = 3;
/// Segments that do not count as room: the clean ones, the open one, and one that is being reclaimed.
const RESERVE: u32 = CLEAN + 2;

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error<E> {
    /// The device did. The log is unmounted.
    Device(E),
    /// There is no room for what was to be written; nothing of it was.
    Full,
    /// The key is too long for the device's segments, or the database's number too high; nothing was written.
    TooLarge,
    /// The key's record is damaged.
    Damaged,
    /// There is no memory for the index or the value.
    Memory,
    /// An earlier task was given up or failed: [`Log::mount`] comes first.
    Unmounted,
}

impl<E> From<NoMemory> for Error<E> {
    fn from(_: NoMemory) -> Self {
        Self::Memory
    }
}

impl<E> Error<E> {
    /// What a client is told.
    pub const fn text(&self) -> &'static str {
        match self {
            Self::Device(_) => "the flash chip failed: restart",
            Self::Full => "the flash has no room: delete keys",
            Self::TooLarge => "the key is too long for the flash",
            Self::Damaged => "the key's record on the flash is damaged: delete or set the key",
            Self::Memory => "no memory for the flash's index or the value: delete keys",
            Self::Unmounted => "the flash failed before: restart",
        }
    }
}

/// Of a device no more is asked than drivers have: its own error may be without a text.
impl<E: core::fmt::Debug> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::Device(error) => write!(f, " ({error:?})"),
            _ => Ok(()),
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for Error<E> {}

/// The log. It owns its device.
#[derive(Debug)]
pub struct Log<D> {
    dev: D,
    shape: Shape,
    index: Index,
    /// How many keys each database has.
    counts: Vec<(u32, u64)>,
    /// Databases whose counts have changed since they were last told.
    changed: Vec<u32>,
    /// How often each segment was erased.
    wear: Vec<u32>,
    open: Open,
    /// The last segment that is erased and empty, by sequence; the first is the one behind the open one.
    clean_to: u32,
    /// The oldest segment that has records.
    oldest: u32,
    /// Units of records that count.
    live: u32,
    /// With so many a whole round of reclaim found no room: it is not tried again.
    full_at: u32,
    /// Bytes of a segment behind its last record, on average, times 16.
    waste: u32,
    /// So often has reclaim moved records.
    moves: u32,
    /// What was read of a segment, and where that begins.
    window: Vec<u8>,
    window_at: u32,
    /// What is to be programmed, and where.
    out: Vec<u8>,
    out_at: u32,
    /// Heads and keys of records that are looked up.
    scratch: Vec<u8>,
    now: Option<UnixMillis>,
    stats: stats::Counters,
    mounted: bool,
    /// A batch is half written: nothing but a mount helps if it does not come to its end.
    in_batch: bool,
    budget: Option<Budget>,
    /// Bytes that a page of a walk takes at most.
    page_bytes: usize,
    /// Which pages of virtual memory count, one bit each; empty: all.
    page_map: Vec<u64>,
}

impl<D: Device> Log<D> {
    /// A log over a device, not yet mounted. `keys` is how many the index has room for before it grows. `None` where the
    /// geometry is not one that the log can work on: segments of at least 512 bytes, 8 of them, writes that divide them.
    pub fn new(dev: D, geometry: Geometry, keys: usize) -> Option<Self> {
        let shape = Shape::new(geometry)?;
        let mut index = Index::default();
        index.reserve(keys).ok()?;
        Some(Self {
            dev,
            shape,
            index,
            counts: Vec::new(),
            changed: Vec::new(),
            wear: Vec::new(),
            open: Open::default(),
            clean_to: 0,
            oldest: 0,
            live: 0,
            full_at: u32::MAX,
            waste: 0,
            moves: 0,
            window: Vec::new(),
            window_at: 0,
            out: Vec::new(),
            out_at: 0,
            scratch: Vec::new(),
            now: None,
            stats: stats::Counters::default(),
            mounted: false,
            in_batch: false,
            budget: None,
            page_bytes: usize::MAX,
            page_map: Vec::new(),
        })
    }

    /// Tells the hour. Without it keys whose time is over are kept; with it reclaim drops them.
    pub fn set_now(&mut self, now: UnixMillis) {
        self.now = Some(now);
    }

    /// Pages of walks take so many bytes at most, and then have fewer keys than were asked for, but one.
    pub fn bound_pages(&mut self, bytes: usize) {
        self.page_bytes = bytes;
    }

    /// The device.
    pub fn device(&mut self) -> &mut D {
        &mut self.dev
    }

    /// Gives the device back.
    pub fn into_device(self) -> D {
        self.dev
    }

    /// How many keys each database has; those without are left out.
    pub fn counts(&self) -> &[(u32, u64)] {
        &self.counts
    }

    /// The counts of databases in which writes, or reclaim, changed how many keys there are, since this was last asked.
    pub fn take_changed_counts(&mut self) -> Vec<(u32, u64)> {
        let changed = core::mem::take(&mut self.changed);
        changed.into_iter().map(|db| (db, self.count_of(db))).collect()
    }

    fn count_of(&self, db: u32) -> u64 {
        self.counts.iter().find(|(number, _)| *number == db).map_or(0, |(_, keys)| *keys)
    }

    /// Counts keys that came or went.
    fn count(&mut self, kind: Kind, db: u32, by: i64) {
        if !Self::is_key(kind) {
            return;
        }
        if !self.changed.contains(&db) {
            self.changed.push(db);
        }
        match self.counts.iter().position(|(number, _)| *number == db) {
            Some(at) => {
                let keys = self.counts[at].1.saturating_add_signed(by);
                self.counts[at].1 = keys;
                if keys == 0 {
                    self.counts.swap_remove(at);
                }
            }
            None if by > 0 => self.counts.push((db, by.unsigned_abs())),
            None => {}
        }
    }

    /// Begins a task: until [`end`](Self::finish) the log is not mounted.
    fn begin(&mut self) -> Result<(), Error<D::Error>> {
        if !self.mounted {
            return Err(Error::Unmounted);
        }
        self.mounted = false;
        Ok(())
    }

    /// Ends a task. Only what a device does leaves the log unmounted.
    fn finish<T>(&mut self, result: Result<T, Error<D::Error>>) -> Result<T, Error<D::Error>> {
        self.mounted = !self.in_batch && !matches!(result, Err(Error::Device(_) | Error::Unmounted));
        result
    }
}

/// Where a database's walk begins among the fingerprints.
const fn rotation(db: u32) -> u32 {
    db.wrapping_mul(0x9e37_79b1)
}

/// Where a key stands in the walk of its database.
pub fn place(key: &[u8]) -> u64 {
    super::place(key) >> 32
}

/// The fingerprint of a key of a kind. Keys of a database have theirs in the order of their places, around a circle.
fn fingerprint(kind: Kind, db: u32, key: [&[u8]; 2]) -> u32 {
    let [whole, number] = key;
    let behind = number.iter().fold(u32::from(kind.space()), |sum, byte| (sum << 8) | u32::from(*byte));
    (place(whole) as u32).wrapping_add(rotation(db)).wrapping_add(behind.wrapping_mul(0x85eb_ca6b))
}
