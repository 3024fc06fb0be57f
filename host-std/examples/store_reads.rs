//! How fast the default store reads by itself, as the server has it: `store_reads FOLDER CACHE KEYS THREADS SECONDS`.
//!
//! FOLDER is what a server left, CACHE its `cache-max-memory` in bytes; the keys are `key:` and a number below KEYS with twelve
//! digits. Says how many reads a second all threads did together, what each cost, and which part of them found something.
#![expect(clippy::expect_used, reason = "a measurement ends at the first failure")]

use nuthatch::Config;
use nuthatch::store::{Store, open};
use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: nuthatch::memory::Allocator = nuthatch::memory::allocator();

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [folder, cache, keys, threads, seconds] = &words[..] else {
        eprintln!("store_reads FOLDER CACHE KEYS THREADS SECONDS");
        return;
    };
    let number = |word: &String| word.parse::<u64>().expect("a number");
    let mut config = Config::default();
    config.diskstore_path = folder.as_bytes().to_vec();
    config.cache_max_memory = number(cache).cast_signed();
    let store = open(&config).expect("a store").store;
    let counts = store.counts().expect("the counts");
    let db = counts.iter().max_by_key(|(_, count)| *count).map_or(0, |(db, _)| *db);
    // What the tree's cache can hold shall be there.
    read(&store, db, number(keys), number(threads), Duration::from_secs(1));
    let told = Duration::from_secs(number(seconds));
    let cpu = || {
        let (user, system) = nuthatch::memory::cpu_times("/proc/self/stat");
        (user + system) as f64
    };
    let before = cpu();
    let (reads, found) = read(&store, db, number(keys), number(threads), told);
    let (rate, micros) = (reads as f64 / told.as_secs_f64(), (cpu() - before) / reads as f64);
    println!("{rate:.0} reads a second, {micros:.2} CPU µs each, {:.2} found", found as f64 / reads as f64);
}

/// Reads so long with so many threads; how many reads there were, and how many found something.
fn read(store: &Arc<dyn Store>, db: u32, keys: u64, threads: u64, told: Duration) -> (u64, u64) {
    let reader = |thread: u64| {
        let store = store.clone();
        move || {
            let begun = Instant::now();
            let (mut reads, mut found) = (0, 0);
            let mut seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread + 1);
            while begun.elapsed() < told {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let key = format!("key:{:012}", (seed >> 33) % keys);
                found += u64::from(store.get(db, key.as_bytes()).expect("a read").is_some());
                reads += 1;
            }
            (reads, found)
        }
    };
    let threads: Vec<_> = (0..threads).map(|thread| thread::spawn(reader(thread))).collect();
    let each = threads.into_iter().map(|thread| thread.join().expect("a thread"));
    each.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}
