//! Drives the expiry cycles: rounds of samples until the time is up or too few keys are found expired.

use super::Engine;
use crate::db::Db;
use crate::expire::{self, FAST_MICROS};
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

impl Engine {
    /// The fast expiry cycle, which a host runs before it sleeps: at most 1 ms, and only where the last slow cycle did
    /// not come to its end.
    pub fn handle_idle(&mut self, now: UnixMillis) {
        self.now = now;
        let monotonic = self.server.host.monotonic;
        if self.server.active_expire
            && self.exclusive.is_none()
            && !self.server.loading
            && self.server.expire_state.may_run_fast(monotonic)
        {
            self.expire_for(FAST_MICROS);
        }
    }

    /// Removes expired keys of every database, for at most `micros`.
    pub(super) fn expire_for(&mut self, micros: u64) {
        if self.data.keep_expired {
            return;
        }
        let monotonic = self.server.host.monotonic;
        let start = monotonic();
        let mut expired: Vec<Box<[u8]>> = Vec::new();
        self.server.expire_state.timed_out = false;
        'databases: for _ in 0..self.data.keyspace.count() {
            let db = self.server.expire_state.next_db(&self.data.keyspace);
            loop {
                expired.clear();
                let data = &mut self.data;
                let round = expire::sample(&mut data.keyspace, db, &mut data.rng, self.now, &mut expired);
                for key in &expired {
                    Db { data: &mut self.data, index: db, now: self.now }.exists(key);
                }
                self.server.expire_state.note(round);
                if monotonic().saturating_sub(start) > micros {
                    self.server.expire_state.timed_out = true;
                    self.server.stats.expire_timeouts += 1;
                    break 'databases;
                }
                if !round.again {
                    break;
                }
            }
        }
        self.server.stats.expire_micros += monotonic().saturating_sub(start);
        self.after_removals();
    }
}
