//! What the cache counts beside what is allocated. `cache-max-memory` bounded 160 bytes for each key that waits to be saved, and 215
//! were taken: beside 420,000 of them a server that loaded keys held 23 MB that nobody had counted.

use super::{Bounds, Cache, Instant, Section, place};
use crate::keyspace::Keyspace;
use crate::types::codec::{Encoder, NEWEST_VERSION};
use crate::types::string::StrRef;
use crate::words::hash::HashKey;
use nuthatch_counting::{Counting, Tally};
use std::alloc::System;
use std::boxed::Box;
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

/// Runs a command that sets some keys to `there`.
fn run(cache: &mut Cache, data: &mut Keyspace, keys: &[&[u8]], there: bool) {
    for key in keys {
        cache.before_change(0, key, data);
        match data.db(0).find(data.hash(key), key) {
            None if there => insert(key, data),
            Some(slot) if !there => drop(data.db_mut(0).remove(slot)),
            _ => {}
        }
    }
    cache.settle(data, 1);
}

/// What had tied keys that came and went before they were saved stayed behind: 175 bytes for each MSET that a DEL followed, counted
/// nowhere.
#[test]
fn keys_that_came_and_went_leave_nothing_behind() {
    let mut encoder = Encoder::new(NEWEST_VERSION, false);
    for stays in [false, true] {
        let mut data = keyspace();
        let mut cache = Cache::new(1, place);
        let mut round = |cache: &mut Cache, i: u32| {
            let (a, b) = (format!("a:{i}"), format!("b:{i}"));
            let mut keys = std::vec![a.as_bytes(), b.as_bytes()];
            if stays {
                keys.push(b"stays");
            }
            run(cache, &mut data, &keys, true);
            run(cache, &mut data, &keys[..2], false);
            cache.absent.shrink(0, |_, _| false);
            assert_eq!(cache.next_batch(&data, &mut encoder, Bounds { before: 0, bytes: 1, keys: 1 }), None);
        };
        round(&mut cache, 0);
        let (used, left) = (cache.used(), taken(|| (1..5_000).for_each(|i| round(&mut cache, i))).1);
        let counted = (cache.used() - used) as f64;
        // Behind a key that still waits the places of the others do too.
        let most = if stays { 300_000.0 } else { 20_000.0 };
        assert!(left < most && (left - counted).abs() < 10_000.0, "{left} bytes, {counted} counted");
        cache.audit(&data).unwrap();
    }
}

/// Each transaction that changed a counter, say, and a key of its own was tied to all before it, each of which was told so: 10,000 took
/// half a minute, unoptimised.
#[test]
fn a_key_of_all_transactions_ties_them_in_time() {
    let mut data = keyspace();
    let mut cache = Cache::new(1, place);
    let begun = std::time::Instant::now();
    let own = keys(10_000, 12);
    for key in &own {
        run(&mut cache, &mut data, &[b"counter", key], true);
    }
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    cache.audit(&data).unwrap();
    let mut encoder = Encoder::new(NEWEST_VERSION, false);
    let batch = cache.next_batch(&data, &mut encoder, Bounds { before: 1, bytes: 1, keys: 1 }).unwrap();
    assert_eq!(batch.len(), own.len() + 1, "they go together");
}

/// What a snapshot remembered of keys that changed before it came to them stayed until its end, and nobody counted it.
#[test]
fn a_snapshot_counts_what_it_keeps_and_forgets_what_it_has_passed() {
    let mut data = keyspace();
    let mut cache = Cache::new(1, place);
    let db = cache.catalog.of(0);
    cache.instant = Some(Box::new(Instant::new(std::vec![Section { db, number: 0, point: Some(0) }])));
    let before = cache.used();
    let changed = keys(20_000, 12);
    let news = taken(|| changed.iter().for_each(|key| cache.before_change(0, key, &data))).1;
    let counted = cache.kept_for_snapshot() as f64;
    assert!((0.85..1.15).contains(&((cache.used() - before) as f64 / news)), "{news}, {counted} of it");
    let instant = cache.instant.as_mut().unwrap();
    assert!(changed.iter().all(|key| instant.knows(0, place(key), key)) && !instant.knows(0, 7, b"other"));
    let half = u64::MAX / 2;
    let let_go = -taken(|| instant.reach(0, Some(half))).1;
    assert!(changed.iter().all(|key| instant.knows(0, place(key), key) == (place(key) >= half)));
    assert!((0.85..1.15).contains(&((counted - instant.bytes() as f64) / let_go)), "{let_go}");
    instant.reach(0, None);
    assert_eq!(instant.bytes(), 0);
    cache.settle(&mut data, 1);
}

/// INFO counted keys that were overwritten unseen twice until they were saved.
#[test]
fn keys_that_are_overwritten_unseen_are_soon_not_counted_twice() {
    let mut data = keyspace();
    let mut cache = Cache::new(1, place);
    let (db, names) = (cache.catalog.of(0), keys(2_000, 12));
    cache.set_count(db, 1_000);
    let mut encoder = Encoder::new(NEWEST_VERSION, false);
    let mut save = |cache: &mut Cache, data: &mut Keyspace, count| {
        let bounds = Bounds { before: 1, bytes: usize::MAX, keys: usize::MAX };
        let batch = cache.next_batch(data, &mut encoder, bounds).unwrap();
        cache.written(&batch, &[(db, count)], data);
    };
    // The store has the first thousand.
    names[..500].iter().for_each(|key| run(&mut cache, &mut data, &[key], true));
    assert_eq!((cache.count(0, &data), cache.count_about(0, &data)), (1_500, 1_500), "they may be new");
    save(&mut cache, &mut data, 1_000);
    names[500..1_000].iter().for_each(|key| run(&mut cache, &mut data, &[key], true));
    assert_eq!((cache.count(0, &data), cache.count_about(0, &data)), (1_500, 1_000));
    save(&mut cache, &mut data, 1_000);
    names[1_000..1_500].iter().for_each(|key| run(&mut cache, &mut data, &[key], true));
    save(&mut cache, &mut data, 1_500);
    names[1_500..].iter().for_each(|key| run(&mut cache, &mut data, &[key], true));
    assert_eq!((cache.count(0, &data), cache.count_about(0, &data)), (2_000, 2_000), "these were");
}

/// What is saved while a walk reads its pages is kept for its command: beside KEYS over many keys that was as much as all that was
/// written meanwhile, counted nowhere.
#[test]
fn what_walks_keep_is_counted() {
    let bounds = Bounds { before: 1, bytes: usize::MAX, keys: usize::MAX };
    for (count, len) in [(10_000, 12), (30_000, 40)] {
        let mut names = keys(count, len);
        // Names that rise fill the tree's nodes by half.
        names.sort_by_key(|key| place(key));
        let mut encoder = Encoder::new(NEWEST_VERSION, false);
        let mut saved = |walks: bool| {
            let mut data = keyspace();
            let (cache, all) = taken(|| {
                let mut cache = Cache::new(1, place);
                if walks {
                    cache.begin_walk(cache.catalog.of(0));
                }
                // A key that is saved twice is kept once.
                for key in names.iter().chain(&names[..100]) {
                    run(&mut cache, &mut data, &[key], true);
                    let batch = cache.next_batch(&data, &mut encoder, bounds).unwrap();
                    cache.written(&batch, &[], &mut data);
                }
                cache
            });
            (all, cache.used() as f64)
        };
        let (without, with) = (saved(false), saved(true));
        let ratio = (with.1 - without.1) / (with.0 - without.0);
        assert!((0.9..1.1).contains(&ratio), "{count} keys of {len} digits: {ratio}");
    }
}
