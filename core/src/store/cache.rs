//! The cache's books: what is dirty and since when, what is known to be absent, how many keys there are, how much memory
//! they take. It does no I/O and holds no values: those lie in the keyspace.
//!
//! A key in memory is either clean (the store has the very same) or has an entry in [`Keys`]. A key that is not in memory
//! is absent if it has a dirty entry (its delete waits or runs) or stands in the negative cache; else only the store knows.

use super::absent::Absent;
use super::catalog::Catalog;
use super::keys::{Entry, Keys, Stored};
use super::outstanding::{self, Outstanding};
use super::snapshot::Instant;
use super::ties::Ties;
use super::walk::{Meta, Prepared, Walk};
use super::{StoreMemory, StoreOp, record};
use crate::keyspace::Keyspace;
use crate::types::segmented::Slot;
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU64;

/// Bytes of the books that a dirty key answers for at most, whatever room they keep from when they were larger: some 150 and its name.
/// What a longer name has more is missing here, but not in what is used.
const MOST_BOOKS_OF_A_KEY: usize = 256;

/// Bytes that a record takes beside its own: on a server 17 of its table while keys come and go, and what the allocator rounds up, 2
/// of the table and some 5 of the record. A chip has smaller tables, of smaller pointers.
pub const RECORD_OVERHEAD: usize = if SERVER { 24 } else { 16 };

/// What INFO tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    /// Keys that commands asked for and that were in memory, those too that had been read ahead of their command.
    pub hits: u64,
    /// Keys that had to be read.
    pub misses: u64,
    /// Keys of which it was known without reading that they are not there.
    pub negative_hits: u64,
    /// Reads that found their key.
    pub loads: u64,
    /// Reads that found nothing.
    pub absent_loads: u64,
    /// Keys written or deleted.
    pub saves: u64,
    /// Changes that needed no write of their own.
    pub merged: u64,
    /// Batches.
    pub batches: u64,
    /// Clean keys that left memory.
    pub evicted: u64,
    /// Expired keys that the sweep removed.
    pub swept: u64,
    /// Reads that failed, or found a damaged record.
    pub failed_reads: u64,
    /// Batches that failed.
    pub failed_writes: u64,
    /// Times that a writer had to wait for the store.
    pub throttled: u64,
    /// How long they waited together, in microseconds.
    pub throttled_micros: u64,
}

/// What is known of one of the store's databases.
#[derive(Debug, Clone, Copy, Default)]
pub struct Space {
    /// Keys in the store.
    pub count: u64,
    /// What dirty keys add to that.
    pub delta: i64,
    /// Dirty keys of which nobody knows whether the store has them.
    pub unknown: usize,
    /// Bytes of its records in memory.
    pub bytes: usize,
    /// Of 256 keys that were last saved and of which nobody had known, so many the store did have.
    pub had: usize,
}

/// Where a key stands: the store's database, and its place there.
pub type At = (u32, u64);

/// The cache over a store.
#[derive(Debug)]
pub struct Cache {
    /// Which of the store's databases clients see.
    pub catalog: Catalog,
    /// Since which change the catalog waits to be saved.
    pub(super) catalog_waiting: Option<u64>,
    /// The same for a save that runs.
    pub(super) catalog_writing: Option<u64>,
    pub(super) catalog_group: u32,
    place: fn(&[u8]) -> u64,
    pub(super) keys: Keys,
    /// Keys known to be absent.
    pub absent: Absent,
    pub(super) spaces: OrderedMap<u32, Space>,
    pub(super) touched: Vec<At>,
    pub(super) remapped: bool,
    /// Numbers changes.
    pub(super) seq: u64,
    /// Changes that the store does not have yet, with the keys of each.
    pub(super) outstanding: Outstanding,
    /// Keys that wait to be saved, the oldest first.
    pub(super) queue: VecDeque<At>,
    /// Keys that could not be saved because something is under way for them.
    pub(super) postponed: Vec<At>,
    /// Keys that are to be loaded.
    pub(super) loads: VecDeque<(At, Box<[u8]>)>,
    /// Keys that wait to be loaded or are being loaded.
    pub(super) loading: usize,
    pub(super) ties: Ties,
    bytes: usize,
    pub(super) dirty_bytes: usize,
    pub(super) dirty_keys: usize,
    /// Bytes of batches on their way.
    pub in_flight: usize,
    /// Walks that are under way.
    pub(super) walks: Vec<Walk>,
    pub(super) next_walk: u32,
    /// Pages for the commands of the running session.
    pub prepared: VecDeque<Prepared>,
    /// The snapshot that is being written.
    pub instant: Option<Box<Instant>>,
    /// The soonest deadline of what was saved since the sweep began a round.
    pub soonest: Option<UnixMillis>,
    /// Counts.
    pub stats: Stats,
    /// What the store itself holds in memory.
    pub held_by_store: StoreMemory,
    /// Whether SET and its kin have to know what was there.
    pub no_blind: bool,
    /// Why the last batch did not reach the store; writes are refused until one does.
    pub error: Option<String>,
    /// The store has no room for more.
    pub full: bool,
    /// Every clean key is to leave memory (DEBUG FLUSHCACHE).
    pub evict_all: bool,
    /// Walks that the running command has used.
    pub used_walks: Vec<u32>,
}

