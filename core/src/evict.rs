//! Eviction: which key goes when memory is over its limit. Sampled, with a pool of the best candidates of earlier
//! samples, as Redis does it.

use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, idle_millis};
use crate::keyspace::record::Record;
use crate::words::config::MaxmemoryPolicy as Policy;
use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Candidates kept from sample to sample.
const POOL: usize = 16;
/// Table slots looked at for one wanted sample.
const TRIES_A_SAMPLE: usize = 200;
/// Clean keys that go after one round of samples, which is as many times as large: the best quarter of 20 is as good as the
/// best of 5, and neighbours come from memory together.
const VICTIMS_A_ROUND: usize = 4;

/// A key that may go, and how much speaks for it.
#[derive(Debug)]
struct Candidate {
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

/// The best candidates of earlier samples, the best last.
#[derive(Debug, Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
    /// The database that gave the last random victim; the next one gives the next.
    next_db: usize,
    /// Clean keys that may go before samples are taken again.
    left_of_round: usize,
}

/// What eviction looks at.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `maxmemory-policy`.
    pub policy: Policy,
    /// `maxmemory-samples`.
    pub samples: usize,
    /// How accesses are recorded.
    pub access: AccessClock,
    /// The hour.
    pub now: UnixMillis,
    /// Only keys that the store under diskstore has just as they are.
    pub clean_only: bool,
}

impl Rules {
    fn volatile_only(&self) -> bool {
        SERVER
            && matches!(
                self.policy,
                Policy::VolatileLru | Policy::VolatileLfu | Policy::VolatileRandom | Policy::VolatileTtl
            )
    }

    /// The higher, the sooner the key goes.
    fn score(&self, record: &Record) -> u64 {
        match self.policy {
            _ if !SERVER => idle_millis(record.clock(), self.now),
            Policy::VolatileLfu | Policy::AllkeysLfu => {
                u64::from(255 - self.access.frequency(record.clock(), self.now))
            }
            Policy::VolatileTtl => u64::MAX - record.deadline().unwrap_or(UnixMillis::MAX).max(0) as u64,
            _ => idle_millis(record.clock(), self.now),
        }
    }
}

impl Pool {
    /// The key that should go, or `None` where none may.
    pub fn choose(
        &mut self,
        keyspace: &Keyspace,
        rules: &Rules,
        rng: &mut Rng,
    ) -> Option<(usize, Box<[u8]>)> {
        match rules.policy {
            _ if rules.clean_only => self.best_clean(keyspace, rules, rng),
            // Without CONFIG there is no other policy.
            _ if !SERVER => None,
            Policy::Noeviction => None,
            Policy::AllkeysRandom | Policy::VolatileRandom => self.random(keyspace, rules, rng),
            _ => self.best(keyspace, rules, rng),
        }
    }

    fn random(&mut self, keyspace: &Keyspace, rules: &Rules, rng: &mut Rng) -> Option<(usize, Box<[u8]>)> {
        for _ in 0..keyspace.count() {
            self.next_db = (self.next_db + 1) % keyspace.count();
            let db = keyspace.db(self.next_db);
            let mut found = None;
            db.sample(
                rng,
                1,
                usize::MAX,
                |r| !rules.volatile_only() || r.is_volatile(),
                |r| found = Some(Box::from(r.key())),
            );
            if let Some(key) = found {
                return Some((self.next_db, key));
            }
        }
        None
    }

    fn best(&mut self, keyspace: &Keyspace, rules: &Rules, rng: &mut Rng) -> Option<(usize, Box<[u8]>)> {
        loop {
            let mut candidates = 0;
            for (index, db) in keyspace.iter() {
                candidates += if rules.volatile_only() { db.volatile() } else { db.len() };
                self.fill(index, keyspace, rules, rng);
            }
            if candidates == 0 {
                self.candidates.clear();
                return None;
            }
            while let Some(Candidate { db, key, .. }) = self.candidates.pop() {
                let found = keyspace.db(db).find(keyspace.hash(&key), &key);
                let still = found
                    .is_some_and(|slot| !rules.volatile_only() || keyspace.db(db).get(slot).is_volatile());
                if still {
                    return Some((db, key));
                }
            }
        }
    }

    /// The best key of one round of samples and what was left of earlier ones. It was clean when it was sampled: whether it
    /// is still, its taker looks, who has to find it anyway.
    fn best_clean(
        &mut self,
        keyspace: &Keyspace,
        rules: &Rules,
        rng: &mut Rng,
    ) -> Option<(usize, Box<[u8]>)> {
        if self.left_of_round == 0 || self.candidates.is_empty() {
            let round = Rules { samples: rules.samples * VICTIMS_A_ROUND, ..*rules };
            for (index, _) in keyspace.iter() {
                self.fill(index, keyspace, &round, rng);
            }
            self.left_of_round = VICTIMS_A_ROUND;
        }
        self.left_of_round -= 1;
        self.candidates.pop().map(|candidate| (candidate.db, candidate.key))
    }

    /// Adds the samples of one database to the pool.
    fn fill(&mut self, index: usize, keyspace: &Keyspace, rules: &Rules, rng: &mut Rng) {
        let volatile_only = rules.volatile_only();
        let db = keyspace.db(index);
        if db.is_empty() || (volatile_only && db.volatile() == 0) {
            return;
        }
        // Where keys with deadlines are rare, the walk to the next one is as long as it takes.
        let tries = if volatile_only { usize::MAX } else { rules.samples * TRIES_A_SAMPLE };
        let pool = &mut self.candidates;
        db.sample(
            rng,
            rules.samples,
            tries,
            |r| (!volatile_only || r.is_volatile()) && (!rules.clean_only || r.is_clean()),
            |record| {
                let score = rules.score(record);
                if pool.len() == POOL && pool[0].score >= score {
                    return;
                }
                if pool.iter().any(|c| c.db == index && *c.key == *record.key()) {
                    return;
                }
                let at = pool.partition_point(|c| c.score < score);
                pool.insert(at, Candidate { score, db: index, key: record.key().into() });
                if pool.len() > POOL {
                    pool.remove(0);
                }
            },
        );
    }
}
