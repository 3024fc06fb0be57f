//! The file of keys beside the journal's base, which lets a start leave the values where they lie.
//!
//! It is written with the base, and only where it spares a start something: of a small base, or of one whose keys are most
//! of it, there is none. It is no part of the journal: without it, or with one of another base, all of the base is read.

use super::{Purpose, Saving};
use crate::engine::Engine;
use crate::engine::jobs::{Job, Jobs, Owner};
use crate::engine::loading::{LEAST_WITH_KEYS, keys_of};
use crate::page::Place;
use crate::rdb::{Facts, Options, Snapshot, Writer};
use alloc::vec::Vec;

/// A file of keys is of use up to this part of its base.
const PART: u64 = 2;

/// The file of keys that is being written.
#[derive(Debug)]
pub(super) struct KeysFile {
    /// The name that it has until it is whole.
    pub(super) file: Vec<u8>,
    created: bool,
}

impl Engine {
    /// Begins the snapshot of this instant, and the file of its keys if it is to be `with_keys`.
    pub(super) fn begin_snapshot(&self, with_keys: bool, options: Options, facts: &Facts<'_>) -> Snapshot {
        let access = (super::access_written(self.server.config.maxmemory_policy), self.data.access);
        let mut writer = Writer::new(options).summed_by(self.server.host.crc64);
        if with_keys {
            writer = writer.with_beside(
                |offset, form, body, limits| Some(Place::of_body(offset, form, body, limits)?.encode()),
                self.data.limits,
            );
        }
        Snapshot::new(&self.data.keyspace, writer, facts, access, self.now)
    }

    /// The file of keys of the snapshot that is to begin.
    pub(super) fn keys_file(&self, purpose: Purpose, options: Options) -> Option<KeysFile> {
        let paging = &self.data.paging;
        let is_base = purpose == Purpose::Rewrite && !options.commands;
        let spares_reads = options.checksum && paging.enabled && paging.keeps_snapshot;
        (is_base && spares_reads).then(|| {
            let file = keys_of(&super::temporary_name(&self.server.host, purpose));
            KeysFile { file, created: false }
        })
    }

    /// Whether the values in the file that is kept open are found in the snapshot's file from its end on. A journal's next start
    /// keeps its base open.
    pub(super) fn takes_over(&self, purpose: Purpose, options: Options) -> bool {
        let by_base_only = self.server.journaling && self.server.config.aof_use_rdb_preamble;
        let fits = !by_base_only || purpose == Purpose::Rewrite;
        fits && !options.commands && self.data.paging.kept.is_some() && self.moving.is_none()
    }
}

impl Saving {
    /// Hands on what was collected of the keys, if that is a portion or, when all is `done`, the rest.
    pub(super) fn append_keys(&mut self, base: &mut Writer, done: bool, jobs: &mut Jobs) {
        let (Some(keys), base_len) = (&mut self.keys, base.len()) else { return };
        let Some(beside) = base.beside().filter(|beside| done || beside.pending() >= self.portion) else {
            return;
        };
        let owner = Owner::Saving(self.serial);
        if base_len < LEAST_WITH_KEYS || beside.len() > base_len / PART {
            base.drop_beside();
            return self.drop_keys(jobs);
        }
        let file = keys.file.clone();
        if !core::mem::replace(&mut keys.created, true) {
            self.unfinished += 1;
            jobs.push(owner, Job::Create { file: file.clone() });
        }
        self.in_flight += 1;
        let bytes = beside.take(self.spare.pop().unwrap_or_default());
        jobs.push(owner, Job::Append { file, bytes });
    }

    /// There is to be no such file, or nothing comes of the base.
    pub(super) fn drop_keys(&mut self, jobs: &mut Jobs) {
        if let Some(KeysFile { file, created: true }) = self.keys.take() {
            self.unfinished += 1;
            jobs.push(Owner::Saving(self.serial), Job::Remove { file });
        }
    }
}
