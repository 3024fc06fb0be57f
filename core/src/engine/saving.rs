//! Snapshots: when they begin, their steps, their end.

mod beside;
mod paged;

use super::Engine;
use super::jobs::{Done, Job, JobError, Jobs, Owner};
use super::loading::keys_of;
use super::parts::SnapshotPart;
use crate::commands::connection::REDIS_VERSION;
use crate::persistence::{ORIGINAL, Present, SaveRequest};
use crate::rdb::{Access, Facts, Options};
use crate::server::{HostFacts, PauseKind, Request};
use crate::session::SessionId;
use crate::words::config::{Config, MaxmemoryPolicy};
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use beside::KeysFile;
use paged::PagedReads;

/// A step of a snapshot in the background takes at least so many microseconds.
const LEAST_MICROS: u64 = 100;
/// It stops after so many: a client whose requests come one by one waits for half a step each time.
const BACKGROUND_MICROS: u64 = 250;
/// A step of one that somebody waits for.
const FOREGROUND_MICROS: u64 = 10_000;
/// Bytes that are written at once.
const PORTION: usize = 256 << 10;
/// And where the memory limit is low.
const LEAST_PORTION: usize = 64 << 10;
/// Portions on their way to the file before the walk waits for the device.
const MOST_IN_FLIGHT: usize = 8;
/// And where somebody waits: the walk goes on while some megabytes are made durable.
const MOST_IN_HASTE: usize = 32;
/// In the background portions take this part of the memory limit at most, gathered keys as much, and what is read half of
/// it: values have to leave for them.
const SHARE: usize = 32;
/// After a failure a save point waits so long, in milliseconds.
const RETRY_PAUSE: UnixMillis = 5_000;

/// What a snapshot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Background,
    /// FLUSHALL emptied the dataset. What it counted as changes counts as saved, unless the snapshot fails.
    Flushed,
    /// It becomes the journal's base.
    Rewrite,
    Foreground(SessionId),
    /// The file is then loaded.
    Reload {
        session: SessionId,
        present: Present,
    },
    /// The server then ends.
    Shutdown(Option<SessionId>),
}

/// A snapshot on its way to its file. The dataset's side of it lies behind the door, in `Data::snapshot`.
#[derive(Debug)]
pub(super) struct Saving {
    purpose: Purpose,
    /// The file holds commands.
    commands: bool,
    serial: u32,
    file: Vec<u8>,
    started: UnixMillis,
    dirty: u64,
    in_flight: usize,
    /// Jobs under way of which nothing comes back but that they are done.
    unfinished: usize,
    /// Portions that may be on their way, and their bytes.
    most: usize,
    portion: usize,
    /// Everything is on its way to the file.
    walked: bool,
    /// When the last step ended, in microseconds.
    paused_at: u64,
    paged: PagedReads,
    spare: Vec<Vec<u8>>,
    /// Written so far.
    bytes: u64,
    /// Offsets in the kept snapshot with those in this one, where references are to move.
    moves: Option<Vec<(u64, u64)>>,
    /// The name that the file gets.
    name: Vec<u8>,
    keys: Option<KeysFile>,
}

impl Saving {
    /// Whether the file takes no more for now.
    fn is_full(&self) -> bool {
        self.in_flight >= self.most
    }

    /// Hands a part of the file to its device.
    fn append(&mut self, bytes: Vec<u8>, jobs: &mut Jobs) {
        self.in_flight += 1;
        self.bytes += bytes.len() as u64;
        jobs.push(Owner::Saving(self.serial), Job::Append { file: self.file.clone(), bytes });
    }
}

static PART: SnapshotPart = SnapshotPart {
    due: |engine| {
        let moving = engine.moving_can_go_on().then_some(engine.now);
        [engine.saving_due(), moving].into_iter().flatten().min()
    },
    step: |engine| {
        engine.step_saving();
        engine.step_moving();
    },
    save_if_due: Engine::save_if_due,
    carry_requests: Engine::carry_save_requests,
    begin_last_save: Engine::begin_last_save,
    job_done: Engine::saving_job_done,
    read_done: Engine::saving_read_done,
    load_done: Engine::loading_job_done,
    store_portion: Engine::append_portion,
    store_walked: Engine::publish_snapshot,
    store_failed: Engine::fail_saving,
    store_has_room: Engine::file_has_room,
    load_failed: Engine::end_refused_load,
    load_more: Engine::read_more,
    load_written: Engine::end_loaded,
    kept: Engine::kept,
};

