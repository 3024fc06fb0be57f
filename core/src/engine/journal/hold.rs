//! Replies that wait until what they tell of is durable.

use super::{Engine, Stage};
use crate::engine::gate::JOURNAL_FAILED;
use crate::session::SessionId;
use crate::words::config::AppendFsync;
use alloc::format;
use alloc::vec::Vec;

/// What a client has to know of a command whose reply it does not get.
const IN_LIMBO: &str = "The command has run but is not durable yet";

impl Engine {
    /// Whether replies are held back now. While the journal fails nothing is written, so that what is answered needs no
    /// journal; but commands of the turn in which it failed have run before anybody knew.
    fn holds_replies(&self) -> bool {
        let journal = &self.journal;
        self.server.config.appendfsync == AppendFsync::Always
            && journal.turn > journal.durable
            && matches!(journal.stage, Stage::Open | Stage::Broken)
            && (self.server.persistence.aof.error.is_none() || journal.failed_now)
            && !self.rewrites_unheld()
    }

    /// Sessions whose output the host may send, since the last call.
    pub(in crate::engine) fn release_pending(&mut self, out: &mut Vec<SessionId>) {
        out.append(&mut self.journal.released);
        let holds = self.holds_replies();
        self.journal.failed_now = false;
        if !holds {
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

    /// What the held replies tell of did not become durable: errors take their places. The commands have run, and what
    /// they wrote is written with all else when the journal works again.
    pub(in crate::engine) fn fail_held(&mut self, reason: &str) {
        let line = format!("-{JOURNAL_FAILED} {reason}. {IN_LIMBO}\r\n");
        for (_, id) in core::mem::take(&mut self.journal.held) {
            if let Some(session) = self.peers.get_mut(id) {
                session.fail_held(line.as_bytes());
                self.journal.released.push(id);
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
