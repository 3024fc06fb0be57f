//! Both stores against a plain map: what is read, walked and counted, before and after they are opened again.

use super::shared::Shared;
use super::{Counts, Page, Store, Stores, Walk, claim, files, lsm, open};
use crate::disk::faults;
use nuthatch_core::store_catalog::{self, Catalog};
use nuthatch_core::store_record::{HEAD, NO_DEADLINE};
use nuthatch_core::{
    ALL_COMMANDS, Config, Done, Engine, JobId, Options, StoreDone, StoreEngine, StoreJob, StoreKey, StoreOp,
    StoreRead, store_place,
};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

type Model = BTreeMap<(u32, Vec<u8>), Vec<u8>>;
pub(super) type Made = (Box<dyn Store>, fn(&[u8]) -> u64);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A folder that goes when the test ends.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("nuthatch-store-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn in_files(path: &Path) -> Made {
    let lock = claim::claim(path, "files").unwrap();
    (Box::new(files::Files::open(path, lock).unwrap()), files::place)
}

fn in_tree(path: &Path) -> Made {
    let lock = claim::claim(path, "default").unwrap();
    (Box::new(lsm::Lsm::open(path, lock, 0).unwrap()), store_place)
}

pub(super) const BOTH: [fn(&Path) -> Made; 2] = [in_files, in_tree];

/// Numbers that look random, the same for a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A record as the engine makes them: a head of 14 bytes and a body.
fn record(len: usize, number: u64) -> Vec<u8> {
    let mut bytes = vec![0; 14 + len];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as usize * 31 + at * 7) as u8;
    }
    bytes[13] = 0;
    bytes
}

fn walked(store: &dyn Store, db: u32, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut all, mut from) = (Vec::new(), 0);
    loop {
        let (entries, next) = store.scan(Walk { db, from, limit, record_bytes: usize::MAX }).unwrap();
        all.extend(entries.into_iter().map(|entry| (entry.key, entry.record)));
        let Some(next) = next else { return all };
        assert!(next > from, "a walk goes on");
        from = next;
    }
}

fn compare((store, place): &Made, model: &Model) {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for ((db, key), record) in model {
        *counts.entry(*db).or_default() += 1;
        assert_eq!(store.get(*db, key).unwrap().as_ref(), Some(record));
    }
    assert_eq!(store.get(0, b"never there").unwrap(), None);
    assert_eq!(store.counts().unwrap(), counts.clone().into_iter().collect::<Vec<_>>());
    for db in 0..3 {
        let mut expected: Vec<_> =
            model.iter().filter(|((of, _), _)| *of == db).map(|((_, k), r)| (k.clone(), r.clone())).collect();
        let mut found = walked(&**store, db, 7);
        assert!(found.is_sorted_by_key(|(key, _)| place(key)), "a walk is in the order of places");
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }
}

fn random_ops(dice: &mut Dice, model: &mut Model) -> Vec<StoreOp> {
    let mut ops = BTreeMap::new();
    for _ in 0..=dice.below(20) {
        let key = format!("key:{}", dice.below(60)).into_bytes();
        let db = dice.below(3) as u32;
        let put = dice.below(3) > 0;
        let op = if put {
            let len = [0, 5, 600, 5000][dice.below(4) as usize];
            StoreOp::Put { db, key: key.clone(), record: record(len, dice.below(1000)) }
        } else {
            StoreOp::Delete { db, key: key.clone() }
        };
        ops.insert((db, key), op);
    }
    for (name, op) in &ops {
        match op {
            StoreOp::Put { record, .. } => model.insert(name.clone(), record.clone()),
            StoreOp::Delete { .. } => model.remove(name),
        };
    }
    ops.into_values().collect()
}