impl Engine {
    /// Tells that this host carries jobs on files: datasets can be saved and loaded, and a journal kept.
    #[cfg(feature = "server")]
    pub fn carries_files(&mut self) {
        self.carries_snapshots();
        self.carries_journal();
    }

    /// Tells that this host carries a snapshot's jobs; of a journal's it need not know.
    #[cfg(feature = "server")]
    pub fn carries_snapshots(&mut self) {
        self.server.persistence.files = true;
        self.parts.snapshots = Some(&PART);
    }

    /// Whether the snapshot that is being written is a file of commands.
    pub(super) fn saves_commands(&self) -> bool {
        self.saving.as_ref().is_some_and(|saving| saving.commands)
    }

    /// Begins what commands asked for; a request that comes while a snapshot is being written waits for its end.
    pub(super) fn carry_save_requests(&mut self) {
        if let Some(saving) = &mut self.saving {
            // SAVE, an export or a reload stands behind it.
            let background = |request: &SaveRequest| {
                matches!(request, SaveRequest::Background | SaveRequest::Flushed | SaveRequest::Rewrite)
            };
            if !self.server.persistence.requests.iter().all(background) {
                saving.paged.hurry();
            }
            return;
        }
        // One after the other, as the next would give up the last. And the instant of a snapshot is not in the middle of a transaction.
        while self.saving.is_none()
            && self.loading.is_none()
            && self.exclusive.is_none()
            && !self.server.persistence.requests.is_empty()
        {
            match self.server.persistence.requests.remove(0) {
                SaveRequest::Background => self.begin_saving(Purpose::Background),
                // Under diskstore the file may be all that is left of the dataset.
                SaveRequest::Flushed if self.parts.store_files().is_some() => {}
                SaveRequest::Flushed => self.begin_saving(Purpose::Flushed),
                SaveRequest::Rewrite => {
                    if let Some(journal) = self.parts.journal() {
                        (journal.begin_rewrite)(self);
                    }
                }
                SaveRequest::Foreground(session) => self.begin_saving(Purpose::Foreground(session)),
                SaveRequest::Reload { session, save: true, present } => {
                    self.begin_saving(Purpose::Reload { session, present });
                }
                SaveRequest::Reload { session, save: false, present } => {
                    self.begin_reload(session, present);
                }
                SaveRequest::Replay(session) => {
                    if let Some(journal) = self.parts.journal() {
                        (journal.replay)(self, session);
                    }
                }
            }
        }
    }

    /// Begins a snapshot if one is due: BGSAVE was put off, or a save point was reached.
    pub(super) fn save_if_due(&mut self) {
        let persistence = &mut self.server.persistence;
        if !persistence.files || self.saving.is_some() || self.server.loading {
            return;
        }
        if persistence.scheduled {
            persistence.scheduled = false;
            self.begin_saving(Purpose::Background);
            return;
        }
        // Under diskstore the store is where the dataset is safe: a snapshot of all of it is made when somebody asks.
        if self.parts.store_files().is_some() {
            return;
        }
        if !persistence.last_ok && self.now - persistence.last_try <= RETRY_PAUSE {
            return;
        }
        let (changes, seconds) = (self.data.dirty as i64, (self.now - persistence.last_save) / 1000);
        let mut points = self.server.config.save.iter();
        if let Some(point) = points.find(|point| changes >= point.changes && seconds > point.seconds) {
            let line = format!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
            self.server.requests.push(Request::Log(line));
            self.begin_saving(Purpose::Background);
        }
    }

