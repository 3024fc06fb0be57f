//! The default store: fjall, a log-structured merge tree. docs/diskstore.md says why this one.
//!
//! A database is a tree of its own, so that clearing it is dropping files. A key lies under its place and its name, so that
//! the tree's order is the walk's. The number of keys of each database lies in one more tree, and every batch that changes
//! it brings it along.

use super::failures::{is_damage, told, unopened};
use super::{Counts, Page, Store, Walk, journal, lock, trees};
use crate::log;
use fjall::compaction::Leveled;
use fjall::config::{CompressionPolicy, PartitioningPolicy, PinningPolicy};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions,
    OwnedWriteBatch, PersistMode, UserKey, UserValue,
};
use nuthatch_core::store_catalog::{self, Catalog};
use nuthatch_core::{StoreEntry, StoreMemory, StoreOp, store_place, store_record};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that a database gathers in memory before they become a file.
const MEMTABLE: u64 = 16 << 20;
/// Bytes of journal that a start may have to read again; the least that there can be.
const JOURNAL: u64 = 64 << 20;
/// Files of the first level that are merged into the second at once, and bytes of a file of the others. Keys come in the order
/// of a hash, so a merge into the second level rewrites all of it: it shall hold little, and be merged into seldom.
const MERGED_AT_ONCE: u8 = 8;
const FILE: u64 = 16 << 20;
/// From so many bytes on a value lies apart from its key, so that merging trees does not move it.
const APART: u32 = 512;
/// The tree's own cache of blocks, in bytes: an eighth of `cache-max-memory`, within these.
const LEAST_CACHE: u64 = 16 << 20;
const MOST_CACHE: u64 = 64 << 20;
/// Threads that write and merge files. With two, one of them hands itself the same task again and again while the other one
/// merges, which took a seventh of the processor.
const WORKERS: usize = 1;
/// Files that are held open.
const OPEN_FILES: usize = 512;
/// Memtables of a database that may wait to become files. Where the worker merges meanwhile, the thread that writes makes a file of
/// them itself.
const WAITING_MEMTABLES: usize = 2;
/// A write waits while as many wait, or the first level has so many runs. fjall would wait too, from four and thirty on,
/// but in steps of a tenth of a second, and for ever when its worker has met a full disk.
const TOO_MANY_MEMTABLES: usize = 3;
const TOO_MANY_RUNS: usize = 20;
/// How often such a wait looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// After a failure the tree must be opened anew, which reads its journal: not more often than this.
const BETWEEN_OPENINGS: Duration = Duration::from_secs(1);
/// The longest name that is part of the tree's key as it is; of a longer one so much is, and its hash.
const LONGEST_NAME: usize = 60_000;
const PLACE: usize = 8;
const HASH: usize = 32;
/// Damaged records of which the log tells.
const MOST_LOGGED: usize = 1_000;
const COUNTS: &str = "counts";

/// The store.
pub struct Lsm {
    folder: PathBuf,
    cache: u64,
    /// Nothing while it cannot be opened after a failure.
    tree: RwLock<Option<Tree>>,
    opened: Mutex<Opening>,
    /// Nobody waits for a walk any more.
    closing: AtomicBool,
    /// Held as long as the store is used.
    _lock: File,
}

/// When the tree was last opened, and why it could not be.
struct Opening {
    at: Instant,
    failure: Option<(io::ErrorKind, String)>,
}

impl Opening {
    fn outcome(&self) -> io::Result<()> {
        self.failure.as_ref().map_or(Ok(()), |(kind, text)| Err(io::Error::new(*kind, text.clone())))
    }
}

struct Tree {
    database: Database,
    counts_of: Keyspace,
    state: Mutex<State>,
    /// Keys of damaged records that the log has.
    logged: Mutex<BTreeSet<Vec<u8>>>,
}

#[derive(Default)]
struct State {
    databases: BTreeMap<u32, Keyspace>,
    counts: BTreeMap<u32, u64>,
}

/// The key under which a name lies.
fn key_of(name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(PLACE + name.len().min(LONGEST_NAME + HASH));
    key.extend_from_slice(&store_place(name).to_be_bytes());
    key.extend_from_slice(&name[..name.len().min(LONGEST_NAME)]);
    if name.len() > LONGEST_NAME {
        key.extend_from_slice(&Sha256::digest(name));
    }
    key
}