#[test]
fn a_store_is_a_map_from_keys_to_records() {
    let seed = std::env::var("NUTHATCH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    println!("NUTHATCH_SEED={seed}");
    for make in BOTH {
        let folder = Scratch::new();
        let (mut dice, mut model) = (Dice(seed), Model::new());
        for _ in 0..4 {
            let made = make(&folder.0);
            compare(&made, &model);
            for round in 0..30 {
                let ops = random_ops(&mut dice, &mut model);
                made.0.write(&ops, round % 10 == 0).unwrap();
            }
            compare(&made, &model);
            if dice.below(2) == 0 {
                let mut from = Some(0);
                while let Some(place) = from {
                    from = made.0.clear(1, place).unwrap();
                    assert!(from.is_none_or(|next| next > place), "clearing goes on");
                }
                model.retain(|(db, _), _| *db != 1);
                compare(&made, &model);
            }
        }
    }
}

/// fjall takes a tree without its file `current` for one that was never finished: the database was empty, or all of them, and nothing
/// said why.
#[test]
fn a_tree_that_is_missing_is_told() {
    let folder = Scratch::new();
    let store = BOTH[1](&folder.0).0;
    store.write(&[StoreOp::Put { db: 3, key: b"key".to_vec(), record: record(9, 9) }], true).unwrap();
    drop(store);
    let trees = ["", "0", "1", "2", "1 2", "0/current", "1/current", "2/current", "1/current 2/current"];
    for missing in [&trees[..], &["../version"]].concat() {
        let copy = Scratch::new();
        copied(&folder.0, &copy.0);
        for path in missing.split(' ').map(|name| copy.0.join("keyspaces").join(name)) {
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        }
        for start in 0..2 {
            let lock = claim::claim(&copy.0, "default").unwrap();
            let refused = lsm::Lsm::open(&copy.0, lock, 0).err().map(|error| error.to_string());
            let refused = refused.unwrap_or_else(|| panic!("nobody missed '{missing}', start {start}"));
            let says = ["was missing; bring the folder back", "'version' is missing; bring the folder back"];
            assert!(says.iter().any(|text| refused.contains(text)), "{missing}: {refused}");
        }
    }
}

/// A flipped bit in the numbers of keys, or a file of them that was empty, hid a database whose files were all there.
#[test]
fn damaged_numbers_of_keys_are_counted_anew() {
    let folder = Scratch::new();
    let ops: Vec<StoreOp> = (1..40)
        .map(|n| StoreOp::Put { db: n % 3, key: vec![n as u8], record: record(9, u64::from(n)) })
        .collect();
    BOTH[0](&folder.0).0.write(&ops, true).unwrap();
    let counts = folder.0.join("counts");
    let whole = fs::read(&counts).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    for damaged in (0..whole.len()).step_by(3).map(flipped).chain([vec![], whole[..4].to_vec()]) {
        fs::write(&counts, &damaged).unwrap();
        assert_eq!(BOTH[0](&folder.0).0.counts().unwrap(), [(0, 13), (1, 13), (2, 13)], "{damaged:?}");
    }
}

/// Without its folder `blobs` fjall took a tree for one that has no large values: the first GET of one ended the process.
#[test]
fn large_values_that_are_missing_are_told() {
    let folder = Scratch::new();
    let store = BOTH[1](&folder.0).0;
    // Enough of them for a file.
    for n in 0..40_u8 {
        let put = StoreOp::Put { db: 0, key: vec![n], record: record(1 << 20, u64::from(n)) };
        store.write(&[put], true).unwrap();
    }
    let trees = folder.0.join("keyspaces");
    let blobs = || {
        let folders = fs::read_dir(&trees).unwrap().map(|tree| tree.unwrap().path().join("blobs"));
        folders.filter(|blobs| fs::read_dir(blobs).is_ok_and(|files| files.count() > 0)).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    while blobs().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no file of large values");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(store);
    let (tree, kept) = (blobs()[0].parent().unwrap().to_owned(), Scratch::new());
    copied(&tree, &kept.0);
    fs::remove_dir_all(tree.join("blobs")).unwrap();
    for _ in 0..2 {
        let lock = claim::claim(&folder.0, "default").unwrap();
        let refused = lsm::Lsm::open(&folder.0, lock, 0).err().expect("refused").to_string();
        assert!(refused.contains("/blobs' is missing; bring the folder back"), "{refused}");
    }
    // Of a database that was cleared a kill may leave anything.
    copied(&kept.0, &tree);
    BOTH[1](&folder.0).0.clear(0, 0).unwrap();
    fs::remove_dir_all(kept.0.join("blobs")).unwrap();
    copied(&kept.0, &tree);
    assert_eq!(BOTH[1](&folder.0).0.counts().unwrap(), []);
    assert!(!tree.exists(), "and the start removes it");
}

/// A kill while fjall made a store, before its file `version` was whole, left one that never started: "File exists", "InvalidVersion".
#[test]
fn a_store_that_was_being_made_is_made_anew() {
    let new = Scratch::new();
    drop(BOTH[1](&new.0).0);
    for (written, has_names) in [(None, false), (Some(0), false), (Some(3), false), (Some(4), true)] {
        let folder = Scratch::new();
        copied(&new.0, &folder.0);
        let trees = folder.0.join("keyspaces");
        for tree in fs::read_dir(&trees).unwrap().map(|tree| tree.unwrap().path()) {
            if !has_names || !tree.ends_with("0") {
                fs::remove_dir_all(tree).unwrap();
            }
        }
        if has_names {
            for made_later in ["0/current", "0/v1", "0/v2", "0/tables/0"] {
                fs::remove_file(trees.join(made_later)).unwrap();
            }
        }
        let version = folder.0.join("version");
        match written {
            None => fs::remove_file(version).unwrap(),
            Some(bytes) => fs::File::options().write(true).open(version).unwrap().set_len(bytes).unwrap(),
        }
        let put = StoreOp::Put { db: 0, key: b"key".to_vec(), record: record(9, 9) };
        BOTH[1](&folder.0).0.write(&[put], true).unwrap();
        assert_eq!(BOTH[1](&folder.0).0.get(0, b"key").unwrap(), Some(record(9, 9)), "{written:?}");
    }
}

/// Dropping a database's files and its count are two steps: a kill between them is no loss where the catalog has dropped it.
#[test]
fn a_database_without_files_that_nobody_wants_is_none() {
    let folder = Scratch::new();
    let mut catalog = Catalog::new(16);
    let put = |db, key: &[u8], record| StoreOp::Put { db, key: key.to_vec(), record };
    let store = BOTH[1](&folder.0).0;
    store.write(&[put(3, b"key", record(9, 9)), put(4, b"key", record(9, 9))], true).unwrap();
    let new = catalog.fresh();
    catalog.replace(3, new);
    store.write(&[put(store_catalog::DATABASE, store_catalog::KEY, catalog.encode())], true).unwrap();
    drop(store);
    lsm::drop_files(&folder.0, 3);
    let store = BOTH[1](&folder.0).0;
    assert_eq!(store.counts().unwrap(), [(4, 1), (store_catalog::DATABASE, 1)]);
    store.clear(3, 0).unwrap();
    assert_eq!(store.get(4, b"key").unwrap(), Some(record(9, 9)));
    drop(store);
    lsm::drop_files(&folder.0, 4);
    let lock = claim::claim(&folder.0, "default").unwrap();
    let refused = lsm::Lsm::open(&folder.0, lock, 0).err().expect("refused").to_string();
    assert!(refused.contains("the 1 keys of a database are gone"), "{refused}");
}

/// A tree's keys are of 65,535 bytes at most; ours are not, and what tells long ones apart must not be their beginning.
#[test]
fn long_keys_are_told_apart() {
    for make in BOTH {
        let folder = Scratch::new();
        let made = make(&folder.0);
        let mut model = Model::new();
        for (len, end) in [(59_999, b'a'), (60_000, b'a'), (60_001, b'a'), (60_001, b'b'), (90_000, b'a')] {
            let mut key = vec![b'k'; len];
            key.push(end);
            let record = record(10, len as u64 + u64::from(end));
            made.0.write(&[StoreOp::Put { db: 0, key: key.clone(), record: record.clone() }], false).unwrap();
            model.insert((0, key), record);
        }
        compare(&made, &model);
    }
}

/// The reason for the files' chains: two texts with one SHA-1 are known, and redis's own store ended the process on such a pair.
#[test]
fn keys_of_one_hash_are_told_apart() {
    let folder = Scratch::new();
    let made = in_files(&folder.0);
    let mut model = Model::new();
    let mut write = |ops: &[(&str, Option<u64>)]| {
        let key = |name: &str| format!("one hash {name}").into_bytes();
        let op = |(name, number): &(&str, Option<u64>)| match number {
            Some(number) => StoreOp::Put { db: 0, key: key(name), record: record(9, *number) },
            None => StoreOp::Delete { db: 0, key: key(name) },
        };
        made.0.write(&ops.iter().map(op).collect::<Vec<_>>(), true).unwrap();
        for (name, number) in ops {
            match number {
                Some(number) => drop(model.insert((0, key(name)), record(9, *number))),
                None => drop(model.remove(&(0, key(name)))),
            }
        }
        compare(&made, &model);
    };
    write(&[("a", Some(1))]);
    write(&[("b", Some(2)), ("c", Some(3))]);
    write(&[("b", Some(4)), ("d", None)]);
    assert_eq!(made.0.get(0, b"one hash d").unwrap(), None);
    assert_eq!(
        made.0.scan(Walk { db: 0, from: 0, limit: 1, record_bytes: 9 }).unwrap().0.len(),
        3,
        "on one page"
    );
    write(&[("a", None)]);
    write(&[("c", None)]);
    write(&[("b", None)]);
    assert_eq!(made.0.counts().unwrap(), []);
}

/// Where a key's file lies in the store's folder.
fn file_of(db: u32, key: &[u8]) -> PathBuf {
    use sha1::Digest;
    let hex: String = sha1::Sha1::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    Path::new(&hex[..2]).join(&hex[2..4]).join(format!("{db}_{hex}"))
}

/// A kill between a batch's journal and its last change: the start makes the rest of it. A journal cut off is none.
#[test]
fn an_interrupted_batch_is_finished_at_the_start() {
    let folder = Scratch::new();
    let batch: Vec<_> = (0..5_u64)
        .map(|n| StoreOp::Put { db: 0, key: format!("k{n}").into_bytes(), record: record(9, n) })
        .collect();
    drop(in_files(&folder.0));
    files::write_journal(&folder.0, 7, &batch).unwrap();
    let made = in_files(&folder.0);
    assert_eq!(made.0.counts().unwrap(), [(0, 5)]);
    assert_eq!(made.0.get(0, b"k4").unwrap(), Some(record(9, 4)));
    drop(made);
    files::write_journal(&folder.0, 7, &[StoreOp::Delete { db: 0, key: b"k1".to_vec() }]).unwrap();
    let journal = folder.0.join("journal.7");
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 1]).unwrap();
    let made = in_files(&folder.0);
    assert_eq!(made.0.counts().unwrap(), [(0, 5)]);
    assert!(!journal.exists());
    drop(made);
    let unfinished = folder.0.join("journal.8.1234.tmp");
    fs::write(&unfinished, "half").unwrap();
    drop(in_files(&folder.0));
    assert!(!unfinished.exists(), "what a kill left of a journal goes");
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// With `cache-flush-delay` a file took the name of a durable one before its own content was durable: a power cut could leave neither.
#[test]
fn a_power_cut_takes_no_file_that_was_durable() {
    let folder = Scratch::new();
    let made = in_files(&folder.0);
    let put = |number| [StoreOp::Put { db: 0, key: b"key".to_vec(), record: record(9, number) }];
    let file = file_of(0, b"key");
    made.0.write(&put(1), true).unwrap();
    for number in 2..4 {
        made.0.write(&put(number), false).unwrap();
    }
    let after = Scratch::new();
    copied(&folder.0, &after.0);
    fs::write(after.0.join(&file), "").unwrap();
    assert_eq!(in_files(&after.0).0.get(0, b"key").unwrap(), Some(record(9, 3)));
    made.0.sync().unwrap();
    let names = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("journal")).collect();
    assert!(left.is_empty(), "what is durable needs no journal: {left:?}");
}

