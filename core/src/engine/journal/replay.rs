//! The files at the start: the base into the dataset, then every command since through its own handler.

use super::{Engine, Stage, Step};
use crate::engine::jobs::{Done, Job};
use crate::journal::{Fault, FaultKind, Manifest, Part, Reader};
use crate::persistence::LoadProgress;
use crate::server::Request;
use crate::session::{OwnedCommand, Session, SessionId, SessionInfo};
use crate::waiters::DbKey;
use crate::words::number::fixed;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

mod commands;

/// Bytes that are read at once.
const PORTION: usize = 256 << 10;
/// Portions that are asked for ahead.
const AHEAD: u64 = 4;
/// A manifest is read whole.
const MANIFEST: usize = 16 << 20;
/// The replay's hour: early enough that no deadline has passed, for what was written before it passed may still follow;
/// and with the same access clocks, which come round after so many milliseconds.
const ROUND: UnixMillis = 15 * (1 << 24) * 1000;

/// How far commands were run.
enum Ran {
    /// To the file's end.
    All,
    /// The next portion is needed.
    UntilPortion,
    /// Values are needed.
    UntilValues,
}

/// Files on their way into the dataset.
#[derive(Debug)]
pub(super) struct Replay {
    files: VecDeque<Part>,
    current: Vec<u8>,
    number: u32,
    reader: Reader,
    /// The first bytes of the file were looked at.
    begun: bool,
    offset: u64,
    size: u64,
    /// Sizes of the files that were read.
    total: u64,
    base_size: u64,
    /// `None` while its command runs.
    session: Option<Box<Session>>,
    /// Commands that were read and did not run yet, because values that they need are on their way.
    aside: VecDeque<OwnedCommand>,
    /// Values on their way.
    missing: usize,
    /// Portions to be asked for when those that came were run.
    wanted: u64,
    errors: u64,
    micros: u64,
    /// The session whose DEBUG LOADAOF it is.
    waiter: Option<SessionId>,
}

impl Engine {
    /// Looks for a journal, and loads it.
    pub(in crate::engine) fn replay_at_start(&mut self) {
        self.begin_replay(None);
        let name = [&self.server.config.appendfilename[..], b".manifest"].concat();
        let file = self.journal_path(&name);
        self.push_journal(Step::ReadManifest, Job::Read { file, offset: 0, len: MANIFEST, into: Vec::new() });
    }

    /// DEBUG LOADAOF: noted, and done at once or when the journal is in order.
    pub(super) fn replay_when_possible(&mut self, session: SessionId) {
        self.journal.replays.push_back(session);
        self.next_cron = self.now;
    }

    /// Serves a DEBUG LOADAOF: the dataset becomes what the files hold.
    pub(super) fn replay_if_asked(&mut self) {
        let works = self.journal.retry_at.is_none() && self.journal.rewrite.is_none();
        let open = matches!(self.journal.stage, Stage::Open) && works && self.saving.is_none();
        let off = matches!(self.journal.stage, Stage::Off);
        if !open && !off || self.journal.closing {
            return;
        }
        let Some(session) = self.journal.replays.pop_front() else { return };
        if off {
            return self.end_job_wait(session, Err("ERR there is no journal any more"));
        }
        self.write_rest();
        self.sync_journal();
        self.empty_all();
        self.server.journaling = false;
        self.begin_replay(Some(session));
        self.replay_manifest();
    }

    fn begin_replay(&mut self, waiter: Option<SessionId>) {
        self.server.loading = true;
        self.server.persistence.load = LoadProgress { started: self.now, ..LoadProgress::default() };
        self.server.persistence.shown = self.now;
        let session = Session::new(SessionId::REPLAY, 0, SessionInfo::default(), self.now);
        self.journal.stage = Stage::Replaying(Box::new(Replay {
            files: VecDeque::new(),
            current: Vec::new(),
            number: 0,
            reader: Reader::new(0),
            begun: false,
            offset: 0,
            size: 0,
            total: 0,
            base_size: 0,
            session: Some(Box::new(session)),
            aside: VecDeque::new(),
            missing: 0,
            wanted: 0,
            errors: 0,
            micros: (self.server.host.monotonic)(),
            waiter,
        }));
    }

