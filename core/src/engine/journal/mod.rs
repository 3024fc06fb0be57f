//! The journal's way to its files: a batch a turn, its durability, and the replies that wait for it.
//!
//! A turn's commands become one batch. Under `everysec` those of several turns do while one follows the other, where the
//! host says when it is about to sleep: each batch costs a thread its waking. Under `appendfsync always` one fsync serves
//! all of a turn, and while one is under way the turns that follow collect into the next; what a session is answered
//! meanwhile is held back until then, reads too, so that nobody sees what a power cut may undo.

mod failure;
mod hold;
mod replay;
mod rewrite;

use super::Engine;
use super::jobs::{Done, Job, Owner};
use super::parts::JournalPart;
use crate::journal::Manifest;
use crate::session::SessionId;
use crate::words::config::AppendFsync;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use replay::Replay;

/// Under `everysec` the time between two fsyncs, in milliseconds.
const SYNC_PERIOD: UnixMillis = 1_000;
/// Turns that follow each other share a batch up to so many bytes, and for so many milliseconds.
const GATHERED: usize = 128 << 10;
const GATHERING: UnixMillis = 4;

/// What a job of the journal's is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Step {
    /// The manifest is read at the start.
    ReadManifest,
    /// A file from before there were manifests is looked for.
    ReadOld,
    /// A part of a file to be replayed, by the file's number.
    ReadPart(u32),
    /// A file or a folder is made ready; nothing follows but from its failure.
    Prepare,
    /// A batch of so many bytes goes into the file of this number.
    Append { len: u64, file: u32 },
    /// Everything up to a turn, in the file of this number up to this offset, is made durable.
    Sync { turn: u64, file: u32, to: u64 },
    /// The manifest now names the file of this number.
    List(u32),
    /// The manifest now names the base of the rewrite of this number.
    NewBase(u32),
    /// What a failed write left behind is cut off.
    Undo,
    /// The last fsync before the end.
    Close,
}

/// What becomes of commands.
#[derive(Debug, Default)]
enum Stage {
    /// There is no journal.
    #[default]
    Off,
    /// The files are being read.
    Replaying(Box<Replay>),
    /// They go into a file.
    Open,
    /// The file cannot be trusted any more: the dataset has to be written anew.
    Broken,
}

/// The journal.
#[derive(Debug, Default)]
pub(super) struct Journal {
    stage: Stage,
    manifest: Manifest,
    /// Tells the jobs of the present files from those of files that were given up.
    generation: u32,
    /// The file that is written, and its number, which only grows.
    file: Vec<u8>,
    number: u32,
    /// The highest number of a file that the manifest names.
    listed: u32,
    /// The manifest is to name the present file as soon as that is on the disk.
    to_be_listed: bool,
    /// Up to where batches were made, written, made durable; in bytes.
    end: u64,
    written: u64,
    synced: u64,
    /// The last turn that wrote something, that was handed to the file, whose fsync was asked for, that is durable.
    turn: u64,
    handed: u64,
    asked: u64,
    durable: u64,
    /// Turns that are durable in a file that the manifest does not name yet.
    durable_unlisted: u64,
    appends: u32,
    /// The host says when it is about to sleep: batches may gather until then.
    gathers: bool,
    /// When the batch that gathers was begun.
    begun: Option<UnixMillis>,
    syncs: u32,
    last_sync: UnixMillis,
    /// Batches that a failure left unwritten.
    waiting: VecDeque<Vec<u8>>,
    /// When what failed is tried again.
    retry_at: Option<UnixMillis>,
    /// Sessions with replies that are held back until a turn is durable.
    held: VecDeque<(u64, SessionId)>,
    /// Sessions with replies that need no longer wait.
    released: Vec<SessionId>,
    /// A failure was told in this turn: what commands of the turn answered must still wait.
    failed_now: bool,
    rewrite: Option<rewrite::Rewrite>,
    /// How many rewrites were begun.
    rewrites: u32,
    /// Sessions whose DEBUG LOADAOF waits until the files are in order.
    replays: VecDeque<SessionId>,
    /// Bytes of the files before the present one.
    earlier: u64,
    /// The server's end waits for the last fsync.
    closing: bool,
}