    /// Takes the dataset's state of this instant as the next snapshot.
    pub(super) fn begin_saving(&mut self, purpose: Purpose) {
        // Who waits behind the one that is given up waits behind this one.
        let requests = core::mem::take(&mut self.server.persistence.requests);
        self.abandon_saving();
        self.server.persistence.requests = requests;
        let config = &self.server.config;
        let facts = Facts {
            redis_version: REDIS_VERSION.as_bytes(),
            ctime: self.now / 1000,
            used_memory: (self.server.host.used_memory)() as u64,
            aof_base: purpose == Purpose::Rewrite,
        };
        let options = options(config, purpose);
        let (takes_over, keys) = (self.takes_over(purpose, options), self.keys_file(purpose, options));
        if let Some(store) = self.parts.store_files() {
            (store.begin_snapshot)(self, options, &facts);
        } else {
            self.data.snapshot = Some(Box::new(self.begin_snapshot(keys.is_some(), options, &facts)));
            self.data.paging.set_hold(true);
        }
        // What were acknowledged from here on would not be in the file, and so be gone when that is loaded.
        self.server.persistence.reloading = matches!(purpose, Purpose::Reload { .. });
        self.serial = self.serial.wrapping_add(1);
        let waited_for = !matches!(purpose, Purpose::Background | Purpose::Flushed | Purpose::Rewrite);
        let file = temporary_name(&self.server.host, purpose);
        let room = if waited_for { usize::MAX } else { room(&self.server.config) };
        let portion = (room / 2).clamp(LEAST_PORTION, PORTION);
        self.jobs.push(Owner::Saving(self.serial), Job::Create { file: file.clone() });
        self.saving = Some(Saving {
            purpose,
            commands: options.commands,
            serial: self.serial,
            file,
            started: self.now,
            dirty: self.data.dirty,
            in_flight: 0,
            unfinished: 1,
            most: if waited_for { MOST_IN_HASTE } else { (room / portion).clamp(1, MOST_IN_FLIGHT) },
            portion,
            walked: false,
            paused_at: (self.server.host.monotonic)(),
            paged: PagedReads::new(&self.data.paging, waited_for, room, self.server.stats.commands),
            spare: Vec::new(),
            bytes: 0,
            moves: takes_over.then(Vec::new),
            name: Vec::new(),
            keys,
        });
        if purpose == Purpose::Rewrite {
            return;
        }
        let persistence = &mut self.server.persistence;
        persistence.saves += 1;
        if purpose == Purpose::Flushed {
            self.data.dirty = 0;
            return;
        }
        persistence.saving_since = Some(self.now);
        persistence.foreground = waited_for;
        if !waited_for {
            persistence.last_try = self.now;
        }
    }

    /// When a snapshot has something to do, if it does not wait for its devices.
    fn saving_due(&self) -> Option<UnixMillis> {
        let (snapshot, saving) = (self.data.snapshot.as_ref()?, self.saving.as_ref()?);
        let pause = saving.paged.pause((self.server.host.monotonic)()).div_ceil(1000);
        let waits = saving.is_full() || saving.paged.waits(snapshot);
        (!waits).then_some(self.now + pause as UnixMillis)
    }

    /// Bytes of a snapshot that wait in memory, while some are on their way to the file.
    pub(super) fn snapshot_backlog(&self) -> usize {
        let pending = self.data.snapshot.as_ref().map_or(0, |snapshot| snapshot.pending());
        let sent = self.saving.as_ref().map_or(0, |saving| saving.in_flight * saving.portion);
        if sent == 0 { 0 } else { pending + sent }
    }

    /// Walks on for a bounded time and hands what came of it to the file.
    pub(super) fn step_saving(&mut self) {
        let monotonic = self.server.host.monotonic;
        let start = monotonic();
        let limit = match &self.saving {
            // As long as the loop was busy with other things: half the time is the clients'.
            Some(Saving { purpose: Purpose::Background | Purpose::Rewrite, paused_at, .. }) => {
                start.saturating_sub(*paused_at).clamp(LEAST_MICROS, BACKGROUND_MICROS)
            }
            _ => FOREGROUND_MICROS,
        };
        while let (Some(saving), Some(snapshot)) = (&mut self.saving, self.data.snapshot.as_deref_mut()) {
            if saving.is_full() {
                break;
            }
            let (most, portion) = (saving.paged.most(), saving.portion);
            let done = !saving.paged.has_runs()
                && snapshot.step(&self.data.keyspace, &mut |writer, paged| {
                    writer.pending() >= portion || paged >= most || monotonic() - start >= limit
                });
            saving.paged.gather(snapshot);
            let now = monotonic();
            saving.paged.read(saving.serial, now, &mut self.data.paging, &mut self.jobs);
            let waits = saving.paged.pause(now) > 0 || saving.paged.waits(snapshot);
            if done || snapshot.writer().pending() >= portion {
                let mut bytes = snapshot.writer().take(saving.spare.pop().unwrap_or_default());
                if let (true, Some(journal)) = (saving.commands, self.parts.journal()) {
                    bytes = (journal.seal)(&bytes, saving.bytes, saving.bytes);
                }
                saving.append(bytes, &mut self.jobs);
                saving.append_keys(snapshot.writer(), done, &mut self.jobs);
            }
            self.data.garbage_databases.extend(snapshot.take_flushed());
            if done {
                self.publish_snapshot();
            }
            if waits || monotonic() - start >= limit {
                break;
            }
        }
        if let Some(saving) = &mut self.saving {
            saving.paused_at = monotonic();
        }
    }

