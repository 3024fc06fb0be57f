//! Loading a snapshot's file: into a dataset of its own, which takes the present one's place when it is whole.

use super::Engine;
use super::jobs::{Done, Job, JobError, Owner};
use crate::db::Db;
use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, clock_of};
use crate::keyspace::record::Record;
use crate::page::Place;
use crate::persistence::{LoadProgress, Present};
use crate::rdb::{Cause, Entry, Item, Loader, RdbError};
use crate::server::Request;
use crate::session::SessionId;
use crate::types::Limits;
use crate::types::codec::{Form, Reason, Text, decode, outline, read_text};
use crate::types::string::StrRef;
use crate::words::codec::Reader;
use crate::words::number::{fixed, parse_i64};
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that are read at once; the engine stands still while it decodes as many.
const PORTION: usize = 256 << 10;
/// Portions that are asked for ahead.
const AHEAD: u64 = 4;
/// Bytes that a key with its value takes in a file at least, for most files.
const LEAST_ENTRY: u64 = 16;
/// Values whose bodies are shorter are loaded: a note of where they lie would take as much memory.
const LEAST_KEPT: usize = 64;
/// Keys that were left out are named one by one up to so many.
const NAMED: u64 = 16;
/// So many keys' slots are brought from memory at a time: one after the other, each would be waited for.
const TOGETHER: usize = 32;

/// What a load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Start,
    /// The base of the journal; nothing in it has expired, for what was written before may still follow.
    Base,
    Reload(SessionId, Present),
}

/// A file on its way into a dataset.
#[derive(Debug)]
pub(super) struct Loading {
    purpose: Purpose,
    serial: u32,
    file: Vec<u8>,
    /// Keys are in the dataset as they come, so that values can leave memory while others follow.
    in_place: bool,
    loader: Loader,
    intake: Intake,
    /// Where the next read begins.
    offset: u64,
    in_flight: u64,
    micros: u64,
    /// Buffers for reads that wait until what was read before has gone on: into diskstore's store, or out to the page device.
    spare: Vec<Vec<u8>>,
}

/// Where keys go, and what became of them.
#[derive(Debug)]
struct Intake {
    keyspace: Keyspace,
    limits: Limits,
    access: AccessClock,
    /// The hour by which keys have expired, and that of the access clocks.
    now: UnixMillis,
    clock: UnixMillis,
    progress: LoadProgress,
    /// Keys left out because there is no such type here.
    unsupported: u64,
    /// Keys left out because their values have no elements.
    empty: u64,
    /// Values stay in the file until they are used.
    lazy: bool,
    /// Keys do not stay here: a store takes them.
    passes_on: bool,
    /// How many stayed.
    kept: usize,
    log: Vec<String>,
    /// Keys that have no slot yet.
    arrivals: Vec<Arrival>,
}

/// A key on its way to its slot.
#[derive(Debug)]
struct Arrival {
    db: usize,
    hash: u64,
    record: Record,
    /// Where its value lies in the file.
    offset: u64,
}

impl Engine {
    /// Loads the journal or, where there is none, `dbfilename`, if there is such a file. Until it is loaded most commands are refused.
    pub fn load_at_start(&mut self) {
        if self.server.config.appendonly && self.server.persistence.files {
            self.replay_at_start();
        } else {
            self.load_snapshot_at_start();
        }
    }

    pub(super) fn load_base(&mut self, file: Vec<u8>) {
        let keyspace = Keyspace::new(self.data.keyspace.count(), self.data.keyspace.hash_key());
        self.begin_loading(Purpose::Base, file, keyspace);
    }

    pub(super) fn load_snapshot_at_start(&mut self) {
        let keyspace = Keyspace::new(self.data.keyspace.count(), self.data.keyspace.hash_key());
        self.begin_loading(Purpose::Start, self.server.config.dbfilename.clone(), keyspace);
    }

    pub(super) fn begin_reload(&mut self, session: SessionId, present: Present) {
        if self.parts.store_files().is_some() && present != Present::Go {
            let text = "ERR a diskstore can only take a whole dataset: DEBUG RELOAD without NOFLUSH";
            return self.end_job_wait(session, Err(text));
        }
        let keyspace = Keyspace::new(self.data.keyspace.count(), self.data.keyspace.hash_key());
        self.begin_loading(
            Purpose::Reload(session, present),
            self.server.config.dbfilename.clone(),
            keyspace,
        );
    }

