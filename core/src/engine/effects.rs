//! What a command's changes bring about outside the keys: journal, keyspace events, MONITOR, broken limits.

use super::Engine;
use crate::args::Args;
use crate::context::Propagation;
use crate::words::reach::SERVER;
use core::mem;

impl Engine {
    /// Hands the command's journal form to the journal.
    pub(super) fn propagate(&mut self, db: usize, args: Args<'_>, propagation: Propagation) {
        self.server.journal_command(&mut self.data, db, args, propagation);
    }

    /// What follows from keys that expired or were evicted outside a command.
    pub(super) fn after_removals(&mut self) {
        if SERVER && self.server.journaling {
            for (db, key) in mem::take(&mut self.data.removed_by_time) {
                self.server.journal.removal(db, &key);
            }
        } else {
            self.data.removed_by_time.clear();
        }
        // The running session is not among its peers; what concerns it waits for the end of its command.
        let peers = &mut self.peers;
        self.data.touched.retain(|id| match peers.get_mut(*id) {
            Some(peer) => {
                peer.watch_broken = true;
                false
            }
            None => true,
        });
        if !SERVER {
            return;
        }
        for event in mem::take(&mut self.data.events) {
            for (channel, message) in event.messages(self.data.notify) {
                self.server.publish(&mut self.peers, None, &channel, &message);
            }
        }
    }
}