    /// Everything is on its way to the file, which now gets its name.
    fn publish_snapshot(&mut self) {
        let Some(Saving { purpose, serial, file, walked, .. }) = &mut self.saving else { return };
        *walked = true;
        let (owner, file) = (Owner::Saving(*serial), file.clone());
        let name = match (purpose, self.parts.journal()) {
            (Purpose::Rewrite, Some(journal)) => (journal.base_path)(self),
            _ => self.server.config.dbfilename.clone(),
        };
        if let Some(saving) = &mut self.saving {
            saving.name.clone_from(&name);
            saving.unfinished += 1;
            if let Some(keys) = &saving.keys {
                saving.unfinished += 1;
                let (file, name) = (keys.file.clone(), keys_of(&name));
                self.jobs.push(owner, Job::Publish { file, name, keep: None });
            }
        }
        let incomplete = self.server.persistence.incomplete.as_ref();
        let keep = incomplete.filter(|file| **file == name).map(|_| [&name, ORIGINAL].concat());
        self.jobs.push(owner, Job::Publish { file, name, keep });
        self.data.snapshot = None;
        self.data.paging.set_hold(false);
    }

    /// Takes what came of one of the snapshot's jobs.
    pub(super) fn saving_job_done(&mut self, serial: u32, done: Done) {
        let Some(saving) = self.saving.as_mut().filter(|saving| saving.serial == serial) else { return };
        match done {
            Done::Appended(buffer) => {
                saving.in_flight -= 1;
                // Diskstore's snapshots are written by others, who have no use for it.
                if self.data.snapshot.is_some() {
                    saving.spare.push(buffer);
                }
            }
            Done::Failed(error) | Done::Refused { error, .. } => {
                self.fail_saving(&error.text);
            }
            Done::Finished => {
                saving.unfinished -= 1;
                if saving.walked && saving.in_flight == 0 && saving.unfinished == 0 {
                    self.end_saving(Ok(()));
                }
            }
            Done::Read { .. } | Done::Store(_) => {}
        }
    }

    /// Hands a part of a snapshot that diskstore walks to its file.
    fn append_portion(&mut self, bytes: Vec<u8>) {
        if let Some(saving) = &mut self.saving {
            saving.append(bytes, &mut self.jobs);
        }
    }

    /// Whether the snapshot's file takes more.
    fn file_has_room(&self) -> bool {
        self.saving.as_ref().is_some_and(|saving| !saving.is_full())
    }

    fn fail_saving(&mut self, reason: &str) {
        self.server.requests.push(Request::Log(format!("Error saving the DB: {reason}")));
        self.end_saving(Err(&JobError { missing: false, full: false, text: reason.into() }));
    }

    /// Gives up the snapshot for the journal's new base.
    pub(super) fn abandon_rewriting(&mut self) {
        if self.saving.as_ref().is_some_and(|saving| saving.purpose == Purpose::Rewrite) {
            self.abandon_saving();
        }
    }

    /// Gives up a snapshot that is not finished.
    fn abandon_saving(&mut self) {
        if self.saving.is_some() {
            self.end_saving(Err(&JobError { missing: false, full: false, text: "it was given up".into() }));
        }
    }

    fn end_saving(&mut self, outcome: Result<(), &JobError>) {
        let ok = outcome.is_ok();
        let Some(mut saving) = self.saving.take() else { return };
        self.server.persistence.reloading = false;
        self.data.paging.set_hold(false);
        if let Some(store) = self.parts.store_files() {
            (store.end_snapshot)(self);
        }
        if let Some(mut snapshot) = self.data.snapshot.take() {
            while let Some(keys) = snapshot.take_any_flushed() {
                self.data.garbage_databases.push(keys);
            }
        }
        if !ok {
            saving.drop_keys(&mut self.jobs);
            self.jobs.push(Owner::Saving(saving.serial), Job::Remove { file: saving.file });
        }
        if ok && self.server.persistence.incomplete.take_if(|file| *file == saving.name).is_some() {
            let file = String::from_utf8_lossy(&saving.name);
            let original = String::from_utf8_lossy(ORIGINAL);
            let line = format!(
                "The '{file}' that was loaded, some keys of which were skipped, is kept as '{file}{original}'"
            );
            self.server.requests.push(Request::Log(line));
        }
        if let (true, Some(moves)) = (ok, saving.moves) {
            self.begin_moving(saving.name, moves);
        }
        if saving.purpose == Purpose::Rewrite {
            if let Some(journal) = self.parts.journal() {
                (journal.base_written)(self, outcome.map(|()| saving.bytes));
            }
            return self.carry_save_requests();
        }
        let persistence = &mut self.server.persistence;
        persistence.saving_since = None;
        persistence.last_duration = Some(self.now - saving.started);
        if ok {
            persistence.last_save = self.now;
        }
        match (saving.purpose, ok) {
            (Purpose::Flushed, false) => self.data.dirty += saving.dirty,
            (Purpose::Flushed, true) | (_, false) => {}
            (_, true) => self.data.dirty -= saving.dirty.min(self.data.dirty),
        }
        if ok || saving.purpose == Purpose::Background {
            persistence.last_ok = ok;
        }
        self.tell_of_saving(saving.purpose, ok);
    }

