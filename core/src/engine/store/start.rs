//! The store's start and end: what it holds is asked first, what it lacks is written last.

use super::{Stage, StoreDone, StoreJob, StoreStep};
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::server::{PauseKind, Request};
use crate::session::SessionId;
use crate::store::catalog::{self, Catalog};
use crate::words::config::Config;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::format;
use alloc::string::String;

/// Without a delay of its own, what was written is made durable this often, in milliseconds.
const SYNC_PERIOD: UnixMillis = 1_000;

impl Engine {
    /// Asks the store what it holds; until that is known commands are refused as while a dataset is loaded.
    pub(super) fn open_store(&mut self) {
        self.server.loading = true;
        self.store.stage = Stage::Opening(2);
        self.push_store(StoreStep::Count, StoreJob::Count);
        let (db, key) = (catalog::DATABASE, catalog::KEY.to_vec());
        self.push_store(StoreStep::Catalog, StoreJob::Read { db, key });
    }

    pub(super) fn store_opened(&mut self, step: StoreStep, done: Done) {
        let Stage::Opening(left) = self.store.stage else { return };
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let failure = match (step, done) {
            (StoreStep::Count, Done::Store(StoreDone::Counts(counts))) => {
                counts.iter().for_each(|(db, count)| store.set_count(*db, *count));
                None
            }
            (StoreStep::Catalog, Done::Store(StoreDone::Record(Some(bytes)))) => {
                match Catalog::decode(&bytes, self.data.keyspace.count()) {
                    Some(catalog) => {
                        store.catalog = catalog;
                        None
                    }
                    None => Some(String::from("its catalog of databases is damaged")),
                }
            }
            (StoreStep::Catalog, Done::Store(StoreDone::Record(None))) => None,
            (_, Done::Failed(error)) => Some(error.text),
            _ => Some(String::from("it gave an answer to another question")),
        };
        let failure = failure.or_else(|| if SERVER && left == 1 { self.databases_lacked() } else { None });
        if let Some(reason) = failure {
            self.tell(|config| {
                let path = String::from_utf8_lossy(&config.diskstore_path);
                Request::Fatal(
                    ["Fatal error opening the diskstore '", &path, "': ", &reason, ". Exiting."].concat(),
                )
            });
        } else if left > 1 {
            self.store.stage = Stage::Opening(left - 1);
        } else if let Some(store) = self.data.store.as_deref_mut() {
            if SERVER {
                store.doom_forgotten();
            }
            store.note_used();
            self.store.stage = Stage::Open;
            self.server.loading = false;
            self.tell(|_| Request::Log(String::from("The diskstore is open.")));
        }
    }

    /// Why the store cannot be used with so few databases as are configured: keys of others would be there for nobody.
    fn databases_lacked(&self) -> Option<String> {
        let (store, databases) = (self.data.store.as_deref()?, self.data.keyspace.count());
        let last = store.last_beyond(databases)?;
        Some(format!(
            "it has keys in database {last}, and 'databases' is {databases}; set that to {} at least",
            last + 1
        ))
    }

    /// A chip has no log.
    pub(super) fn tell(&mut self, request: impl FnOnce(&Config) -> Request) {
        if SERVER {
            self.server.requests.push(request(&self.server.config));
        }
    }

    /// Whether a sync shows when a store that failed works again: nothing else is to be written or cleared.
    fn is_tried_by_sync(&self) -> bool {
        self.must_try_store() && self.doomed().is_none()
    }

    /// Makes durable what was written, once a second, and tries a store that failed.
    pub(super) fn sync_if_due(&mut self) {
        let wanted = self.store.unsynced || self.is_tried_by_sync();
        let due = wanted && self.now - self.store.last_sync >= SYNC_PERIOD;
        if due && !self.store.syncing {
            self.sync_store();
        }
    }

    fn sync_store(&mut self) {
        self.store.syncing = true;
        self.store.unsynced = false;
        self.store.last_sync = self.now;
        self.push_store(StoreStep::Sync, StoreJob::Sync);
    }

    pub(super) fn store_synced(&mut self, done: &Done) {
        self.store.syncing = false;
        if let Done::Failed(error) = done {
            self.store.unsynced = true;
            let text = error.text.clone();
            self.note_store_failure(&text);
        } else if self.is_tried_by_sync() {
            self.note_store_success();
        }
        self.end_if_closed();
    }

    /// Clears what FLUSHDB left, one database after another.
    pub(super) fn clear_doomed(&mut self) {
        let Some(store) = self.data.store.as_deref() else { return };
        let known = store.is_catalog_saved() && store.instant.is_none();
        let works = store.error.is_none() || self.must_try_store() && self.store.retry_at.is_none();
        let Some(db) = self.doomed() else { return };
        if known && works && self.store.clearing.is_none() && self.store.stage == Stage::Open {
            self.store.clearing = Some(db);
            self.push_store(StoreStep::Clear(db), StoreJob::Clear { db });
        }
    }

    /// The next database that is to be cleared.
    fn doomed(&self) -> Option<u32> {
        let loaded =
            |db: &u32| self.store.import.as_ref().is_some_and(|import| import.databases.contains(db));
        self.data.store.as_deref()?.catalog.doomed().iter().copied().find(|db| !loaded(db))
    }

    pub(super) fn store_cleared(&mut self, db: u32, done: &Done) {
        self.store.clearing = None;
        let Some(store) = self.data.store.as_deref_mut() else { return };
        match done {
            Done::Failed(error) => {
                let text = error.text.clone();
                self.note_store_failure(&text);
            }
            _ => {
                store.cleared(db);
                if self.must_try_store() {
                    self.note_store_success();
                }
            }
        }
    }

    /// Saves everything before the server ends; false: nothing is left to do.
    /// What can't be saved is given up only if nothing is to be saved (`save`).
    pub(super) fn begin_closing_store(&mut self, save: Option<bool>, by: Option<SessionId>) -> bool {
        match self.store.stage {
            Stage::Off | Stage::Opening(_) | Stage::Closed => return false,
            Stage::Closing => return true,
            Stage::Open if SERVER && save == Some(false) && self.store_fails() => return false,
            Stage::Open => {}
        }
        self.store.stage = Stage::Closing;
        self.store.closed_by = by;
        // What clients still write would not be saved.
        self.server.pause = Some((PauseKind::All, UnixMillis::MAX));
        self.store.retry_at = None;
        self.pump_store();
        self.end_if_closed();
        true
    }

    fn store_fails(&self) -> bool {
        self.data.store.as_deref().is_some_and(|store| store.error.is_some())
    }

    /// Goes on with the server's end once all is saved.
    pub(super) fn end_if_closed(&mut self) {
        let Some(store) = self.data.store.as_deref() else { return };
        let (last, saved) = store.progress();
        if self.store.stage != Stage::Closing {
            return;
        }
        if store.error.is_some() {
            self.store.stage = Stage::Open;
            self.server.pause = Some((PauseKind::All, self.now));
            let line = "Keys cannot be saved to the diskstore, so the server does not end. Free its disk and try again, or give them up: SHUTDOWN NOSAVE.";
            self.tell(|_| Request::Log(String::from(line)));
            if SERVER && let Some(session) = self.store.closed_by.take() {
                self.end_job_wait(session, Err("ERR Errors trying to SHUTDOWN. Check logs."));
            }
        } else if saved == last && self.store.writes == 0 && !self.store.syncing {
            if self.store.unsynced {
                return self.sync_store();
            }
            self.store.stage = Stage::Closed;
            self.server.requests.push(Request::Shutdown { save: Some(false), by: None });
        }
    }
}
