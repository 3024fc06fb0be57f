//! Diskstore's sequence: what is read and for whom, what is written and when, who waits for what. The books are kept in the
//! room `store`, which does no more than that.

mod hold;
mod import;
mod jobs;
mod loads;
mod plan;
mod run;
mod saves;
mod snapshot;
mod start;
mod throttle;
mod walks;

pub use jobs::{StoreDone, StoreEntry, StoreJob, StoreKey, StoreRead};

use super::Engine;
use super::jobs::{Done, Job, Owner};
use super::parts::{StoreFilesPart, StorePart};
use crate::evict::Pool;
use crate::session::SessionId;
use crate::store::{At, Cache, Prepared};
use crate::types::codec::{Encoder, NEWEST_VERSION};
use crate::waiters::DbKey;
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

/// Batches on their way at once, so that the store need not wait for the next one.
const MOST_WRITES: usize = 3;
/// Without `cache-max-memory` dirty data may take so many bytes.
const UNLIMITED_SHARE: usize = 64 << 20;
/// Keys that have to stay are passed over so often before it is taken that none may go.
const TRIES: usize = 64;
/// The negative cache may take this part of the cache.
const ABSENT_PART: usize = 16;

/// What a job on the store was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreStep {
    Count,
    Catalog,
    Load(u32),
    Loads,
    Write(u32),
    Sync,
    Clear(u32),
    Page(u32),
    Sweep,
    Snapshot(u32),
    Import(u32),
}

/// Writes end in the order in which they were handed over, whenever their ends are told: how many keys a database has is as of
/// the last one, and an older count in its place made a database with keys pass for an empty one.
#[derive(Debug, Default)]
struct InOrder {
    handed: u32,
    next: u32,
    early: OrderedMap<u32, (StoreStep, Done)>,
}

impl InOrder {
    /// The number of the next write that is handed over.
    fn number(&mut self) -> u32 {
        let number = self.handed;
        self.handed = number.wrapping_add(u32::from(SERVER));
        number
    }

    /// The next write whose turn it is to have ended.
    fn pop(&mut self) -> Option<(StoreStep, Done)> {
        let next = self.early.remove(&self.next)?;
        self.next = self.next.wrapping_add(1);
        Some(next)
    }
}

/// How far the start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// There is no store, or it was not opened yet.
    #[default]
    Off,
    /// So many answers are still to come.
    Opening(u8),
    Open,
    /// The server's end waits until everything is saved.
    Closing,
    Closed,
}

/// A key that a session waits for.
type Waiter = (Box<[u8]>, SessionId);

/// The engine's side of the store.
#[derive(Debug, Default)]
pub(super) struct Store {
    stage: Stage,
    /// Jobs and, of these, writes that the host has.
    open: usize,
    writes: usize,
    ended: InOrder,
    /// Keys that are being read, by number, and who waits for each.
    reads: OrderedMap<u32, (At, Box<[u8]>)>,
    next_read: u32,
    /// Jobs that load which went since another one did, and whether that was a page of a walk.
    ahead: usize,
    page_went: bool,
    /// Records that the host reads in one job.
    reads_together: usize,
    waiting: OrderedMap<At, Vec<Waiter>>,
    walks: walks::Walks,
    /// Sessions that wait until the store knows how many keys a database has.
    counting: Vec<(u32, SessionId)>,
    /// Sessions that wait until a change is in the store.
    drains: Vec<(u64, SessionId)>,
    /// What walks found for sessions that wait for other things too.
    prepared: OrderedMap<SessionId, Vec<Prepared>>,
    /// Writers that wait for the store, with the hour in microseconds.
    throttled: VecDeque<(SessionId, u64)>,
    /// Sessions with replies that wait until a change is durable.
    held: VecDeque<(u64, SessionId)>,
    released: Vec<SessionId>,
    /// When what failed is tried again.
    retry_at: Option<UnixMillis>,
    /// Who asked for the end that waits until all is saved.
    closed_by: Option<SessionId>,
    unsynced: bool,
    syncing: bool,
    last_sync: UnixMillis,
    clearing: Option<u32>,
    /// The hour of the last tick, and the change up to which all are due since the clock was set back.
    ticked: UnixMillis,
    overdue: u64,
    /// The change up to which all were saved when sessions that wait for that were last looked for.
    told: u64,
    /// Until then write-behind waits, whatever is due.
    spares_until: UnixMillis,
    /// The snapshot that is being written, and how many there were.
    snapshot: Option<Box<snapshot::StoreSnapshot>>,
    snapshots: u32,
    /// A file that is being loaded.
    import: Option<Box<import::Import>>,
    encoder: Option<Box<Encoder>>,
    pool: Pool,
    /// What there is to plan for each command.
    classes: Vec<plan::Class>,
    /// The command that is planned was planned before.
    again: bool,
    /// The command that is planned has waited for its turn to write.
    has_its_turn: bool,
    /// Keys that stay in memory for commands that wait, with how many do.
    pins: OrderedMap<DbKey, usize>,
    /// So many times no key is looked for that may leave, as all were found to stay.
    spared: usize,
    /// Bytes that the negative cache keeps beyond its bound for commands that wait; as many again may come before it is looked at.
    absent_left: usize,
}