    fn tell_of_saving(&mut self, purpose: Purpose, ok: bool) {
        let line = match (purpose, ok) {
            (Purpose::Background, true) => "Background saving terminated with success",
            (Purpose::Background, false) => "Background saving error",
            (_, true) => "DB saved on disk",
            (Purpose::Shutdown(_), false) => "Error trying to save the DB, can't exit.",
            (_, false) => "Error trying to save the DB",
        };
        self.server.requests.push(Request::Log(String::from(line)));
        match purpose {
            Purpose::Background | Purpose::Flushed | Purpose::Rewrite => {}
            Purpose::Foreground(session) => self.end_job_wait(session, ok.then_some(()).ok_or("ERR")),
            Purpose::Reload { session, .. } if !ok => self.end_job_wait(session, Err("ERR")),
            Purpose::Reload { session, present } => self.begin_reload(session, present),
            Purpose::Shutdown(_) if ok => {
                self.server.requests.push(Request::Shutdown { save: Some(false), by: None });
            }
            Purpose::Shutdown(Some(session)) => {
                self.end_last_pause();
                self.end_job_wait(session, Err("ERR Errors trying to SHUTDOWN. Check logs."));
            }
            Purpose::Shutdown(None) => self.end_last_pause(),
        }
        self.carry_save_requests();
    }

    /// The server does not end after all.
    fn end_last_pause(&mut self) {
        if self.server.pause == Some((PauseKind::All, UnixMillis::MAX)) {
            self.server.pause = Some((PauseKind::All, self.now));
        }
    }

    /// Saves first where SHUTDOWN means that; false: there is nothing to save.
    pub(super) fn begin_last_save(&mut self, save: Option<bool>, by: Option<SessionId>) -> bool {
        let wanted = save.unwrap_or(!self.server.config.save.is_empty());
        if !wanted || !self.server.persistence.files || self.server.loading {
            return false;
        }
        if self.saving.as_ref().is_some_and(|saving| matches!(saving.purpose, Purpose::Shutdown(_))) {
            return true;
        }
        // What clients still write would not be in the file, unless it is in the journal.
        if !self.server.journaling {
            self.server.pause = Some((PauseKind::All, UnixMillis::MAX));
        }
        self.server
            .requests
            .push(Request::Log(String::from("Saving the final RDB snapshot before exiting.")));
        self.begin_saving(Purpose::Shutdown(by));
        true
    }
}

/// Memory that a snapshot in the background may take for portions.
fn room(config: &Config) -> usize {
    let limits =
        [config.maxmemory, config.vm_max_memory].map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    limits.into_iter().filter(|limit| *limit > 0).min().map_or(usize::MAX, |limit| limit / SHARE)
}

fn options(config: &Config, purpose: Purpose) -> Options {
    let commands = purpose == Purpose::Rewrite && !config.aof_use_rdb_preamble;
    Options {
        version: config.rdb_version as u16,
        compress: config.rdbcompression,
        checksum: config.rdbchecksum && !commands,
        commands,
    }
}

fn access_written(policy: MaxmemoryPolicy) -> Access {
    match policy {
        MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Access::Recency,
        MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => Access::Frequency,
        _ => Access::None,
    }
}

fn temporary_name(host: &HostFacts, purpose: Purpose) -> Vec<u8> {
    match purpose {
        Purpose::Rewrite => format!("temp-rewriteaof-bg-{}.aof", host.process_id).into_bytes(),
        _ => format!("temp-{}.rdb", host.process_id).into_bytes(),
    }
}
