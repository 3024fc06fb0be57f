//! Active expiry: the slow cycle, ten times a second within a quarter of the time, and the fast one before the loop
//! sleeps, both by samples: a database is sampled again while more than a quarter of the sample had expired.

use crate::keyspace::Keyspace;
use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Keys with deadlines looked at in one round.
const SAMPLE: usize = 20;
/// Table slots looked at in one round: where keys with deadlines are few, a round ends without its 20.
const TRIES: usize = 400;
/// The fast cycle's time, in microseconds.
pub const FAST_MICROS: u64 = 1000;
/// A fast cycle does not start sooner than this after the last one.
const FAST_PAUSE_MICROS: u64 = 2 * FAST_MICROS;

/// What the cycles remember.
#[derive(Debug, Default)]
pub struct State {
    /// The database whose turn it is.
    next_db: usize,
    /// The last slow cycle ran out of time: there is work for fast ones.
    pub timed_out: bool,
    last_fast: u64,
    /// The share of keys with deadlines that had expired and were still there, in percent: a moving average.
    pub stale_percent: f64,
}

/// One round's outcome.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// The database.
    pub db: usize,
    /// Keys with deadlines that were looked at.
    pub sampled: usize,
    /// Those of them that had expired.
    pub expired: usize,
    /// The database should be sampled again at once.
    pub again: bool,
}

impl State {
    /// Whether a fast cycle may run now, by the monotonic clock, which is only read where there is work.
    pub fn may_run_fast(&mut self, monotonic: fn() -> u64) -> bool {
        if !self.timed_out {
            return false;
        }
        let micros = monotonic();
        let due = micros >= self.last_fast + FAST_PAUSE_MICROS;
        if due {
            self.last_fast = micros;
        }
        due
    }

    /// Lets a round weigh in with a twentieth in the share of stale keys.
    pub fn note(&mut self, round: Round) {
        if SERVER && round.sampled > 0 {
            let percent = round.expired as f64 * 100.0 / round.sampled as f64;
            self.stale_percent = self.stale_percent * 0.95 + percent * 0.05;
        }
    }

    /// Goes on to the next database.
    pub fn next_db(&mut self, keyspace: &Keyspace) -> usize {
        self.next_db = (self.next_db + 1) % keyspace.count();
        self.next_db
    }
}

/// Samples keys with deadlines of one database and puts those that have expired into `expired`.
pub fn sample(
    keyspace: &mut Keyspace,
    db: usize,
    rng: &mut Rng,
    now: UnixMillis,
    expired: &mut Vec<Box<[u8]>>,
) -> Round {
    let database = keyspace.db(db);
    if database.volatile() == 0 {
        return Round { db, sampled: 0, expired: 0, again: false };
    }
    let (mut sampled, mut ttl_sum, mut alive) = (0usize, 0i64, 0i64);
    database.sample(rng, SAMPLE, TRIES, crate::keyspace::record::Record::is_volatile, |record| {
        sampled += 1;
        match record.deadline() {
            Some(deadline) if now > deadline => expired.push(record.key().into()),
            Some(deadline) => {
                ttl_sum = ttl_sum.saturating_add(deadline - now);
                alive += 1;
            }
            None => {}
        }
    });
    if SERVER && alive > 0 {
        let database = keyspace.db_mut(db);
        let mean = ttl_sum / alive;
        database.average_ttl =
            if database.average_ttl == 0 { mean } else { database.average_ttl / 50 * 49 + mean / 50 };
    }
    // Every database gets on with its expired keys even where slots with deadlines are too rare for a full sample.
    let again = sampled > 0 && expired.len() * 4 > sampled;
    Round { db, sampled, expired: expired.len(), again }
}