impl Cache {
    /// The cache over a store that is empty as far as is known.
    pub fn new(databases: usize, place: fn(&[u8]) -> u64) -> Self {
        Self {
            catalog: Catalog::new(databases),
            catalog_waiting: None,
            catalog_writing: None,
            catalog_group: 0,
            place,
            keys: Keys::default(),
            absent: Absent::default(),
            spaces: OrderedMap::new(),
            touched: Vec::new(),
            remapped: false,
            seq: 0,
            outstanding: Outstanding::default(),
            queue: VecDeque::new(),
            postponed: Vec::new(),
            loads: VecDeque::new(),
            loading: 0,
            ties: Ties::default(),
            bytes: 0,
            dirty_bytes: 0,
            dirty_keys: 0,
            in_flight: 0,
            walks: Vec::new(),
            next_walk: 0,
            prepared: VecDeque::new(),
            instant: None,
            soonest: None,
            stats: Stats::default(),
            held_by_store: StoreMemory::default(),
            no_blind: false,
            error: None,
            full: false,
            evict_all: false,
            used_walks: Vec::new(),
        }
    }

    /// Where the key of a database that clients know by `index` stands.
    #[inline]
    pub fn at(&self, index: usize, key: &[u8]) -> At {
        (self.catalog.of(index), (self.place)(key))
    }

    /// What gives a key its place.
    pub fn place_of(&self) -> fn(&[u8]) -> u64 {
        self.place
    }

    /// Where a key of one of the store's databases stands.
    pub fn at_in(&self, db: u32, key: &[u8]) -> At {
        (db, (self.place)(key))
    }

    /// Bytes that the cache takes: records, books and batches on their way.
    #[inline]
    pub fn used(&self) -> usize {
        let kept = self.kept_for_snapshot() + self.kept_for_walks();
        self.bytes + self.in_flight + self.absent.bytes() + self.books() + kept
    }

    /// Bytes of the books of what is under way.
    fn books(&self) -> usize {
        self.keys.bytes() + outstanding::bytes_of(&self.queue) + self.outstanding.bytes() + self.ties.bytes()
    }

    /// Bytes that a snapshot keeps of what has changed since its instant.
    pub fn kept_for_snapshot(&self) -> usize {
        self.instant.as_ref().filter(|_| SERVER).map_or(0, |instant| instant.bytes())
    }

    /// Bytes that walks keep of what was saved since they began: of one over many keys that is much. On a chip they are short.
    fn kept_for_walks(&self) -> usize {
        if SERVER { self.walks.iter().map(Walk::bytes).sum() } else { 0 }
    }

