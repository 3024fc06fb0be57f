//! Replies that wait until what they tell of is durable.

use super::{Engine, Stage};
use crate::session::SessionId;
use crate::words::config::AppendFsync;
use alloc::vec::Vec;

impl Engine {
    /// Whether replies are held back now.
    fn holds_replies(&self) -> bool {
        let journal = &self.journal;
        self.server.config.appendfsync == AppendFsync::Always
            && journal.turn > journal.durable
            && matches!(journal.stage, Stage::Open)
            && self.server.persistence.aof.error.is_none()
            && !self.rewrites_unheld()
    }

    /// Sessions whose output the host may send, since the last call.
    pub(in crate::engine) fn release_pending(&mut self, out: &mut Vec<SessionId>) {
        out.append(&mut self.journal.released);
        if !self.holds_replies() {
            out.append(&mut self.peers.pending);
            return;
        }
        let turn = self.journal.turn;
        for id in core::mem::take(&mut self.peers.pending) {
            let Some(session) = self.peers.get_mut(id) else { continue };
            session.hold(turn);
            self.journal.held.push_back((turn, id));
            if session.close_now {
                out.push(id);
            }
        }
    }

    /// Lets go what has become durable.
    pub(in crate::engine) fn release_held(&mut self) {
        let durable = self.journal.durable;
        while let Some((turn, id)) = self.journal.held.front().copied() {
            if turn > durable {
                break;
            }
            self.journal.held.pop_front();
            if let Some(session) = self.peers.get_mut(id) {
                session.release(durable);
                self.journal.released.push(id);
            }
        }
    }
}
