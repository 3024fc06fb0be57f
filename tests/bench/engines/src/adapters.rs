//! The engines behind one trait, each with the settings that the store would give it.
#![expect(clippy::expect_used, reason = "a measurement ends at the first failure")]

use canopydb::{DbOptions, EnvOptions};
use fjall::config::CompressionPolicy;
use fjall::{CompressionType, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use redb::{Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keys with their values.
pub type Batch = Vec<(Vec<u8>, Vec<u8>)>;

const CACHE: u64 = 64 << 20;

/// What a store needs of an engine.
pub trait Engine: Send + Sync {
    /// Puts all or nothing, so that it outlasts the end of the process; and a power cut if it is to be synced.
    fn put(&self, batch: &Batch, synced: bool);
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// How many keys there are, without a walk.
    fn count(&self) -> u64;
    /// How many keys a walk meets.
    fn scan(&self) -> usize;
}

/// Opens an engine.
pub fn open(name: &str, path: &Path) -> Arc<dyn Engine> {
    match name {
        "fjall" => Arc::new(Fjall::open(path)),
        "redb" => Arc::new(Redb::open(path)),
        _ => Arc::new(Canopy::open(path)),
    }
}

struct Fjall {
    database: fjall::Database,
    data: fjall::Keyspace,
    counts: fjall::Keyspace,
    count: AtomicU64,
}

fn tree() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(16 << 20)
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        .with_kv_separation(Some(
            KvSeparationOptions::default().separation_threshold(512).compression(CompressionType::None),
        ))
}

impl Fjall {
    fn open(path: &Path) -> Self {
        let database = fjall::Database::builder(path).cache_size(CACHE).max_journaling_size(64 << 20);
        let database = database.worker_threads(2).open().expect("a database");
        let data = database.keyspace("data", tree).expect("a tree");
        let counts = database.keyspace("counts", KeyspaceCreateOptions::default).expect("a tree");
        let count = counts.get("all").expect("a read");
        let count = count.map_or(0, |bytes| u64::from_le_bytes(bytes[..].try_into().expect("8 bytes")));
        Self { database, data, counts, count: count.into() }
    }
}

impl Engine for Fjall {
    fn put(&self, batch: &Batch, synced: bool) {
        let mode = if synced { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut out = self.database.batch().durability(Some(mode));
        let mut count = self.count.load(Ordering::Relaxed);
        for (key, value) in batch {
            count += u64::from(!self.data.contains_key(key).expect("a read"));
            out.insert(&self.data, key.as_slice(), value.as_slice());
        }
        out.insert(&self.counts, "all", count.to_le_bytes());
        out.commit().expect("a write");
        self.count.store(count, Ordering::Relaxed);
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.data.get(key).expect("a read").map(|value| value.to_vec())
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn scan(&self) -> usize {
        self.data.iter().map(|guard| guard.key().expect("a read")).count()
    }
}

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("data");

struct Redb(redb::Database);

impl Redb {
    fn open(path: &Path) -> Self {
        let mut builder = redb::Builder::new();
        let database = builder.set_cache_size(CACHE as usize).create(path.join("redb")).expect("a database");
        let write = database.begin_write().expect("a transaction");
        write.open_table(TABLE).expect("a table");
        write.commit().expect("a write");
        Self(database)
    }
}

impl Engine for Redb {
    fn put(&self, batch: &Batch, _synced: bool) {
        let mut write = self.0.begin_write().expect("a transaction");
        // What is committed with less is gone with the process.
        write.set_durability(Durability::Immediate).expect("a mode");
        write.set_quick_repair(true);
        let mut table = write.open_table(TABLE).expect("a table");
        for (key, value) in batch {
            table.insert(key.as_slice(), value.as_slice()).expect("an insert");
        }
        drop(table);
        write.commit().expect("a write");
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let read = self.0.begin_read().expect("a transaction");
        let table = read.open_table(TABLE).expect("a table");
        table.get(key).expect("a read").map(|value| value.value().to_vec())
    }

    fn count(&self) -> u64 {
        self.0.begin_read().expect("a transaction").open_table(TABLE).expect("a table").len().expect("a count")
    }

    fn scan(&self) -> usize {
        let read = self.0.begin_read().expect("a transaction");
        read.open_table(TABLE).expect("a table").iter().expect("a walk").count()
    }
}

struct Canopy(canopydb::Database);

impl Canopy {
    fn open(path: &Path) -> Self {
        let mut options = EnvOptions::new(path);
        options.page_cache_size = CACHE as usize;
        let database = canopydb::Database::with_options(options, DbOptions::new()).expect("a database");
        let write = database.begin_write().expect("a transaction");
        write.get_or_create_tree(b"data").expect("a tree");
        write.commit().expect("a write");
        Self(database)
    }
}

impl Engine for Canopy {
    fn put(&self, batch: &Batch, synced: bool) {
        let write = self.0.begin_write().expect("a transaction");
        let mut tree = write.get_or_create_tree(b"data").expect("a tree");
        for (key, value) in batch {
            tree.insert(key, value).expect("an insert");
        }
        drop(tree);
        write.commit_with(synced).expect("a write");
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let read = self.0.begin_read().expect("a transaction");
        let tree = read.get_tree(b"data").expect("a read").expect("the tree");
        tree.get(key).expect("a read").map(|value| value.to_vec())
    }

    fn count(&self) -> u64 {
        let read = self.0.begin_read().expect("a transaction");
        read.get_tree(b"data").expect("a read").expect("the tree").len()
    }

    fn scan(&self) -> usize {
        let read = self.0.begin_read().expect("a transaction");
        read.get_tree(b"data").expect("a read").expect("the tree").keys().expect("a walk").count()
    }
}