impl Journal {
    fn path(&self, folder: &[u8], name: &[u8]) -> Vec<u8> {
        [folder, b"/", name].concat()
    }

    pub(super) fn follow_clock_back(&mut self, now: UnixMillis) {
        self.last_sync = self.last_sync.min(now);
        self.retry_at = self.retry_at.map(|at| at.min(now));
    }
}

static PART: JournalPart = JournalPart {
    tick: Engine::tick_journal,
    end_turn: Engine::end_turn,
    release_pending: Engine::release_pending,
    switch: Engine::switch_journal,
    begin_closing: Engine::begin_closing_journal,
    job_done: Engine::journal_job_done,
    seal: crate::journal::seal,
    begin_rewrite: Engine::rewrite_journal,
    base_path: Engine::base_path,
    base_written: Engine::base_written,
    base_loaded: Engine::base_loaded,
    after_snapshot: Engine::journal_after_snapshot,
    replay: Engine::replay_when_possible,
    load_on: Engine::replay_on,
    value_came: Engine::replay_value_came,
};

impl Engine {
    pub(super) fn carries_journal(&mut self) {
        self.parts.journal = Some(&PART);
        self.server.journal.sum_by(self.server.host.crc64);
    }

    pub(super) fn push_journal(&mut self, step: Step, job: Job) {
        self.jobs.push(Owner::Journal(self.journal.generation, step), job);
    }

    fn journal_path(&self, name: &[u8]) -> Vec<u8> {
        self.journal.path(&self.server.config.appenddirname, name)
    }

    /// Bytes on their way to the file. None where the file fails: then nothing ends by waiting.
    pub(super) fn journal_backlog(&self) -> usize {
        let journal = &self.journal;
        if journal.appends == 0 || journal.retry_at.is_some() {
            0
        } else {
            (journal.end - journal.written) as usize
        }
    }

    /// Turns what commands left for the journal into a batch on its way to the file. Once a turn.
    pub(super) fn end_turn(&mut self) {
        if self.server.config.aof_timestamp_enabled {
            self.server.journal.timestamp(self.now / 1000);
        }
        if self.server.journal.end_turn() {
            self.journal.turn += 1;
        }
        let waits = match self.server.config.appendfsync {
            AppendFsync::Always => self.journal.syncs > 0,
            AppendFsync::EverySec => self.may_gather(),
            // What was answered is the operating system's as soon as may be.
            AppendFsync::No => false,
        };
        if !self.server.journal.is_empty() && !waits {
            self.write_batch();
        }
        if self.owes_sync() {
            self.sync_journal();
        }
    }

    /// Whether replies wait for what nobody has asked to be made durable, as `appendfsync` was another when it was written.
    fn owes_sync(&self) -> bool {
        let journal = &self.journal;
        let awaited = self.server.config.appendfsync == AppendFsync::Always || !journal.held.is_empty();
        awaited
            && journal.handed > journal.asked
            && journal.syncs == 0
            && matches!(journal.stage, Stage::Open)
            && journal.retry_at.is_none()
    }

    /// Whether what was collected may wait for what the next turns bring.
    fn may_gather(&mut self) -> bool {
        if !self.journal.gathers || self.server.journal.is_empty() {
            return false;
        }
        let begun = *self.journal.begun.get_or_insert(self.now);
        self.server.journal.len() < GATHERED && (begun..begun + GATHERING).contains(&self.now)
    }

    /// Tells that this host calls [`hand_over`](Self::hand_over) before it sleeps: under `appendfsync everysec` the commands of
    /// turns that follow each other go to the file together.
    pub fn gathers_batches(&mut self) {
        self.journal.gathers = true;
    }

    /// Whether commands wait for [`hand_over`](Self::hand_over).
    pub fn has_gathered(&self) -> bool {
        self.journal.begun.is_some() && !self.server.journal.is_empty()
    }

