//! Over the memory limit: page out, else evict, else refuse.

use super::Engine;
use crate::db::Db;
use crate::evict::Rules;

/// Keys evicted before the clock is looked at.
const EVICTIONS_A_CHECK: usize = 16;
/// Time that one command may spend on eviction, in microseconds; the rest goes on with the next one.
const EVICTION_MICROS: u64 = 500;

impl Engine {
    /// Evicts until memory is under `maxmemory`, for half a millisecond at most; false where it stays over the limit and
    /// nothing can go.
    pub(super) fn make_room(&mut self) -> bool {
        let limit = self.server.config.maxmemory as usize;
        let used = self.server.host.used_memory;
        if used() <= limit {
            return true;
        }
        let monotonic = self.server.host.monotonic;
        let start = monotonic();
        let rules = self.eviction_rules();
        let mut fits = true;
        let mut freed = 0;
        while used() > limit {
            let Some((db, key)) = self.pool.choose(&self.data.keyspace, &rules, &mut self.data.rng) else {
                fits = false;
                break;
            };
            Db { data: &mut self.data, index: db, now: self.now }.evict(&key);
            self.free_all_garbage_of_eviction();
            freed += 1;
            if freed % EVICTIONS_A_CHECK == 0 && monotonic() - start > EVICTION_MICROS {
                break;
            }
        }
        self.after_removals();
        fits
    }

    fn eviction_rules(&self) -> Rules {
        Rules {
            policy: self.server.config.maxmemory_policy,
            samples: self.server.config.maxmemory_samples as usize,
            access: self.data.access,
            now: self.now,
            clean_only: false,
        }
    }

    /// Under pressure large values are freed at once: memory that is only promised does not help.
    fn free_all_garbage_of_eviction(&mut self) {
        self.data.garbage.clear();
    }
}