/// The changes in the tree's order, with their keys: one after another they find what they need of the tree in the processor's caches,
/// which takes 6 % off the processor's time for a SET.
fn in_order(batch: &[StoreOp]) -> Vec<(Vec<u8>, &StoreOp)> {
    let keyed = |op: &StoreOp| match op {
        StoreOp::Put { key, .. } | StoreOp::Delete { key, .. } => key_of(key),
    };
    let mut ordered: Vec<(Vec<u8>, &StoreOp)> = batch.iter().map(|op| (keyed(op), op)).collect();
    ordered.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    ordered
}

/// What lies there: the record, and before it the name where the key does not tell it.
fn value_of(name: &[u8], record: &[u8]) -> UserValue {
    if name.len() <= LONGEST_NAME {
        return record.into();
    }
    let mut value = Vec::with_capacity(4 + name.len() + record.len());
    value.extend_from_slice(&(name.len() as u32).to_le_bytes());
    value.extend_from_slice(name);
    value.extend_from_slice(record);
    value.into()
}

/// The name and the record of what lies under a key; `None` where it is not what this file writes.
fn parts<'a>(key: &'a [u8], value: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let name = key.get(PLACE..)?;
    if name.len() <= LONGEST_NAME {
        return Some((name, value));
    }
    let (len, rest) = value.split_at_checked(4)?;
    rest.split_at_checked(u32::from_le_bytes(len.try_into().ok()?) as usize)
}

/// Filters and indexes come in pieces of 4 KiB everywhere but in the first level. Whole ones are a megabyte and more for a file of
/// small keys: where the tree's cache is smaller than all of them, each look for a key read and checked one.
fn options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE)
        .compaction_strategy(Arc::new(
            Leveled::default().with_l0_threshold(MERGED_AT_ONCE).with_table_target_size(FILE),
        ))
        .filter_block_partitioning_policy(PartitioningPolicy::new([false, true]))
        .index_block_partitioning_policy(PartitioningPolicy::new([false, true]))
        .index_block_pinning_policy(PinningPolicy::new([true, false]))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        .with_kv_separation(Some(
            KvSeparationOptions::default().separation_threshold(APART).compression(CompressionType::None),
        ))
}

/// A value cannot be read, of a key that can. A walk that asks for the heads of records goes on without it; one that copies them ends.
fn leave_out(
    error: fjall::Error,
    key: &[u8],
    walk: Walk,
    logged: &Mutex<BTreeSet<Vec<u8>>>,
) -> fjall::Result<()> {
    if !is_damage(&error) {
        return Err(error);
    }
    let name = key.get(PLACE..).unwrap_or_default().escape_ascii();
    let said = |more| {
        format!(
            "The record of the key '{name}' is damaged{more}; set it anew, or bring the store back from a copy"
        )
    };
    if walk.record_bytes > store_record::HEAD {
        return Err(fjall::Error::Io(io::Error::other(said(""))));
    }
    // Walks come by again and again.
    let mut logged = lock(logged);
    if logged.len() < MOST_LOGGED && logged.insert(key.to_vec()) {
        log::warning(&said(" and is left out"));
    }
    Ok(())
}

fn name_of(db: u32) -> String {
    format!("db{db}")
}

impl Tree {
    fn open(folder: &Path, cache: u64, is_written: bool) -> io::Result<Self> {
        let tree = Self::open_files(folder, cache, is_written).map_err(unopened)?;
        tree.find_lost_trees()?;
        Ok(tree)
    }

    fn open_files(folder: &Path, cache: u64, is_written: bool) -> fjall::Result<Self> {
        let database = Database::builder(folder)
            .cache_size(cache)
            .max_journaling_size(JOURNAL)
            .max_cached_files(Some(OPEN_FILES))
            .worker_threads(WORKERS)
            .open()?;
        let mut state = State::default();
        for name in database.list_keyspace_names() {
            let Some(db) = name.strip_prefix("db").and_then(|number| number.parse().ok()) else { continue };
            state.databases.insert(db, database.keyspace(&name, options)?);
        }
        if (is_written || !state.databases.is_empty()) && !database.keyspace_exists(COUNTS) {
            return Err(fjall::Error::Io(trees::lost("the numbers of its keys are gone")));
        }
        let counts_of = database.keyspace(COUNTS, KeyspaceCreateOptions::default)?;
        for guard in counts_of.iter() {
            let (db, count) = guard.into_inner()?;
            let numbers = (<[u8; 4]>::try_from(&*db), <[u8; 8]>::try_from(&*count));
            if let (Ok(db), Ok(count)) = numbers {
                state.counts.insert(u32::from_be_bytes(db), u64::from_le_bytes(count));
            }
        }
        Ok(Self { database, counts_of, state: Mutex::new(state), logged: Mutex::default() })
    }