    fn begin_loading(&mut self, purpose: Purpose, file: Vec<u8>, keyspace: Keyspace) {
        self.serial = self.serial.wrapping_add(1);
        self.server.loading = true;
        let paging = &self.data.paging;
        let lazy = purpose == Purpose::Start && paging.enabled && paging.keeps_snapshot;
        let progress = LoadProgress { started: self.now, ..LoadProgress::default() };
        self.server.persistence.load = progress;
        self.server.persistence.shown = self.now;
        self.loading = Some(Loading {
            purpose,
            serial: self.serial,
            file,
            in_place: purpose == Purpose::Base && paging.enabled,
            loader: Loader::new(self.server.config.rdbchecksum).summed_by(self.server.host.crc64),
            intake: Intake {
                keyspace,
                limits: self.data.limits,
                access: self.data.access,
                now: if purpose == Purpose::Base { UnixMillis::MIN } else { self.now },
                clock: self.now,
                progress,
                unsupported: 0,
                empty: 0,
                lazy,
                passes_on: self.parts.store_files().is_some(),
                kept: 0,
                log: Vec::new(),
                arrivals: Vec::with_capacity(TOGETHER),
            },
            offset: 0,
            in_flight: 0,
            micros: (self.server.host.monotonic)(),
            spare: Vec::new(),
        });
        if let Some(store) = self.parts.store_files() {
            (store.begin_import)(self);
        }
        if lazy {
            self.jobs
                .push(Owner::Nobody, Job::Keep { file: self.server.config.dbfilename.clone(), odd: false });
        }
        for _ in 0..AHEAD {
            self.read_on(Vec::new());
        }
    }

    fn read_on(&mut self, into: Vec<u8>) {
        let Some(loading) = &mut self.loading else { return };
        let (file, offset) = (loading.file.clone(), loading.offset);
        loading.offset += PORTION as u64;
        loading.in_flight += 1;
        self.jobs.push(Owner::Loading(loading.serial), Job::Read { file, offset, len: PORTION, into });
    }

    /// Takes what came of one of the load's jobs.
    pub(super) fn loading_job_done(&mut self, serial: u32, done: Done) {
        let Some(loading) = self.loading.as_mut().filter(|loading| loading.serial == serial) else { return };
        loading.in_flight -= 1;
        match done {
            Done::Read { bytes, size } => {
                let last = bytes.len() < PORTION;
                let spare = loading.loader.feed_owned(bytes);
                if last {
                    loading.loader.finish();
                }
                loading.intake.progress.total = size;
                if loading.in_place {
                    core::mem::swap(&mut self.data.keyspace, &mut loading.intake.keyspace);
                }
                let taken = loading.intake.take_items(&mut loading.loader);
                if loading.in_place {
                    core::mem::swap(&mut self.data.keyspace, &mut loading.intake.keyspace);
                }
                loading.intake.progress.loaded = loading.loader.position();
                self.server.persistence.load = loading.intake.progress;
                if let Some(store) = self.parts.store_files() {
                    let keys = loading.intake.take_keys();
                    (store.import_keys)(self, &keys);
                }
                self.after_portion(taken, last, spare);
            }
            Done::Failed(error) => self.end_unread(&error),
            Done::Finished | Done::Appended(_) | Done::Refused { .. } | Done::Store(_) => {}
        }
    }

    fn after_portion(&mut self, taken: Result<(), RdbError>, last: bool, spare: Vec<u8>) {
        if let (true, Some(paging)) =
            (self.loading.as_ref().is_some_and(|load| load.in_place), self.parts.paging())
        {
            (paging.tick)(self);
        }
        if self.parts.store_files().is_none() {
            self.show_load();
        }
        let Some(loading) = &self.loading else { return };
        match taken {
            Err(error) => self.end_refused(&format!("{error}")),
            Ok(()) if loading.loader.is_done() => match self.parts.store_files() {
                Some(store) => (store.import_whole)(self),
                None => self.end_loaded(),
            },
            Ok(()) if last => self.end_refused("the file changed while it was read"),
            Ok(()) if self.takes_more() => self.read_on(spare),
            Ok(()) => {
                if let Some(loading) = &mut self.loading {
                    loading.spare.push(spare);
                }
            }
        }
    }

    /// Whether what was read before has gone on.
    fn takes_more(&self) -> bool {
        !self.is_pressed() && self.parts.store_files().is_none_or(|store| (store.import_has_room)(self))
    }

    /// There is room for more of the file.
    pub(super) fn read_more(&mut self) {
        for buffer in
            self.loading.as_mut().map(|loading| core::mem::take(&mut loading.spare)).unwrap_or_default()
        {
            self.read_on(buffer);
        }
    }

    /// The dataset is whole and takes the present one's place, or is added to it.
    pub(super) fn end_loaded(&mut self) {
        match self.loading.as_ref().map(|loading| loading.purpose) {
            Some(Purpose::Reload(_, Present::Stay)) if self.has_loaded_keys() => {
                self.end_refused("it has keys that are there already; MERGE lets them give way");
            }
            Some(Purpose::Reload(session, Present::Stay | Present::GiveWay)) => self.end_merged(session),
            _ => self.end_replaced(),
        }
    }

