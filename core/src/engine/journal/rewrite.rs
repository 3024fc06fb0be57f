//! New files in place of the old ones: BGREWRITEAOF, the first files of a journal, and what follows a broken one.
//!
//! A new increment begins at the instant of the snapshot that becomes the new base. Where the old files are good, the
//! manifest names the increment behind them at once; else it names nothing new until the base is there.

use super::{Engine, Stage, Step};
use crate::engine::jobs::{Job, JobError};
use crate::engine::loading::keys_of;
use crate::engine::saving::Purpose;
use crate::journal::{BASE_SUFFIX, Manifest, seal};
use crate::persistence::SaveRequest;
use crate::server::Request;
use crate::words::time::UnixMillis;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// After a failure the pause before the next rewrite that is due, in milliseconds.
const RETRY_PAUSE: UnixMillis = 60_000;

/// A rewrite under way.
#[derive(Debug)]
pub(super) struct Rewrite {
    /// What tells it from one that was given up, of which something may still be under way.
    number: u32,
    /// The turn at whose end the snapshot began.
    turn: u64,
    /// How many increments the new base makes superfluous.
    replaced: usize,
    /// Whether the old files with the new increment are a whole journal.
    in_order: bool,
    /// Whether replies wait for the new base.
    holds: bool,
    /// The manifest with the new base.
    next: Option<Manifest>,
}

impl Engine {
    pub(super) fn rewrites_unheld(&self) -> bool {
        self.journal.rewrite.as_ref().is_some_and(|rewrite| !rewrite.in_order && !rewrite.holds)
    }

    /// Begins a journal that takes nothing from older files. `holds`: replies wait until it is whole.
    pub(super) fn open_anew(&mut self, holds: bool) {
        let folder = self.server.config.appenddirname.clone();
        self.journal.retry_at = None;
        self.push_journal(Step::Prepare, Job::Folder { name: folder });
        self.server.journaling = true;
        self.begin_rewrite(false, holds);
    }

    /// BGREWRITEAOF.
    pub(in crate::engine) fn rewrite_journal(&mut self) {
        match self.journal.stage {
            Stage::Open if self.journal.rewrite.is_none() && self.journal.retry_at.is_none() => {
                self.begin_rewrite(true, false);
            }
            // The last one is all but done: another follows it.
            Stage::Open if self.journal.retry_at.is_none() => {
                self.server.persistence.aof.scheduled = true;
            }
            // Without a journal Redis writes a base all the same.
            Stage::Off if !self.server.loading => {
                let folder = self.server.config.appenddirname.clone();
                self.push_journal(Step::Prepare, Job::Folder { name: folder });
                self.begin_base(false, false);
            }
            _ => {}
        }
    }

    fn begin_rewrite(&mut self, in_order: bool, holds: bool) {
        self.write_rest();
        if in_order {
            self.sync_journal();
        }
        let prefix = self.server.config.appendfilename.clone();
        let replaced = self.journal.manifest.increments.len();
        let part = self.journal.manifest.new_increment(&prefix);
        self.begin_file(&part.name);
        self.journal.to_be_listed = in_order;
        self.begin_base(in_order, holds);
        if let Some(rewrite) = &mut self.journal.rewrite {
            rewrite.replaced = replaced;
        }
    }

    /// Begins the snapshot that becomes the new base.
    fn begin_base(&mut self, in_order: bool, holds: bool) {
        let journal = &mut self.journal;
        let replaced = journal.manifest.increments.len();
        journal.rewrites = journal.rewrites.wrapping_add(1);
        let (number, turn) = (journal.rewrites, journal.turn);
        journal.rewrite = Some(Rewrite { number, turn, replaced, in_order, holds, next: None });
        let aof = &mut self.server.persistence.aof;
        aof.rewriting_since = Some(self.now);
        aof.scheduled = false;
        self.begin_saving(Purpose::Rewrite);
    }

    /// A new file takes what follows.
    pub(super) fn begin_file(&mut self, name: &[u8]) {
        let file = self.journal_path(name);
        self.push_journal(Step::Prepare, Job::Create { file: file.clone() });
        let journal = &mut self.journal;
        journal.earlier += journal.end;
        journal.file = file;
        journal.number += 1;
        self.server.journal.begin_file();
        journal.stage = Stage::Open;
        (journal.end, journal.written, journal.synced) = (0, 0, 0);
        let opening = seal(&[], 0, 0);
        journal.end = opening.len() as u64;
        self.append_batch(opening);
        self.sync_journal();
    }

    /// Makes the manifest durable, as it now is.
    pub(super) fn publish_manifest(&mut self, step: Step) {
        let prefix = self.server.config.appendfilename.clone();
        let (temporary, name) =
            ([b"temp_", &prefix[..], b".manifest"].concat(), [&prefix[..], b".manifest"].concat());
        let (file, name) = (self.journal_path(&temporary), self.journal_path(&name));
        let bytes = self.journal.manifest.text();
        self.push_journal(Step::Prepare, Job::Create { file: file.clone() });
        self.push_journal(Step::Prepare, Job::Append { file: file.clone(), bytes });
        self.push_journal(step, Job::Publish { file, name, keep: None });
    }

