//! What an engine can do beside running commands on keys in memory, as tables of functions.
//!
//! A direct call keeps a room's code in every program that holds an engine. Through a table, a host that never asks for
//! the room does not link it.

use super::jobs::Done;
use super::journal::Step;
use super::{Engine, Running};
use crate::args::Args;
use crate::command_index::CommandId;
use crate::session::{OwnedCommand, Session, SessionId};
use alloc::vec::Vec;

/// The rooms that the host asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) paging: Option<&'static PagingPart>,
    pub(super) snapshots: Option<&'static SnapshotPart>,
    pub(super) journal: Option<&'static JournalPart>,
}

/// Virtual memory.
#[derive(Debug)]
pub(super) struct PagingPart {
    pub(super) tick: fn(&mut Engine),
    pub(super) after_bytes: fn(&mut Engine),
    pub(super) plan: fn(&mut Engine, &Running, CommandId, Args<'_>) -> bool,
    pub(super) park: fn(&mut Engine, &mut Running, CommandId, OwnedCommand),
    pub(super) unpin: fn(&mut Engine, &mut Session),
    pub(super) run_ready: fn(&mut Engine),
    pub(super) page_out_done: fn(&mut Engine, u32, Done),
    pub(super) page_in_done: fn(&mut Engine, u32, Done),
}

/// Snapshots and loading them.
#[derive(Debug)]
pub(super) struct SnapshotPart {
    pub(super) can_go_on: fn(&Engine) -> bool,
    pub(super) step: fn(&mut Engine),
    pub(super) save_if_due: fn(&mut Engine),
    pub(super) carry_requests: fn(&mut Engine),
    pub(super) saves_before_shutdown: fn(&mut Engine, Option<bool>, Option<SessionId>) -> bool,
    pub(super) job_done: fn(&mut Engine, u32, Done),
    pub(super) read_done: fn(&mut Engine, u32, u32, Done),
    pub(super) load_done: fn(&mut Engine, u32, Done),
}

/// The journal.
#[derive(Debug)]
pub(super) struct JournalPart {
    pub(super) tick: fn(&mut Engine),
    pub(super) end_turn: fn(&mut Engine),
    pub(super) release_pending: fn(&mut Engine, &mut Vec<SessionId>),
    pub(super) switch: fn(&mut Engine),
    pub(super) closes: fn(&mut Engine) -> bool,
    pub(super) job_done: fn(&mut Engine, u32, Step, Done),
    pub(super) begin_rewrite: fn(&mut Engine),
    pub(super) base_path: fn(&mut Engine) -> Vec<u8>,
    pub(super) base_written: fn(&mut Engine, bool, u64),
    pub(super) base_loaded: fn(&mut Engine, u64),
    pub(super) after_snapshot: fn(&mut Engine),
}
