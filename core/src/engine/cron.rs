//! The hour: waits that end, keys that expire, garbage that is freed in slices, idle clients that are closed.

use super::Engine;
use crate::types::Value;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// Elements of large values freed in one call.
const FREED_AT_ONCE: usize = 4096;
/// While garbage waits the engine wants to be called again after so many milliseconds.
const GARBAGE_PAUSE: UnixMillis = 1;
/// While a transaction waits for a value, nothing else is due for so many milliseconds.
const EXCLUSIVE_PAUSE: UnixMillis = 10;

impl Engine {
    /// Does what is due at `now`: ends waits, runs the expiry cycle, frees garbage. Bounded by the budgets of the
    /// configuration: 25 % of a period of 1/`hz` for expiry, 4096 elements for garbage, a quarter of a millisecond for a
    /// snapshot (10 ms if somebody waits for it).
    pub fn handle_timeout(&mut self, now: UnixMillis) {
        self.now = now;
        if self.exclusive.is_some() {
            return;
        }
        self.run_supplied();
        self.expire_waits();
        if SERVER && self.server.pause.is_some() {
            self.end_pause();
            if self.exclusive.is_some() {
                return;
            }
        }
        self.free_garbage();
        if self.has_long_work()
            && let Some(snapshots) = self.parts.snapshots()
        {
            (snapshots.step)(self);
        }
        let set_back = SERVER && self.next_cron - now > self.period();
        if set_back {
            self.follow_clock_back();
        }
        if now >= self.next_cron || set_back {
            self.next_cron = now + self.period();
            self.cron();
        }
        self.resume_sessions();
    }

    /// When [`Engine::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> UnixMillis {
        if self.exclusive.is_some() {
            return self.now + EXCLUSIVE_PAUSE;
        }
        if !self.ready_again.is_empty() {
            return self.now;
        }
        let mut at = self.next_cron;
        if let Some(&(deadline, _)) = self.timers.first() {
            at = at.min(deadline);
        }
        if SERVER && let Some((_, until)) = self.server.pause {
            at = at.min(until);
        }
        if !self.data.garbage.is_empty() || !self.data.garbage_databases.is_empty() {
            at = at.min(self.now + GARBAGE_PAUSE);
        }
        let snapshot = self.parts.snapshots().and_then(|part| (part.due)(self));
        snapshot.map_or(at, |due| at.min(due))
    }

    /// The clock was set back: what was last done in an hour that is still to come was done now, and what is to be tried again in one
    /// is tried now.
    fn follow_clock_back(&mut self) {
        let now = self.now;
        let persistence = &mut self.server.persistence;
        persistence.last_save = persistence.last_save.min(now);
        persistence.last_try = persistence.last_try.min(now);
        persistence.aof.last_failure = persistence.aof.last_failure.map(|at| at.min(now));
        self.journal.follow_clock_back(now);
        self.traffic.follow_clock_back(now);
    }

    fn period(&self) -> UnixMillis {
        1000 / self.server.config.hz.clamp(1, 500)
    }

    fn cron(&mut self) {
        if let Some(journal) = self.parts.journal() {
            (journal.tick)(self);
        }
        if SERVER && self.server.loading {
            self.close_idle_sessions();
            return;
        }
        if let Some(paging) = self.parts.paging() {
            (paging.tick)(self);
        }
        if let Some(store) = self.parts.store() {
            (store.tick)(self);
        }
        if self.server.active_expire {
            self.expire_for(self.period() as u64 * 1000 / 4);
        }
        // A host remembers the peak of what it is asked for.
        (self.server.host.peak_memory)();
        if SERVER {
            let stats = &self.server.stats;
            let counters = [stats.commands, stats.input_bytes, stats.output_bytes];
            self.server.rates.sample((self.server.host.monotonic)(), counters);
            self.close_idle_sessions();
            if self.server.config.maxmemory_clients != 0 {
                self.evict_clients();
            }
        }
        if let Some(snapshots) = self.parts.snapshots() {
            (snapshots.save_if_due)(self);
        }
        self.make_room();
    }

    /// Frees a bounded part of what was removed.
    fn free_garbage(&mut self) {
        let mut budget = FREED_AT_ONCE;
        while budget > 0 {
            let Some(value) = self.data.garbage.last_mut() else { break };
            if free_part(value, budget) {
                self.data.garbage.pop();
                self.server.stats.freed_lazily += 1;
            } else {
                budget = 0;
            }
            budget = budget.saturating_sub(64);
        }
        if budget == FREED_AT_ONCE
            && self.data.garbage_databases.last_mut().is_some_and(|db| db.free_some(FREED_AT_ONCE))
        {
            self.data.garbage_databases.pop();
            self.server.stats.freed_lazily += 1;
        }
    }

    fn close_idle_sessions(&mut self) {
        let idle = self.server.config.timeout * 1000;
        let now = self.now;
        let mut over = Vec::new();
        for session in self.peers.iter_mut() {
            let exempt = session.blocked.is_some() || session.subscriptions() > 0 || session.monitor;
            let too_idle = idle > 0 && !exempt && now - session.last_active > idle;
            if too_idle || self.server.over_output_limit(session, now) {
                session.close_now = true;
                over.push(session.id);
            }
        }
        for id in over {
            self.peers.notice(id);
        }
    }
}

impl Engine {
    /// Closes the clients that take the most memory until all together take no more than `maxmemory-clients`, but for those
    /// that CLIENT NO-EVICT spares.
    pub(super) fn evict_clients(&mut self) {
        let config = &self.server.config;
        let limit = match config.maxmemory_clients {
            percent @ ..0 => config.maxmemory.saturating_mul(-percent) / 100,
            bytes => bytes,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if limit == 0 {
            return;
        }
        let evictable = self.peers.iter().filter(|session| !session.no_evict && !session.close_now);
        let mut clients: Vec<_> = evictable.map(|session| (session.memory(), session.id)).collect();
        let mut total: usize = clients.iter().map(|(memory, _)| memory).sum();
        clients.sort_unstable();
        while total > limit
            && let Some((memory, id)) = clients.pop()
        {
            total -= memory;
            if let Some(session) = self.peers.get_mut(id) {
                session.close_now = true;
            }
            self.peers.notice(id);
            self.server.stats.evicted_clients += 1;
        }
        self.client_room = limit.saturating_sub(total);
    }
}

/// Frees about `budget` elements of a value; true when nothing is left of it.
fn free_part(value: &mut Value, budget: usize) -> bool {
    match value {
        Value::Str(_) => true,
        Value::List(v) => v.free_some(budget),
        Value::Set(v) => v.free_some(budget),
        Value::Hash(v) => v.free_some(budget),
        Value::Zset(v) => v.free_some(budget),
    }
}