static PART: StorePart = StorePart {
    tick: Engine::tick_store,
    pump: Engine::pump_store,
    refusal: Engine::store_refusal,
    plan: Engine::plan_store,
    park: Engine::park_for_keys,
    ran: Engine::store_ran,
    leave: Engine::leave_store,
    let_go: Engine::evict_clean,
    run_ready: Engine::run_ready_of_store,
    release_pending: Engine::release_unheld,
    begin_closing: Engine::begin_closing_store,
    job_done: Engine::store_job_done,
    files: if SERVER { Some(&FILES) } else { None },
};

static FILES: StoreFilesPart = StoreFilesPart {
    plan_next: Engine::plan_blocked,
    note_missing: Engine::note_unknown,
    load_ahead: Engine::load_keys_ahead,
    begin_snapshot: Engine::begin_store_snapshot,
    end_snapshot: Engine::end_store_snapshot,
    begin_import: Engine::begin_import,
    import_keys: Engine::import_keys,
    import_has_room: Engine::import_has_room,
    import_whole: Engine::import_whole,
    abandon_import: Engine::abandon_import,
    adopt_import: Engine::adopt_import,
};

impl Engine {
    /// Tells that this host carries out [`StoreJob`]s: the dataset lies in its store, and memory is a cache over that.
    /// `place` gives each key its number in the order of the store's walks: [`store_place`](crate::store_place) for most.
    #[cfg(feature = "store")]
    pub fn carries_store(&mut self, place: fn(&[u8]) -> u64) {
        let databases = self.data.keyspace.count();
        self.data.store = Some(Box::new(Cache::new(databases, place)));
        self.store.encoder = Some(Box::new(Encoder::new(NEWEST_VERSION, false)));
        self.parts.store = Some(&PART);
        self.classify();
        self.open_store();
    }

    /// Tells what the store holds in memory; for INFO, as often as the host knows.
    #[cfg(feature = "store")]
    pub fn notice_store_memory(&mut self, held: crate::store::StoreMemory) {
        if let Some(store) = self.data.store.as_deref_mut() {
            store.held_by_store = held;
        }
    }

    /// Whether the cache's books are true; for tests, between commands: not while a transaction stands still.
    ///
    /// # Errors
    /// What is booked otherwise than it is.
    pub fn audit_store(&self) -> Result<(), String> {
        let store = self.data.store.as_deref().filter(|_| !self.stands_still());
        store.map_or(Ok(()), |store| store.audit(&self.data.keyspace))
    }

    /// Why the store takes no writes now, if it takes none.
    pub fn store_error(&self) -> Option<&str> {
        self.data.store.as_deref()?.error.as_deref()
    }

    /// Bytes that the cache may take.
    fn cache_limit(&self) -> usize {
        match self.server.config.cache_max_memory {
            0 => usize::MAX,
            limit => limit as usize,
        }
    }

    /// Bytes that dirty data may take of it.
    fn dirty_share(&self) -> usize {
        match self.cache_limit() {
            usize::MAX => UNLIMITED_SHARE,
            limit => limit / 2,
        }
    }

    /// Whether writes wait until the store has them.
    fn writes_through(&self) -> bool {
        self.server.config.cache_flush_delay == 0
    }

    fn push_store(&mut self, step: StoreStep, job: StoreJob) {
        self.store.open += 1;
        self.jobs.push(Owner::Store(step), Job::Store(job));
    }

