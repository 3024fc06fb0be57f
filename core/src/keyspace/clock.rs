//! The 24-bit access clock that every key carries: seconds of the last access, or minutes and a logarithmic
//! counter, by eviction policy.

use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;

/// A fresh key's counter: high enough that it is not the first to be evicted.
const LFU_START: u32 = 5;
const LFU_MAX: u32 = 255;
const CLOCK_BITS: u32 = 0x00ff_ffff;

/// How accesses are recorded; `maxmemory-policy`, `lfu-log-factor` and `lfu-decay-time`.
#[derive(Debug, Clone, Copy)]
pub struct AccessClock {
    /// Frequency instead of recency.
    pub lfu: bool,
    /// `lfu-log-factor`: the higher, the slower the counter grows.
    pub log_factor: u32,
    /// `lfu-decay-time`: minutes for the counter to lose one; 0 never.
    pub decay_minutes: u32,
    /// Seconds that a value rests on a page device, as a rule: one that is used again within them belongs into memory.
    pub stay: u32,
}

impl Default for AccessClock {
    fn default() -> Self {
        Self { lfu: false, log_factor: 10, decay_minutes: 1, stay: 0 }
    }
}

fn minutes(now: UnixMillis) -> u32 {
    ((now / 60_000) & 0xffff) as u32
}

/// The clock of recency: seconds, modulo 2^24.
#[inline]
pub fn lru_clock(now: UnixMillis) -> u32 {
    (now / 1000) as u32 & CLOCK_BITS
}

impl AccessClock {
    /// The clock of a key that comes into being.
    #[inline]
    pub fn fresh(&self, now: UnixMillis) -> u32 {
        if SERVER && self.lfu { minutes(now) << 8 | LFU_START } else { lru_clock(now) }
    }

    /// The clock of a key that is accessed.
    #[inline]
    pub fn touched(&self, clock: u32, now: UnixMillis, rng: &mut Rng) -> u32 {
        if !SERVER || !self.lfu {
            return lru_clock(now);
        }
        let counter = self.frequency(clock, now);
        let grown = if counter == LFU_MAX {
            counter
        } else {
            let base = counter.saturating_sub(LFU_START);
            let one_in = u64::from(base) * u64::from(self.log_factor) + 1;
            counter + u32::from(rng.below(one_in) == 0)
        };
        minutes(now) << 8 | grown
    }

    /// The logarithmic access counter, with the decay up to now (OBJECT FREQ).
    pub fn frequency(&self, clock: u32, now: UnixMillis) -> u32 {
        let counter = clock & 0xff;
        if self.decay_minutes == 0 {
            return counter;
        }
        let elapsed = minutes(now).wrapping_sub(clock >> 8) & 0xffff;
        counter.saturating_sub(elapsed / self.decay_minutes)
    }
}

/// The clock of a key that was idle for so many seconds or used so often, as far as the policy has a use for that.
pub fn clock_of(access: &AccessClock, idle: Option<u64>, freq: Option<u8>, now: UnixMillis) -> u32 {
    match (SERVER && access.lfu, idle, freq) {
        (true, _, Some(freq)) => minutes(now) << 8 | u32::from(freq),
        (false, Some(idle), _) => {
            let clock = lru_clock(now);
            let idle = u32::try_from(idle).unwrap_or(u32::MAX);
            clock.checked_sub(idle).unwrap_or((clock + CLOCK_BITS / 2) % CLOCK_BITS)
        }
        _ => access.fresh(now),
    }
}

/// Milliseconds since the last access by the clock of recency (OBJECT IDLETIME).
pub fn idle_millis(clock: u32, now: UnixMillis) -> u64 {
    u64::from(lru_clock(now).wrapping_sub(clock) & CLOCK_BITS) * 1000
}
