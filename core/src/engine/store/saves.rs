//! Batches on their way to the store, and what becomes of them.

use super::{MOST_WRITES, Stage, StoreDone, StoreJob, StoreStep};
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::server::Request;
use crate::store::Bounds;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::string::String;

/// What bounds a batch.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_KEYS: usize = 4096;
/// After a failure the store is left alone for so many milliseconds.
const RETRY_PERIOD: UnixMillis = 1_000;

impl Engine {
    /// Tells that the store is to be spared until then: what waits for `cache-flush-delay` waits longer. Where replies wait for
    /// their writes, or dirty data takes a quarter of the cache, it changes nothing.
    pub fn spare_store(&mut self, until: UnixMillis) {
        self.store.spares_until = until;
    }

    /// Whether changes go as soon as they can, whatever `cache-flush-delay` says.
    fn is_urgent(&self) -> bool {
        let Some(store) = self.data.store.as_deref() else { return false };
        let saved = store.progress().1;
        // After a failure what waits shows when the store works again.
        store.error.is_some()
            || store.dirty_bytes() > self.dirty_share() / 2
            || !self.store.throttled.is_empty()
            || SERVER && (!self.store.held.is_empty() || saved < self.store.overdue)
            || !self.store.counting.is_empty()
            || !self.store.drains.is_empty()
            || self.store.stage == Stage::Closing
            || self.store.snapshot.as_ref().is_some_and(|snapshot| snapshot.drains(saved))
    }

    /// The clock was set back: what waits since an hour that is still to come is due now.
    pub(super) fn follow_clock(&mut self) {
        let before = core::mem::replace(&mut self.store.ticked, self.now);
        if self.now >= before {
            return;
        }
        self.store.overdue = self.data.store.as_deref().map_or(0, |store| store.progress().0);
        self.store.retry_at = self.store.retry_at.map(|at| at.min(self.now + RETRY_PERIOD));
        self.store.last_sync = self.store.last_sync.min(self.now);
    }

    /// Changes from before this hour are due.
    fn due_before(&self) -> UnixMillis {
        let delay = self.server.config.cache_flush_delay.saturating_mul(1000);
        if delay == 0 || self.is_urgent() {
            UnixMillis::MAX
        } else if delay > 0 && self.now < self.store.spares_until {
            UnixMillis::MIN
        } else {
            self.now.saturating_sub(delay)
        }
    }

    /// Hands the next batch to the store; false: none may go now.
    pub(super) fn start_write(&mut self) -> bool {
        // Whoever began to wait while every write was awaited still does.
        let through = self.writes_through() || SERVER && !self.store.held.is_empty();
        // Where every write is awaited, what comes while one is made durable goes together with the next.
        let most = if through { 1 } else { MOST_WRITES };
        // Half of a transaction must not be saved.
        if self.store.writes >= most || self.store.retry_at.is_some() || self.stands_still() {
            return false;
        }
        let failed = self.data.store.as_ref().is_some_and(|store| store.error.is_some());
        if failed && self.store.writes > 0 {
            return false;
        }
        let before = self.due_before();
        let data = &mut self.data;
        let (Some(store), Some(encoder)) = (data.store.as_deref_mut(), self.store.encoder.as_deref_mut())
        else {
            return false;
        };
        // A batch that waits for a durable end takes all there is.
        let bytes = if through { BATCH_BYTES * 16 } else { BATCH_BYTES };
        let bounds = Bounds { before, bytes, keys: if through { usize::MAX } else { BATCH_KEYS } };
        let Some(batch) = store.next_batch(&data.keyspace, encoder, bounds) else { return false };
        self.store.writes += 1;
        let number = self.store.ended.number();
        self.push_store(StoreStep::Write(number), StoreJob::Write { batch, durable: through });
        true
    }

    pub(super) fn write_done(&mut self, done: Done) {
        self.store.writes -= 1;
        let data = &mut self.data;
        let Some(store) = data.store.as_deref_mut() else { return };
        match done {
            Done::Store(StoreDone::Written { batch, counts }) => {
                store.written(&batch, &counts, &mut data.keyspace);
                self.store.unsynced |= self.server.config.cache_flush_delay != 0;
                self.note_store_success();
                self.release_durable();
            }
            Done::Store(StoreDone::Unwritten { batch, error }) => {
                store.unwritten(&batch);
                self.note_store_failure(&error.text);
                self.refuse_held(&error.text);
            }
            Done::Failed(error) => self.note_store_failure(&error.text),
            _ => {}
        }
        self.wake_counting();
        self.wake_drained();
        self.end_if_closed();
    }

    /// The store does not work: writes are refused until it does.
    pub(super) fn note_store_failure(&mut self, text: &str) {
        self.store.retry_at = Some(self.now + RETRY_PERIOD);
        let Some(store) = self.data.store.as_deref_mut() else { return };
        if store.error.replace(String::from(text)).is_none() {
            self.tell(|_| Request::Log(["Error writing to the diskstore: ", text].concat()));
        }
    }

    /// The store works: if it did not, writes are taken again.
    pub(super) fn note_store_success(&mut self) {
        if self.data.store.as_deref_mut().is_some_and(|store| store.error.take().is_some()) {
            // What failed meanwhile goes at once: while a load has the engine to itself no tick would end the pause.
            self.store.retry_at = None;
            self.tell(|_| Request::Log(String::from("The diskstore takes writes again.")));
        }
    }

    /// Whether the store failed, and nothing waits to be saved that could tell when it works again.
    pub(super) fn must_try_store(&self) -> bool {
        let failed = self.data.store.as_deref().filter(|store| store.error.is_some());
        self.store.writes == 0
            && failed.is_some_and(|store| {
                let (last, saved) = store.progress();
                last == saved
            })
    }

    /// Sessions that wait for a number of keys go on when it is known.
    pub(super) fn wake_counting(&mut self) {
        let Some(store) = self.data.store.as_deref_mut() else { return };
        // Where nothing can be saved, nobody waits for it.
        let broken = store.error.is_some();
        let counting = core::mem::take(&mut self.store.counting);
        let (known, rest) = counting.into_iter().partition(|(db, _)| broken || store.space(*db).unknown == 0);
        self.store.counting = rest;
        // Until the others have run too: what went before them would make the number unknown again.
        let has_run = known.is_empty() && self.ready_again.is_empty();
        store.no_blind = !self.store.counting.is_empty() || SERVER && !has_run;
        for (_, who) in known {
            self.arrived_for(who, None, None);
        }
    }

    /// Sessions that wait until everything is saved go on when it is.
    pub(super) fn wake_drained(&mut self) {
        let Some(store) = self.data.store.as_deref() else { return };
        let (saved, broken) = (store.progress().1, store.error.clone());
        let drains = core::mem::take(&mut self.store.drains);
        let (done, rest) = drains.into_iter().partition(|(seq, _)| broken.is_some() || *seq <= saved);
        self.store.drains = rest;
        let failure = broken.map(|reason| ["IOERR Errors writing to the diskstore: ", &reason].concat());
        for (_, who) in done {
            self.arrived_for(who, failure.as_deref(), None);
        }
    }
}
