//! Sessions that stand still: parked until a key is ready, a value is in memory, a pause or their time is over.

use super::{Engine, Running};
use crate::call::Outcome;
use crate::command::Group;
use crate::command_index::CommandId;
use crate::context::BlockRequest;
use crate::db::Db;
use crate::resp::reply::Reply;
use crate::session::{Blocked, NullKind, OwnedCommand, Session, SessionId};
use crate::types::Kind;
use crate::waiters::DbKey;
use crate::words::reach::SERVER;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What ends a wait before a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitEnd {
    TimedOut,
    Unblocked,
}

const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

impl Engine {
    /// Parks the session until one of the keys is ready.
    pub(super) fn block(
        &mut self,
        session: &mut Running,
        id: CommandId,
        command: OwnedCommand,
        request: BlockRequest,
    ) {
        let BlockRequest { keys, deadline, null } = request;
        // One that blocked before waits no longer than it said then.
        let deadline = session.blocked_until.take().or(deadline);
        for (db, key) in &keys {
            self.data.waiters.wait(*db, key, session.id);
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, session.id));
        }
        session.blocked = Some(Blocked::Keys { id, command, keys, deadline, null });
    }

    /// Takes the session out of every queue that it stands in.
    pub(super) fn leave_waiters(&mut self, session: &mut Session) {
        if SERVER && let Some(Blocked::Keys { keys, deadline, .. }) = &session.blocked {
            for (db, key) in keys {
                self.data.waiters.leave(*db, key, session.id);
            }
            if let Some(deadline) = deadline {
                self.timers.remove(&(*deadline, session.id));
            }
        }
    }

    /// Lets the sessions run again that wait for keys that became ready, the longest wait first.
    pub(super) fn serve_ready(&mut self) {
        while self.data.waiters.has_ready() {
            for key in self.data.waiters.take_ready() {
                for id in self.data.waiters.queue(&key) {
                    // The last element is gone: the others go on waiting.
                    if !self.data.is_resident(key.0, &key.1) {
                        break;
                    }
                    self.try_serve(id, &key);
                }
            }
        }
    }

    /// Runs a blocked command again; it blocks again where there is still nothing for it.
    fn try_serve(&mut self, who: SessionId, key: &DbKey) {
        let Some(mut session) = self.peers.take(who) else { return };
        let id = match &session.blocked {
            // Who was killed a moment ago takes nothing.
            Some(Blocked::Keys { id, .. }) if !session.close_now && self.key_fits(*id, key) => *id,
            _ => return self.peers.put_back(session),
        };
        session.last_active = self.now;
        if self.waits_for_store(&mut session) {
            return self.finish(session);
        }
        if let Some(Blocked::Keys { command, keys, deadline, null, .. }) = session.blocked.take() {
            let start = session.output.len();
            let ran = self.call_in(&mut session, id, command.args(), Some(&key.1));
            self.mute_unwanted(&mut session, ran.outcome, start);
            if ran.outcome == Outcome::Blocked {
                session.blocked = Some(Blocked::Keys { id, command, keys, deadline, null });
            } else {
                session.blocked = Some(Blocked::Keys { id, command: command.clone(), keys, deadline, null });
                self.leave_waiters(&mut session);
                session.blocked = None;
                if ran.outcome == Outcome::NotResident {
                    session.blocked_until = deadline;
                    self.park(&mut session, id, command);
                    if session.blocked.is_none() {
                        self.resume.push(session.id);
                    }
                } else {
                    self.resume.push(session.id);
                    self.settle(&mut session, command.args(), ran.propagation);
                }
            }
        }
        self.finish(session);
    }

    /// Under diskstore the other keys of a blocked command may have left memory: then its session waits for them, no more
    /// for the ready one.
    fn waits_for_store(&mut self, session: &mut Running) -> bool {
        let (Some(store), Some(Blocked::Keys { id, command, .. })) =
            (self.parts.store_files(), &session.blocked)
        else {
            return false;
        };
        let (id, command) = (*id, command.clone());
        let blocked = session.blocked.take();
        if !(store.plan_next)(self, session, id, command.args()) {
            session.blocked = blocked;
            return false;
        }
        let parked = core::mem::replace(&mut session.blocked, blocked);
        if let Some(Blocked::Keys { deadline, .. }) = &session.blocked {
            session.blocked_until = *deadline;
        }
        self.leave_waiters(session);
        session.blocked = parked;
        true
    }

    /// Whether the ready key holds what the command waits for; another type does not end the wait.
    fn key_fits(&mut self, id: CommandId, key: &DbKey) -> bool {
        let kind = Db { data: &mut self.data, index: key.0, now: self.now }.kind(&key.1);
        match self.server.index.get(id).group {
            Group::List => kind == Some(Kind::List),
            Group::SortedSet => kind == Some(Kind::Zset),
            _ => kind.is_some(),
        }
    }

    /// Ends a session's wait without a key.
    pub(super) fn end_wait(&mut self, who: SessionId, end: WaitEnd) -> bool {
        let Some(mut session) = self.peers.take(who) else { return false };
        let blocked = matches!(session.blocked, Some(Blocked::Keys { .. }));
        if blocked {
            self.leave_waiters(&mut session);
            if let Some(Blocked::Keys { id, null, .. }) = session.blocked.take() {
                let stats = &mut self.server.stats;
                stats.commands += 1;
                stats.count_call(id, end == WaitEnd::Unblocked);
                if end == WaitEnd::Unblocked {
                    stats.count_error(UNBLOCKED);
                }
                session.last_active = self.now;
                let start = session.output.len();
                let mut reply = Reply::new(&mut session.output, session.proto);
                match (end, null) {
                    (WaitEnd::Unblocked, _) => reply.error_text(UNBLOCKED),
                    (WaitEnd::TimedOut, NullKind::Array) => reply.null_array(),
                    (WaitEnd::TimedOut, NullKind::Bulk) => reply.null(),
                }
                self.mute_unwanted(&mut session, Outcome::Done, start);
            }
            self.resume.push(who);
        }
        self.finish(session);
        blocked
    }

    /// Ends the wait of a session for a job of the engine's: with OK, or with an error.
    pub(super) fn end_job_wait(&mut self, who: SessionId, outcome: Result<(), &'static str>) {
        let Some(mut session) = self.peers.take(who) else { return };
        self.leave_waiters(&mut session);
        if let Some(Blocked::Keys { id, .. }) = session.blocked.take() {
            self.server.stats.commands += 1;
            self.server.stats.count_call(id, false);
            session.last_active = self.now;
            let start = session.output.len();
            let mut reply = Reply::new(&mut session.output, session.proto);
            match outcome {
                Ok(()) => reply.ok(),
                Err(text) => {
                    self.server.stats.count_error(text);
                    reply.error_text(text);
                }
            }
            self.mute_unwanted(&mut session, Outcome::Done, start);
            self.resume.push(who);
        }
        self.finish(session);
    }

    /// Ends the waits whose time is up.
    pub(super) fn expire_waits(&mut self) {
        while SERVER && let Some(&(deadline, who)) = self.timers.first() {
            if deadline > self.now {
                break;
            }
            self.timers.pop_first();
            self.end_wait(who, WaitEnd::TimedOut);
        }
    }

    /// Lets paused sessions go on when the pause is over.
    pub(super) fn end_pause(&mut self) {
        let Some((kind, until)) = self.server.pause else { return };
        if self.now < until {
            return;
        }
        self.server.pause = None;
        self.data.keep_expired = false;
        let paused: Vec<SessionId> = self
            .peers
            .iter()
            .filter(|s| matches!(s.blocked, Some(Blocked::Paused { .. })))
            .map(|s| s.id)
            .collect();
        for who in paused {
            // One is a transaction that stands still: the others go on behind it.
            if self.exclusive.is_some() {
                self.server.pause = Some((kind, self.now));
                break;
            }
            let Some(mut session) = self.peers.take(who) else { continue };
            session.last_active = self.now;
            if let Some(Blocked::Paused { id, command }) = session.blocked.take() {
                self.run_command(&mut session, Some(id), command.args());
            }
            if session.blocked.is_none() {
                session.blocked_until = None;
            }
            self.finish(session);
            self.resume.push(who);
        }
    }

    /// Runs what unblocked sessions had sent meanwhile.
    pub(super) fn resume_sessions(&mut self) {
        while let Some(who) = self.resume.pop_if(|_| self.exclusive.is_none()) {
            let Some(mut session): Option<Box<Session>> = self.peers.take(who) else { continue };
            if !session.input.is_empty() && !session.is_closing() {
                self.run_input(&mut session);
            }
            self.finish(session);
        }
    }
}