    /// Forgets counts without a tree, which are of databases that were being cleared.
    ///
    /// # Errors
    /// Such a database has keys by its count, and clients may select it.
    fn find_lost_trees(&self) -> io::Result<()> {
        let treeless: BTreeMap<u32, u64> = {
            let State { databases, counts } = &mut *lock(&self.state);
            let (kept, treeless) =
                mem::take(counts).into_iter().partition(|(db, _)| databases.contains_key(db));
            *counts = kept;
            treeless
        };
        if treeless.is_empty() {
            return Ok(());
        }
        let record = self.get(store_catalog::DATABASE, store_catalog::KEY).map_err(unopened)?;
        let catalog = record.and_then(|record| Catalog::decode(&record, 0));
        let is_dropped = |db| catalog.as_ref().is_some_and(|catalog| catalog.is_dropped(db));
        match treeless.into_iter().find(|(db, count)| *count > 0 && !is_dropped(*db)) {
            Some((_, count)) => Err(trees::lost(&format!("the {count} keys of a database are gone"))),
            None => Ok(()),
        }
    }

    fn database(&self, db: u32) -> Option<Keyspace> {
        lock(&self.state).databases.get(&db).cloned()
    }

    fn database_made(&self, db: u32) -> fjall::Result<Keyspace> {
        let mut state = lock(&self.state);
        if let Some(found) = state.databases.get(&db) {
            return Ok(found.clone());
        }
        let made = self.database.keyspace(&name_of(db), options)?;
        state.databases.insert(db, made.clone());
        Ok(made)
    }

    fn count(&self, db: u32) -> u64 {
        lock(&self.state).counts.get(&db).copied().unwrap_or(0)
    }

    fn get(&self, db: u32, name: &[u8]) -> fjall::Result<Option<Vec<u8>>> {
        let Some(database) = self.database(db) else { return Ok(None) };
        let key = key_of(name);
        let Some(value) = database.get(&key)? else { return Ok(None) };
        Ok(parts(&key, &value).map(|(_, record)| record.to_vec()))
    }