    fn refuse_start(&mut self, line: String) {
        self.server.requests.push(Request::Fatal(line));
    }

    pub(super) fn manifest_read(&mut self, done: Done) {
        match done {
            Done::Read { bytes, .. } => match Manifest::read(&bytes) {
                Ok(manifest) => {
                    self.journal.manifest = manifest;
                    self.replay_manifest();
                }
                Err(reason) => self.refuse_start(format!("Fatal error: {reason}")),
            },
            Done::Failed(error) if error.missing => {
                let file = self.server.config.appendfilename.clone();
                self.push_journal(Step::ReadOld, Job::Read { file, offset: 0, len: 1, into: Vec::new() });
            }
            Done::Failed(error) => self.refuse_start(format!("Can't read the AOF manifest: {}", error.text)),
            _ => {}
        }
    }

    /// A file from before Redis 7 is taken over as the base; without one the snapshot is what there is.
    pub(super) fn old_file_read(&mut self, done: Done) {
        match done {
            Done::Read { .. } => {
                let name = self.server.config.appendfilename.clone();
                let folder = self.server.config.appenddirname.clone();
                self.push_journal(Step::Prepare, Job::Folder { name: folder });
                self.journal.manifest.base_seq = 1;
                self.journal.manifest.base = Some(Part { name: name.clone(), seq: 1 });
                self.publish_manifest(Step::List(0));
                self.move_old_file(name);
            }
            Done::Failed(error) if error.missing => {
                self.journal.stage = Stage::Off;
                self.load_snapshot_at_start();
            }
            Done::Failed(error) => {
                self.refuse_start(format!("Can't read the append only file: {}", error.text));
            }
            _ => {}
        }
    }

    fn move_old_file(&mut self, file: Vec<u8>) {
        let name = self.journal_path(&file);
        self.push_journal(Step::Prepare, Job::Rename { file, name });
        self.replay_manifest();
    }

    fn replay_manifest(&mut self) {
        let manifest = &self.journal.manifest;
        let files = manifest.base.iter().chain(&manifest.increments).cloned().collect();
        if let Stage::Replaying(replay) = &mut self.journal.stage {
            replay.files = files;
        }
        self.next_file();
    }