/// The journal of a write that nobody awaited was made again on top of a later one that was durable without a journal.
#[test]
fn no_journal_is_made_again_over_what_came_after_it() {
    let folder = Scratch::new();
    let made = in_files(&folder.0);
    let put = |number| StoreOp::Put { db: 0, key: b"key".to_vec(), record: record(9, number) };
    let gone = StoreOp::Delete { db: 0, key: b"gone".to_vec() };
    let other = StoreOp::Put { db: 0, key: b"gone".to_vec(), record: record(9, 1) };
    made.0.write(&[put(1), other], false).unwrap();
    made.0.write(&[put(2)], true).unwrap();
    made.0.write(&[gone], true).unwrap();
    let after = Scratch::new();
    copied(&folder.0, &after.0);
    let again = in_files(&after.0).0;
    assert_eq!((again.get(0, b"key").unwrap(), again.get(0, b"gone").unwrap()), (Some(record(9, 2)), None));
}

/// What may be in a store of files some of whose calls failed.
#[derive(Default)]
struct Doubtful {
    /// The values that each key may have.
    values: BTreeMap<Vec<u8>, Vec<Option<u64>>>,
    /// What the last batch was to make, if it failed and none of its keys was written since.
    failed: Vec<(Vec<u8>, Option<u64>)>,
}