    /// Whether a key of the loaded dataset is in the present one too.
    fn has_loaded_keys(&self) -> bool {
        let Some(loading) = &self.loading else { return false };
        loading.intake.keyspace.iter().any(|(index, database)| {
            let present = self.data.keyspace.db(index);
            database
                .iter()
                .any(|record| present.find(self.data.keyspace.hash(record.key()), record.key()).is_some())
        })
    }

    /// Adds the loaded keys to the present ones, which give way.
    fn end_merged(&mut self, session: SessionId) {
        let Some(mut loading) = self.loading.take() else { return };
        for index in 0..self.data.keyspace.count() {
            let mut loaded = loading.intake.keyspace.take(index);
            let keys: Vec<Box<[u8]>> = loaded.iter().map(|record| record.key().into()).collect();
            for key in keys {
                let hash = self.data.keyspace.hash(&key);
                let Some(slot) = loaded.find(hash, &key) else { continue };
                let record = loaded.remove(slot);
                Db { data: &mut self.data, index, now: self.now }.remove(&key);
                self.data.keyspace.db_mut(index).insert(hash, record);
            }
        }
        self.server.loading = false;
        self.end_job_wait(session, Ok(()));
    }

    fn end_replaced(&mut self) {
        let Some(loading) = self.loading.take() else { return };
        let position = loading.loader.position();
        let Loading { purpose, intake, micros, in_place, .. } = loading;
        if !in_place {
            self.empty_all();
            match self.parts.store_files() {
                Some(store) => (store.adopt_import)(self),
                None => self.data.keyspace = intake.keyspace,
            }
        }
        self.data.paging.swapped += intake.kept;
        self.moving = None;
        self.data.paging.moving = false;
        self.data.paging.kept = (intake.kept > 0).then_some(false);
        self.data.dirty = 0;
        self.server.loading = purpose == Purpose::Base;
        let seconds = ((self.server.host.monotonic)() - micros) as f64 / 1e6;
        let LoadProgress { keys, expired, .. } = intake.progress;
        let mut lines = intake.log;
        if intake.unsupported > NAMED {
            lines.push(format!("{} keys of unknown types were skipped", intake.unsupported));
        }
        if intake.empty > 0 {
            lines.push(format!("Done loading RDB, {} empty keys skipped", intake.empty));
        }
        lines.push(format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}."));
        lines.push(format!("DB loaded from disk: {} seconds", fixed(seconds, 3)));
        self.server.requests.extend(lines.into_iter().map(Request::Log));
        match purpose {
            Purpose::Start => self.after_snapshot(),
            Purpose::Base => {
                if let Some(journal) = self.parts.journal() {
                    (journal.base_loaded)(self, position);
                }
            }
            Purpose::Reload(session, _) => self.end_job_wait(session, Ok(())),
        }
    }

    /// Takes all keys out of the dataset.
    pub(super) fn empty_all(&mut self) {
        for index in 0..self.data.keyspace.count() {
            self.data.touch_watchers_of(index, None);
            let old = self.data.empty(index);
            self.data.garbage_databases.extend(old.filter(|old| !old.is_empty()));
        }
    }

    fn after_snapshot(&mut self) {
        if let Some(journal) = self.parts.journal() {
            (journal.after_snapshot)(self);
        }
    }

    /// The file cannot be read.
    fn end_unread(&mut self, error: &JobError) {
        let start = self.loading.as_ref().is_some_and(|loading| loading.purpose == Purpose::Start);
        if error.missing && start {
            self.loading = None;
            if let Some(store) = self.parts.store_files() {
                (store.abandon_import)(self);
            }
            self.server.loading = false;
            self.after_snapshot();
        } else {
            self.end_refused(&error.text);
        }
    }

    /// The store does not take the file.
    pub(super) fn end_refused_load(&mut self, reason: &str) {
        self.end_refused(reason);
    }

    /// Nothing of the file is taken. At the start the server cannot go on: to serve without the data would lose them.
    fn end_refused(&mut self, reason: &str) {
        let Some(loading) = self.loading.take() else { return };
        if let Some(store) = self.parts.store_files() {
            (store.abandon_import)(self);
        }
        let file = String::from_utf8_lossy(&loading.file).into_owned();
        let line = format!("Fatal error loading the DB, file '{file}': {reason}. Exiting.");
        match loading.purpose {
            Purpose::Start | Purpose::Base => self.server.requests.push(Request::Fatal(line)),
            Purpose::Reload(session, _) => {
                self.server.loading = false;
                let line = format!("Error loading the DB, file '{file}': {reason}");
                self.server.requests.push(Request::Log(line));
                self.end_job_wait(session, Err("ERR Error trying to load the RDB dump, check server logs."));
            }
        }
    }
}

