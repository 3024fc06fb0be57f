//! Replies that wait until what they tell of is durable (`cache-flush-delay 0`).

use crate::engine::{Engine, Running};
use crate::resp::reply::Reply;
use crate::session::SessionId;
use alloc::vec::Vec;

impl Engine {
    /// Notes that the reply from `start` on tells of a change.
    pub(in crate::engine) fn mark_reply(&mut self, session: &mut Running, seq: u64, start: usize) {
        if self.writes_through() {
            session.marks.push((seq, start, session.output.len()));
        }
    }

    /// Sessions whose output the host may send; those whose last change is not durable wait.
    pub(in crate::engine) fn release_unheld(&mut self, out: &mut Vec<SessionId>) {
        out.append(&mut self.store.released);
        let Some(store) = self.data.store.as_deref() else { return };
        let saved = store.progress().1;
        for id in core::mem::take(&mut self.peers.pending) {
            let Some(session) = self.peers.get_mut(id) else { continue };
            let seq = session.marks.last().map_or(0, |mark| mark.0);
            if seq > saved {
                session.hold(seq);
                self.store.held.push_back((seq, id));
                if !session.close_now {
                    continue;
                }
            } else if session.held.is_empty() {
                session.marks.clear();
            }
            out.push(id);
        }
    }

    /// Lets go what has become durable.
    pub(super) fn release_durable(&mut self) {
        let Some(store) = self.data.store.as_deref() else { return };
        let saved = store.progress().1;
        while let Some((seq, id)) = self.store.held.front().copied() {
            if seq > saved {
                break;
            }
            self.store.held.pop_front();
            if let Some(session) = self.peers.get_mut(id) {
                session.release(saved);
                if session.held.is_empty() {
                    session.marks.clear();
                }
                self.store.released.push(id);
            }
        }
    }

    /// What waits to be durable will not be soon: its replies become errors. The changes stay, and are saved when that is
    /// possible again.
    pub(super) fn refuse_held(&mut self, reason: &str) {
        let Some(store) = self.data.store.as_deref() else { return };
        let saved = store.progress().1;
        let text = ["MISCONF The change is not saved: errors writing to the diskstore: ", reason].concat();
        for (_, id) in core::mem::take(&mut self.store.held) {
            let Some(session) = self.peers.get_mut(id) else { continue };
            let marks = core::mem::take(&mut session.marks);
            for (_, start, end) in marks.into_iter().rev().filter(|mark| mark.0 > saved) {
                let tail = session.output.split_off(end);
                session.output.truncate(start);
                Reply::new(&mut session.output, session.proto).error_text(&text);
                session.output.extend_from_slice(&tail);
            }
            session.held.clear();
            self.store.released.push(id);
        }
    }
}
