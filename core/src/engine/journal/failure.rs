//! Writes and fsyncs that fail. Clients are refused writes until it works again; nothing ends the server.
//!
//! After a write that failed the file is cut back to what was written before, and the batches are written again. After a
//! fsync that failed nobody knows what is on the disk, and a second one proves nothing: the dataset is written anew, into
//! new files.

use super::{Engine, Stage, Step};
use crate::engine::jobs::{Job, JobError};
use crate::server::Request;
use crate::words::config::AppendFsync;
use crate::words::time::UnixMillis;
use alloc::format;
use alloc::vec::Vec;

/// The pause between two attempts, in milliseconds.
const RETRY_PERIOD: UnixMillis = 1_000;

impl Engine {
    fn note_failure(&mut self, error: &JobError) {
        // One failure may pass before anybody has to hear of it.
        if self.server.persistence.aof.error.is_some() {
            self.fail_held(&error.text);
        }
        let aof = &mut self.server.persistence.aof;
        if aof.error.is_none() {
            self.journal.failed_now = true;
            let line = format!("Error writing to the append only file: {}", error.text);
            self.server.requests.push(Request::Log(line));
        }
        aof.error = Some(error.text.clone());
    }

    fn retry_later(&mut self) {
        let again = self.server.persistence.aof.error.is_some();
        self.journal.retry_at = Some(if again { self.now + RETRY_PERIOD } else { self.now });
    }

    /// A batch was not written. Those behind it fail as well and come here in their order.
    pub(super) fn append_failed(&mut self, file: u32, bytes: Vec<u8>, error: &JobError) {
        if matches!(self.journal.stage, Stage::Off) && !self.journal.closing {
            return self.forget_journal(&error.text);
        }
        self.journal.appends -= 1;
        if file == self.journal.number || self.journal.closing {
            self.journal.waiting.push_back(bytes);
        }
        if self.journal.closing {
            return;
        }
        // The end of a file that a newer one follows: only the whole dataset can make up for it.
        if file != self.journal.number {
            return self.give_up_file(error);
        }
        if self.journal.retry_at.is_none() {
            self.retry_later();
        }
        self.note_failure(error);
    }

    /// A fsync, or something else that cannot simply be done again, has failed.
    pub(super) fn journal_broke(&mut self, step: Step, error: &JobError) {
        if self.journal.closing {
            return self.journal_closed();
        }
        if matches!(self.journal.stage, Stage::Off) {
            return self.forget_journal(&error.text);
        }
        // What follows a write that failed fails with it; so may the attempt to undo it.
        if !self.journal.waiting.is_empty() && matches!(step, Step::Sync { .. } | Step::Undo) {
            if matches!(step, Step::Undo) {
                self.note_failure(error);
            }
            self.journal.syncs = self.journal.syncs.saturating_sub(1);
            if self.journal.retry_at.is_none() {
                self.journal.retry_at = Some(self.now + RETRY_PERIOD);
            }
            return;
        }
        self.give_up_file(error);
    }

    /// What is in the present file cannot be relied on: the dataset is going to be written anew.
    pub(super) fn give_up_file(&mut self, error: &JobError) {
        self.retry_later();
        self.note_failure(error);
        self.break_journal();
    }

    /// Gives the present file up.
    pub(super) fn break_journal(&mut self) {
        self.abandon_rewrite();
        let journal = &mut self.journal;
        journal.generation = journal.generation.wrapping_add(1);
        journal.stage = Stage::Broken;
        journal.waiting.clear();
        journal.to_be_listed = false;
        (journal.appends, journal.syncs) = (0, 0);
        if journal.retry_at.is_none() {
            journal.retry_at = Some(self.now + RETRY_PERIOD);
        }
    }

    /// Tries again what failed.
    pub(super) fn retry_journal(&mut self) {
        match self.journal.stage {
            Stage::Open if self.journal.appends == 0 && self.journal.syncs == 0 => {
                let (file, len) = (self.journal.file.clone(), self.journal.written);
                self.journal.retry_at = Some(self.now + RETRY_PERIOD);
                self.journal.syncs += 1;
                self.push_journal(Step::Undo, Job::Truncate { file, len });
            }
            Stage::Broken if self.saving.is_none() => self.open_anew(true),
            _ => {}
        }
    }

    /// The file ends again where its good part ends: what waits is written behind it.
    pub(super) fn undone(&mut self) {
        self.journal.syncs -= 1;
        self.journal.retry_at = None;
        for batch in core::mem::take(&mut self.journal.waiting) {
            self.append_batch(batch);
        }
        if self.server.config.appendfsync != AppendFsync::No || !self.journal.held.is_empty() {
            self.sync_journal();
        }
    }

    /// Whether everything that failed has been done by now.
    pub(super) fn note_recovery(&mut self) {
        let journal = &self.journal;
        let idle = journal.appends == 0 && journal.syncs == 0 && journal.waiting.is_empty();
        let aof = &mut self.server.persistence.aof;
        let listed = journal.number == journal.listed;
        if aof.error.is_some() && idle && listed && journal.retry_at.is_none() {
            aof.error = None;
            self.server.requests.push(Request::Log("AOF write error looks solved, can write again.".into()));
        }
    }
}
