//! What goes to the store and when: batches of changes, their ends, their failures.

use super::StoreOp;
use super::cache::{At, Cache, Space};
use super::catalog;
use super::keys::{Stored, Writing};
use super::outstanding::let_go;
use super::record;
use crate::keyspace::Keyspace;
use crate::types::codec::Encoder;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

/// What bounds a batch.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Only changes from before this hour go.
    pub before: UnixMillis,
    /// No key is added to so many bytes.
    pub bytes: usize,
    /// Nor to so many keys.
    pub keys: usize,
}

/// So many keys ahead of the one that is looked after are on their way from memory.
const FETCHED: usize = 8;

/// A batch on its way to the store.
#[derive(Debug, Default)]
struct Batch {
    ops: Vec<StoreOp>,
    bytes: usize,
    /// Ties that cannot go now, in the order of their numbers: none of their other keys has to be looked at.
    stuck: Vec<u32>,
}

/// A chip's ties are small.
impl Batch {
    fn is_stuck(&self, group: u32) -> bool {
        SERVER && self.stuck.binary_search(&group).is_ok()
    }

    fn note_stuck(&mut self, group: u32) {
        if SERVER
            && group != 0
            && let Err(at) = self.stuck.binary_search(&group)
        {
            self.stuck.insert(at, group);
        }
    }
}

/// Bytes of a change, about.
fn size(op: &StoreOp) -> usize {
    match op {
        StoreOp::Put { key, record, .. } => key.len() + record.len() + 64,
        StoreOp::Delete { key, .. } => key.len() + 64,
    }
}

impl Cache {
    /// The next changes for the store, the oldest first; `None`: nothing is due, or may go before what is on its way.
    /// A value is encoded now, so changes since it began to wait are in it.
    pub fn next_batch(
        &mut self,
        keyspace: &Keyspace,
        encoder: &mut Encoder,
        bounds: Bounds,
    ) -> Option<Vec<StoreOp>> {
        // Nothing may be written to a database of which the store does not know yet whose it is.
        if self.catalog_writing.is_some() {
            return None;
        }
        let mut batch = Batch::default();
        if self.catalog_waiting.is_some() && !self.take_catalog(keyspace, encoder, &mut batch) {
            return None;
        }
        while batch.bytes < bounds.bytes && batch.ops.len() < bounds.keys {
            let Some(&at) = self.queue.front() else { break };
            let waits = self.keys.at(at).iter().filter(|entry| entry.waiting.is_some());
            let Some(since) = waits.map(|entry| entry.since).min() else {
                self.queue.pop_front();
                continue;
            };
            if since > bounds.before {
                break;
            }
            self.queue.pop_front();
            self.take_place(at, keyspace, encoder, &mut batch);
        }
        let_go(&mut self.queue);
        if batch.ops.is_empty() {
            return None;
        }
        self.in_flight += batch.bytes;
        self.stats.batches += 1;
        Some(batch.ops)
    }

    /// The catalog goes with the keys that were changed by the same command, or not yet.
    fn take_catalog(&mut self, keyspace: &Keyspace, encoder: &mut Encoder, batch: &mut Batch) -> bool {
        if !self.are_free(self.ties.places(self.catalog_group)) {
            return false;
        }
        for at in self.ties.take(self.catalog_group) {
            self.write_place(at, Some(self.catalog_group), keyspace, encoder, batch);
        }
        let op = self.catalog_op();
        batch.bytes += size(&op);
        batch.ops.insert(0, op);
        self.catalog_writing = self.catalog_waiting.take();
        self.catalog_group = 0;
        true
    }

    /// Whether nothing is under way for what waits there.
    fn are_free(&self, places: &[At]) -> bool {
        let mut entries = places.iter().flat_map(|at| self.keys.at(*at));
        entries.all(|e| e.waiting.is_none() || (e.writing.is_none() && !e.load))
    }

    fn take_place(&mut self, at: At, keyspace: &Keyspace, encoder: &mut Encoder, batch: &mut Batch) {
        let groups: Vec<u32> =
            self.keys.at(at).iter().filter(|e| e.waiting.is_some()).map(|e| e.group).collect();
        for group in groups {
            if batch.is_stuck(group) {
                self.postponed.push(at);
                continue;
            }
            if !self.are_free(&[at]) || !self.are_free(self.ties.places(group)) {
                batch.note_stuck(group);
                self.postponed.push(at);
                continue;
            }
            self.write_place(at, Some(group), keyspace, encoder, batch);
            for member in self.ties.take(group) {
                self.write_place(member, Some(group), keyspace, encoder, batch);
            }
        }
    }