    /// Bytes that are not in the store yet. Of books that were large once a key has no more to answer for than of small ones.
    #[inline]
    pub fn dirty_bytes(&self) -> usize {
        let books_of_a_key = (self.books() / self.keys.len().max(1)).min(MOST_BOOKS_OF_A_KEY);
        self.dirty_bytes + self.in_flight + books_of_a_key * self.dirty_keys
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn booked_dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    /// Keys that are not in the store yet as they are.
    pub fn dirty_keys(&self) -> usize {
        self.dirty_keys
    }

    /// Loads that wait.
    pub fn waiting_loads(&self) -> usize {
        self.loads.len()
    }

    /// Loads and saves that wait.
    pub fn queued(&self) -> usize {
        self.queue.len() + self.postponed.len() + self.loads.len()
    }

    /// The last change, and the last one up to which the store has all.
    pub fn progress(&self) -> (u64, u64) {
        (self.seq, self.outstanding.first().map_or(self.seq, |first| first - 1))
    }

    /// What is known of one of the store's databases.
    pub fn space(&self, db: u32) -> Space {
        self.spaces.get(&db).copied().unwrap_or_default()
    }

    /// Keys in the store, of all databases.
    pub fn stored_keys(&self) -> usize {
        self.spaces.values().map(|space| space.count as usize).sum()
    }

    /// The store has so many keys in a database.
    pub fn set_count(&mut self, db: u32, count: u64) {
        self.spaces.entry(db).or_default().count = count;
    }

    /// Numbers under which the store has keys are given to no database that is to be empty: a catalog that was not saved, or
    /// is of fewer databases, does not know of them.
    pub fn note_used(&mut self) {
        for (db, _) in self.spaces.iter().filter(|(_, space)| space.count > 0) {
            self.catalog.note_used(*db);
        }
    }

    /// Whether it is known that the key, which is not in memory, is not there.
    pub fn knows_absent(&mut self, index: usize, key: &[u8]) -> bool {
        let at = self.at(index, key);
        self.keys.get(at, key).is_some_and(Entry::is_dirty)
            || self.absent.contains(at, key)
            || self.space(at.0).count == 0
    }

    /// Whether a key that is not in memory may be in the store for all that is known.
    pub fn may_have(&self, index: usize, key: &[u8]) -> bool {
        let at = self.at(index, key);
        let absent = self.keys.get(at, key).is_some_and(Entry::is_dirty) || self.absent.has(at, key);
        !absent && self.space(at.0).count > 0
    }

    // ------------------------------------------------------------------------------------------ changes

    /// A key is about to change, come or go.
    pub fn before_change(&mut self, index: usize, key: &[u8], keyspace: &Keyspace) {
        let at = self.at(index, key);
        let database = keyspace.db(index);
        let record = || database.find(keyspace.hash(key), key).map(|slot| database.get(slot));
        if SERVER && let Some(instant) = &mut self.instant {
            instant.before_change(at, key, record());
        }
        let entry = self.keys.entry(at, key);
        if entry.touched {
            return;
        }
        self.touched.push(at);
        if entry.is_dirty() {
            entry.touched = true;
            return;
        }
        let bytes = record().map(|record| record.memory() + RECORD_OVERHEAD);
        let empty = self.spaces.get(&at.0).is_none_or(|space| space.count == 0);
        let stored = match bytes {
            Some(_) => Stored::There,
            None if empty || self.absent.contains(at, key) => Stored::Absent,
            None => Stored::Unknown,
        };
        (entry.stored, entry.exists) = (stored, bytes.is_some());
        entry.bytes = bytes.unwrap_or(0);
        entry.touched = true;
        self.dirty_bytes += entry.bytes;
        self.dirty_keys += 1;
        self.spaces.entry(at.0).or_default().unknown += usize::from(stored == Stored::Unknown);
    }

    /// Enters what a command changed: its keys wait to be saved from now on, together. True where it changed any.
    pub fn settle(&mut self, keyspace: &mut Keyspace, now: UnixMillis) -> bool {
        if self.touched.is_empty() && !self.remapped {
            return false;
        }
        self.seq += 1;
        let touched = core::mem::take(&mut self.touched);
        for at in &touched {
            self.settle_place(*at, keyspace, now);
        }
        let remapped = core::mem::take(&mut self.remapped);
        if remapped && self.catalog_waiting.is_none() {
            self.catalog_waiting = Some(self.seq);
            self.outstanding.owe(self.seq);
        }
        self.bind(&touched, remapped);
        self.touched = touched;
        self.touched.clear();
        true
    }

    fn settle_place(&mut self, at: At, keyspace: &mut Keyspace, now: UnixMillis) {
        let Some(index) = self.catalog.index(at.0) else { return };
        let mut came_and_went = Vec::new();
        let mut owed = 0;
        let hash_key = keyspace.hash_key();
        for entry in self.keys.at_mut(at).iter_mut().filter(|entry| entry.touched) {
            let before = entry.contribution();
            let database = keyspace.db_mut(index);
            let slot = database.find(hash_key.hash(&entry.key), &entry.key);
            let bytes = slot.map_or(0, |slot: Slot| {
                let record = database.get_mut(slot);
                record.set_clean(false);
                record.memory() + RECORD_OVERHEAD
            });
            let space = self.spaces.entry(at.0).or_default();
            for total in [&mut self.bytes, &mut self.dirty_bytes] {
                *total = (*total + bytes).saturating_sub(entry.bytes);
            }
            space.bytes = (space.bytes + bytes).saturating_sub(entry.bytes);
            (entry.bytes, entry.exists) = (bytes, slot.is_some());
            let after = entry.contribution();
            space.delta += after.0 - before.0;
            entry.touched = false;
            if entry.exists {
                self.absent.remove(at, &entry.key);
            } else if entry.stored == Stored::Absent && entry.writing.is_none() {
                came_and_went.push(entry.key.clone());
                continue;
            }
            if entry.waiting.is_some() {
                self.stats.merged += 1;
            } else {
                (entry.waiting, entry.since) = (NonZeroU64::new(self.seq), now);
                owed += 1;
            }
        }
        for _ in 0..owed {
            self.outstanding.owe(self.seq);
            self.queue.push_back(at);
        }
        for key in came_and_went {
            self.forget_change(at, &key);
        }
    }

    /// A key that the store does not have came and went before it was saved.
    fn forget_change(&mut self, at: At, key: &[u8]) {
        let Some(entry) = self.keys.get_mut(at, key) else { return };
        let (waited, group) = (entry.waiting.take(), core::mem::take(&mut entry.group));
        self.ties.leave(group, &self.keys);
        self.dirty_keys -= 1;
        if let Some(seq) = waited {
            self.outstanding.paid(seq.get());
            self.stats.merged += 1;
        }
        self.keys.tidy(at, key);
        self.absent.add(at, key);
    }

    /// Ties keys that one command changed: they reach the store in one batch, with all that they are tied to already, and
    /// with the catalog if that changed too.
    pub(super) fn bind(&mut self, places: &[At], with_catalog: bool) {
        if places.is_empty() || (places.len() == 1 && !with_catalog) {
            return;
        }
        let with = if with_catalog { self.catalog_group } else { 0 };
        let is_tied = self.catalog_group != 0 && !self.ties.places(self.catalog_group).is_empty();
        let number = self.ties.bind(places, with, &mut self.keys);
        if with_catalog || is_tied && self.ties.places(self.catalog_group).is_empty() {
            self.catalog_group = number;
        }
    }

    /// How many keys a database has, those that the running command changed counted as they are now.
    pub fn count(&self, index: usize, keyspace: &Keyspace) -> u64 {
        let db = self.catalog.of(index);
        let space = self.space(db);
        let mut total = space.count as i64 + space.delta + space.unknown as i64;
        let mut seen: Vec<At> = self.touched.iter().copied().filter(|at| at.0 == db).collect();
        seen.sort_unstable();
        seen.dedup();
        for entry in seen.iter().flat_map(|at| self.keys.at(*at)).filter(|entry| entry.touched) {
            let exists = keyspace.db(index).find(keyspace.hash(&entry.key), &entry.key).is_some();
            if entry.stored != Stored::Unknown {
                total += i64::from(exists) - i64::from(entry.exists);
            }
        }
        total.max(0) as u64
    }

    /// As [`Cache::count`], as near as can be told without the store: of the keys of which nobody knows as many are new as were of
    /// those that were saved last.
    pub fn count_about(&self, index: usize, keyspace: &Keyspace) -> u64 {
        let (space, most) = (self.space(self.catalog.of(index)), self.count(index, keyspace));
        most.saturating_sub((space.unknown * space.had / 256) as u64).max(most.min(1))
    }

    /// Keys of a database were saved of which nobody had known whether the store has them; `before`: what was known then.
    pub(super) fn notice_new(&mut self, db: u32, before: Space) {
        let Some(space) = self.spaces.get_mut(&db) else { return };
        let told = before.unknown.saturating_sub(space.unknown);
        let total = |space: &Space| space.count as i64 + space.delta;
        let new = usize::try_from(total(space) - total(&before)).unwrap_or(0).min(told);
        if let Some(had) = ((told - new) * 256).checked_div(told) {
            space.had = had;
        }
    }

    /// A changed key of which nobody knew whether the store has it: it does.
    pub fn known_there(&mut self, index: usize, key: &[u8]) {
        let at = self.at(index, key);
        let Some(entry) = self.keys.get_mut(at, key).filter(|entry| entry.stored == Stored::Unknown) else {
            return;
        };
        entry.stored = Stored::There;
        let contribution = entry.contribution().0;
        let space = self.spaces.entry(at.0).or_default();
        space.unknown = space.unknown.saturating_sub(1);
        space.delta += contribution;
    }

    // ------------------------------------------------------------------------------------------ whole databases

    /// A database is emptied: clients get one that was never used.
    pub fn flush(&mut self, index: usize, keyspace: &Keyspace) {
        let old = self.catalog.of(index);
        let space = self.space(old);
        let places = self.keys.places(old);
        if space.count == 0 && places.is_empty() && space.bytes == 0 {
            return;
        }
        if SERVER && let Some(instant) = &mut self.instant {
            let dirty = self.keys.dirty(old, 0, None).map(|(place, entry)| (place, &entry.key));
            instant.before_flush(old, dirty, keyspace.db(index), keyspace.hash_key());
        }
        let fresh = self.catalog.fresh();
        self.catalog.replace(index, fresh);
        self.remapped = true;
        for place in places {
            self.drop_changes((old, place));
        }
        self.bytes = self.bytes.saturating_sub(space.bytes);
        self.spaces.insert(old, Space { count: space.count, ..Space::default() });
        self.absent.forget_database(old);
        self.touched.retain(|at| at.0 != old);
    }

    /// Changes of a key whose database is gone need not be saved.
    fn drop_changes(&mut self, at: At) {
        let mut paid = Vec::new();
        let mut groups = Vec::new();
        let mut done = Vec::new();
        for entry in self.keys.at_mut(at) {
            if entry.is_dirty() {
                self.dirty_bytes = self.dirty_bytes.saturating_sub(entry.bytes);
            }
            let was = entry.is_dirty();
            paid.extend(entry.waiting.take());
            groups.push(core::mem::take(&mut entry.group));
            (entry.touched, entry.bytes, entry.exists) = (false, 0, false);
            self.dirty_keys -= usize::from(was && !entry.is_dirty());
            done.push(entry.key.clone());
        }
        paid.into_iter().for_each(|seq: NonZeroU64| self.outstanding.paid(seq.get()));
        groups.into_iter().for_each(|group| self.ties.leave(group, &self.keys));
        for key in done {
            self.keys.tidy(at, &key);
        }
    }

    /// Databases of the store for a dataset that is being loaded, doomed until it is whole.
    pub fn reserve(&mut self, count: usize) -> Vec<u32> {
        let databases: Vec<u32> = (0..count).map(|_| self.catalog.fresh()).collect();
        databases.iter().for_each(|db| self.catalog.doom(*db));
        self.remapped = true;
        databases
    }

    /// Clients get a database that was loaded under this number; theirs, which was flushed, is doomed.
    pub fn adopt(&mut self, index: usize, db: u32) {
        self.catalog.cleared(db);
        self.catalog.replace(index, db);
        self.remapped = true;
    }

    /// Two databases exchange their numbers.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.catalog.swap(a, b);
        self.remapped = true;
    }

