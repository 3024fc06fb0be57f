//! Commands about a whole database: SCAN, KEYS, RANDOMKEY and DBSIZE wait for the store's part of their answers; and the
//! sweep, which looks for keys whose time is over.

use super::{Stage, StoreDone, StoreJob, StoreStep};
use crate::db::Db;
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::session::SessionId;
use crate::store::{Cache, Prepared, record};
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Keys of a page of a walk over all keys.
const ALL_AT_ONCE: usize = 4096;
/// Keys among which a random one is chosen.
const RANDOM_OF: usize = 64;
/// Keys that the sweep looks at in one step.
const SWEPT_AT_ONCE: usize = 512;
/// After a round that met no key with a deadline the sweep rests for so many milliseconds, or until one that was saved since is over.
const SWEEP_REST: UnixMillis = 60_000;

/// What a command wants of the store beside keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Want {
    /// Some keys from a place on.
    Page { db: usize, from: u64, limit: usize },
    /// All keys.
    All { db: usize },
    /// Some keys from anywhere.
    Random { db: usize },
    /// How many keys there are.
    Count { db: usize },
    /// That everything be saved.
    Drain,
}

/// A walk for a session.
#[derive(Debug)]
struct Ask {
    who: SessionId,
    want: Want,
    from: u64,
    /// It was at the end once, and began at the other.
    wrapped: bool,
    found: Prepared,
}

/// Where the sweep is.
#[derive(Debug, Default)]
struct Sweep {
    index: usize,
    from: u64,
    walk: Option<u32>,
    /// This round met keys with deadlines.
    met: bool,
    rests_until: UnixMillis,
}

/// Walks that are under way.
#[derive(Debug, Default)]
pub(super) struct Walks {
    asks: OrderedMap<u32, Ask>,
    queue: VecDeque<u32>,
    sweep: Sweep,
}

impl Engine {
    /// Begins what a session wants; false: it is so already.
    pub(super) fn ask(&mut self, want: Want, who: SessionId) -> bool {
        let random = self.data.rng.next_u64();
        let Some(store) = self.data.store.as_deref_mut() else { return false };
        let (db, from) = match want {
            Want::Page { db, from, .. } => (db, from),
            Want::All { db } => (db, 0),
            Want::Random { db } => (db, random),
            Want::Count { db } => {
                store.no_blind = true;
                self.store.counting.push((store.catalog.of(db), who));
                return true;
            }
            Want::Drain => {
                let (last, saved) = store.progress();
                if saved < last {
                    self.store.drains.push((last, who));
                }
                return saved < last;
            }
        };
        let walk = store.begin_walk(store.catalog.of(db));
        let found = Prepared { walk, range: (from, Some(from)), entries: Vec::new() };
        self.store.walks.asks.insert(walk, Ask { who, want, from, wrapped: from == 0, found });
        self.store.walks.queue.push_back(walk);
        true
    }

    /// What of it the session does not have yet.
    pub(super) fn unprepared(&mut self, who: SessionId, mut wants: Vec<Want>) -> Vec<Want> {
        if self.store.again {
            wants.retain(|want| *want != Want::Drain);
        }
        let Some(store) = self.data.store.as_deref() else { return wants };
        let Some(prepared) = self.store.prepared.get(&who) else { return wants };
        let mut found = prepared.iter();
        let databases: Vec<u32> = wants.iter().filter_map(|want| want.walked(store)).collect();
        let good = databases.iter().all(|db| found.next().and_then(|p| store.walked(p.walk)) == Some(*db));
        if good && found.next().is_none() {
            return wants.into_iter().filter(|want| want.walked(store).is_none()).collect();
        }
        self.forget_walks(who);
        wants
    }

    /// Hands what the session waited for to its command.
    pub(super) fn bring_prepared(&mut self, who: SessionId) {
        let prepared = self.store.prepared.remove(&who).unwrap_or_default();
        if let Some(store) = self.data.store.as_deref_mut() {
            store.prepared = prepared.into();
        }
    }