    /// Adds what waits there, and belongs to the group, to the batch.
    fn write_place(
        &mut self,
        at: At,
        group: Option<u32>,
        keyspace: &Keyspace,
        encoder: &mut Encoder,
        batch: &mut Batch,
    ) {
        let Some(index) = self.catalog.index(at.0) else { return };
        for entry in self.keys.at_mut(at) {
            if group.is_some_and(|group| entry.group != group) {
                continue;
            }
            let Some(seq) = entry.waiting.take() else { continue };
            entry.group = 0;
            let database = keyspace.db(index);
            let slot = database.find(keyspace.hash(&entry.key), &entry.key);
            let value = slot.map(|slot| database.get(slot)).and_then(|r| Some((r.value()?, r.deadline())));
            entry.writing = Some(Writing::new(seq, value.is_some()));
            let (db, key) = (at.0, entry.key.to_vec());
            let op = match value {
                Some((value, deadline)) => {
                    if SERVER {
                        self.soonest = self.soonest.into_iter().chain(deadline).min();
                    }
                    let record = record::encode(&key, value, deadline, encoder);
                    StoreOp::Put { db, key, record }
                }
                None => StoreOp::Delete { db, key },
            };
            batch.bytes += size(&op);
            batch.ops.push(op);
        }
    }

    /// A batch is in the store.
    pub fn written(&mut self, batch: &[StoreOp], counts: &[(u32, u64)], keyspace: &mut Keyspace) {
        let before: Vec<(u32, Space)> =
            if SERVER { counts.iter().map(|(db, _)| (*db, self.space(*db))).collect() } else { Vec::new() };
        for (db, count) in counts {
            self.set_count(*db, *count);
        }
        for (i, op) in batch.iter().enumerate() {
            self.in_flight = self.in_flight.saturating_sub(size(op));
            // Records were last looked at when they were written.
            if SERVER
                && let Some(StoreOp::Put { db, key, .. }) = batch.get(i + FETCHED)
                && let Some(index) = self.catalog.index(*db)
            {
                keyspace.db(index).prefetch(keyspace.hash(key));
            }
            match op {
                StoreOp::Put { db: catalog::DATABASE, .. } => {
                    if let Some(seq) = self.catalog_writing.take() {
                        self.outstanding.paid(seq);
                    }
                }
                StoreOp::Put { db, key, record } => self.saved(*db, key, Some(record), keyspace),
                StoreOp::Delete { db, key } => self.saved(*db, key, None, keyspace),
            }
        }
        before.into_iter().for_each(|(db, before)| self.notice_new(db, before));
        self.requeue_postponed();
    }

    fn saved(&mut self, db: u32, key: &[u8], written: Option<&[u8]>, keyspace: &mut Keyspace) {
        self.stats.saves += 1;
        let at = self.at_in(db, key);
        for walk in self.walks.iter_mut().filter(|walk| walk.db == db) {
            walk.landed(key, written.and_then(Self::meta));
        }
        let Some(entry) = self.keys.get_mut(at, key) else { return };
        let before = entry.contribution();
        let Some(writing) = entry.writing.take() else { return };
        entry.stored = if writing.exists() { Stored::There } else { Stored::Absent };
        let (after, clean, bytes) = (entry.contribution(), !entry.is_dirty(), entry.bytes);
        let space = self.spaces.entry(db).or_default();
        space.delta += after.0 - before.0;
        space.unknown = (space.unknown + after.1).saturating_sub(before.1);
        self.outstanding.paid(writing.seq());
        if !clean {
            return;
        }
        self.dirty_bytes = self.dirty_bytes.saturating_sub(bytes);
        self.dirty_keys -= 1;
        self.keys.tidy(at, key);
        let Some(index) = self.catalog.index(db) else { return };
        let hash = keyspace.hash(key);
        let database = keyspace.db_mut(index);
        match database.find(hash, key) {
            Some(slot) => database.get_mut(slot).set_clean(true),
            None => self.absent.add(at, key),
        }
    }

    /// A batch is not in the store, or not for certain: all of it waits again, and goes together.
    pub fn unwritten(&mut self, batch: &[StoreOp]) {
        self.stats.failed_writes += 1;
        let mut places = Vec::new();
        let mut catalog = false;
        for op in batch {
            self.in_flight = self.in_flight.saturating_sub(size(op));
            let (StoreOp::Put { db, key, .. } | StoreOp::Delete { db, key }) = op;
            if *db == catalog::DATABASE {
                catalog = true;
                let seq = self.catalog_writing.take();
                if let Some(newer) = core::mem::replace(&mut self.catalog_waiting, seq) {
                    self.outstanding.paid(newer);
                }
            } else {
                places.extend(self.wait_again(*db, key));
            }
        }
        for at in places.iter().rev() {
            self.queue.push_front(*at);
        }
        self.bind(&places, catalog);
        self.requeue_postponed();
    }

