//! What commands see of snapshots: the state that INFO and LASTSAVE tell, the requests that SAVE and its kin leave for
//! the engine, and the notice that the door gives before keys change.

use alloc::string::String;
use alloc::vec::Vec;

use crate::db::Data;
use crate::keyspace::database::Database;
use crate::page::Place;
use crate::rdb::Snapshot;
use crate::session::SessionId;
use crate::words::reach::{PAGES, SERVER, STORE};
use crate::words::time::UnixMillis;

/// Behind the name of a file of which not all was understood, before a snapshot takes its place.
pub const ORIGINAL: &[u8] = b".original";

/// What a command asks of the engine. The session of a request that has one waits for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveRequest {
    /// SAVE.
    Foreground(SessionId),
    /// BGSAVE, or a save point was reached.
    Background,
    /// FLUSHALL: a crash must not bring the old keys back.
    Flushed,
    /// BGREWRITEAOF.
    Rewrite,
    /// DEBUG RELOAD.
    Reload {
        /// Who waits.
        session: SessionId,
        /// The dataset is saved first.
        save: bool,
        /// What becomes of the keys that are there.
        present: Present,
    },
    /// DEBUG LOADAOF.
    Replay(SessionId),
}

/// What becomes of the keys that are there when a file is loaded into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// They go.
    Go,
    /// They stay, and a key that the file has too refuses the file.
    Stay,
    /// They stay, but for those that the file has too.
    GiveWay,
}

/// How far a dataset's load is.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadProgress {
    /// When it began.
    pub started: UnixMillis,
    /// How many bytes of the file have been loaded.
    pub loaded: u64,
    /// How many bytes the file has, as far as known.
    pub total: u64,
    /// Memory that the server used which wrote the file, if it says so.
    pub used_memory: i64,
    /// Keys loaded.
    pub keys: u64,
    /// Keys left out because their deadline had passed.
    pub expired: u64,
}

/// The journal as INFO tells of it.
#[derive(Debug, Default)]
pub struct AofState {
    /// Why the last write failed, as long as the journal is not in order again.
    pub error: Option<String>,
    /// When the running rewrite began.
    pub rewriting_since: Option<UnixMillis>,
    /// A BGREWRITEAOF waits until the present work is done.
    pub scheduled: bool,
    /// How long the last rewrite took, in milliseconds.
    pub last_rewrite: Option<UnixMillis>,
    /// Whether the last rewrite failed, and when.
    pub last_failure: Option<UnixMillis>,
    /// Whether the last rewrite was good.
    pub last_rewrite_ok: bool,
    /// Rewrites that failed one after the other, up to now.
    pub failures: u64,
    /// How many rewrites were done.
    pub rewrites: u64,
    /// Size of the files that are loaded at a start, in bytes.
    pub size: u64,
    /// That size after the last rewrite, or at the start.
    pub base_size: u64,
    /// Fsyncs that are under way.
    pub syncs: u32,
    /// How often a fsync under `everysec` was due while the one before had not ended.
    pub delayed: u64,
}

/// Snapshots as INFO and LASTSAVE tell of them.
#[derive(Debug)]
pub struct Persistence {
    /// The host carries files; where it does not, nothing is saved or loaded.
    pub files: bool,
    /// What commands ask of the engine.
    pub requests: Vec<SaveRequest>,
    /// A BGSAVE waits until the present work is done.
    pub scheduled: bool,
    /// When the last good snapshot was finished, or the server started.
    pub last_save: UnixMillis,
    /// When a snapshot in the background was last begun.
    pub last_try: UnixMillis,
    /// Whether the last snapshot in the background was good.
    pub last_ok: bool,
    /// How long the last snapshot took, in milliseconds.
    pub last_duration: Option<UnixMillis>,
    /// When the running snapshot began.
    pub saving_since: Option<UnixMillis>,
    /// The running snapshot is a SAVE's.
    pub foreground: bool,
    /// The running snapshot is one that is loaded in place of the dataset when it is done.
    pub reloading: bool,
    /// How many snapshots were begun.
    pub saves: u64,
    /// The file that the dataset was loaded from, if some of its keys have types that are not known here: nothing writes over it
    /// before it has another name.
    pub incomplete: Option<Vec<u8>>,
    /// Keys that the running snapshot has walked over, of so many; told of those over a store.
    pub walked: (u64, u64),
    /// The journal.
    pub aof: AofState,
    /// The load that is running, or the last one.
    pub load: LoadProgress,
    /// When the log was last told how far a load or a snapshot is.
    pub shown: UnixMillis,
}

impl Persistence {
    /// At the server's start.
    pub fn new(now: UnixMillis) -> Self {
        Self {
            files: false,
            requests: Vec::new(),
            scheduled: false,
            last_save: now,
            last_try: 0,
            last_ok: true,
            last_duration: None,
            saving_since: None,
            foreground: false,
            reloading: false,
            saves: 0,
            incomplete: None,
            walked: (0, 0),
            aof: AofState { last_rewrite_ok: true, ..AofState::default() },
            load: LoadProgress::default(),
            shown: now,
        }
    }
}

impl Data {
    /// A key of a database is about to change, come or go: a running snapshot takes it as it is.
    #[inline]
    pub fn before_change(&mut self, db: usize, key: &[u8]) {
        if SERVER && let Some(snapshot) = &mut self.snapshot {
            let hash = self.keyspace.hash(key);
            let database = self.keyspace.db(db);
            let record = database.find(hash, key).map(|slot| database.get(slot));
            snapshot.before_change(db, hash, key, record);
        }
        if STORE && let Some(store) = &mut self.store {
            store.before_change(db, key, &self.keyspace);
        }
    }

    /// Empties a database and gives out what it held, if a running snapshot has no need of it.
    pub fn empty(&mut self, db: usize) -> Option<Database> {
        if STORE && let Some(store) = &mut self.store {
            store.flush(db, &self.keyspace);
        }
        let keys = self.keyspace.take(db);
        self.forget_pages(&keys);
        self.paging.storing.forget_database(db);
        match &mut self.snapshot {
            Some(snapshot) if SERVER => snapshot.before_flush(db, keys),
            _ => Some(keys),
        }
    }

    /// Gives back the pages of keys that go.
    pub fn forget_pages(&mut self, keys: &Database) {
        if !PAGES || self.paging.used_pages() == 0 && self.paging.swapped == 0 {
            return;
        }
        for record in keys.iter().filter(|record| record.has_pages()) {
            if let Some(place) = record.place().and_then(Place::decode) {
                self.paging.free(&place);
                self.paging.swapped -= usize::from(record.is_paged());
            }
        }
    }

    /// Values on their way to the page device stay: their keys are about to have another database.
    fn end_storing(&mut self) {
        let keyspace = &mut self.keyspace;
        self.paging.storing.end_all(|hash, (db, key)| {
            let database = keyspace.db_mut(*db);
            if let Some(slot) = database.find(hash, key).filter(|slot| database.get(*slot).is_storing()) {
                database.get_mut(slot).set_storing(false);
            }
        });
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.end_storing();
        self.keyspace.swap(a, b);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.swapped(a, b);
        }
        if STORE && let Some(store) = &mut self.store {
            store.swap(a, b);
        }
    }

    /// The running snapshot, if there is one.
    pub fn snapshot(&mut self) -> Option<&mut Snapshot> {
        self.snapshot.as_deref_mut()
    }
}