    /// The command has run.
    pub(super) fn clear_prepared(&mut self) {
        if let Some(store) = self.data.store.as_deref_mut() {
            for number in core::mem::take(&mut store.used_walks) {
                store.end_walk(number);
            }
            for prepared in core::mem::take(&mut store.prepared) {
                store.end_walk(prepared.walk);
            }
        }
    }

    pub(super) fn forget_walks(&mut self, who: SessionId) {
        let Some(store) = self.data.store.as_deref_mut() else { return };
        for prepared in self.store.prepared.remove(&who).unwrap_or_default() {
            store.end_walk(prepared.walk);
        }
        self.store.walks.asks.retain(|walk, ask| {
            if ask.who == who {
                store.end_walk(*walk);
            }
            ask.who != who
        });
    }

    /// Hands the next page's job to the store.
    pub(super) fn start_page(&mut self) -> bool {
        let Some(walk) = self.store.walks.queue.pop_front() else { return false };
        let Some(ask) = self.store.walks.asks.get(&walk) else { return true };
        let Some(db) = self.data.store.as_deref().and_then(|store| store.walked(walk)) else { return true };
        let limit = match ask.want {
            Want::Page { limit, .. } => limit,
            Want::Random { .. } => RANDOM_OF,
            _ => ALL_AT_ONCE,
        };
        let job = StoreJob::Scan { db, from: ask.from, limit, record_bytes: record::HEAD };
        self.push_store(StoreStep::Page(walk), job);
        true
    }

    pub(super) fn page_done(&mut self, walk: u32, done: Done) {
        let Some(mut ask) = self.store.walks.asks.remove(&walk) else { return };
        let failure = match done {
            Done::Store(StoreDone::Page { entries, next }) => {
                let told = entries
                    .into_iter()
                    .filter_map(|entry| Some((entry.key.into_boxed_slice(), Cache::meta(&entry.record)?)));
                ask.found.entries.extend(told);
                ask.found.range.1 = next;
                None
            }
            Done::Failed(error) => Some(error.text),
            _ => Some("the store gave an answer to another question".into()),
        };
        if let Some(reason) = failure {
            let text = ["IOERR the diskstore cannot be read: ", &reason].concat();
            if let Some(store) = self.data.store.as_deref_mut() {
                store.stats.failed_reads += 1;
                store.end_walk(walk);
            }
            return self.arrived_for(ask.who, Some(&text), None);
        }
        if self.goes_on(&mut ask) {
            self.store.walks.asks.insert(walk, ask);
            self.store.walks.queue.push_back(walk);
            return;
        }
        // In the order in which they were begun: a longer one ends after those that were begun later.
        let found = self.store.prepared.entry(ask.who).or_default();
        found.insert(found.partition_point(|other| other.walk < walk), ask.found);
        self.arrived_for(ask.who, None, None);
    }

    fn still_walks(&self, walk: u32, index: usize) -> bool {
        let store = self.data.store.as_deref();
        store.is_some_and(|store| store.walked(walk) == Some(store.catalog.of(index)))
    }

    /// Whether the walk needs another page.
    fn goes_on(&self, ask: &mut Ask) -> bool {
        let next = ask.found.range.1;
        match ask.want {
            Want::All { .. } => {
                ask.from = next.unwrap_or(0);
                next.is_some()
            }
            // Flushed or exchanged meanwhile: it is asked for anew.
            Want::Random { db } if !self.still_walks(ask.found.walk, db) => false,
            Want::Random { db } => {
                let empty = self.data.store.as_deref().is_some_and(|store| {
                    store
                        .merged(&ask.found, db, &self.data.keyspace)
                        .iter()
                        .all(|(_, m)| m.is_expired(self.now))
                });
                // A second end after the first: there is nothing.
                let whole = next.is_none() && core::mem::replace(&mut ask.wrapped, true);
                ask.from = next.unwrap_or(0);
                if !empty {
                    return false;
                }
                // What has expired is of no use for what follows.
                ask.found.range.0 = if whole { 0 } else { ask.from };
                ask.found.entries.clear();
                !whole
            }
            _ => false,
        }
    }

