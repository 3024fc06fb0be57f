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

#[cfg(test)]
mod tests {
    use super::super::trial::Trial;

    /// The package for browsers told of a flush where a method of its own had sent it: by another way nobody heard of it.
    #[test]
    fn a_flush_is_told_where_the_host_has_named_a_channel_in_the_order_of_events() {
        let mut trial = Trial::new();
        trial.call(1, "PSUBSCRIBE *");
        trial.call(0, "CONFIG SET notify-keyspace-events K$");
        assert_eq!(trial.call(0, "FLUSHALL"), "+OK");
        assert_eq!(trial.hear(1), "");
        trial.engine.tells_flushes(b"gone");
        for line in ["FLUSHALL", "FLUSHDB SYNC", "SWAPDB 0 1", "SWAPDB 1 0"] {
            assert_eq!(trial.call(0, line), "+OK");
            assert_eq!(trial.hear(1), "*4 pmessage * gone", "{line}");
        }
        for line in ["SWAPDB 0 0", "SWAPDB 1 2", "FLUSHALL now"] {
            trial.call(0, line);
            assert_eq!(trial.hear(1), "", "{line}");
        }
        for line in ["MULTI", "SET a 1", "FLUSHDB", "SET b 1", "SELECT 1", "FLUSHDB", "EXEC"] {
            trial.call(0, line);
        }
        let told = trial.hear(1);
        let order = ["keyspace@0__:a", "gone", "keyspace@0__:b"].map(|what| told.find(what).expect(what));
        assert!(order.is_sorted() && told.matches("gone").count() == 1, "{told}");
    }
}