impl Doubtful {
    fn notice(&mut self, changes: &[(Vec<u8>, Option<u64>)], ok: bool) {
        let again = |(key, _): &(Vec<u8>, Option<u64>)| changes.iter().any(|(changed, _)| changed == key);
        if self.failed.iter().any(again) {
            self.failed.clear();
        }
        let mut failed = Vec::new();
        for (key, value) in changes {
            let values = self.values.entry(key.clone()).or_insert_with(|| vec![None]);
            // A delete of what may be gone already tells nothing.
            if !ok && !values.contains(value) {
                failed.push((key.clone(), *value));
            }
            if ok {
                values.clear();
            }
            values.push(*value);
        }
        if !ok {
            self.failed = failed;
        }
    }

    fn check(&self, store: &dyn Store, whole: bool, told: &str) {
        let found =
            |key: &[u8], value: &Option<u64>| store.get(0, key).unwrap() == value.map(|n| record(9, n));
        for (key, values) in &self.values {
            let key_text = String::from_utf8_lossy(key);
            assert!(
                values.iter().any(|value| found(key, value)),
                "{told}: '{key_text}' is none of {values:?}"
            );
        }
        let made = self.failed.iter().filter(|(key, value)| found(key, value)).count();
        assert!(!whole || made == 0 || made == self.failed.len(), "{told}: half of {:?}", self.failed);
    }
}

