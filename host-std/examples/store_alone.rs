//! How fast the default store is by itself, as the server has it.
//!
//! `store_alone reads FOLDER CACHE KEYS THREADS SECONDS`: FOLDER is what a server left, CACHE its `cache-max-memory` in bytes; the keys are
//! `key:` and a number below KEYS with twelve digits. Says how many reads a second all threads did together, what each cost, and which
//! part of them found something.
//!
//! `store_alone writes FOLDER CACHE KEYS`: writes such keys with values of 1 KiB to a new store, one after another, in batches of 1 MiB that
//! nobody awaits on the disk, as a server with `cache-flush-delay` does. Says how many keys a second, and what each cost.
#![expect(clippy::expect_used, reason = "a measurement ends at the first failure")]

use nuthatch::Config;
use nuthatch::store::{Store, open};
use nuthatch_core::StoreOp;
use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: nuthatch::memory::Allocator = nuthatch::memory::allocator();

const USAGE: &str =
    "store_alone reads FOLDER CACHE KEYS THREADS SECONDS\nstore_alone writes FOLDER CACHE KEYS";
/// Keys of a batch: a MiB with values of 1 KiB.
const BATCH: u64 = 1_000;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["reads", folder, cache, keys, threads, seconds] => {
            reads(&store(folder, cache), number(keys), number(threads), number(seconds));
        }
        ["writes", folder, cache, keys] => writes(&store(folder, cache), number(keys)),
        _ => eprintln!("{USAGE}"),
    }
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn store(folder: &str, cache: &str) -> Arc<dyn Store> {
    let mut config = Config::default();
    config.diskstore_path = folder.as_bytes().to_vec();
    config.cache_max_memory = number(cache).cast_signed();
    open(&config).expect("a store").store
}

/// CPU time of the process, in microseconds.
fn cpu() -> f64 {
    let (user, system) = nuthatch::memory::cpu_times("/proc/self/stat");
    (user + system) as f64
}

fn writes(store: &Arc<dyn Store>, keys: u64) {
    let (begun, before) = (Instant::now(), cpu());
    for first in (0..keys).step_by(BATCH as usize) {
        let put = |key: u64| StoreOp::Put {
            db: 0,
            key: format!("key:{key:012}").into_bytes(),
            // The head of a record, its length and the value.
            record: vec![b'x'; 14 + 2 + 1024],
        };
        let batch: Vec<StoreOp> = (first..keys.min(first + BATCH)).map(put).collect();
        store.write(&batch, false).expect("a write");
    }
    let rate = keys as f64 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} writes a second, {:.2} CPU µs each", (cpu() - before) / keys as f64);
}

fn reads(store: &Arc<dyn Store>, keys: u64, threads: u64, seconds: u64) {
    let counts = store.counts().expect("the counts");
    let db = counts.iter().max_by_key(|(_, count)| *count).map_or(0, |(db, _)| *db);
    // What the tree's cache can hold shall be there.
    read(store, db, keys, threads, Duration::from_secs(1));
    let told = Duration::from_secs(seconds);
    let before = cpu();
    let (reads, found) = read(store, db, keys, threads, told);
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
