//! Whose value leaves: swappability is idle time times the logarithm of the size, the best quarter of each sample
//! goes, which is the best of four for every value that leaves.

use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, idle_millis};
use crate::keyspace::record::Record;
use crate::types::segmented::Slot;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
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
    /// Its key.
    pub key: Box<[u8]>,
    /// The key's hash.
    pub hash: u64,
}

impl Victim {
    /// A value that is to leave whatever its score.
    pub fn named(keyspace: &Keyspace, db: usize, key: Box<[u8]>) -> Self {
        Self { db, hash: keyspace.hash(&key), key }
    }
}

/// The logarithm to base 2, in 1/16: good enough to rank by.
fn log2_sixteenths(n: usize) -> u64 {
    let n = n.max(1) as u64;
    let whole = u64::from(n.ilog2());
    let fraction = if whole >= 4 { (n >> (whole - 4)) & 15 } else { (n << (4 - whole)) & 15 };
    whole * 16 + fraction
}

/// Idle time in seconds, counted from 1 so that size decides among fresh keys, times the logarithm of the size.
fn swappability(record: &Record, access: &AccessClock, now: UnixMillis, memory: usize) -> u64 {
    let idle = if access.lfu {
        u64::from(255 - access.frequency(record.clock(), now))
    } else {
        idle_millis(record.clock(), now) / 1000
    };
    (idle + 1) * log2_sixteenths(1 + memory)
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
        let mut slots = database.sample_spread(rng, SAMPLE, TRIES, |r| !r.is_paged() && !r.is_storing());
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
        out.extend(best.iter().map(|&(_, slot)| {
            let key = database.get(slot).key();
            Victim { db: index, key: key.into(), hash: keyspace.hash(key) }
        }));
    }
    out.len() > before
}