/// One write of some keys, or a sync.
fn write_or_sync(dice: &mut Dice, number: u64, store: &dyn Store, model: &mut Doubtful) {
    if dice.below(6) == 0 {
        let _ = store.sync();
        return;
    }
    let durable = dice.below(2) == 0;
    let mut changes: BTreeMap<Vec<u8>, Option<u64>> = BTreeMap::new();
    for _ in 0..=dice.below(3) {
        let key = ["a", "b", "one hash c", "one hash d"][dice.below(4) as usize];
        let value = (dice.below(4) > 0).then_some(number);
        changes.insert(key.into(), value);
    }
    let changes: Vec<(Vec<u8>, Option<u64>)> = changes.into_iter().collect();
    let op = |(key, value): &(Vec<u8>, Option<u64>)| match value {
        Some(number) => StoreOp::Put { db: 0, key: key.clone(), record: record(9, *number) },
        None => StoreOp::Delete { db: 0, key: key.clone() },
    };
    let ok = store.write(&changes.iter().map(op).collect::<Vec<_>>(), durable).is_ok();
    model.notice(&changes, ok);
}

/// The same writes over a disk of which these calls fail, then a kill, a start, and a write of everything. How many calls there were.
fn over_failing_calls(seed: u64, fail: Range<usize>) -> usize {
    let told = format!("seed {seed}, calls {fail:?}");
    let (folder, after) = (Scratch::new(), Scratch::new());
    let (mut dice, mut model) = (Dice(seed), Doubtful::default());
    let store = in_files(&folder.0).0;
    faults::begin(fail);
    for number in 0..6 {
        write_or_sync(&mut dice, number, &*store, &mut model);
        model.check(&*store, false, &told);
    }
    copied(&folder.0, &after.0);
    let lock = claim::claim(&after.0, "files").unwrap();
    let opened = files::Files::open(&after.0, lock).is_ok();
    let calls = faults::end();
    // A start that failed is tried again.
    assert!(opened || calls > 0);
    let store = in_files(&after.0).0;
    model.check(&*store, true, &told);
    let all: Vec<_> = model.values.keys().cloned().collect();
    let put = |key: &Vec<u8>| StoreOp::Put { db: 0, key: key.clone(), record: record(9, 99) };
    store.write(&all.iter().map(put).collect::<Vec<_>>(), true).unwrap();
    assert_eq!(store.counts().unwrap(), [(0, all.len() as u64)], "{told}");
    calls
}

/// A journal whose folder could not be synced was there and its number was not taken: a later change that was durable without a
/// journal was undone when the next start made that one again. And where a batch was interrupted, journals from before were made again
/// while clients read: they got values that had been overwritten.
#[test]
fn whichever_call_fails_no_older_value_comes_back() {
    for seed in 0..8 {
        let calls = over_failing_calls(seed, 0..0);
        assert!(calls > 10);
        for first in 0..calls {
            for count in [1, 4] {
                over_failing_calls(seed, first..first + count);
            }
        }
    }
}

/// A file whose key was damaged passed for one of another key with the same hash: its own key was not there, and a walk told of one that
/// never was.
#[test]
fn a_file_with_a_damaged_key_is_still_its_keys() {
    let folder = Scratch::new();
    let made = in_files(&folder.0);
    made.0.write(&[StoreOp::Put { db: 0, key: b"seven".to_vec(), record: record(9, 7) }], true).unwrap();
    let file = folder.0.join(file_of(0, b"seven"));
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(5).position(|window| window == b"seven").unwrap();
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    fs::write(&file, damaged).unwrap();
    assert!(made.0.get(0, b"seven").unwrap().is_some(), "the engine looks whether it is whole");
    let walk = |record_bytes| made.0.scan(Walk { db: 0, from: 0, limit: 7, record_bytes });
    assert_eq!(walk(HEAD).unwrap().0, []);
    let refused = walk(usize::MAX).unwrap_err().to_string();
    assert!(
        refused.contains(&*file_of(0, b"seven").to_string_lossy()),
        "a backup lacks no key in silence: {refused}"
    );
    made.0.write(&[StoreOp::Put { db: 0, key: b"seven".to_vec(), record: record(9, 8) }], true).unwrap();
    assert_eq!(made.0.counts().unwrap(), [(0, 1)]);
    assert_eq!(walked(&*made.0, 0, 7), [(b"seven".to_vec(), record(9, 8))]);
}

