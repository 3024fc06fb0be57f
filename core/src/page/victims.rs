//! Whose value leaves: swappability is idle time times the logarithm of the size, the best quarter of each sample
//! goes, which is the best of four for every value that leaves.

use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, idle_millis};
use crate::keyspace::record::Record;
use crate::types::segmented::Slot;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// Records looked at in one sample, and of how many one is chosen.
const SAMPLE: usize = 20;
const OF: usize = 4;
/// Table slots looked at for one sample.
const TRIES: usize = 2000;
/// A record below this many bytes gives too little back for its place.
const WORTHWHILE: usize = 64;

/// A value that may leave.
#[derive(Debug)]
pub struct Victim {
    /// Its database.
    pub db: usize,
    /// Where its record lies, as long as no key comes or goes.
    pub slot: Slot,
}

/// The logarithm to base 2, in 1/16: good enough to rank by.
fn log2_sixteenths(n: usize) -> u64 {
    let n = n.max(1) as u64;
    let whole = u64::from(n.ilog2());
    let fraction = if whole >= 4 { (n >> (whole - 4)) & 15 } else { (n << (4 - whole)) & 15 };
    whole * 16 + fraction
}

/// Idle time in seconds, counted from 1 so that size decides among fresh keys, times the logarithm of the size. A visitor
/// has its rest still before it.
fn swappability(record: &Record, access: &AccessClock, now: UnixMillis, memory: usize) -> u64 {
    let idle = if access.lfu {
        u64::from(255 - access.frequency(record.clock(), now))
    } else {
        idle_millis(record.clock(), now) / 1000
    };
    let rest = if record.is_visitor() { u64::from(access.stay) } else { 0 };
    (idle + rest + 1) * log2_sixteenths(1 + memory)
}

/// Samples each database in turn and adds the best of the sample to `out`; false where nothing was found.
pub fn choose(
    keyspace: &Keyspace,
    access: &AccessClock,
    rng: &mut Rng,
    now: UnixMillis,
    out: &mut Vec<Victim>,
) -> bool {
    let before = out.len();
    let mut best: Vec<(u64, Slot)> = Vec::with_capacity(SAMPLE);
    for (index, database) in keyspace.iter().filter(|(_, db)| db.len() > db.paged()) {
        let rarity = database.len() / (database.len() - database.paged());
        let accept = |record: &Record| !record.is_paged() && !record.is_storing();
        let mut slots = database.sample_spread(rng, SAMPLE, TRIES, rarity, accept);
        slots.sort_unstable();
        slots.dedup();
        best.clear();
        best.extend(slots.iter().filter_map(|&slot| {
            let record = database.get(slot);
            let memory = record.memory();
            (memory >= WORTHWHILE).then(|| (swappability(record, access, now, memory), slot))
        }));
        best.sort_unstable_by_key(|(score, _)| core::cmp::Reverse(*score));
        // Where little is left, all of it goes.
        best.truncate(if slots.len() < SAMPLE / 2 { SAMPLE } else { best.len().div_ceil(OF) });
        out.extend(best.iter().map(|&(_, slot)| Victim { db: index, slot }));
    }
    out.len() > before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::record::PLACE_LEN;
    use crate::page::rests::Rests;
    use crate::types::Value;
    use crate::types::string::Str;
    use crate::words::hash::HashKey;

    const KEYS: usize = 8_000;
    const HOT: usize = KEYS / 5;
    /// So many values fit into memory.
    const FIT: usize = HOT / 20 * 13;
    const GETS_A_SECOND: i64 = 400;

    /// Keys that are read at random, four of five times one of the hot ones.
    struct Skewed {
        keyspace: Keyspace,
        access: AccessClock,
        rests: Rests,
        rng: Rng,
        gets: i64,
    }

    impl Skewed {
        fn value() -> Value {
            Value::Str(Str::from_bytes(&[b'x'; 1000]))
        }

        /// Reads a key; whether its value was not in memory.
        fn get(&mut self) -> bool {
            self.gets += 1;
            let now = self.gets * 1000 / GETS_A_SECOND;
            let hot = self.rng.below(5) < 4;
            let i = if hot { self.rng.index(HOT) } else { HOT + self.rng.index(KEYS - HOT) };
            let key = alloc::format!("key:{i}");
            let hash = self.keyspace.hash(key.as_bytes());
            let database = self.keyspace.db_mut(0);
            let slot = database.find(hash, key.as_bytes()).expect("the key");
            let missed = database.get(slot).is_paged();
            if missed {
                database.page_in(slot, Self::value());
                self.rests.came_back(database.get_mut(slot), &mut self.access, now);
            }
            let clock = self.access.touched(0, now, &mut self.rng);
            database.get_mut(slot).touch(clock, self.access.stay);
            self.relieve(now);
            missed
        }

        fn relieve(&mut self, now: UnixMillis) {
            let mut found = Vec::new();
            while self.keyspace.db(0).len() - self.keyspace.db(0).paged() > FIT {
                assert!(
                    choose(&self.keyspace, &self.access, &mut self.rng, now, &mut found),
                    "nobody leaves"
                );
                for victim in found.drain(..) {
                    self.keyspace.db_mut(victim.db).page_out(victim.slot, &[0; PLACE_LEN]);
                }
            }
        }
    }

    /// With the best of all values in memory 48 of 100 GETs read the device; where whoever was read stays as long as others, 60.
    #[test]
    fn values_that_are_seldom_used_leave_before_the_others() {
        let keyspace = Keyspace::new(1, HashKey::new([1, 2]));
        let (access, rests, rng) = (AccessClock::default(), Rests::default(), Rng::new(5));
        let mut skewed = Skewed { keyspace, access, rests, rng, gets: 0 };
        for i in 0..KEYS {
            let key = alloc::format!("key:{i}");
            let hash = skewed.keyspace.hash(key.as_bytes());
            skewed.keyspace.db_mut(0).insert_value(hash, key.as_bytes(), Skewed::value(), 0);
        }
        skewed.relieve(0);
        (0..40_000).for_each(|_| _ = skewed.get());
        let read = (0..40_000).filter(|_| skewed.get()).count();
        assert!((18_000..22_700).contains(&read), "{read} of 40000 GETs read the device");
    }
}
