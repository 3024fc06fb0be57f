//! Keys that come into memory and leave it again.

use super::{StoreDone, StoreJob, StoreKey, StoreRead, StoreStep, TRIES};
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::evict::Rules;
use crate::session::SessionId;
use crate::store::{Arrival, At};
use crate::waiters::DbKey;
use crate::words::config::MaxmemoryPolicy;
use crate::words::error::as_sent;
use crate::words::reach::SERVER;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter;

/// Bytes of records with which a job ends, and as a part of the cache.
const READ_AT_ONCE: usize = 64 << 10;
const READ_PART: usize = 64;

impl Engine {
    /// Asks for a key, for a session that waits for it.
    pub(super) fn want_key(&mut self, key: &DbKey, who: SessionId) {
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let (at, _) = store.want(key.0, &key.1);
        self.store.waiting.entry(at).or_default().push((key.1.clone(), who));
    }

    /// Tells that this host reads up to so many records in one job, where so many wait: a job costs as much as reading a small
    /// record does.
    pub fn reads_together(&mut self, most: usize) {
        self.store.reads_together = most;
    }

    /// How many of the loads that wait go into one job, if so many more jobs may go.
    fn load_share(&self, jobs: usize) -> usize {
        let waiting =
            self.data.store.as_deref().filter(|_| SERVER).map_or(1, crate::store::Cache::waiting_loads);
        waiting.div_ceil(jobs).min(self.store.reads_together)
    }

    /// Hands the next loads to the store, which may have so many more jobs.
    pub(super) fn start_load(&mut self, jobs: usize) -> bool {
        let share = self.load_share(jobs);
        if SERVER && share > 1 {
            // Records are in memory twice while they come.
            let bytes = READ_AT_ONCE.min(self.cache_limit() / READ_PART);
            let store = self.data.store.as_deref_mut();
            let next = store.into_iter().flat_map(|store| iter::from_fn(|| store.next_load()).take(share));
            let keys = next.map(|((db, place), key)| StoreKey { db, place, key: key.into_vec() }).collect();
            self.push_store(StoreStep::Loads, StoreJob::ReadMany { keys, bytes });
            return true;
        }
        let next = self.data.store.as_deref_mut().and_then(crate::store::Cache::next_load);
        let Some((at, key)) = next else { return false };
        let number = self.store.next_read;
        self.store.next_read = number.wrapping_add(1);
        let job = StoreJob::Read { db: at.0, key: key.to_vec() };
        self.store.reads.insert(number, (at, key));
        self.push_store(StoreStep::Load(number), job);
        true
    }

    /// A key was read, or could not be: those that wait for it go on.
    pub(super) fn load_done(&mut self, number: u32, done: Done) {
        let Some((at, key)) = self.store.reads.remove(&number) else { return };
        let outcome = match done {
            Done::Store(StoreDone::Record(record)) => Ok(record),
            Done::Failed(error) => Err(error.text),
            _ => Err(String::from("the store gave an answer to another question")),
        };
        self.key_came(at, &key, outcome);
        self.wake_counting();
    }

    /// As [`Engine::load_done`], for all keys of a job that were read. Each makes room for the next. The others go before what waits.
    pub(super) fn loads_done(&mut self, done: Done) {
        let Done::Store(StoreDone::Records { read, unread }) = done else { return };
        if let Some(store) = self.data.store.as_deref_mut() {
            let again = unread.into_iter().rev().map(|key| ((key.db, key.place), key.key.into()));
            again.for_each(|load| store.load_next(load));
        }
        for StoreRead { key, record } in read {
            self.key_came((key.db, key.place), &key.key, record.map_err(|error| error.text));
            self.relieve_cache();
        }
        self.wake_counting();
    }

    fn key_came(&mut self, at: At, key: &[u8], outcome: Result<Option<Vec<u8>>, String>) {
        let failure = match outcome {
            Ok(record) => self.take_record(at, key, record.as_deref()),
            Err(text) => {
                self.end_failed_load(at, key);
                Some(text)
            }
        };
        let mut waiting = self.store.waiting.remove(&at).unwrap_or_default();
        let others: Vec<(Box<[u8]>, SessionId)> = waiting.extract_if(.., |(k, _)| **k != *key).collect();
        if !others.is_empty() {
            self.store.waiting.insert(at, others);
        }
        let failure = failure.map(|reason| {
            let name = as_sent(key);
            ["IOERR the key '", &name, "' cannot be read from the diskstore: ", &reason].concat()
        });
        let index = self.data.store.as_deref().and_then(|store| store.catalog.index(at.0));
        for (_, who) in waiting {
            let key = index.filter(|_| SERVER && failure.is_some()).map(|index| (index, Box::from(key)));
            self.arrived_for(who, failure.as_deref(), key);
        }
    }

    fn take_record(&mut self, at: At, key: &[u8], record: Option<&[u8]>) -> Option<String> {
        let data = &mut self.data;
        let clock = data.access.fresh(self.now);
        let store = data.store.as_deref_mut()?;
        match store.arrived(at, key, record, &mut data.keyspace, &data.limits, clock) {
            Ok(Arrival::Came | Arrival::Absent | Arrival::Stale) => None,
            Err(bad) => {
                store.stats.failed_reads += 1;
                Some(String::from(bad.text()))
            }
        }
    }

    fn end_failed_load(&mut self, at: At, key: &[u8]) {
        if let Some(store) = self.data.store.as_deref_mut() {
            store.end_load(at, key, None);
            store.stats.failed_reads += 1;
        }
    }

    /// Lets the best clean key leave; false where none may.
    pub(super) fn evict_clean(&mut self) -> bool {
        let rules = Rules {
            policy: MaxmemoryPolicy::AllkeysLru,
            samples: self.server.config.maxmemory_samples as usize,
            access: self.data.access,
            now: self.now,
            clean_only: true,
        };
        for _ in 0..TRIES {
            let data = &mut self.data;
            let Some(victim) = self.store.pool.choose(&data.keyspace, &rules, &mut data.rng) else {
                return false;
            };
            if self.evict_key(&victim) {
                return true;
            }
        }
        false
    }

    /// Lets a clean key leave unless it has to stay.
    fn evict_key(&mut self, victim: &DbKey) -> bool {
        let data = &mut self.data;
        let Some(store) = data.store.as_deref_mut() else { return false };
        let at = store.at(victim.0, &victim.1);
        let hash = data.keyspace.hash(&victim.1);
        let database = data.keyspace.db_mut(victim.0);
        let slot = database.find(hash, &victim.1).filter(|slot| database.get(*slot).is_clean());
        let Some(slot) = slot else { return false };
        if self.store.pins.contains_key(victim) || store.holds(at, &victim.1) {
            return false;
        }
        let record = database.remove(slot);
        store.left(at.0, record.memory());
        store.stats.evicted += 1;
        true
    }

    /// DEBUG FLUSHCACHE.
    pub(super) fn evict_every_clean_key(&mut self) {
        let clean = |(index, database): (usize, &crate::keyspace::database::Database)| {
            let keys = database.iter().filter(|record| record.is_clean());
            keys.map(|record| (index, Box::from(record.key()))).collect::<Vec<DbKey>>()
        };
        let victims: Vec<DbKey> = self.data.keyspace.iter().flat_map(clean).collect();
        for victim in &victims {
            self.evict_key(victim);
        }
    }
}
