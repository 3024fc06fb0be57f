//! Writers that wait for the store: as many go on as its pace allows, those first that have waited longest.

use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::engine::{Engine, Running};
use crate::session::{Blocked, OwnedCommand, SessionId};

impl Engine {
    /// Whether no more data may become dirty now.
    pub(super) fn is_cache_full(&self) -> bool {
        let Some(store) = self.data.store.as_deref() else { return false };
        let dirty = store.dirty_bytes() + store.kept_for_snapshot();
        // A limit that cannot be kept must not stop everything: what is not dirty cannot be saved either.
        dirty > self.dirty_share() || (store.used() > self.cache_limit() && store.dirty_keys() > 0)
    }

    /// Whether the command writes and others that write wait, or should: where clean keys can make room, they do.
    pub(super) fn must_wait_its_turn(&mut self, session: &Running, command: &Command) -> bool {
        // What has come for a command that waited for it must not leave again because it now waits for its turn.
        let goes_on = self.store.has_its_turn || self.store.again;
        if goes_on || !self.asks_for(session, command, flags::WRITE) {
            return false;
        }
        if self.data.store.as_deref().is_some_and(|store| store.used() > self.cache_limit()) {
            self.relieve_cache();
        }
        let failed = self.data.store.as_ref().is_some_and(|store| store.error.is_some());
        !failed && (!self.store.throttled.is_empty() || self.is_cache_full())
    }

    /// The writer waits until the store has taken more.
    pub(super) fn throttle(&mut self, session: &mut Running, id: CommandId, args: Args<'_>) {
        session.blocked = Some(Blocked::Throttled { id, command: OwnedCommand::new(args) });
        self.store.throttled.push_back((session.id, (self.server.host.monotonic)()));
        if let Some(store) = self.data.store.as_deref_mut() {
            store.stats.throttled += 1;
        }
    }

    /// Lets writers go on, the longest wait first, while there is room.
    pub(super) fn release_throttled(&mut self) {
        if self.store.throttled.is_empty() || self.stands_still() {
            return;
        }
        let micros = (self.server.host.monotonic)();
        for _ in 0..self.store.throttled.len() {
            if self.is_cache_full() && self.data.store.as_ref().is_some_and(|store| store.error.is_none()) {
                break;
            }
            let Some((who, since)) = self.store.throttled.pop_front() else { break };
            if let Some(store) = self.data.store.as_deref_mut() {
                store.stats.throttled_micros += micros.saturating_sub(since);
            }
            self.go_on(who);
            self.settle_store();
            self.relieve_cache();
            if self.stands_still() {
                break;
            }
        }
    }

    fn go_on(&mut self, who: SessionId) {
        let Some(mut session) = self.peers.take(who) else { return };
        match session.blocked.take() {
            Some(Blocked::Throttled { id, command }) => {
                self.store.has_its_turn = true;
                self.run_command(&mut session, Some(id), command.args());
                self.store.has_its_turn = false;
                if session.blocked.is_none() && !session.input.is_empty() && !session.is_closing() {
                    self.run_input(&mut session);
                }
            }
            other => session.blocked = other,
        }
        self.finish(session);
    }
}