    /// Makes jobs of what has gathered for the journal: no other turn follows at once.
    pub fn hand_over(&mut self) {
        if self.has_gathered() {
            self.write_rest();
        }
    }

    /// Hands everything that was collected to the file now.
    fn write_rest(&mut self) {
        self.end_turn();
        if !self.server.journal.is_empty() {
            self.write_batch();
        }
    }

    /// Makes a batch of what was collected and hands it to the file.
    fn write_batch(&mut self) {
        let policy = self.server.config.appendfsync;
        let journal = &mut self.journal;
        journal.begun = None;
        // Without fsyncs nothing is known to be durable, and everything is taken to be.
        let behind = if policy == AppendFsync::No { 0 } else { journal.end - journal.synced };
        let batch = self.server.journal.seal(journal.end, behind);
        journal.handed = journal.turn;
        match journal.stage {
            Stage::Open => {}
            Stage::Broken | Stage::Off | Stage::Replaying(_) => return,
        }
        journal.end += batch.len() as u64;
        self.server.persistence.aof.size = journal.earlier + journal.end;
        if journal.retry_at.is_some() || !journal.waiting.is_empty() {
            journal.waiting.push_back(batch);
            return;
        }
        self.append_batch(batch);
        if policy == AppendFsync::Always {
            self.sync_journal();
        }
    }

    fn append_batch(&mut self, bytes: Vec<u8>) {
        let journal = &mut self.journal;
        journal.appends += 1;
        let (file, step) =
            (journal.file.clone(), Step::Append { len: bytes.len() as u64, file: journal.number });
        self.push_journal(step, Job::Append { file, bytes });
    }

    /// Asks for everything that was handed to the file to be made durable.
    fn sync_journal(&mut self) {
        let journal = &mut self.journal;
        journal.syncs += 1;
        self.server.persistence.aof.syncs = journal.syncs;
        journal.asked = journal.handed;
        journal.last_sync = self.now;
        let step = Step::Sync { turn: journal.handed, file: journal.number, to: journal.end };
        let file = journal.file.clone();
        self.push_journal(step, Job::Sync { file });
    }

    /// What the hour demands of the journal.
    pub(super) fn tick_journal(&mut self) {
        self.open_if_wanted();
        if self.journal.retry_at.is_some_and(|at| at <= self.now) {
            self.retry_journal();
        }
        let journal = &self.journal;
        let due = journal.turn > journal.asked && self.now - journal.last_sync >= SYNC_PERIOD;
        let spared = self.server.config.no_appendfsync_on_rewrite && self.saving.is_some();
        let open = matches!(journal.stage, Stage::Open) && journal.retry_at.is_none();
        let policy = self.server.config.appendfsync;
        if open && due && policy == AppendFsync::EverySec && !spared {
            if journal.syncs == 0 {
                self.hand_over();
                self.sync_journal();
            } else {
                self.server.persistence.aof.delayed += 1;
            }
        }
        if self.owes_sync() {
            self.sync_journal();
        }
        self.replay_if_asked();
        self.rewrite_if_due();
    }

    /// Takes what came of one of the journal's jobs.
    pub(super) fn journal_job_done(&mut self, generation: u32, step: Step, done: Done) {
        if generation != self.journal.generation {
            return;
        }
        match (step, done) {
            (Step::ReadManifest, done) => self.manifest_read(done),
            (Step::ReadOld, done) => self.old_file_read(done),
            (Step::ReadPart(number), done) => self.part_read(number, done),
            (Step::Append { len, file }, Done::Appended(buffer)) => {
                self.server.journal.reuse(buffer);
                self.journal.appends -= 1;
                if file == self.journal.number {
                    self.journal.written += len;
                }
                self.note_recovery();
            }
            (Step::Append { file, .. }, Done::Refused { bytes, error }) => {
                self.append_failed(file, bytes, &error);
            }
            (Step::Close, _) => self.journal_closed(),
            (step, Done::Failed(error) | Done::Refused { error, .. }) => self.journal_broke(step, &error),
            (Step::Sync { turn, file, to }, _) => self.synced(turn, file, to),
            (Step::List(number), _) => self.listed(number),
            (Step::NewBase(number), _) => self.new_base_listed(number),
            (Step::Undo, _) => self.undone(),
            (Step::Prepare | Step::Append { .. }, _) => {}
        }
    }