/// Numbers of jobs, as an engine gives them out when it opens its store.
pub(crate) fn two_jobs() -> [JobId; 2] {
    let host = crate::facts::facts();
    let mut engine = Engine::new(Options {
        commands: ALL_COMMANDS,
        config: Config::default(),
        host,
        seed: [0; 4],
        now: 0,
    });
    engine.carries_store(store_place);
    [(); 2].map(|()| engine.poll_job().unwrap().0)
}

/// The threads over a store, and what they wake.
fn started(store: &Arc<dyn Store>) -> (mio::Poll, Stores) {
    started_with(store, 10)
}

/// As [`started`], for so many jobs at once.
fn started_with(store: &Arc<dyn Store>, jobs: usize) -> (mio::Poll, Stores) {
    let poll = mio::Poll::new().unwrap();
    let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
    (poll, Stores::start(store, &waker, jobs).unwrap())
}

/// FLUSHALL's old files were removed in one go, and the writes behind it waited for seconds.
#[test]
fn writes_do_not_wait_for_a_database_that_is_cleared() {
    let folder = Scratch::new();
    let store: Arc<dyn Store> = Arc::from(in_files(&folder.0).0);
    let put = |db, n: u64| StoreOp::Put { db, key: format!("k{n}").into_bytes(), record: record(9, n) };
    store.write(&(0..1_000).map(|n| put(1, n)).collect::<Vec<_>>(), false).unwrap();
    let (_poll, stores) = started(&store);
    let [clear, write] = two_jobs();
    stores.send(clear, StoreJob::Clear { db: 1 });
    stores.send(write, StoreJob::Write { batch: vec![put(2, 0)], durable: false });
    let mut ended = Vec::new();
    while ended.len() < 2 {
        ended.extend(stores.poll().into_iter().map(|(id, _)| id));
        std::thread::yield_now();
    }
    assert_eq!(ended, [write, clear]);
    assert_eq!(store.counts().unwrap(), [(2, 1)]);
}

/// A store of which the tests say how it reads: the key "slow" takes a while, "bad" cannot be read, "meet" waits until four are read at the same
/// time, the others are their own records. A sync takes until it is told to end.
#[derive(Default)]
struct Moody {
    syncs: AtomicBool,
    met: AtomicU32,
}

impl Store for Moody {
    fn counts(&self) -> io::Result<Counts> {
        Ok(Vec::new())
    }

    fn get(&self, _db: u32, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        match key {
            b"bad" => return Err(io::Error::other("a bad sector")),
            b"slow" => std::thread::sleep(Duration::from_millis(5)),
            b"meet" => {
                self.met.fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                while self.met.load(Ordering::Relaxed) < 4 {
                    if begun.elapsed() > Duration::from_secs(20) {
                        return Err(io::Error::other("nobody else came"));
                    }
                    std::thread::yield_now();
                }
            }
            _ => {}
        }
        Ok(Some(key.to_vec()))
    }

    fn write(&self, _batch: &[StoreOp], _durable: bool) -> io::Result<Counts> {
        Ok(Vec::new())
    }

    fn sync(&self) -> io::Result<()> {
        while self.syncs.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Ok(())
    }

    fn scan(&self, _walk: Walk) -> io::Result<Page> {
        Ok((Vec::new(), None))
    }