    fn wait_again(&mut self, db: u32, key: &[u8]) -> Option<At> {
        let at = self.at_in(db, key);
        let gone = self.catalog.index(db).is_none();
        let entry = self.keys.get_mut(at, key)?;
        let before = entry.contribution();
        let writing = entry.writing.take()?;
        let seq = NonZeroU64::new(writing.seq());
        // Whether it was made after all is not known.
        let sure = entry.stored == if writing.exists() { Stored::There } else { Stored::Absent };
        let newer = if gone { seq } else { core::mem::replace(&mut entry.waiting, seq) };
        if !sure {
            entry.stored = Stored::Unknown;
        }
        let after = entry.contribution();
        let space = self.spaces.entry(db).or_default();
        space.delta += after.0 - before.0;
        space.unknown = (space.unknown + after.1).saturating_sub(before.1);
        if let Some(newer) = newer {
            self.outstanding.paid(newer.get());
        }
        if gone {
            self.dirty_keys -= 1;
            self.keys.tidy(at, key);
            return None;
        }
        Some(at)
    }

    /// What had to wait for something under way goes first.
    pub(super) fn requeue_postponed(&mut self) {
        for at in core::mem::take(&mut self.postponed).into_iter().rev() {
            self.queue.push_front(at);
        }
    }
}

/// A key that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is in memory now; so many bytes.
    Came,
    /// The store does not have it.
    Absent,
    /// What was read is of no use any more: the key was changed or flushed meanwhile.
    Stale,
}

impl Cache {
    /// Asks for a key to be read; it waits until [`Cache::next_load`] gives it out. False: that was asked for already.
    pub fn want(&mut self, index: usize, key: &[u8]) -> (At, bool) {
        let at = self.at(index, key);
        let entry = self.keys.entry(at, key);
        let new = !core::mem::replace(&mut entry.load, true);
        if new {
            self.stats.misses += 1;
            self.loading += 1;
            self.loads.push_back((at, key.into()));
        }
        (at, new)
    }

    /// A key that was given out and was not read is the next one.
    pub fn load_next(&mut self, load: (At, Box<[u8]>)) {
        self.loads.push_front(load);
    }

    /// The next key that is to be read.
    pub fn next_load(&mut self) -> Option<(At, Box<[u8]>)> {
        self.loads.pop_front()
    }

    /// These keys, in the order of their places, are not read any more, but for those that are under way. Of two with one place one
    /// may be read.
    pub fn drop_loads(&mut self, keys: &[(At, Box<[u8]>)]) {
        let mut loads = core::mem::take(&mut self.loads);
        loads.retain(|(at, key)| {
            let found = keys.binary_search_by_key(at, |unwanted| unwanted.0);
            let is_unwanted = found.is_ok_and(|i| keys[i].1 == *key);
            if is_unwanted {
                self.end_load(*at, key, None);
            }
            !is_unwanted
        });
        self.loads = loads;
    }

    /// A key was read.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn arrived(
        &mut self,
        at: At,
        key: &[u8],
        record: Option<&[u8]>,
        keyspace: &mut Keyspace,
        limits: &crate::types::Limits,
        clock: u32,
    ) -> Result<Arrival, record::BadRecord> {
        let dirty = self.end_load(at, key, Some(record.is_some()));
        let Some(index) = self.catalog.index(at.0) else { return Ok(Arrival::Stale) };
        let hash = keyspace.hash(key);
        if dirty || keyspace.db(index).find(hash, key).is_some() {
            return Ok(Arrival::Stale);
        }
        let Some(record) = record else {
            self.stats.absent_loads += 1;
            self.absent.add(at, key);
            return Ok(Arrival::Absent);
        };
        let (value, deadline) = record::decode_value(key, record, limits)?;
        self.stats.loads += 1;
        let mut record = crate::keyspace::record::Record::new(key, value, deadline, clock);
        record.set_clean(true);
        self.came(at.0, record.memory());
        keyspace.db_mut(index).insert(hash, record);
        Ok(Arrival::Came)
    }

    /// A read has ended, well or not; whether the key is dirty. `there`: whether the store has it, where that is known.
    pub fn end_load(&mut self, at: At, key: &[u8], there: Option<bool>) -> bool {
        self.requeue_postponed();
        let Some(entry) = self.keys.get_mut(at, key) else { return false };
        self.loading -= usize::from(core::mem::take(&mut entry.load));
        let dirty = entry.is_dirty();
        if let (Some(there), Stored::Unknown, true) = (there, entry.stored, dirty) {
            entry.stored = if there { Stored::There } else { Stored::Absent };
            let space = self.spaces.entry(at.0).or_default();
            space.unknown = space.unknown.saturating_sub(1);
            space.delta += entry.contribution().0;
        }
        self.keys.tidy(at, key);
        dirty
    }
}
