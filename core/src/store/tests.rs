//! What the cache counts beside what is allocated. `cache-max-memory` bounded 160 bytes for each key that waits to be saved, and 215
//! were taken: beside 420,000 of them a server that loaded keys held 23 MB that nobody had counted.

#[path = "../../../host-std/src/memory/counting.rs"]
#[expect(dead_code, reason = "hosts use all of it")]
mod counting;

use super::{Cache, place};
use crate::keyspace::Keyspace;
use crate::types::string::StrRef;
use crate::words::hash::HashKey;
use counting::{Counting, Tally};
use std::alloc::System;
use std::cell::Cell;
use std::format;
use std::vec::Vec;

/// Sums up for each thread, as tests run beside one another.
#[derive(Debug)]
struct Mine;

std::thread_local! {
    static USED: Cell<isize> = const { Cell::new(0) };
}

impl Tally for Mine {
    fn add(&self, bytes: isize) {
        USED.set(USED.get() + bytes);
    }
}

#[global_allocator]
static ALLOCATOR: Counting<System, Mine> = Counting::new(System, Mine);

fn keys(count: u64, len: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| format!("key:{i:0>len$}").into_bytes()).collect()
}

fn insert(key: &[u8], keyspace: &mut Keyspace) {
    let hash = keyspace.hash(key);
    keyspace.db_mut(0).insert_string(hash, key, StrRef::Embedded(b"12345678"), 0);
}

/// What `make` leaves, and the bytes that it takes.
fn taken<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let before = USED.get();
    let made = make();
    (made, (USED.get() - before) as f64)
}

fn keyspace() -> Keyspace {
    Keyspace::new(1, HashKey::new([1, 2]))
}

#[test]
fn what_is_counted_is_what_is_taken() {
    // The steps in which queues and tables grow lie elsewhere at each of these.
    for (count, len) in [(30_000, 12), (50_000, 60), (70_000, 12), (100_000, 12)] {
        let keys = keys(count, len);
        let mut alone = keyspace();
        let records = taken(|| keys.iter().for_each(|key| insert(key, &mut alone))).1;
        let mut data = keyspace();
        let (cache, all) = taken(|| {
            let mut cache = Cache::new(1, place);
            for key in &keys {
                cache.before_change(0, key, &data);
                insert(key, &mut data);
                cache.settle(&mut data, 1);
            }
            cache
        });
        let ratios = [cache.used() as f64 / all, (cache.used() - cache.bytes()) as f64 / (all - records)];
        assert!(ratios.iter().all(|ratio| (0.95..1.05).contains(ratio)), "{count} keys: {ratios:?}");
        assert!(cache.used() - cache.dirty_bytes() < keys.len(), "all of it is dirty");
    }
}