    fn next_file(&mut self) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        let Some(part) = replay.files.pop_front() else {
            self.end_replay(None);
            return;
        };
        replay.number += 1;
        replay.begun = false;
        replay.wanted = 0;
        if let Some(session) = &mut replay.session {
            session.db = 0;
            session.multi = None;
        }
        let file = [&self.server.config.appenddirname[..], b"/", &part.name].concat();
        replay.current = file;
        self.read_from(0);
    }

    fn read_from(&mut self, offset: u64) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        replay.reader = Reader::new(offset);
        replay.offset = offset;
        for _ in 0..if offset == 0 { 1 } else { AHEAD } {
            self.read_part(Vec::new());
        }
    }

    fn read_part(&mut self, into: Vec<u8>) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        let (file, offset, step) = (replay.current.clone(), replay.offset, Step::ReadPart(replay.number));
        replay.offset += PORTION as u64;
        self.push_journal(step, Job::Read { file, offset, len: PORTION, into });
    }

    pub(super) fn part_read(&mut self, number: u32, done: Done) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        if replay.number != number {
            return;
        }
        let (bytes, size) = match done {
            Done::Read { bytes, size } => (bytes, size),
            Done::Failed(error) => return self.part_unread(&error.text, error.missing),
            _ => return,
        };
        replay.size = size;
        let first = !core::mem::replace(&mut replay.begun, true);
        if first && bytes.starts_with(b"REDIS") {
            let file = replay.current.clone();
            replay.number += 1;
            return self.load_base(file, size);
        }
        if bytes.len() < PORTION {
            replay.reader.finish();
        } else {
            replay.wanted += if first { AHEAD } else { 1 };
        }
        replay.reader.feed(&bytes);
        self.replay_on();
    }

    /// Runs what was read, unless values have to come or to leave first.
    pub(super) fn replay_on(&mut self) {
        let Stage::Replaying(replay) = &self.journal.stage else { return };
        if self.loading.is_some() || !replay.begun || replay.missing > 0 || self.is_pressed() {
            return;
        }
        let ran = self.run_portion();
        self.show_load();
        if let Some(paging) = self.parts.paging() {
            (paging.tick)(self);
        }
        match ran {
            Err(fault) => self.file_faulty(fault),
            Ok(Ran::All) => self.file_replayed(),
            Ok(Ran::UntilValues) => {}
            Ok(Ran::UntilPortion) => self.read_wanted(),
        }
    }

    fn read_wanted(&mut self) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        for _ in 0..core::mem::take(&mut replay.wanted) {
            self.read_part(Vec::new());
        }
    }

    fn part_unread(&mut self, reason: &str, missing: bool) {
        let manifest = &self.journal.manifest;
        let name = self.server.config.appendfilename.clone();
        let only =
            manifest.increments.is_empty() && manifest.base.as_ref().is_some_and(|base| base.name == name);
        if let Stage::Replaying(replay) = &mut self.journal.stage
            && missing
            && only
            && !core::mem::replace(&mut replay.begun, true)
            && replay.number == 1
        {
            // The manifest of a file from before Redis 7 was written, and then the power went.
            return self.move_old_file(name);
        }
        let Stage::Replaying(replay) = &self.journal.stage else { return };
        let file = String::from_utf8_lossy(&replay.current).into_owned();
        self.refuse_start(format!("The AOF file {file} can't be read: {reason}"));
    }

    /// The base was loaded from an RDB file that ends at `position`; commands may follow in it.
    pub(in crate::engine) fn base_loaded(&mut self, position: u64) {
        if let Stage::Replaying(replay) = &mut self.journal.stage {
            replay.base_size = position;
            replay.number += 1;
        }
        self.read_from(position.max(1));
    }

    fn run_portion(&mut self) -> Result<Ran, Fault> {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return Ok(Ran::All) };
        let mut reader = core::mem::replace(&mut replay.reader, Reader::new(0));
        let now = self.now;
        self.now = now % ROUND;
        let outcome = self.run_read(&mut reader);
        self.now = now;
        self.after_removals();
        let Stage::Replaying(replay) = &mut self.journal.stage else { return Ok(Ran::All) };
        let load = &mut self.server.persistence.load;
        load.loaded = replay.total + reader.position();
        load.total = load.total.max(replay.total + replay.size);
        replay.reader = reader;
        outcome
    }

    fn replay_session(&mut self) -> Option<Box<Session>> {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return None };
        replay.session.take()
    }

    fn give_back(&mut self, session: Box<Session>) {
        if let Stage::Replaying(replay) = &mut self.journal.stage {
            replay.session = Some(session);
        }
    }

    /// A value that commands need has come, or cannot be read.
    pub(super) fn replay_value_came(&mut self, key: &DbKey, failure: Option<&str>) {
        if let Some(reason) = failure {
            let name = String::from_utf8_lossy(&key.1).into_owned();
            return self.refuse_start(format!(
                "Fatal error: the value of key '{name}', which the append only file's commands need, is not in memory and cannot be read from the swap file or the file's base: {reason}"
            ));
        }
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        replay.missing -= 1;
        self.replay_on();
    }

    fn file_replayed(&mut self) {
        if let Stage::Replaying(replay) = &mut self.journal.stage {
            replay.total += replay.size;
            // A base of commands is the first of the files that are named.
            if replay.base_size == 0 && self.journal.manifest.base.is_some() {
                replay.base_size = replay.size;
            }
        }
        self.next_file();
    }

    fn file_faulty(&mut self, fault: Fault) {
        let Stage::Replaying(replay) = &mut self.journal.stage else { return };
        let (name, last) = (String::from_utf8_lossy(&replay.current).into_owned(), replay.files.is_empty());
        let Fault { at, kind } = fault;
        let manifest = String::from_utf8_lossy(&self.server.config.appendfilename).into_owned();
        match kind {
            FaultKind::Torn if last && self.server.config.aof_load_truncated => {
                replay.total += at;
                replay.size = at;
                let line = format!(
                    "!!! Warning: short read while loading the AOF file {name}!!! AOF loaded anyway because \
                     aof-load-truncated is enabled; truncating the AOF at offset {at}"
                );
                self.server.requests.push(Request::Log(line));
                self.end_replay(Some(at));
            }
            FaultKind::Torn => self.refuse_start(format!(
                "Unexpected end of file reading the append only file {name} at offset {at}. You can: 1) Make a backup \
                 of your AOF file, then use nuthatch check-aof --fix {manifest}.manifest. 2) Alternatively you can \
                 set the 'aof-load-truncated' configuration option to yes and restart the server."
            )),
            FaultKind::Format | FaultKind::Checksum => {
                let what = if kind == FaultKind::Format { "Bad file format" } else { "Bad checksum" };
                self.refuse_start(format!(
                    "{what} reading the append only file {name} at offset {at}: make a backup of your AOF file, then \
                     use nuthatch check-aof --fix {manifest}.manifest"
                ));
            }
        }
    }

    /// Everything is there: what comes now is written behind it.
    fn end_replay(&mut self, cut: Option<u64>) {
        let Stage::Replaying(replay) = core::mem::take(&mut self.journal.stage) else { return };
        let Replay { size, total, base_size, micros, waiter, .. } = *replay;
        let seconds = ((self.server.host.monotonic)() - micros) as f64 / 1e6;
        let line = format!("DB loaded from append only file: {} seconds", fixed(seconds, 3));
        self.server.requests.push(Request::Log(line));
        self.server.persistence.aof.base_size = base_size;
        self.journal.earlier = total - size.min(total);
        self.data.dirty = 0;
        match self.journal.manifest.increments.last() {
            Some(part) => {
                let name = part.name.clone();
                self.go_on_with(&name, cut.unwrap_or(size));
                if !self.journal.manifest.history.is_empty() {
                    self.remove_history();
                }
            }
            None => {
                // A base that was torn is cut, too: it is the end of a journal from before Redis 7.
                if let (Some(len), Some(base)) = (cut, &self.journal.manifest.base) {
                    let file = self.journal_path(&base.name);
                    self.push_journal(Step::Prepare, Job::Truncate { file, len });
                }
                let prefix = self.server.config.appendfilename.clone();
                let part = self.journal.manifest.new_increment(&prefix);
                self.journal.end = size;
                self.begin_file(&part.name);
                self.journal.to_be_listed = true;
            }
        }
        self.server.loading = false;
        self.server.journaling = true;
        self.server.persistence.aof.size = self.journal.earlier + self.journal.end;
        if let Some(session) = waiter {
            self.end_job_wait(session, Ok(()));
        }
    }

    /// Writes on at the end of the last increment.
    fn go_on_with(&mut self, name: &[u8], len: u64) {
        let file = self.journal_path(name);
        let journal = &mut self.journal;
        journal.file = file.clone();
        journal.number += 1;
        journal.listed = journal.number;
        self.server.journal.begin_file();
        journal.stage = Stage::Open;
        (journal.end, journal.written, journal.synced) = (len, len, 0);
        self.push_journal(Step::Prepare, Job::Truncate { file, len });
        self.sync_journal();
    }

    /// The snapshot was loaded because there is no journal yet: it becomes the journal's base.
    pub(in crate::engine) fn journal_after_snapshot(&mut self) {
        if self.server.config.appendonly && matches!(self.journal.stage, Stage::Off) {
            self.open_anew(true);
        }
    }
}