    /// Hands jobs to the store, as many as it may have; loads go first.
    pub(super) fn pump_store(&mut self) {
        if self.data.store.is_none() || matches!(self.store.stage, Stage::Off | Stage::Opening(_)) {
            return;
        }
        self.settle_store();
        if SERVER {
            self.tell_saved();
            self.step_store_snapshot();
            self.step_import();
        }
        // A snapshot's page is one job more, so that neither stands in the other's way; and so is a database that is cleared.
        let walks = self.store.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_reading());
        let more = usize::from(walks) + usize::from(SERVER && self.store.clearing.is_some());
        let most = self.server.config.cache_io_jobs.max(1) as usize + more;
        while self.store.open < most && self.start_job(most) {}
        self.relieve_cache();
        self.release_throttled();
    }

    /// A change whose key went again before it was saved is paid without a write: whoever waits for it hears of it here.
    fn tell_saved(&mut self) {
        let saved = self.data.store.as_deref().map_or(0, |store| store.progress().1);
        if core::mem::replace(&mut self.store.told, saved) != saved {
            self.release_durable();
            self.wake_drained();
            self.end_if_closed();
        }
    }

    /// Hands a job to the store if there is one. Loads go ahead; but after as many of them as there may be jobs another one goes that they
    /// passed over: many clients that read must not stop those that write or walk.
    fn start_job(&mut self, most: usize) -> bool {
        // A chip does one thing after another.
        if !SERVER {
            return self.start_load(1) || self.start_page() || self.start_write();
        }
        let is_due = self.store.ahead >= most;
        if !is_due && self.start_load(most - self.store.open) {
            self.store.ahead += 1;
            return true;
        }
        self.store.ahead = 0;
        let write_first = mem::take(&mut self.store.page_went);
        let began = (write_first && self.start_write()) || self.begin_page() || self.start_write();
        began || (is_due && self.start_load(most - self.store.open))
    }

    fn begin_page(&mut self) -> bool {
        self.store.page_went = self.start_page();
        self.store.page_went
    }

    /// Takes what came of a job on the store.
    pub(super) fn store_job_done(&mut self, step: StoreStep, done: Done) {
        self.store.open -= 1;
        match step {
            StoreStep::Count | StoreStep::Catalog => self.store_opened(step, done),
            StoreStep::Load(number) => self.load_done(number, done),
            StoreStep::Loads if SERVER => self.loads_done(done),
            StoreStep::Write(number) | StoreStep::Import(number) if SERVER => {
                self.write_ended(number, step, done);
            }
            // A chip's end in order.
            StoreStep::Write(_) => self.write_done(done),
            StoreStep::Sync => self.store_synced(&done),
            StoreStep::Clear(db) => self.store_cleared(db, &done),
            StoreStep::Page(walk) => self.page_done(walk, done),
            StoreStep::Sweep => self.sweep_done(done),
            StoreStep::Snapshot(number) if SERVER => self.snapshot_page_done(number, done),
            // Nothing begins them.
            StoreStep::Loads | StoreStep::Import(_) | StoreStep::Snapshot(_) => {}
        }
        self.release_throttled();
        self.pump_store();
    }

    fn write_ended(&mut self, number: u32, step: StoreStep, done: Done) {
        self.store.ended.early.insert(number, (step, done));
        while let Some((step, done)) = self.store.ended.pop() {
            match step {
                StoreStep::Import(number) => self.import_written(number, done),
                _ => self.write_done(done),
            }
        }
    }

    /// What is due once a tick.
    pub(super) fn tick_store(&mut self) {
        if SERVER {
            self.follow_clock();
        }
        if self.store.retry_at.is_some_and(|at| at <= self.now) {
            self.store.retry_at = None;
        }
        self.sync_if_due();
        self.clear_doomed();
        self.sweep_on();
        self.release_throttled();
        self.pump_store();
    }

    /// Enters what was changed since the last call; the number of the change, where there was one. A transaction that stands still
    /// is one change, which is not there yet.
    pub(super) fn settle_store(&mut self) -> Option<u64> {
        if self.stands_still() { None } else { self.settle_changes() }
    }

    /// Whether a transaction that has begun waits for a key. On a small chip none does.
    pub(super) fn stands_still(&self) -> bool {
        SERVER && self.exclusive.is_some()
    }

    fn settle_changes(&mut self) -> Option<u64> {
        let data = &mut self.data;
        let store = data.store.as_deref_mut()?;
        store.settle(&mut data.keyspace, self.now).then(|| store.progress().0)
    }

    /// Lets clean keys leave while the cache is over its limit.
    pub(super) fn relieve_cache(&mut self) {
        let limit = self.cache_limit();
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let bound = (limit / ABSENT_PART).min(UNLIMITED_SHARE);
        if store.absent.bytes() > bound.max(2 * self.store.absent_left) {
            let pins = &self.store.pins;
            let index = |db| store.catalog.index(db);
            store.absent.shrink(bound, |at, key| {
                index(at.0).is_some_and(|index| pins.contains_key(&(index, Box::from(key))))
            });
            let left = store.absent.bytes();
            self.store.absent_left = if SERVER && left > bound { left } else { 0 };
        }
        if mem::take(&mut store.evict_all) {
            self.evict_every_clean_key();
        }
        while self.data.store.as_ref().is_some_and(|store| store.used() > limit) {
            if SERVER && self.store.spared > 0 {
                self.store.spared -= 1;
                break;
            }
            if !self.evict_clean() {
                // A command that waits for many keys: with each that comes those that are there already would be looked at again.
                self.store.spared = if SERVER && self.store.pins.len() > TRIES { TRIES } else { 0 };
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Done, InOrder, StoreStep};
    use alloc::vec::Vec;

    /// The ends of two writes were told the other way round: the older one's count of keys made a database with a key pass for an
    /// empty one, and the key was not looked for.
    #[test]
    fn writes_end_in_their_order_whenever_that_is_told() {
        let mut writes = InOrder::default();
        let numbers: Vec<u32> = (0..3).map(|_| writes.number()).collect();
        let told = |writes: &mut InOrder, number: u32| {
            writes.early.insert(number, (StoreStep::Write(number), Done::Finished));
            core::iter::from_fn(|| writes.pop().map(|(step, _)| step)).collect::<Vec<_>>()
        };
        assert_eq!(told(&mut writes, numbers[1]), []);
        assert_eq!(told(&mut writes, numbers[0]), [StoreStep::Write(0), StoreStep::Write(1)]);
        assert_eq!(told(&mut writes, numbers[2]), [StoreStep::Write(2)]);
    }
}