impl Intake {
    /// Gives out the keys that came so far.
    fn take_keys(&mut self) -> Keyspace {
        let fresh = Keyspace::new(self.keyspace.count(), self.keyspace.hash_key());
        core::mem::replace(&mut self.keyspace, fresh)
    }

    fn take_items(&mut self, loader: &mut Loader) -> Result<(), RdbError> {
        let taken = self.take_each(loader);
        // What came before an error may hold an earlier one.
        self.settle().and(taken)
    }

    fn take_each(&mut self, loader: &mut Loader) -> Result<(), RdbError> {
        while let Some(item) = loader.poll_item()? {
            match item {
                Item::Entry(entry) => self.take_entry(&entry)?,
                Item::Function(source) => {
                    let head = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    self.log.push(format!("Skipped a library of functions: {}", head.escape_ascii()));
                }
                Item::ModuleAux(name) => {
                    self.log.push(format!("Skipped data of the module {}", name.escape_ascii()));
                }
                Item::Resize { db, keys, .. } => self.make_room(db as usize, keys),
                Item::Aux { name: b"used-mem", value } => {
                    self.progress.used_memory = parse_i64(value).unwrap_or(0);
                }
                Item::Aux { .. } | Item::End(_) => {}
            }
        }
        Ok(())
    }

    /// The file's word is taken for as many keys as it can hold.
    fn make_room(&mut self, db: usize, keys: u64) {
        let most = self.progress.total / LEAST_ENTRY;
        if db < self.keyspace.count() && !self.passes_on {
            self.keyspace.make_room(db, keys.min(most) as usize);
        }
    }

    fn take_entry(&mut self, entry: &Entry<'_>) -> Result<(), RdbError> {
        let db = entry.db as usize;
        if db >= self.keyspace.count() {
            let cause = Cause::Database(entry.db.into());
            return Err(RdbError { cause, ..entry.error(0, Reason::Empty) });
        }
        if entry.deadline.is_some_and(|deadline| deadline < self.now) {
            self.progress.expired += 1;
            return Ok(());
        }
        let Some(record) = self.record(entry)? else { return Ok(()) };
        let hash = self.keyspace.hash(entry.key);
        self.arrivals.push(Arrival { db, hash, record, offset: entry.offset });
        if self.arrivals.len() == TOGETHER { self.settle() } else { Ok(()) }
    }

    /// Gives the keys that came their slots.
    fn settle(&mut self) -> Result<(), RdbError> {
        for arrival in &self.arrivals {
            self.keyspace.db(arrival.db).prefetch(arrival.hash);
        }
        for Arrival { db, hash, record, offset } in self.arrivals.drain(..) {
            if self.keyspace.db(db).find(hash, record.key()).is_some() {
                return Err(RdbError::in_value(offset, record.key(), Reason::Duplicate));
            }
            self.keyspace.db_mut(db).insert(hash, record);
            self.progress.keys += 1;
        }
        Ok(())
    }

    /// The key with its value; `None`: it is left out.
    fn record(&mut self, entry: &Entry<'_>) -> Result<Option<Record>, RdbError> {
        let clock = clock_of(&self.access, entry.idle, entry.freq, self.clock);
        let Entry { key, deadline, .. } = *entry;
        if self.lazy
            && entry.body.len() >= LEAST_KEPT
            && let Some(outline) = outline(entry.form, entry.body, &self.limits)
            && let Some(kind) = entry.form.kind()
            && let Some(place) = Place::in_snapshot(entry.offset, entry.form, entry.body, outline)
        {
            self.kept += 1;
            return Ok(Some(Record::new_paged(key, kind, &place.encode(), deadline, clock)));
        }
        if entry.form == Form::String
            && let Ok(Text::Raw(bytes)) = read_text(&mut Reader::new(entry.body))
        {
            return Ok(Some(Record::new_string(key, StrRef::from_bytes(bytes), deadline, clock)));
        }
        match decode(entry.form, entry.body, &self.limits) {
            Ok(value) => Ok(Some(Record::new(key, value, deadline, clock))),
            Err(error) => {
                self.left_out(entry, error.reason).then_some(None).ok_or(entry.error(error.at, error.reason))
            }
        }
    }

    /// Whether a value that was refused may be left out, with a word in the log.
    fn left_out(&mut self, entry: &Entry<'_>, reason: Reason) -> bool {
        match reason {
            Reason::Unsupported(_) => {
                self.unsupported += 1;
                if self.unsupported <= NAMED {
                    self.log.push(format!("Skipped key '{}': {reason}", entry.key.escape_ascii()));
                }
            }
            Reason::Empty => self.empty += 1,
            _ => return false,
        }
        true
    }
}