    fn clear(&self, _db: u32, _from: u64) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// What this thread's help, or else a reader, makes of a job: the names that were read, with whether they could be, and those that were not;
/// whether this thread did it.
type Outcome = (Vec<(String, bool)>, Vec<String>, bool);

fn read_some(stores: &mut Stores, names: &[&str]) -> Outcome {
    let key = |name: &&str| StoreKey { db: 0, place: 0, key: name.as_bytes().to_vec() };
    stores.send(two_jobs()[0], StoreJob::ReadMany { keys: names.iter().map(key).collect(), bytes: 1 << 10 });
    let helped = stores.help();
    let by_this = helped.is_some();
    let mut ended: Vec<_> = helped.map(|(ended, _)| ended).into_iter().collect();
    while ended.is_empty() {
        std::thread::yield_now();
        ended = stores.poll();
    }
    let Done::Store(StoreDone::Records { read, unread }) = ended.remove(0).1 else { panic!("not records") };
    let name = |key: &StoreKey| String::from_utf8(key.key.clone()).unwrap();
    let told = |StoreRead { key, record }| (name(&key), record.is_ok_and(|record| record == Some(key.key)));
    (read.into_iter().map(told).collect(), unread.iter().map(name).collect(), by_this)
}

/// The thread that serves clients stood still for as long as a disk took for all the records of a job, and one slow record among many
/// quick ones passed for quick.
#[test]
fn a_job_of_many_records_ends_at_the_first_slow_one() {
    let store: Arc<dyn Store> = Arc::new(Moody::default());
    let (_poll, mut stores) = started(&store);
    let quick = ["a"; 64];
    let (read, unread, by_this) = loop {
        // Until reads are known to be quick, this thread leaves them to others.
        while !read_some(&mut stores, &quick).2 {}
        let outcome = read_some(&mut stores, &["a", "bad", "slow", "b", "bad", "c"]);
        // On a busy machine any read may take long.
        if outcome.0.len() >= 3 {
            break outcome;
        }
    };
    assert_eq!(read, ["a", "bad", "slow"].map(|name| (name.to_owned(), name != "bad")));
    assert_eq!((unread, by_this), (["b", "bad", "c"].map(str::to_owned).to_vec(), true));
    assert!(!read_some(&mut stores, &["slow"]).2, "it waits for no disk again");
    let long = "long".repeat(200);
    let (read, unread, _) = read_some(&mut stores, &[&long, &long, &long]);
    assert!(read.len() + unread.len() == 3 && !unread.is_empty(), "with enough bytes it ends");
}

/// Where a disk was waited for, one reader was called for all that had come, and each job was one read that the event loop had to come round
/// for: two processors read half of what the disk could do.
#[test]
fn readers_share_a_job_while_a_disk_is_waited_for() {
    let store: Arc<dyn Store> = Arc::new(Moody::default());
    let (_poll, mut stores) = started(&store);
    let in_memory = stores.read_together();
    let wait_for_disk = |stores: &mut Stores| (0..8).for_each(|_| _ = read_some(stores, &["slow"]));
    wait_for_disk(&mut stores);
    let together = stores.read_together();
    assert!((2..in_memory).contains(&together), "{together} of {in_memory}");
    let (read, unread, by_this) = read_some(&mut stores, &["meet", "bad", "meet", "meet", "meet"]);
    let failed: Vec<_> = read.iter().filter(|(_, is_read)| !is_read).map(|(name, _)| &**name).collect();
    assert_eq!((read.len(), unread.len(), failed, by_this), (5, 0, vec!["bad"], false));
    wait_for_disk(&mut stores);
    let long = "long".repeat(200);
    let (read, unread, _) = read_some(&mut stores, &[&*long; 40]);
    assert_eq!(read.len() + unread.len(), 40);
    assert!(unread.len() > 10, "with enough bytes it ends");
    wait_for_disk(&mut stores);
    let larger = "larger".repeat(10_000);
    read_some(&mut stores, &[&*larger]);
    wait_for_disk(&mut stores);
    assert_eq!(stores.read_together(), 1, "four of that size at once would be too much memory");
    let quick = ["a"; 64];
    while !read_some(&mut stores, &quick).2 {}
    assert_eq!(stores.read_together(), in_memory);
}

/// A shared job that may hold no bytes, which is what a cache of a few bytes allows, read nothing, and the engine asked for ever.
#[test]
fn a_shared_job_reads_one_record_at_least() {
    let [id, _] = two_jobs();
    let shared = Shared::new(id, 2, 0);
    let key = || StoreKey { db: 0, place: 0, key: b"key".to_vec() };
    assert!(!shared.is_full());
    assert!(shared.add(StoreRead { key: key(), record: Ok(Some(b"record".to_vec())) }).is_none());
    assert!(shared.is_full());
    let Some((_, Done::Store(StoreDone::Records { read, unread }))) = shared.leave(key()) else {
        panic!("no end")
    };
    assert_eq!((read.len(), unread.len()), (1, 1));
}

/// With one job at once there was one reader, and a read waited for a walk.
#[test]
fn a_read_goes_on_beside_a_snapshot_page_and_a_sync() {
    let moody = Arc::new(Moody { syncs: AtomicBool::new(true), ..Moody::default() });
    let store: Arc<dyn Store> = moody.clone();
    let (_poll, mut stores) = started_with(&store, 1);
    let [first, second] = two_jobs();
    stores.send(first, StoreJob::Sync);
    stores.send(second, StoreJob::Sync);
    assert_eq!(read_some(&mut stores, &["a"]).0, [("a".to_owned(), true)]);
    moody.syncs.store(false, Ordering::Relaxed);
}

/// Reads waited for a sync, once a second: nobody was called for them, as one reader worked.
#[test]
fn reads_go_on_beside_a_sync() {
    let moody = Arc::new(Moody { syncs: AtomicBool::new(true), ..Moody::default() });
    let store: Arc<dyn Store> = moody.clone();
    let (_poll, mut stores) = started(&store);
    let quick = ["a"; 64];
    while !read_some(&mut stores, &quick).2 {}
    let [sync, _] = two_jobs();
    stores.send(sync, StoreJob::Sync);
    for _ in 0..3 {
        let (read, _, by_this) = read_some(&mut stores, &quick);
        assert!(!read.is_empty() && !by_this, "by another reader");
    }
    moody.syncs.store(false, Ordering::Relaxed);
    while stores.poll().is_empty() {
        std::thread::yield_now();
    }
}

/// Files put together with a head and an end are a snapshot, as they were in 2011.
#[test]
fn a_file_is_an_entry_of_a_snapshot() {
    let folder = Scratch::new();
    let made = in_files(&folder.0);
    let mut loader = nuthatch_core::RdbLoader::new(true);
    loader.feed(b"REDIS0009");
    for (key, deadline) in [("key", 1_i64 << 40), ("other", NO_DEADLINE)] {
        // A check, the deadline, encoding "raw", type string, value "seven".
        let record = [&[1, 2, 3, 4][..], &deadline.to_le_bytes(), &[2, 0], b"\x05seven"].concat();
        made.0.write(&[StoreOp::Put { db: 3, key: key.into(), record }], false).unwrap();
        let file = folder.0.join(file_of(3, key.as_bytes()));
        loader.feed(&fs::read(file).unwrap());
    }
    loader.feed(b"\xff\0\0\0\0\0\0\0\0");
    loader.finish();
    let mut keys = Vec::new();
    while let Some(item) = loader.poll_item().unwrap() {
        if let nuthatch_core::RdbItem::Entry(entry) = item {
            entry.check().unwrap();
            keys.push((entry.key.to_vec(), entry.deadline));
        }
    }
    assert_eq!(keys, [(b"key".to_vec(), Some(1 << 40)), (b"other".to_vec(), None)]);
}

#[test]
fn a_folder_that_is_not_this_store_is_refused_in_one_line() {
    let mut config = Config::default();
    let refused = |path: &Path, engine: StoreEngine, config: &mut Config| {
        config.diskstore_path = path.to_string_lossy().into_owned().into_bytes();
        config.diskstore_engine = engine;
        let line = open(config).err().unwrap();
        assert!(line.contains(&path.display().to_string()) && !line.contains('\n'), "{line}");
        line
    };
    let folder = Scratch::new();
    let first = in_files(&folder.0);
    let line = refused(&folder.0, StoreEngine::Files, &mut config);
    assert!(line.contains("another process uses it"), "{line}");
    drop(first);
    let line = refused(&folder.0, StoreEngine::Default, &mut config);
    assert!(line.contains("made with diskstore-engine files"), "{line}");
    let mark = folder.0.join("nuthatch.store");
    let text = fs::read_to_string(&mark).unwrap();
    fs::write(&mark, text.replace("version 2", "version 1")).unwrap();
    let line = refused(&folder.0, StoreEngine::Files, &mut config);
    assert!(line.contains("its version is 1"), "{line}");
    fs::remove_file(&mark).unwrap();
    fs::write(folder.0.join("letters.txt"), "dear").unwrap();
    let line = refused(&folder.0, StoreEngine::Files, &mut config);
    assert!(line.contains("is no store of Nuthatch's"), "{line}");
    let letter = folder.0.join("letters.txt");
    let line = refused(&letter, StoreEngine::Files, &mut config);
    assert!(line.contains("has to be a folder"), "{line}");
    fs::remove_file(letter).unwrap();
    fs::write(&mark, "").unwrap();
    let line = refused(&folder.0, StoreEngine::Files, &mut config);
    assert!(line.contains("is damaged"), "{line}");
}

/// The tree's worker was asked to seal what was full in memory, and what came while it merged found no bound.
#[test]
fn the_tree_holds_little_that_is_not_in_files() {
    let folder = Scratch::new();
    let (store, _) = in_tree(&folder.0);
    let (mut most, mut written) = (0, 0);
    for batch in 0..300 {
        let put = |key: u64| StoreOp::Put {
            db: 0,
            key: format!("key:{}", batch * 10 + key).into_bytes(),
            record: record(100_000, key),
        };
        store.write(&(0..10).map(put).collect::<Vec<_>>(), false).unwrap();
        written += 1_000_000;
        most = most.max(store.memory().unwritten);
    }
    // Four of 16 MB that wait or are being filled, and as many that are in files and kept until others are sealed; where the disk is busy
    // with other things, one or two more. Mostly there are five to seven in all.
    assert!((1_000_000..10 * (17 << 20)).contains(&most), "{most} bytes of {written}");
}
