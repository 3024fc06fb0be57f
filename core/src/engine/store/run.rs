//! What stands around a command: may it run, what it changed, and its second run when what it lacked is there.

use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::engine::{Engine, Running};
use crate::session::{Blocked, Session};
use crate::words::reach::SERVER;
use alloc::borrow::Cow;
use core::mem;

const NO_ROOM: &str = "OOM the store has no room for more, or memory has none for its index: delete keys";

impl Engine {
    /// Tells whether the store has room for more. While it has none, commands that add are refused, and those that delete go on.
    pub fn note_full_store(&mut self, full: bool) {
        if let Some(store) = self.data.store.as_deref_mut() {
            store.full = full;
        }
    }

    /// Why a command that writes is refused: what it changed could not be saved.
    pub(super) fn store_refusal(&self, session: &Running, command: &Command) -> Option<Cow<'static, str>> {
        let store = self.data.store.as_deref()?;
        // Deletes make room, so they go on.
        if store.full {
            return self.asks_for(session, command, flags::DENYOOM).then(|| NO_ROOM.into());
        }
        let reason = store.error.as_deref()?;
        self.asks_for(session, command, flags::WRITE)
            .then(|| ["MISCONF Errors writing to the diskstore: ", reason].concat().into())
    }

    /// A command has run, and its reply begins at `start`: what it changed waits to be saved.
    pub(super) fn store_ran(&mut self, session: &mut Running, start: usize) {
        self.clear_prepared();
        if let Some(seq) = self.settle_changes() {
            self.mark_reply(session, seq, start);
        }
    }

    /// What a blocked command whose turn has come has to wait for; not for those that write.
    pub(super) fn plan_blocked(&mut self, session: &mut Running, id: CommandId, args: Args<'_>) -> bool {
        self.store.has_its_turn = true;
        let waits = self.plan_store(session, id, args);
        self.store.has_its_turn = false;
        waits
    }

    /// Runs the commands for which everything has come. They are planned again: a key may have left meanwhile.
    pub(super) fn run_ready_of_store(&mut self) {
        for who in mem::take(&mut self.ready_again) {
            if SERVER && self.exclusive.is_some_and(|only| only != who) {
                self.ready_again.push(who);
                continue;
            }
            let Some(mut session) = self.peers.take(who) else { continue };
            match session.blocked.take() {
                Some(Blocked::Loading { id, command, missing: 0 }) => {
                    if !self.refuse_if_loading(&mut session, id)
                        && !self.pause_if_due(&mut session, id, &command)
                    {
                        self.store.again = true;
                        self.execute(&mut session, id, command.args());
                        self.store.again = false;
                    }
                    // Where it lacks more, what it has must not leave before that is there.
                    if !matches!(session.blocked, Some(Blocked::Loading { .. })) {
                        self.unpin_stored(&mut session);
                        if SERVER {
                            self.forget_walks(who);
                        }
                    }
                    if session.blocked.is_none() {
                        if SERVER {
                            session.blocked_until = None;
                        }
                        self.resume.push(who);
                    }
                }
                other => session.blocked = other,
            }
            self.finish(session);
            if SERVER {
                self.end_orphan(who);
            }
        }
        if let Some(store) = self.data.store.as_deref_mut().filter(|_| SERVER) {
            store.no_blind = !self.store.counting.is_empty();
        }
        self.relieve_cache();
    }

    /// A session waits for nothing more here.
    pub(super) fn leave_store(&mut self, session: &mut Session) {
        self.unpin_stored(session);
        self.forget_waits(session.id);
    }

    fn unpin_stored(&mut self, session: &mut Session) {
        (self.store.spared, self.store.absent_left) = (0, 0);
        for key in session.pinned.drain(..) {
            if let Some(count) = self.store.pins.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.store.pins.remove(&key);
                }
            }
        }
    }
}