    fn synced(&mut self, turn: u64, file: u32, to: u64) {
        let journal = &mut self.journal;
        journal.syncs -= 1;
        self.server.persistence.aof.syncs = journal.syncs;
        let present = file == journal.number;
        if present {
            journal.synced = journal.synced.max(to);
        }
        // One that was switched off needs no list.
        if file <= journal.listed || matches!(journal.stage, Stage::Off) {
            journal.durable = journal.durable.max(turn);
        } else {
            journal.durable_unlisted = journal.durable_unlisted.max(turn);
        }
        if present && core::mem::take(&mut journal.to_be_listed) {
            self.publish_manifest(Step::List(file));
        }
        self.note_recovery();
        self.release_held();
    }

    fn listed(&mut self, number: u32) {
        let journal = &mut self.journal;
        journal.listed = journal.listed.max(number);
        journal.durable = journal.durable.max(journal.durable_unlisted);
        self.release_held();
    }

    /// Makes the journal durable before the server ends; false: nothing is left to do.
    pub(super) fn begin_closing_journal(&mut self) -> bool {
        if !matches!(self.journal.stage, Stage::Open) || self.journal.retry_at.is_some() {
            return false;
        }
        if self.journal.closing {
            return true;
        }
        self.journal.closing = true;
        // What clients still write would not be in the file.
        self.server.pause = Some((crate::server::PauseKind::All, UnixMillis::MAX));
        self.write_rest();
        self.sync_journal();
        let (at, file) = (self.journal.end, self.journal.file.clone());
        // Nothing may be written behind a batch that failed, so this is only there where all before it is.
        self.append_batch(crate::journal::seal(&[], at, 0));
        self.push_journal(Step::Close, Job::Sync { file });
        true
    }

    fn journal_closed(&mut self) {
        self.journal.stage = Stage::Off;
        self.server.requests.push(crate::server::Request::Shutdown { save: Some(false), by: None });
    }

    /// Begins a journal where the configuration wants one and there is none; a snapshot that is being written comes first.
    fn open_if_wanted(&mut self) {
        let wanted = self.server.config.appendonly && self.server.persistence.files;
        let free = self.saving.is_none() && !self.server.loading && !self.journal.closing;
        if wanted && free && matches!(self.journal.stage, Stage::Off) {
            self.open_anew(false);
        }
    }

    /// CONFIG SET appendonly.
    pub(super) fn switch_journal(&mut self) {
        if !self.server.persistence.files || self.server.loading {
            return;
        }
        let off = matches!(self.journal.stage, Stage::Off);
        if self.server.config.appendonly && off {
            self.open_if_wanted();
        } else if !self.server.config.appendonly && !off {
            self.switch_off();
        }
    }

    /// What was written is made durable, for those that wait for it; where that fails, they hear of it, and nothing is kept for a
    /// journal that may be begun later: its base has it all.
    fn switch_off(&mut self) {
        let works = matches!(self.journal.stage, Stage::Open)
            && self.journal.retry_at.is_none()
            && self.journal.waiting.is_empty();
        self.write_rest();
        if works {
            self.sync_journal();
        }
        self.abandon_rewrite();
        self.server.journaling = false;
        self.journal.stage = Stage::Off;
        if !works {
            self.forget_journal("it was switched off");
        }
        self.journal.retry_at = None;
        self.server.persistence.aof.error = None;
    }

    /// Nothing that is under way for the journal matters any more.
    fn forget_journal(&mut self, reason: &str) {
        let journal = &mut self.journal;
        journal.generation = journal.generation.wrapping_add(1);
        journal.waiting.clear();
        journal.to_be_listed = false;
        (journal.appends, journal.syncs) = (0, 0);
        self.server.persistence.aof.syncs = 0;
        self.fail_held(reason);
    }
}
