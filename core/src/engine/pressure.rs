//! Over the memory limit: page out, else evict, else refuse.
//!
//! Above `vm-max-memory` values leave for the page device (`paging`). Above `maxmemory` keys are evicted, or what needs
//! memory is refused; and so above `vm-max-memory` while the device is full or fails, since nothing else is left then.

use super::Engine;
use crate::db::Db;
use crate::evict::Rules;
use crate::words::reach::PAGES;

/// Keys evicted before the clock is looked at.
const EVICTIONS_A_CHECK: usize = 16;
/// Time that one command may spend on eviction, in microseconds; the rest goes on with the next one.
const EVICTION_MICROS: u64 = 500;
/// While values cannot leave, memory may be so many bytes above `vm-max-memory`: paging works there too, and what it
/// lets pass for a moment is no reason to lose keys.
const STUCK_SLACK: usize = 1 << 20;

impl Engine {
    /// Above so many bytes keys are evicted, and what needs memory is refused where none can be; `None`: never.
    #[inline]
    pub(super) fn eviction_limit(&self) -> Option<usize> {
        let (maxmemory, paged) =
            (self.server.config.maxmemory as usize, self.server.config.vm_max_memory as usize);
        match (maxmemory, paged) {
            (0, 0) => None,
            (limit, _) if !(PAGES && self.data.paging.is_stuck()) => (limit > 0).then_some(limit),
            // `vm-max-memory 0` says what is to leave, not what memory is for.
            (limit, 0) => Some(limit),
            (0, paged) => Some(paged + STUCK_SLACK),
            (limit, paged) => Some(limit.min(paged + STUCK_SLACK)),
        }
    }

    /// Evicts until memory is under the limit, for half a millisecond at most; false where it stays over the limit and
    /// nothing can go.
    pub(super) fn make_room(&mut self) -> bool {
        let Some(limit) = self.eviction_limit() else { return true };
        if self.data.keep_expired {
            return true;
        }
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