    fn write(&self, batch: &[StoreOp], durable: bool) -> fjall::Result<Counts> {
        let mut out = OwnedWriteBatch::with_capacity(self.database.clone(), batch.len() + 1);
        let mut changed: BTreeMap<u32, (Keyspace, u64)> = BTreeMap::new();
        for (key, op) in in_order(batch) {
            let (StoreOp::Put { db, key: name, .. } | StoreOp::Delete { db, key: name }) = op;
            let (database, count) = match changed.entry(*db) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert((self.database_made(*db)?, self.count(*db))),
            };
            // Where a block cannot be read nobody knows; to refuse would keep every write of the batch, and those behind it, waiting
            // for ever. The count of keys may then be too high, never too low: a database that has none by it is not looked into.
            let there = database.contains_key(&key).ok();
            match op {
                StoreOp::Put { record, .. } => {
                    *count += u64::from(there != Some(true));
                    out.insert(database, UserKey::from(key), value_of(name, record));
                }
                StoreOp::Delete { .. } if there != Some(false) => {
                    *count = count.saturating_sub(u64::from(there.is_some()));
                    out.remove(database, UserKey::from(key));
                }
                StoreOp::Delete { .. } => {}
            }
        }
        for (database, _) in changed.values() {
            self.wait_for_room(database)?;
        }
        let counts: BTreeMap<u32, u64> = changed.iter().map(|(db, (_, count))| (*db, *count)).collect();
        for (db, count) in &counts {
            out.insert(&self.counts_of, db.to_be_bytes(), count.to_le_bytes());
        }
        out = out.durability(Some(if durable { PersistMode::SyncData } else { PersistMode::Buffer }));
        out.commit()?;
        lock(&self.state).counts.extend(&counts);
        for (database, _) in changed.values() {
            self.bound_memtables(database)?;
        }
        Ok(counts.into_iter().collect())
    }

    /// Slows down to the pace of the worker that writes and merges files.
    ///
    /// # Errors
    /// The worker has failed, so that nothing would ever end the wait.
    fn wait_for_room(&self, database: &Keyspace) -> fjall::Result<()> {
        while database.tree.sealed_memtable_count() >= TOO_MANY_MEMTABLES
            || database.tree.l0_run_count() >= TOO_MANY_RUNS
        {
            self.database.persist(PersistMode::Buffer)?;
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Seals the memtable once it is full. fjall asks its worker for that, and while the worker merges, for seconds at a time
    /// where there are many keys, the memtable would grow.
    fn bound_memtables(&self, database: &Keyspace) -> fjall::Result<()> {
        let tree = &database.tree;
        if tree.active_memtable().size() < MEMTABLE {
            return Ok(());
        }
        // What the journal has of it, counts among it, must be on the disk before the file that this thread or the worker makes. (The one
        // worker syncs too, but then makes files of what was sealed meanwhile.)
        self.database.persist(PersistMode::SyncData)?;
        if tree.sealed_memtable_count() >= WAITING_MEMTABLES {
            let oldest_read = self.database.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
            tree.flush(&tree.get_flush_lock(), oldest_read)?;
        }
        // The worker may have sealed it meanwhile.
        if tree.active_memtable().size() >= MEMTABLE {
            database.rotate_memtable()?;
        }
        Ok(())
    }

    fn memory(&self) -> StoreMemory {
        let databases: Vec<Keyspace> = lock(&self.state).databases.values().cloned().collect();
        let mut memory = StoreMemory { cache: self.database.cache_size(), ..StoreMemory::default() };
        for database in databases {
            let tree = &database.tree;
            memory.unwritten += tree.version_memtable_size_sum();
            memory.indexes += (tree.pinned_filter_size() + tree.pinned_block_index_size()) as u64;
        }
        memory
    }

    /// Whether nothing is being written or merged, for which a read might have to wait.
    fn is_calm(&self) -> bool {
        self.database.outstanding_flushes() == 0 && self.database.active_compactions() == 0
    }

    fn scan(&self, walk: Walk, closing: &AtomicBool) -> fjall::Result<Page> {
        let Some(database) = self.database(walk.db) else { return Ok((Vec::new(), None)) };
        let mut entries = Vec::new();
        let mut last = 0;
        for guard in database.range(walk.from.to_be_bytes()..) {
            if closing.load(Ordering::Relaxed) {
                return Err(fjall::Error::Io(io::ErrorKind::Interrupted.into()));
            }
            let met = RefCell::new(None);
            let inner = guard.into_inner_if(|key| {
                met.replace(Some(key.clone()));
                true
            });
            let (key, value) = match (inner, met.into_inner()) {
                (Ok((key, value)), _) => (key, value.unwrap_or_else(|| UserValue::from([]))),
                (Err(error), Some(key)) => {
                    leave_out(error, &key, walk, &self.logged)?;
                    continue;
                }
                (Err(error), None) => return Err(error),
            };
            let place =
                key.get(..PLACE).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
            if entries.len() >= walk.limit && place != last {
                return Ok((entries, Some(place)));
            }
            last = place;
            let Some((name, record)) = parts(&key, &value) else { continue };
            let record = &record[..record.len().min(walk.record_bytes)];
            entries.push(StoreEntry { key: name.to_vec(), record: record.to_vec() });
        }
        Ok((entries, None))
    }

    /// What told that nobody wants them must be on the disk before files go.
    fn clear(&self, db: u32) -> fjall::Result<()> {
        if let Some(database) = self.database(db) {
            self.database.persist(PersistMode::SyncData)?;
            self.database.delete_keyspace(database)?;
        }
        self.counts_of.remove(db.to_be_bytes())?;
        let mut state = lock(&self.state);
        state.counts.remove(&db);
        let last_handle = state.databases.remove(&db);
        // The files go with it, and nobody shall wait for that.
        drop(state);
        drop(last_handle);
        Ok(())
    }
}

impl Lsm {
    /// Opens the store in this folder, or makes it; `memory` is `cache-max-memory`, 0 for no bound.
    ///
    /// # Errors
    /// Those of the files; that they are not a store.
    pub fn open(folder: &Path, lock: File, memory: u64) -> io::Result<Self> {
        let cache = if memory == 0 { MOST_CACHE } else { (memory / 8).clamp(LEAST_CACHE, MOST_CACHE) };
        let tree = opened(folder, cache)?;
        Ok(Self {
            folder: folder.to_owned(),
            cache,
            tree: RwLock::new(Some(tree)),
            opened: Mutex::new(Opening { at: Instant::now(), failure: None }),
            closing: AtomicBool::default(),
            _lock: lock,
        })
    }

    fn tree(&self) -> RwLockReadGuard<'_, Option<Tree>> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&Tree) -> fjall::Result<T>) -> io::Result<T> {
        if let Some(tree) = &*self.tree() {
            return work(tree).map_err(told);
        }
        self.open_anew()?;
        match &*self.tree() {
            Some(tree) => work(tree).map_err(told),
            None => Err(io::Error::other("the store could not be opened again after a failure")),
        }
    }

    /// Changes something. A failure leaves fjall unwilling to write, so after one it is opened anew, which finds what was
    /// written wholly and drops the rest. Where that fails too, its reason is the one that tells what is wrong: fjall itself only says
    /// that something was.
    fn change<T>(&self, work: impl FnOnce(&Tree) -> fjall::Result<T>) -> io::Result<T> {
        self.with(work).map_err(|error| self.open_anew().err().unwrap_or(error))
    }

    /// Syncs the journals' files. fjall would do it with the journal locked, and every write would stand still for as long as
    /// the disk takes. One that goes meanwhile is not needed: what it had is in files that are durable.
    fn sync_journals(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == journal::EXTENSION) {
                match File::open(&path) {
                    Ok(file) => file.sync_data()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// Why it cannot be opened now, or could not a moment ago.
    fn open_anew(&self) -> io::Result<()> {
        let mut opening = lock(&self.opened);
        if opening.at.elapsed() < BETWEEN_OPENINGS {
            return opening.outcome();
        }
        let outcome = self.replace_tree();
        opening.at = Instant::now();
        opening.failure = outcome.as_ref().err().map(|error| (error.kind(), error.to_string()));
        outcome
    }

    fn replace_tree(&self) -> io::Result<()> {
        // Where nothing can be written it would not open again, and this one still reads.
        try_writing(&self.folder)?;
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        // The old one must be closed before: it holds the files.
        *tree = None;
        let outcome = opened(&self.folder, self.cache);
        if let Err(error) = &outcome {
            log::warning(&format!("The diskstore can't be opened again after a failure: {error}"));
        }
        *tree = Some(outcome?);
        Ok(())
    }
}

fn opened(folder: &Path, cache: u64) -> io::Result<Tree> {
    let is_written = journal::mend(folder)?;
    if trees::find_names(folder, is_written)? {
        trees::find_lost(folder).map_err(unopened)?;
    } else {
        journal::begin_anew(folder)?;
    }
    Tree::open(folder, cache, is_written)
}

/// Writes a file there and makes it durable.
fn try_writing(folder: &Path) -> io::Result<()> {
    let probe = folder.join("probe");
    let written = File::create(&probe).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_data()
    });
    let removed = fs::remove_file(&probe);
    written.and(removed)
}

