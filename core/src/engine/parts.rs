//! What an engine can do beside running commands on keys in memory, as tables of functions.
//!
//! A direct call keeps a room's code in every program that holds an engine. Through a table, a host that never asks for
//! the room does not link it.

use super::jobs::{Done, JobError};
use super::journal::Step;
use super::store::StoreStep;
use super::{Engine, Running};
use crate::args::Args;
use crate::command::Command;
use crate::command_index::CommandId;
use crate::keyspace::Keyspace;
use crate::rdb::{Facts, Options};
use crate::session::{OwnedCommand, Session, SessionId};
use crate::waiters::DbKey;
use crate::words::reach::{PAGES, SERVER, STORE};
use crate::words::time::UnixMillis;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The rooms that the host asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) paging: Option<&'static PagingPart>,
    pub(super) snapshots: Option<&'static SnapshotPart>,
    pub(super) journal: Option<&'static JournalPart>,
    pub(super) store: Option<&'static StorePart>,
    pub(super) arena: Option<ArenaPart>,
    pub(super) docs: Option<&'static DocsPart>,
}

impl Parts {
    #[inline]
    pub(super) fn paging(&self) -> Option<&'static PagingPart> {
        self.paging.filter(|_| PAGES)
    }

    #[inline]
    pub(super) fn snapshots(&self) -> Option<&'static SnapshotPart> {
        self.snapshots.filter(|_| SERVER)
    }

    #[inline]
    pub(super) fn journal(&self) -> Option<&'static JournalPart> {
        self.journal.filter(|_| SERVER)
    }

    #[inline]
    pub(super) fn store(&self) -> Option<&'static StorePart> {
        self.store.filter(|_| STORE)
    }

    #[inline]
    pub(super) fn store_files(&self) -> Option<&'static StoreFilesPart> {
        self.store().and_then(|store| store.files)
    }
}

/// Memory that comes from an arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArenaPart {
    pub(super) refuses: fn(&mut Engine, &Running, CommandId, Args<'_>, ArenaPart) -> bool,
    pub(super) has_room: fn(usize) -> bool,
    pub(super) longest_value: usize,
}

/// The texts of COMMAND DOCS in a file.
#[derive(Debug)]
pub(super) struct DocsPart {
    pub(super) park: fn(&mut Engine, &mut Running, CommandId, OwnedCommand),
    pub(super) job_done: fn(&mut Engine, Done),
    /// As [`PagingPart`]'s, where there is none.
    pub(super) run_ready: fn(&mut Engine),
}

