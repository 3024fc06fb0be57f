//! The stores of diskstore: where records live by key when memory is a cache.
//!
//! [`Store`] says what a store does, [`open`] finds the configured one, [`Stores`] has the threads that carry out the
//! engine's jobs on it. Each store is one file, or one folder where it is a layout of files of our own.

mod claim;
mod failures;
mod files;
mod journal;
mod lsm;
mod pool;
mod queue;
mod rests;
mod shared;
#[cfg(test)]
pub(crate) mod tests;
mod trees;

use nuthatch_core::{Config, StoreEngine, StoreEntry, StoreMemory, StoreOp};
pub use pool::Stores;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A page of a walk: its keys, and where to go on, if the walk is not at its end.
pub type Page = (Vec<StoreEntry>, Option<u64>);

/// How many keys databases have.
pub type Counts = Vec<(u32, u64)>;

/// Which part of a database is walked over; the fields are those of the engine's job.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// The database.
    pub db: u32,
    /// The first place.
    pub from: u64,
    /// So many keys, and those of the last one's place.
    pub limit: usize,
    /// Of each record so many bytes at most.
    pub record_bytes: usize,
}

/// Databases of records by key.
///
/// Reads and walks may come from several threads at once and beside one write; writes come one after another.
pub trait Store: Send + Sync {
    /// The databases that have keys, with how many.
    ///
    /// # Errors
    /// Those of the files.
    fn counts(&self) -> io::Result<Counts>;

    /// The key's record, if it has one.
    ///
    /// # Errors
    /// Those of the files.
    fn get(&self, db: u32, key: &[u8]) -> io::Result<Option<Vec<u8>>>;

    /// Makes all these changes or none; they outlast the process, and where `durable` a power cut too. No key comes twice.
    /// Gives the number of keys of each database that it changed.
    ///
    /// # Errors
    /// Those of the files: none of the changes was made, or none for certain.
    fn write(&self, batch: &[StoreOp], durable: bool) -> io::Result<Counts>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// Those of the files.
    fn sync(&self) -> io::Result<()>;

    /// A part of a database in the order of its keys' places.
    ///
    /// # Errors
    /// Those of the files.
    fn scan(&self, walk: Walk) -> io::Result<Page>;

    /// Removes keys of a database that nobody uses meanwhile, from a place on, and gives the place to go on with; `None`: all are
    /// gone. A call takes some milliseconds. Begun again after a crash, it goes on.
    ///
    /// # Errors
    /// Those of the files.
    fn clear(&self, db: u32, from: u64) -> io::Result<Option<u64>>;

    /// Tells that nobody waits for walks any more: one that is under way may end at once, with an error.
    fn close(&self) {}

    /// What it holds in memory.
    fn memory(&self) -> StoreMemory {
        StoreMemory::default()
    }

    /// Whether a read waits for nothing but its own file, because the store does not tidy up at the moment. Called before reads
    /// on the thread that serves clients; it must not wait.
    fn is_calm(&self) -> bool {
        true
    }
}

/// A store, and the order in which it is walked.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// A key's place in a walk.
    pub place: fn(&[u8]) -> u64,
}

/// Opens the store that the configuration names, or makes it; nobody else may use its folder until this process ends.
///
/// # Errors
/// One line that says where, what is wrong and what to do.
pub fn open(config: &Config) -> Result<Opened, String> {
    let path = Path::new(OsStr::from_bytes(&config.diskstore_path));
    let engine = config.diskstore_engine;
    let name = if engine == StoreEngine::Files { "files" } else { "default" };
    let lock = claim::claim(path, name)?;
    let told = |error: io::Error| claim::told(path, &error);
    Ok(if engine == StoreEngine::Files {
        Opened { store: Arc::new(files::Files::open(path, lock).map_err(told)?), place: files::place }
    } else {
        let memory = u64::try_from(config.cache_max_memory).unwrap_or(0);
        Opened {
            store: Arc::new(lsm::Lsm::open(path, lock, memory).map_err(told)?),
            place: nuthatch_core::store_place,
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
