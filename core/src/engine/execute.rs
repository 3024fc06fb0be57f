//! Plan, then execute: what is missing is asked for and the session parked; else the command runs to its end, and
//! what follows from it is done.

use super::blocking::WaitEnd;
use super::gate::{Verdict, wants_reply};
use super::{Engine, Running};
use crate::args::Args;
use crate::call::{Outcome, call};
use crate::command_index::CommandId;
use crate::context::{BlockRequest, Ctx, Propagation};
use crate::db::Db;
use crate::resp::reply::Reply;
use crate::server::Docs;
use crate::session::{Blocked, OwnedCommand, ReplyMode};
use crate::words::reach::{PAGES, SERVER};
use core::mem;

const OUT_OF_ARENA: &str = "OOM the command might need more memory than is free, or make a larger value than this device takes. Delete keys or use smaller values.";

/// What is left when a command's context is gone.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) block: Option<BlockRequest>,
    pub(super) propagation: Propagation,
}

impl Engine {
    /// Judges a command and runs, queues, parks or refuses it.
    pub(super) fn run_command(&mut self, session: &mut Running, id: Option<CommandId>, args: Args<'_>) {
        match self.judge(session, id, args) {
            Verdict::Run(id) => self.execute(session, id, args),
            Verdict::Queue(id) if self.is_out_of_arena(session, id, args) => {
                self.refuse(session, Some(id), OUT_OF_ARENA);
            }
            Verdict::Queue(id) => self.queue(session, id, args),
            Verdict::Refuse(text) => self.refuse(session, id, &text),
            Verdict::Close if SERVER => self.cut_off(session),
            Verdict::Close => {}
            Verdict::Pause(id) => {
                session.blocked = Some(Blocked::Paused { id, command: OwnedCommand::new(args) });
            }
        }
    }

    /// Runs a command that may run.
    pub(super) fn execute(&mut self, session: &mut Running, id: CommandId, args: Args<'_>) {
        session.last_command = self.server.index.get(id).name;
        // Planning takes memory too; what is loaded is asked about when it is there.
        if self.is_out_of_arena(session, id, args) {
            return self.refuse(session, Some(id), OUT_OF_ARENA);
        }
        if let Some(store) = self.parts.store()
            && (store.plan)(self, session, id, args)
        {
            return;
        }
        if PAGES && self.data.paging.swapped > 0 && self.is_missing(session, id, args) {
            self.park(session, id, OwnedCommand::new(args));
            return;
        }
        let (mark, mode) = (session.output.len(), session.reply_mode);
        let ran = self.call_in(session, id, args, None);
        match ran.outcome {
            Outcome::Blocked => {
                if SERVER && let Some(request) = ran.block {
                    self.block(session, id, OwnedCommand::new(args), request);
                    self.carry_requests();
                }
            }
            Outcome::NotResident => {
                // A transaction that has begun comes to its end before anybody else's command runs.
                if session.multi.as_ref().is_some_and(|queue| queue.progress.is_some()) {
                    self.exclusive = Some(session.id);
                }
                self.park(session, id, OwnedCommand::new(args));
            }
            Outcome::Done | Outcome::Failed => {
                self.exclusive = None;
                self.suppress_reply(session, id, mode, mark);
                self.after_command(session, args, ran.propagation);
            }
        }
    }

    #[inline]
    fn is_out_of_arena(&mut self, session: &Running, id: CommandId, args: Args<'_>) -> bool {
        self.parts.arena.is_some_and(|arena| (arena.refuses)(self, session, id, args, arena))
    }

    /// Whether values that the command needs are not in memory.
    fn is_missing(&mut self, session: &Running, id: CommandId, args: Args<'_>) -> bool {
        self.parts.paging().is_some_and(|paging| (paging.plan)(self, session, id, args))
    }

    /// Lets the session wait for the values, or the texts, that are not in memory.
    pub(super) fn park(&mut self, session: &mut Running, id: CommandId, command: OwnedCommand) {
        if let (Some(part), Docs::Wanted) = (self.parts.docs, &self.server.docs) {
            (part.park)(self, session, id, command);
        } else if let Some(store) = self.parts.store() {
            (store.park)(self, session, id, command);
        } else if let Some(paging) = self.parts.paging() {
            (paging.park)(self, session, id, command);
        }
    }