/// Virtual memory.
#[derive(Debug)]
pub(super) struct PagingPart {
    pub(super) tick: fn(&mut Engine),
    pub(super) after_bytes: fn(&mut Engine),
    pub(super) plan: fn(&mut Engine, &Running, CommandId, Args<'_>) -> bool,
    pub(super) park: fn(&mut Engine, &mut Running, CommandId, OwnedCommand),
    pub(super) unpin: fn(&mut Engine, &mut Session),
    /// Notes what a command lacks; for the journal's commands all that is noted is asked for.
    pub(super) note_missing: fn(&mut Engine, usize, CommandId, Args<'_>),
    pub(super) fetch: fn(&mut Engine, &mut Session) -> usize,
    /// For the commands behind one that waits: asks for all that was noted, so that they need not wait one after the other.
    pub(super) load_ahead: fn(&mut Engine),
    /// Lets a value leave that the device has; false where there is none.
    pub(super) let_go: fn(&mut Engine) -> bool,
    pub(super) run_ready: fn(&mut Engine),
    pub(super) page_out_done: fn(&mut Engine, u32, Done),
    pub(super) page_in_done: fn(&mut Engine, u32, Done),
}

/// Snapshots and loading them.
#[derive(Debug)]
pub(super) struct SnapshotPart {
    /// When it wants to go on.
    pub(super) due: fn(&Engine) -> Option<UnixMillis>,
    pub(super) step: fn(&mut Engine),
    pub(super) save_if_due: fn(&mut Engine),
    pub(super) carry_requests: fn(&mut Engine),
    pub(super) begin_last_save: fn(&mut Engine, Option<bool>, Option<SessionId>) -> bool,
    pub(super) job_done: fn(&mut Engine, u32, Done),
    pub(super) read_done: fn(&mut Engine, u32, u32, Done),
    pub(super) load_done: fn(&mut Engine, u32, Done),
    /// Of a snapshot that diskstore walks: a part of the file, its end, its failure, whether the file takes more.
    pub(super) store_portion: fn(&mut Engine, Vec<u8>),
    pub(super) store_walked: fn(&mut Engine),
    pub(super) store_failed: fn(&mut Engine, &str),
    pub(super) store_has_room: fn(&Engine) -> bool,
    /// Of a load into diskstore's store: it failed, the store takes more, all of it is there.
    pub(super) load_failed: fn(&mut Engine, &str),
    pub(super) load_more: fn(&mut Engine),
    pub(super) load_written: fn(&mut Engine),
    pub(super) kept: fn(&mut Engine, &Done),
}

/// The journal.
#[derive(Debug)]
pub(super) struct JournalPart {
    pub(super) tick: fn(&mut Engine),
    pub(super) end_turn: fn(&mut Engine),
    pub(super) release_pending: fn(&mut Engine, &mut Vec<SessionId>),
    pub(super) switch: fn(&mut Engine),
    pub(super) begin_closing: fn(&mut Engine) -> bool,
    pub(super) job_done: fn(&mut Engine, u32, Step, Done),
    pub(super) seal: fn(&[u8], u64, u64) -> Vec<u8>,
    pub(super) begin_rewrite: fn(&mut Engine),
    pub(super) base_path: fn(&mut Engine) -> Vec<u8>,
    pub(super) base_written: fn(&mut Engine, Result<u64, &JobError>),
    pub(super) base_loaded: fn(&mut Engine, u64),
    pub(super) after_snapshot: fn(&mut Engine),
    pub(super) replay: fn(&mut Engine, SessionId),
    /// Of the files at the start: there is room for more, or a value that their commands need has come or will not.
    pub(super) load_on: fn(&mut Engine),
    pub(super) value_came: fn(&mut Engine, &DbKey, Option<&str>),
}

/// Diskstore.
#[derive(Debug)]
pub(super) struct StorePart {
    pub(super) tick: fn(&mut Engine),
    pub(super) pump: fn(&mut Engine),
    pub(super) refusal: fn(&Engine, &Running, &Command) -> Option<Cow<'static, str>>,
    pub(super) plan: fn(&mut Engine, &mut Running, CommandId, Args<'_>) -> bool,
    pub(super) park: fn(&mut Engine, &mut Running, CommandId, OwnedCommand),
    pub(super) ran: fn(&mut Engine, &mut Running, usize),
    pub(super) leave: fn(&mut Engine, &mut Session),
    pub(super) let_go: fn(&mut Engine) -> bool,
    pub(super) run_ready: fn(&mut Engine),
    pub(super) release_pending: fn(&mut Engine, &mut Vec<SessionId>),
    pub(super) begin_closing: fn(&mut Engine, Option<bool>, Option<SessionId>) -> bool,
    pub(super) job_done: fn(&mut Engine, StoreStep, Done),
    pub(super) files: Option<&'static StoreFilesPart>,
}

/// Diskstore where there is more than a chip has: snapshots of a store, files that are loaded into one, and pipelines.
#[derive(Debug)]
pub(super) struct StoreFilesPart {
    /// What a blocked command whose turn has come has to wait for.
    pub(super) plan_next: fn(&mut Engine, &mut Running, CommandId, Args<'_>) -> bool,
    /// As [`PagingPart`]'s.
    pub(super) note_missing: fn(&mut Engine, usize, CommandId, Args<'_>),
    pub(super) load_ahead: fn(&mut Engine),
    pub(super) begin_snapshot: fn(&mut Engine, Options, &Facts<'_>),
    pub(super) end_snapshot: fn(&mut Engine),
    pub(super) begin_import: fn(&mut Engine),
    pub(super) import_keys: fn(&mut Engine, &Keyspace),
    pub(super) import_has_room: fn(&Engine) -> bool,
    pub(super) import_whole: fn(&mut Engine),
    pub(super) abandon_import: fn(&mut Engine),
    pub(super) adopt_import: fn(&mut Engine),
}
