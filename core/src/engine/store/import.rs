//! A snapshot's file that is loaded into the store: into databases of the store that nobody sees until the file is whole.
//! They are doomed before anything is written to them, so that after a crash nothing of them stays.

use super::{MOST_WRITES, StoreDone, StoreJob, StoreStep};
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::keyspace::Keyspace;
use crate::store::{StoreOp, record};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Batches that wait before no more of the file is read.
const MOST_WAITING: usize = 4;

/// A load on its way into the store.
#[derive(Debug)]
pub(super) struct Import {
    /// The store's databases, in the order of the numbers that clients select.
    pub(super) databases: Vec<u32>,
    waiting: VecDeque<Vec<StoreOp>>,
    writing: usize,
    /// The number of its first write: those of a load that was given up may end later.
    first: u32,
    /// The file has been read to its end.
    whole: bool,
}

impl Engine {
    /// A file is about to be loaded.
    pub(super) fn begin_import(&mut self) {
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let databases = store.reserve(self.data.keyspace.count());
        let waiting = VecDeque::new();
        let first = self.store.ended.handed;
        self.store.import = Some(Box::new(Import { databases, waiting, writing: 0, first, whole: false }));
        self.settle_store();
    }

    /// Keys of the file.
    pub(super) fn import_keys(&mut self, keyspace: &Keyspace) {
        let (Some(import), Some(encoder), Some(store)) =
            (&mut self.store.import, self.store.encoder.as_deref_mut(), self.data.store.as_deref_mut())
        else {
            return;
        };
        let mut batch = Vec::new();
        for (index, database) in keyspace.iter() {
            for found in database.iter() {
                let Some(value) = found.value() else { continue };
                store.soonest = store.soonest.into_iter().chain(found.deadline()).min();
                let record = record::encode(found.key(), value, found.deadline(), encoder);
                batch.push(StoreOp::Put { db: import.databases[index], key: found.key().to_vec(), record });
            }
        }
        if !batch.is_empty() {
            import.waiting.push_back(batch);
        }
    }

    /// Whether more of the file may be read.
    pub(super) fn import_has_room(&self) -> bool {
        self.store.import.as_ref().is_some_and(|import| import.waiting.len() < MOST_WAITING)
    }

    /// The file was read to its end, and is good.
    pub(super) fn import_whole(&mut self) {
        if let Some(import) = &mut self.store.import {
            import.whole = true;
        }
        self.end_import_if_written();
    }

    /// The load is given up: what was written of it is cleared with the other doomed databases.
    pub(super) fn abandon_import(&mut self) {
        self.store.import = None;
    }

    /// Hands batches of the load to the store, and asks for more of the file.
    pub(super) fn step_import(&mut self) {
        let (Some(store), Some(part)) = (self.data.store.as_deref(), self.parts.snapshots()) else { return };
        if let (Some(reason), true) = (store.error.clone(), self.store.import.is_some()) {
            return (part.load_failed)(self, &reason);
        }
        // Nothing may be written to the databases before they are known to be doomed.
        if !store.is_catalog_saved() {
            return;
        }
        while let Some(import) = self.store.import.as_mut().filter(|import| import.writing < MOST_WRITES) {
            let Some(batch) = import.waiting.pop_front() else { break };
            import.writing += 1;
            let number = self.store.ended.number();
            self.push_store(StoreStep::Import(number), StoreJob::Write { batch, durable: false });
        }
        if self.import_has_room() {
            (part.load_more)(self);
        }
    }

    /// A batch of the load is in the store, or is not.
    pub(super) fn import_written(&mut self, number: u32, done: Done) {
        let own = |import: &&mut Box<Import>| number.wrapping_sub(import.first).cast_signed() >= 0;
        let Some(import) = self.store.import.as_mut().filter(own) else { return };
        import.writing -= 1;
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let reason = match done {
            Done::Store(StoreDone::Written { counts, .. }) => {
                counts.iter().for_each(|(db, count)| store.set_count(*db, *count));
                self.show_import();
                return self.end_import_if_written();
            }
            Done::Store(StoreDone::Unwritten { error, .. }) | Done::Failed(error) => error.text,
            _ => String::from("the store gave an answer to another question"),
        };
        if let Some(part) = self.parts.snapshots() {
            (part.load_failed)(self, &reason);
        }
    }

    /// DEBUG RELOAD is told of in the log; where a program loads a file and has no clients, it shows that by itself.
    fn show_import(&mut self) {
        if self.peers.count() > 0 {
            self.show_load();
        }
    }

    fn end_import_if_written(&mut self) {
        let Some(import) = &self.store.import else { return };
        if import.whole
            && import.waiting.is_empty()
            && import.writing == 0
            && let Some(part) = self.parts.snapshots()
        {
            (part.load_written)(self);
        }
    }

    /// Clients see what was loaded from now on.
    pub(super) fn adopt_import(&mut self) {
        let (Some(import), Some(store)) = (self.store.import.take(), self.data.store.as_deref_mut()) else {
            return;
        };
        for (index, db) in import.databases.iter().enumerate() {
            store.adopt(index, *db);
        }
        if self.peers.count() > 0 {
            self.show_done("Loading", self.server.persistence.load.keys);
        }
        self.settle_store();
    }
}