    // ------------------------------------------------------------------------------------------ memory

    /// A clean key came into memory.
    pub fn came(&mut self, db: u32, bytes: usize) {
        self.bytes += bytes + RECORD_OVERHEAD;
        self.spaces.entry(db).or_default().bytes += bytes + RECORD_OVERHEAD;
    }

    /// A clean key left memory.
    pub fn left(&mut self, db: u32, bytes: usize) {
        let bytes = bytes + RECORD_OVERHEAD;
        self.bytes = self.bytes.saturating_sub(bytes);
        let space = self.spaces.entry(db).or_default();
        space.bytes = space.bytes.saturating_sub(bytes);
    }

    /// Whether something is under way for a clean key, so that it has to stay in memory.
    pub fn holds(&self, at: At, key: &[u8]) -> bool {
        // A clean key may be one that is loaded still, or that a command changed which has not ended.
        let may_have_entry = self.loading > 0 || !self.touched.is_empty();
        (may_have_entry && self.keys.get(at, key).is_some())
            || self.walks.iter().any(|walk| walk.has_landed(at.0, key))
    }

    /// What a record of the store tells without its value.
    pub fn meta(record: &[u8]) -> Option<Meta> {
        let head = record::head(record).ok()?;
        Some(Meta { kind: head.form.kind()?, deadline: head.deadline })
    }

    /// Whether the store knows which databases clients see.
    pub fn is_catalog_saved(&self) -> bool {
        self.catalog_waiting.is_none() && self.catalog_writing.is_none() && !self.remapped
    }

    /// A doomed database is empty: the catalog need not name it any more.
    pub fn cleared(&mut self, db: u32) {
        self.catalog.cleared(db);
        self.spaces.remove(&db);
        self.remapped = true;
    }

    /// The catalog as a change to the store.
    pub(super) fn catalog_op(&self) -> StoreOp {
        let (db, key) = (super::catalog::DATABASE, super::catalog::KEY.to_vec());
        StoreOp::Put { db, key, record: self.catalog.encode() }
    }
}
