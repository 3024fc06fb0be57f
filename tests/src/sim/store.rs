//! A store under diskstore that lies in memory and does what its rules allow at the worst of times: jobs end late and in
//! any order, and it may fail.

use std::collections::BTreeMap;

use nuthatch_core::{
    Done, JobError, JobId, StoreDone, StoreEntry, StoreJob, StoreKey, StoreOp, StoreRead, store_place,
};

use super::Dice;

type Key = (u32, u64, Vec<u8>);

/// A job that the store has.
#[derive(Debug)]
struct Pending {
    id: JobId,
    job: Option<StoreJob>,
    done: Option<Done>,
}

/// The store.
#[derive(Debug, Default)]
pub(super) struct MemoryStore {
    records: BTreeMap<Key, Vec<u8>>,
    pending: Vec<Pending>,
    /// Jobs fail, some of them.
    pub(super) faulty: bool,
    /// Reads that were carried out.
    pub(super) reads: usize,
    /// The most that one job read.
    pub(super) read_together: usize,
}

pub(super) fn failure() -> JobError {
    JobError { missing: false, full: false, text: "Input/output error".to_owned() }
}

impl MemoryStore {
    pub(super) fn take(&mut self, id: JobId, job: StoreJob) {
        self.pending.push(Pending { id, job: Some(job), done: None });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// What a crash leaves: jobs that were not carried out are not.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
    }

    /// Carries out a job, or ends one that was carried out.
    pub(super) fn step(&mut self, dice: &mut Dice) -> Option<(JobId, Done)> {
        if self.pending.is_empty() {
            return None;
        }
        let at = dice.below(self.pending.len());
        if self.pending[at].done.is_some() {
            let Pending { id, done, .. } = self.pending.swap_remove(at);
            return done.map(|done| (id, done));
        }
        let is_write = |one: &Pending| matches!(one.job, Some(StoreJob::Write { .. }));
        // Writes are carried out in the order in which they came; `JobId`s rise.
        let at = if is_write(&self.pending[at]) {
            let writes = (0..self.pending.len()).filter(|i| is_write(&self.pending[*i]));
            writes.min_by_key(|i| self.pending[*i].id).unwrap_or(at)
        } else {
            at
        };
        let job = self.pending[at].job.take()?;
        self.pending[at].done = Some(self.carry_out(job, dice));
        None
    }

    pub(super) fn carry_out(&mut self, job: StoreJob, dice: &mut Dice) -> Done {
        let fails = self.faulty && dice.once_in(3);
        match job {
            StoreJob::Write { batch, .. } => self.write(batch, fails, dice),
            StoreJob::ReadMany { keys, .. } => {
                self.read_together = self.read_together.max(keys.len());
                // As many as this host cares to.
                let (mut keys, most) = (keys.into_iter(), 1 + dice.below(self.read_together));
                let read = keys.by_ref().take(most).map(|key| self.read_of_many(key, dice)).collect();
                Done::Store(StoreDone::Records { read, unread: keys.collect() })
            }
            _ if fails => Done::Failed(failure()),
            StoreJob::Count => Done::Store(StoreDone::Counts(self.counts())),
            StoreJob::Read { db, key } => {
                self.reads += 1;
                Done::Store(StoreDone::Record(self.records.get(&(db, store_place(&key), key)).cloned()))
            }
            StoreJob::Sync => Done::Store(StoreDone::Finished),
            StoreJob::Scan { db, from, limit, record_bytes } => self.scan(db, from, limit, record_bytes),
            StoreJob::Clear { db } => {
                self.records.retain(|(known, ..), _| *known != db);
                Done::Store(StoreDone::Finished)
            }
        }
    }

    /// Each key fails by itself.
    fn read_of_many(&mut self, key: StoreKey, dice: &mut Dice) -> StoreRead {
        self.reads += 1;
        let fails = self.faulty && dice.once_in(3);
        let record = self.records.get(&(key.db, key.place, key.key.clone())).cloned();
        StoreRead { key, record: if fails { Err(failure()) } else { Ok(record) } }
    }

    fn counts(&self) -> Vec<(u32, u64)> {
        let mut counts = BTreeMap::new();
        self.records.keys().for_each(|(db, ..)| *counts.entry(*db).or_default() += 1);
        counts.into_iter().collect()
    }

    fn write(&mut self, batch: Vec<StoreOp>, fails: bool, dice: &mut Dice) -> Done {
        if fails && dice.once_in(2) {
            return Done::Store(StoreDone::Unwritten { batch, error: failure() });
        }
        let mut changed = Vec::new();
        for op in &batch {
            let (StoreOp::Put { db, key, .. } | StoreOp::Delete { db, key }) = op;
            let place = (*db, store_place(key), key.clone());
            match op {
                StoreOp::Put { record, .. } => drop(self.records.insert(place, record.clone())),
                StoreOp::Delete { .. } => drop(self.records.remove(&place)),
            }
            changed.push(*db);
        }
        // It was made, and nobody can say so.
        if fails {
            return Done::Store(StoreDone::Unwritten { batch, error: failure() });
        }
        changed.sort_unstable();
        changed.dedup();
        let count = |db: &u32| {
            (*db, self.records.range((*db, 0, Vec::new())..(*db + 1, 0, Vec::new())).count() as u64)
        };
        let counts = changed.iter().filter(|db| **db != u32::MAX).map(count).collect();
        Done::Store(StoreDone::Written { batch, counts })
    }

    fn scan(&self, db: u32, from: u64, limit: usize, record_bytes: usize) -> Done {
        let mut entries: Vec<StoreEntry> = Vec::new();
        let mut next = None;
        let mut last = None;
        for ((known, place, key), record) in self.records.range((db, from, Vec::new())..) {
            if *known != db {
                break;
            }
            if entries.len() >= limit && last != Some(*place) {
                next = Some(*place);
                break;
            }
            last = Some(*place);
            let record = record[..record.len().min(record_bytes)].to_vec();
            entries.push(StoreEntry { key: key.clone(), record });
        }
        Done::Store(StoreDone::Page { entries, next })
    }
}