impl Store for Lsm {
    fn counts(&self) -> io::Result<Counts> {
        self.with(|tree| {
            let counts = &lock(&tree.state).counts;
            Ok(counts.iter().filter(|(_, count)| **count > 0).map(|(db, count)| (*db, *count)).collect())
        })
    }

    fn get(&self, db: u32, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.with(|tree| tree.get(db, key))
    }

    fn write(&self, batch: &[StoreOp], durable: bool) -> io::Result<Counts> {
        self.change(|tree| tree.write(batch, durable))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(|tree| {
            tree.database.persist(PersistMode::Buffer)?;
            Ok(self.sync_journals()?)
        })
    }

    fn scan(&self, walk: Walk) -> io::Result<Page> {
        self.with(|tree| tree.scan(walk, &self.closing))
    }

    fn clear(&self, db: u32, _: u64) -> io::Result<Option<u64>> {
        self.change(|tree| tree.clear(db)).map(|()| None)
    }

    fn memory(&self) -> StoreMemory {
        self.tree().as_ref().map_or_else(StoreMemory::default, Tree::memory)
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn is_calm(&self) -> bool {
        // Where it is locked, it is being opened anew.
        self.tree.try_read().is_ok_and(|tree| tree.as_ref().is_some_and(Tree::is_calm))
    }
}

/// Leaves the folder as a kill does that comes when a database's files were dropped, and its count was not.
#[cfg(test)]
pub fn drop_files(folder: &Path, db: u32) {
    let tree = Tree::open(folder, LEAST_CACHE, true).unwrap();
    tree.database.delete_keyspace(tree.database(db).unwrap()).unwrap();
}
