//! Loading a snapshot's file: into a dataset of its own, which takes the present one's place when it is whole.

mod intake;

use super::Engine;
use super::jobs::{Done, Job, JobError, Owner};
use crate::db::Db;
use crate::persistence::{LoadProgress, Present};
use crate::rdb::{Loader, RdbError};
use crate::server::Request;
use crate::session::SessionId;
use crate::words::number::fixed;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use intake::{Base, Intake};

/// Bytes that are read at once; the engine stands still while it decodes as many.
const PORTION: usize = 256 << 10;
/// Portions that are asked for ahead.
const AHEAD: u64 = 4;
/// A smaller base is read whole, and no file of its keys is written.
pub(super) const LEAST_WITH_KEYS: u64 = 256 << 10;
/// Bytes of the checksum at a file's end.
const SUM: usize = 8;

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
    micros: u64,
    /// Buffers for reads that wait until what was read before has gone on: into diskstore's store, or out to the page device.
    spare: Vec<Vec<u8>>,
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

    /// Loads the journal's base, a file of so many bytes; of one with a file of its keys beside it only that.
    pub(super) fn load_base(&mut self, file: Vec<u8>, size: u64) {
        if size < LEAST_WITH_KEYS || !self.server.config.rdbchecksum || !self.may_keep() {
            return self.begin_loading(Purpose::Base, file, None);
        }
        let base = Base { size, sum: None, file: file.clone() };
        self.begin_loading(Purpose::Base, keys_of(&file), Some(base));
    }

    /// Whether values may stay in the file that is loaded.
    fn may_keep(&self) -> bool {
        let paging = &self.data.paging;
        paging.enabled && paging.keeps_snapshot && paging.kept.is_none() && self.moving.is_none()
    }

    /// The file of the base's keys is of no use, for this reason where it is there at all: the base is read.
    fn load_whole_base(&mut self, base: Base, reason: Option<&str>) {
        if let (Some(loading), Some(reason)) = (&self.loading, reason) {
            let (keys, file) = (String::from_utf8_lossy(&loading.file), String::from_utf8_lossy(&base.file));
            let line = format!("The keys in '{keys}' can't be used, so all of '{file}' is read: {reason}");
            self.server.requests.push(Request::Log(line));
        }
        self.loading = None;
        self.empty_all();
        self.jobs.push(Owner::Nobody, Job::Forget { odd: false });
        self.begin_loading(Purpose::Base, base.file, None);
    }

    pub(super) fn load_snapshot_at_start(&mut self) {
        self.begin_loading(Purpose::Start, self.server.config.dbfilename.clone(), None);
    }

    pub(super) fn begin_reload(&mut self, session: SessionId, present: Present) {
        if self.parts.store_files().is_some() && present != Present::Go {
            let text = "ERR a diskstore can only take a whole dataset: DEBUG RELOAD without NOFLUSH";
            return self.end_job_wait(session, Err(text));
        }
        self.begin_loading(Purpose::Reload(session, present), self.server.config.dbfilename.clone(), None);
    }

    /// `base`: the file lies beside it.
    fn begin_loading(&mut self, purpose: Purpose, file: Vec<u8>, base: Option<Base>) {
        self.serial = self.serial.wrapping_add(1);
        self.server.loading = true;
        let is_base = purpose == Purpose::Base;
        let lazy = (is_base || purpose == Purpose::Start) && self.may_keep();
        let progress = LoadProgress { started: self.now, ..LoadProgress::default() };
        self.server.persistence.load = progress;
        self.server.persistence.shown = self.now;
        let mut intake = Intake::new(&self.data, if is_base { UnixMillis::MIN } else { self.now }, progress);
        if let Some(store) = self.parts.store_files() {
            intake.passes_on = true;
            (store.begin_import)(self);
        }
        if lazy {
            let kept = base.as_ref().map_or(&file, |base| &base.file).clone();
            self.jobs.push(Owner::Nobody, Job::Keep { file: kept, odd: false });
        }
        if let Some(Base { file, size, .. }) = &base {
            let (file, offset) = (file.clone(), size.saturating_sub(SUM as u64));
            let job = Job::Read { file, offset, len: SUM, into: Vec::new() };
            self.jobs.push(Owner::Loading(self.serial), job);
        }
        (intake.lazy, intake.beside) = (lazy, base);
        self.loading = Some(Loading {
            purpose,
            serial: self.serial,
            file,
            in_place: is_base && self.data.paging.enabled,
            loader: Loader::new(self.server.config.rdbchecksum).summed_by(self.server.host.crc64),
            intake,
            offset: 0,
            micros: (self.server.host.monotonic)(),
            spare: Vec::new(),
        });
        for _ in 0..AHEAD {
            self.read_on(Vec::new());
        }
    }

    fn read_on(&mut self, into: Vec<u8>) {
        let Some(loading) = &mut self.loading else { return };
        let (file, offset) = (loading.file.clone(), loading.offset);
        loading.offset += PORTION as u64;
        self.jobs.push(Owner::Loading(loading.serial), Job::Read { file, offset, len: PORTION, into });
    }

    /// Takes what came of one of the load's jobs.
    pub(super) fn loading_job_done(&mut self, serial: u32, done: Done) {
        let Some(loading) = self.loading.as_mut().filter(|loading| loading.serial == serial) else { return };
        match (done, &mut loading.intake.beside) {
            (Done::Read { bytes, .. }, Some(base)) if base.sum.is_none() => {
                base.sum = Some(bytes.try_into().map_or(0, u64::from_le_bytes));
            }
            (Done::Read { bytes, size }, _) => self.take_portion(bytes, size),
            (Done::Failed(error), _) => self.end_unread(&error),
            _ => {}
        }
    }

    /// A portion of the file has come, which is so long.
    fn take_portion(&mut self, bytes: Vec<u8>, size: u64) {
        let Some(loading) = &mut self.loading else { return };
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
            self.data.paging.swapped += loading.intake.take_uncounted();
        }
        loading.intake.progress.loaded = loading.loader.position();
        self.server.persistence.load = loading.intake.progress;
        if let Some(store) = self.parts.store_files() {
            let keys = loading.intake.take_keys();
            (store.import_keys)(self, &keys);
        }
        self.after_portion(taken, last, spare);
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
            Ok(()) if loading.loader.is_done() && !loading.intake.belongs() => {
                self.end_refused("they are those of another file");
            }
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
        if loading.intake.skipped_keys() {
            self.server.persistence.incomplete = Some(core::mem::take(&mut loading.file));
        }
        for index in 0..self.data.keyspace.count() {
            let mut loaded = loading.intake.keyspace.take(index);
            let keys: Vec<Box<[u8]>> = loaded.iter().map(|record| record.key().into()).collect();
            for key in keys {
                let hash = self.data.keyspace.hash(&key);
                let Some(slot) = loaded.find(hash, &key) else { continue };
                let record = loaded.remove(slot);
                let mut db = Db { data: &mut self.data, index, now: self.now };
                db.remove(&key);
                db.take_place(&key);
                self.data.keyspace.db_mut(index).insert(hash, record);
            }
        }
        self.server.loading = false;
        self.end_reload(session, Ok(()));
    }

    /// Who asked for a snapshot meanwhile comes next.
    fn end_reload(&mut self, session: SessionId, outcome: Result<(), &'static str>) {
        self.end_job_wait(session, outcome);
        self.carry_save_requests();
    }

    fn end_replaced(&mut self) {
        let Some(loading) = self.loading.take() else { return };
        let Loading { purpose, file, mut intake, micros, in_place, loader, .. } = loading;
        let position = intake.beside.as_ref().map_or(loader.position(), |base| base.size);
        self.server.persistence.incomplete = intake.skipped_keys().then_some(file);
        if !in_place {
            self.empty_all();
            match self.parts.store_files() {
                Some(store) => (store.adopt_import)(self),
                None => self.data.keyspace = intake.take_keys(),
            }
        }
        self.data.paging.swapped += intake.take_uncounted();
        self.forget_kept(intake.lazy && intake.kept == 0);
        self.data.paging.kept = (intake.kept > 0).then_some(false);
        self.data.dirty = 0;
        self.server.loading = purpose == Purpose::Base;
        let seconds = ((self.server.host.monotonic)() - micros) as f64 / 1e6;
        self.server.requests.extend(intake.into_log().into_iter().map(Request::Log));
        let line = format!("DB loaded from disk: {} seconds", fixed(seconds, 3));
        self.server.requests.push(Request::Log(line));
        match purpose {
            Purpose::Start => self.after_snapshot(),
            Purpose::Base => {
                if let Some(journal) = self.parts.journal() {
                    (journal.base_loaded)(self, position);
                }
            }
            Purpose::Reload(session, _) => self.end_reload(session, Ok(())),
        }
    }

    /// Files that were kept open for the dataset of before are of no use any more, and neither is the one that was opened for
    /// this dataset if it is `needless`.
    fn forget_kept(&mut self, needless: bool) {
        let kept = self.data.paging.kept.take();
        let moving = self.moving.take().is_some();
        self.data.paging.moving = false;
        let newer = kept.filter(|_| moving).map(|odd| !odd);
        for odd in kept.into_iter().chain(newer).chain(needless.then_some(false)) {
            self.jobs.push(Owner::Nobody, Job::Forget { odd });
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
        let beside = self.loading.as_mut().and_then(|loading| loading.intake.beside.take());
        if let Some(base) = beside {
            return self.load_whole_base(base, (!error.missing).then_some(&error.text));
        }
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
        let beside = self.loading.as_mut().and_then(|loading| loading.intake.beside.take());
        if let Some(base) = beside {
            return self.load_whole_base(base, Some(reason));
        }
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
                self.end_reload(session, Err("ERR Error trying to load the RDB dump, check server logs."));
            }
        }
    }
}

/// The file beside the journal's base that tells its keys.
pub(super) fn keys_of(base: &[u8]) -> Vec<u8> {
    [base, b".keys"].concat()
}