    // ------------------------------------------------------------------------------------------ the sweep

    /// Looks at some more keys of the store for those whose time is over.
    pub(super) fn sweep_on(&mut self) {
        // In a pause they stay, and each that goes is a change that waits.
        if SERVER && (self.data.keep_expired || self.is_cache_full()) {
            return;
        }
        let sweep = &self.store.walks.sweep;
        let idle = self.store.stage == Stage::Open && sweep.walk.is_none();
        let Some(store) = self.data.store.as_deref_mut().filter(|store| store.error.is_none()) else {
            return;
        };
        let due = SERVER && store.soonest.is_some_and(|soonest| self.now > soonest);
        let rests = self.now < sweep.rests_until && !due;
        // A snapshot that is being written still has to find them.
        let must_stay = SERVER && store.instant.is_some();
        if !idle || rests || must_stay || !self.server.active_expire {
            return;
        }
        if (sweep.index, sweep.from) == (0, 0) {
            (store.soonest, self.store.walks.sweep.rests_until) = (None, 0);
        }
        let sweep = &self.store.walks.sweep;
        let (db, from) = (store.catalog.of(sweep.index), sweep.from);
        if store.space(db).count == 0 {
            return self.sweep_next_database();
        }
        self.store.walks.sweep.walk = Some(store.begin_walk(db));
        let job = StoreJob::Scan { db, from, limit: SWEPT_AT_ONCE, record_bytes: record::HEAD };
        self.push_store(StoreStep::Sweep, job);
    }

    fn sweep_next_database(&mut self) {
        let sweep = &mut self.store.walks.sweep;
        sweep.from = 0;
        sweep.index += 1;
        if sweep.index == self.data.keyspace.count() {
            sweep.index = 0;
            if !core::mem::take(&mut sweep.met) {
                sweep.rests_until = self.now + SWEEP_REST;
            }
        }
    }

    pub(super) fn sweep_done(&mut self, done: Done) {
        let Some(walk) = self.store.walks.sweep.walk.take() else { return };
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let db = store.walked(walk);
        let Done::Store(StoreDone::Page { entries, next }) = done else {
            store.end_walk(walk);
            return self.sweep_next_database();
        };
        let looked_at = entries.len();
        let told = entries.iter().filter_map(|entry| Some((&entry.key, Cache::meta(&entry.record)?)));
        let mut expired: Vec<Box<[u8]>> = Vec::new();
        for (key, meta) in told.filter(|(_, meta)| meta.deadline.is_some()) {
            self.store.walks.sweep.met = true;
            if meta.is_expired(self.now) && !store.holds(store.at_in(db.unwrap_or(0), key), key) {
                expired.push(key.as_slice().into());
            }
        }
        store.end_walk(walk);
        let index = db.and_then(|db| store.catalog.index(db));
        if let Some(index) = index {
            self.expire_stored(index, &expired);
        }
        match next {
            Some(next) if index == Some(self.store.walks.sweep.index) => self.store.walks.sweep.from = next,
            _ => self.sweep_next_database(),
        }
        // Where much has expired there is more: the next step need not wait for the tick.
        if expired.len() > looked_at / 4 {
            self.sweep_on();
        }
    }

    /// Removes keys that lie in the store alone and whose time is over.
    pub(super) fn expire_stored(&mut self, index: usize, keys: &[Box<[u8]>]) {
        for key in keys {
            Db { data: &mut self.data, index, now: self.now }.expire_stored(key);
        }
        self.after_removals();
        self.settle_store();
    }
}

impl Want {
    /// The database of the store that has to be walked for it, if one has.
    fn walked(&self, store: &Cache) -> Option<u32> {
        match self {
            Self::Page { db, .. } | Self::All { db } | Self::Random { db } => Some(store.catalog.of(*db)),
            Self::Count { .. } | Self::Drain => None,
        }
    }
}