    /// Begins the snapshots that commands asked for.
    fn carry_requests(&mut self) {
        if let Some(snapshots) = self.parts.snapshots() {
            (snapshots.carry_requests)(self);
        }
    }

    /// Builds the context, calls the handler, takes the context apart. `ready` is the key that ended a wait.
    pub(super) fn call_in(
        &mut self,
        session: &mut Running,
        id: CommandId,
        args: Args<'_>,
        ready: Option<&[u8]>,
    ) -> Ran {
        let mut output = mem::take(&mut session.output);
        let start = output.len();
        self.data.no_touch = session.no_touch;
        self.server.dirty_before = self.data.dirty;
        let mut ctx = Ctx {
            db: Db { data: &mut self.data, index: session.db, now: self.now },
            reply: Reply::new(&mut output, session.proto),
            session,
            peers: &mut self.peers,
            server: &mut self.server,
            propagation: Propagation::AsReceived,
            block: None,
            in_exec: false,
            ready,
        };
        let outcome = call(&mut ctx, id, args);
        let Ctx { block, propagation, .. } = ctx;
        session.output = output;
        if let Some(store) = self.parts.store().filter(|_| outcome != Outcome::NotResident) {
            (store.ran)(self, session, start);
        }
        Ran { outcome, block, propagation }
    }

    /// What follows from a command that ran, and then from the sessions that it woke.
    fn after_command(&mut self, session: &mut Running, args: Args<'_>, propagation: Propagation) {
        self.settle(session, args, propagation);
        if SERVER && !self.server.persistence.requests.is_empty() {
            self.carry_requests();
        }
        if self.data.waiters.has_ready() {
            self.serve_ready();
        }
        while SERVER && let Some((who, with_error)) = self.server.unblock.pop() {
            self.end_wait(who, if with_error { WaitEnd::Unblocked } else { WaitEnd::TimedOut });
        }
    }

    /// What follows from a command that ran: journal and broken transactions.
    #[inline]
    pub(super) fn settle(&mut self, session: &mut Running, args: Args<'_>, propagation: Propagation) {
        if SERVER && self.server.journaling {
            self.propagate(session.db, args, propagation);
        }
        if SERVER && !self.data.touched.is_empty() {
            self.break_transactions(session);
        }
    }

    /// Drops the reply where CLIENT REPLY asked for it before the command ran, in mode `before`. What SUBSCRIBE and its kin
    /// confirm is a message as those that they ask for, and is sent.
    #[inline]
    fn suppress_reply(&mut self, session: &mut Running, id: CommandId, before: ReplyMode, mark: usize) {
        if !SERVER {
            return;
        }
        match (before, session.reply_mode) {
            (_, ReplyMode::On) => {}
            // CLIENT REPLY SKIP has just run: it says nothing and the next command is the one that is skipped.
            (_, ReplyMode::SkipNext) => session.reply_mode = ReplyMode::Skip,
            // CLIENT REPLY OFF has just run: it says nothing, and EXEC around it has begun its answer.
            (ReplyMode::On, _) => {}
            _ => {
                if !wants_reply(session) && !self.server.index.get(id).name.ends_with("subscribe") {
                    session.cut_reply(mark);
                }
            }
        }
    }

    /// Drops the reply, from `start` on, of a command that waited, where CLIENT REPLY asked for that before it came.
    pub(super) fn mute_unwanted(&mut self, session: &mut Running, outcome: Outcome, start: usize) {
        if SERVER && matches!(outcome, Outcome::Done | Outcome::Failed) && !wants_reply(session) {
            session.cut_reply(start);
        }
    }

    /// Marks the transactions whose watched keys changed.
    pub(super) fn break_transactions(&mut self, session: &mut Running) {
        for id in mem::take(&mut self.data.touched) {
            // EXEC itself may find a watched key expired, and by then it watches nothing more.
            if id == session.id {
                session.watch_broken = !session.watching.is_empty();
            } else if let Some(peer) = self.peers.get_mut(id) {
                peer.watch_broken = true;
            }
        }
    }
}