    /// Where the new base's file goes when it is written.
    pub(in crate::engine) fn base_path(&mut self) -> Vec<u8> {
        let (prefix, rdb) = (self.server.config.appendfilename.clone(), !self.saves_commands());
        let mut manifest = self.journal.manifest.clone();
        let part = manifest.new_base(&prefix, rdb);
        if let Some(rewrite) = &mut self.journal.rewrite {
            manifest.history.extend(manifest.increments.drain(..rewrite.replaced));
            rewrite.next = Some(manifest);
        }
        self.journal_path(&part.name)
    }

    /// The snapshot has ended; its file, if all is well, of so many bytes, is in its place. Else why it is not.
    pub(in crate::engine) fn base_written(&mut self, outcome: Result<u64, &JobError>) {
        let since = self.server.persistence.aof.rewriting_since.take();
        let aof = &mut self.server.persistence.aof;
        aof.last_rewrite_ok = outcome.is_ok();
        aof.failures = if outcome.is_ok() { 0 } else { aof.failures + 1 };
        aof.last_rewrite = since.map(|since| self.now - since);
        match outcome {
            Ok(size) => {
                aof.rewrites += 1;
                self.journal.earlier = size;
                aof.size = size + self.journal.end;
                aof.base_size = aof.size;
                let Some(rewrite) = &mut self.journal.rewrite else { return };
                let Some(next) = rewrite.next.take() else { return };
                let step = Step::NewBase(rewrite.number);
                self.journal.manifest = next;
                self.publish_manifest(step);
            }
            Err(error) => {
                aof.last_failure = Some(self.now);
                let needed = self.journal.rewrite.take().is_some_and(|rewrite| !rewrite.in_order);
                // Without the base there is no journal at all.
                if needed && self.server.config.appendonly && !self.journal.closing {
                    self.give_up_file(error);
                }
            }
        }
    }

    pub(super) fn new_base_listed(&mut self, number: u32) {
        let Some(rewrite) = self.journal.rewrite.take_if(|rewrite| rewrite.number == number) else { return };
        let number = self.journal.number;
        self.journal.durable = self.journal.durable.max(rewrite.turn);
        self.listed(number);
        self.remove_history();
        self.note_recovery();
        let line = "Background AOF rewrite finished successfully";
        self.server.requests.push(Request::Log(String::from(line)));
        if self.server.persistence.aof.scheduled {
            self.rewrite_if_due();
        }
    }

    /// Removes the files that newer ones have replaced.
    pub(super) fn remove_history(&mut self) {
        for part in core::mem::take(&mut self.journal.manifest.history) {
            let file = self.journal_path(&part.name);
            let keys = keys_of(&file);
            if self.server.persistence.incomplete.take_if(|incomplete| *incomplete == file).is_some() {
                let file = String::from_utf8_lossy(&file);
                let line = format!(
                    "'{file}', some keys of which were skipped, stays, but is no part of the journal any more"
                );
                self.server.requests.push(Request::Log(line));
            } else {
                self.push_journal(Step::Prepare, Job::Remove { file });
            }
            if part.name.ends_with(BASE_SUFFIX.as_bytes()) {
                self.push_journal(Step::Prepare, Job::Remove { file: keys });
            }
        }
        self.publish_manifest(Step::List(self.journal.number));
    }

    /// Gives up a rewrite under way.
    pub(super) fn abandon_rewrite(&mut self) {
        if self.journal.rewrite.take().is_some() {
            self.abandon_rewriting();
            self.server.persistence.aof.rewriting_since = None;
        }
    }

    /// Begins a rewrite that was put off, or that the journal's growth demands.
    pub(super) fn rewrite_if_due(&mut self) {
        let config = &self.server.config;
        let aof = &self.server.persistence.aof;
        if self.saving.is_some() || self.server.loading || self.journal.closing {
            return;
        }
        if aof.scheduled {
            self.server.persistence.aof.scheduled = false;
            self.server.persistence.requests.push(SaveRequest::Rewrite);
            self.carry_save_requests();
            return;
        }
        let percentage = config.auto_aof_rewrite_percentage as u64;
        let open = matches!(self.journal.stage, Stage::Open) && self.journal.rewrite.is_none();
        let paused = aof.last_failure.is_some_and(|at| self.now - at < RETRY_PAUSE);
        if !open || percentage == 0 || paused || aof.size < config.auto_aof_rewrite_min_size as u64 {
            return;
        }
        let growth = (aof.size * 100 / aof.base_size.max(1)).saturating_sub(100);
        if growth >= percentage {
            let line = format!("Starting automatic rewriting of AOF on {growth}% growth");
            self.server.requests.push(Request::Log(line));
            self.rewrite_journal();
        }
    }
}
